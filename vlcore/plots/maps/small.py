"""Small maps: of a trained model for a card, of one in training, and of those that read a typed
caption.

That of a model in training is sent again every two seconds: it has marks only and no pictures."""

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
    beside,
    click,
    figure,
    selection,
)
from vlcore.plots.maps.tables import ENDS, PLAIN, MapOptions, MapTables, map_tables, pane_table
from vlcore.plots.tables import Rows, listed
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
    points: Rows,
    captions: Rows,
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 210,
    options: MapOptions = PLAIN,
    **more: Rows | None,
) -> alt.LayerChart:
    """One small map for a card: the first of `vlcore.plots.maps.linked.linked_maps`, with its
    tables and errors."""
    captions = listed(captions, ["pane", "caption", "x", "y"], "captions")
    tables = map_tables(points, captions[captions["pane"] == 0], 1, grouping, options, **more)
    style = MapStyle(palette, map_legend(palette, grouping, tables, options), options, SMALL)
    params = [selection("hov", ["marks_0"], HOVER)]
    params += [click("scene", "scene", ["marks_0"])] if options.twins else []
    return _alone(tables, layers.LAYERS, side, style).properties(params=params)


def live_map(
    places: Sequence[Sequence[float]],
    groups: Sequence[str],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int = 210,
) -> alt.LayerChart:
    """Held-out images of a model in training, as small hollow marks: x and y of each, and its
    group."""
    table = pd.DataFrame(places, columns=["x0", "y0"], dtype=float).assign(
        group=list(groups), spoken=list(groups)
    )
    table["object"] = table["group"].map(
        dict(zip(grouping.names, (obj for obj, _ in grouping.pairs), strict=True))
    )
    tables = MapTables(table, pd.DataFrame(columns=["caption", "pane", "x", "y"]))
    return _alone(
        tables,
        layers.STILL,
        side,
        MapStyle(palette, map_legend(palette, grouping, tables), sizes=SMALL),
    )


def _alone(
    tables: MapTables, drawn: Sequence[layers.Layer], side: int, style: MapStyle
) -> alt.LayerChart:
    pane = Pane(0, tables.extent(0, style.options), side)
    return layers.draw(
        tables, pane, style, drawn, padding=_THIN, **figure(tables.points, style.palette)
    )


def caption_map(
    points: Rows,
    captions: Rows,
    asked: Rows,
    without: Rows,
    infos: Sequence[MapInfo],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.ConcatChart:
    """A small map for each model: pictures faint, captions as diamonds, the typed one as a star
    with arrows. An arrow from the whole caption to the caption without a word points away from what
    that word says. Points and captions are those of `vlcore.plots.maps.linked.linked_maps`; of the
    points only ``object``, ``group`` and places are read. As captions is `asked`, one row a map
    that has the typed one; `without` has one row a map and word: ``pane``, ``word``, ``cosine``,
    ``x``, ``y``, ``x2``, ``y2``. ValueError where a column is missing, or a group or a pane is
    unknown.
    """
    count = len(infos)
    columns = ["object", "group", *(f"{axis}{pane}" for pane in range(count) for axis in "xy")]
    table = listed(points, columns, "points", group=grouping.names).assign(spoken="")
    words, typed = (
        pane_table(one, "captions", count, ["caption", "x", "y"]) for one in (captions, asked)
    )
    left_out = pane_table(without, "without", count, ["word", "cosine", *ENDS])
    tables = MapTables(table, words, typed=typed, left_out=left_out)
    style = MapStyle(palette, map_legend(palette, grouping, tables), sizes=FAINT)
    panes = []
    for number, info in enumerate(infos):
        pane = Pane(number, tables.extent(number, PLAIN), side)
        title = alt.Title(info.title, subtitle=info.x_title, frame="group")
        panes.append(layers.draw(tables, pane, style, layers.STILL, title=title))
    return beside(panes, side, **figure(table, palette))
