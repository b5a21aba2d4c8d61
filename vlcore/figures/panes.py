"""What the panes of a figure share, and what differs between them.

The one idea: all panes draw one wide table, each at its own columns, so a pane is only a number, an extent and two
titles; everything else is the same `Look` for all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.figures.keys import Keys
from vlcore.figures.theme import Palette

PICTURES = "pictures"  # the name of the dataset of pictures


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


@dataclass(frozen=True)
class Look:
    """What all panes of a figure share.

    Attributes:
        palette: colours.
        keys: what colours and shapes stand for.
        sizes: of marks.
        legend: the legend, or None.
        shown: an expression by pane: whether a row is drawn.
        lit: an expression: whether a row is lit, or fades.
        pictures: whether marks are pictures in frames.
        trust: whether marks say how far to trust their places.
        pick: whether a mark can be clicked.
    """

    palette: Palette
    keys: Keys
    sizes: Sizes = LARGE
    legend: alt.Legend | None = None
    shown: tuple[str, ...] = ("true",)
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
    """

    index: int
    extent: tuple[list[float], list[float]]
    titles: tuple[list[str], list[str]] | tuple[None, None]
    side: int

    @property
    def marks(self) -> str:
        """The name of the layer of marks. Altair numbers the layers of a concatenation: so, and in this order."""
        return f"marks_{self.index}"

    @property
    def ground(self) -> str:
        """The name of the layer that a brush is drawn on."""
        return f"ground_{self.index}"

    @property
    def unit(self) -> float:
        """What one px is worth on both axes."""
        return (self.extent[0][1] - self.extent[0][0]) / self.side

    def pixels(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Places, (n, 2), in px from the top left corner."""
        (x, _), (_, y) = self.extent
        return np.column_stack([places[:, 0] - x, y - places[:, 1]]) / self.unit

    def at(self, x: str, y: str) -> dict[str, Any]:
        """The encoding of a place by two fields."""
        scales = [alt.Scale(domain=ends, nice=False, zero=False) for ends in self.extent]
        axes = [alt.Axis(title=title, labels=False, ticks=False, grid=False, domain=False) for title in self.titles]
        return {
            "x": alt.X(f"{x}:Q", scale=scales[0], axis=axes[0]),
            "y": alt.Y(f"{y}:Q", scale=scales[1], axis=axes[1]),
        }


def sent(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The pictures as the one dataset that all layers read: checked and written down once, not once a layer."""
    return {PICTURES: json.loads(table.to_json(orient="records"))}


def present(table: pd.DataFrame | alt.NamedData, pane: Pane) -> alt.Chart:
    """The rows that have a place in a pane, there; every layer says its `spoken` words, not its picture."""
    x, y = f"x{pane.index}", f"y{pane.index}"
    return (
        alt.Chart(table)
        .transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
        .encode(**pane.at(x, y), description=alt.Description("spoken:N"))
    )


def keyed(pane: Pane, look: Look) -> alt.Chart:
    """The pictures of a pane that are shown, with the key of their `colour`."""
    fields = {"colour": look.keys.colour(pane.index)}
    if look.trust:
        fields["trust"] = f"datum.trust{pane.index}"
        fields["trusted"] = "isValid(datum.trust) ? format(datum.trust, '.2f') : 'too few pictures to judge'"
    chart = present(alt.NamedData(name=PICTURES), pane).transform_calculate(**fields)
    return chart if look.shown[pane.index] == "true" else chart.transform_filter(look.shown[pane.index])


def stroke(look: Look) -> alt.Stroke:
    """The outline of what carries keys."""
    return alt.Stroke("colour:N", scale=look.keys.scale("stroke"), legend=look.legend)


def fill(look: Look) -> alt.Fill:
    """The filling of what carries keys."""
    return alt.Fill("colour:N", scale=look.keys.scale("fill"), legend=look.legend)


def circle(source: alt.Chart, size: float, colour: str) -> alt.Chart:
    """A circle around places, of an area in px²."""
    return source.mark_point(shape="circle", size=size, stroke=colour, strokeWidth=2.2, opacity=1, aria=False)
