"""Evaluation of a run: all that is measured of it, as one document. Accuracy counts the verdicts of
all models of a job together (a small set has one for each fold); everything else is of the model
that is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import OBJECTIVES, RANDOM, ArtifactKind
from vlcore.experiment.progress import Report
from vlcore.metrics import accuracy, counterfactual, geometry, projection, readouts
from vlcore.metrics.catalogue import Need
from vlcore.metrics.document import Found, add_all, skip
from vlcore.metrics.estimate import Estimate, rate
from vlcore.metrics.negatives import negative_shares
from vlcore.model.evaluate_space import (
    Space,
    lacking,
    map_quality,
    measure_space,
    no_space,
    pixel_baseline,
    random_baseline,
)
from vlcore.model.views import (
    MEASURING,
    RENDERING,
    TRAINING,
    Snapshot,
    TrainingRecord,
    why_no_readout,
    why_unread,
)

Names = NDArray[np.str_]

ELSEWHERE = {
    ArtifactKind.PRETRAINED: "the model was trained elsewhere, and nothing of it is trained here",
    ArtifactKind.IMPORTED: "the embeddings were computed elsewhere, and nothing was trained here",
}
ONE_POINT = 1e-12  # total variance


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What measures are computed from: the models of a job at one moment, the first of which is
    shown."""

    records: Sequence[TrainingRecord]
    moment: str

    @property
    def shown(self) -> TrainingRecord:
        return self.records[0]

    @property
    def snapshot(self) -> Snapshot:
        return self.shown.snapshots[self.moment]

    @property
    def grouping(self) -> Grouping:
        return self.shown.views.grouping

    @cached_property
    def space(self) -> Space:
        return Space(self.shown.views, self.snapshot.z["test"], self.snapshot.z["probe"])

    def of(self, column: str, split: str = "test") -> Names:
        """What is known of the pictures of a split, (n,)."""
        return self.shown.views.column(column, split)

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """Log scores of the two objects for the held-out pictures, (n, 2)."""
        return self.shown.object_scores(
            self.moment, self.snapshot.z["test"], self.snapshot.scores["test"]
        )

    @cached_property
    def said(self) -> Names:
        """The object that is named for each of them, (n,)."""
        return self.shown.predicted(self.moment)

    @property
    def first_over_second(self) -> NDArray[np.float64]:
        """Log score of the first object minus that of the second, whichever is shown, (n,)."""
        return self.scores[:, 0] - self.scores[:, 1]

    @cached_property
    def temperature(self) -> Estimate:
        """What makes scores log odds, fitted on validation pictures."""
        on_val = self.shown.object_scores(
            self.moment, self.snapshot.z["val"], self.snapshot.scores["val"]
        )
        return accuracy.temperature(
            on_val, self.of("object", "val"), self.of("scene", "val"), self.grouping
        )

    def effect(self, name: str) -> Estimate:
        """Effect of a swap in log odds."""
        on_scores = counterfactual.effects(self.first_over_second, self.crossing)[name]
        return accuracy.calibrated(on_scores, self.temperature)

    @property
    def crossing(self) -> counterfactual.Crossing:
        return counterfactual.crossing(
            self.of("object"), self.of("context"), self.of("scene"), self.grouping
        )

    @cached_property
    def verdicts(self) -> tuple[Names, Names, Names, Names]:
        """Which object is named for each held-out picture of all models, and its object, group and
        scene: (n,) each."""
        names, at = ("object", "group", "scene"), self.moment
        columns = [
            [one.predicted(at), *(one.views.column(name, "test") for name in names)]
            for one in self.records
        ]
        said, objects, groups, scenes = (
            np.concatenate(parts) for parts in zip(*columns, strict=True)
        )
        return said, objects, groups, scenes

    @cached_property
    def accuracy(self) -> accuracy.GroupAccuracy:
        return accuracy.group_accuracy(*self.verdicts, self.grouping)

    def train_weighted(self) -> Estimate:
        names, counts = np.unique(self.of("group", "train"), return_counts=True)
        in_training = {str(group): int(count) for group, count in zip(names, counts, strict=True)}
        return accuracy.train_weighted(self.accuracy.groups, in_training)

    def minority_gap(self) -> Estimate:
        said, objects, groups, scenes = self.verdicts
        return accuracy.minority_gap(said == objects, groups, scenes, self.grouping)

    def right_by_object(self) -> dict[str, Estimate]:
        said, objects, _, scenes = self.verdicts
        here = {name: objects == name for name in self.grouping.objects}
        return {name: rate(said[of] == objects[of], scenes[of]) for name, of in here.items()}

    def cross_fitted(self) -> Estimate:
        """Accuracy of the group that was worst on validation pictures."""

        def by_group(said: Names, split: str) -> dict[str, Estimate]:
            objects, groups, scenes = (
                self.of(column, split) for column in ("object", "group", "scene")
            )
            return accuracy.group_accuracy(said, objects, groups, scenes, self.grouping).groups

        on_val = self.shown.predicted(self.moment, "val")
        return accuracy.cross_fitted_worst(by_group(on_val, "val"), by_group(self.said, "test"))[1]

    @cached_property
    def panel(self) -> dict[str, Names]:
        """What is named for pictures put together from objects and places, (n,) by kind (Xiao et
        al. 2020)."""
        return {
            kind: self.shown.names(self.moment, *looked)
            for kind, looked in self.snapshot.panel.items()
        }

    def of_panel(self, column: str) -> Names:
        """What is known of the pictures that they are put together from, (n,)."""
        return self.of(column)[self.shown.views.panel_rows]

    def panel_rates(self) -> dict[str, Estimate]:
        objects, scenes = self.of_panel("object"), self.of_panel("scene")
        return {kind: rate(said == objects, scenes) for kind, said in self.panel.items()}

    def background_answer(self) -> Estimate:
        first, here = self.grouping.objects[0], self.grouping.contexts[0]
        return rate(
            (self.panel["only_bg"] == first) == (self.of_panel("context") == here),
            self.of_panel("scene"),
        )

    def background_gap(self) -> Estimate:
        same, rand = (
            self.panel[kind] == self.of_panel("object") for kind in ("mixed_same", "mixed_rand")
        )
        return counterfactual.background_gap(same, rand, self.of_panel("scene"))

    def by_side(self, said: Names) -> dict[str, Estimate]:
        """Accuracy of another readout than the usual one."""
        right, groups, scenes, by = (
            said == self.of("object"),
            self.of("group"),
            self.of("scene"),
            self.grouping,
        )
        sides = {"minority": by.minority, "majority": by.majority, "balanced": by.names}
        here = {side: np.isin(groups, names) for side, names in sides.items()}
        return {f"{side}_accuracy": rate(right[of], scenes[of]) for side, of in here.items()}

    def caption_readout(self, way: Callable[..., Names], *more: Any) -> dict[str, Estimate]:
        """Accuracy where captions are read in another way, from their scores."""
        scores, objects = self.snapshot.scores["test"], self.grouping.objects
        return self.by_side(way(scores, self.shown.labels.objects, *more, objects))

    def mean_caption(self) -> dict[str, Estimate]:
        z, captions, objects = (
            self.snapshot.z["test"],
            self.snapshot.captions,
            self.grouping.objects,
        )
        return self.by_side(readouts.mean_caption(z, captions, self.shown.labels.objects, objects))

    def given_context(self) -> dict[str, Estimate]:
        contexts = [caption.context or None for caption in self.shown.labels.said]
        return self.caption_readout(readouts.given_context, contexts, self.of("context"))

    def adjusted(self) -> dict[str, Estimate]:
        every = len(self.shown.labels.said)
        counts = np.bincount(self.shown.own, minlength=every)[:every]
        return self.caption_readout(readouts.adjusted, counts)

    def training_probe(self) -> dict[str, Estimate]:
        z = self.snapshot.z
        return self.by_side(
            readouts.linear_probe(z["train"], self.of("object", "train"), z["test"])
        )

    def bare_names(self) -> dict[str, Estimate]:
        objects = self.grouping.objects
        scores = np.asarray(self.snapshot.z["test"] @ self.snapshot.bare.T, dtype=np.float64)
        return self.by_side(readouts.best_caption(scores, objects, objects))

    def modality_gap(self) -> Estimate:
        captions = self.snapshot.captions
        counts = np.bincount(self.shown.own_test, minlength=len(captions)).astype(float)
        return geometry.modality_gap(self.snapshot.z["test"], captions, counts, self.of("scene"))

    def uniformity_captions(self) -> Estimate:
        return geometry.uniformity(
            self.snapshot.captions, np.arange(len(self.snapshot.captions)).astype(str)
        )


