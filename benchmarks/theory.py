"""Predictions of the linear theory of what labels cost, beside what was measured.

python -m benchmarks.theory --predict [--draws 20]
python -m benchmarks.theory

With `--predict` the table ``docs/results/theory.csv`` is written: what the theory says of the
minority-group accuracy of an arm and of short labels, by image set, bias and images of a group, and
their difference in points and log odds. It reads no run: the two strengths of a set are fitted on
the accuracies without bias below. Without it, the table is printed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import FLAG, parse_options, print_table
from vlcore.experiment.condition import Condition
from vlcore.study.statistics.factorial import logit_share
from vlcore.study.theory import (
    DRAWS,
    TEST_IMAGES,
    Perception,
    fit_perception,
    predict_minority_accuracy,
)

TABLE = Path("docs/results/theory.csv")
# Named right without bias, 48 images of a group. Short labels: balanced accuracy of all published
# runs of 700 steps; the place alone: `benchmarks.cues`, by contrast of the place.
SHORT_ACCURACY = {"balanced-cues": 0.969, "scenes": 0.946}
PLACE_ALONE = {0.08: 0.754, 0.12: 0.913, 0.17: 0.976, 0.25: 1.0, 0.4: 1.0, 0.7: 1.0, 1.0: 1.0}
CONTRASTS = {"balanced-cues": 0.17, "scenes": 1.0}
ARMS: dict[str, Mapping[str, Any]] = {
    "place": {"labels": "descriptive"},
    "sky": {"labels": "sky"},
    "place at random": {"labels": "shuffled_context"},
    "synonym at random": {"labels": "synonym"},
    "coat": {"labels": "attribute_other"},
    "codes of the place": {"labels": "descriptive", "text": "codes"},
    "place, word vectors": {"labels": "descriptive", "text": "words@random"},
    "place, product negatives": {"labels": "descriptive", "negatives": "product"},
    "place, same-place negatives": {"labels": "descriptive", "negatives": "same_place_100"},
    "classifier of four groups": {"labels": "descriptive", "objective": "ce_group"},
}
LEVELS = {"place": (0.0, 0.25, 0.5, 0.75, 0.9), "place at random": (0.0, 0.25, 0.5, 0.75, 0.9)}
USUAL_LEVELS = (0.75,)
SIZES = (24, 48, 96, 192, 384)  # images of a group, for the place and the sky
FAINT = {"cues-08": 0.08, "cues-12": 0.12, "cues-25": 0.25, "cues-40": 0.4, "cues-70": 0.7}


@dataclass(frozen=True)
class Cell:
    """What is predicted: an arm less short labels in an image set."""

    data: str
    arm: str
    bias: float
    n_per_group: int = 48


def main() -> None:
    options = parse_options(__doc__, predict=FLAG, draws=DRAWS)
    if options.predict:
        predictions = pd.DataFrame(list(_predictions(options.draws)))
        predictions.to_csv(TABLE, index=False, float_format="%.4f")
    table = pd.read_csv(TABLE)
    print_table(list(table.columns), table.itertuples(index=False))


def _cells() -> Iterator[Cell]:
    for data in CONTRASTS:
        for arm in ARMS:
            for bias in LEVELS.get(arm, USUAL_LEVELS):
                yield Cell(data, arm, bias)
        for arm in ("place", "sky"):
            yield from (Cell(data, arm, 0.75, size) for size in SIZES if size != 48)
        yield Cell(data, "place", 0.0, 192)
    for data in FAINT:
        yield from (Cell(data, "place", bias) for bias in (0.0, 0.75))


def _predictions(draws: int) -> Iterator[dict[str, Any]]:
    faint = {
        data: fit_perception(SHORT_ACCURACY["balanced-cues"], PLACE_ALONE, contrast)
        for data, contrast in FAINT.items()
    }
    usual = {
        data: fit_perception(SHORT_ACCURACY[data], PLACE_ALONE, contrast)
        for data, contrast in CONTRASTS.items()
    }
    for cell in _cells():
        yield vars(cell) | _prediction(cell, (usual | faint)[cell.data], draws)


def _prediction(cell: Cell, perception: Perception, draws: int) -> dict[str, float]:
    short = Condition(bias=cell.bias, n_per_group=cell.n_per_group)
    accuracies = [
        predict_minority_accuracy(condition, perception, draws)
        for condition in (short, short.replace(**ARMS[cell.arm]))
    ]
    images = np.full(draws, 2 * TEST_IMAGES)
    short_odds, arm_odds = (logit_share(accuracy, images) for accuracy in accuracies)
    return {
        "short": float(accuracies[0].mean()),
        "arm_accuracy": float(accuracies[1].mean()),
        "points": 100 * float((accuracies[1] - accuracies[0]).mean()),
        "log_odds": float((arm_odds - short_odds).mean()),
    }


if __name__ == "__main__":
    main()
