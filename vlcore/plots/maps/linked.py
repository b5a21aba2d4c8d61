"""Maps of the same pictures in one to four models, linked in the browser.

One wide table holds every picture once, with its place in every map, and selections over its
columns are shared by all
panes: the browser alone links the maps, and only a click on a mark and a brush go to the server."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.group_accuracy import CELLS, group_grid
from vlcore.plots.maps import layers
from vlcore.plots.maps.legend import LegendPlace, carriers, map_legend
from vlcore.plots.maps.panes import (
    GAP,
    HOVER,
    KIN,
    MapStyle,
    Pane,
    beside,
    click,
    figure,
    selection,
    wrapped,
)
from vlcore.plots.maps.small import MapInfo
from vlcore.plots.maps.tables import PLAIN, MapOptions, map_tables
from vlcore.plots.scales import composed
from vlcore.plots.theme import Palette, across

MOST = 4  # maps
# Only from empty ground: a press on a mark would take the brush away, and with it what was lit.
_BRUSH = (
    "[pointerdown[!event.item || event.item.mark.marktype === 'group'], window:pointerup] >"
    " window:pointermove!"
)
# A click on anything else would toggle the last entry once more.
_LEGEND_CLICK = "click[event.item && indexof(event.item.mark.role, 'legend') === 0]"


def linked_maps(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 420,
    options: MapOptions = PLAIN,
    board: pd.DataFrame | None = None,
    legend_place: LegendPlace = "bottom",
    **more: pd.DataFrame | None,
) -> alt.TopLevelMixin:
    """Square maps of the same pictures, linked by hover, click, brush, legend and board, each
    `side` px wide: two stand beside each other, or one on a phone. ValueError where a table is
    missing or not whole, a colouring is unknown, or there are too many maps.

    The points have one row a picture: `id` (unique str), `object`, `context`, `group` (of
    `grouping.names`), `kind` ("training" or "test"), `minority` (bool), `thumb` (made by
    `thumb_uri`), `spoken` (said by a screen reader), and for each map, numbered from 0: `x0`, `y0`
    (float; NaN where the picture is absent), `caption_0`, `predicted_0` (words). Only where an
    option asks for it: `says_0` (the predicted object, or "none"), `right_0` ("right", "wrong" or
    "none"), `trust0` (0 to 1), `gx0`, `gy0`, and `scene`. The captions have one row a caption and
    map: `caption`, `pane` (int), `x`, `y`. The `board` is as `group_grid` reads it. Of `more` are
    `uploads`, stars on top: `id`, `name`, `x0`, `y0` and so on, `thumb`, `spoken`; `neighbours`,
    lines of that option: `id`, `pane`, `x`, `y`, `x2`, `y2`; `twins`, arrows of that option:
    `scene`, `kind` (two kinds at most), `pane`, `x`, `y`, `x2`, `y2`.

    The chart has the selections `hov` and `pick` (fields `id`), `kin` (what is coloured like the
    hovered mark: the others fade), `brush` (an interval over places of the map it was drawn in),
    `shown` (the legend), with a board `cell` (fields `group`), with arrows `scene`. Both axes have
    one unit.
    """
    count = len(infos)
    if not 1 <= count <= MOST:
        raise ValueError(f"one to {MOST} maps fit one figure, not {count}")
    tables = map_tables(points, captions, count, grouping, options, **more)
    legend = map_legend(palette, grouping, tables, options)
    shown = [f"(!shown.colour || {legend.shown('shown.colour', pane)})" for pane in range(count)]
    if board is not None:
        shown = [
            f"{passes} && (!cell.group || indexof(cell.group, datum.group) >= 0)"
            for passes in shown
        ]
    # Inside the brush, in whichever map it was drawn; a picture that is absent there is not.
    lit = " && ".join(
        f"(!brush.x{pane} || (isValid(datum.x{pane}) && inrange(datum.x{pane}, brush.x{pane})"
        f" && inrange(datum.y{pane}, brush.y{pane})))"
        for pane in range(count)
    )
    guide, kin = (
        legend.guide(side, legend_place),
        "!isValid((kin.colour || [])[0]) || kin.colour[0] === datum.colour",
    )
    style = MapStyle(
        palette, legend, options, guide=guide, shown=tuple(shown), lit=lit, kin=kin, pick=True
    )
    panes, marks, grounds = [], [], []
    for index, info in enumerate(infos):
        pane = Pane(index, tables.extent(index, options), side, (info.x_title, info.y_title))
        title = alt.Title(
            wrapped(info.title, side / 7.6),
            subtitle=wrapped(info.subtitle, side / 6),
            frame="group",
        )
        panes.append(layers.draw(tables, pane, style, layers.LAYERS, title=title))
        marks.append(pane.named("marks"))
        grounds.append(pane.named("ground"))
    clicked = {"type": "point", "fields": ["colour"], "toggle": "true"}
    params = [
        selection("hov", marks, HOVER),
        selection("kin", marks, KIN),
        click("pick", "id", marks),
        selection("brush", grounds, {"type": "interval", "encodings": ["x", "y"], "on": _BRUSH}),
        selection("shown", [layers.LEGEND], clicked, bind={"legend": _LEGEND_CLICK}),
    ]
    params += [click("cell", "group", [CELLS], toggle="true")] if board is not None else []
    params += [click("scene", "scene", marks)] if options.twins else []
    top = {"params": params, **figure(tables.points, palette)}
    if board is None:
        return beside(panes, side, **top)
    width = across(count, side) * (side + GAP) - GAP
    grid = group_grid(board, palette=palette, grouping=grouping, width=width, panes=count)
    own = {"scale": dict.fromkeys(("stroke", "fill", "shape", "size", "opacity"), "independent")}
    return composed(alt.vconcat, beside(panes, side), grid, spacing=GAP, resolve=own, **top)


def brushed(selection: Mapping[str, Any], points: pd.DataFrame) -> list[str]:
    """The ids of the pictures of the table of `linked_maps` that lie inside a brush, in its order.
    The selection is what Streamlit returns: ``{"brush": {"x1": [-0.2, 0.4], "y1": [0.1, 0.9]},
    ...}``. A brush holds nothing where it is empty, not there, or was drawn in a map that is gone:
    Streamlit remembers it. What clicked cells (`cell`) and entries of the legend (`shown`) hide is
    left out, if the page asks Streamlit for these selections too.
    """
    ranges = selection.get("brush") or {}
    if not ranges or any(column not in points for column in ranges):
        return []
    pane = next(iter(ranges)).lstrip("xy")
    cells = [f"group {clicked['group']}" for clicked in selection.get("cell") or []]
    entries = [clicked["colour"] for clicked in selection.get("shown") or []]
    inside = carriers(points, cells, pane) & carriers(points, entries, pane)
    for column, ends in ranges.items():
        inside &= points[column].between(min(ends), max(ends)).to_numpy()
    return [str(name) for name in points.loc[inside, "id"]]
