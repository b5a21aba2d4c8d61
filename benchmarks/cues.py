"""How easy is each cue? Object and context are learnt alone, at several contrasts of the
background.

python -m benchmarks.cues [--contrasts 1 0.2 0.1 0.05] [--seeds 3] [--steps 700]

At each contrast the same encoder is trained twice from the same weights on the same 192 pictures,
in which nothing is
biased: once with captions that name the animal, once with captions that name the place. What is
printed is how often it is right on held-out pictures of other scenes, and after how many steps it
had first fitted its captions. `balanced-cues` is the contrast at which the two are equal
(docs/balanced-cues.md)."""

import dataclasses
import json
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
import pandas as pd

from benchmarks import head, options, row
from vlcore.data.drawn import BALANCED_CUES, Recipe, scene_table
from vlcore.data.imageset import averaged
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.experiment.wording import interval
from vlcore.metrics.estimate import rate
from vlcore.scenes import Scene, draw

TRAIN, TEST = 48, 100  # pictures of each group


def main() -> None:
    contrasts = {"type": float, "nargs": "+", "default": [1.0, 0.2, BALANCED_CUES.context_contrast]}
    asked = options(__doc__, contrasts=contrasts, seeds=3, steps=PRESETS["standard"], jobs=2)
    runs = list(product(asked.contrasts, range(asked.seeds), [asked.steps]))
    pooled: dict[float, list[list[np.ndarray]]] = {}
    right = ("right on object", "right on context")
    print(head("contrast", "seed", *right, "fitted at step (object, context)"))
    with ProcessPoolExecutor(asked.jobs) as pool:
        for (contrast, seed, _), outcome in zip(runs, pool.map(both_alone, runs), strict=True):
            hits, fitted = (
                [hit for hit, _ in outcome],
                ", ".join(str(step or "never") for _, step in outcome),
            )
            pooled.setdefault(contrast, []).append(hits)
            print(row(f"{contrast:.2f}", seed, *map(in_words, hits), fitted), flush=True)
    print(f"\nAll seeds\n\n{head('contrast', *right)}")
    for contrast, seeds in pooled.items():
        print(
            row(
                f"{contrast:.2f}",
                *(in_words(np.concatenate(hits)) for hits in zip(*seeds, strict=True)),
            )
        )


def in_words(hits: np.ndarray) -> str:
    return interval(rate(hits, np.arange(len(hits)).astype(str)).as_dict(), "{:.1%}".format)


def both_alone(run: tuple[float, int, int]) -> list[tuple[np.ndarray, int | None]]:
    """Which test pictures a model gets right that was trained on the object alone, and when it had
    fitted that; then the same of the context."""
    from vlcore.model import inference, loop

    contrast, seed, steps = run
    recipe = dataclasses.replace(BALANCED_CUES, name="tried", context_contrast=contrast)
    scenes = scene_table(recipe)
    pool = scenes[scenes["split"] == "train"]
    order = np.random.default_rng(seed)
    fit = np.concatenate(
        [order.permutation(rows)[:TRAIN] for rows in pool.groupby("group").indices.values()]
    )
    held_out = scenes[scenes["split"] == "probe"].groupby("group").head(TEST)
    pixels = {
        name: pictures(recipe, rows["factors"])
        for name, rows in (("fit", pool.iloc[fit]), ("test", held_out))
    }
    words = Vocabulary.of(recipe.grouping)
    outcome = []
    for factor, names in (
        ("object", recipe.grouping.objects),
        ("context", recipe.grouping.contexts),
    ):
        own = np.array([names.index(value) for value in pool[factor].iloc[fit]])
        data = loop.TrainingData(pixels["fit"], own, words.tokens(names), len(words))
        condition = Condition(steps=steps, init_seed=seed, data_seed=seed)
        trained = loop.train(
            condition, data, on_step=lambda _: None, on_snapshot=lambda _step, _model: None
        )
        z = inference.embed_images(trained.model, pixels["test"])
        t = inference.embed_captions(trained.model, words, names)
        right = np.array(names)[(z @ t.T).argmax(axis=1)] == held_out[factor].to_numpy()
        outcome.append((right, trained.first_fit_step))
    return outcome


def pictures(recipe: Recipe, factors: pd.Series) -> np.ndarray:
    """Scenes as the encoders see them, uint8 (n, 64, 64, 3)."""
    return np.stack(
        [averaged(draw(Scene.from_factors(json.loads(text))).image) for text in factors]
    )


if __name__ == "__main__":
    main()
