"""Comparison of one to four models side by side, as the tables that charts draw.

Maps are turned onto the first over the pictures that both show: sign and rotation of a projection
are arbitrary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.maps import KINDS
from vlcore.api.model_map import ComparisonError, ModelMap, image_captions
from vlcore.api.small_images import draw_thumbs
from vlcore.data.imageset import ImageSet
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.wording import title
from vlcore.metrics.projection import align
from vlcore.plots.maps.small import MapInfo

MOST_MODELS = 4
MOST_CAPTIONS = 8  # on a map
FEW_SHARED = 10  # held-out pictures below which a turn would be noise
Thumbs = Callable[[ImageSet, Sequence[int]], list[str]]


def names(models: int) -> tuple[str, ...]:
    """What the maps are called, in their order."""
    return ("left", "right") if models == 2 else ("first", "second", "third", "fourth")[:models]


@dataclass(frozen=True, eq=False)
class ComparedMaps:
    """Maps as the tables that `vlcore.plots.maps.linked.linked_maps` draws: `points` has one row a
    picture, with columns ``x``, ``y``, ``caption_``, ``predicted_``, ``says_`` and ``right_`` of
    each map, numbered from 0.
    """

    models: tuple[ModelMap, ...]  # turned onto the first
    points: pd.DataFrame
    captions: pd.DataFrame  # one row a caption and map: ``caption``, ``pane``, ``x``, ``y``
    infos: tuple[MapInfo, ...]  # the words around each map
    uploads: pd.DataFrame | None = (
        None  # one row a picture given: ``id``, ``name``, ``thumb``, ``spoken``, its places
    )

    @property
    def named(self) -> dict[str, ModelMap]:
        """The maps by what they are called."""
        return dict(zip(names(len(self.models)), self.models, strict=True))

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row number in the image set of each picture of the table, (n,)."""
        return self.points["id"].str.removeprefix("p").astype(np.int64).to_numpy()


def compare_maps(
    models: Sequence[ModelMap], images: ImageSet, thumbs: Thumbs = draw_thumbs
) -> ComparedMaps:
    """Put one to four maps beside each other, as all that shows them draws them: pages, files and
    the command line. The models are maps of one kind, trained on one image set, or embeddings of
    the same pictures; the others are turned onto the first. `images` is that set, of imported
    embeddings the first one's; `thumbs` makes small pictures of rows. ComparisonError when they
    come from different image sets, show different pictures, or are too many.
    """
    if not 1 <= len(models) <= MOST_MODELS:
        raise ComparisonError(
            f"One to {MOST_MODELS} models are shown beside each other, not {len(models)}."
        )
    first = models[0]
    if any(_pictures(model) != _pictures(first) for model in models):
        raise ComparisonError(
            "The models were trained on different image sets; choose models of one set."
        )
    turned = tuple(_turned(model, first) for model in models)
    # Folds of another seed hold other pictures out: the first model that shows a picture says
    # whether it is held out.
    shown = pd.concat(
        [pd.Series(np.arange(len(model.rows)) < model.held_out, model.rows) for model in models]
    )
    held_out = shown[~shown.index.duplicated()].sort_index()
    rows = held_out.index.to_numpy()
    points = images.table.iloc[rows][["object", "context", "group"]].reset_index(drop=True)
    points.insert(0, "id", [f"p{row}" for row in rows])
    points["kind"] = np.where(held_out, "test", "training")
    points["minority"] = np.isin(points["group"], images.grouping.minority)
    points["scene"] = images.table["scene"].iloc[rows].to_numpy().astype(str)
    points["thumb"] = thumbs(images, rows.tolist())
    captions, infos = [], []
    for pane, model in enumerate(turned):
        points = points.assign(**_columns(model, rows, images, pane))
        count = len(model.caption_points)  # those that have a place; of many, few, to be readable
        some = np.unique(np.linspace(0, count - 1, min(count, MOST_CAPTIONS)).astype(int))
        x, y = model.caption_points[some].round(5).T
        captions.append(
            pd.DataFrame(
                {"caption": [model.captions[k] for k in some], "pane": pane, "x": x, "y": y}
            )
        )
    points["spoken"] = (
        points["object"]
        + ", "
        + points["context"]
        + ", "
        + points["kind"].replace("test", "held out")
    )
    for name, model in zip(names(len(models)), models, strict=True):
        info = map_info(
            model, aligned=_is_arbitrary(model) and model is not first, together=len(models) > 1
        )
        of_many = len(models) > 2  # of two, the places say which is which
        infos.append(replace(info, title=f"{name.capitalize()}: {info.title}") if of_many else info)
    return ComparedMaps(turned, points, pd.concat(captions, ignore_index=True), tuple(infos))


