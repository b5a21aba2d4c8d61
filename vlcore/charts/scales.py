"""Scales, axes, tooltips and marks that the figures of a study share, and the frame of every chart that is no map.

A label style has one colour and one mark everywhere (grey circles for short labels, the accent's squares for
descriptive ones), so that a reader learns them once; group colours stay with groups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.tables import known_only, whole
from vlcore.charts.theme import Palette, theme
from vlcore.core.options import LABEL_STYLES
from vlcore.core.wording import STYLE_WORDS, between, decimal, percent

FEWEST = 3  # blocks from which on an interval is drawn as a band, and an axis has room for it
CELL = ("labels", "bias", "phi", "removed", "value", "low", "high", "n")
RUN = ("labels", "bias", "phi", "removed", "block", "value")
SPOKEN = "spoken:N"  # what a mark says to those who do not see it
IMAGE = alt.Tooltip("thumb:N", title="image")  # comes first: Vega shows a field of this name as a picture
PERCENT = "round(100 * datum.value) + ' %'"  # the labels of an axis of fractions


@dataclass(frozen=True)
class Scale:
    """How a measure is written and drawn.

    Attributes:
        words: of the measure, for axes and tooltips.
        share: whether it is shown in per cent.
        domain: of its axis.
        middle: value that parts two directions, such as 0 of a difference; None without one.
    """

    words: str
    share: bool
    domain: tuple[float, float]
    middle: float | None = None

    def said(self, value: float) -> str:
        return percent(value) if self.share else decimal(value)

    def ends(self, row: Any) -> str:
        """``(50 to 74)`` of a row with `low` and `high`; empty of one block, which has no interval."""
        write = (lambda end: f"{100 * end:.0f}") if self.share else decimal
        return "" if np.isnan(row.low) else f"({between(row._asdict(), write)})"

    def blocks(self, row: Any) -> str:
        """``n = 6`` or ``one block``."""
        return "one block" if np.isnan(row.low) else f"n = {row.n}"

    def interval(self, row: Any) -> str:
        """``62 % (50 to 74), n = 6`` of a row with `value`, `low`, `high` and `n` blocks."""
        return f"{self.said(row.value)} {self.ends(row)}".rstrip() + f", {self.blocks(row)}"

    def y(self, field: str = "value") -> alt.Y:
        labels = PERCENT if self.share else "format(datum.value, '.1~f')"
        axis = alt.Axis(labelExpr=labels, title=None, tickCount=5)
        return alt.Y(f"{field}:Q", scale=straight(self.domain), axis=axis)

    def tooltip(self, field: str, title: str) -> alt.Tooltip:
        return alt.Tooltip(f"{field}:Q", title=title, format=".0%" if self.share else ".2f")


def straight(domain: Sequence[float]) -> alt.Scale:
    """A scale that ends where it is told to."""
    return alt.Scale(domain=list(domain), nice=False)


def checked(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns that a figure needs, with `style`, the label style in words.

    Raises:
        ValueError: when one is missing, there is no row, or a label style is not known.
    """
    table = whole(rows, columns, "rows")
    known_only(table["labels"], tuple(STYLE_WORDS), "label style")
    return table.assign(style=table["labels"].map(STYLE_WORDS))


def style_scales(table: pd.DataFrame, palette: Palette) -> tuple[list[str], alt.Color, alt.Shape]:
    """The label styles of a table in their usual order, their colour and their mark, with one legend of both."""
    styles = [style for style in STYLE_WORDS if style in set(table["labels"])]
    traits = [LABEL_STYLES[style] for style in styles]
    words = [one.legend for one in traits]
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    colours = alt.Scale(domain=words, range=[getattr(palette, one.colour) for one in traits])
    shapes = alt.Scale(domain=words, range=[one.shape for one in traits])
    return (
        styles,
        alt.Color("style:N", scale=colours, legend=legend),
        alt.Shape("style:N", scale=shapes, legend=legend),
    )


def dashes(field: str, patterns: Mapping[str, Sequence[float]]) -> alt.StrokeDash:
    """Lines told apart by their dashes, which have a legend of their own."""
    scale = alt.Scale(domain=list(patterns), range=list(patterns.values()))
    return alt.StrokeDash(field, scale=scale, legend=alt.Legend(title=None, orient="top", symbolType="stroke"))


def named_colours(field: str, colours: Mapping[str, str], legend: alt.Legend | None = None) -> alt.Color:
    """A colour for each name."""
    return alt.Color(field, scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=legend)


def words_axis(palette: Palette, **more: Any) -> alt.Axis:
    """An axis of words, without a line."""
    return alt.Axis(domain=False, ticks=False, labelColor=palette.text, title=None, **more)


def bias_levels(levels: Sequence[float], title: str) -> alt.X:
    """The column `x`, where each level of bias has a place of its own, from 0 on."""
    words = {str(number): f"{100 * bias:g} %" for number, bias in enumerate(levels)}
    axis = alt.Axis(
        values=list(range(len(levels))),
        labelExpr=f"{json.dumps(words)}[datum.label]",
        title=title,
        grid=False,
        ticks=False,
    )
    return alt.X("x:Q", scale=straight([-0.6, len(levels) - 0.4]), axis=axis)


def reference_line(field: str, value: float, spoken: str, palette: Palette, **mark: Any) -> alt.Chart:
    """A line at a value of `field`, which is to be encoded."""
    table = pd.DataFrame({field: [value], "spoken": [spoken]})
    return alt.Chart(table).mark_rule(color=palette.muted, **mark).encode(description=SPOKEN)


def interval_lines(base: alt.Chart) -> alt.Chart:
    """The intervals of means over blocks, upright."""
    lines = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2, clip=True, aria=False)
    return lines.encode(y="low:Q", y2="high:Q")


def cell_tooltip(scale: Scale) -> list[alt.Tooltip]:
    """What is said of a mean over blocks."""
    return [
        alt.Tooltip("style:N", title="labels"),
        alt.Tooltip("removed:N", title="bias"),
        scale.tooltip("value", scale.words),
        *(scale.tooltip(end, f"95 % {end}") for end in ("low", "high")),
        alt.Tooltip("n:Q", title="blocks"),
    ]


def run_tooltip(scale: Scale) -> list[alt.Tooltip]:
    """What is said of one run."""
    titles = {"style": "labels", "removed": "bias", "block": "seeds"}
    said = [alt.Tooltip(f"{name}:N", title=title) for name, title in titles.items()]
    return [*said, scale.tooltip("value", scale.words)]


def finished(chart: alt.TopLevelMixin, palette: Palette, **properties: Any) -> Any:
    """A chart in the theme, without a frame."""
    # Streamlit fits a single plot into its own idea of a height unless it is told to pad.
    return chart.properties(autosize="pad", **properties).configure(**theme(palette, frame=False))


def in_rows(panes: Sequence[alt.LayerChart], columns: int, palette: Palette, spoken: str) -> alt.VConcatChart:
    """Panes beside and below each other, as one figure."""
    rows = [alt.hconcat(*panes[start : start + columns]) for start in range(0, len(panes), columns)]
    return finished(alt.vconcat(*rows), palette, description=spoken)
