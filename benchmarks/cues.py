"""How easy is each cue? Models learn object and context alone, at several contrasts of the
background.

python -m benchmarks.cues [--contrasts 1 0.2 0.1 0.05] [--seeds 3] [--steps 700]

At each contrast the same encoder is trained twice from the same weights on the same 192 unbiased
images: with captions that name the object alone, and with captions that name the context alone. It
prints the accuracy on held-out images of other scenes, and the step at which the training captions
were first fitted. `balanced-cues` is the contrast at which both accuracies are equal
(docs/balanced-cues.md)."""

import dataclasses
import json
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat

import numpy as np
import pandas as pd

from benchmarks import parse_options, print_table
from vlcore.data.drawn import BALANCED_CUES, scene_table
from vlcore.data.imageset import averaged
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.experiment.wording import interval
from vlcore.metrics.estimate import rate
from vlcore.scenes import Scene, draw_scene

TRAIN, TEST = 48, 100  # images of each group
CUES = ("object", "context")


def main() -> None:
    contrasts = {"type": float, "nargs": "+", "default": [1.0, 0.2, BALANCED_CUES.context_contrast]}
    options = parse_options(
        __doc__, contrasts=contrasts, seeds=3, steps=PRESETS["standard"], jobs=2
    )
    grid = list(product(options.contrasts, range(options.seeds), CUES))
    with ProcessPoolExecutor(options.jobs) as pool:
        outcomes = pool.map(train_on_cue, *zip(*grid, strict=True), repeat(options.steps))
        rows = [(*cell, *outcome) for cell, outcome in zip(grid, outcomes, strict=True)]
    runs = pd.DataFrame(rows, columns=["contrast", "seed", "cue", "right", "fit step"])
    for columns in (["contrast", "seed"], ["contrast"]):
        rows = []
        for values, cues in runs.groupby(columns, sort=False):
            right = [accuracy(cues.loc[cues["cue"] == cue, "right"]) for cue in CUES]
            rows.append((*values, *right, ", ".join(cues["fit step"])))
        titles = [f"right on {cue}" for cue in CUES]
        print_table((*columns, *titles, "fitted at step (object, context)"), rows)
        print()


def accuracy(right: pd.Series) -> str:
    """Accuracy over all images of some runs, with its interval."""
    hits = np.concatenate(right.tolist())
    return interval(rate(hits, np.arange(len(hits))).as_dict(), "{:.1%}".format)


def train_on_cue(contrast: float, seed: int, cue: str, steps: int) -> tuple[np.ndarray, str]:
    """Which test images are right, (n,), and the step at which the captions were first fitted."""
    from benchmarks.training import train_on
    from vlcore.model import inference
    from vlcore.model.loop import TrainingData

    recipe = dataclasses.replace(BALANCED_CUES, name="tried", context_contrast=contrast)
    names = getattr(recipe.grouping, f"{cue}s")
    scenes = scene_table(recipe)
    pool = scenes[scenes["split"] == "train"]
    random = np.random.default_rng(seed)
    groups = pool.groupby("group").indices.values()
    training = pool.iloc[np.concatenate([random.permutation(rows)[:TRAIN] for rows in groups])]
    test = scenes[scenes["split"] == "probe"].groupby("group").head(TEST)
    words = Vocabulary.from_grouping(recipe.grouping)
    data = TrainingData(
        draw_pixels(training["factors"]),
        np.array([names.index(value) for value in training[cue]]),
        words.tokens(names),
        len(words),
    )
    trained = train_on(Condition(steps=steps, init_seed=seed, data_seed=seed), data)
    z = inference.embed_images(trained.model, draw_pixels(test["factors"]))
    captions = inference.embed_captions(trained.model, words, names)
    predicted = np.array(names)[(z @ captions.T).argmax(axis=1)]
    return predicted == test[cue].to_numpy(), str(trained.first_fit_step or "never")


def draw_pixels(factors: pd.Series) -> np.ndarray:
    """Draw scenes as encoders see them, uint8 (n, 64, 64, 3)."""
    scenes = [Scene.from_factors(json.loads(text)) for text in factors]
    return np.stack([averaged(draw_scene(scene).image) for scene in scenes])


if __name__ == "__main__":
    main()