# What is measured, each table in the order of `metrics.json`: of the verdicts of all models, and of
# the one shown.
ACCURACY: dict[str, Callable[[Evaluation], Found]] = {
    "balanced_accuracy": lambda one: one.accuracy.balanced,
    "minority_accuracy": lambda one: one.accuracy.minority,
    "majority_accuracy": lambda one: one.accuracy.majority,
    "worst_group_accuracy": lambda one: one.accuracy.worst,
    "group_accuracy": lambda one: one.accuracy.groups,
    "train_weighted_accuracy": Evaluation.train_weighted,
    "minority_gap": Evaluation.minority_gap,
    "right_by_object": Evaluation.right_by_object,
}
BEHAVIOUR: dict[str, Callable[[Evaluation], Found]] = {
    "readouts_best_caption": lambda one: one.caption_readout(readouts.best_caption),
    "readouts_mean_caption": Evaluation.mean_caption,
    "readouts_given_context": Evaluation.given_context,
    "readouts_bare": Evaluation.bare_names,
    "readouts_nearest_neighbours": lambda one: one.by_side(
        one.space.read_off(readouts.nearest_neighbours, "object")
    ),
    "readouts_adjusted": Evaluation.adjusted,
    "readouts_training_probe": Evaluation.training_probe,
    "readouts_linear_probe": lambda one: one.by_side(
        one.space.read_off(readouts.linear_probe, "object")
    ),
    "margin": lambda one: accuracy.margins(
        one.scores, one.of("object"), one.of("group"), one.of("scene"), one.grouping
    ),
    "calibration_error": lambda one: accuracy.expected_calibration_error(
        accuracy.confidence(one.scores / one.temperature.value), one.said == one.of("object")
    ),
    "context_flip_rate": lambda one: counterfactual.flip_rate(one.said, one.crossing, "context"),
    "object_flip_rate": lambda one: counterfactual.flip_rate(one.said, one.crossing, "object"),
    "background_reliance": lambda one: counterfactual.background_reliance(
        one.first_over_second, one.crossing
    ),
    "temperature": lambda one: one.temperature,
    "object_effect": lambda one: one.effect("object"),
    "context_effect": lambda one: one.effect("context"),
    "interaction_effect": lambda one: one.effect("interaction"),
    "worst_group_cross_fitted": Evaluation.cross_fitted,
    "panel": Evaluation.panel_rates,
    "background_answer": Evaluation.background_answer,
    "background_gap": Evaluation.background_gap,
    "background_reliance_z": lambda one: counterfactual.background_reliance_z(
        one.snapshot.z["test"], one.crossing
    ),
}
PAIRS: dict[str, Callable[[Evaluation], Found]] = {
    "alignment": lambda one: geometry.alignment(
        one.snapshot.z["test"], one.snapshot.captions[one.shown.own_test], one.of("scene")
    ),
    "modality_gap": Evaluation.modality_gap,
    "uniformity_captions": Evaluation.uniformity_captions,
    "minority_collapse": lambda one: geometry.minority_collapse(
        one.snapshot.captions, one.shown.labels.said, one.grouping
    ),
}


