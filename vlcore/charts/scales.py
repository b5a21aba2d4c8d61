"""What the figures of a study share: how a measure is written, what a label style looks like, what a table must hold.

The one idea: a label style has one colour and one mark everywhere (grey circles for short labels, the accent's squares
for descriptive ones), so that a reader learns them once; group colours stay with groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.tables import known_only, need
from vlcore.charts.theme import Palette, theme
from vlcore.core.options import LABEL_STYLES
from vlcore.core.wording import STYLE_WORDS, decimal

FEWEST = 3  # blocks from which on an interval is drawn as a band, and an axis has room for it
CELL = ("labels", "bias", "phi", "removed", "value", "low", "high", "n")


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
        return f"{100 * value:.0f} %" if self.share else decimal(value)

    def ends(self, row: Any) -> str:
        """``(50 to 74)`` of a row with `low` and `high`; empty of one block, which has no interval."""
        if np.isnan(row.low):
            return ""
        low, high = (f"{100 * end:.0f}" if self.share else self.said(end) for end in (row.low, row.high))
        return f"({low} to {high})"

    def blocks(self, row: Any) -> str:
        """``n = 6`` or ``one block``."""
        return "one block" if np.isnan(row.low) else f"n = {row.n}"

    def interval(self, row: Any) -> str:
        """``62 % (50 to 74), n = 6`` of a row with `value`, `low`, `high` and `n` blocks."""
        return f"{self.said(row.value)} {self.ends(row)}".rstrip() + f", {self.blocks(row)}"

    @property
    def format(self) -> str:
        return ".0%" if self.share else ".2f"

    @property
    def axis(self) -> alt.Axis:
        return alt.Axis(
            labelExpr="round(100 * datum.value) + ' %'" if self.share else "format(datum.value, '.1~f')",
            title=None,
            tickCount=5,
        )


def checked(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The columns that a figure needs, with `style`, the label style in words.

    Raises:
        ValueError: when one is missing, there is no row, or a label style is not known.
    """
    need(rows, columns, "rows")
    if rows.empty:
        raise ValueError("rows: there is nothing to show")
    known_only(rows["labels"], tuple(STYLE_WORDS), "label style")
    table = rows.loc[:, list(columns)].reset_index(drop=True)
    return table.assign(style=table["labels"].map(STYLE_WORDS))


def styles_of(table: pd.DataFrame) -> list[str]:
    """The label styles of a table, in their usual order."""
    return [style for style in STYLE_WORDS if style in set(table["labels"])]


def style_scales(styles: Sequence[str], palette: Palette) -> tuple[alt.Color, alt.Shape]:
    """Colour and mark of label styles, with one legend that shows both."""
    looks = [LABEL_STYLES[style] for style in styles]
    colours = [getattr(palette, look.colour) for look in looks]
    shapes = [look.shape for look in looks]
    words = [look.legend for look in looks]
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    return (
        alt.Color("style:N", scale=alt.Scale(domain=words, range=colours), legend=legend),
        alt.Shape("style:N", scale=alt.Scale(domain=words, range=shapes), legend=legend),
    )


def finished(
    layers: alt.LayerChart, spoken: str, palette: Palette, *, width: int, height: int, title: str = ""
) -> alt.LayerChart:
    """A chart in the one look; `spoken` is what it says to those who do not see it."""
    # Streamlit fits a single plot into its own idea of a height unless it is told to pad.
    chart = layers.properties(autosize="pad", description=spoken, width=width, height=height)
    if title:
        chart = chart.properties(title=title)
    return chart.configure(**theme(palette, frame=False))


def value_tooltip(scale: Scale) -> list[alt.Tooltip]:
    return [alt.Tooltip("value:Q", title=scale.words, format=scale.format), alt.Tooltip("n:Q", title="blocks")]


def cell_tooltip(scale: Scale) -> list[alt.Tooltip]:
    """What is said of a mean over blocks."""
    ends = [alt.Tooltip(f"{end}:Q", title=f"95 % {end}", format=scale.format) for end in ("low", "high")]
    value, n = value_tooltip(scale)
    return [alt.Tooltip("style:N", title="labels"), alt.Tooltip("removed:N", title="bias"), value, *ends, n]


def block_tooltip(scale: Scale) -> list[alt.Tooltip]:
    """What is said of one run."""
    return [
        alt.Tooltip("style:N", title="labels"),
        alt.Tooltip("removed:N", title="bias"),
        alt.Tooltip("block:N", title="seeds"),
        value_tooltip(scale)[0],
    ]
