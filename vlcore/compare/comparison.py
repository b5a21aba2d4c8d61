"""Comparison of one to four models side by side, as the tables that charts draw.

A picture is one row, with its place in every map. The other maps are turned onto the first over the pictures that both
show, because sign and rotation of a projection are arbitrary; nothing is scaled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.maps.small import MapInfo
from vlcore.charts.thumbnails import thumb_uri
from vlcore.compare.model_map import ComparisonError, ModelMap, model_map, picture_captions, predictions
from vlcore.core.options import ArtefactKind
from vlcore.core.wording import title
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet, silent
from vlcore.measures.projection import align
from vlcore.runs import load as run_load
from vlcore.runs.load import Loaded
from vlcore.runs.maps import KINDS, PCA, Projection
from vlcore.store import artefacts

MOST_MODELS = 4
MOST_CAPTIONS = 8  # on a map
FEW_SHARED = 10  # held-out pictures below which a turn would be noise
Thumbs = Callable[[ImageSet, Sequence[int]], list[str]]


def names(models: int) -> tuple[str, ...]:
    """What the maps are called, in their order."""
    return ("left", "right") if models == 2 else ("first", "second", "third", "fourth")[:models]


@dataclass(frozen=True, eq=False)
class Upload:
    """A picture that somebody gave.

    Attributes:
        thumb: it as a small picture, a data URI that `thumb_uri` made.
        z: its embedding in each model, (E,) each.
    """

    thumb: str
    z: tuple[NDArray[np.floating], ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Maps as the tables that `vlcore.charts.maps.linked.linked_maps` draws.

    Attributes:
        models: the maps, turned onto the first.
        points: one row a picture, with the columns ``x``, ``y``, ``caption_``, ``predicted_``, ``says_`` and ``right_``
            of each map, numbered from 0.
        captions: one row a caption and map: ``caption``, ``pane``, ``x``, ``y``.
        infos: the words around each map.
        uploads: one row a picture that somebody gave, with ``id``, ``name``, ``thumb``, ``spoken`` and its places; None
            without any.
    """

    models: tuple[ModelMap, ...]
    points: pd.DataFrame
    captions: pd.DataFrame
    infos: tuple[MapInfo, ...]
    uploads: pd.DataFrame | None = None

    @property
    def named(self) -> dict[str, ModelMap]:
        """The maps by what they are called."""
        return dict(zip(names(len(self.models)), self.models, strict=True))

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row number in the image set of each picture of the table, (n,)."""
        return self.points["id"].str.removeprefix("p").astype(np.int64).to_numpy()


def load_map(
    key: str,
    projection: Projection = PCA,
    among: Sequence[str] = (),
    *,
    read: Callable[[str], artefacts.Artefact] = artefacts.read,
    ask: Callable[[artefacts.Artefact], Loaded] = run_load.load,
) -> ModelMap:
    """The map of a published model; `ask` is called where a projection has prompts, which it embeds.

    Raises:
        StoreError: when the model is absent or damaged, or a map that must be fitted was not yet.
    """
    artefact = read(key)
    prompts = ask(artefact).embed_captions(projection.prompts) if projection.kind == "prompts" else None
    return model_map(artefact, projection, among=among, prompts=prompts)


def image_set(model: ModelMap) -> ImageSet:
    """The image set that a model was trained on."""
    return open_set(model.artefact.condition.data, model.artefact.condition.data_version)


def draw_thumbs(images: ImageSet, rows: Sequence[int]) -> list[str]:
    """Small pictures of rows as data URIs; drawn first where their files are gone."""
    images.ensure_rendered(rows, silent)
    return [thumb_uri(images.image(row)) for row in rows]


def open(
    keys: Sequence[str],
    projection: Projection = PCA,
    uploads: Sequence[Upload] = (),
    *,
    load: Callable[[str, Projection, Sequence[str]], ModelMap] = load_map,
    images: Callable[[ModelMap], ImageSet] = image_set,
    thumbs: Thumbs = draw_thumbs,
) -> Comparison:
    """Models beside each other as all that shows them draws them: pages, files and the command line.

    Args:
        keys: of one to four published models, the one that the others are turned onto first.
        projection: how to lay their pictures out.
        uploads: pictures to place on the maps.
        load: a model's map, from its key, the projection and all keys.
        images: the image set of a map.
        thumbs: small pictures of rows, as data URIs.

    Raises:
        StoreError: as `load_map`.
        ComparisonError: as `compare`, or when the maps cannot be laid out so.
    """
    if not keys:
        raise ComparisonError(f"One to {MOST_MODELS} models are shown beside each other, not 0.")
    models = [load(key, projection, keys) for key in keys]
    return with_uploads(compare(models, images(models[0]), thumbs), uploads)


def compare(models: Sequence[ModelMap], images: ImageSet, thumbs: Thumbs) -> Comparison:
    """Put one to four maps beside each other.

    Args:
        models: maps of one kind, of models trained on one image set, or of embeddings of the same pictures.
        images: that image set, of imported embeddings the first one's.
        thumbs: small pictures of rows, as data URIs.

    Raises:
        ComparisonError: when the models come from different image sets, show different pictures, or are too many.
    """
    if len(models) > MOST_MODELS:
        raise ComparisonError(f"One to {MOST_MODELS} models are shown beside each other, not {len(models)}.")
    first = models[0]
    if any(_pictures(model.artefact) != _pictures(first.artefact) for model in models):
        raise ComparisonError("The models were trained on different image sets; choose models of one set.")
    turned = tuple(_turned(model, first) for model in models)
    rows = np.unique(np.concatenate([model.rows for model in models]))
    table = images.table.iloc[rows]
    points = pd.DataFrame(
        {
            "id": [f"p{row}" for row in rows],
            "object": table["object"].to_numpy(),
            "context": table["context"].to_numpy(),
            "group": table["group"].to_numpy(),
            "kind": np.where(_held_out(models, rows), "test", "training"),
            "minority": np.isin(table["group"], images.grouping.minority),
            "scene": table["scene"].to_numpy().astype(str),
            "thumb": thumbs(images, rows.tolist()),
        }
    )
    for pane, model in enumerate(turned):
        points = points.assign(**_columns(model, rows, images, pane))
    points["spoken"] = [
        f"{row.object}, {row.context}, {'held out' if row.kind == 'test' else 'training'}"
        for row in points.itertuples()
    ]
    captions = [_captions(model, pane) for pane, model in enumerate(turned)]
    infos = [
        map_info(model, aligned=_is_arbitrary(model) and model is not first, together=len(models) > 1)
        for model in models
    ]
    if len(models) > 2:  # of two, the places say which is which
        infos = [
            replace(info, title=f"{name.capitalize()}: {info.title}")
            for name, info in zip(names(len(models)), infos, strict=True)
        ]
    return Comparison(turned, points, pd.concat(captions, ignore_index=True), tuple(infos))


def _pictures(artefact: artefacts.Artefact) -> tuple[str, ...]:
    """What says that two models are of the same pictures."""
    if "pictures" in artefact.manifest:  # of imported embeddings: each encoder's are a set of their own
        return (str(artefact.manifest["pictures"]),)
    return artefact.condition.data, artefact.condition.data_version


def _is_arbitrary(model: ModelMap) -> bool:
    """Whether the orientation of a map means nothing by itself."""
    return model.projection.kind != "prompts" and not model.projection.together


def _turned(model: ModelMap, onto: ModelMap) -> ModelMap:
    if not _is_arbitrary(model):
        return model
    shared = np.intersect1d(model.rows[: model.held_out], onto.rows[: onto.held_out])
    if len(shared) < FEW_SHARED:  # folds of another seed hold other pictures out
        shared = np.intersect1d(model.rows, onto.rows)
    if len(shared) < 2:
        raise ComparisonError("The models show different pictures; choose models with one seed.")
    return model.turned(align(model.points[model.index(shared)], onto.points[onto.index(shared)]))


def _held_out(models: Sequence[ModelMap], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each picture is held out in the first model that shows it: folds of another seed hold others out."""
    held_out, known = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for model in models:
        held_out |= ~known & np.isin(rows, model.rows[: model.held_out])
        known |= np.isin(rows, model.rows)
    return held_out


