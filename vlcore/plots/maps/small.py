"""Small maps: of a trained model for a card, of one in training, and of those that read a typed
caption.

That of a model in training is sent again every two seconds: it has marks only and no images."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.maps import layers
from vlcore.plots.maps.legend import map_legend
from vlcore.plots.maps.panes import (
    FAINT,
    HOVER,
    SMALL,
    MapStyle,
    Pane,
    figure_properties,
    selection,
    side_by_side,
)
from vlcore.plots.maps.tables import ENDS, MapTables, map_tables
from vlcore.plots.scales import checked_columns
from vlcore.plots.theme import Palette

# Around a small map, or its frame would be cut off. Four numbers: Streamlit crashes on the shorter
# `padding=2`.
_THIN = {"left": 2, "top": 2, "right": 2, "bottom": 2}


@dataclass(frozen=True)
class MapInfo:
    """The words around one map; an axis title carries the component and its share of variance."""

    title: str
    subtitle: str
    x_title: str
    y_title: str


def small_map(
    points: pd.DataFrame, captions: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int
) -> alt.LayerChart:
    """One small map for a card: the first of `vlcore.plots.maps.linked.linked_maps`, with its
    tables and errors."""
    tables = map_tables(points, captions[captions["pane"] == 0], 1)
    chart = _lone_map(tables, layers.LAYERS, side, palette, grouping)
    return chart.properties(params=[selection("hov", ["marks_0"], HOVER)])


def live_map(
    positions: Sequence[Sequence[float]],
    groups: Sequence[str],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.LayerChart:
    """Held-out images of a model in training, as small hollow marks: x and y of each, and its
    group."""
    objects = {group: name for group, (name, _) in zip(grouping.names, grouping.pairs, strict=True)}
    table = pd.DataFrame(positions, columns=["x0", "y0"], dtype=float)
    table["group"] = table["spoken"] = list(groups)
    table["object"] = table["group"].map(objects)
    tables = MapTables(table, pd.DataFrame(columns=["caption", "pane", "x", "y"]))
    return _lone_map(tables, layers.STILL, side, palette, grouping)


def _lone_map(
    tables: MapTables,
    map_layers: Sequence[layers.Layer],
    side: int,
    palette: Palette,
    grouping: Grouping,
) -> alt.LayerChart:
    style = MapStyle(palette, map_legend(palette, grouping, tables), sizes=SMALL)
    pane = Pane(0, tables.extent(0), side)
    top = figure_properties(tables.points, palette)
    return layers.draw_map(tables, pane, style, map_layers, padding=_THIN, **top)


def caption_map(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    typed: pd.DataFrame,
    shortened: pd.DataFrame,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.ConcatChart:
    """A small map for each model: images faint, captions as diamonds, the typed one as a star with
    arrows. An arrow from the whole caption to the caption without a word points away from what that
    word says.

    Args:
        points: as those of `vlcore.plots.maps.linked.linked_maps`; only ``object``, ``group`` and
            positions are read.
        captions: as those of `linked_maps`.
        typed: as captions, one row a map that has the typed one.
        shortened: one row a map and word: ``pane``, ``word``, ``cosine``, ``x``, ``y``, ``x2``,
            ``y2``.
        infos: the words around each map.
    """
    count = len(infos)
    positions = [f"{axis}{pane}" for pane in range(count) for axis in "xy"]
    table = checked_columns(points, ["object", "group", *positions])
    table["spoken"] = ""
    diamond = ["pane", "caption", "x", "y"]
    arrow = ["pane", "word", "cosine", *ENDS]
    tables = MapTables(
        table,
        checked_columns(captions, diamond),
        typed=checked_columns(typed, diamond),
        shortened=checked_columns(shortened, arrow),
    )
    style = MapStyle(palette, map_legend(palette, grouping, tables), sizes=FAINT)
    panes = []
    for index, info in enumerate(infos):
        pane = Pane(index, tables.extent(index), side)
        title = alt.Title(info.title, subtitle=info.x_title, frame="group")
        panes.append(layers.draw_map(tables, pane, style, layers.STILL, title=title))
    return side_by_side(panes, side, **figure_properties(table, palette))
