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
from itertools import product

import numpy as np
import pandas as pd

from benchmarks import head, parse_options, print_table, row
from vlcore.data.drawn import BALANCED_CUES, scene_table
from vlcore.data.imageset import averaged
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS
from vlcore.experiment.vocabulary import Vocabulary
from vlcore.experiment.wording import interval
from vlcore.metrics.estimate import rate
from vlcore.scenes import Scene, draw

TRAIN, TEST = 48, 100  # images of each group


@dataclasses.dataclass(frozen=True)
class CueRun:
    """One pair of trainings, each on one cue alone."""

    contrast: float
    seed: int
    steps: int


@dataclasses.dataclass(frozen=True, eq=False)
class CueOutcome:
    """Which test images are right, by cue, and the step at which each cue was first fitted."""

    right: tuple[np.ndarray, np.ndarray]  # of object and context, (n,)
    fit_steps: tuple[int | None, int | None]


def main() -> None:
    contrasts = {"type": float, "nargs": "+", "default": [1.0, 0.2, BALANCED_CUES.context_contrast]}
    options = parse_options(
        __doc__, contrasts=contrasts, seeds=3, steps=PRESETS["standard"], jobs=2
    )
    seeds = range(options.seeds)
    runs = [CueRun(*cell, options.steps) for cell in product(options.contrasts, seeds)]
    columns = ("right on object", "right on context")
    outcomes: dict[float, list[CueOutcome]] = {contrast: [] for contrast in options.contrasts}
    print(head("contrast", "seed", *columns, "fitted at step (object, context)"))
    with ProcessPoolExecutor(options.jobs) as pool:
        for run, outcome in zip(runs, pool.map(train_on_each_cue, runs), strict=True):
            fit_steps = ", ".join(str(step or "never") for step in outcome.fit_steps)
            cells = (f"{run.contrast:.2f}", run.seed, *accuracies([outcome]), fit_steps)
            print(row(*cells), flush=True)
            outcomes[run.contrast].append(outcome)
    print("\nAll seeds\n")
    rows = [(f"{contrast:.2f}", *accuracies(seeds)) for contrast, seeds in outcomes.items()]
    print_table(("contrast", *columns), rows)


def accuracies(outcomes: list[CueOutcome]) -> list[str]:
    """Accuracy on object and context over all outcomes, with intervals."""
    cells = []
    for right in zip(*(outcome.right for outcome in outcomes), strict=True):
        hits = np.concatenate(right)
        estimate = rate(hits, np.arange(len(hits)).astype(str))
        cells.append(interval(estimate.as_dict(), "{:.1%}".format))
    return cells


def train_on_each_cue(run: CueRun) -> CueOutcome:
    from vlcore.model import inference, loop

    recipe = dataclasses.replace(BALANCED_CUES, name="tried", context_contrast=run.contrast)
    grouping = recipe.grouping
    scenes = scene_table(recipe)
    pool = scenes[scenes["split"] == "train"]
    random = np.random.default_rng(run.seed)
    groups = pool.groupby("group").indices.values()
    train = pool.iloc[np.concatenate([random.permutation(rows)[:TRAIN] for rows in groups])]
    test = scenes[scenes["split"] == "probe"].groupby("group").head(TEST)
    train_pixels, test_pixels = draw_pixels(train["factors"]), draw_pixels(test["factors"])
    words = Vocabulary.of(grouping)
    condition = Condition(steps=run.steps, init_seed=run.seed, data_seed=run.seed)

    right, fit_steps = [], []
    for factor, names in (("object", grouping.objects), ("context", grouping.contexts)):
        caption_index = np.array([names.index(value) for value in train[factor]])
        data = loop.TrainingData(train_pixels, caption_index, words.tokens(names), len(words))
        trained = loop.train(
            condition, data, on_step=lambda _: None, on_checkpoint=lambda _step, _model: None
        )
        z = inference.embed_images(trained.model, test_pixels)
        caption_z = inference.embed_captions(trained.model, words, names)
        predicted = np.array(names)[(z @ caption_z.T).argmax(axis=1)]
        right.append(predicted == test[factor].to_numpy())
        fit_steps.append(trained.first_fit_step)
    return CueOutcome((right[0], right[1]), (fit_steps[0], fit_steps[1]))


def draw_pixels(factors: pd.Series) -> np.ndarray:
    """Draw scenes as encoders see them, uint8 (n, 64, 64, 3)."""
    scenes = [Scene.from_factors(json.loads(text)) for text in factors]
    return np.stack([averaged(draw(scene).image) for scene in scenes])


if __name__ == "__main__":
    main()
