"""A caption that somebody typed, on the maps: where it lies among the pictures, and where each of its words pulls it.

The one idea: an arrow from the whole caption to the caption without a word points away from what that word says.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from vlcore.figures.maps import MapInfo
from vlcore.figures.theme import SHAPES, Palette, across, star, theme
from vlcore.images.groups import Grouping

_FAINT = 0.35


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
) -> alt.TopLevelMixin:
    """A small map for each model: pictures faint, captions as diamonds, the typed one as a star with arrows.

    Args:
        points: as of `vlcore.figures.linked.linked_maps`; ``group``, ``x0``, ``y0`` and so on are read.
        captions: ``caption``, ``pane``, ``x``, ``y``.
        asked: one row a map that has the caption: ``pane``, ``x``, ``y``, ``caption``.
        without: one row a map and word: ``pane``, ``word``, ``x``, ``y``, ``x2``, ``y2``, from the whole caption to the
            caption without the word.
        infos: the words around each map.
        palette: colours.
        grouping: which groups there are.
        side: of each map in px.
    """
    panes = [
        _pane(number, info, points, captions, asked, without, palette, grouping, side)
        for number, info in enumerate(infos)
    ]
    beside = across(len(panes), side)
    rows = [alt.hconcat(*panes[first : first + beside], spacing=36) for first in range(0, len(panes), beside)]
    return alt.vconcat(*rows, autosize="pad").configure(**theme(palette))


def _pane(
    pane: int,
    info: MapInfo,
    points: pd.DataFrame,
    captions: pd.DataFrame,
    asked: pd.DataFrame,
    without: pd.DataFrame,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.LayerChart:
    places = points[["group", f"x{pane}", f"y{pane}"]].set_axis(["group", "x", "y"], axis=1).dropna()
    here, mine, arrows = (table[table["pane"] == pane] for table in (captions, asked, without))
    x, y = _scales(pd.concat([places, here, mine, arrows.assign(x=arrows["x2"], y=arrows["y2"])])[["x", "y"]])
    colours = palette.colours(grouping)
    names = list(grouping.names)
    pictures = alt.Chart(places).mark_point(size=26, opacity=_FAINT, strokeWidth=1.2, aria=False)
    diamonds = alt.Chart(here.assign(spoken="caption: " + here["caption"])).encode(x=x, y=y, description="spoken:N")
    stars = alt.Chart(mine.assign(spoken="your caption: " + mine["caption"])).encode(x=x, y=y, description="spoken:N")
    ways = alt.Chart(
        arrows.assign(
            said="− " + arrows["word"],
            angle=np.degrees(np.arctan2(arrows["x2"] - arrows["x"], arrows["y2"] - arrows["y"])),
            spoken="without " + arrows["word"],
        )
    ).encode(description="spoken:N")
    ends = ways.encode(x=alt.X("x2:Q"), y=alt.Y("y2:Q"))  # the scales are the pane's
    return alt.layer(
        pictures.encode(
            x=x,
            y=y,
            color=alt.Color("group:N", scale=alt.Scale(domain=names, range=list(colours.values())), legend=None),
            shape=alt.Shape("group:N", scale=alt.Scale(domain=names, range=list(SHAPES)), legend=None),
        ),
        diamonds.mark_point(shape="diamond", size=90, filled=True, color=palette.muted, opacity=1),
        diamonds.mark_text(align="left", dx=9, fontSize=11, color=palette.muted, aria=False).encode(text="caption:N"),
        ways.mark_rule(color=palette.accent, strokeWidth=1.6, aria=False).encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
        ends.mark_point(shape="triangle-up", size=70, filled=True, color=palette.accent, opacity=1).encode(
            angle=alt.Angle("angle:Q", scale=alt.Scale(domain=[0, 360], range=[0, 360])),
            tooltip=[alt.Tooltip("word:N", title="left out"), alt.Tooltip("cosine:Q", format=".2f")],
        ),
        ends.mark_text(align="left", dx=8, dy=-8, fontSize=12, color=palette.accent, aria=False).encode(text="said:N"),
        stars.mark_point(shape=star(), size=320, filled=True, color=palette.accent, opacity=1),
        stars.mark_text(align="left", dx=13, fontSize=13, fontWeight=600, color=palette.text, aria=False).encode(
            text="caption:N"
        ),
    ).properties(width=side, height=side, title=alt.Title(info.title, subtitle=info.x_title, frame="group"))


def _scales(places: pd.DataFrame) -> tuple[alt.X, alt.Y]:
    """Scales with one span, so that a square pane shows distances undistorted."""
    low, high = places.min().to_numpy(float), places.max().to_numpy(float)
    half = 0.62 * max(float((high - low).max()), 1e-6)
    ends = [[float(m - half), float(m + half)] for m in (low + high) / 2]
    axis = alt.Axis(title=None, labels=False, ticks=False, grid=False, domain=False)
    across, up = (alt.Scale(domain=domain, nice=False, zero=False) for domain in ends)
    return alt.X("x:Q", scale=across, axis=axis), alt.Y("y:Q", scale=up, axis=axis)
