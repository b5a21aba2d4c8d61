"""The panes of a figure of maps: what they share, what differs between them, and how rows get their places.

All panes draw one wide table, each at its own columns, so a pane is only a number, an extent and two titles; everything
else is the same `MapStyle` for all. In a film a place is a text with the places of all snapshots, of which the browser
takes the piece that the slider asks for; whatever is drawn through `Pane.put` moves with it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.charts.maps.legend import MapLegend
from vlcore.charts.maps.tables import PLAIN, Extent, MapOptions
from vlcore.charts.scales import SPOKEN
from vlcore.charts.theme import Palette, across, theme

PICTURES = "pictures"  # the name of the dataset of pictures
MOMENT = "moment"  # the parameter of a film's slider, from 1
GAP = 36  # px between two maps


@dataclass(frozen=True)
class Sizes:
    """Areas of marks in px², and the side of the picture that lights up in px."""

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
    """What all panes of a figure share.

    Attributes:
        palette: colours.
        legend: what colours and shapes stand for.
        options: what is drawn beside the pictures.
        sizes: of marks.
        guide: the legend as it is drawn, or None.
        shown: an expression for each pane: whether a row is drawn; all rows where there is none.
        lit: an expression: whether a row is lit, or fades.
        pick: whether a mark can be clicked.
    """

    palette: Palette
    legend: MapLegend
    options: MapOptions = PLAIN
    sizes: Sizes = LARGE
    guide: alt.Legend | None = None
    shown: tuple[str, ...] = ()
    lit: str = "true"
    pick: bool = False

    def stroke(self) -> alt.Stroke:
        """The outline of what is in the legend."""
        return alt.Stroke("colour:N", scale=self.legend.scale("stroke"), legend=self.guide)

    def fill(self) -> alt.Fill:
        """The filling of what is in the legend."""
        return alt.Fill("colour:N", scale=self.legend.scale("fill"), legend=self.guide)


@dataclass(frozen=True)
class Pane:
    """Everything that differs between two panes.

    Attributes:
        index: the number in the names of its columns.
        extent: domains of x and y, of one span.
        side: in px.
        titles: of the axes.
        view: its number among all views of the figure, where these are more than the maps.
        shows: in a film, which of its snapshots is shown at each moment.
    """

    index: int
    extent: Extent
    side: int
    titles: tuple[str, str] | None = None
    view: int | None = None
    shows: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """Altair numbers the layers of a concatenation: so, in this order."""
        return self.index if self.view is None else self.view

    @property
    def marks(self) -> str:
        """The name of the layer of marks."""
        return f"marks_{self.number}"

    @property
    def ground(self) -> str:
        """The name of the layer that a brush is drawn on."""
        return f"ground_{self.number}"

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of places in this map."""
        return f"x{self.index}", f"y{self.index}"

    @property
    def fields(self) -> tuple[str, str]:
        """The fields in which `put` leaves those places."""
        x, y = self.columns
        return (f"{x}_now", f"{y}_now") if self.shows else (x, y)

    @property
    def now(self) -> str:
        """The snapshot of the moment that the slider shows, as an expression."""
        return f"{json.dumps(list(self.shows))}[{MOMENT} - 1]"

    @property
    def unit(self) -> float:
        """What one px is worth on both axes."""
        return (self.extent[0][1] - self.extent[0][0]) / self.side

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this `pane`."""
        return table[table["pane"] == self.index]

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this `pane`, with their `x` and `y` in its columns of places."""
        return self.rows(table).rename(columns=dict(zip("xy", self.columns, strict=True)))

    def pixels(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """The places of a table's rows that have one, (n, 2), in px from the top left corner; of a film at its end."""
        there = table[list(self.columns)].dropna()
        if self.shows:
            there = there.apply(lambda texts: texts.str.split(",").str[self.shows[-1]])
        (x, _), (_, y) = self.extent
        places = there.to_numpy(float).reshape(-1, 2)
        return np.column_stack([places[:, 0] - x, y - places[:, 1]]) / self.unit

    def at(self, x: str, y: str) -> dict[str, Any]:
        """The encoding of a place by two fields."""
        titles = [wrapped(title, self.side / 6) for title in self.titles] if self.titles else [None, None]
        axes = [alt.Axis(title=title, labels=False, ticks=False, grid=False, domain=False) for title in titles]
        scales = [alt.Scale(domain=ends, nice=False, zero=False) for ends in self.extent]
        return {
            "x": alt.X(f"{x}:Q", scale=scales[0], axis=axes[0]),
            "y": alt.Y(f"{y}:Q", scale=scales[1], axis=axes[1]),
        }

    def put(self, source: alt.Chart) -> alt.Chart:
        """The rows that have a place in this map, there; what is computed is named after its columns, because
        Vega-Lite takes two maps' computations of one name for the same."""
        x, y = self.columns
        source = source.transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
        if self.shows:
            pieces = {f"{name}_all": f"split(datum.{name}, ',')" for name in (x, y)}
            now = {f"{name}_now": f"toNumber(datum.{name}_all[{self.now}])" for name in (x, y)}
            source = source.transform_calculate(**pieces).transform_calculate(**now)
        return source.encode(**self.at(*self.fields))

    def present(self, table: pd.DataFrame | alt.NamedData) -> alt.Chart:
        """The rows that have a place here, there; every layer says its `spoken` words, not its picture."""
        return self.put(alt.Chart(table)).encode(description=SPOKEN)

    def pictures(self, style: MapStyle) -> alt.Chart:
        """The pictures that are shown here, with the entry of the legend of their `colour`."""
        fields = {"colour": style.legend.coloured(self.index)}
        if style.options.trust:
            fields["trust"] = f"datum.trust{self.index}"
            fields["trusted"] = "isValid(datum.trust) ? format(datum.trust, '.2f') : 'too few pictures to judge'"
        chart = self.present(alt.NamedData(name=PICTURES)).transform_calculate(**fields)
        return chart.transform_filter(style.shown[self.index]) if style.shown else chart


def figure(points: pd.DataFrame, palette: Palette) -> dict[str, Any]:
    """What a figure of maps has at its top: the pictures as the one dataset that all layers read, checked and written
    down once, not once a layer; and the theme."""
    datasets = {PICTURES: json.loads(points.to_json(orient="records"))}
    return {"datasets": datasets, "autosize": "pad", "config": theme(palette)}


def beside(panes: Sequence[alt.LayerChart], side: int, **top: Any) -> alt.ConcatChart:
    """Maps beside and below each other."""
    return alt.concat(*panes, columns=across(len(panes), side), spacing=GAP, **top)


def selection(name: str, views: Sequence[str], select: dict[str, Any], **more: Any) -> alt.TopLevelSelectionParameter:
    """A selection over views, written at the top: added to each pane, Altair would merge them with a warning."""
    return alt.TopLevelSelectionParameter(name=name, select=select, views=list(views), **more)


def hover(views: Sequence[str]) -> alt.TopLevelSelectionParameter:
    """The selection `hov` over layers of marks."""
    select = {"type": "point", "fields": ["id"], "on": "pointerover", "clear": "pointerout"}
    return selection("hov", views, select)


def click(name: str, field: str, views: Sequence[str], toggle: bool | str = False) -> alt.TopLevelSelectionParameter:
    """A selection of what was clicked, by a field."""
    return selection(name, views, {"type": "point", "on": "click", "toggle": toggle, "fields": [field]})


def wrapped(text: str, width: float) -> list[str]:
    """A title as lines of `width` characters, and of ten at least."""
    return textwrap.wrap(text, max(10, int(width))) or [""]
