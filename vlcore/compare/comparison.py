"""Two to four models side by side, as tables: where every picture lies in each, and what each says of it.

The one idea: a picture is one row, with its place in every map. The other maps are turned onto the first over the
pictures that both show, because sign and rotation of a projection are arbitrary; nothing is scaled.
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
from vlcore.compare.model_map import ComparisonError, ModelMap, model_map, predictions
from vlcore.core.captions import caption_index, distinct_captions
from vlcore.core.options import ArtefactKind
from vlcore.core.wording import title
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.projection import RigidTransform, align
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
    """Maps as the tables that `vlcore.charts.maps.linked.linked_maps` draws, and the turn of each.

    Attributes:
        models: the maps, the one that the others are turned onto first.
        turns: what was done to each.
        points: one row a picture, with the columns ``x``, ``y``, ``caption_``, ``predicted_``, ``says_`` and ``right_``
            of each map, numbered from 0.
        captions: one row a caption and map: ``caption``, ``pane``, ``x``, ``y``.
        infos: the words around each map.
        uploads: one row a picture that somebody gave, with ``id``, ``name``, ``thumb``, ``spoken`` and its places; None
            without any.
    """

    models: tuple[ModelMap, ...]
    turns: tuple[RigidTransform, ...]
    points: pd.DataFrame
    captions: pd.DataFrame
    infos: tuple[MapInfo, ...]
    uploads: pd.DataFrame | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the maps are called."""
        return names(len(self.models))

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row number in the image set of each picture of the table, (n,)."""
        return self.points["id"].str.removeprefix("p").astype(np.int64).to_numpy()

    def index(self, pane: int) -> NDArray[np.int64]:
        """Where each picture of the table is among those of one map, (n,); -1 where it is not there."""
        return np.array([self.models[pane].where(int(row)) for row in self.rows], dtype=np.int64)

    def place(self, pane: int, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where new embeddings, (n, E), lie on a map as it is turned, (n, 2)."""
        return self.turns[pane].apply(self.models[pane].place(z))


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
    images.ensure_rendered(rows, lambda _done, _of: None)
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
    models = [load(key, projection, keys) for key in keys]
    if not models:
        raise ComparisonError(f"One to {MOST_MODELS} models are shown beside each other, not 0.")
    return with_uploads(compare(models, images(models[0]), thumbs), uploads)


def with_uploads(comparison: Comparison, uploads: Sequence[Upload]) -> Comparison:
    """A comparison with pictures that somebody gave on its maps, turned as these are."""
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
    for pane in range(len(comparison.models)):
        places = comparison.place(pane, np.stack([upload.z[pane] for upload in uploads]))
        stars = stars.assign(**{f"x{pane}": places[:, 0], f"y{pane}": places[:, 1]})
    return replace(comparison, uploads=stars)


def compare(models: Sequence[ModelMap], images: ImageSet, thumbs: Thumbs) -> Comparison:
    """Put one to four maps beside each other.

    Args:
        models: maps of one kind, of models trained on one image set, or of embeddings of the same pictures.
        images: that image set, of imported embeddings the first one's.
        thumbs: small pictures of rows, as data URIs.

    Raises:
        ComparisonError: when the models come from different image sets, or are none or too many.
    """
    if not 1 <= len(models) <= MOST_MODELS:
        raise ComparisonError(f"One to {MOST_MODELS} models are shown beside each other, not {len(models)}.")
    first = models[0]
    if any(_pictures(model.artefact) != _pictures(first.artefact) for model in models):
        raise ComparisonError("The models were trained on different image sets; choose models of one set.")
    turns = tuple(_align(model, first) for model in models)
    rows = np.unique(np.concatenate([model.rows for model in models]))
    table = images.table.iloc[rows]
    held_out = _held_out(models, rows)
    points = pd.DataFrame(
        {
            "id": [f"p{row}" for row in rows],
            "object": table["object"].to_numpy(),
            "context": table["context"].to_numpy(),
            "group": table["group"].to_numpy(),
            "kind": np.where(held_out, "test", "training"),
            "minority": np.isin(table["group"], images.grouping.minority),
            "scene": table["scene"].to_numpy().astype(str),
            "thumb": thumbs(images, rows.tolist()),
        }
    )
    for pane, (model, turn) in enumerate(zip(models, turns, strict=True)):
        points = points.assign(**_columns(model, turn.apply(model.points), rows, images, pane))
    points["spoken"] = [
        f"{row.object}, {row.context}, {'held out' if row.kind == 'test' else 'training'}"
        for row in points.itertuples()
    ]
    captions = [
        _captions(model, turn.apply(model.caption_points), pane)
        for pane, (model, turn) in enumerate(zip(models, turns, strict=True))
    ]
    infos = [
        map_info(model, aligned=_is_turned(model) and model is not first, together=len(models) > 1) for model in models
    ]
    if len(models) > 2:  # of two, the places say which is which
        infos = [
            replace(info, title=f"{name.capitalize()}: {info.title}")
            for name, info in zip(names(len(models)), infos, strict=True)
        ]
    return Comparison(tuple(models), turns, points, pd.concat(captions, ignore_index=True), tuple(infos))


