"""Map of a model: positions, neighbours and predicted objects of images, scores of captions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from vlcore.api.maps import read_map
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import caption_indices
from vlcore.experiment.captions import captions_of
from vlcore.experiment.errors import LabError
from vlcore.metrics.accuracy import confidence, logits
from vlcore.metrics.neighbours import nearest
from vlcore.metrics.projection import Plane, RigidTransform, fit_plane, place_among_neighbours
from vlcore.metrics.readouts import LastLayer, ObjectReadout
from vlcore.plots.options import PCA, Projection

WORD_BY_WORD = (
    "A captioner says captions word by word: they have no embeddings, and what it makes of a new"
    " image does not follow from the embedding alone."
)
UNTURNED = RigidTransform(np.zeros(2), np.eye(2), np.zeros(2))


class ComparisonError(LabError):
    """Models that cannot be compared; the message says why."""


@dataclass(frozen=True, eq=False)
class ModelMap:
    """One model's map of its images and captions.

    Attributes:
        rows: rows of the image set, (n,): the held-out images on the map, then the training set.
        n_held_out: how many of them are held out.
        z: embeddings of the images, (n, E).
        points: their positions, (n, 2).
        captions: texts of the captions, K.
        caption_z: (K, E); (0, E) where captions have no embeddings (`why_no_caption_z`).
        caption_points: (K, 2) or (0, 2).
        scores: of the images with the captions, (n, K).
        stored_predictions: predicted objects of the images, (n,), where the artifact holds them.
        readout: predicts the object of any other image.
        scale: with `bias`, turns a cosine into a logit.
        plane: of a linear map, with the shares of variance along its axes; else the principal one.
        turn: alignment of the positions with another map.
    """

    artifact: Artifact
    projection: Projection
    rows: NDArray[np.int64]
    n_held_out: int
    z: NDArray[np.float32]
    points: NDArray[np.float64]
    captions: tuple[str, ...]
    caption_z: NDArray[np.float32]
    caption_points: NDArray[np.float64]
    scores: NDArray[np.float64]
    stored_predictions: NDArray[np.str_] | None
    readout: ObjectReadout
    scale: float
    bias: float
    plane: Plane
    turn: RigidTransform = UNTURNED

    @cached_property
    def _row_index(self) -> pd.Index:
        return pd.Index(self.rows)

    def index(self, rows: Iterable[int]) -> NDArray[np.int64]:
        """Positions of rows among those of the map, (m,); -1 for a row that is not there."""
        return self._row_index.get_indexer(rows)

    def values_at(self, rows: Iterable[int], values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Values of the map's images, (n,) or (n, d), at rows; NaN where a row is not there."""
        index = self.index(rows)
        is_there = (index >= 0).reshape(-1, *[1] * (values.ndim - 1))
        return np.where(is_there, values[index], np.nan)

    @property
    def why_no_caption_z(self) -> str:
        """Why captions have no embeddings in this model; empty where they have."""
        return "" if len(self.caption_z) else WORD_BY_WORD

    def turned(self, turn: RigidTransform) -> ModelMap:
        """The same map, aligned with another."""
        return replace(
            self,
            points=turn.apply(self.points),
            caption_points=turn.apply(self.caption_points),
            turn=turn,
        )

    def among(self, rows: Iterable[int]) -> ModelMap:
        """The same map of fewer images, those of some rows; its neighbours are among these."""
        index = np.sort(self.index(rows))
        index = index[index >= 0]
        predictions = self.stored_predictions
        return replace(
            self,
            rows=self.rows[index],
            n_held_out=int(np.sum(index < self.n_held_out)),
            z=self.z[index],
            points=self.points[index],
            scores=self.scores[index],
            stored_predictions=None if predictions is None else predictions[index],
        )

    def held_out(self) -> ModelMap:
        """The same map without the training images."""
        return self.among(self.rows[: self.n_held_out])

    def untrained(self) -> ModelMap | None:
        """The linear map of the same images before the first step, on a plane fitted then; None of
        a model that was trained elsewhere."""
        stored = self.artifact.embeddings
        start = stored.untrained
        if start is None:
            return None
        z = np.concatenate([start.on_map, start.train])
        scores = start.scores
        if scores is None:
            scores = logits(z, start.captions, start.scale, start.bias)
        reference = np.concatenate([start.on_map, start.captions])
        plane = _component_plane(reference, self.projection.components)
        return replace(
            self,
            z=z,
            points=plane.place(z),
            caption_z=start.captions,
            caption_points=plane.place(start.captions),
            scores=scores,
            stored_predictions=None,
            readout=ObjectReadout(stored.caption_objects, None),
            scale=start.scale,
            bias=start.bias,
            plane=plane,
        )

    def place(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Positions of new embeddings: exact on linear maps, else an average of the nearest."""
        if not self.projection.fitted:
            return self.turn.apply(self.plane.place(z))
        return place_among_neighbours(z, self.z, self.points)

    def neighbours(
        self, z: NDArray[np.floating], k: int, apart_from: int | None = None
    ) -> list[tuple[int, float]]:
        """Row number and cosine of the k images nearest to one embedding, (E,), nearest first;
        `apart_from` is a row that is left out."""
        index = self.index([] if apart_from is None else [apart_from])
        is_shown = len(index) > 0 and index[0] >= 0
        indices, cosines = nearest(z[None], self.z, k, apart_from=index if is_shown else None)
        return list(zip(self.rows[indices[0]].tolist(), cosines[0].tolist(), strict=True))

    def logits(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores with the captions, (n, E) to (n, K); ComparisonError when these have no
        embeddings."""
        if self.why_no_caption_z:
            raise ComparisonError(self.why_no_caption_z)
        return logits(z, self.caption_z, self.scale, self.bias)

    def object_scores(
        self, objects: Sequence[str], z: NDArray[np.floating]
    ) -> NDArray[np.float64] | None:
        """Log scores of the objects for new embeddings, (n, E) to (n, 2).

        None where the model predicts no object; ComparisonError of a captioner.
        """
        if not self.readout.predicts_objects:
            return None
        caption_scores = self.logits(z) if self.readout.layer is None else np.empty((len(z), 0))
        return self.readout.scores(objects, z, caption_scores)

    def image_scores(self, objects: Sequence[str]) -> NDArray[np.float64] | None:
        """Log scores of the objects for the images of the map, (n, 2); None where the model
        predicts no object."""
        if not self.readout.predicts_objects:
            return None
        return self.readout.scores(objects, self.z, self.scores)

    def predicted_objects(
        self, objects: Sequence[str], z: NDArray[np.floating] | None = None
    ) -> NDArray[np.str_] | None:
        """Predicted objects of new embeddings, (n, E), or of the images of the map, (n,).

        None where the model predicts no object; ComparisonError of new images and a captioner.
        """
        if z is not None:
            scores = self.object_scores(objects, z)
        elif self.stored_predictions is not None:
            return self.stored_predictions
        else:
            scores = self.image_scores(objects)
        return None if scores is None else np.asarray(objects)[scores.argmax(axis=1)]

    def is_right(self, images: ImageSet) -> NDArray[np.bool_] | None:
        """Whether the predicted object of each image of the map is the one that it shows, (n,);
        None where the model predicts no object."""
        predicted = self.predicted_objects(images.grouping.objects)
        if predicted is None:
            return None
        return np.asarray(predicted == images.table["object"].to_numpy()[self.rows], dtype=bool)

    def confidence(self, objects: Sequence[str]) -> NDArray[np.float64] | None:
        """Probability of the predicted object of each image of the map, (n,), as the scores give
        it, uncalibrated; NaN where they predict another one than the artifact holds. None where the
        model predicts no object, or no score leads to it."""
        predicted, scores = self.predicted_objects(objects), self.image_scores(objects)
        if predicted is None or scores is None:
            return None
        is_predicted = np.asarray(objects)[scores.argmax(axis=1)] == predicted
        return np.where(is_predicted, confidence(scores), np.nan)


def model_map(artifact: Artifact, projection: Projection = PCA) -> ModelMap:
    """Build the map of a model from its artifact, or from the fitted map beside it.

    Args:
        artifact: the model.
        projection: which plane or fitted map.

    Raises:
        StoreError: the map must be fitted and is not yet.
        ComparisonError: the space has fewer components.
    """
    stored = artifact.embeddings
    end = stored.end
    z = end.images
    scores = end.scores
    if scores is None:
        scores = logits(z, end.captions, end.scale, end.bias)
    if projection.components != PCA.components:
        plane = _component_plane(np.concatenate([end.on_map, end.captions]), projection.components)
    else:
        plane = Plane(**stored.plane)
    if projection.fitted:
        positions = read_map(artifact.key, projection)
        points = np.concatenate([positions["map"], positions["train"]])
        caption_points = positions["captions"]
    else:
        points = plane.place(z)
        caption_points = plane.place(end.captions)
    layer = None if stored.layer is None else LastLayer(**stored.layer)
    return ModelMap(
        artifact=artifact,
        projection=projection,
        rows=np.concatenate([stored.map_rows, stored.rows("train")]),
        n_held_out=len(end.on_map),
        z=z,
        points=points,
        captions=stored.caption_texts,
        caption_z=end.captions,
        caption_points=caption_points,
        scores=scores,
        stored_predictions=stored.predictions,
        readout=ObjectReadout(stored.caption_objects, layer),
        scale=end.scale,
        bias=end.bias,
        plane=plane,
    )


def _component_plane(reference: NDArray[np.floating], components: tuple[int, int]) -> Plane:
    """The plane of two principal components of a reference set, numbered from 1."""
    if min(reference.shape) < max(components):
        raise ComparisonError(
            f"This model's space has {min(reference.shape)} components; choose lower ones."
        )
    plane = fit_plane(reference, max(components))
    indices = [number - 1 for number in components]
    return replace(plane, components=plane.components[indices], shares=plane.shares[indices])


def image_captions(model: ModelMap, images: ImageSet, rows: NDArray[np.int64]) -> list[str]:
    """The caption that a model is given for each image of rows."""
    condition, grouping = model.artifact.condition, images.grouping
    indices = caption_indices(images, rows, condition)
    captions = captions_of(condition.labels, grouping, condition.template)
    return [captions[index].text for index in indices]


class CaptionScore(NamedTuple):
    """A caption's cosine with an embedding, and its share of a softmax over the model's
    captions."""

    caption: str
    similarity: float
    probability: float


def caption_scores(model: ModelMap, z: NDArray[np.floating]) -> list[CaptionScore]:
    """Scores of a model's captions with one embedding, (E,), best first; as `ModelMap.logits`."""
    cosines = model.caption_z @ z
    shares = softmax(model.logits(z[None])[0])
    order = np.argsort(-cosines, kind="stable")
    return [CaptionScore(model.captions[k], float(cosines[k]), float(shares[k])) for k in order]
