"""Maps of pictures and captions: two that are linked, or a small one.

The one idea: one wide table holds every picture once, with its place in both maps, and one hover selection
over its `id` is shared by both panes. So the browser alone links the maps: a mark under the pointer grows in
both, and its picture stands beside it in both. Nothing goes to the server until a mark is clicked.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.figures.keys import KEY_SHAPES, key_colours, key_fills, key_legend, key_names
from vlcore.figures.placing import LINE, place_labels
from vlcore.figures.tables import LEFT, RIGHT, Columns, captions_table, extent_of, points_table, uploads_table
from vlcore.figures.theme import THIN, Palette, star, theme
from vlcore.images.groups import Grouping


@dataclass(frozen=True)
class MapInfo:
    """The words around one map; an axis title carries the component and its share of variance."""

    title: str
    subtitle: str
    x_title: str
    y_title: str


@dataclass(frozen=True)
class _Sizes:
    """Areas of marks in px², and the side of the picture that lights up in px."""

    point: int
    grown: int
    ring: int
    diamond: int
    picture: int
    words: int


_LARGE = _Sizes(point=40, grown=170, ring=118, diamond=130, picture=68, words=13)
_SMALL = _Sizes(point=17, grown=90, ring=50, diamond=70, picture=52, words=11)


@dataclass(frozen=True)
class _Pane:
    """Everything that differs between two panes: the columns to read, the extent, the words."""

    name: str
    columns: Columns
    extent: tuple[list[float], list[float]]
    titles: tuple[str | None, str | None]
    legend: Any
    pick: bool


def linked_maps(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    left: MapInfo,
    right: MapInfo,
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 420,
    uploads: pd.DataFrame | None = None,
) -> alt.HConcatChart:
    """Two square maps of the same pictures, linked by hover (`hov`) and by click (`pick`).

    Args:
        points: One row a picture: `id` (unique str), `object`, `context`, `group` (of `grouping.names`),
            `kind` ("training" or "test"), `minority` (bool), `xl`, `yl`, `xr`, `yr` (float; NaN where the
            picture is absent on that side), `caption_left`, `caption_right`, `predicted_left`,
            `predicted_right`, `thumb` (made by `thumb_uri`), `spoken` (said by a screen reader).
        captions: One row a caption and side: `caption`, `side` ("left" or "right"), `x`, `y`.
        left, right: The words around each map.
        palette: Colours.
        grouping: Which groups there are.
        side: Side of each pane in px.
        uploads: Optional rows drawn as stars on top: `id`, `name`, `xl`, `yl`, `xr`, `yr`, `thumb`, `spoken`.

    Returns:
        A chart with the selections `hov` and `pick`. One unit of data takes as many px on x as on y. Equal input
        gives an equal specification.

    Raises:
        ValueError: A column is missing, an id occurs twice, a group, kind or side is unknown, or a picture was
            not made by `thumb_uri`.
    """
    table = points_table(points, grouping, LEFT, RIGHT)
    stars = None if uploads is None or uploads.empty else uploads_table(uploads, table)
    words = captions_table(captions)
    legend = key_legend(palette, grouping, stars is not None)
    panes = []
    for index, (name, columns, info) in enumerate((("left", LEFT, left), ("right", RIGHT, right))):
        here = words[words["side"] == name]
        extent = extent_of(table, here, columns, stars)
        pane = _Pane(f"marks_{index}", columns, extent, (info.x_title, info.y_title), legend, pick=True)
        layers = _layers(table, here, pane, palette, grouping, _LARGE, side, stars)
        panes.append(
            alt.layer(*layers).properties(
                width=side,
                height=side,
                title=alt.Title(
                    _lines(info.title, side / 7.6), subtitle=_lines(info.subtitle, side / 6), frame="group"
                ),
            )
        )
    chart = alt.hconcat(*panes, spacing=36, autosize="pad").configure(**theme(palette))
    chart.params = _params("hov", "pick", views=["marks_0", "marks_1"])
    return chart


def small_map(
    points: pd.DataFrame, captions: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int = 210
) -> alt.LayerChart:
    """One small map for a card: the marks of `linked_maps`, without legend and titles.

    Args:
        points: As in `linked_maps`; only the columns of the left side are read.
        captions: `caption`, `x`, `y`; rows whose `side` is "right" are left out.
        palette: Colours.
        grouping: Which groups there are.
        side: Side in px.

    Raises:
        ValueError: As `linked_maps`.
    """
    table = points_table(points, grouping, LEFT)
    words = captions_table(captions if "side" in captions else captions.assign(side="left"))
    here = words[words["side"] == "left"]
    pane = _Pane("marks_0", LEFT, extent_of(table, here, LEFT, None), (None, None), None, pick=False)
    layers = _layers(table, here, pane, palette, grouping, _SMALL, side, None)
    chart = alt.layer(*layers, autosize="pad", padding=THIN).properties(width=side, height=side)
    chart.params = _params("hov", views=["marks_0"])
    return chart.configure(**theme(palette))


def _params(*names: str, views: list[str]) -> list[alt.TopLevelSelectionParameter]:
    """The selections, over all panes at once.

    Written at the top with the names of their views: added to each pane, Altair would merge them with a warning,
    and it numbers the views of a concatenation, so the names have to be numbered in the first place.
    """
    selects: dict[str, Any] = {
        "hov": {"type": "point", "fields": ["id"], "on": "pointerover", "clear": "pointerout"},
        "pick": {"type": "point", "fields": ["id"], "on": "click", "toggle": False},
    }
    return [alt.TopLevelSelectionParameter(name=name, select=selects[name], views=views) for name in names]


def _layers(
    table: pd.DataFrame,
    words: pd.DataFrame,
    pane: _Pane,
    palette: Palette,
    grouping: Grouping,
    sizes: _Sizes,
    side: int,
    stars: pd.DataFrame | None,
) -> list[alt.Chart]:
    """All layers of a pane, from the ground up: rings, marks, words, stars, and what lights up under the pointer."""
    hov, pick = (alt.selection_point(name=name, empty=False) for name in ("hov", "pick"))
    place = _placed(table, pane)
    layers = _marks(place, hov, pane, palette, grouping, sizes)
    if pane.pick:
        layers.append(_circle(place.transform_filter(pick), sizes.grown * 2, palette.accent))
    layers += _words(words, pane, palette, sizes, side, table, stars)
    lit = [(place, sizes.grown * 1.5)]
    if stars is not None:
        tops = _placed(stars, pane)
        layers.append(
            tops.mark_point(shape=star(), fill=palette.accent, stroke=palette.ground, strokeWidth=1, opacity=1).encode(
                size=alt.when(hov).then(alt.value(520)).otherwise(alt.value(300)),
                tooltip=[alt.Tooltip("thumb:N", title="image"), alt.Tooltip("name:N", title="upload")],
            )
        )
        if len(stars) > 1:
            number = tops.mark_text(color=palette.ground, fontSize=10, fontWeight=700, aria=False, tooltip=None)
            layers.append(number.encode(text="number:N"))
        lit.append((tops, 1100))
    for source, around in lit:
        layers.append(_circle(source.transform_filter(hov), around, palette.text))
        layers.append(_lit(source.transform_filter(hov), pane, sizes, side))
    return layers


def _placed(table: pd.DataFrame, pane: _Pane) -> alt.Chart:
    """The rows that are present in a pane, at their place; every layer says its `spoken` words, not its picture."""
    x, y = pane.columns[:2]
    return (
        alt.Chart(table)
        .transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
        .encode(
            x=alt.X(f"{x}:Q", scale=_scale(pane.extent[0]), axis=_axis(pane.titles[0])),
            y=alt.Y(f"{y}:Q", scale=_scale(pane.extent[1]), axis=_axis(pane.titles[1])),
            description=alt.Description("spoken:N"),
        )
    )


def _marks(
    place: alt.Chart, hov: alt.Parameter, pane: _Pane, palette: Palette, grouping: Grouping, sizes: _Sizes
) -> list[alt.Chart]:
    keys, colours = key_names(grouping), key_colours(palette, grouping)
    stroke = alt.Stroke("group:N", scale=alt.Scale(domain=keys, range=colours), legend=pane.legend)
    shape = alt.Scale(domain=keys, range=list(KEY_SHAPES))
    fill = alt.Scale(domain=keys, range=key_fills(palette, grouping))
    caption, predicted = pane.columns[2:]
    rings = (
        place.transform_filter("datum.minority")
        .mark_point(shape="circle", size=sizes.ring, strokeWidth=1, opacity=0.7, aria=False)
        .encode(stroke=stroke)
    )
    marks = (
        place.mark_point(strokeWidth=1.4, opacity=0.9)
        .encode(
            shape=alt.Shape("group:N", scale=shape, legend=pane.legend),
            stroke=stroke,
            fill=alt.when("datum.kind == 'training'")
            .then(alt.Fill("group:N", scale=fill, legend=pane.legend))
            .otherwise(alt.value("transparent")),
            size=alt.when(hov).then(alt.value(sizes.grown)).otherwise(alt.value(sizes.point)),
            tooltip=[
                alt.Tooltip("thumb:N", title="image"),
                alt.Tooltip("object:N"),
                alt.Tooltip("context:N"),
                alt.Tooltip(f"{caption}:N", title="caption"),
                alt.Tooltip(f"{predicted}:N", title="prediction"),
            ],
        )
        .properties(name=pane.name)
    )
    return [rings, marks]


def _circle(source: alt.Chart, size: float, colour: str) -> alt.Chart:
    return source.mark_point(shape="circle", size=size, stroke=colour, strokeWidth=2.2, opacity=1, aria=False)


def _lit(source: alt.Chart, pane: _Pane, sizes: _Sizes, side: int) -> alt.Chart:
    """The picture of the hovered mark, beside it towards the middle: never cut off, never under the pointer."""
    where = {}
    for axis, field, ends in zip("xy", pane.columns, pane.extent, strict=False):
        shift = (sizes.picture / 2 + 9) * (ends[1] - ends[0]) / side
        where[f"lit_{axis}"] = f"datum.{field} + (datum.{field} > {sum(ends) / 2!r} ? -1 : 1) * {shift!r}"
    return (
        source.transform_calculate(**where)
        .mark_image(width=sizes.picture, height=sizes.picture, aria=False)
        .encode(
            x=alt.X("lit_x:Q", scale=_scale(pane.extent[0])),
            y=alt.Y("lit_y:Q", scale=_scale(pane.extent[1])),
            url="thumb:N",
        )
    )


def _words(
    words: pd.DataFrame,
    pane: _Pane,
    palette: Palette,
    sizes: _Sizes,
    side: int,
    table: pd.DataFrame,
    stars: pd.DataFrame | None,
) -> list[alt.Chart]:
    """Diamonds and their words; a halo in the colour of the ground keeps the words legible over marks."""
    if words.empty:
        return []
    anchors = _pixels(words[["x", "y"]].to_numpy(float), pane, side)
    where = list(pane.columns[:2])
    points = _pixels(table[where].dropna().to_numpy(float), pane, side)
    tops = None if stars is None else _pixels(stars[where].dropna().to_numpy(float), pane, side)
    places = place_labels([str(caption) for caption in words["caption"]], anchors, points, side, tops)
    px = (pane.extent[0][1] - pane.extent[0][0]) / side
    placed = words.assign(
        dx=[place.dx for place in places],
        dy=[place.dy for place in places],
        align=[place.align for place in places],
        tx=[x + place.dx * px for x, place in zip(words["x"], places, strict=True)],
        ty=[y - place.dy * px for y, place in zip(words["y"], places, strict=True)],
        spoken=["caption: " + str(caption) for caption in words["caption"]],
    )
    base = alt.Chart(placed).encode(
        x=alt.X("x:Q", scale=_scale(pane.extent[0])),
        y=alt.Y("y:Q", scale=_scale(pane.extent[1])),
        description=alt.Description("spoken:N"),
    )
    offset = {name: alt.expr(f"datum.{name}") for name in ("dx", "dy", "align")}
    text = {**offset, "fontSize": sizes.words, "fontWeight": 600, "baseline": "middle", "aria": False}
    return [
        base.transform_filter(f"abs(datum.dy) > {LINE}")
        .mark_rule(color=palette.text, strokeWidth=1, aria=False)
        .encode(x2="tx:Q", y2="ty:Q"),
        base.mark_point(
            shape="diamond", size=sizes.diamond, fill=palette.text, stroke=palette.ground, strokeWidth=1.5, opacity=1
        ),
        base.mark_text(
            **text, color=palette.ground, stroke=palette.ground, strokeWidth=4, strokeJoin="round", opacity=0.8
        ).encode(text="caption:N"),
        base.mark_text(**text, color=palette.text).encode(text="caption:N"),
    ]


def _pixels(places: npt.NDArray[np.float64], pane: _Pane, side: int) -> npt.NDArray[np.float64]:
    (x0, x1), (y0, y1) = pane.extent
    return np.column_stack([(places[:, 0] - x0) / (x1 - x0) * side, (y1 - places[:, 1]) / (y1 - y0) * side])


def _scale(ends: list[float]) -> alt.Scale:
    return alt.Scale(domain=ends, nice=False, zero=False)


def _axis(title: str | None) -> alt.Axis:
    return alt.Axis(title=title, labels=False, ticks=False, grid=False, domain=False)


def _lines(text: str, width: float) -> list[str]:
    return textwrap.wrap(text, max(10, int(width))) or [""]
