"""Maps of the same pictures in one to four models, linked in the browser.

The one idea: one wide table holds every picture once, with its place in every map, and selections over its columns are
shared by all panes. So the browser alone links the maps: a mark under the pointer grows in all of them, what is brushed
in one is lit in all, and a click on the legend or on a cell of the board filters all. Only a click on a mark and a
finished brush go to the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts import board as boards
from vlcore.charts.maps import layers
from vlcore.charts.maps.legend import (
    Keys,
    LegendEntry,
    caption_entry,
    carriers,
    line_entries,
    map_keys,
    trust_entry,
    upload_entry,
)
from vlcore.charts.maps.panes import MapStyle, Pane, hover, sent, wrapped
from vlcore.charts.maps.small import MapInfo
from vlcore.charts.tables import board_table, captions_table, extent_of, lines_table, points_table, uploads_table
from vlcore.charts.theme import Palette, across, theme
from vlcore.core.grouping import Grouping

MOST = 4  # maps
_GAP = 36  # px between two maps
# Only from empty ground: a press on a mark would take the brush away, and with it what was lit.
_BRUSH = "[pointerdown[!event.item || event.item.mark.marktype === 'group'], window:pointerup] > window:pointermove!"
# A click on anything else would toggle the last entry once more.
_LEGEND_CLICK = "click[event.item && indexof(event.item.mark.role, 'legend') === 0]"


@dataclass(frozen=True)
class MapOptions:
    """What is drawn beside the pictures.

    Attributes:
        colour_by: one of `COLOURINGS`.
        pictures: every mark is its picture, in a frame of its colour.
        trust: marks say how far to trust their places.
        neighbours: lines from the hovered and the clicked picture to its nearest in the full space.
        ghost: where the untrained encoder has the pictures, faint, under the map.
        movement: lines from each picture's place in the first map.
        twins: arrows of the clicked scene.
    """

    colour_by: str = "group"
    pictures: bool = False
    trust: bool = False
    neighbours: bool = False
    ghost: bool = False
    movement: bool = False
    twins: bool = False


@dataclass(frozen=True)
class _Tables:
    """What a figure draws, checked."""

    points: pd.DataFrame
    captions: pd.DataFrame
    stars: pd.DataFrame | None
    neighbours: pd.DataFrame | None
    twins: pd.DataFrame | None
    board: pd.DataFrame | None


def linked_maps(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 420,
    options: MapOptions = MapOptions(),
    uploads: pd.DataFrame | None = None,
    neighbours: pd.DataFrame | None = None,
    twins: pd.DataFrame | None = None,
    board: pd.DataFrame | None = None,
) -> alt.TopLevelMixin:
    """Square maps of the same pictures, linked by hover, click, brush, legend and board.

    Args:
        points: one row a picture: `id` (unique str), `object`, `context`, `group` (of `grouping.names`), `kind`
            ("training" or "test"), `minority` (bool), `thumb` (made by `thumb_uri`), `spoken` (said by a screen
            reader), and for each map, numbered from 0: `x0`, `y0` (float; NaN where the picture is absent),
            `caption_0`, `predicted_0` (words). Only where an option asks for it: `says_0` (the predicted object, or
            "none"), `right_0` ("right", "wrong" or "none"), `trust0` (0 to 1), `gx0`, `gy0`, and `scene`.
        captions: one row a caption and map: `caption`, `pane` (int), `x`, `y`.
        infos: the words around each map, one to four.
        palette: colours.
        grouping: which groups there are.
        side: side of each pane in px; two stand beside each other, or one on a phone.
        options: what is drawn beside the pictures.
        uploads: stars on top: `id`, `name`, `x0`, `y0` and so on, `thumb`, `spoken`.
        neighbours: lines of `options.neighbours`: `id`, `pane`, `x`, `y`, `x2`, `y2`.
        twins: arrows of `options.twins`: `scene`, `kind` (two kinds at most), `pane`, `x`, `y`, `x2`, `y2`.
        board: accuracies, drawn under the maps: `pane`, `model`, `group`, `accuracy`, `low`, `high` (fractions), `n`.

    Returns:
        A chart with the selections `hov` and `pick` (fields `id`), `brush` (an interval over the places of the map in
        which it was drawn), `shown` (the legend), with a board `cell` (fields `group`), and with arrows `scene`.
        One unit of data takes as many px on x as on y. Equal input gives an equal specification.

    Raises:
        ValueError: a column or a table is missing, an id occurs twice, a group, kind, pane or colouring is unknown,
            there are too many maps, or a picture was not made by `thumb_uri`.
    """
    if not 1 <= len(infos) <= MOST:
        raise ValueError(f"one to {MOST} maps fit one figure, not {len(infos)}")
    tables = _checked(points, captions, len(infos), grouping, options, uploads, neighbours, twins, board)
    keys = _keys(tables, palette, grouping, options)
    style = MapStyle(
        palette=palette,
        keys=keys,
        legend=keys.legend(side),
        shown=tuple(_shown(keys, pane, tables.board is not None) for pane in range(len(infos))),
        lit=_lit(len(infos)),
        pictures=options.pictures,
        trust=options.trust,
        pick=True,
    )
    panes = []
    for index, info in enumerate(infos):
        axes = (wrapped(info.x_title, side / 6), wrapped(info.y_title, side / 6))
        pane = Pane(index, _extent(tables, options, index), axes, side)
        title = alt.Title(wrapped(info.title, side / 7.6), subtitle=wrapped(info.subtitle, side / 6), frame="group")
        panes.append(alt.layer(*_layers(tables, options, pane, style), width=side, height=side, title=title))
    beside = across(len(panes), side)
    top: dict[str, Any] = {"datasets": sent(tables.points), "autosize": "pad", "config": theme(palette)}
    chart: alt.ConcatChart | alt.VConcatChart
    if tables.board is None:
        chart = alt.concat(*panes, columns=beside, spacing=_GAP, **top)
    else:
        maps = alt.concat(*panes, columns=beside, spacing=_GAP)
        width = beside * side + (beside - 1) * _GAP
        grid = boards.group_grid(tables.board, palette=palette, grouping=grouping, width=width)
        own = {"scale": dict.fromkeys(("stroke", "fill", "shape", "size", "opacity"), "independent")}
        chart = alt.vconcat(maps, grid, spacing=_GAP, resolve=own, **top)
    chart.params = _params(len(panes), options, tables.board is not None)
    return chart


def brushed(selection: Mapping[str, Any], points: pd.DataFrame) -> list[str]:
    """The pictures inside a brush.

    Args:
        selection: what Streamlit returns: ``{"brush": {"x1": [-0.2, 0.4], "y1": [0.1, 0.9]}, ...}``. A brush holds
            nothing where it is empty, not there, or was drawn in a map that is gone: Streamlit remembers it. What
            clicked cells (`cell`) and keys of the legend (`shown`) hide is left out, if the page asks Streamlit for
            these selections too.
        points: the table of `linked_maps`.

    Returns:
        Their ids, in the order of the table.
    """
    ranges = selection.get("brush") or {}
    if not ranges or any(column not in points for column in ranges):
        return []
    inside = np.ones(len(points), dtype=bool)
    for column, ends in ranges.items():
        inside &= points[column].between(min(ends), max(ends)).to_numpy()
    pane = next(iter(ranges)).lstrip("xy")
    for names in (
        [f"group {clicked['group']}" for clicked in selection.get("cell") or []],
        [clicked["colour"] for clicked in selection.get("shown") or []],
    ):
        inside &= carriers(points, names, pane)
    return [str(name) for name in points.loc[inside, "id"]]


def _checked(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    panes: int,
    grouping: Grouping,
    options: MapOptions,
    uploads: pd.DataFrame | None,
    neighbours: pd.DataFrame | None,
    twins: pd.DataFrame | None,
    board: pd.DataFrame | None,
) -> _Tables:
    numbered = {
        "says_": options.colour_by == "prediction",
        "right_": options.colour_by == "right or wrong",
        "trust": options.trust,
        "gx": options.ghost,
        "gy": options.ghost,
    }
    more = [f"{name}{pane}" for name, wanted in numbered.items() if wanted for pane in range(panes)]
    table = points_table(points, grouping, panes, [*more, *(["scene"] if options.twins else [])])
    for wanted, given, name in ((options.neighbours, neighbours, "neighbours"), (options.twins, twins, "twins")):
        if wanted and given is None:
            raise ValueError(f"{name}: the table is missing")
    return _Tables(
        points=table,
        captions=captions_table(captions, panes),
        stars=None if uploads is None or uploads.empty else uploads_table(uploads, table, panes),
        neighbours=lines_table(neighbours, "neighbours", panes, ["id"]) if options.neighbours else None,
        twins=lines_table(twins, "twins", panes, ["scene", "kind"]) if options.twins else None,
        board=None if board is None else board_table(board, grouping, panes),
    )


def _keys(tables: _Tables, palette: Palette, grouping: Grouping, options: MapOptions) -> Keys:
    """The legend's entries: those of what is drawn, and no other."""
    arrows = [] if tables.twins is None else sorted(set(tables.twins["kind"].astype(str)), reverse=True)
    if len(arrows) > 2:
        raise ValueError(f"twins: two kinds of arrows can be told apart, not {', '.join(arrows)}")
    more: list[LegendEntry] = [] if tables.captions.empty else [caption_entry(palette)]
    more += [] if tables.stars is None else [upload_entry(palette)]
    more += [trust_entry(palette, options.pictures)] if options.trust else []
    more += line_entries(
        palette, ghost=options.ghost, movement=options.movement, neighbours=options.neighbours, arrows=arrows
    )
    return map_keys(palette, grouping, colour_by=options.colour_by, pictures=options.pictures, more=more)


