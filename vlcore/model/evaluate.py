"""Evaluation of a training: all measures of its models at each checkpoint, as one document.

Accuracy counts the predictions of all models of a job together (a small set has one for each fold);
everything else is of the first one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import OBJECTIVES, RANDOM, ArtifactKind
from vlcore.experiment.progress import Report
from vlcore.metrics import accuracy, counterfactual, geometry, projection, readouts
from vlcore.metrics.catalogue import Need, OfPredictions, of_predictions
from vlcore.metrics.document import Value, add_all
from vlcore.metrics.estimate import Estimate, rate
from vlcore.metrics.negatives import negative_shares
from vlcore.model.evaluate_space import (
    Space,
    lacking,
    measure_space,
    no_space,
    pixel_baseline,
    random_baseline,
)
from vlcore.model.views import (
    MEASURING,
    RENDERING,
    TRAINING,
    Checkpoint,
    Labels,
    TrainingRecord,
    Views,
    why_no_readout,
)

Names = NDArray[np.str_]

ELSEWHERE = "the model was trained elsewhere, and nothing of it is trained here"
ONE_POINT = 1e-12  # total variance


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The models of a job at one checkpoint, by its `name`; the first one is shown on pages."""

    records: Sequence[TrainingRecord]
    name: str

    @property
    def record(self) -> TrainingRecord:
        return self.records[0]

    @property
    def checkpoint(self) -> Checkpoint:
        return self.record.checkpoints[self.name]

    @property
    def views(self) -> Views:
        return self.record.views

    @property
    def labels(self) -> Labels:
        return self.record.labels

    @property
    def grouping(self) -> Grouping:
        return self.views.grouping

    @cached_property
    def space(self) -> Space:
        return Space(self.views, self.checkpoint.z["test"], self.checkpoint.z["probe"])

    def column(self, name: str, split: str = "test") -> Names:
        """A column of the image set's table for a split, (n,)."""
        return self.views.column(name, split)

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """Log scores of the two objects for the held-out images, (n, 2)."""
        return self.record.object_scores(self.name)

    @cached_property
    def predicted(self) -> Names:
        """The predicted object of each held-out image, (n,)."""
        return self.record.predicted(self.name)

    @property
    def first_over_second(self) -> NDArray[np.float64]:
        """Log score of the first object minus that of the second, (n,)."""
        return self.scores[:, 0] - self.scores[:, 1]

    @cached_property
    def temperature(self) -> Estimate:
        """Divisor that makes scores log odds, fitted on validation images."""
        return accuracy.temperature(
            self.record.object_scores(self.name, "val"),
            self.column("object", "val"),
            self.column("scene", "val"),
            self.grouping,
        )

    @property
    def crossing(self) -> counterfactual.Crossing:
        objects, contexts, scenes = map(self.column, ("object", "context", "scene"))
        return counterfactual.crossing(objects, contexts, scenes, self.grouping)

    def pooled(self, name: str) -> Names:
        """A column for the held-out images of all models, one after the other, (n,)."""
        return np.concatenate([record.views.column(name, "test") for record in self.records])

    @cached_property
    def predictions(self) -> accuracy.Predictions:
        """The predictions of all models."""
        predicted = np.concatenate([record.predicted(self.name) for record in self.records])
        correct = predicted == self.pooled("object")
        return accuracy.Predictions(
            correct, self.pooled("group"), self.pooled("scene"), self.grouping
        )

    @cached_property
    def panel(self) -> dict[str, Names]:
        """Predicted objects of composites of objects and backgrounds, (n,) by kind (Xiao et al.
        2020)."""
        objects = self.grouping.objects
        predicted = {}
        for kind, (z, caption_scores) in self.checkpoint.panel.items():
            predicted[kind] = self.checkpoint.readout.predicted(objects, z, caption_scores)
        return predicted

    def panel_column(self, name: str) -> Names:
        """A column for the images that the composites are made from, (n,)."""
        return self.column(name)[self.views.panel_rows]

    def panel_accuracy(self) -> dict[str, Estimate]:
        objects, scenes = self.panel_column("object"), self.panel_column("scene")
        return {kind: rate(named == objects, scenes) for kind, named in self.panel.items()}

    def background_gap(self) -> Estimate:
        objects = self.panel_column("object")
        same, random = (self.panel[kind] == objects for kind in ("mixed_same", "mixed_rand"))
        return counterfactual.background_gap(same, random, self.panel_column("scene"))

    def linear_probe_accuracy(self) -> dict[str, Estimate]:
        """Accuracy of a linear probe on probe images, by side."""
        predicted = self.space.predicted(readouts.linear_probe, "object")
        correct = predicted == self.column("object")
        of_probe = accuracy.Predictions(
            correct, self.column("group"), self.column("scene"), self.grouping
        )
        return {
            "minority_accuracy": accuracy.minority_accuracy(of_probe),
            "majority_accuracy": accuracy.majority_accuracy(of_probe),
            "balanced_accuracy": accuracy.balanced_accuracy(of_probe),
        }

    def modality_gap(self) -> Estimate:
        captions = self.checkpoint.captions
        counts = np.bincount(self.record.test_caption_index, minlength=len(captions)).astype(float)
        z, scenes = self.checkpoint.z["test"], self.column("scene")
        return geometry.modality_gap(z, captions, counts, scenes)