def _pictures(model: ModelMap) -> Any:
    """What says that two models are of the same pictures; each encoder's imported embeddings are a
    set of their own."""
    condition = model.artifact.condition
    return model.artifact.manifest.get("pictures", (condition.data, condition.data_version))


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


def _columns(
    model: ModelMap, rows: NDArray[np.int64], images: ImageSet, pane: int
) -> dict[str, Any]:
    places, shown = model.values_at(rows, model.points).round(5), model.index(rows) >= 0
    predicted = model.predicted_objects(images.grouping.objects)
    if predicted is None:
        says = right = pd.Series("none", range(len(rows)))
        words = pd.Series("none: its labels name no object", range(len(rows)))
    else:
        says = pd.Series(predicted[model.index(rows)], dtype=str).where(shown, "none")
        is_right = says == images.table["object"].iloc[rows].to_numpy()
        right = is_right.map({True: "right", False: "wrong"}).where(shown, "none")
        words = says + " (" + right + ")"
    predicted = words.where(shown, "not in this model's training set")
    told = [text or "none" for text in image_captions(model, images, rows)]
    columns = {f"x{pane}": places[:, 0], f"y{pane}": places[:, 1], f"caption_{pane}": told}
    return {**columns, f"predicted_{pane}": predicted, f"says_{pane}": says, f"right_{pane}": right}


def map_info(model: ModelMap, *, aligned: bool, together: bool = False) -> MapInfo:
    """The words around a map: what it shows, how much of the variance, whether it was turned."""
    condition, end, projection = (
        model.artifact.condition,
        model.artifact.metrics["end"],
        model.projection,
    )
    subtitle = f"{model.z.shape[1]:,} dimensions"
    if condition.kind.has_weights:
        same = condition.data_seed == condition.init_seed
        seeds = (
            f"seed {condition.init_seed}"
            if same
            else f"seeds {condition.data_seed} and {condition.init_seed}"
        )
        trained = (
            "not trained"
            if condition.kind is ArtifactKind.UNTRAINED
            else f"{condition.steps:,} steps"
        )
        subtitle = f"{seeds}, {trained}"
    subtitle += f"; total variance {end['total_variance']['value']:.2g}"
    if end["collapsed"]:
        subtitle += "; COLLAPSED: what spreads here is residue, blown up to fill the map"
    first, second = (f"{share * 100:.0f} %" for share in model.plane.shares)
    one, two = projection.components
    axes = f"component {one} ({first} of variance)", f"component {two} ({second})"
    if projection.kind == "prompts":
        x_from, x_to, y_from, y_to = projection.prompts
        axes = f"“{x_from}” to “{x_to}” ({first} of variance)", f"“{y_from}” to “{y_to}” ({second})"
    elif projection.fitted:
        fit = (
            "one fit for all" if projection.together and together else "fitted on this model alone"
        )
        words = "turned to match the first" if aligned else "axes have no meaning"
        axes = f"{KINDS[projection.kind]}, {fit}, {words}", ""
    elif aligned:
        axes = (
            (
                f"components {one} and {two} ({first} and {second} of variance), turned to match"
                " the first"
            ),
            "",
        )
    return MapInfo(title(condition), subtitle, *axes)


def with_uploads(
    comparison: ComparedMaps, thumbs: Sequence[str], embedded: Sequence[NDArray[np.floating]]
) -> ComparedMaps:
    """A comparison with images that somebody gave: small ones, of `thumb_uri`, and embeddings, (m,
    E) a model."""
    rows = [
        (f"u{n - 1}", f"Image {n}", thumb, f"your image {n}")
        for n, thumb in enumerate(thumbs, start=1)
    ]
    stars = pd.DataFrame(rows, columns=["id", "name", "thumb", "spoken"])
    for pane, (model, z) in enumerate(zip(comparison.models, embedded, strict=True)):
        stars[[f"x{pane}", f"y{pane}"]] = model.place(z)
    return replace(comparison, uploads=stars)


def points_table(comparison: ComparedMaps, points: pd.DataFrame) -> pd.DataFrame:
    """What is shown of pictures as a table: what they are, what every model says of them and where
    it puts them."""
    names = {"id": "id", "object": "object", "context": "context", "kind": "split"}
    for pane, name in enumerate(comparison.named):
        columns = {
            f"caption_{pane}": "caption",
            f"predicted_{pane}": "prediction",
            f"x{pane}": "x",
            f"y{pane}": "y",
        }
        names |= {column: f"{name} {words}" for column, words in columns.items()}
    return points[list(names)].rename(columns=names)
