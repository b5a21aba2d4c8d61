"""What the colours of maps can stand for: what images show, what models make of them, every factor
of drawn scenes, and every column of a user's table.

A new colouring is one entry of `COLOURINGS`: the page, the command, notebooks and the offline page
offer it then, and Altair and WebGL draw it, with its legend. `coloured` is the one way from the
values of images to the columns that both read.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
from scipy.special import entr, expit

from vlcore.api.compared_maps import map_names, row_numbers
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import SOURCE, ImageSet
from vlcore.experiment.memo import made_once
from vlcore.plots import colouring as looks
from vlcore.plots.colouring import NONE, Colouring, as_numbers, colour_by_values, texts_of, times_of
from vlcore.plots.options import MapOptions, MapOptionsError

MODEL, SCENE, YOURS = "Model", "Scene", "Yours"  # headings, before names on pages
_SEED = "_seed"  # ends names of factors that mean nothing


class Maps(Protocol):
    """Maps of models of the same images, side by side or in a grid."""

    @property
    def models(self) -> tuple[ModelMap, ...]: ...
    @property
    def points(self) -> pd.DataFrame: ...
    @property
    def images(self) -> ImageSet: ...


AnyMaps = TypeVar("AnyMaps", bound=Any)  # a dataclass that is `Maps`, with a `colouring`
Models = Sequence[ModelMap]


@dataclass(frozen=True)
class ColourChoice:
    """One thing that colours can stand for.

    Attributes:
        name: in options, commands and addresses.
        heading: what it belongs to; empty for the first ones.
        fixed: entries with colours of their own, for a column that all points have.
        values: for an entry without fixed colours: maps and pane to a value a point; NaN or empty
            where it has none.
        per_model: whether each map has values of its own.
        is_known: whether maps of these models can be coloured by it.
    """

    name: str
    heading: str = ""
    fixed: Colouring | None = None
    values: Callable[[Maps, int], pd.Series] | None = None
    per_model: bool = False
    is_known: Callable[[Models], bool] = lambda _models: True

    @property
    def label(self) -> str:
        """``Scene: sky``, on pages and in addresses."""
        return f"{self.heading}: {self.name}" if self.heading else self.name


def _predict(models: Models) -> bool:
    return any(model.readout.predicts_objects for model in models)


def _embed_captions(models: Models) -> bool:
    return any(len(model.caption_z) for model in models)


def _are_two(models: Models) -> bool:
    return len(models) == 2


def _margin(maps: Maps, pane: int) -> pd.Series:
    """Log odds of the object that an image shows against the other one."""
    model, objects = maps.models[pane], maps.images.grouping.objects
    scores = model.image_scores(objects)
    if scores is None:
        return pd.Series(np.nan, maps.points.index)
    first, second = model.values_at(row_numbers(maps.points), scores).T
    is_first = maps.points["object"] == objects[0]
    return pd.Series(np.where(is_first, first - second, second - first), maps.points.index)


def _score(maps: Maps, pane: int) -> pd.Series:
    """Probability of the object that a model predicts."""
    model = maps.models[pane]
    scores = model.confidence(maps.images.grouping.objects)
    if scores is None:
        return pd.Series(np.nan, maps.points.index)
    return pd.Series(model.values_at(row_numbers(maps.points), scores), maps.points.index)


def _uncertainty(maps: Maps, pane: int) -> pd.Series:
    """Entropy of the two objects in bits."""
    odds = _margin(maps, pane)
    return (entr(expit(odds)) + entr(expit(-odds))) / np.log(2)


def _caption_distance(maps: Maps, pane: int) -> pd.Series:
    """Cosine distance of an image to its own caption."""
    model, points = maps.models[pane], maps.points
    first = {caption: index for index, caption in reversed([*enumerate(model.captions)])}
    captions = np.array([first.get(caption, -1) for caption in points[f"caption_{pane}"]], int)
    rows = model.index(row_numbers(points))
    is_known = (captions >= 0) & (rows >= 0) & (len(model.caption_z) > 0)
    distances = np.full(len(points), np.nan)
    pairs = model.z[rows[is_known]] * model.caption_z[captions[is_known]]
    distances[is_known] = 1 - pairs.sum(axis=1)
    return pd.Series(distances, points.index)


def _which_is_right(maps: Maps, _pane: int) -> pd.Series:
    """The models that predict the object correctly, where all of them predict one."""
    names = map_names(len(maps.models))
    outcomes = maps.points[[f"right_{pane}" for pane in range(len(names))]]
    words = {}
    for combination in outcomes.drop_duplicates().itertuples(index=False):
        right = [name for name, word in zip(names, combination, strict=True) if word == "right"]
        text = f"{' and '.join(right)} only" if right else "none of them"
        if len(right) == len(names):
            text = "all of them"
        words[tuple(combination)] = "" if NONE in combination else text
    return pd.Series([words[row] for row in outcomes.itertuples(index=False)], maps.points.index)


COLOURINGS = (
    ColourChoice("group", fixed=looks.GROUPS),
    ColourChoice("object", fixed=looks.OBJECTS),
    ColourChoice("context", fixed=looks.CONTEXTS),
    ColourChoice("split", fixed=looks.SPLIT),
    ColourChoice("prediction", fixed=looks.PREDICTIONS),
    ColourChoice("correct or wrong", fixed=looks.OUTCOMES),
    ColourChoice("which is correct", MODEL, values=_which_is_right, is_known=_are_two),
    ColourChoice("score", MODEL, values=_score, per_model=True, is_known=_predict),
    ColourChoice("margin", MODEL, values=_margin, per_model=True, is_known=_predict),
    ColourChoice("uncertainty", MODEL, values=_uncertainty, per_model=True, is_known=_predict),
    ColourChoice(
        "caption distance",
        MODEL,
        values=_caption_distance,
        per_model=True,
        is_known=_embed_captions,
    ),
)


def choices(images: ImageSet, models: Models) -> dict[str, ColourChoice]:
    """What colours can stand for on maps of some models, by name, in the order of their
    headings."""
    offered = {choice.name: choice for choice in COLOURINGS if choice.is_known(models)}
    for heading, whose, table in (
        (SCENE, "drawn", scene_columns(images)),
        (YOURS, "yours", user_columns(images)),
    ):
        for column in table:
            name = column if column not in offered else f"{column} ({whose})"
            offered[name] = ColourChoice(name, heading, values=_values_of(table[column]))
    return offered


def _values_of(column: pd.Series) -> Callable[[Maps, int], pd.Series]:
    """The values of a column of an image set at the points of maps."""
    return lambda maps, _pane: column.iloc[row_numbers(maps.points)].set_axis(maps.points.index)


@made_once(maxsize=8)
def scene_columns(images: ImageSet) -> pd.DataFrame:
    """The factors of drawn scenes that tell images apart; no columns of any other set."""
    factors = images.factors(range(len(images.table)))
    return _telling(factors[[name for name in factors if not name.endswith(_SEED)]])


@made_once(maxsize=8)
def user_columns(images: ImageSet) -> pd.DataFrame:
    """The columns of a user's table that tell images apart."""
    return _telling(images.user_columns.drop(columns=SOURCE))


