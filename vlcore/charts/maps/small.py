"""Small maps of one model: of a trained one for a card, and of one in training.

The one idea: a small map is the first pane of the linked maps, without what needs room. The one that is sent again
every two seconds while a model trains has marks only and no pictures, so that it stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.maps import layers
from vlcore.charts.maps.legend import map_keys
from vlcore.charts.maps.panes import SMALL, MapStyle, Pane, hover, sent
from vlcore.charts.tables import captions_table, extent_of, need, points_table
from vlcore.charts.theme import THIN, Palette, theme
from vlcore.core.grouping import Grouping


@dataclass(frozen=True)
class MapInfo:
    """The words around one map; an axis title carries the component and its share of variance."""

    title: str
    subtitle: str
    x_title: str
    y_title: str


def small_map(
    points: pd.DataFrame, captions: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int = 210
) -> alt.LayerChart:
    """One small map for a card: the marks of `vlcore.charts.maps.linked.linked_maps`, without legend and titles.

    Args:
        points: as there; only the columns of the first map are read.
        captions: `caption`, `pane`, `x`, `y`; those of other maps are left out.
        palette: colours.
        grouping: which groups there are.
        side: side in px.

    Raises:
        ValueError: as there.
    """
    table = points_table(points, grouping, 1)
    need(captions, ["pane"], "captions")
    words = captions_table(captions[captions["pane"] == 0], 1)
    pane = _pane([part.to_numpy(float) for part in (table[["x0", "y0"]], words[["x", "y"]])], side)
    style = MapStyle(palette, map_keys(palette, grouping), SMALL)
    chart = _framed(layers.linked(table, pane.own(words), None, pane, style), table, palette, side)
    chart.params = [hover([pane.marks])]
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
    style = MapStyle(palette, map_keys(palette, grouping), SMALL)
    pane = _pane([table[["x0", "y0"]].to_numpy()], side)
    return _framed([layers.outlines(pane, style, 0.9, aria=True)], table, palette, side)


def _pane(every: list[NDArray[np.float64]], side: int) -> Pane:
    return Pane(0, extent_of(every), (None, None), side)


def _framed(found: list[layers.Layer], table: pd.DataFrame, palette: Palette, side: int) -> alt.LayerChart:
    return alt.layer(
        *found,
        width=side,
        height=side,
        datasets=sent(table),
        autosize="pad",
        padding=THIN,
        config=theme(palette),
    )