def _shown(keys: Keys, pane: int, board: bool) -> str:
    """Whether a row passes the legend and the board: an expression over the selections' values."""
    legend = f"(!shown.colour || {keys.shown('shown.colour', pane)})"
    return f"{legend} && (!cell.group || indexof(cell.group, datum.group) >= 0)" if board else legend


def _lit(panes: int) -> str:
    """Whether a row is inside the brush, in whichever map it was drawn; a picture that is absent there is not."""
    tests = [
        f"(!brush.x{pane} || (isValid(datum.x{pane}) && inrange(datum.x{pane}, brush.x{pane})"
        f" && inrange(datum.y{pane}, brush.y{pane})))"
        for pane in range(panes)
    ]
    return " && ".join(tests)


def _extent(tables: _Tables, options: MapOptions, pane: int) -> tuple[list[float], list[float]]:
    """Of all that is drawn in a map."""
    own, captions = [f"x{pane}", f"y{pane}"], tables.captions
    every = [tables.points[own], captions.loc[captions["pane"] == pane, ["x", "y"]]]
    if tables.stars is not None:
        every.append(tables.stars[own])
    if options.ghost:
        every.append(tables.points[[f"gx{pane}", f"gy{pane}"]])
    if options.movement and pane:
        every.append(tables.points.loc[tables.points[own].notna().all(axis=1), ["x0", "y0"]])
    return extent_of([places.to_numpy(float) for places in every])