def evaluate(records: Sequence[TrainingRecord], report: Report) -> dict[str, Any]:
    """All that is measured of the models of a job, the first of which is shown, as one document."""
    shown, condition = records[0], records[0].condition
    # A fold whose captions were never fitted has no first fit, and so the job has none.
    names = [
        name for name in shown.snapshots if all(name in record.snapshots for record in records)
    ]
    measured: dict[str, Any] = {"first_fit": None}
    for number, name in enumerate(names):
        same = [
            one
            for one in names[:number]
            if all(of.snapshots[one] is of.snapshots[name] for of in records)
        ]
        measured[name] = measured[same[0]] if same else _at(Evaluation(records, name))
        report(
            fraction=RENDERING + TRAINING + MEASURING * (number + 1) / (len(names) + 1), now=True
        )
    raw_pixels = pixel_baseline(shown.views)
    report(fraction=1.0, now=True)
    if reason := ELSEWHERE.get(condition.kind):
        end = measured["end"]
        before = {
            "absent": dict.fromkeys(
                [*(name for name in end if name != "absent"), *end["absent"]], reason
            )
        }
        moments = {"untrained": before, "first_fit": before, "end": end, "raw_pixels": raw_pixels}
        absent = dict.fromkeys(("first_fit_step", "text_only_match"), reason)
        return {"models": len(records), **moments, "absent": absent}
    document = {
        "models": len(records),
        "first_fit_step": shown.first_fit_step if measured["first_fit"] else None,
        "text_only_match": _text_only_match(shown),
        **{moment: measured[moment] for moment in ("untrained", "first_fit", "end")},
        "raw_pixels": raw_pixels,
    }
    if condition.frozen_tower and not condition.frozen_tower.endswith(RANDOM):
        document["random_tower"] = random_baseline(shown.views, condition.frozen_tower)
    if shown.jtt_first_run is not None:
        step, wrong = shown.jtt_first_run
        minority = np.isin(shown.views.column("group", "train"), shown.views.grouping.minority)
        document["jtt"] = {
            "step": step,
            "wrong": int(wrong.sum()),
            "wrong_minority": int((wrong & minority).sum()),
        }
    return document


