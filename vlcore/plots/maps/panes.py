"""The panes of a figure of maps: what they share, what differs between them, and how rows get their
places.

All panes draw one wide table, each at its own columns, so a pane is only a number, an extent and
two titles; everything else is the same `MapStyle` for all. In a film a place is a text with the
places of all snapshots, of which the browser takes the piece that the slider asks for; whatever
`Pane.present` draws moves with it."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.plots.maps.legend import MapLegend
from vlcore.plots.maps.tables import PLAIN, Extent, MapOptions
from vlcore.plots.scales import SPOKEN, Chart, composed, straight, told_apart
from vlcore.plots.theme import Palette, across, theme

PICTURES = "pictures"  # the name of the dataset of pictures
MOMENT = "moment"  # the parameter of a film's slider, from 1
GAP = 36  # px between two maps
HOVER = {
    "type": "point",
    "fields": ["id"],
    "on": "pointerover",
    "clear": "pointerout",
}  # the selection `hov`
KIN = HOVER | {"fields": ["colour"]}  # the selection `kin`: what has the colour of the hovered mark


@dataclass(frozen=True)
class Sizes:
    """Areas of marks in px², the side of the picture that lights up, and the size of words in
    px."""

    point: int
    grown: int
    ring: int
    diamond: int
    picture: int
    words: int


LARGE = Sizes(point=40, grown=170, ring=118, diamond=130, picture=68, words=13)
SMALL = Sizes(point=17, grown=90, ring=50, diamond=70, picture=52, words=11)
FAINT = Sizes(point=26, grown=90, ring=50, diamond=120, picture=52, words=11)


@dataclass(frozen=True)
class MapStyle:
    """What all panes of a figure share."""

    palette: Palette
    legend: MapLegend  # what colours and shapes stand for
    options: MapOptions = PLAIN
    sizes: Sizes = LARGE
    guide: alt.Legend | None = None  # the legend as it is drawn
    shown: tuple[
        str, ...
    ] = ()  # an expression for each pane: whether a row is drawn; all rows where there is none
    lit: str = "true"  # an expression: whether a row is lit, or fades
    kin: str = (
        "true"  # an expression: whether a row is of the group under the pointer, or steps back
    )
    pick: bool = False  # whether a mark can be clicked

    def stroke(self) -> alt.Stroke:
        """The outline of what is in the legend."""
        return told_apart(
            alt.Stroke,
            "colour:N",
            {one.name: one.colour for one in self.legend.entries},
            self.guide,
        )

    def fill(self) -> alt.Fill:
        """The filling of what is in the legend."""
        colours = {
            one.name: one.colour if one.full else "transparent" for one in self.legend.entries
        }
        return told_apart(alt.Fill, "colour:N", colours, self.guide)


@dataclass(frozen=True)
class Pane:
    """Everything that differs between two panes."""

    index: int  # the number in the names of its columns
    extent: Extent  # domains of x and y, of one span
    side: int  # px
    titles: tuple[str, str] | None = None  # of the axes
    view: int | None = (
        None  # its number among all views of the figure, where these are more than the maps
    )
    shows: tuple[int, ...] = ()  # in a film, which of its snapshots is shown at each moment

    def named(self, layer: str) -> str:
        """The name of its ``marks``, or of the ``ground`` of a brush, as Altair numbers layers of
        views."""
        return f"{layer}_{self.index if self.view is None else self.view}"

    @property
    def columns(self) -> list[str]:
        """The columns of places in this map."""
        return [f"x{self.index}", f"y{self.index}"]

    @property
    def fields(self) -> list[str]:
        """The fields in which `present` leaves those places."""
        return [f"{name}_now" for name in self.columns] if self.shows else self.columns

    @property
    def unit(self) -> float:
        """What one px is worth on both axes."""
        return (self.extent[0][1] - self.extent[0][0]) / self.side

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this `pane`, with their `x` and `y` in its columns of places."""
        return table[table["pane"] == self.index].rename(
            columns=dict(zip("xy", self.columns, strict=True))
        )

    def pixels(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """The places of a table's rows that have one, (n, 2), in px from the top left corner; of a
        film at its end."""
        there = table[self.columns].dropna()
        if self.shows:
            there = there.apply(lambda texts: texts.str.split(",").str[self.shows[-1]])
        (x, _), (_, y) = self.extent
        places = there.to_numpy(float).reshape(-1, 2)
        return np.column_stack([places[:, 0] - x, y - places[:, 1]]) / self.unit

    def at(self, x: str, y: str) -> dict[str, Any]:
        """The encoding of a place by two fields."""
        titles = (
            [wrapped(title, self.side / 6) for title in self.titles]
            if self.titles
            else [None, None]
        )
        bare = dict.fromkeys(("labels", "ticks", "grid", "domain"), False)
        axes = (alt.Axis(title=title, **bare) for title in titles)
        of_x, of_y = (
            {"scale": straight(ends), "axis": axis}
            for ends, axis in zip(self.extent, axes, strict=True)
        )
        return {"x": alt.X(f"{x}:Q", **of_x), "y": alt.Y(f"{y}:Q", **of_y)}

    def present(self, table: pd.DataFrame | alt.NamedData) -> alt.Chart:
        """The rows that have a place in this map, there; every layer says its `spoken` words, not
        its picture. What is computed is named after its columns: Vega-Lite takes two maps'
        computations of one name for the same.
        """
        x, y = self.columns
        data = (
            table if isinstance(table, alt.NamedData) else alt.to_values(table)
        )  # once for all layers of a table
        source = Chart(data).transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
        if self.shows:
            pieces = {f"{name}_all": f"split(datum.{name}, ',')" for name in (x, y)}
            now = {
                f"{name}_now": f"toNumber(datum.{name}_all[{now_of(self.shows)}])"
                for name in (x, y)
            }
            source = source.transform_calculate(**pieces).transform_calculate(**now)
        return source.encode(**self.at(*self.fields), description=SPOKEN)

    def pictures(self, style: MapStyle) -> alt.Chart:
        """The pictures that are shown here, with the entry of the legend of their `colour`."""
        fields = {"colour": style.legend.coloured(self.index)}
        if style.options.trust:
            fields["trust"] = f"datum.trust{self.index}"
            fields["trusted"] = (
                "isValid(datum.trust) ? format(datum.trust, '.2f') : 'too few pictures to judge'"
            )
        chart = self.present(alt.NamedData(name=PICTURES)).transform_calculate(**fields)
        return chart.transform_filter(style.shown[self.index]) if style.shown else chart


def now_of(numbers: Sequence[int]) -> str:
    """Of some numbers, one a moment, that of the moment which the slider shows: an expression."""
    return f"{json.dumps([int(one) for one in numbers])}[{MOMENT} - 1]"


@dataclass(frozen=True)
class _Written:
    """Rows that Altair takes as they are, and does not look through value by value."""

    rows: list[dict[str, Any]]
    _schema: ClassVar[dict[str, Any]] = {}  # what Altair knows its own by

    def to_dict(self) -> list[dict[str, Any]]:
        return self.rows


def figure(points: pd.DataFrame, palette: Palette) -> dict[str, Any]:
    """The top of a figure of maps: the theme, and the pictures as the one dataset that all layers
    read."""
    rows = _Written(json.loads(points.to_json(orient="records")))
    return {"datasets": {PICTURES: rows}, "autosize": "pad", "config": theme(palette)}


def beside(panes: Sequence[alt.LayerChart], side: int, **top: Any) -> alt.ConcatChart:
    """Maps beside and below each other."""
    return composed(alt.concat, *panes, columns=across(len(panes), side), spacing=GAP, **top)


def selection(
    name: str, views: Sequence[str], select: dict[str, Any], **more: Any
) -> alt.TopLevelSelectionParameter:
    """A selection over views, written at the top: added to each pane, Altair would merge them with
    a warning."""
    return alt.TopLevelSelectionParameter(name=name, select=select, views=list(views), **more)


def click(
    name: str, field: str, views: Sequence[str], toggle: bool | str = False
) -> alt.TopLevelSelectionParameter:
    """A selection of what was clicked, by a field."""
    return selection(
        name, views, {"type": "point", "on": "click", "toggle": toggle, "fields": [field]}
    )


def wrapped(text: str, width: float) -> list[str]:
    """A title as lines of `width` characters, and of ten at least."""
    return textwrap.wrap(text, max(10, int(width))) or [""]