def _layers(tables: _Tables, options: MapOptions, pane: Pane, style: MapStyle) -> list[layers.Layer]:
    """All layers of a pane, from the ground up."""
    under: list[layers.Layer] = [] if pane.index else [layers.legend(style)]
    if options.ghost:
        under.append(layers.ghosts(pane, style))
    if options.movement and pane.index:
        under += layers.movement(pane, style)
    if tables.neighbours is not None:
        under += layers.neighbours(tables.neighbours, pane, style)
    over = [] if tables.twins is None else layers.twins(tables.twins, pane, style)
    words = pane.own(tables.captions)
    return layers.linked(tables.points, words, tables.stars, pane, style, under=under, over=over)


def _params(panes: int, options: MapOptions, board: bool) -> list[alt.TopLevelSelectionParameter]:
    """The selections, over all panes at once."""
    marks = [f"marks_{pane}" for pane in range(panes)]
    click = {"type": "point", "on": "click", "toggle": False}
    shown = {"bind": {"legend": _LEGEND_CLICK}}
    found: list[tuple[str, dict[str, Any], list[str], dict[str, Any]]] = [
        ("pick", {**click, "fields": ["id"]}, marks, {}),
        (
            "brush",
            {"type": "interval", "encodings": ["x", "y"], "on": _BRUSH},
            [f"ground_{p}" for p in range(panes)],
            {},
        ),
        ("shown", {"type": "point", "fields": ["colour"], "toggle": "true"}, [layers.LEGEND], shown),
    ]
    if board:
        found.append(("cell", {**click, "fields": ["group"], "toggle": "true"}, [f"{boards.NAME}_1"], {}))
    if options.twins:
        found.append(("scene", {**click, "fields": ["scene"]}, marks, {}))
    return [
        hover(marks),
        *(
            alt.TopLevelSelectionParameter(name=name, select=how, views=views, **bind)
            for name, how, views, bind in found
        ),
    ]