def _held_out(models: Sequence[ModelMap], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each picture is held out in the first model that shows it: folds of another seed hold others out."""
    held_out, known = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for model in models:
        held_out |= ~known & np.isin(rows, model.rows[: model.held_out])
        known |= np.isin(rows, model.rows)
    return held_out


def _is_turned(model: ModelMap) -> bool:
    """Whether the orientation of a map means nothing by itself."""
    return model.projection.kind != "prompts" and not model.projection.together


def _align(model: ModelMap, onto: ModelMap) -> RigidTransform:
    if not _is_turned(model):
        return RigidTransform(np.zeros(2), np.eye(2), np.zeros(2))
    shared = np.intersect1d(model.rows[: model.held_out], onto.rows[: onto.held_out])
    if len(shared) < FEW_SHARED:  # folds of another seed hold other pictures out
        shared = np.intersect1d(model.rows, onto.rows)
    if len(shared) < 2:
        raise ComparisonError("The models show different pictures; choose models with one seed.")
    here, there = ([one.where(int(row)) for row in shared] for one in (model, onto))
    return align(model.points[here], onto.points[there])


def _pictures(artefact: artefacts.Artefact) -> tuple[str, ...]:
    """What says that two models are of the same pictures."""
    if "pictures" in artefact.manifest:  # of imported embeddings: each encoder's are a set of their own
        return (str(artefact.manifest["pictures"]),)
    return artefact.condition.data, artefact.condition.data_version


def _columns(
    model: ModelMap, places: NDArray[np.float64], rows: NDArray[np.int64], images: ImageSet, pane: int
) -> dict[str, Any]:
    """The columns of one map; pictures that it does not show have no place there."""
    index = np.array([model.where(int(row)) for row in rows])
    grouping, condition = images.grouping, model.artefact.condition
    predicted = predictions(model, grouping)
    table = images.table.iloc[rows]
    coordinates = np.where(index[:, None] >= 0, places[index], np.nan).round(5)
    if condition.kind is ArtefactKind.IMPORTED:
        said = [text or "none" for text in table["caption"]]
    else:
        own = caption_index(condition.labels, images.table, rows, grouping, condition.data_seed, condition.template)
        captions = distinct_captions(condition.labels, grouping, condition.template)
        said = [captions[k] for k in own]
    says = ["none" if predicted is None or i < 0 else str(predicted[i]) for i in index]
    true = table["object"].to_numpy()
    right = [
        "none" if one == "none" else "right" if one == other else "wrong" for one, other in zip(says, true, strict=True)
    ]
    return {
        f"x{pane}": coordinates[:, 0],
        f"y{pane}": coordinates[:, 1],
        f"caption_{pane}": said,
        f"predicted_{pane}": [
            _prediction(i, one, whether, predicted is not None)
            for i, one, whether in zip(index, says, right, strict=True)
        ],
        f"says_{pane}": says,
        f"right_{pane}": right,
    }


def _prediction(index: int, says: str, right: str, has_readout: bool) -> str:
    if index < 0:
        return "not in this model's training set"
    return f"{says} ({right})" if has_readout else "none: its labels name no object"


def _captions(model: ModelMap, places: NDArray[np.float64], pane: int) -> pd.DataFrame:
    """The captions of one map that have a place; of many, an even choice, so that words stay readable."""
    shown = np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST_CAPTIONS)).astype(int))
    texts, places = [model.captions[k] for k in shown], places[shown].round(5)
    return pd.DataFrame({"caption": texts, "pane": pane, "x": places[:, 0], "y": places[:, 1]})


def map_info(model: ModelMap, *, aligned: bool, together: bool = False) -> MapInfo:
    """The words around a map: what it shows, how much of the variance, whether it was turned."""
    condition = model.artefact.condition
    end = model.artefact.metrics["end"]
    trained = "not trained" if condition.kind is ArtefactKind.UNTRAINED else f"{condition.steps:,} steps"
    same = condition.data_seed == condition.init_seed
    seeds = f"seed {condition.init_seed}" if same else f"seeds {condition.data_seed} and {condition.init_seed}"
    subtitle = f"{seeds}, {trained}" if condition.kind.has_weights else f"{model.z.shape[1]:,} dimensions"
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
