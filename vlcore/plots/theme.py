"""The theme of every chart: colours, marks and type.

A `Palette` is a value, one for a light ground and one for a dark one, and its four group colours
follow the *role* of a group (see `vlcore.experiment.grouping`), so imported sets look like the
scenes. Tones keep a distance (CIE76) of 24 on light and 27 on dark from each other, accent and
text, in every colour vision, and 3:1 contrast with their ground.

Values of any column have up to twelve colours: the four of the groups and eight more, found by a
search for those that stay furthest apart. They keep a distance of 16 on light and 18 on dark in
every colour vision, and of 32 in the normal one; from the two greys at least 14. Numbers have a
ramp, a part of matplotlib's plasma, whose lightness leads away from the ground in every colour
vision: more is what stands out.
"""

import math
from dataclasses import dataclass
from typing import Any

from vlcore.experiment.grouping import Grouping

FONT = (
    '"Source Sans", "Source Sans 3", "Source Sans Pro", system-ui, -apple-system, "Segoe UI",'
    " sans-serif"
)

# Shapes by role order: the object decides, and a triangle has a hump.
SHAPES = ("circle", "circle", "triangle-up", "triangle-up")
PHONE_SIDE = 290  # px of a map in a window where two do not fit beside each other


@dataclass(frozen=True)
class Palette:
    """Colours (hex strings) for one ground. `groups` is in role order: majority and minority of the
    first object, majority and minority of the second."""

    name: str
    ground: str
    text: str
    muted: str
    line: str
    accent: str
    groups: tuple[str, str, str, str]
    more: tuple[str, ...]  # colours for values of any column, after those of the groups
    other: str  # for all further values
    missing: str  # where there is no value
    ramp: tuple[str, ...]  # from low to high numbers

    @property
    def categories(self) -> tuple[str, ...]:
        """Colours for the values of any column, the most frequent first."""
        return (*self.groups, *self.more)

    @property
    def ink(self) -> dict[str, str]:
        """The colours of words and lines by name, for scripts and style sheets."""
        names = ("text", "muted", "ground", "accent", "line")
        return {name: getattr(self, name) for name in names}

    @property
    def contrast(self) -> str:
        """For a third thing beside those in `muted` and `accent`, such as a label style that names
        it."""
        return self.groups[3]

    @property
    def opposites(self) -> tuple[str, str]:
        """The two colours that stay furthest apart in every colour vision."""
        return self.groups[1], self.groups[2]

    def colours(self, grouping: Grouping) -> dict[str, str]:
        """Group name to colour, in the order of `grouping.names`."""
        return dict(zip(grouping.names, self.groups, strict=True))


LIGHT = Palette(
    name="light",
    ground="#FFFFFF",
    text="#17181F",
    muted="#6B7280",
    line="#D5D8DE",
    accent="#770088",
    groups=("#14532D", "#1D4ED8", "#E0521B", "#0E93AD"),
    more=("#691E4B", "#B478E1", "#7800FF", "#C3784B", "#5A4B00", "#690096", "#3C3C78", "#B42D4B"),
    other="#646B78",
    missing="#8F949C",
    ramp=(
        "#E86F5A",
        "#DB5C68",
        "#CC4978",
        "#BD3785",
        "#AF2892",
        "#A21C9B",
        "#930FA3",
        "#7B02A8",
        "#4E02A1",
        "#0D0887",
    ),
)
DARK = Palette(
    name="dark",
    ground="#0E1117",
    text="#E8EAEE",
    muted="#9AA3B2",
    line="#333A46",
    accent="#CD5E91",
    groups=("#C3F07A", "#7088FF", "#EE5B32", "#62DDF0"),
    more=("#FFE10F", "#4B3CFF", "#F09600", "#C369C3", "#A54B4B", "#B40FC3", "#D2A569", "#87D2A5"),
    other="#626A78",
    missing="#9AA3B2",
    ramp=(
        "#AA2396",
        "#B93389",
        "#CA467A",
        "#DA5A69",
        "#E87059",
        "#F3874A",
        "#FB9F3A",
        "#FDB82D",
        "#FADA24",
        "#F0F921",
    ),
)


def theme(palette: Palette, frame: bool = True) -> dict[str, Any]:
    """Vega-Lite configuration for ``chart.configure``; `frame` draws a line around plots, as maps
    have no axes."""
    words = {
        "labelFontSize": 12,
        "titleColor": palette.muted,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    lines = dict.fromkeys(("domainColor", "tickColor", "gridColor"), palette.line)
    title = {
        "anchor": "start",
        "color": palette.text,
        "fontSize": 15,
        "fontWeight": 600,
        "offset": 10,
    }
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": palette.line if frame else "transparent"},
        "axis": {
            **words,
            **lines,
            "labelColor": palette.muted,
            "gridOpacity": 0.6,
            "titlePadding": 8,
        },
        "legend": {**words, "labelColor": palette.text, "labelLimit": 260},
        "title": {
            **title,
            "subtitleColor": palette.muted,
            "subtitleFontSize": 12,
            "subtitlePadding": 4,
        },
    }


def star() -> str:
    """An SVG path of a five-pointed star for Vega's symbols, which span -1 to 1."""
    corners = [(radius, math.pi * corner / 5) for corner, radius in enumerate((1.0, 0.42) * 5)]
    return (
        "M"
        + "L".join(f"{r * math.sin(angle):.3f},{-r * math.cos(angle):.3f}" for r, angle in corners)
        + "Z"
    )


def across(maps: int, side: int) -> int:
    """How many of some maps of `side` px stand beside each other: two at most, and one on a
    phone."""
    return 1 if side <= PHONE_SIDE else min(2, maps)
