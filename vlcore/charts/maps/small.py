"""Small maps of one model: of a trained one for a card, and of one in training.

A small map is the first pane of the linked maps, without legend and titles. The one that is sent again every two
seconds while a model trains has marks only and no pictures, so that it stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from vlcore.charts.maps import layers
from vlcore.charts.maps.legend import map_legend
from vlcore.charts.maps.panes import SMALL, MapStyle, Pane, click, figure, hover
from vlcore.charts.maps.tables import PLAIN, MapOptions, MapTables, map_tables
from vlcore.charts.tables import need
from vlcore.charts.theme import Palette
from vlcore.core.grouping import Grouping

# Around a small map, whose frame would be cut off without it. Four numbers: Streamlit's browser part writes into this
# object, and crashes on the shorter `padding=2`.
_THIN = {"left": 2, "top": 2, "right": 2, "bottom": 2}


@dataclass(frozen=True)
class MapInfo:
    """The words around one map; an axis title carries the component and its share of variance."""

    title: str
    subtitle: str
    x_title: str
    y_title: str


def small_map(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 210,
    options: MapOptions = PLAIN,
    **more: pd.DataFrame | None,
) -> alt.LayerChart:
    """One small map for a card: the layers of `vlcore.charts.maps.linked.linked_maps`, without legend and titles.

    Args:
        points: as there; only the columns of the first map are read.
        captions: `caption`, `pane`, `x`, `y`; those of other maps are left out.
        palette: colours.
        grouping: which groups there are.
        side: side in px.
        options, more: as there.

    Raises:
        ValueError: as there.
    """
    need(captions, ["pane"], "captions")
    tables = map_tables(points, captions[captions["pane"] == 0], 1, grouping, options, **more)
    pane = Pane(0, tables.extent(0, options), side)
    style = MapStyle(palette, map_legend(palette, grouping, tables, options), options, SMALL)
    chart = layers.draw(tables, pane, style, layers.LAYERS, padding=_THIN, **figure(tables.points, palette))
    chart.params = [hover([pane.marks]), *([click("scene", "scene", [pane.marks])] if options.twins else [])]
    return chart


def live_map(
    places: Sequence[Sequence[float]], groups: Sequence[str], *, palette: Palette, grouping: Grouping, side: int = 210
) -> alt.LayerChart:
    """Held-out images of a model in training, as small hollow marks.

    Args:
        places: x and y of each image, n pairs.
        groups: group of each image, n names.
        palette: colours.
        grouping: which groups there are.
        side: side in px.

    Raises:
        ValueError: when there are not as many places as groups.
    """
    if len(places) != len(groups):
        raise ValueError("Give one place for each image.")
    objects = dict(zip(grouping.names, (obj for obj, _ in grouping.pairs), strict=True))
    table = pd.DataFrame(places, columns=["x0", "y0"], dtype=float).assign(group=list(groups), spoken=list(groups))
    table["object"] = table["group"].map(objects)
    tables = MapTables(table, pd.DataFrame(columns=["caption", "pane", "x", "y"]))
    pane = Pane(0, tables.extent(0, PLAIN), side)
    style = MapStyle(palette, map_legend(palette, grouping, tables), sizes=SMALL)
    return layers.draw(tables, pane, style, layers.STILL, padding=_THIN, **figure(table, palette))