def _text_only_match(record: TrainingRecord) -> float | None:
    """How well pairs are told from the caption alone; None of a loss without mismatched captions of
    its own."""
    condition, said = record.condition, record.views.training.said
    if not OBJECTIVES[condition.objective].draws_negatives:
        return None
    counts = record.caption_counts
    return accuracy.blind_match_accuracy(
        counts / counts.sum(), negative_shares(condition.negatives, counts, said)
    )


def _at(one: Evaluation) -> dict[str, Any]:
    """What is measured at one moment."""
    shown, snapshot = one.shown, one.snapshot
    document: dict[str, Any] = {"absent": {}}
    lacks = _lacking(one)
    if shown.wordless and len(shown.own) == 0:
        skip(document, "train_caption_accuracy", shown.wordless)
    else:
        plain = shown.own < len(shown.labels.said)  # those whose caption no edit made
        used = np.bincount(shown.own[plain], minlength=len(shown.labels.said)) > 0
        guessed = np.where(used, snapshot.scores["train"], -np.inf).argmax(axis=1)
        document["train_caption_accuracy"] = float((guessed == shown.own)[plain].mean())
    document["train_images"] = len(shown.views.training.table)
    if Need.READOUT not in lacks:
        document["worst_group"] = one.accuracy.worst_group
    add_all(document, lacks, ACCURACY, one)
    add_all(document, lacks, BEHAVIOUR, one)
    variance = geometry.total_variance(one.space.z, one.of("scene"))
    document["total_variance"] = variance.as_dict()
    if variance.value <= ONE_POINT:
        document["collapsed"] = True
        document["absent"] |= {"effective_rank": "one point", **no_space("one point")}
        return document
    rank = geometry.effective_rank(one.space.z, one.of("scene"))
    document["effective_rank"] = rank.as_dict()
    document["collapsed"] = geometry.is_collapsed(variance.value, rank.value)
    of_space = measure_space(lacks, one.space)
    absent = document["absent"] | of_space["absent"]
    document |= of_space | {"absent": absent}
    if not shown.views.images.has_pictures and Need.HELD_OUT not in lacks:
        for name in ("colour", "pixels"):
            skip(document, f"similarity_to.{name}", "no pictures")
    add_all(document, lacks, PAIRS, one)
    on_map = one.space.z[shown.views.on_map]
    plane = projection.fit_plane(np.concatenate([on_map, snapshot.captions]))
    document["map_quality"] = map_quality(on_map, plane.place(on_map))
    return document


def _lacking(one: Evaluation) -> dict[Need, str]:
    """Of what is not there at this moment, why it is not."""
    shown, views, snapshot = one.shown, one.shown.views, one.snapshot
    none, of_this_kind = "this model's captions have no embeddings", " of this kind"
    reasons = {
        Need.READOUT: why_no_readout(shown.condition, shown.labels),
        Need.NAMING_CAPTIONS: why_unread(shown.condition, shown.labels),
        Need.CAPTION_VECTORS: None if len(snapshot.captions) else none + of_this_kind,
        Need.NAME_VECTORS: None if len(snapshot.bare) else none + of_this_kind,
        Need.OWN_CAPTIONS: shown.wordless or (None if len(snapshot.captions) else none),
        Need.VALIDATION: None if len(views.rows["val"]) else "no validation pictures",
        Need.MASKS: (
            None
            if views.panel
            else "no masks of the objects"
            if views.images.has_pictures
            else "no pictures"
        ),
        **lacking(views),
    }
    return {need: reason for need, reason in reasons.items() if reason}
