"""How easy is each cue? Object and context are learnt alone, at several contrasts of the background.

python -m benchmarks.cues [--contrasts 1 0.2 0.1 0.05] [--seeds 3] [--steps 600]

At each contrast the same encoder is trained twice from the same weights on the same 192 pictures, in which nothing is
biased: once with captions that name the animal, once with captions that name the place. What is printed is how often
it is right on held-out pictures of other scenes, and after how many steps it had first fitted its captions.
`balanced-cues` is the contrast at which the two are equal (docs/balanced-cues.md).
"""

import argparse
import dataclasses
import json
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
from PIL import Image

from vlcore.core.condition import Condition
from vlcore.core.vocabulary import Vocabulary
from vlcore.datasets.drawn import BALANCED_CUES, Recipe, scene_table
from vlcore.measures.estimate import rate
from vlcore.scenes import Scene, draw

TRAIN, TEST = 48, 100  # pictures of each group


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contrasts", type=float, nargs="+", default=[1.0, 0.2, BALANCED_CUES.context_contrast])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs) as pool:
        print("contrast  seed  right on object     right on context    fitted at step (object, context)", flush=True)
        runs = [(contrast, seed, options.steps) for contrast in options.contrasts for seed in range(options.seeds)]
        pooled: dict[float, list[tuple[np.ndarray, np.ndarray]]] = {}
        for (contrast, seed, _), outcome in zip(runs, pool.map(both_alone, runs), strict=True):
            pooled.setdefault(contrast, []).append((outcome["object"][0], outcome["context"][0]))
            words = "   ".join(in_words(outcome[name][0]) for name in ("object", "context"))
            fitted = ", ".join(str(outcome[name][1] or "never") for name in ("object", "context"))
            print(f"{contrast:8.2f}  {seed:4}  {words}   {fitted}", flush=True)
        print("\nall seeds")
        for contrast, hits in pooled.items():
            words = "   ".join(in_words(np.concatenate(list(column))) for column in zip(*hits, strict=True))
            print(f"{contrast:8.2f}        {words}")


def in_words(hits: np.ndarray) -> str:
    found = rate(hits, np.arange(len(hits)).astype(str))
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def both_alone(run: tuple[float, int, int]) -> dict[str, tuple[np.ndarray, int | None]]:
    """Which test pictures a model gets right that was trained on one factor alone, and when it had fitted it."""
    from vlcore.learning import inference, train

    contrast, seed, steps = run
    recipe = dataclasses.replace(BALANCED_CUES, name="tried", context_contrast=contrast)
    table = scene_table(recipe)
    pool = table[table["split"] == "train"]
    order = np.random.default_rng(seed)
    fit = np.concatenate([order.permutation(rows)[:TRAIN] for rows in pool.groupby("group").indices.values()])
    held_out = table[table["split"] == "probe"].groupby("group").head(TEST)
    pixels = {name: pictures(recipe, rows["factors"]) for name, rows in (("fit", pool.iloc[fit]), ("test", held_out))}
    words = Vocabulary.of(recipe.grouping)
    outcome = {}
    for factor, names in (("object", recipe.grouping.objects), ("context", recipe.grouping.contexts)):
        own = np.array([names.index(value) for value in pool[factor].iloc[fit]])
        data = train.TrainingData(pixels["fit"], own, words.tokens(names), len(words))
        condition = Condition(steps=steps, init_seed=seed, data_seed=seed)
        trained = train.train(condition, data, on_step=lambda _: None, on_snapshot=lambda _step, _model: None)
        z = inference.embed_images(trained.model, pixels["test"])
        t = inference.embed_captions(trained.model, words, names)
        right = np.array(names)[(z @ t.T).argmax(axis=1)] == held_out[factor].to_numpy()
        outcome[factor] = (right, trained.first_fit_step)
    return outcome


def pictures(recipe: Recipe, factors: pd.Series) -> np.ndarray:
    """Scenes as the encoders see them, uint8 (n, 64, 64, 3)."""
    scenes = [Scene.from_factors(json.loads(text)) for text in factors]
    return np.stack(
        [np.asarray(Image.fromarray(draw(scene).image).resize((64, 64), Image.Resampling.BOX)) for scene in scenes]
    )


if __name__ == "__main__":
    main()
