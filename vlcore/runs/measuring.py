"""All that is measured of a run, as one document; the same for the untrained encoder, first fit and the end.

The one idea: accuracy counts the verdicts of all models of a job together (a small set has one for each fold), while
everything else is of one space only, that of the model which is shown. What is not defined for a run is not there, and
stands with its reason in ``absent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.choices import OBJECTIVES, ArtefactKind
from vlcore.conditions import Condition
from vlcore.measures.estimate import rate
from vlcore.runs import jobs, probing, spaces
from vlcore.runs.sheets import MetricsBuilder
from vlcore.runs.watching import MEASURING, RENDERING, TRAINING, Labels, Snapshot, Views, why_no_readout


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """One model of a job.

    Attributes:
        views: the pictures that it saw.
        own: index of each training picture's caption, (n,); (0,) where pictures have none of their own.
        snapshots: ``untrained`` and ``first_fit`` where there are any, and ``end``.
        wordless: why nothing is asked of pictures and their own captions; None where something is.
        first_fit_step: step at which the training captions were fitted; None where they never were.
        jtt_first_run: as of `vlcore.learning.train.TrainedModel`.
    """

    views: Views
    own: NDArray[np.int64]
    snapshots: dict[str, Snapshot]
    wordless: str | None = None
    first_fit_step: int | None = None
    jtt_first_run: tuple[int, NDArray[np.bool_]] | None = None


ELSEWHERE = {
    ArtefactKind.PRETRAINED: "the model was trained elsewhere, and nothing of it is trained here",
    ArtefactKind.IMPORTED: "the embeddings were computed elsewhere, and nothing was trained here",
}
ACCURACIES = (
    "balanced_accuracy", "minority_accuracy", "majority_accuracy", "worst_group_accuracy", "group_accuracy",
    "train_weighted_accuracy", "minority_gap", "right_by_object",
)  # fmt: skip


def evaluate(
    condition: Condition, labels: Labels, records: Sequence[TrainingRecord], report: jobs.Reporter
) -> dict[str, Any]:
    """All that is measured of a run, as one document; the first model is the one that is shown."""
    shown = records[0]
    # A fold whose captions were never fitted has no first fit, and so the job has none.
    names = [name for name in shown.snapshots if all(name in record.snapshots for record in records)]
    measured: dict[str, Any] = {}
    for number, name in enumerate(names):
        if name == "end" and condition.kind is ArtefactKind.UNTRAINED:
            measured["end"] = measured["untrained"]
            continue
        measured[name] = _of_snapshot(condition, labels, records, name)
        report(fraction=RENDERING + TRAINING + MEASURING * (number + 1) / (len(names) + 1), now=True)
    raw_pixels = spaces.pixel_baseline(shown.views)
    report(fraction=1.0, now=True)
    if reason := ELSEWHERE.get(condition.kind):
        end = measured["end"]
        before = {"absent": dict.fromkeys([*(name for name in end if name != "absent"), *end["absent"]], reason)}
        return {
            "models": len(records),
            "untrained": before,
            "first_fit": before,
            "end": end,
            "raw_pixels": raw_pixels,
            "absent": dict.fromkeys(("first_fit_step", "text_only_match"), reason),
        }
    document = {
        "models": len(records),
        "first_fit_step": shown.first_fit_step if "first_fit" in measured else None,
        "text_only_match": _text_only_match(condition, labels, shown.own),
        "untrained": measured["untrained"],
        "first_fit": measured.get("first_fit"),
        "end": measured["end"],
        "raw_pixels": raw_pixels,
    }
    if shown.jtt_first_run is not None:
        step, wrong = shown.jtt_first_run
        minority = np.isin(shown.views.column("group", "train"), shown.views.grouping.minority)
        document["jtt"] = {"step": step, "wrong": int(wrong.sum()), "wrong_minority": int((wrong & minority).sum())}
    return document


def _text_only_match(condition: Condition, labels: Labels, own: NDArray[np.int64]) -> float | None:
    """How well pairs are told from the caption alone; None of a loss without mismatched captions of its own."""
    from vlcore.learning.objectives import negative_shares
    from vlcore.measures.accuracy import blind_match_accuracy

    if not OBJECTIVES[condition.objective].draws_negatives:
        return None
    counts = np.bincount(own, minlength=len(labels.said))
    shares = negative_shares(condition.negatives, counts, labels.said)
    return blind_match_accuracy(counts / counts.sum(), shares)


def _of_snapshot(condition: Condition, labels: Labels, records: Sequence[TrainingRecord], name: str) -> dict[str, Any]:
    metrics = MetricsBuilder()
    shown = records[0]
    snapshot, views = shown.snapshots[name], shown.views
    if shown.wordless and len(shown.own) == 0:
        metrics.skip("train_caption_accuracy", shown.wordless)
    else:
        used = np.bincount(shown.own, minlength=len(labels.said)) > 0
        guessed = np.where(used, snapshot.scores["train"], -np.inf).argmax(axis=1)
        metrics.document["train_caption_accuracy"] = float((guessed == shown.own).mean())
    metrics.document["train_images"] = len(views.rows["train"])
    _accuracies(metrics, condition, labels, records, name)
    probing.behaviour(metrics, condition, labels, views, snapshot)
    spaces.geometry_of(metrics, views, snapshot, shown.own, shown.wordless)
    return metrics.document


def _accuracies(
    metrics: MetricsBuilder, condition: Condition, labels: Labels, records: Sequence[TrainingRecord], name: str
) -> None:
    """Accuracy over the held-out pictures of all models of the job."""
    from vlcore.measures import accuracy

    if reason := why_no_readout(condition, labels):
        for measure_name in ACCURACIES:
            metrics.skip(measure_name, reason)
        return
    columns = [
        (
            probing.predicted(labels, record.views, record.snapshots[name]),
            *(record.views.column(column, "test") for column in ("object", "group", "scene")),
        )
        for record in records
    ]
    said, objects, groups, scenes = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    views = records[0].views
    found = accuracy.group_accuracy(said, objects, groups, scenes, views.grouping)
    metrics.document["worst_group"] = found.worst_group
    metrics.add("balanced_accuracy", lambda: found.balanced)
    metrics.add("minority_accuracy", lambda: found.minority)
    metrics.add("majority_accuracy", lambda: found.majority)
    metrics.add("worst_group_accuracy", lambda: found.worst)
    metrics.add("group_accuracy", lambda: found.groups)
    names, counts = np.unique(views.column("group", "train"), return_counts=True)
    in_training = {str(group): int(count) for group, count in zip(names, counts, strict=True)}
    metrics.add("train_weighted_accuracy", lambda: accuracy.train_weighted(found.groups, in_training))
    right = said == objects
    metrics.add("minority_gap", lambda: accuracy.minority_gap(right, groups, scenes, views.grouping))
    metrics.add("right_by_object", lambda: {
        obj: rate(right[objects == obj], scenes[objects == obj]) for obj in views.grouping.objects
    })  # fmt: skip
