"""What one job looks at, pixels and captions, and snapshots: what a model makes of them at one
moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.data.drawn import SIZE as STORED_SIZE
from vlcore.data.feature_store import FeatureStore
from vlcore.data.imageset import TRAINING_SIZE
from vlcore.data.subset import map_rows
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.captions import Caption, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import MITIGATIONS, OBJECTIVES
from vlcore.experiment.progress import Progress, Report, silent
from vlcore.experiment.vocabulary import AnyVocabulary, check_captions, vocabulary_for
from vlcore.metrics.accuracy import object_scores
from vlcore.metrics.counterfactual import PANEL_KINDS, panel
from vlcore.metrics.memory import Memory
from vlcore.metrics.pixel_summary import PixelSummary, summarise
from vlcore.metrics.readouts import LastLayer, dfr, probe_layer

if TYPE_CHECKING:
    from vlcore.metrics import geometry

PANEL_SCENES = 100
RENDERING, TRAINING, MEASURING = 0.15, 0.70, 0.15  # shares of a job's progress bar
Array = NDArray[np.float32]
_panels = Memory(1)  # 40 MB at the usual size; larger ones are not kept


class Views:
    """The images that one job looks at, by purpose; each split is read once."""

    def __init__(
        self,
        training: TrainingSet,
        panel_size: int = TRAINING_SIZE,
        features: FeatureStore | None = None,
        report: Report | None = None,
    ) -> None:
        """Args:
        panel_size: side of the composite images of `panel`, in pixels.
        features: of a model on a frozen tower, where its features are; else models read pixels.
        report: told how many features are computed."""
        self.training, self.images, self.grouping = (
            training,
            training.images,
            training.images.grouping,
        )
        self._columns: dict[
            tuple[str, str], NDArray[np.str_]
        ] = {}  # measures ask for each many times
        # What edits drew is of no row: it comes last among the training images.
        held_out = {split: self.images.rows(split) for split in ("val", "probe", "test")}
        self.rows = {"train": training.rows, **held_out}
        self.map_rows = map_rows(self.images)
        self.on_map = np.searchsorted(
            self.rows["test"], self.map_rows
        )  # places of the map's images in the test set
        self.panel_rows = np.searchsorted(self.rows["test"], map_rows(self.images, PANEL_SCENES))
        self.features = features
        # What models read, by split, and the composite images by kind; a set of embeddings has
        # neither.
        self.inputs: dict[str, NDArray[Any]] = {}
        self.panel: dict[str, NDArray[Any]] | None = None
        if features is not None:
            counted = (
                silent if report is None else report.counted("computing image features", RENDERING)
            )
            self._read_features(features, counted)
        elif self.images.has_pictures:
            self.inputs = self.pixels
            self.panel = self._panel(panel_size)

    def _read_features(self, store: FeatureStore, progress: Progress) -> None:
        every = np.unique(np.concatenate([*self.rows.values()]))
        known = dict(zip(every.tolist(), store.rows(every, progress), strict=True))
        for split, rows in self.rows.items():
            stored = [known[row] for row in rows.tolist()]
            self.inputs[split] = np.array(stored, np.float32).reshape(-1, store.spec.features)
        altered = self.training.altered
        if len(altered):
            count = len(self.training.table)
            train = np.resize(self.inputs["train"], (count, store.spec.features))
            train[altered] = store.of_images(list(self.training.altered_pixels(STORED_SIZE)))
            self.inputs["train"] = train
        rows = self.rows["test"][self.panel_rows]
        if (self.images.table["mask"].iloc[rows] != "").all():

            def composites() -> dict[str, NDArray[np.uint8]]:
                return self._panel(STORED_SIZE) or {}

            if store.bundle is None:
                self.images.ensure_rendered(rows.tolist(), silent)
            self.panel = store.panel(rows, PANEL_KINDS, composites, progress)

    @cached_property
    def pixels(self) -> dict[str, NDArray[np.uint8]]:
        """Images at training size by split, uint8 (n, S, S, 3); none of a set of embeddings. On a
        frozen tower, only those that measures ask for, drawn where they are missing."""
        if not self.images.has_pictures:
            return {}
        if self.features is None:
            held_out = {
                name: self.images.pixels(rows)
                for name, rows in self.rows.items()
                if name != "train"
            }
            return {"train": self.training.pixels(), **held_out}
        asked = {name: self.rows[name] for name in ("probe", "test")}
        self.images.ensure_rendered(np.concatenate([*asked.values()]).tolist(), silent)
        return {name: self.images.pixels(rows) for name, rows in asked.items()}

    @cached_property
    def pixel_summary(self) -> PixelSummary | None:
        """What measures ask of the pixels; None of a set of embeddings."""
        if not self.images.has_pictures:
            return None
        if self.features is not None and self.features.bundle is not None:
            return PixelSummary(**self.features.bundle.pixels)
        return summarise(self.pixels, self.on_map)

    def _panel(self, size: int) -> dict[str, NDArray[np.uint8]] | None:
        """Test images put together from objects and backgrounds, (n, size, size, 3) by kind; None
        without masks."""
        rows = self.rows["test"][self.panel_rows]
        masks = self.images.masks(rows, size)
        if masks is None:
            return None
        objects, contexts, scenes = (
            self.column(of, "test")[self.panel_rows] for of in ("object", "context", "scene")
        )
        is_usual = size == TRAINING_SIZE
        pixels = (
            self.pixels["test"][self.panel_rows] if is_usual else self.images.pixels(rows, size)
        )
        make = partial(panel, pixels, masks, objects, contexts, scenes, self.grouping)
        if not is_usual:
            return make()
        return _panels.made(make, repr(self.grouping), pixels, masks, objects, contexts, scenes)

    def column(self, name: str, split: str) -> NDArray[np.str_]:
        if (name, split) not in self._columns:
            table = (
                self.training.table
                if split == "train"
                else self.images.table.iloc[self.rows[split]]
            )
            self._columns[name, split] = table[name].to_numpy().astype(str)
        return self._columns[name, split]

    @cached_property
    def likeness(self) -> dict[str, geometry.Distances]:
        """How far the pictures on the map are from one another before any model, by what is
        compared."""
        from vlcore.metrics import (
            geometry,  # scikit-learn takes 0.8 s, for which the first page does not wait
        )

        columns = {name: self.column(name, "test")[self.on_map] for name in ("object", "context")}
        models = {name: geometry.same_label(labels) for name, labels in columns.items()}
        if self.pixel_summary is not None:
            models["colour"] = geometry.euclidean_distance(self.pixel_summary.colour)
            models["pixels"] = geometry.euclidean_distance(self.pixel_summary.coarse)
        if self.images.about.get("recipe"):
            coats = [
                json.loads(text)["coat"] for text in self.column("factors", "test")[self.on_map]
            ]
            models["coat"] = geometry.same_label(np.array(coats))
        return models


@dataclass(frozen=True)
class Labels:
    """What a condition says of pictures: its distinct captions, what they speak of, and the words
    they are made of."""

    said: tuple[Caption, ...]
    vocabulary: AnyVocabulary

    @classmethod
    def of(cls, condition: Condition, grouping: Grouping, learnt: Sequence[Caption] = ()) -> Labels:
        """The labels of a condition on a grouping, with words for all that is `learnt`, which may
        be more by its edits; CaptionError where a caption has no words or two cannot be told
        apart."""
        said = captions_of(condition.labels, grouping, condition.template)
        texts = tuple(caption.text for caption in learnt or said)
        check_captions(texts)
        return cls(said, vocabulary_for(condition.text, grouping, texts))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(caption.text for caption in self.said)

    @property
    def objects(self) -> list[str]:
        """The object that each caption speaks of; empty where it speaks of none."""
        return [caption.object for caption in self.said]


def last_layer(
    condition: Condition, views: Views, embedded: Mapping[str, Array]
) -> LastLayer | None:
    """The new last layer of a condition on a space, by split (m, E): of dfr, fitted on validation
    pictures; of a probe, on the biased training pictures. None where captions are the readout."""
    if MITIGATIONS[condition.mitigation].new_layer:
        return dfr(embedded["val"], views.column("object", "val"), views.column("group", "val"))
    if OBJECTIVES[condition.objective].probed:
        return probe_layer(embedded["train"], views.column("object", "train"))
    return None


def why_no_readout(condition: Condition, labels: Labels) -> str | None:
    """Why a condition predicts no object; None where it does."""
    fitted = MITIGATIONS[condition.mitigation].new_layer or OBJECTIVES[condition.objective].probed
    return None if fitted else why_unread(condition, labels)


def why_unread(condition: Condition, labels: Labels) -> str | None:
    """Why no object can be predicted from a condition's captions; None where one can."""
    if not OBJECTIVES[condition.objective].uses_captions:
        return "trained without captions"
    if not labels.said:
        return "no captions were given"
    return None if all(labels.objects) else "no label names the object"


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a model makes of pictures and captions at one moment."""

    z: dict[str, Array]  # unit vectors of the pictures of each split, (n, E)
    scores: dict[str, NDArray[np.float64]]  # of the same pictures with the captions, (n, K)
    captions: Array  # unit vectors, (K, E); (0, E) of a captioner, whose captions have none
    scale: float  # of what turns a cosine into a logit
    bias: float
    bare: Array  # unit vectors of the objects' names alone, (2, E); (0, E) where they are not known
    panel: dict[
        str, tuple[Array, NDArray[np.float64]]
    ]  # z and scores of what is put together from pictures, by kind
    layer: LastLayer | None  # the new last layer that names the object; None where captions do


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """One model of a job: its condition, what was said of pictures, and the pictures that it
    saw."""

    condition: Condition
    labels: Labels
    views: Views
    own: NDArray[
        np.int64
    ]  # index of each training picture's caption, (n,); (0,) where they have none of their own.
    # From the number of labels on it is one that edits gave it (`TrainingSet.said`), by which
    # nothing is read off.
    own_test: NDArray[np.int64]  # of each held-out one's, (m,) or (0,)
    snapshots: dict[
        str, Snapshot
    ]  # ``untrained`` and ``first_fit`` where there are any, and ``end``
    wordless: str | None = None  # why nothing is asked of pictures and their own captions
    first_fit_step: int | None = None  # None where the training captions were never fitted
    jtt_first_run: tuple[int, NDArray[np.bool_]] | None = (
        None  # as of `vlcore.model.loop.TrainedModel`
    )

    @property
    def caption_counts(self) -> NDArray[np.float64]:
        """Training pictures of each of `TrainingSet.said`, as often as the loss counts each,
        (K,)."""
        from vlcore.model.losses import counted

        training, groups = self.views.training, self.views.column("group", "train")
        wrong = None if self.jtt_first_run is None else self.jtt_first_run[1]
        return counted(
            self.own, len(training.said), self.condition.mitigation, groups, wrong, training.weights
        )

    def object_scores(
        self, moment: str, z: Array, scores: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Log scores of the objects for pictures, from their embeddings and their scores with
        captions, (n, 2); ValueError where no caption speaks of one of the objects."""
        objects, layer = self.views.grouping.objects, self.snapshots[moment].layer
        return (
            object_scores(scores, self.labels.objects, objects)
            if layer is None
            else layer.scores(z, objects)
        )

    def names(self, moment: str, z: Array, scores: NDArray[np.float64]) -> NDArray[np.str_]:
        """The object that the model names for such pictures, (n,): by its captions, or by its new
        last layer."""
        return np.asarray(self.views.grouping.objects)[
            self.object_scores(moment, z, scores).argmax(axis=1)
        ]

    def predicted(self, moment: str, split: str = "test") -> NDArray[np.str_]:
        """The object that the model names for each picture of a split, (n,)."""
        snapshot = self.snapshots[moment]
        return self.names(moment, snapshot.z[split], snapshot.scores[split])