def _telling(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that neither have one value for all images nor name or number each of them;
    numbers as floats."""
    columns = {}
    for name in table:
        values = table[name]
        if _tells_apart(values):
            numbers = as_numbers(values)
            columns[" ".join(str(name).split())] = values if numbers is None else numbers
    return pd.DataFrame(columns, table.index)


def _tells_apart(values: pd.Series) -> bool:
    texts = texts_of(values)
    present, count = int((texts.codes >= 0).sum()), len(texts.categories)
    if count < 2:
        return 0 < present < len(values)
    if count < present:
        return True
    numbers = as_numbers(values)
    if numbers is None:
        return times_of(values) is not None
    # Numbers of rows are whole and leave few out.
    is_whole = bool((numbers.dropna() % 1 == 0).all())
    return not (is_whole and numbers.max() - numbers.min() < 2 * present)


def coloured(maps: AnyMaps, options: MapOptions) -> AnyMaps:
    """Maps with the columns that the colours of some options stand for, and how they are drawn.

    Raises:
        MapOptionsError: there is no such column.
    """
    name = options.colour_by
    if name == maps.coloured_by:
        return maps
    offered = choices(maps.images, maps.models)
    choice = offered.get(name) or offered.get(name.replace("-", " "))
    if choice is None:
        raise MapOptionsError(
            f"No colouring is named {name!r}; choose one of {', '.join(offered)}."
        )
    if choice.values is None:
        return replace(maps, coloured_by=name, colouring=choice.fixed)
    panes = range(len(maps.models) if choice.per_model else 1)
    values = [choice.values(maps, pane) for pane in panes]
    is_drawn = [
        maps.points[f"x{pane}"].notna().to_numpy() | (not choice.per_model) for pane in panes
    ]
    column = "by_" + re.sub(r"[^0-9A-Za-z]+", "_", choice.name)
    columns, colouring = colour_by_values(column, choice.label, values, is_drawn, choice.per_model)
    points = maps.points.assign(**columns)
    return replace(maps, points=points, coloured_by=name, colouring=colouring)
