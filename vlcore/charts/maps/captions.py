"""A caption that somebody typed, on the maps: where it lies among the pictures, and where each of its words pulls it.

The one idea: an arrow from the whole caption to the caption without a word points away from what that word says.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.charts.maps import layers
from vlcore.charts.maps.legend import map_keys
from vlcore.charts.maps.panes import FAINT, MapStyle, Pane, sent
from vlcore.charts.maps.small import MapInfo
from vlcore.charts.tables import captions_table, extent_of, known_only, lines_table, need, places
from vlcore.charts.theme import Palette, across, theme
from vlcore.core.grouping import Grouping

_FAINT = 0.35  # opacity of pictures


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
    columns = ["object", "group", *places(len(infos))]
    need(points, columns, "points")
    known_only(points["group"], grouping.names, "group")
    pictures = points[columns].assign(spoken="")
    words, stars = (captions_table(table, len(infos)) for table in (captions, asked))
    ways = lines_table(without, "without", len(infos), ["word", "cosine"])
    style = MapStyle(palette, map_keys(palette, grouping), FAINT)
    panes = []
    for number, info in enumerate(infos):
        own = [pictures[[f"x{number}", f"y{number}"]]]
        own += [table.loc[table["pane"] == number, ["x", "y"]] for table in (words, stars)]
        own.append(ways.loc[ways["pane"] == number, ["x2", "y2"]])
        pane = Pane(number, extent_of([one.to_numpy(float) for one in own]), (None, None), side)
        star = pane.own(stars)
        found = [
            layers.outlines(pane, style, _FAINT, aria=False),
            *layers.captions(pane.own(words), pane, style, pictures, star, colour=palette.muted),
            *layers.words_left_out(ways, pane, style),
            *layers.typed_caption(star, pane, style),
        ]
        title = alt.Title(info.title, subtitle=info.x_title, frame="group")
        panes.append(alt.layer(*found, width=side, height=side, title=title))
    return alt.concat(
        *panes,
        columns=across(len(panes), side),
        spacing=36,
        autosize="pad",
        datasets=sent(pictures),
        config=theme(palette),
    )
