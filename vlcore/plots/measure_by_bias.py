"""Figures of a measure over bias and label style: cells with numbers, lines with every block as a
dot, pairs, moments.

The unit is a block (a pair of seeds), so every figure shows blocks as dots or their number, and an
interval is a t interval over them. A label style has one colour and one mark everywhere (grey
circles for short labels, the accent's squares for descriptive ones), so that a reader learns them
once; group colours stay with groups.

Tables are those of `vlcore.study.findings`: a run a row has the columns `RUN`, a mean over blocks
`CELL`. Without one, without a row, or with an unknown label style, a figure raises ValueError. A
width, in px, is a whole figure's.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.options import LABEL_STYLES
from vlcore.experiment.wording import STYLE_WORDS, between, decimal, percent
from vlcore.plots.scales import (
    PERCENT,
    SPOKEN,
    Chart,
    finished,
    rule_at,
    straight,
    told_apart,
    tooltips,
    words_axis,
)
from vlcore.plots.tables import Rows, whole
from vlcore.plots.theme import PHONE_SIDE, Palette, across

FEWEST = 3  # blocks from which on an interval is drawn as a band, and an axis has room for it
CELL = ("labels", "bias", "phi", "removed", "value", "low", "high", "n")
RUN = ("labels", "bias", "phi", "removed", "block", "value")
_CALLED = "{style}, {removed}"
_DODGE = 0.012  # of φ, so that the dots of two styles do not cover each other
_DASHES = {"untrained encoder": [1.5, 3]}
Words = str | list[str]  # of a title, in lines
DASH_LEGEND = {"title": None, "orient": "top", "symbolType": "stroke"}
# Fills of heat maps, (low or towards the object, high or towards the context): text stays readable
# on both ends.
_FILLS = {"light": ("#BFE3C8", "#C9B3E6"), "dark": ("#1F4D2E", "#5A3A86")}


@dataclass(frozen=True)
class Scale:
    """How a measure is written and drawn."""

    words: str  # of the measure, for axes and tooltips
    share: bool  # shown in per cent
    domain: tuple[float, float]  # of its axis
    middle: float | None = (
        None  # value that parts two directions, such as 0 of a difference; None without one
    )

    def said(self, value: float) -> str:
        return percent(value) if self.share else decimal(value)

    def ends(self, row: Any) -> str:
        """``(50 to 74)`` of a row with `low` and `high`; empty of one block, which has no
        interval."""
        write = (lambda end: f"{100 * end:.0f}") if self.share else decimal
        return "" if np.isnan(row.low) else f"({between(row._asdict(), write)})"

    def blocks(self, row: Any) -> str:
        """``n = 6`` or ``one block``."""
        return "one block" if np.isnan(row.low) else f"n = {row.n}"

    def estimate(self, row: Any) -> str:
        """``62 % (50 to 74), n = 6`` of a mean over blocks; ``62 %`` of a run."""
        if not hasattr(row, "low"):
            return self.said(row.value)
        return f"{self.said(row.value)} {self.ends(row)}".rstrip() + f", {self.blocks(row)}"

    def y(self, field: str = "value") -> alt.Y:
        axis = alt.Axis(
            labelExpr=PERCENT if self.share else "format(datum.value, '.1~f')",
            title=None,
            tickCount=5,
        )
        return alt.Y(f"{field}:Q", scale=straight(self.domain), axis=axis)

    def tooltip(self, single: bool = False) -> list[alt.Tooltip]:
        """What is said of a mean over blocks, or of a `single` run."""
        number = ".0%" if self.share else ".2f"
        first, value = {"style:N": "labels", "removed:N": "bias"}, {"value:Q": self.words}
        if single:
            return tooltips(first | {"block:N": "seeds"}) + tooltips(value, number)
        ends = {"low:Q": "95 % low", "high:Q": "95 % high"}
        return tooltips(first) + tooltips(value | ends, number) + tooltips({"n:Q": "blocks"})

    def checked(
        self, rows: pd.DataFrame, columns: Sequence[str], called: str, **known: Iterable[str]
    ) -> pd.DataFrame:
        """The columns that a figure needs, with the label style in words (`style`), and what a row
        says (`spoken`)."""
        table = whole(rows, columns, "rows", labels=STYLE_WORDS, **known)
        table["style"] = table["labels"].map(STYLE_WORDS)
        table["spoken"] = [
            f"{called.format(**row._asdict())}: {self.estimate(row)}" for row in table.itertuples()
        ]
        return table


def style_scales(table: pd.DataFrame, palette: Palette) -> tuple[list[str], alt.Color, alt.Shape]:
    """The label styles of a table in their usual order, their colour and their mark, with one
    legend of both."""
    styles = [style for style in STYLE_WORDS if style in set(table["labels"])]
    traits = [LABEL_STYLES[style] for style in styles]
    colours = {one.legend: getattr(palette, one.colour) for one in traits}
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    shapes = {one.legend: one.shape for one in traits}
    return (
        styles,
        told_apart(alt.Color, "style:N", colours, legend),
        told_apart(alt.Shape, "style:N", shapes, legend),
    )


def heat_map(rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int) -> alt.LayerChart:
    """Bias by label style; each cell, a row of `CELL`, carries its mean over blocks, its interval
    and their number."""
    table = scale.checked(rows, CELL, _CALLED)
    table["level"] = [f"{100 * bias:g} %" for bias in table["bias"]]
    table["big"] = table["value"].map(scale.said)
    table["ends"] = [scale.ends(row) for row in table.itertuples()]
    table["blocks"] = [scale.blocks(row) for row in table.itertuples()]
    phis = {level: f"φ {phi:.2f}" for level, phi in zip(table["level"], table["phi"], strict=True)}
    expression = f"[datum.label, {json.dumps(phis)}[datum.label]]"
    title = "share of each minority group removed, and φ of object and background"
    bare: dict[str, Any] = {"labelAngle": 0, "domain": False, "ticks": False}
    levels = {"sort": table.sort_values("bias")["level"].unique().tolist()}
    styles = {"sort": list(STYLE_WORDS.values())}
    if width <= PHONE_SIDE:  # six levels have no room beside each other
        bare["title"] = None
        words = alt.Axis(
            **bare, orient="top", labelExpr="split(datum.label, ' ')", labelPadding=30
        )  # for three lines
        x = alt.X("style:N", axis=words, **styles)
        y = alt.Y("level:O", axis=alt.Axis(**bare, labelExpr=expression), **levels)
        sides: dict[str, Any] = {"width": width - 50, "height": 62 * len(levels["sort"])}
    else:
        x = alt.X(
            "level:O",
            axis=alt.Axis(**bare, orient="bottom", labelExpr=expression, title=title),
            **levels,
        )
        y = alt.Y("style:N", axis=words_axis(palette, labelLimit=150, labelPadding=10), **styles)
        sides = {"width": max(200, width - 150), "height": 62 * table["style"].nunique()}
    base = Chart(table).encode(x=x, y=y, description=SPOKEN, tooltip=scale.tooltip())
    low, high = _FILLS[palette.name]
    colours = [palette.ground, high] if scale.middle is None else [low, palette.ground, high]
    domain = (
        list(scale.domain)
        if scale.middle is None
        else [scale.domain[0], scale.middle, scale.domain[1]]
    )
    fill = alt.Color(
        "value:Q", legend=None, scale=alt.Scale(domain=domain, range=colours, clamp=True)
    )

    def text(column: str, dy: int, **style: object) -> alt.Chart:
        return base.mark_text(
            baseline="middle", dy=dy, color=palette.text, aria=False, **style
        ).encode(text=column)

    big, ends = text("big:N", -15, fontSize=14, fontWeight=600), text("ends:N", 3, fontSize=11)
    squares = base.mark_rect(stroke=palette.line).encode(color=fill)
    chart = alt.layer(squares, big, ends, text("blocks:N", 18, fontSize=11))
    said = f"{scale.words} by label style and bias: " + "; ".join(table["spoken"])
    return finished(chart, palette, description=said, **sides)


def by_bias(
    points: Rows,
    means: Rows,
    scale: Scale,
    *,
    palette: Palette,
    width: int,
    height: int,
    references: Rows | None,
) -> alt.LayerChart:
    """A measure against φ: one line a label style, every block as a dot, the mean with its
    interval. The x axis is φ, the correlation of object and context in training: effects are nearly
    lines in it. Points are rows of `RUN`, means of `CELL`; `references`, dashed lines, are
    `reference` (a name), `labels`, `phi`, `value`, `n`.
    """
    title = _title(
        "φ of object and background in training; beneath, the share of each minority group removed",
        width,
    )
    said = f"{scale.words} against φ: " + "; ".join(scale.checked(means, CELL, _CALLED)["spoken"])
    place = (
        "bottom" if width <= PHONE_SIDE else "top"
    )  # of the dashes, which have no room beside the label styles
    chart = _against_phi(points, means, scale, palette, title, references, place)
    return finished(
        chart, palette, description=said, width=max(160, width - 70), height=max(90, height - 90)
    )


def small_multiples(
    panes: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]],
    scale: Scale,
    *,
    palette: Palette,
    width: int,
) -> alt.VConcatChart:
    """`by_bias` of several measures of one kind, one below the other on a phone; `panes`: title,
    points, means."""
    if not panes:
        raise ValueError("there is nothing to show")
    columns = across(2, width)
    size = {"width": max(140, width // columns - 70), "height": 150}
    drawn, titles = [], ", ".join(title for title, _, _ in panes)
    for title, points, means in panes:
        lines = _against_phi(points, means, scale, palette, None)
        drawn.append(lines.properties(**size, title=alt.Title(title, fontSize=13)))
    spoken = f"{scale.words} against φ, a pane each for {titles}"
    return in_rows(drawn, columns, palette, spoken)


def in_rows(
    panes: Sequence[alt.LayerChart], columns: int, palette: Palette, spoken: str
) -> alt.VConcatChart:
    """Panes beside and below each other, as one figure."""
    rows = [alt.hconcat(*panes[start : start + columns]) for start in range(0, len(panes), columns)]
    return finished(alt.vconcat(*rows), palette, narrow=columns == 1, description=spoken)


def _against_phi(
    points: Rows,
    means: Rows,
    scale: Scale,
    palette: Palette,
    title: Words | None,
    references: Rows | None = None,
    place: str = "top",
) -> alt.LayerChart:
    dots = scale.checked(points, RUN, _CALLED + ", {block}")
    table = scale.checked(means, CELL, _CALLED)
    styles, colour, shape = style_scales(table, palette)
    shift = {style: _DODGE * (place - (len(styles) - 1) / 2) for place, style in enumerate(styles)}
    dots["x"] = dots["phi"] + dots["labels"].map(shift).fillna(0.0)
    table["x"] = table["phi"] + table["labels"].map(shift)
    phis = table.drop_duplicates("bias").sort_values("bias")
    words = {
        f"{row.phi:.3f}": [f"{row.phi:.2f}", f"{100 * row.bias:g} %"] for row in phis.itertuples()
    }
    expression = f"{json.dumps(words)}[format(datum.value, '.3f')]"
    look = {"grid": False, "labelFlush": False, "labelOverlap": True}
    axis = alt.Axis(values=phis["phi"].tolist(), labelExpr=expression, title=title, **look)
    x, y = alt.X("x:Q", scale=straight([-0.04, 1.04]), axis=axis), scale.y()
    runs = Chart(dots).encode(
        x=x, y=y, color=colour, shape=shape, description=SPOKEN, tooltip=scale.tooltip(True)
    )
    base = Chart(table).encode(x=x, color=colour, description=SPOKEN, tooltip=scale.tooltip())
    layers = []
    if scale.middle is not None:
        layers.append(
            rule_at("value", scale.middle, scale.said(scale.middle), palette, strokeWidth=1).encode(
                y=y
            )
        )
    if references is not None and len(references):
        # In the colour of their label style; which is which says the dash.
        columns = ("reference", "labels", "phi", "value", "n")
        compared = scale.checked(references, columns, "{reference}, {style}, φ {phi:.2f}")
        patterns = {name: _DASHES.get(name, [6, 4]) for name in compared["reference"].unique()}
        dash = told_apart(
            alt.StrokeDash, "reference:N", patterns, alt.Legend(**{**DASH_LEGEND, "orient": place})
        )
        style, _, value, *_, blocks = scale.tooltip()
        tooltip = ["reference:N", style, value, blocks]
        lines = (
            Chart(compared)
            .mark_line(strokeWidth=1.5, opacity=0.8, clip=True)
            .encode(x="phi:Q", y=y)
        )
        drawn = {
            "color": colour,
            "strokeDash": dash,
            "detail": "labels:N",
            "description": SPOKEN,
            "tooltip": tooltip,
        }
        layers.append(lines.encode(**drawn))
    dots = runs.mark_point(size=22, strokeWidth=1.1, opacity=0.65, clip=True)
    line = base.mark_line(strokeWidth=2, aria=False).encode(y=y)
    means = base.mark_point(filled=True, size=80, opacity=1).encode(y=y, shape=shape)
    return alt.layer(*layers, dots, line, _intervals(base), means)


def _intervals(base: alt.Chart) -> alt.Chart:
    lines = base.transform_filter("isValid(datum.low)").mark_rule(
        strokeWidth=2, clip=True, aria=False
    )
    return lines.encode(y="low:Q", y2="high:Q")


def paired_slopes(
    points: pd.DataFrame, scale: Scale, *, palette: Palette, width: int
) -> alt.LayerChart:
    """One line a block from short to descriptive labels, at each bias, of rows of `RUN`. The two
    runs of a block share their seeds, so a line joins them. ValueError where no block has both
    label styles."""
    table = scale.checked(points, RUN, "{block}, {removed}, {style}")
    ends = table.pivot_table(index=["bias", "block"], columns="labels", values="value")
    ends = ends.reindex(columns=["undescriptive", "descriptive"]).dropna()
    if ends.empty:
        raise ValueError("points: no block has both label styles")
    change = (ends["descriptive"] - ends["undescriptive"]).rename("change").reset_index()
    table = table[table["labels"].isin(ends.columns)].merge(change, on=["bias", "block"])
    aside = table["labels"].map({"undescriptive": -0.3, "descriptive": 0.3})
    table["direction"] = np.where(table["change"] > 0, "higher with descriptive", "lower or equal")
    _, colour, shape = style_scales(table, palette)
    x = _at_levels(table, aside, "share of each minority group removed")
    base = Chart(table).encode(x=x, y=scale.y(), description=SPOKEN)
    lines = base.mark_line(strokeWidth=1.2, color=palette.muted, opacity=0.8, aria=False)
    tooltip = [*scale.tooltip(single=True), alt.Tooltip("direction:N", title="the block")]
    dots = base.mark_point(filled=True, size=45, opacity=1).encode(
        color=colour, shape=shape, tooltip=tooltip
    )
    description = f"{scale.words}: one line a block from short to descriptive labels at each bias"
    size: dict[str, Any] = {"width": max(200, width - 70), "height": 210}
    layers = alt.layer(lines.encode(detail=["bias:Q", "block:N"]), dots)
    return finished(layers, palette, description=description, **size)


def moments(rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int) -> alt.LayerChart:
    """A measure of the untrained encoder, at first fit and at the end, side by side at each bias: a
    difference between label styles at one moment may be one in how fast they learn. Rows are of
    `CELL`, and `moment` (words), in order.
    """
    table = scale.checked(rows, (*CELL, "moment"), _CALLED + ", {moment}")
    names = table["moment"].unique().tolist()
    styles, colour, shape = style_scales(table, palette)
    step = 0.76 / max(1, len(names) - 1)
    aside = step * table["moment"].map(names.index) - 0.38
    aside += 0.05 * (table["labels"].map(styles.index) - (len(styles) - 1) / 2)
    x = _at_levels(
        table, aside, _title(f"share removed; from left to right: {', '.join(names)}", width)
    )
    tooltip = [*scale.tooltip(), "moment:N"]
    base = Chart(table).encode(x=x, color=colour, description=SPOKEN, tooltip=tooltip)
    lines = base.mark_line(strokeWidth=1.5, opacity=0.6, aria=False)
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(y=scale.y(), shape=shape)
    layers = alt.layer(
        lines.encode(y=scale.y(), detail=["bias:Q", "labels:N"]), _intervals(base), dots
    )
    description = f"{scale.words}: " + "; ".join(table["spoken"])
    return finished(
        layers, palette, description=description, width=max(200, width - 70), height=210
    )


def _title(words: str, width: int) -> Words:
    """The title of an axis, in two lines on a phone."""
    return words.split("; ") if width <= PHONE_SIDE else words


def _at_levels(table: pd.DataFrame, aside: pd.Series, title: Words) -> alt.X:
    """A new column `x`, where each level of bias has a place of its own, from 0 on, and each row
    lies `aside` of it."""
    levels = sorted(table["bias"].unique())
    table["x"] = table["bias"].map(levels.index) + aside
    words = {str(number): f"{100 * bias:g} %" for number, bias in enumerate(levels)}
    expression = f"{json.dumps(words)}[datum.label]"
    axis = alt.Axis(
        values=list(range(len(levels))), labelExpr=expression, title=title, grid=False, ticks=False
    )
    return alt.X("x:Q", scale=straight([-0.6, len(levels) - 0.4]), axis=axis)
