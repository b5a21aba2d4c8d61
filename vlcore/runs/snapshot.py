"""Snapshots of a model: what it makes of pictures and captions at one moment, and which object it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlcore.core.condition import Condition
from vlcore.measures.accuracy import logits, object_scores
from vlcore.runs.views import Array, Labels, Views

if TYPE_CHECKING:
    from vlcore.measures.last_layer import LastLayer


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a model makes of pictures and captions at one moment.

    Attributes:
        z: unit vectors of the pictures of each split, (n, E).
        scores: of the same pictures with the captions, (n, K).
        captions: unit vectors of the captions, (K, E); (0, E) of a captioner, whose captions have none.
        scale, bias: what turns a cosine into a logit.
        bare: unit vectors of the objects' names alone, (2, E); (0, E) where they are not known.
        panel: unit vectors and scores of the pictures that are put together from objects and backgrounds, by kind.
        layer: the new last layer that names the object; None where captions do.
    """

    z: dict[str, Array]
    scores: dict[str, NDArray[np.float64]]
    captions: Array
    scale: float
    bias: float
    bare: Array
    panel: dict[str, tuple[Array, NDArray[np.float64]]]
    layer: LastLayer | None

    @classmethod
    def of_vectors(
        cls,
        z: dict[str, Array],
        captions: Array,
        scale: float,
        bias: float,
        *,
        bare: Array,
        panel: Mapping[str, Array],
        layer: LastLayer | None,
    ) -> Snapshot:
        """Of a model whose scores are those of its cosines."""
        scores = {split: logits(of, captions, scale, bias) for split, of in z.items()}
        looked = {kind: (of, logits(of, captions, scale, bias)) for kind, of in panel.items()}
        return cls(z, scores, captions, scale, bias, bare, looked, layer)


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """One model of a job.

    Attributes:
        condition: what it is.
        labels: what was said of pictures.
        views: the pictures that it saw.
        own: index of each training picture's caption, (n,); (0,) where pictures have none of their own.
        snapshots: ``untrained`` and ``first_fit`` where there are any, and ``end``.
        wordless: why nothing is asked of pictures and their own captions; None where something is.
        first_fit_step: step at which the training captions were fitted; None where they never were.
        jtt_first_run: as of `vlcore.learning.train.TrainedModel`.
    """

    condition: Condition
    labels: Labels
    views: Views
    own: NDArray[np.int64]
    snapshots: dict[str, Snapshot]
    wordless: str | None = None
    first_fit_step: int | None = None
    jtt_first_run: tuple[int, NDArray[np.bool_]] | None = None

    def object_scores(self, moment: str, z: Array, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log scores of the objects for pictures, from their embeddings and their scores with captions, (n, 2).

        Raises:
            ValueError: when no caption speaks of one of the objects.
        """
        objects, layer = self.views.grouping.objects, self.snapshots[moment].layer
        return object_scores(scores, self.labels.objects, objects) if layer is None else layer.scores(z, objects)

    def names(self, moment: str, z: Array, scores: NDArray[np.float64]) -> NDArray[np.str_]:
        """The object that the model names for such pictures, (n,): by its captions, or by its new last layer."""
        return np.asarray(self.views.grouping.objects)[self.object_scores(moment, z, scores).argmax(axis=1)]

    def predicted(self, moment: str, split: str = "test") -> NDArray[np.str_]:
        """The object that the model names for each picture of a split, (n,)."""
        snapshot = self.snapshots[moment]
        return self.names(moment, snapshot.z[split], snapshot.scores[split])
