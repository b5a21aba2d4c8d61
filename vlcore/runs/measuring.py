"""All that is measured of a run, as one document; the same for the untrained encoder, first fit and the end.

The one idea: accuracy counts the verdicts of all models of a job together (a small set has one for each fold), while
everything else is of one space only, that of the model which is shown. What is not defined for a run is not there, and
stands with its reason in ``absent``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.choices import OBJECTIVES
from vlcore.conditions import Condition
from vlcore.measures.estimate import rate
from vlcore.runs import jobs, probing, spaces
from vlcore.runs.sheets import Sheet
from vlcore.runs.watching import MEASURING, RENDERING, TRAINING, Labels, Moment, Views, why_no_readout

if TYPE_CHECKING:
    from vlcore.learning.train import TrainedModel


@dataclass(frozen=True, eq=False)
class Seen:
    """One model of a job: the pictures that it saw, which caption each training picture has, and its moments; pictures
    may have no captions of their own, then `own` is empty."""

    views: Views
    own: NDArray[np.int64]
    moments: dict[str, Moment]


ACCURACIES = (
    "balanced_accuracy", "minority_accuracy", "majority_accuracy", "worst_group_accuracy", "group_accuracy",
    "train_weighted_accuracy", "minority_gap", "right_by_object",
)  # fmt: skip


def measure(
    condition: Condition, labels: Labels, seen: list[Seen], trained: TrainedModel, report: jobs.Reporter
) -> dict[str, Any]:
    """All that is measured of a run, as one document; `trained` is the model that is shown, the first."""
    # A fold whose captions were never fitted has no first fit, and so the job has none.
    names = [name for name in seen[0].moments if all(name in model.moments for model in seen)]
    measured: dict[str, Any] = {}
    for number, name in enumerate(names):
        if name == "end" and condition.steps == 0:
            measured["end"] = measured["untrained"]
            continue
        measured[name] = moment_of(condition, labels, seen, name)
        report(fraction=RENDERING + TRAINING + MEASURING * (number + 1) / (len(names) + 1), now=True)
    document = {
        "models": len(seen),
        "first_fit_step": trained.first_fit_step if "first_fit" in measured else None,
        **_pairs(condition, labels, seen[0].own),
        "untrained": measured["untrained"],
        "first_fit": measured.get("first_fit"),
        "end": measured["end"],
        "raw_pixels": spaces.of_raw_pixels(seen[0].views),
    }
    report(fraction=1.0, now=True)
    if trained.twice is not None:
        step, wrong = trained.twice
        minority = np.isin(seen[0].views.column("group", "train"), seen[0].views.grouping.minority)
        document["jtt"] = {"step": step, "wrong": int(wrong.sum()), "wrong_minority": int((wrong & minority).sum())}
    return document


def _pairs(condition: Condition, labels: Labels, own: NDArray[np.int64]) -> dict[str, Any]:
    """How well pairs are told from the caption alone; of a loss without mismatched captions of its own, the reason."""
    from vlcore.learning.objectives import negative_shares
    from vlcore.measures.accuracy import blind_match_accuracy

    if not OBJECTIVES[condition.objective].draws_negatives:
        return {"text_only_match": None}
    counts = np.bincount(own, minlength=len(labels.said))
    shares = negative_shares(condition.negatives, counts, labels.said)
    return {"text_only_match": blind_match_accuracy(counts / counts.sum(), shares)}


def moment_of(condition: Condition, labels: Labels, seen: list[Seen], name: str) -> dict[str, Any]:
    """All that is measured of one moment of a run, as one document."""
    sheet = Sheet()
    shown = seen[0]
    moment, views = shown.moments[name], shown.views
    if len(shown.own):
        used = np.bincount(shown.own, minlength=len(labels.said)) > 0
        guessed = np.where(used, moment["scores"]["train"], -np.inf).argmax(axis=1)
        sheet.document["train_caption_accuracy"] = float((guessed == shown.own).mean())
    else:
        sheet.without("train_caption_accuracy", moment["wordless"])
    sheet.document["train_images"] = len(views.rows["train"])
    _accuracies(sheet, condition, labels, seen, name)
    probing.behaviour(sheet, condition, labels, views, moment)
    spaces.geometry_of(sheet, views, moment, shown.own)
    return sheet.document


def _accuracies(sheet: Sheet, condition: Condition, labels: Labels, seen: list[Seen], name: str) -> None:
    """Accuracy over the held-out pictures of all models of the job."""
    from vlcore.measures import accuracy

    if reason := why_no_readout(condition, labels):
        for measure_name in ACCURACIES:
            sheet.without(measure_name, reason)
        return
    columns = [
        (
            probing.predicted(labels, model.views, model.moments[name]),
            *(model.views.column(column, "test") for column in ("object", "group", "scene")),
        )
        for model in seen
    ]
    said, objects, groups, scenes = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    views = seen[0].views
    found = accuracy.group_accuracy(said, objects, groups, scenes, views.grouping)
    sheet.document["worst_group"] = found.worst_group
    sheet.put("balanced_accuracy", lambda: found.balanced)
    sheet.put("minority_accuracy", lambda: found.minority)
    sheet.put("majority_accuracy", lambda: found.majority)
    sheet.put("worst_group_accuracy", lambda: found.worst)
    sheet.put("group_accuracy", lambda: found.groups)
    names, counts = np.unique(views.column("group", "train"), return_counts=True)
    in_training = {str(group): int(count) for group, count in zip(names, counts, strict=True)}
    sheet.put("train_weighted_accuracy", lambda: accuracy.train_weighted(found.groups, in_training))
    right = said == objects
    sheet.put("minority_gap", lambda: accuracy.minority_gap(right, groups, scenes, views.grouping))
    sheet.put("right_by_object", lambda: {
        obj: rate(right[objects == obj], scenes[objects == obj]) for obj in views.grouping.objects
    })  # fmt: skip