# Measures of the first model, in the order of `metrics.json`.
BEHAVIOUR: dict[str, Callable[[Evaluation], Value]] = {
    "readouts_linear_probe": Evaluation.linear_probe_accuracy,
    "calibration_error": lambda evaluation: accuracy.expected_calibration_error(
        accuracy.confidence(evaluation.scores / evaluation.temperature.value),
        evaluation.predicted == evaluation.column("object"),
    ),
    "context_flip_rate": lambda evaluation: counterfactual.flip_rate(
        evaluation.predicted, evaluation.crossing, "context"
    ),
    "object_flip_rate": lambda evaluation: counterfactual.flip_rate(
        evaluation.predicted, evaluation.crossing, "object"
    ),
    "background_reliance": lambda evaluation: counterfactual.background_reliance(
        evaluation.first_over_second, evaluation.crossing
    ),
    "temperature": lambda evaluation: evaluation.temperature,
    "panel": Evaluation.panel_accuracy,
    "background_gap": Evaluation.background_gap,
}
PAIRS: dict[str, Callable[[Evaluation], Value]] = {
    "alignment": lambda evaluation: geometry.alignment(
        evaluation.checkpoint.z["test"],
        evaluation.checkpoint.captions[evaluation.record.test_caption_index],
        evaluation.column("scene"),
    ),
    "modality_gap": Evaluation.modality_gap,
}


def evaluate(records: Sequence[TrainingRecord], report: Report) -> dict[str, Any]:
    """Measure the models of a job at all of their checkpoints.

    Returns:
        The document ``metrics.json``.
    """
    record, condition = records[0], records[0].condition
    # A fold whose captions were never fitted has no first fit, and so the job has none.
    names = [
        name for name in record.checkpoints if all(name in fold.checkpoints for fold in records)
    ]
    measured: dict[str, Any] = {"first_fit": None}
    by_state: dict[tuple[int, ...], dict[str, Any]] = {}  # the last step can be the first fit
    for number, name in enumerate(names):
        state = tuple(id(fold.checkpoints[name]) for fold in records)
        if state not in by_state:
            by_state[state] = _measure(Evaluation(records, name))
        measured[name] = by_state[state]
        share = (number + 1) / (len(names) + 1)
        report(fraction=RENDERING + TRAINING + MEASURING * share, now=True)
    raw_pixels = pixel_baseline(record.views)
    report(fraction=1.0, now=True)
    if condition.kind is ArtifactKind.PRETRAINED:
        end = measured["end"]
        measures = [*(name for name in end if name != "absent"), *end["absent"]]
        before = {"absent": dict.fromkeys(measures, ELSEWHERE)}
        return {
            "models": len(records),
            "untrained": before,
            "first_fit": before,
            "end": end,
            "raw_pixels": raw_pixels,
            "absent": dict.fromkeys(("first_fit_step", "text_only_match"), ELSEWHERE),
        }
    document = {
        "models": len(records),
        "first_fit_step": record.first_fit_step if measured["first_fit"] else None,
        "text_only_match": _text_only_match(record),
        "untrained": measured["untrained"],
        "first_fit": measured["first_fit"],
        "end": measured["end"],
        "raw_pixels": raw_pixels,
    }
    if condition.frozen_tower and not condition.frozen_tower.endswith(RANDOM):
        document["random_tower"] = random_baseline(record.views, condition.frozen_tower)
    return document


