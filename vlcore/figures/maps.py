"""A small map of one model for a card, and what its larger sisters are told.

The one idea: a small map is the first pane of the linked maps, without what needs room.
"""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import pandas as pd

from vlcore.figures.keys import map_keys
from vlcore.figures.layers import layers
from vlcore.figures.panes import SMALL, Look, Pane, sent
from vlcore.figures.tables import captions_table, extent_of, need, points_table
from vlcore.figures.theme import THIN, Palette, theme
from vlcore.images.groups import Grouping


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
    """One small map for a card: the marks of `vlcore.figures.linked.linked_maps`, without legend and titles.

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
    extent = extent_of([part.to_numpy(float) for part in (table[["x0", "y0"]], words[["x", "y"]])])
    pane = Pane(0, extent, (None, None), side)
    look = Look(palette, map_keys(palette, grouping), SMALL)
    chart = alt.layer(
        *layers(table, words, None, pane, look),
        width=side,
        height=side,
        datasets=sent(table),
        autosize="pad",
        padding=THIN,
        config=theme(palette),
    )
    hov = {"type": "point", "fields": ["id"], "on": "pointerover", "clear": "pointerout"}
    chart.params = [alt.TopLevelSelectionParameter(name="hov", select=hov, views=[pane.marks])]
    return chart
