"""Predictions of the linear theory of what labels cost, beside what was measured.

python -m benchmarks.theory [--predict] [--draws 20]

With `--predict` the table ``docs/results/theory.csv`` is written: what the theory says of the
minority-group accuracy of an arm and of short labels, by image set, bias and images of a group, and
their difference in points and log odds. It reads no run: the two strengths of a set are fitted on
the accuracies without bias below. Then, and without it, predictions are put beside the published
runs in ``docs/results/theory.md``, with how many signs agree and how much of the differences is
explained. Training has 700 steps, and 2,800 with 192 images of a group, so that each is seen as
often."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import FLAG, head, parse_options, row
from vlcore.experiment.condition import Condition
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published
from vlcore.study.contrasts import ArmRates, Contrast, contrast
from vlcore.study.runs_table import SEEDS, matching_runs
from vlcore.study.statistics.factorial import logit_share
from vlcore.study.theory import (
    DRAWS,
    TEST_IMAGES,
    Perception,
    fit_perception,
    predict_minority_accuracy,
)

TABLE, PAGE = Path("docs/results/theory.csv"), Path("docs/results/theory.md")
FEWEST_PAIRS = 6  # fewer seed pairs are no measurement
STEPS = {48: 700, 192: 2800}
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


ABOUT = (
    "What a linear model of captions without images or text (`vlcore.study.theory`) says that an"
    " arm costs, less short labels, beside what seed pairs of trainings from scratch measured. The"
    " two strengths of an image set are fitted on models without bias; the number of noise"
    " features, 20, is a guess of the review that proposed the theory. Most measurements were known"
    " when it was written; predictions for the sky, synonyms, coats, random word vectors and other"
    " numbers of images were written before their runs ([all predictions](theory.csv)). Written by"
    " `python -m benchmarks.theory`."
)


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
    PAGE.write_text(page(pd.read_csv(TABLE)), encoding="utf-8")


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


def page(predictions: pd.DataFrame) -> str:
    """Predictions beside measurements, as a page."""
    runs = published.read_rows(moment="end", measure=PRIMARY).drop_duplicates("key")
    lines, predicted, measured, signs = [], [], [], []
    lower = 0  # measurements that are clearly below 0
    for prediction in predictions.itertuples(index=False):
        cell = Cell(*prediction[:4])
        result = _measured(runs, cell)
        if result is None:
            continue
        mean = result.mean_log_odds
        is_decided = mean.low > 0 or mean.high < 0
        lower += mean.high < 0
        sign = "-"
        if is_decided:
            sign = "yes" if mean.value * prediction.log_odds > 0 else "no"
        signs.append(sign)
        predicted.append(prediction.log_odds)
        measured.append(mean.value)
        ends = f"{mean.value:+.2f} ({mean.low:+.2f} to {mean.high:+.2f})"
        points = f"{prediction.points:+.1f}", f"{100 * result.mean_points.value:+.1f}"
        setting = (f"`{cell.data}`", cell.arm, f"{100 * cell.bias:g} %", cell.n_per_group)
        lines.append(row(*setting, f"{prediction.log_odds:+.2f}", ends, *points, mean.n, sign))
    columns = ("set", "arm", "removed", "images a group", "log odds predicted", "measured")
    columns += ("points predicted", "measured", "pairs", "sign")
    hits, decided = signs.count("yes"), len(signs) - signs.count("-")
    summary = (
        f"Of {len(lines)} differences that were measured in {FEWEST_PAIRS} seed pairs or more, the"
        f" sign is clear in {decided} (the 95 % interval excludes 0), and predicted in {hits} of"
        f" these; to say “less” every time would be right in {lower}. In size the theory fails: R2"
        f" of predicted against measured log odds is {_explained(predicted, measured):.2f} (of the"
        " predictions themselves; 0 is what a constant reaches)."
    )
    title = "# Theory against measurement"
    return "\n".join([title, "", ABOUT, "", summary, "", head(*columns), *lines, ""])


def _measured(runs: pd.DataFrame, cell: Cell) -> Contrast | None:
    """The measured difference of a cell; None with fewer than `FEWEST_PAIRS` seed pairs."""
    steps = STEPS.get(cell.n_per_group)
    if steps is None:
        return None
    settings = ARMS[cell.arm]
    short = Condition(
        data=cell.data,
        bias=cell.bias,
        n_per_group=cell.n_per_group,
        steps=steps,
        text=settings.get("text", "transformer"),
    )
    rates, images = {}, {}
    for name, condition in {"short": short, "arm": short.replace(**settings)}.items():
        rows = matching_runs(runs, condition, ("data_version", *SEEDS))
        rows = rows.drop_duplicates(SEEDS).set_index(SEEDS)
        rates[name], images[name] = rows["value"], rows["n"]
    table = pd.DataFrame(rates).dropna()
    if len(table) < FEWEST_PAIRS:
        return None
    counted = pd.DataFrame(images).loc[table.index].astype(float)
    return contrast(ArmRates(table, counted), {"arm": 1.0, "short": -1.0})


def _explained(predicted: Sequence[float], measured: Sequence[float]) -> float:
    """The share of variance that predictions explain."""
    truth = np.array(measured)
    residual = ((truth - np.array(predicted)) ** 2).sum()
    return float(1 - residual / ((truth - truth.mean()) ** 2).sum())


if __name__ == "__main__":
    main()