def _text_only_match(record: TrainingRecord) -> float | None:
    """Accuracy of matching pairs by the caption alone; None of a loss without mismatched captions
    of its own."""
    condition = record.condition
    if not OBJECTIVES[condition.objective].draws_negatives:
        return None
    counts = record.caption_counts
    negatives = negative_shares(condition.negatives, counts)
    return accuracy.blind_match_accuracy(counts / counts.sum(), negatives)


def _measure(evaluation: Evaluation) -> dict[str, Any]:
    """All measures at one checkpoint."""
    record, checkpoint = evaluation.record, evaluation.checkpoint
    document: dict[str, Any] = {"absent": {}}
    lacks = _lacking(evaluation)
    document["train_caption_accuracy"] = _train_caption_accuracy(record, checkpoint)
    document["train_images"] = len(record.views.training.table)
    if Need.READOUT not in lacks:
        document["worst_group"] = evaluation.predictions.worst_first[0]
    accuracies = {
        name: partial(_of_predictions, measure) for name, measure in of_predictions().items()
    }
    add_all(document, lacks, accuracies, evaluation)
    add_all(document, lacks, BEHAVIOUR, evaluation)
    z, scenes = evaluation.space.z, evaluation.column("scene")
    variance = geometry.total_variance(z, scenes)
    document["total_variance"] = variance.as_dict()
    if variance.value <= ONE_POINT:
        document["collapsed"] = True
        document["absent"] |= {"effective_rank": "one point", **no_space("one point")}
        return document
    rank = geometry.effective_rank(z, scenes)
    document["effective_rank"] = rank.as_dict()
    document["collapsed"] = geometry.is_collapsed(variance.value, rank.value)
    of_space = measure_space(lacks, evaluation.space)
    absent = document["absent"] | of_space["absent"]
    document |= of_space | {"absent": absent}
    add_all(document, lacks, PAIRS, evaluation)
    on_map = z[record.views.on_map]
    if checkpoint.z.keys() == record.checkpoints["end"].z.keys():  # the first fit is measured alone
        on_map = record.held_out_values(checkpoint.z)
    plane = projection.fit_plane(np.concatenate([on_map, checkpoint.captions]))
    document["map_quality"] = projection.map_quality(on_map, plane.place(on_map))
    return document


def _of_predictions(measure: OfPredictions, evaluation: Evaluation) -> Value:
    return measure(evaluation.predictions)


def _train_caption_accuracy(record: TrainingRecord, checkpoint: Checkpoint) -> float:
    """Share of training images whose own caption scores highest among those that occur."""
    occurs = np.bincount(record.caption_index, minlength=len(record.labels.captions)) > 0
    best = np.where(occurs, checkpoint.scores["train"], -np.inf).argmax(axis=1)
    return float((best == record.caption_index).mean())


def _lacking(evaluation: Evaluation) -> dict[Need, str]:
    """Needs of measures that are not met at this checkpoint, with the reason."""
    record, views, checkpoint = evaluation.record, evaluation.views, evaluation.checkpoint
    reasons = lacking(views)
    if not views.panel:
        is_empty = len(views.panel_rows) == 0
        reasons[Need.MASKS] = (
            "too few masks that can be used" if is_empty else "no masks of the objects"
        )
    if len(views.rows["val"]) == 0:
        reasons[Need.VALIDATION] = "no validation pictures"
    if len(checkpoint.captions) == 0:
        reasons[Need.OWN_CAPTIONS] = "this model's captions have no embeddings"
    if not OBJECTIVES[record.condition.objective].uses_captions:
        reasons[Need.OWN_CAPTIONS] = "trained without captions"
    if reason := why_no_readout(record.condition, record.labels):
        reasons[Need.READOUT] = reason
    return reasons
