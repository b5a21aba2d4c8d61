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
    """One small map for a card: the marks of `linked_maps`, without legend and titles.

    Args:
        points: as in `linked_maps`; only the columns of the first map are read.
        captions: `caption`, `pane`, `x`, `y`; those of other maps are left out.
        palette: colours.
        grouping: which groups there are.
        side: side in px.

    Raises:
        ValueError: as `linked_maps`.
    """
    points, captions = _numbered(points), _numbered_captions(captions)
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
) -> alt.TopLevelMixin:
    """`vlcore.figures.linked.linked_maps` for callers that still name two sides; it goes when they have moved."""
    from vlcore.figures import linked

    return linked.linked_maps(
        _numbered(points),
        _numbered_captions(captions),
        [left, right],
        palette=palette,
        grouping=grouping,
        side=side,
        uploads=None if uploads is None else _numbered(uploads),
    )


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    names = {f"{axis}{side[0]}": f"{axis}{pane}" for axis in "xy" for pane, side in enumerate(("left", "right"))}
    for what in ("caption", "predicted"):
        names |= {f"{what}_left": f"{what}_0", f"{what}_right": f"{what}_1"}
    return table.rename(columns=names)


def _numbered_captions(captions: pd.DataFrame) -> pd.DataFrame:
    if "side" in captions:
        return captions.assign(pane=captions["side"].map({"left": 0, "right": 1}).fillna(captions["side"]))
    return captions if "pane" in captions else captions.assign(pane=0)
