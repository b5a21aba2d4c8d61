"""Models as notebooks, commands and pages hold them: trained or loaded by one call each.

`vlcore.train` and `vlcore.load` return a `Model`, which shows itself in a notebook, and which the
commands ``train`` and ``embed`` print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.api.metrics_table import measures_of
from vlcore.api.model_map import ModelMap, caption_scores, model_map
from vlcore.api.model_metrics import Metrics
from vlcore.api.training import check_trainable, train_condition
from vlcore.api.unseen_scenes import unseen_accuracy
from vlcore.artifacts import store
from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import UploadError, open_upload
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.wording import title
from vlcore.jobs.progress import with_bar
from vlcore.metrics.estimate import Estimate
from vlcore.model.load import Loaded
from vlcore.model.load import load as load_weights

Picture = str | Path | Image.Image
_BESIDE = {
    ArtifactKind.MAP: "a map",
    ArtifactKind.CHECK: "the check of an image set",
    ArtifactKind.IMPORT: "the report of an import",
}


def open_picture(path: str | Path) -> Image.Image:
    """A picture from a file, through the same checks as an upload; raises `UploadError`."""
    try:
        return open_upload(Path(path).read_bytes(), Path(path).name)
    except OSError as error:
        raise UploadError(
            f"{path} cannot be read ({error.strerror}); give the path of a picture."
        ) from error


@dataclass(frozen=True, eq=False)
class Placed:
    """Pictures of one's own in a model, in the order they were given.

    Attributes:
        z, places: their embeddings, unit vectors, (n, E), and where they lie on the model's
        principal plane, (n, 2).
        captions: one row a picture and caption: ``picture``, ``caption``, ``similarity`` (cosine)
            and ``probability`` (share of a softmax over the captions), best first; empty where the
            captions have no embeddings.
        neighbours: one row a picture and neighbour: ``picture``, ``row`` in the image set,
        ``similarity`` (cosine).
    """

    names: tuple[str, ...]
    z: NDArray[np.float32]
    places: NDArray[np.float64]
    captions: pd.DataFrame
    neighbours: pd.DataFrame


class Model:
    """A published model, by its `key`: its `condition`, what was measured of it, and what it makes
    of pictures."""

    def __init__(self, artifact: store.Artifact) -> None:
        self.artifact, self.key = artifact, artifact.key

    @property
    def condition(self) -> Condition:
        return self.artifact.condition

    @cached_property
    def images(self) -> ImageSet:
        """The image set that it was trained on."""
        return open_set(self.condition.data, self.condition.data_version)

    @property
    def metrics(self) -> Metrics:
        """What was measured at the end of training."""
        return self.at("end")

    def at(self, moment: str) -> Metrics:
        """What was measured at a moment, ``untrained``, ``first_fit`` or ``end``; KeyError where it
        has none such."""
        if (
            moment not in ("untrained", "first_fit", "end")
            or self.artifact.metrics.get(moment) is None
        ):
            raise KeyError(
                f"{self.key} was not measured at the moment {moment!r}; choose untrained or end."
            )
        return Metrics(self.artifact.metrics[moment])

    @property
    def history(self) -> pd.DataFrame:
        """Loss and share of training captions right, a row a step that was looked at."""
        return pd.read_csv(self.artifact.path / "history.csv")

    @cached_property
    def embeddings(self) -> StoredEmbeddings:
        """The embeddings of its pictures and captions, and which rows of the image set they are
        of."""
        return self.artifact.embeddings

    @cached_property
    def map(self) -> ModelMap:
        """Its pictures and captions on the principal plane."""
        return model_map(self.artifact)

    @cached_property
    def loaded(self) -> Loaded:
        """Its weights, ready to be asked of pictures and captions."""
        return load_weights(self.artifact)

    def embed(self, pictures: Sequence[Picture] | Picture, neighbours: int = 5) -> Placed:
        """Where pictures land: embedding, place, captions and so many neighbours among the model's
        own pictures. They are paths of PNG, JPEG or WebP files, or PIL images. UploadError when a
        file is not there or is no picture, StoreError when the model has no weights, because its
        embeddings were computed elsewhere."""
        given = [pictures] if isinstance(pictures, str | Path | Image.Image) else list(pictures)
        names = tuple(
            f"picture {n}" if isinstance(one, Image.Image) else str(one)
            for n, one in enumerate(given, 1)
        )
        opened = [one if isinstance(one, Image.Image) else open_picture(one) for one in given]
        z, said, near = self.loaded.embed_pictures(opened), [], []
        for name, vector in zip(names, z, strict=True):
            if len(self.map.caption_z):
                said += [(name, *score) for score in caption_scores(self.map, vector)]
            near += [(name, *found) for found in self.map.neighbours(vector, neighbours)]
        captions = pd.DataFrame(said, columns=["picture", "caption", "similarity", "probability"])
        near_them = pd.DataFrame(near, columns=["picture", "row", "similarity"])
        return Placed(names, z, self.map.place(z), captions, near_them)

    def elsewhere(self) -> dict[str, Estimate]:
        """How often it names the animal right in places and styles that no edit of a training set
        can draw in, by the place and in ``all``. ComparisonError where its set is not drawn, or its
        labels name no object.
        """
        return unseen_accuracy(self.map, self.loaded, self.images)

    def __repr__(self) -> str:
        return f"<Model {self.key}: {title(self.condition)}>"

    def _repr_html_(self) -> str:
        table = measures_of(self.artifact, self.images.grouping).to_html(index=False)
        heading = f"<b>{escape(title(self.condition))}</b><br><code>{escape(self.key)}</code>"
        return f"<p>{heading}</p>{table}"


def train(condition: Condition | None = None) -> Model:
    """Train a model of a condition, or load it where it is on the disk already; the usual one when
    absent: no bias, short labels. LabError when the image set lacks pictures that it needs, or
    another process trains it just now.

    >>> import vlcore as vl
    >>> vl.train(vl.Condition(bias=0.75, labels="descriptive", steps=12))
    <Model scenes-b75-descriptive-bce-s0-...: 75 % removed (12 of 48 kept), descriptive labels>
    """
    wanted = on_its_set(condition or Condition())
    check_trainable(wanted)
    with_bar(wanted.key, lambda: train_condition(wanted))
    return load(wanted.key)


def load(key: str) -> Model:
    """A model on the disk, by its key; LabError where there is none, or its files do not match
    their checksums.

    >>> import vlcore as vl
    >>> vl.load(vl.train(vl.Condition(steps=12)).key).condition.data
    'scenes'
    """
    if beside := store.kind_of_key(key):
        what = f"{_BESIDE[beside]}, not a model"
        raise store.StoreError(f"{key} is {what}; `python -m vlcore status` lists the models.")
    return Model(store.read(key))


def models() -> pd.DataFrame:
    """The models on the disk, by key: a title and every setting of their conditions.

    >>> import vlcore as vl
    >>> vl.models()[["title", "bias", "labels"]]  # doctest: +SKIP
    """
    found = {key: store.condition_of(key) for key in store.model_keys()}
    known = {
        key: {"title": title(one), **vars(one)} for key, one in found.items() if one is not None
    }
    return pd.DataFrame(list(known.values()), index=pd.Index(list(known), name="key"))


def embed(model: Model | str, images: Sequence[Picture] | Picture, neighbours: int = 5) -> Placed:
    """Where images are projected to by a model, or by that of a key; as `Model.embed`.

    >>> import vlcore as vl
    >>> vl.embed(vl.models().index[0], "horse.png").captions  # doctest: +SKIP
    """
    return (model if isinstance(model, Model) else load(model)).embed(images, neighbours)
