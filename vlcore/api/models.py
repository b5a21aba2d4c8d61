"""Models for notebooks, commands and pages: trained or loaded by one call each.

`vlcore.train` and `vlcore.load` return a `Model`, which has a representation in notebooks; the
commands ``train`` and ``embed`` print it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from vlcore.api.answers import Answers, ask, judge_or_none
from vlcore.api.explain import Explanation, ask_image, ask_rows, attribute
from vlcore.api.metrics_table import measures_of
from vlcore.api.model_map import ModelMap, model_map
from vlcore.api.model_metrics import Metrics
from vlcore.api.training import check_trainable, train_condition
from vlcore.artifacts import store
from vlcore.artifacts.embeddings import StoredEmbeddings
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import UploadError, as_opened, open_upload
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import on_its_set
from vlcore.data.uploads import UploadedPicture
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import ArtifactKind, shown_name
from vlcore.experiment.wording import title
from vlcore.jobs.progress import job_bar
from vlcore.model.load import Loaded, load_model

ImageInput = str | Path | Image.Image
MODEL = "Model"  # what the only model of some answers is called
_CHECKPOINTS = ("untrained", "first_fit", "end")
_NO_MODELS = {
    ArtifactKind.MAP: "a map",
    ArtifactKind.CHECK: "the check of an image set",
    ArtifactKind.IMPORT: "the report of an import",
}


def open_image(path: str | Path) -> Image.Image:
    """Open an image file through the same checks as an upload; raises `UploadError`."""
    if not str(path):  # `Path` takes it for the current folder
        raise UploadError("No image is named by an empty text; give the path of an image.")
    try:
        return open_upload(Path(path).read_bytes(), Path(path).name)
    except OSError as error:
        raise UploadError(
            f"{path} cannot be read ({error.strerror}); give the path of an image."
        ) from error


def opened_image(image: ImageInput) -> Image.Image:
    """An image as it is embedded, whether it comes as a file or not."""
    return as_opened(image) if isinstance(image, Image.Image) else open_image(image)


def opened_picture(image: ImageInput, shows: str = "") -> UploadedPicture:
    """An image to ask about, under the name of its file; `shows` is its object, where known."""
    name = "image" if isinstance(image, Image.Image) else Path(image).name
    return UploadedPicture(name, opened_image(image), object=shows)


class Model:
    """A published model: its `key`, `condition`, metrics, and embeddings of new images."""

    def __init__(self, artifact: store.Artifact, images: ImageSet | None = None) -> None:
        """Wrap a published model; `images` is its image set where somebody has opened it."""
        self.artifact = artifact
        self.key = artifact.key
        self._images = images

    @property
    def condition(self) -> Condition:
        return self.artifact.condition

    @cached_property
    def images(self) -> ImageSet:
        """The image set that it was trained on."""
        return self._images or open_set(self.condition.data, self.condition.data_version)

    @property
    def metrics(self) -> Metrics:
        """Metrics of the final model."""
        return self.at("end")

    def at(self, moment: str) -> Metrics:
        """Metrics of a checkpoint: ``untrained``, ``end``, or ``first_fit`` where training came so
        far that 99% of its captions are right; KeyError of others."""
        metrics = self.artifact.metrics
        measured = [name for name in _CHECKPOINTS if metrics.get(name) is not None]
        if moment not in measured:
            raise KeyError(
                f"{self.key} has no metrics of the checkpoint {moment!r}; choose"
                f" {' or '.join(measured)}."
            )
        return Metrics(metrics[moment])

    @property
    def history(self) -> pd.DataFrame:
        """Loss and caption accuracy on training images by step; StoreError of a model that was
        trained elsewhere."""
        path = self.artifact.path / "history.csv"
        if not path.exists():
            raise store.StoreError(
                f"{self.key} was not trained here, so it has no history; choose a model that was."
            )
        return pd.read_csv(path)

    @cached_property
    def embeddings(self) -> StoredEmbeddings:
        """The embeddings of its images and captions, and the rows of the images."""
        return self.artifact.embeddings

    @cached_property
    def map(self) -> ModelMap:
        """Its images and captions on the principal plane."""
        return model_map(self.artifact)

    @cached_property
    def loaded(self) -> Loaded:
        """Its weights, ready to embed images and captions."""
        return load_model(self.artifact)

    def embed(self, images: Sequence[ImageInput] | ImageInput, shows: str = "") -> Answers:
        """Embed new images, and say what the model predicts for them; `Answers.table` has a row per
        image.

        Args:
            images: paths of PNG, JPEG, WebP, GIF or HEIC files, or PIL images.
            shows: the object that they show, where that is known.

        Raises:
            UploadError: a file is missing or is no image, or there is none.
            ImageSetError: the model's image set was removed.
        """
        if isinstance(images, str | Path | Image.Image):
            images = [images]
        pictures = [opened_picture(image, shows) for image in images]
        if not pictures:
            raise UploadError("There is no image to embed; give a path or an image.")
        return ask({MODEL: self}, self.images, pictures, judge_or_none(self.images))

    def explain(
        self, image: ImageInput | int | Sequence[int], *, shows: str = "", top: int = MOST
    ) -> Explanation:
        """Find the training images that moved a prediction most.

        Args:
            image: a held-out image, by its row; several of one object; or a new image.
            shows: the object of a new image; without it, the one that is not predicted.
            top: images that are shown and tested, on each side.

        Raises:
            ExplainError: the model or the images cannot be explained.
        """
        if isinstance(image, str | Path | Image.Image):
            question = ask_image(self.artifact, self.images, opened_image(image), shows)
        else:
            rows = np.ravel(image).tolist()  # also a number of numpy
            question = ask_rows(self.artifact, self.images, rows)
        return attribute(self.key, question, top)

    def __repr__(self) -> str:
        return f"<Model {self.key}: {title(self.condition)}>"

    def _repr_html_(self) -> str:
        table = measures_of(self.artifact, self.images.grouping).to_html(index=False)
        heading = f"<b>{escape(title(self.condition))}</b><br><code>{escape(self.key)}</code>"
        return f"<p>{heading}</p>{table}"


def train(condition: Condition | None = None) -> Model:
    """Train a model of a condition, or load it where it is on the disk already.

    The default condition has no bias and short labels. LabError when the image set lacks images
    that the condition needs, or another process trains it now.

    >>> import vlcore as vl
    >>> vl.train(vl.Condition(bias=0.75, labels="descriptive", steps=12))
    <Model scenes-b75-descriptive-bce-s0-...: Bias 75% (12 of 48 rare images kept), ...>
    """
    checked = on_its_set(condition or Condition())
    check_trainable(checked)
    with job_bar(checked.key):
        train_condition(checked)
    return load(checked.key)


def load(key: str) -> Model:
    """Load a model by its key; LabError where there is none, or its files are damaged.

    >>> import vlcore as vl
    >>> vl.load(vl.train(vl.Condition(steps=12)).key).condition.data
    'scenes'
    """
    if kind := store.kind_of_key(key):
        raise store.StoreError(
            f"{key} is {_NO_MODELS[kind]}, not a model; `python -m vlcore status` lists the models."
        )
    return Model(store.read(key))


def as_model(model: Model | str) -> Model:
    """Return a model, or the model of a key as `load` reads it.

    Raises:
        LabError: it is neither a model nor a key, or there is no such model.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, str):
        return load(model)
    raise LabError(
        f"A {type(model).__name__} is not a model; give a model of vl.train or vl.load, or its key."
    )


