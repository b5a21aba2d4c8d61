"""Images and captions of one job, and the embeddings that a model has of them at a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.artifacts.embeddings import HELD_OUT, REMAINING
from vlcore.data.drawn import SIZE as STORED_SIZE
from vlcore.data.feature_store import FeatureStore
from vlcore.data.imageset import TRAINING_SIZE
from vlcore.data.subset import map_rows, measured_rows, reference_rows
from vlcore.data.training_set import TrainingSet
from vlcore.experiment.captions import Caption, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import MITIGATIONS, OBJECTIVES
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.vocabulary import AnyVocabulary, check_captions, vocabulary_for
from vlcore.metrics.counterfactual import PANEL_KINDS, panel, usable_for_panel
from vlcore.metrics.readouts import ObjectReadout, dfr, probe_layer
from vlcore.metrics.shortcuts import pixel_space

if TYPE_CHECKING:
    pass

PANEL_SCENES = 100
BLOCK = 1024  # remaining images that are read at once
RENDERING, TRAINING, MEASURING = 0.15, 0.70, 0.15  # shares of a job's progress bar
Array = NDArray[np.float32]


class Views:
    """The images of one job by split, each read once.

    Attributes:
        rows: row numbers in the image set by split, of a large set those that are measured.
        map_rows: rows of the held-out images that the map is measured on; `on_map` are their
            positions in ``test``. The map of an imported set shows the others too.
        reference: positions in ``test`` of a balanced few, which are shown while a model trains.
        inputs: what models read, by split: pixels or features; none of a set of embeddings.
        panel: composite images by kind; None where there are no masks, or too few that can be used.
        panel_rows: positions in ``test`` of the images that they are made of; none of too few.
    """

    def __init__(
        self,
        training: TrainingSet,
        panel_size: int = TRAINING_SIZE,
        features: FeatureStore | None = None,
        progress: Progress = silent,
    ) -> None:
        """Read the images.

        Args:
            training: the training set of the job.
            panel_size: side of the composite images, in pixels.
            features: of a model on a frozen tower, where its features are; else models read pixels.
            progress: told how many features are computed.
        """
        self.training = training
        self.images = training.images
        self.grouping = self.images.grouping
        # Measures ask for each column many times.
        self._columns: dict[tuple[str, str], NDArray[np.str_]] = {}
        held_out = {split: measured_rows(self.images, split) for split in ("val", "probe", "test")}
        self.rows = {"train": training.rows, **held_out}
        self.map_rows = map_rows(self.images)
        self.on_map = np.searchsorted(self.rows["test"], self.map_rows)
        self.reference = np.searchsorted(self.rows["test"], reference_rows(self.images))
        panel_rows = reference_rows(self.images, PANEL_SCENES)
        self.panel_rows = np.searchsorted(self.rows["test"], panel_rows)
        self.features = features
        self.inputs: dict[str, NDArray[Any]] = {}
        self.panel: dict[str, NDArray[Any]] | None = None
        if features is not None:
            self._read_features(features, progress)
        else:
            self.inputs = {split: self.images.pixels(rows) for split, rows in self.rows.items()}
            self.panel = self._panel(panel_size)

    @property
    def map_shows_all(self) -> bool:
        """Whether the map shows all images of the set: of a drawn one a balanced reference."""
        return not self.images.about.get("recipe")

    @cached_property
    def remaining_rows(self) -> NDArray[np.int64]:
        """Row numbers of the images that are on the map and neither trained on nor measured, (r,),
        rising."""
        if not self.map_shows_all:
            return np.empty(0, dtype=np.int64)
        used = np.concatenate([*self.rows.values()])
        return np.setdiff1d(np.arange(len(self.images.table)), used)

    def remaining_inputs(self) -> Iterator[NDArray[Any]]:
        """What models read of the remaining images, block by block: there may be many."""
        for start in range(0, len(self.remaining_rows), BLOCK):
            rows = self.remaining_rows[start : start + BLOCK]
            yield self.images.pixels(rows) if self.features is None else self.features.rows(rows)

    def _read_features(self, store: FeatureStore, progress: Progress) -> None:
        unique_rows = np.unique(np.concatenate([*self.rows.values()]))
        if len(self.remaining_rows):  # so that `progress` is told how many there are in all
            missing = store.missing(np.concatenate([unique_rows, self.remaining_rows]))
            store.rows(np.array(missing, dtype=np.int64), progress)
        features = store.rows(unique_rows, progress)
        for split, rows in self.rows.items():
            self.inputs[split] = features[np.searchsorted(unique_rows, rows)]
        rows = self.rows["test"][self.panel_rows]
        if (self.images.table["mask"].iloc[rows] == "").any():
            return
        if store.bundle is None:
            self.images.ensure_rendered(rows.tolist(), silent)
            if self._panel_masks(STORED_SIZE) is None:
                return
            rows = self.rows["test"][self.panel_rows]

        def composites() -> dict[str, NDArray[np.uint8]]:
            return self._panel(STORED_SIZE) or {}

        self.panel = store.panel(rows, PANEL_KINDS, composites, progress)

    @cached_property
    def pixel_space(self) -> Mapping[str, NDArray[np.floating]]:
        """The space of the pixels, for ``test`` and ``probe``."""
        if self.features is None:
            return pixel_space(self.inputs)
        if self.features.bundle is not None:
            return self.features.bundle.pixels
        measured = {split: self.rows[split] for split in ("probe", "test")}
        self.images.ensure_rendered(np.concatenate([*measured.values()]).tolist(), silent)
        return pixel_space({split: self.images.pixels(rows) for split, rows in measured.items()})

    def _panel(self, size: int) -> dict[str, NDArray[np.uint8]] | None:
        """Composites of objects and backgrounds of test images, (n, size, size, 3) by kind.

        None without masks, or with too few that can be used.
        """
        masks = self._panel_masks(size)
        if masks is None:
            return None
        rows = self.rows["test"][self.panel_rows]
        objects, contexts, scenes = (
            self.column(name, "test")[self.panel_rows] for name in ("object", "context", "scene")
        )
        pixels = self.images.pixels(rows, size)
        return panel(pixels, masks, objects, contexts, scenes, self.grouping)

    def _panel_masks(self, size: int) -> NDArray[np.uint8] | None:
        """Masks of the images that composites are made of, (n, size, size), of which `panel_rows`
        keeps those that can be used."""
        masks = self.images.masks(self.rows["test"][self.panel_rows], size)
        if masks is None:
            return None
        contexts, scenes = (
            self.column(name, "test")[self.panel_rows] for name in ("context", "scene")
        )
        usable = usable_for_panel(masks, contexts, scenes, self.grouping)
        self.panel_rows = self.panel_rows[usable]
        return masks[usable] if usable.any() else None

    def column(self, name: str, split: str) -> NDArray[np.str_]:
        """A column of the image set's table for the images of a split, (n,)."""
        if (name, split) not in self._columns:
            column = self.images.table[name].to_numpy()[self.rows[split]]
            self._columns[name, split] = column.astype(str)
        return self._columns[name, split]


