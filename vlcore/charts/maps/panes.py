"""What the panes of a figure share, and what differs between them.

The one idea: all panes draw one wide table, each at its own columns, so a pane is only a number, an extent and two
titles; everything else is the same `MapStyle` for all. In a film a place is a text with the places of all snapshots, of
which the browser takes the piece that the slider asks for; whatever is drawn through `Pane.put` moves with it.
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

from vlcore.charts.maps.legend import Keys
from vlcore.charts.theme import Palette

PICTURES = "pictures"  # the name of the dataset of pictures
MOMENT = "moment"  # the parameter of a film's slider, from 1


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
        keys: what colours and shapes stand for.
        sizes: of marks.
        legend: the legend, or None.
        shown: an expression for each pane: whether a row is drawn; all rows where there is none.
        lit: an expression: whether a row is lit, or fades.
        pictures: whether marks are pictures in frames.
        trust: whether marks say how far to trust their places.
        pick: whether a mark can be clicked.
    """

    palette: Palette
    keys: Keys
    sizes: Sizes = LARGE
    legend: alt.Legend | None = None
    shown: tuple[str, ...] = ()
    lit: str = "true"
    pictures: bool = False
    trust: bool = False
    pick: bool = False


@dataclass(frozen=True)
class Pane:
    """Everything that differs between two panes.

    Attributes:
        index: the number in the names of its columns.
        extent: domains of x and y, of one span.
        titles: lines of the titles of the axes.
        side: in px.
        view: its number among all views of the figure, where these are more than the maps.
        shows: in a film, which of its snapshots is shown at each moment.
    """

    index: int
    extent: tuple[list[float], list[float]]
    titles: tuple[list[str], list[str]] | tuple[None, None]
    side: int
    view: int | None = None
    shows: tuple[int, ...] = ()

    @property
    def marks(self) -> str:
        """The name of the layer of marks. Altair numbers the layers of a concatenation: so, and in this order."""
        return f"marks_{self.index if self.view is None else self.view}"

    @property
    def ground(self) -> str:
        """The name of the layer that a brush is drawn on."""
        return f"ground_{self.index if self.view is None else self.view}"

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

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this `pane`, with their `x` and `y` in its columns of places."""
        return table[table["pane"] == self.index].rename(columns=dict(zip("xy", self.columns, strict=True)))

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
        scales = [alt.Scale(domain=ends, nice=False, zero=False) for ends in self.extent]
        axes = [alt.Axis(title=title, labels=False, ticks=False, grid=False, domain=False) for title in self.titles]
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
            source = source.transform_calculate(
                **{f"{name}_all": f"split(datum.{name}, ',')" for name in (x, y)}
            ).transform_calculate(**{f"{name}_now": f"toNumber(datum.{name}_all[{self.now}])" for name in (x, y)})
        return source.encode(**self.at(*self.fields))


def sent(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The pictures as the one dataset that all layers read: checked and written down once, not once a layer."""
    return {PICTURES: json.loads(table.to_json(orient="records"))}


def present(table: pd.DataFrame | alt.NamedData, pane: Pane) -> alt.Chart:
    """The rows that have a place in a pane, there; every layer says its `spoken` words, not its picture."""
    return pane.put(alt.Chart(table)).encode(description=alt.Description("spoken:N"))


def keyed(pane: Pane, style: MapStyle) -> alt.Chart:
    """The pictures of a pane that are shown, with the key of their `colour`."""
    fields = {"colour": style.keys.colour(pane.index)}
    if style.trust:
        fields["trust"] = f"datum.trust{pane.index}"
        fields["trusted"] = "isValid(datum.trust) ? format(datum.trust, '.2f') : 'too few pictures to judge'"
    chart = present(alt.NamedData(name=PICTURES), pane).transform_calculate(**fields)
    return chart.transform_filter(style.shown[pane.index]) if style.shown else chart


def stroke(style: MapStyle) -> alt.Stroke:
    """The outline of what carries keys."""
    return alt.Stroke("colour:N", scale=style.keys.scale("stroke"), legend=style.legend)


def fill(style: MapStyle) -> alt.Fill:
    """The filling of what carries keys."""
    return alt.Fill("colour:N", scale=style.keys.scale("fill"), legend=style.legend)


def circle(source: alt.Chart, size: float, colour: str) -> alt.Chart:
    """A circle around places, of an area in px²."""
    return source.mark_point(shape="circle", size=size, stroke=colour, strokeWidth=2.2, opacity=1, aria=False)


def hover(views: Sequence[str]) -> alt.TopLevelSelectionParameter:
    """The selection `hov` over layers of marks.

    Written at the top with the names of its views: added to each pane, Altair would merge them with a warning.
    """
    select = {"type": "point", "fields": ["id"], "on": "pointerover", "clear": "pointerout"}
    return alt.TopLevelSelectionParameter(name="hov", select=select, views=list(views))


def wrapped(text: str, width: float) -> list[str]:
    """A title as lines of `width` characters, and of ten at least."""
    return textwrap.wrap(text, max(10, int(width))) or [""]
