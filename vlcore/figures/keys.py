"""The one legend of a map: what the groups look like, then what the marks mean.

The one idea: colour, shape and filling are three scales over one list of keys: the groups, and a few keys that
no row carries. Vega-Lite merges scales over one list into one legend, so "hollow: held out" can stand beside
"horse on grass" without a chart of its own.
"""

from __future__ import annotations

import json

import altair as alt

from vlcore.figures.theme import SHAPES, Palette, group_words, star
from vlcore.images.groups import Grouping

# A ring around a dot: Vega draws symbols from -1 to 1.
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_MEANING = {
    "key training": "full: training",
    "key test": "hollow: held out",
    "key minority": "ring: minority group",
    "key caption": "caption",
    "key upload": "your picture",
}
KEY_SHAPES = (*SHAPES, "circle", "circle", _RING, "diamond", star())


def key_names(grouping: Grouping) -> list[str]:
    """The domain of the three scales: four groups, then five keys."""
    return [*grouping.names, *_MEANING]


def key_colours(palette: Palette, grouping: Grouping) -> list[str]:
    """The outline of each key; what isn't a group, a caption or an upload is grey."""
    return [*palette.colours(grouping).values(), *[palette.muted] * 3, palette.text, palette.accent]


def key_fills(palette: Palette, grouping: Grouping) -> list[str]:
    """The filling of each key."""
    colours = key_colours(palette, grouping)
    return [*colours[:5], "transparent", "transparent", *colours[7:]]


def key_legend(palette: Palette, grouping: Grouping, uploads: bool) -> alt.Legend:
    """The legend under the maps; `uploads` adds the star."""
    names = key_names(grouping)
    words = {**group_words(grouping), **_MEANING}
    return alt.Legend(
        title=None,
        orient="bottom",
        direction="horizontal",
        columns=4,
        values=names if uploads else names[:-1],
        labelExpr=f"({json.dumps(words)})[datum.label]",
        symbolSize=90,
        symbolOpacity=1,
        columnPadding=22,
        rowPadding=6,
        offset=14,
    )