@dataclass(frozen=True)
class Labels:
    """The distinct captions of a condition and the vocabulary that they are made of."""

    captions: tuple[Caption, ...]
    vocabulary: AnyVocabulary

    @classmethod
    def from_condition(cls, condition: Condition, grouping: Grouping) -> Labels:
        """The labels of a condition.

        Args:
            condition: its label style decides the captions.
            grouping: objects and contexts of the image set.

        Raises:
            CaptionError: a caption has no words, or two cannot be told apart.
        """
        captions = captions_of(condition.labels, grouping, condition.template)
        texts = tuple(caption.text for caption in captions)
        vocabulary = vocabulary_for(condition.text, grouping, texts)
        check_captions(texts, vocabulary)
        return cls(captions, vocabulary)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(caption.text for caption in self.captions)

    @property
    def objects(self) -> list[str]:
        """The object that each caption names; empty where it names none."""
        return [caption.object for caption in self.captions]


def readout_of(
    condition: Condition, labels: Labels, views: Views, embedded: Mapping[str, Array]
) -> ObjectReadout:
    """Fit the readout of a condition on embeddings by split, (m, E).

    dfr fits a new last layer on validation images, a probe on the biased training images;
    without either, captions are the readout.
    """
    layer = None
    if MITIGATIONS[condition.mitigation].new_layer:
        objects, groups = views.column("object", "val"), views.column("group", "val")
        layer = dfr(embedded["val"], objects, groups)
    elif OBJECTIVES[condition.objective].probed:
        layer = probe_layer(embedded["train"], views.column("object", "train"))
    return ObjectReadout(labels.objects, layer)


