"""A caption that somebody typed, on the maps: where it lies among the pictures, and where each of its words pulls it.

An arrow from the whole caption to the caption without a word points away from what that word says.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.charts.maps import layers
from vlcore.charts.maps.legend import map_legend
from vlcore.charts.maps.panes import FAINT, MapStyle, Pane, beside, figure
from vlcore.charts.maps.small import MapInfo
from vlcore.charts.maps.tables import PLAIN, MapTables, lines_table, pane_table
from vlcore.charts.tables import known_only, need
from vlcore.charts.theme import Palette
from vlcore.core.grouping import Grouping


def caption_map(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    asked: pd.DataFrame,
    without: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.ConcatChart:
    """A small map for each model: pictures faint, captions as diamonds, the typed one as a star with arrows.

    Args:
        points: as of `vlcore.charts.maps.linked.linked_maps`; ``object``, ``group``, ``x0``, ``y0`` and so on are read.
        captions: ``caption``, ``pane``, ``x``, ``y``.
        asked: one row a map that has the caption: ``pane``, ``x``, ``y``, ``caption``.
        without: one row a map and word: ``pane``, ``word``, ``cosine``, ``x``, ``y``, ``x2``, ``y2``, from the whole
            caption to the caption without the word.
        infos: the words around each map.
        palette: colours.
        grouping: which groups there are.
        side: of each map in px.

    Raises:
        ValueError: when a column is missing, or a group or a pane is unknown.
    """
    count = len(infos)
    columns = ["object", "group", *(f"{axis}{pane}" for pane in range(count) for axis in "xy")]
    need(points, columns, "points")
    known_only(points["group"], grouping.names, "group")
    words, typed = (pane_table(table, "captions", count, ["caption", "x", "y"]) for table in (captions, asked))
    left_out = lines_table(without, "without", count, ["word", "cosine"])
    tables = MapTables(points[columns].assign(spoken=""), words, typed=typed, left_out=left_out)
    style = MapStyle(palette, map_legend(palette, grouping, tables), sizes=FAINT)
    panes = []
    for number, info in enumerate(infos):
        pane = Pane(number, tables.extent(number, PLAIN), side)
        title = alt.Title(info.title, subtitle=info.x_title, frame="group")
        panes.append(layers.draw(tables, pane, style, layers.STILL, title=title))
    return beside(panes, side, **figure(tables.points, palette))
