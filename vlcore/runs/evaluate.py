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

from vlcore.core.condition import Condition
from vlcore.core.options import OBJECTIVES, ArtefactKind
from vlcore.measures.estimate import Estimate, rate
from vlcore.runs import space
from vlcore.runs.recorder import MEASURING, RENDERING, TRAINING, Snapshot
from vlcore.runs.views import FEWEST, Labels, MetricsBuilder, Views, why_no_readout, why_unread
from vlcore.store import jobs

Names = NDArray[np.str_]


def predicted(labels: Labels, views: Views, snapshot: Snapshot, split: str = "test") -> Names:
    """The object that a run names for each picture of a split, (n,): by its captions, or by its new last layer.

    Raises:
        ValueError: when no caption speaks of one of the objects.
    """
    return _named(_scores(labels, views, snapshot, snapshot.z[split], snapshot.scores[split]), views)


def _scores(
    labels: Labels, views: Views, snapshot: Snapshot, z: NDArray[np.floating], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log scores of the objects for pictures, from their embeddings and their scores with captions, (n, 2)."""
    from vlcore.measures.accuracy import object_scores

    if snapshot.layer is not None:
        return np.asarray(snapshot.layer.scores(z, views.grouping.objects))
    return object_scores(scores, labels.objects, views.grouping.objects)


def _named(scores: NDArray[np.float64], views: Views) -> Names:
    return np.asarray(views.grouping.objects)[scores.argmax(axis=1)]


def behaviour(metrics: MetricsBuilder, condition: Condition, labels: Labels, views: Views, snapshot: Snapshot) -> None:
    """What the model says of held-out pictures, read out in several ways, and what its decisions rest on."""
    from vlcore.measures import accuracy, counterfactual
    from vlcore.measures.counterfactual import background_gap

    _readouts(metrics, condition, labels, views, snapshot)
    objects, groups, scenes = (views.column(name, "test") for name in ("object", "group", "scene"))
    grouping = views.grouping
    if reason := why_no_readout(condition, labels):
        for name in (
            "background_reliance", "object_effect", "context_effect", "interaction_effect", "context_flip_rate",
            "object_flip_rate", "margin", "calibration_error", "worst_group_cross_fitted", "panel", "background_gap",
        ):  # fmt: skip
            metrics.skip(name, reason)
    else:
        scores = _scores(labels, views, snapshot, snapshot.z["test"], snapshot.scores["test"])
        said = _named(scores, views)
        margin = scores[:, 0] - scores[:, 1]
        metrics.add("margin", lambda: accuracy.margins(scores, objects, groups, scenes, grouping))
        metrics.add(
            "calibration_error",
            lambda: accuracy.expected_calibration_error(accuracy.confidence(scores), said == objects, scenes),
        )
        metrics.add("context_flip_rate", lambda: counterfactual.context_flip_rate(said, _crossing(views)))
        metrics.add("object_flip_rate", lambda: counterfactual.object_flip_rate(said, _crossing(views)))
        metrics.add("background_reliance", lambda: counterfactual.background_reliance(margin, _crossing(views)))
        for name in ("object", "context", "interaction"):
            metrics.add(
                f"{name}_effect",
                lambda name=name: counterfactual.effects(margin, _crossing(views))[name],  # type: ignore[misc]
            )
        if len(views.rows["val"]):
            metrics.add("worst_group_cross_fitted", lambda: _cross_fitted(labels, views, snapshot, said))
        else:
            metrics.skip("worst_group_cross_fitted", "no validation pictures to choose the group on")
        if views.panel is None:
            for name in ("panel", "background_gap"):
                metrics.skip(name, "no masks of the objects" if views.pixels else "no pictures")
        else:
            right = {  # of pictures put together from objects and backgrounds (Xiao et al. 2020)
                name: _named(_scores(labels, views, snapshot, *seen), views) == objects[views.panel_rows]
                for name, seen in snapshot.panel.items()
            }
            on = scenes[views.panel_rows]
            metrics.add("panel", lambda: {name: rate(of_kind, on) for name, of_kind in right.items()})
            metrics.add("background_gap", lambda: background_gap(right["mixed_same"], right["mixed_rand"], on))
    metrics.add(
        "background_reliance_z", lambda: counterfactual.background_reliance_z(snapshot.z["test"], _crossing(views))
    )


def _crossing(views: Views) -> Any:
    from vlcore.measures.counterfactual import crossing

    objects, contexts, scenes = (views.column(name, "test") for name in ("object", "context", "scene"))
    return crossing(objects, contexts, scenes, views.grouping)


def _readouts(metrics: MetricsBuilder, condition: Condition, labels: Labels, views: Views, snapshot: Snapshot) -> None:
    """Accuracy of other readouts than the usual one: if a conclusion depends on the readout, one must see it."""
    from vlcore.measures import readouts

    scores, z, grouping = snapshot.scores["test"], snapshot.z["test"], views.grouping
    objects, contexts = views.column("object", "test"), views.column("context", "test")
    spoken, fit_z, fit = labels.objects, snapshot.z["probe"], views.column("object", "probe")
    ways = {
        "best_caption": lambda: readouts.best_caption(scores, spoken, grouping.objects),
        "mean_caption": lambda: readouts.mean_caption(z, snapshot.captions, spoken, grouping.objects),
        "given_context": lambda: readouts.given_context(
            scores, spoken, [said.context or None for said in labels.said], contexts, grouping.objects
        ),
        "bare": lambda: readouts.best_caption(
            np.asarray(z @ snapshot.bare.T, dtype=np.float64), grouping.objects, grouping.objects
        ),
        "nearest_neighbours": lambda: readouts.nearest_neighbours(fit_z, fit, z),
        "linear_probe": lambda: readouts.linear_probe(fit_z, fit, z),
    }
    unread, needed = why_unread(condition, labels), {"mean_caption": snapshot.captions, "bare": snapshot.bare}
    for name, read in ways.items():
        captioned = name not in ("nearest_neighbours", "linear_probe")
        if captioned and unread:
            metrics.skip(f"readouts_{name}", unread)
        elif not captioned and views.fewest("probe") < FEWEST:
            metrics.skip(f"readouts_{name}", "no pictures to fit it on")
        elif name in needed and len(needed[name]) == 0:
            metrics.skip(f"readouts_{name}", "this model's captions have no embeddings of this kind")
        else:
            metrics.add(f"readouts_{name}", lambda read=read: _by_side(read() == objects, views))  # type: ignore[misc]


def _by_side(right: NDArray[np.bool_], views: Views) -> dict[str, Estimate]:
    groups, scenes = views.column("group", "test"), views.column("scene", "test")
    sides = {"minority": views.grouping.minority, "majority": views.grouping.majority, "balanced": views.grouping.names}
    return {
        f"{side}_accuracy": rate(right[np.isin(groups, names)], scenes[np.isin(groups, names)])
        for side, names in sides.items()
    }


def _cross_fitted(labels: Labels, views: Views, snapshot: Snapshot, said: Names) -> Estimate:
    from vlcore.measures.accuracy import cross_fitted_worst, group_accuracy

    on_val = predicted(labels, views, snapshot, "val")

    def groups_of(names: Names, split: str) -> dict[str, Estimate]:
        objects, groups, scenes = (views.column(column, split) for column in ("object", "group", "scene"))
        return group_accuracy(names, objects, groups, scenes, views.grouping).groups

    return cross_fitted_worst(groups_of(on_val, "val"), groups_of(said, "test"))[1]


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
    raw_pixels = space.pixel_baseline(shown.views)
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
    from vlcore.learning.losses import negative_shares
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
    behaviour(metrics, condition, labels, views, snapshot)
    space.geometry_of(metrics, views, snapshot, shown.own, shown.wordless)
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
            predicted(labels, record.views, record.snapshots[name]),
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