def why_no_readout(condition: Condition, labels: Labels) -> str | None:
    """Why a condition predicts no object; None where it does."""
    fitted = MITIGATIONS[condition.mitigation].new_layer or OBJECTIVES[condition.objective].probed
    return None if fitted else why_no_caption_readout(condition, labels)


def why_no_caption_readout(condition: Condition, labels: Labels) -> str | None:
    """Why no object can be predicted from a condition's captions; None where one can."""
    if not OBJECTIVES[condition.objective].uses_captions:
        return "trained without captions"
    return None if all(labels.objects) else "no caption names the object"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A saved state in training: embeddings and scores of images and captions.

    Attributes:
        z: unit vectors of the images of each split, (n, E), and of those of `REMAINING` where the
            checkpoint has them.
        scores: of the same images with the captions, (n, K).
        captions: unit vectors of the captions, (K, E); (0, E) of a captioner, which has none.
        scale: with `bias`, turns a cosine into a logit.
        panel: embeddings and scores of composite images, by kind.
        readout: predicts the object.
    """

    z: dict[str, Array]
    scores: dict[str, NDArray[np.float64]]
    captions: Array
    scale: float
    bias: float
    panel: dict[str, tuple[Array, NDArray[np.float64]]]
    readout: ObjectReadout


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """One model of a job: its condition, its captions, its images and its checkpoints.

    Attributes:
        test_caption_index: of each held-out image's caption, (m,).
        checkpoints: ``untrained`` and ``first_fit`` where there are any, and ``end``.
        first_fit_step: None where the training captions were never fitted.
    """

    condition: Condition
    labels: Labels
    views: Views
    test_caption_index: NDArray[np.int64]
    checkpoints: dict[str, Checkpoint]
    first_fit_step: int | None = None

    @property
    def caption_index(self) -> NDArray[np.int64]:
        """Index of each training image's caption, (n,)."""
        return self.views.training.caption_index

    @cached_property
    def held_out_rows(self) -> NDArray[np.int64]:
        """Row numbers of the held-out images on the map, (m,), rising: of an imported set all that
        nothing of the model was fitted on."""
        if not self.views.map_shows_all:
            return self.views.map_rows
        fitted_on = ["train"]
        if MITIGATIONS[self.condition.mitigation].new_layer:
            fitted_on.append("val")
        splits = [split for split in self.checkpoints["end"].z if split not in fitted_on]
        return np.sort(np.concatenate([self._rows_of(split) for split in splits]))

    def held_out_values(self, by_split: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Values of the held-out images on the map, (m, ...), from those of each split."""
        splits = [split for split in HELD_OUT if split in by_split]
        rows = np.concatenate([self._rows_of(split) for split in splits])
        index = pd.Index(rows).get_indexer(self.held_out_rows)
        return np.concatenate([by_split[split] for split in splits])[index]

    def _rows_of(self, split: str) -> NDArray[np.int64]:
        return self.views.remaining_rows if split == REMAINING else self.views.rows[split]

    @property
    def caption_counts(self) -> NDArray[np.float64]:
        """Training images of each of `TrainingSet.captions`, weighted as in the loss, (K,)."""
        from vlcore.model.losses import caption_counts

        training = self.views.training
        return caption_counts(
            self.caption_index,
            len(training.captions),
            self.condition.mitigation,
            self.views.column("group", "train"),
        )

    def object_scores(self, checkpoint: str, split: str = "test") -> NDArray[np.float64]:
        """Log scores of the two objects for the images of a split, (n, 2)."""
        state = self.checkpoints[checkpoint]
        objects = self.views.grouping.objects
        return state.readout.scores(objects, state.z[split], state.scores[split])

    def predicted(self, checkpoint: str, split: str = "test") -> NDArray[np.str_]:
        """The predicted object of each image of a split, (n,)."""
        state = self.checkpoints[checkpoint]
        objects = self.views.grouping.objects
        return state.readout.predicted(objects, state.z[split], state.scores[split])