def models() -> pd.DataFrame:
    """The models on the disk, by key: a title and every setting of their conditions, by the names
    that pages show.

    >>> import vlcore as vl
    >>> vl.models()[["title", "bias", "labels"]]  # doctest: +SKIP
    """
    rows = {}
    for key in store.model_keys():
        condition = store.condition_of(key)
        if condition is not None:
            settings = {field: shown_name(field, value) for field, value in vars(condition).items()}
            rows[key] = {"title": title(condition), **settings}
    return pd.DataFrame(list(rows.values()), index=pd.Index(list(rows), name="key"))


def embed(
    model: Model | str, images: Sequence[ImageInput] | ImageInput, shows: str = ""
) -> Answers:
    """Embed new images by a model, or by the model of a key; as `Model.embed`.

    >>> import vlcore as vl
    >>> vl.embed(vl.models().index[0], "horse.png").table()  # doctest: +SKIP
    """
    return as_model(model).embed(images, shows)


def explain(
    model: Model | str, image: ImageInput | int | Sequence[int], *, shows: str = "", top: int = MOST
) -> Explanation:
    """Find the training images that moved a prediction most, by a model or by the model of a key;
    as `Model.explain`. `Explanation.test` trains without them.

    >>> import vlcore as vl
    >>> model = vl.train(vl.Condition(bias=0.75, labels="descriptive", steps=12))
    >>> why = vl.explain(model, 3000)
    >>> len(why.images)
    120
    >>> why.test().sentence  # doctest: +SKIP
    """
    return as_model(model).explain(image, shows=shows, top=top)