def _columns(model: ModelMap, rows: NDArray[np.int64], images: ImageSet, pane: int) -> dict[str, Any]:
    """The columns of one map; pictures that it does not show have no place there."""
    places = model.values_at(rows, model.points).round(5)
    predicted = predictions(model, images.grouping)
    says, right, words = [], [], []
    for index, true in zip(model.index(rows), images.table["object"].iloc[rows], strict=True):
        said = "none" if predicted is None or index < 0 else str(predicted[index])
        says.append(said)
        right.append("none" if said == "none" else "right" if said == true else "wrong")
        if index < 0:
            words.append("not in this model's training set")
        else:
            words.append("none: its labels name no object" if predicted is None else f"{said} ({right[-1]})")
    return {
        f"x{pane}": places[:, 0],
        f"y{pane}": places[:, 1],
        f"caption_{pane}": [text or "none" for text in picture_captions(model, images, rows)],
        f"predicted_{pane}": words,
        f"says_{pane}": says,
        f"right_{pane}": right,
    }


def _captions(model: ModelMap, pane: int) -> pd.DataFrame:
    """The captions of one map that have a place; of many, an even choice, so that words stay readable."""
    count = len(model.caption_points)
    shown = np.unique(np.linspace(0, count - 1, min(count, MOST_CAPTIONS)).astype(int))
    texts, places = [model.captions[k] for k in shown], model.caption_points[shown].round(5)
    return pd.DataFrame({"caption": texts, "pane": pane, "x": places[:, 0], "y": places[:, 1]})


