"""Maps of the same images in one or two models, linked in the browser.

One wide table holds every image once, with its position in every map, and selections over its
columns are shared by all panes: the browser alone links the maps, and only a click on a mark and a
brush go to the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.group_accuracy import CELLS, group_grid
from vlcore.plots.maps import layers
from vlcore.plots.maps.drawing import GAP, Extent, MapInfo
from vlcore.plots.maps.legend import LegendPlace, rows_of_entries
from vlcore.plots.maps.panes import (
    HOVER,
    KIN,
    MapLegend,
    MapStyle,
    Pane,
    click,
    figure_properties,
    map_legend,
    selection,
    side_by_side,
    wrapped,
)
from vlcore.plots.maps.tables import MapTables, map_tables
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import Palette, across

# Only from empty ground: a press on a mark would take the brush away, and with it what was lit.
_BRUSH = (
    "[pointerdown[!event.shiftKey && (!event.item || event.item.mark.marktype === 'group')],"
    " window:pointerup] > window:pointermove!"
)
# As in the app, where WebGL draws; the plain wheel scrolls the page.
_ZOOM = {
    "type": "interval",
    "encodings": ["x", "y"],
    "on": "[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!",
    "translate": "[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!",
    "zoom": "wheel![event.ctrlKey]",
}
# A click on anything else would toggle the last entry once more.
_LEGEND_CLICK = "click[event.item && indexof(event.item.mark.role, 'legend') === 0]"
_CELL_CLICK = click("cell", "group", [CELLS], toggle="true")
_KIN = "!isValid((kin.colour || [])[0]) || kin.colour[0] === datum.colour"


@dataclass(frozen=True, eq=False)
class MapContent:
    """What linked maps show, as Altair draws them."""

    tables: MapTables  # with the images that the filters let through
    extents: tuple[Extent, ...]  # of each map, whatever the filters are
    legend: MapLegend


def map_content(
    tables: MapTables, panes: int, palette: Palette, grouping: Grouping, options: MapOptions
) -> MapContent:
    """Choose what linked maps show of their tables."""
    extents = tuple(tables.extent(pane, options) for pane in range(panes))
    tables = replace(tables, points=options.drawn(tables.points, grouping))
    return MapContent(tables, extents, map_legend(palette, grouping, tables, options))


def linked_maps(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 420,
    options: MapOptions = PLAIN,
    colouring: Colouring = GROUPS,
    board: pd.DataFrame | None = None,
    legend_place: LegendPlace = "bottom",
    **overlay_tables: pd.DataFrame | None,
) -> alt.TopLevelMixin:
    """Square maps of the same images, linked by hover, click, brush, legend and group accuracy
    panel.

    Both axes have one unit. Filters of the options change what is drawn, and no extent. The chart
    has the selections `hov` and `pick` (fields `id`), `kin` (what is coloured like the hovered
    mark: the others fade), `brush` (an interval over positions of the map it was drawn in), `shown`
    (the legend), with a panel `cell` (fields `group`), with arrows `scene`.

    Args:
        points: one row an image: `id` (unique str), `object`, `context`, `group` (of
            `grouping.names`), `kind` ("training" or "test"), `minority` (bool), `thumb` (made by
            `thumb_uri`), `spoken` (for screen readers), and for each map, numbered from 0: `x0`,
            `y0` (float; NaN where the image is absent), `caption_0`, `predicted_0` (words). Where
            an option asks for it: the columns of the colouring, `trust0` (0 to 1), `gx0`, `gy0`
            (positions of the untrained baseline), and `scene`.
        captions: one row a caption and map: `caption`, `pane` (int), `x`, `y`.
        infos: the words around each map.
        side: of a map in px; two stand beside each other, or one on a phone.
        colouring: what colours stand for.
        board: the rows of the group accuracy panel, as `group_grid` reads them.
        overlay_tables: `uploads`, stars on top: `id`, `name`, `x0`, `y0` and so on, `thumb`,
            `spoken`; `neighbours`, lines of that option: `id`, `pane`, `x`, `y`, `x2`, `y2`;
            `twins`, arrows of that option: `scene`, `kind` (two kinds at most), `pane`, `x`, `y`,
            `x2`, `y2`.

    Raises:
        KeyError: where a column is missing.
    """
    count = len(infos)
    tables = map_tables(points, captions, count, options, colouring=colouring, **overlay_tables)
    content = map_content(tables, count, palette, grouping, options)
    tables, legend = content.tables, content.legend
    passes = [f"(!shown.colour || {legend.passes('shown.colour', pane)})" for pane in range(count)]
    if board is not None:
        in_cell = "(!cell.group || indexof(cell.group, datum.group) >= 0)"
        passes = [f"{expression} && {in_cell}" for expression in passes]
    style = MapStyle(
        palette,
        legend,
        options,
        guide=legend.guide(side, legend_place),
        passes=tuple(passes),
        lit=" && ".join(map(_in_brush, range(count))),
        kin=_KIN,
        pick=True,
    )
    panes, charts = [], []
    for index, info in enumerate(infos):
        axes = (info.x_title, info.y_title)
        pane = Pane(index, content.extents[index], side, axes, zoom=f"zoom{index}")
        title = alt.Title(
            wrapped(info.title, side / 7.6),
            subtitle=wrapped(info.subtitle, side / 6),
            frame="group",
        )
        panes.append(pane)
        charts.append(layers.draw_map(tables, pane, style, layers.LAYERS, title=title))
    marks = [pane.named("marks") for pane in panes]
    grounds = [pane.named("ground") for pane in panes]
    interval = {"type": "interval", "encodings": ["x", "y"], "on": _BRUSH, "zoom": False}
    entry = {"type": "point", "fields": ["colour"], "toggle": "true"}
    params = [
        selection("hov", marks, HOVER),
        selection("kin", marks, KIN),
        click("pick", "id", marks),
        selection("brush", grounds, interval),
        selection("shown", [layers.LEGEND], entry, bind={"legend": _LEGEND_CLICK}),
    ]
    for pane, ground in zip(panes, grounds, strict=True):
        params.append(selection(pane.zoom, [ground], _ZOOM, bind="scales"))
    if board is not None:
        params.append(_CELL_CLICK)
    if options.twins:
        params.append(click("scene", "scene", marks))
    top = {"params": params, **figure_properties(tables.points, palette)}
    if board is None:
        return side_by_side(charts, side, **top)
    grid = group_grid(
        board, palette=palette, grouping=grouping, width=_width_of_maps(count, side), can_click=True
    )
    # One scale for the maps and the panel would make one legend of both.
    apart = dict.fromkeys(("stroke", "fill", "shape", "size", "opacity"), "independent")
    maps = side_by_side(charts, side)
    return alt.vconcat(maps, grid, spacing=GAP, resolve={"scale": apart}, **top)


def _width_of_maps(maps: int, side: int) -> int:
    return across(maps, side) * (side + GAP) - GAP


def _in_brush(pane: int) -> str:
    """Whether a row is inside the brush, if it was drawn in this map: an expression. An image that
    is absent from the map is not."""
    x, y = f"x{pane}", f"y{pane}"
    inside = f"inrange(datum.{x}, brush.{x}) && inrange(datum.{y}, brush.{y})"
    return f"(!brush.{x} || (isValid(datum.{x}) && {inside}))"


def brushed(selection: Mapping[str, Any], points: pd.DataFrame) -> list[str]:
    """The ids of the images of the table of `linked_maps` that lie inside a brush, in its order.

    The selection is what Streamlit returns: ``{"brush": {"x1": [-0.2, 0.4], "y1": [0.1, 0.9]},
    ...}``. A brush holds nothing where it is empty, absent, or was drawn in a map that is gone:
    Streamlit remembers it. What clicked cells (`cell`) and entries of the legend (`shown`) hide is
    excluded, if the page asks Streamlit for these selections too.
    """
    ranges = selection.get("brush") or {}
    if not ranges or any(column not in points for column in ranges):
        return []
    inside = np.ones(len(points), dtype=bool)
    for column, ends in ranges.items():
        inside &= points[column].between(min(ends), max(ends)).to_numpy()
    return clicked_ids(selection, points[inside], next(iter(ranges)).lstrip("xy"))


def clicked_ids(selection: Mapping[str, Any], points: pd.DataFrame, pane: str) -> list[str]:
    """The ids of images that clicked cells (`cell`) and entries of the legend (`shown`) leave on
    the map of a number; all where nothing was clicked."""
    cells = [f"group {clicked['group']}" for clicked in selection.get("cell") or []]
    entries = [clicked["colour"] for clicked in selection.get("shown") or []]
    passing = rows_of_entries(points, cells, pane) & rows_of_entries(points, entries, pane)
    return [str(name) for name in points.loc[passing, "id"]]
