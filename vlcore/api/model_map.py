"""Map of a model: its pictures and captions in the plane, their neighbours, and what the model says
of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from vlcore.api.maps import PCA, Projection, read_map
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import relabelled
from vlcore.experiment.captions import caption_index, captions_of
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import ArtifactKind
from vlcore.metrics.accuracy import logits, object_scores, predict_objects
from vlcore.metrics.projection import (
    Plane,
    RigidTransform,
    fit_plane,
    nearest,
    place_among_neighbours,
)
from vlcore.metrics.readouts import LastLayer
from vlcore.model.artifact_files import StoredEmbeddings
from vlcore.model.load import Loaded, load

Ask = Callable[[Artifact], Loaded]
UNTURNED = RigidTransform(np.zeros(2), np.eye(2), np.zeros(2))


class ComparisonError(LabError):
    """Models that cannot be compared; the message says why."""


@dataclass(frozen=True, eq=False)
class ModelMap:
    """One model's map of its pictures and captions."""

    artifact: Artifact
    projection: Projection
    rows: NDArray[
        np.int64
    ]  # in the image set, (n,): the held-out reference set, then the training set
    held_out: int  # how many of them are held out
    z: NDArray[np.float32]  # embeddings of the pictures, (n, E)
    points: NDArray[np.float64]  # their places, (n, 2)
    captions: tuple[str, ...]
    caption_z: NDArray[
        np.float32
    ]  # (K, E); (0, E) of a captioner, whose captions have no embeddings
    caption_points: NDArray[np.float64]  # (K, 2) or (0, 2)
    scores: NDArray[np.float64]  # of the pictures with the captions, (n, K)
    relabelled: NDArray[np.str_] | None  # object that a readout other than the captions names, (n,)
    layer: (
        LastLayer | None
    )  # the last layer that names the object of any picture; None where captions do
    scale: float  # with the bias, what turns a cosine into a logit
    bias: float
    # of a linear map, with the shares of variance along its axes; else the principal plane
    plane: Plane
    turn: RigidTransform = UNTURNED  # what was done to the places so that they match another map

    @cached_property
    def _places(self) -> pd.Index:
        return pd.Index(self.rows)

    def index(self, rows: Iterable[int]) -> NDArray[np.int64]:
        """Where the pictures of rows are among those of the map, (m,); -1 of one that is not
        there."""
        return self._places.get_indexer(rows)

    def values_at(self, rows: Iterable[int], values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Of values of the map's pictures, (n,) or (n, d), those of rows; NaN of one that is not
        there."""
        index = self.index(rows)
        return np.where((index >= 0).reshape(-1, *[1] * (values.ndim - 1)), values[index], np.nan)

    def turned(self, turn: RigidTransform) -> ModelMap:
        """The same map, turned onto another."""
        return replace(
            self,
            points=turn.apply(self.points),
            caption_points=turn.apply(self.caption_points),
            turn=turn,
        )

    def place(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Places of new embeddings: exact on linear maps, an average of the nearest pictures on
        other ones."""
        if not self.projection.fitted:
            return self.turn.apply(self.plane.place(z))
        return place_among_neighbours(z, self.z, self.points)

    def neighbours(
        self, z: NDArray[np.floating], k: int, apart_from: int | None = None
    ) -> list[tuple[int, float]]:
        """The k pictures of the map nearest to one embedding, (E,): row number and cosine, nearest
        first."""
        indices, similarities = nearest(z[None], self.z, k + 1)
        found = [
            (int(self.rows[i]), float(s)) for i, s in zip(indices[0], similarities[0], strict=True)
        ]
        return [(row, similarity) for row, similarity in found if row != apart_from][:k]

    def logits(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores with the captions, (n, E) to (n, K); ComparisonError when these have no
        embeddings."""
        if len(self.caption_z) == 0:
            unknown = "what it makes of a new picture does not follow from the embedding alone"
            raise ComparisonError(f"A captioner says captions word by word: {unknown}.")
        return logits(z, self.caption_z, self.scale, self.bias, self.artifact.condition.logit)


def model_map(
    artifact: Artifact, projection: Projection = PCA, among: Sequence[str] = (), ask: Ask = load
) -> ModelMap:
    """A model's map, from its artifact, or from the fitted map beside it. `among` are the keys of
    all models that are compared, for a map that is fitted on them together; `ask` gives the model
    itself, whose embeddings of the four prompts prompt axes need. StoreError when the map must be
    fitted and was not yet; ComparisonError when the space has fewer components, or two prompts of
    an axis are one point in it."""
    stored = StoredEmbeddings(artifact)
    end, plane = stored.end, stored.plane
    z = np.concatenate([end.on_map, end.train])
    scores = end.scores
    if scores is None:
        scores = logits(z, end.captions, end.scale, end.bias, artifact.condition.logit)
    if projection.kind == "prompts":
        plane = _prompt_plane(end.on_map, ask(artifact).embed_captions(projection.prompts))
    elif projection.components != PCA.components:
        reference = np.concatenate([end.on_map, end.captions])
        if min(reference.shape) < max(projection.components):
            raise ComparisonError(
                f"This model's space has {min(reference.shape)} components; choose lower ones."
            )
        every = fit_plane(reference, max(projection.components))
        chosen = [number - 1 for number in projection.components]
        plane = replace(every, components=every.components[chosen], shares=every.shares[chosen])
    if projection.fitted:
        places = read_map(among or [artifact.key], artifact.key, projection)
        points, caption_points = (
            np.concatenate([places["map"], places["train"]]),
            places["captions"],
        )
    else:
        points, caption_points = plane.place(z), plane.place(end.captions)
    return ModelMap(
        artifact=artifact,
        projection=projection,
        rows=np.concatenate([stored.map_rows, stored.rows("train")]),
        held_out=len(end.on_map),
        z=z,
        points=points,
        captions=stored.caption_texts,
        caption_z=end.captions,
        caption_points=caption_points,
        scores=scores,
        relabelled=stored.relabelled,
        layer=stored.layer,
        scale=end.scale,
        bias=end.bias,
        plane=plane,
    )


def _prompt_plane(reference: NDArray[np.floating], prompts: NDArray[np.floating]) -> Plane:
    """The plane whose axes lead from one prompt to another, as unit vectors; the origin is that of
    the space. They need not be at right angles: a place is the pair of cosines with them, which is
    what they are read as.
    """
    x_from, x_to, y_from, y_to = np.asarray(prompts, dtype=np.float64)
    ways = np.stack([x_to - x_from, y_to - y_from])
    lengths = np.linalg.norm(ways, axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        one_point = "Two prompts of an axis are one point in this model: they are the same"
        raise ComparisonError(
            f"{one_point}, or it knows none of the words in which they differ; choose others."
        )
    axes = ways / lengths
    z = np.asarray(reference, dtype=np.float64)
    variance = float(z.var(axis=0).sum())
    shares = (z @ axes.T).var(axis=0) / variance if variance > 1e-12 else np.zeros(2)
    return Plane(np.zeros(z.shape[1]), axes, shares, variance)


def object_scores_of(
    model: ModelMap, z: NDArray[np.floating], grouping: Grouping
) -> NDArray[np.float64] | None:
    """Log scores of the objects for new embeddings, (n, E) to (n, 2), by the model's own readout,
    which is its last layer or its captions; None where neither names an object. Raises as
    `ModelMap.logits`."""
    if model.layer is not None:
        return model.layer.scores(z, grouping.objects)
    objects = _named_objects(model, grouping)
    return None if objects is None else object_scores(model.logits(z), objects, grouping.objects)


def predictions(model: ModelMap, grouping: Grouping) -> NDArray[np.str_] | None:
    """The object that a model reads off each picture of its map, (n,); None where its captions name
    none."""
    if model.relabelled is not None:
        return model.relabelled
    objects = _named_objects(model, grouping)
    return None if objects is None else predict_objects(model.scores, objects, grouping.objects)


def _named_objects(model: ModelMap, grouping: Grouping) -> list[str] | None:
    """The object that each caption of a model names; None where one names none."""
    condition = model.artifact.condition
    objects = [said.object for said in captions_of(condition.labels, grouping, condition.template)]
    return objects if all(objects) else None


def picture_captions(model: ModelMap, images: ImageSet, rows: NDArray[np.int64]) -> list[str]:
    """The caption that a model is given for each picture of rows; of imported embeddings, what is
    known of it."""
    condition, grouping = model.artifact.condition, images.grouping
    if condition.kind is ArtifactKind.IMPORTED:
        return images.table["caption"].iloc[rows].tolist()
    own = caption_index(
        condition.labels, images.table, rows, grouping, condition.data_seed, condition.template
    )
    said = captions_of(condition.labels, grouping, condition.template)
    trained = set(model.rows[model.held_out :].tolist())
    edited = {
        edit.picture: one.text
        for edit, one in relabelled(images, condition).items()
        if edit.picture in trained
    }
    return [
        edited.get(row, said[number].text) for row, number in zip(rows.tolist(), own, strict=True)
    ]


class CaptionScore(NamedTuple):
    """A caption's cosine with an embedding, and its share of a softmax over the model's
    captions."""

    caption: str
    similarity: float
    probability: float


def caption_scores(model: ModelMap, z: NDArray[np.floating]) -> list[CaptionScore]:
    """What each caption of a model scores with one embedding, (E,); best first; raises as
    `ModelMap.logits`."""
    cosines = model.caption_z @ z
    shares = softmax(model.logits(z[None])[0])
    order = np.argsort(-cosines, kind="stable")
    return [CaptionScore(model.captions[k], float(cosines[k]), float(shares[k])) for k in order]