def map_info(model: ModelMap, *, aligned: bool, together: bool = False) -> MapInfo:
    """The words around a map: what it shows, how much of the variance, whether it was turned."""
    condition, end = model.artefact.condition, model.artefact.metrics["end"]
    if condition.kind.has_weights:
        same = condition.data_seed == condition.init_seed
        seeds = f"seed {condition.init_seed}" if same else f"seeds {condition.data_seed} and {condition.init_seed}"
        trained = "not trained" if condition.kind is ArtefactKind.UNTRAINED else f"{condition.steps:,} steps"
        subtitle = f"{seeds}, {trained}"
    else:
        subtitle = f"{model.z.shape[1]:,} dimensions"
    subtitle += f"; total variance {end['total_variance']['value']:.2g}"
    if end["collapsed"]:
        subtitle += "; COLLAPSED: what spreads here is residue, blown up to fill the map"
    return MapInfo(title(condition), subtitle, *_axes(model, aligned, together))


def _axes(model: ModelMap, aligned: bool, together: bool) -> tuple[str, str]:
    """The titles of both axes."""
    projection = model.projection
    first, second = (f"{share * 100:.0f} %" for share in model.plane.shares)
    if projection.kind == "prompts":
        x_from, x_to, y_from, y_to = projection.prompts
        return f"“{x_from}” to “{x_to}” ({first} of variance)", f"“{y_from}” to “{y_to}” ({second})"
    if projection.fitted:
        fit = "one fit for all" if projection.together and together else "fitted on this model alone"
        words = "turned to match the first" if aligned else "axes have no meaning"
        return f"{KINDS[projection.kind]}, {fit}, {words}", ""
    one, two = projection.components
    if aligned:
        return f"components {one} and {two} ({first} and {second} of variance), turned to match the first", ""
    return f"component {one} ({first} of variance)", f"component {two} ({second})"


def with_uploads(comparison: Comparison, uploads: Sequence[Upload]) -> Comparison:
    """A comparison with pictures that somebody gave on its maps."""
    if not uploads:
        return comparison
    numbers = range(1, len(uploads) + 1)
    stars = pd.DataFrame(
        {
            "id": [f"u{number - 1}" for number in numbers],
            "name": [f"Picture {number}" for number in numbers],
            "thumb": [upload.thumb for upload in uploads],
            "spoken": [f"your picture {number}" for number in numbers],
        }
    )
    for pane, model in enumerate(comparison.models):
        places = model.place(np.stack([upload.z[pane] for upload in uploads]))
        stars = stars.assign(**{f"x{pane}": places[:, 0], f"y{pane}": places[:, 1]})
    return replace(comparison, uploads=stars)


def points_table(comparison: Comparison, points: pd.DataFrame) -> pd.DataFrame:
    """What is shown of pictures as a table: what they are, what every model says of them and where it puts them."""
    names = {"id": "id", "object": "object", "context": "context", "kind": "split"}
    for pane, name in enumerate(comparison.named):
        columns = {f"caption_{pane}": "caption", f"predicted_{pane}": "prediction", f"x{pane}": "x", f"y{pane}": "y"}
        names |= {column: f"{name} {words}" for column, words in columns.items()}
    return points[list(names)].rename(columns=names)
