"""Models and comparisons as a notebook holds them: objects that show themselves.

`vlcore.train`, `load` and `compare` return them, and the commands ``train``, ``embed`` and ``compare`` print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, cast

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.charts.maps.tables import PLAIN, MapOptions
from vlcore.charts.theme import DARK, LIGHT
from vlcore.compare import page
from vlcore.compare.comparison import compare
from vlcore.compare.elsewhere import elsewhere
from vlcore.compare.metrics_table import Metrics, measures_of, measures_table
from vlcore.compare.model_map import ModelMap, caption_scores, model_map
from vlcore.core.condition import Condition
from vlcore.core.files import atomic
from vlcore.core.options import ArtefactKind
from vlcore.core.wording import title
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.opening import UploadError, open_upload
from vlcore.datasets.subset import on_its_set
from vlcore.measures.estimate import Estimate
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.runs.load import Loaded
from vlcore.runs.load import load as load_weights
from vlcore.runs.maps import Projection, make_map
from vlcore.runs.train import check_pictures, train_all, train_condition
from vlcore.store import artefacts, queue
from vlcore.store.progress import progress_bar, with_bar
from vlcore.studies import plans, registry
from vlcore.studies.results import StudyResults

Picture = str | Path | Image.Image
_BESIDE = {
    ArtefactKind.MAP: "a map",
    ArtefactKind.CHECK: "the check of an image set",
    ArtefactKind.IMPORT: "the report of an import",
}


def open_picture(path: str | Path) -> Image.Image:
    """A picture from a file, through the same checks as an upload; raises `UploadError`."""
    try:
        return open_upload(Path(path).read_bytes(), Path(path).name)
    except OSError as error:
        raise UploadError(f"{path} cannot be read ({error.strerror}); give the path of a picture.") from error


@dataclass(frozen=True, eq=False)
class Placed:
    """Pictures of one's own in a model, in the order they were given.

    Attributes:
        z, places: their embeddings, unit vectors, (n, E), and where they lie on the model's principal plane, (n, 2).
        captions: one row a picture and caption: ``picture``, ``caption``, ``similarity`` (cosine) and ``probability``
            (share of a softmax over the captions), best first; empty where the captions have no embeddings.
        neighbours: one row a picture and neighbour: ``picture``, ``row`` in the image set, ``similarity`` (cosine)."""

    names: tuple[str, ...]
    z: NDArray[np.float32]
    places: NDArray[np.float64]
    captions: pd.DataFrame
    neighbours: pd.DataFrame


class Model:
    """A published model, by its `key`: its `condition`, what was measured of it, and what it makes of pictures."""

    def __init__(self, artefact: artefacts.Artefact) -> None:
        self.artefact, self.key = artefact, artefact.key

    @property
    def condition(self) -> Condition:
        return self.artefact.condition

    @cached_property
    def images(self) -> ImageSet:
        """The image set that it was trained on."""
        return open_set(self.condition.data, self.condition.data_version)

    @property
    def metrics(self) -> Metrics:
        """What was measured at the end of training."""
        return self.at("end")

    def at(self, moment: str) -> Metrics:
        """What was measured at a moment, ``untrained``, ``first_fit`` or ``end``; KeyError where it has none such."""
        if moment not in ("untrained", "first_fit", "end") or self.artefact.metrics.get(moment) is None:
            raise KeyError(f"{self.key} was not measured at the moment {moment!r}; choose untrained or end.")
        return Metrics(self.artefact.metrics[moment])

    @property
    def history(self) -> pd.DataFrame:
        """Loss and share of training captions right, a row a step that was looked at."""
        return pd.read_csv(self.artefact.path / "history.csv")

    @cached_property
    def embeddings(self) -> StoredEmbeddings:
        """The embeddings of its pictures and captions, and which rows of the image set they are of."""
        return StoredEmbeddings(self.artefact)

    @cached_property
    def map(self) -> ModelMap:
        """Its pictures and captions on the principal plane."""
        return model_map(self.artefact)

    @cached_property
    def loaded(self) -> Loaded:
        """Its weights, ready to be asked of pictures and captions."""
        return load_weights(self.artefact)

    def embed(self, pictures: Sequence[Picture] | Picture, neighbours: int = 5) -> Placed:
        """Where pictures land: embedding, place, captions and so many neighbours among the model's own pictures. They
        are paths of PNG, JPEG or WebP files, or PIL images. UploadError when a file is not there or is no picture,
        StoreError when the model has no weights, because its embeddings were computed elsewhere."""
        given = [pictures] if isinstance(pictures, str | Path | Image.Image) else list(pictures)
        names = tuple(f"picture {n}" if isinstance(one, Image.Image) else str(one) for n, one in enumerate(given, 1))
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
        """How often it names the animal right in places and styles that no edit of a training set can draw in, by the
        place and in ``all``. ComparisonError where its set is not drawn, or its labels name no object."""
        return elsewhere(self.map, self.loaded, self.images)

    def __repr__(self) -> str:
        return f"<Model {self.key}: {title(self.condition)}>"

    def _repr_html_(self) -> str:
        table = measures_of(self.artefact, self.images.grouping).to_html(index=False)
        return f"<p><b>{escape(title(self.condition))}</b><br><code>{escape(self.key)}</code></p>{table}"


class SideBySide:
    """One to four models on linked maps; their `comparison` is the maps as tables."""

    def __init__(self, models: Sequence[Model | str], projection: Projection) -> None:
        held = [model if isinstance(model, Model) else Model(artefacts.read(model)) for model in models]
        keys = [model.key for model in held]
        if projection.kind == "prompts" and not any(projection.prompts):
            grouping = held[0].images.grouping
            projection = Projection("prompts", prompts=(*grouping.objects, *grouping.contexts))
        if projection.fitted:
            for among in [keys] if projection.together else [[key] for key in keys]:
                make_map(among, projection)
        self.images = held[0].images
        self.comparison = compare([model_map(model.artefact, projection, keys) for model in held], self.images)

    def chart(self, side: int = 360, *, dark: bool = False, options: MapOptions = PLAIN) -> alt.TopLevelMixin:
        """The linked maps, with pictures under the pointer and the board of groups beneath; `side` of a map in px."""
        return page.figure(self.comparison, self.images.grouping, DARK if dark else LIGHT, side, options)

    @property
    def points(self) -> pd.DataFrame:
        """One row a picture, with its place on every map and what each model says of it."""
        return self.comparison.points.drop(columns=["thumb", "spoken"])

    def table(self) -> pd.DataFrame:
        """Every measure of every model, beside the untrained encoder and the pixels."""
        return measures_table(self.comparison, self.images.grouping)

    def html(self) -> str:
        """Maps, words, numbers and film as one page that works offline."""
        return page.page(self.comparison, self.images)

    def save(self, path: str | Path) -> Path:
        """Write `html` to a file, whole or not at all."""
        with atomic(Path(path), durable=True) as aside:
            aside.write_text(self.html(), encoding="utf-8", newline="")
        return Path(path)

    def __repr__(self) -> str:
        return f"<SideBySide {', '.join(model.artefact.key for model in self.comparison.models)}>"

    def _repr_mimebundle_(self, **_kinds: Any) -> Any:
        return cast(Any, self.chart())._repr_mimebundle_()


def train(condition: Condition | None = None) -> Model:
    """Train a model of a condition, or load it where it is on the disk already; the usual one when absent: no bias,
    short labels. LabError when the image set lacks pictures that it needs, or another process trains it just now.

    >>> import vlcore as vl
    >>> vl.train(vl.Condition(bias=0.75, labels="descriptive", steps=12))
    <Model scenes-b75-descriptive-bce-s0-...: 75 % removed (12 of 48 kept), descriptive labels>
    """
    wanted = on_its_set(condition or Condition())
    check_pictures(wanted)
    with_bar(wanted.key, lambda: train_condition(wanted))
    return load(wanted.key)


def load(key: str) -> Model:
    """A model on the disk, by its key; LabError where there is none, or its files do not match their checksums.

    >>> import vlcore as vl
    >>> vl.load(vl.train(vl.Condition(steps=12)).key).condition.data
    'scenes'
    """
    if beside := artefacts.kind_beside(key):
        what = f"{_BESIDE[beside]}, not a model"
        raise artefacts.StoreError(f"{key} is {what}; `python -m vlcore status` lists the models.")
    return Model(artefacts.read(key))


def models() -> pd.DataFrame:
    """The models on the disk, by key: a title and every setting of their conditions.

    >>> import vlcore as vl
    >>> vl.models()[["title", "bias", "labels"]]  # doctest: +SKIP
    """
    found = {key: artefacts.condition_of(key) for key in artefacts.model_keys()}
    known = {key: {"title": title(one), **vars(one)} for key, one in found.items() if one is not None}
    return pd.DataFrame(list(known.values()), index=pd.Index(list(known), name="key"))


def study(
    name: str, *, base: Condition | None = None, seeds: int = 1, jobs: int | None = None, controls: bool = False
) -> StudyResults:
    """Run all conditions of a study that are missing, over worker processes.

    Args:
        name: ``experiments``, ``class``, ``paper`` or another of `vlcore.studies.plans.STUDIES`, or a YAML file.
        base: what all conditions share, such as the image set or the steps.
        seeds: number of paired blocks; fewer than six decide nothing.
        jobs: worker processes; one a core when absent.
        controls: whether to run what the claims must beat too: placebo labels, removal at random.

    Raises:
        LabError: when there is no such study, or none of its conditions could be trained.

    >>> import vlcore as vl
    >>> found = vl.study("experiments", base=vl.Condition(steps=12))
    >>> found.findings().table()  # doctest: +SKIP
    """
    plan = plans.find(name, base and on_its_set(base), seeds)
    wanted = [*plan.everything, *(plans.controls(plan) if controls else ())]
    check_pictures(wanted[0])
    registry.write_down(plan)
    workers = queue.worker_pool(jobs or queue.all_cores())
    with workers as pool, progress_bar(len(wanted), f"study {name}", unit="model") as bar:
        ended = train_all(wanted, pool, lambda _key, _outcome: bar.update())
    failed = [words for words in ended.values() if words.startswith("failed")]
    if len(failed) == len(wanted):
        raise artefacts.StoreError(f"No condition could be trained; the first {failed[0]}")
    return StudyResults(plan)
