"""Figures of a measure over bias and label style: cells with numbers, lines with every block as a
dot, pairs, checkpoints.

The unit is a block (a pair of seeds), so every figure shows blocks as dots or their number, and an
interval is a t interval over them. A label style has one colour and one mark everywhere (grey
circles for short labels, the accent's squares for descriptive ones), so that a reader learns them
once; group colours stay with groups.

Tables are those of `vlcore.study.findings`: a run a row has the columns `RUN`, a mean over blocks
`CELL`. Without a row a figure raises ValueError. A width, in px, is a whole figure's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.options import LABEL_STYLES
from vlcore.experiment.wording import STYLE_WORDS, between, decimal, percent
from vlcore.plots.scales import (
    PERCENT,
    filled_columns,
    finished,
    rule_at,
    spoken_chart,
    straight,
    told_apart,
    tooltips,
    words_axis,
)
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
    """How a measure is written and drawn. The `middle` parts two directions, such as 0 of a
    difference; None where there are none."""

    words: str  # of the measure, for axes and tooltips
    share: bool  # in per cent
    domain: tuple[float, float]  # of its axis
    middle: float | None = None

    def number(self, value: float) -> str:
        return percent(value) if self.share else decimal(value)

    def ends(self, row: Any) -> str:
        """``(50 to 74)`` of a row with `low` and `high`; empty of one block, which has no
        interval."""
        if np.isnan(row.low):
            return ""
        write = (lambda end: f"{100 * end:.0f}") if self.share else decimal
        return f"({between(row._asdict(), write)})"

    def blocks(self, row: Any) -> str:
        """``n = 6`` or ``one pair``."""
        return "one pair" if np.isnan(row.low) else f"n = {row.n}"

    def estimate(self, row: Any) -> str:
        """``62 % (50 to 74), n = 6`` of a mean over blocks; ``62 %`` of a run."""
        if not hasattr(row, "low"):
            return self.number(row.value)
        interval = f"{self.number(row.value)} {self.ends(row)}".rstrip()
        return f"{interval}, {self.blocks(row)}"

    def y(self, field: str = "value") -> alt.Y:
        labels = PERCENT if self.share else "format(datum.value, '.1~f')"
        axis = alt.Axis(labelExpr=labels, title=None, tickCount=5)
        return alt.Y(f"{field}:Q", scale=straight(self.domain), axis=axis)

    def tooltip(self, single: bool = False) -> list[alt.Tooltip]:
        """The tooltip of a mean over blocks, or of a `single` run."""
        style = {"style:N": "labels", "removed:N": "bias"}
        values = {"value:Q": self.words}
        blocks = {"n:Q": "seed pairs"}
        if single:
            style, blocks = style | {"block:N": "seeds"}, {}
        else:
            values |= {"low:Q": "95 % low", "high:Q": "95 % high"}
        number = ".0%" if self.share else ".2f"
        return tooltips(style) + tooltips(values, number) + tooltips(blocks)

    def checked(self, rows: pd.DataFrame, columns: Sequence[str], called: str) -> pd.DataFrame:
        """The columns that a figure needs, with the label style in words (`style`), and the words
        of a row for screen readers (`spoken`)."""
        table = filled_columns(rows, columns)
        table["style"] = table["labels"].map(STYLE_WORDS)
        table["spoken"] = [
            f"{called.format(**row._asdict())}: {self.estimate(row)}" for row in table.itertuples()
        ]
        return table


def style_scales(table: pd.DataFrame, palette: Palette) -> tuple[list[str], alt.Color, alt.Shape]:
    """The label styles of a table in their usual order, their colour and their mark, with one
    legend of both."""
    styles = [style for style in STYLE_WORDS if style in set(table["labels"])]
    colours, shapes = {}, {}
    for style in styles:
        traits = LABEL_STYLES[style]
        colours[traits.legend] = getattr(palette, traits.colour)
        shapes[traits.legend] = traits.shape
    legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
    return (
        styles,
        told_apart(alt.Color, "style:N", colours, legend),
        told_apart(alt.Shape, "style:N", shapes, legend),
    )


def heat_map_chart(
    rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int
) -> alt.LayerChart:
    """Bias by label style; each cell, a row of `CELL`, carries its mean over blocks, its interval
    and their number."""
    table = scale.checked(rows, CELL, _CALLED)
    table["level"] = [_bias_level(bias) for bias in table["bias"]]
    table["number"] = table["value"].map(scale.number)
    table["ends"] = [scale.ends(row) for row in table.itertuples()]
    table["blocks"] = [scale.blocks(row) for row in table.itertuples()]
    axes, size = _heat_map_axes(table, palette, width)
    base = spoken_chart(table, **axes, tooltip=scale.tooltip())

    def text(field: str, dy: int, **mark: object) -> alt.Chart:
        words = base.mark_text(baseline="middle", dy=dy, color=palette.text, aria=False, **mark)
        return words.encode(text=field)

    low, high = _FILLS[palette.name]
    colours, domain = [palette.ground, high], list(scale.domain)
    if scale.middle is not None:
        colours, domain = [low, palette.ground, high], [domain[0], scale.middle, domain[1]]
    fill_scale = alt.Scale(domain=domain, range=colours, clamp=True)
    fill = alt.Color("value:Q", legend=None, scale=fill_scale)
    layers = alt.layer(
        base.mark_rect(stroke=palette.line).encode(color=fill),
        text("number:N", -15, fontSize=14, fontWeight=600),
        text("ends:N", 3, fontSize=11),
        text("blocks:N", 18, fontSize=11),
    )
    words = f"{scale.words} by label style and bias: " + "; ".join(table["spoken"])
    return finished(layers, palette, description=words, **size)


def _heat_map_axes(
    table: pd.DataFrame, palette: Palette, width: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The axes of a heat map, bias levels across and styles down, and its size in px; the other way
    round on a phone, where six levels have no room beside each other."""
    phis = {row.level: f"φ {row.phi:.2f}" for row in table.itertuples()}
    with_phi = f"[datum.label, {json.dumps(phis)}[datum.label]]"
    levels = table.sort_values("bias")["level"].unique().tolist()
    styles = list(STYLE_WORDS.values())
    bare = {"labelAngle": 0, "domain": False, "ticks": False}
    if width <= PHONE_SIDE:
        style_axis = alt.Axis(
            **bare,
            title=None,
            orient="top",
            labelExpr="split(datum.label, ' ')",
            labelPadding=30,  # for three lines
        )
        level_axis = alt.Axis(**bare, title=None, labelExpr=with_phi)
        axes = {
            "x": alt.X("style:N", axis=style_axis, sort=styles),
            "y": alt.Y("level:O", axis=level_axis, sort=levels),
        }
        return axes, {"width": width - 50, "height": 62 * len(levels)}
    title = "share of each minority group removed, and φ of object and background"
    level_axis = alt.Axis(**bare, orient="bottom", labelExpr=with_phi, title=title)
    style_axis = words_axis(palette, labelLimit=150, labelPadding=10)
    axes = {
        "x": alt.X("level:O", axis=level_axis, sort=levels),
        "y": alt.Y("style:N", axis=style_axis, sort=styles),
    }
    return axes, {"width": max(200, width - 150), "height": 62 * table["style"].nunique()}


def _bias_level(bias: float) -> str:
    return f"{100 * bias:g} %"


def by_bias_chart(
    points: pd.DataFrame,
    means: pd.DataFrame,
    scale: Scale,
    *,
    palette: Palette,
    width: int,
    height: int,
    references: pd.DataFrame | None,
) -> alt.LayerChart:
    """A measure against φ: one line a label style, every block as a dot, the mean with its
    interval. The x axis is φ, the correlation of object and context in training: effects are nearly
    lines in it.

    Args:
        points: rows of `RUN`.
        means: rows of `CELL`.
        references: dashed lines: `reference` (a name), `labels`, `phi`, `value`, `n`.
    """
    title = _title(
        "φ of object and background in training; beneath, the share of each minority group removed",
        width,
    )
    words = "; ".join(scale.checked(means, CELL, _CALLED)["spoken"])
    # On a phone the legend of dashes has no room beside the label styles.
    place = "bottom" if width <= PHONE_SIDE else "top"
    chart = _against_phi(points, means, scale, palette, title, references, place)
    return finished(
        chart,
        palette,
        description=f"{scale.words} against φ: {words}",
        width=max(160, width - 70),
        height=max(90, height - 90),
    )


def small_multiples(
    panes: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]],
    scale: Scale,
    *,
    palette: Palette,
    width: int,
) -> alt.VConcatChart:
    """`by_bias_chart` of several measures of one kind, one below the other on a phone; `panes`:
    title, points, means."""
    columns = across(2, width)
    pane_width = max(140, width // columns - 70)
    charts = []
    for title, points, means in panes:
        chart = _against_phi(points, means, scale, palette, None)
        head = alt.Title(title, fontSize=13)
        charts.append(chart.properties(width=pane_width, height=150, title=head))
    titles = ", ".join(title for title, _, _ in panes)
    return in_rows(charts, columns, palette, f"{scale.words} against φ, a pane each for {titles}")


def in_rows(
    panes: Sequence[alt.LayerChart], columns: int, palette: Palette, spoken: str
) -> alt.VConcatChart:
    """Panes beside and below each other, as one figure."""
    rows = [alt.hconcat(*panes[start : start + columns]) for start in range(0, len(panes), columns)]
    return finished(alt.vconcat(*rows), palette, narrow=columns == 1, description=spoken)


def _against_phi(
    points: pd.DataFrame,
    means: pd.DataFrame,
    scale: Scale,
    palette: Palette,
    title: Words | None,
    references: pd.DataFrame | None = None,
    place: str = "top",
) -> alt.LayerChart:
    runs = scale.checked(points, RUN, _CALLED + ", {block}")
    table = scale.checked(means, CELL, _CALLED)
    styles, colour, shape = style_scales(table, palette)
    middle = (len(styles) - 1) / 2
    shifts = {style: _DODGE * (index - middle) for index, style in enumerate(styles)}
    runs["x"] = runs["phi"] + runs["labels"].map(shifts).fillna(0.0)
    table["x"] = table["phi"] + table["labels"].map(shifts)
    x, y = _phi_axis(table, title), scale.y()
    dots = spoken_chart(runs, x=x, y=y, color=colour, shape=shape, tooltip=scale.tooltip(True))
    base = spoken_chart(table, x=x, color=colour, tooltip=scale.tooltip())
    layers = []
    if scale.middle is not None:
        words = scale.number(scale.middle)
        layers.append(rule_at("value", scale.middle, words, palette, dash=()).encode(y=y))
    if references is not None and len(references):
        layers.append(_reference_lines(references, scale, colour, place))
    line = base.mark_line(strokeWidth=2, aria=False)
    mean = base.mark_point(filled=True, size=80, opacity=1)
    return alt.layer(
        *layers,
        dots.mark_point(size=22, strokeWidth=1.1, opacity=0.65, clip=True),
        line.encode(y=y),
        _intervals(base),
        mean.encode(y=y, shape=shape),
    )


def _phi_axis(table: pd.DataFrame, title: Words | None) -> alt.X:
    """φ, with the bias level beneath."""
    phis = table.drop_duplicates("bias").sort_values("bias")
    words = {
        f"{row.phi:.3f}": [f"{row.phi:.2f}", _bias_level(row.bias)] for row in phis.itertuples()
    }
    axis = alt.Axis(
        values=phis["phi"].tolist(),
        labelExpr=f"{json.dumps(words)}[format(datum.value, '.3f')]",
        title=title,
        grid=False,
        labelFlush=False,
        labelOverlap=True,
    )
    return alt.X("x:Q", scale=straight([-0.04, 1.04]), axis=axis)


def _reference_lines(
    references: pd.DataFrame, scale: Scale, colour: alt.Color, place: str
) -> alt.Chart:
    """Dashed lines in the colour of their label style; the dash tells which is which."""
    columns = ("reference", "labels", "phi", "value", "n")
    table = scale.checked(references, columns, "{reference}, {style}, φ {phi:.2f}")
    dashes = {name: _DASHES.get(name, [6, 4]) for name in table["reference"].unique()}
    legend = alt.Legend(**{**DASH_LEGEND, "orient": place})
    style, _, value, *_, blocks = scale.tooltip()
    line = spoken_chart(
        table,
        x="phi:Q",
        y=scale.y(),
        color=colour,
        strokeDash=told_apart(alt.StrokeDash, "reference:N", dashes, legend),
        detail="labels:N",
        tooltip=["reference:N", style, value, blocks],
    )
    return line.mark_line(strokeWidth=1.5, opacity=0.8, clip=True)


def _intervals(base: alt.Chart) -> alt.Chart:
    rules = base.transform_filter("isValid(datum.low)")
    rules = rules.mark_rule(strokeWidth=2, clip=True, aria=False)
    return rules.encode(y="low:Q", y2="high:Q")


def paired_slopes_chart(
    points: pd.DataFrame, scale: Scale, *, palette: Palette, width: int
) -> alt.LayerChart:
    """One line a block from short to descriptive labels, at each bias, of rows of `RUN`. The two
    runs of a block share their seeds, so a line joins them. ValueError where no block has both
    label styles."""
    table = scale.checked(points, RUN, "{block}, {removed}, {style}")
    pairs = table.pivot_table(index=["bias", "block"], columns="labels", values="value")
    pairs = pairs.reindex(columns=["undescriptive", "descriptive"]).dropna()
    if pairs.empty:
        raise ValueError("points: no seed pair has both label styles")
    change = (pairs["descriptive"] - pairs["undescriptive"]).rename("change").reset_index()
    table = table[table["labels"].isin(pairs.columns)].merge(change, on=["bias", "block"])
    table["direction"] = np.where(table["change"] > 0, "higher with descriptive", "lower or equal")
    _, colour, shape = style_scales(table, palette)
    offsets = table["labels"].map({"undescriptive": -0.3, "descriptive": 0.3})
    x = _at_levels(table, offsets, "share of each minority group removed")
    base = spoken_chart(table, x=x, y=scale.y())
    lines = base.mark_line(strokeWidth=1.2, color=palette.muted, opacity=0.8, aria=False)
    dots = base.mark_point(filled=True, size=45, opacity=1)
    tooltip = [*scale.tooltip(single=True), alt.Tooltip("direction:N", title="the pair")]
    layers = alt.layer(
        lines.encode(detail=["bias:Q", "block:N"]),
        dots.encode(color=colour, shape=shape, tooltip=tooltip),
    )
    words = f"{scale.words}: one line a seed pair from short to descriptive labels at each bias"
    return _finished_levels(layers, palette, width, words)


def moments_chart(
    rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int
) -> alt.LayerChart:
    """A measure of the untrained encoder, at the fit step and at the end, side by side at each
    bias: a difference between label styles at one checkpoint may be one in how fast they learn.
    Rows are of `CELL`, and `moment` (words), in order.
    """
    table = scale.checked(rows, (*CELL, "moment"), _CALLED + ", {moment}")
    names = table["moment"].unique().tolist()
    styles, colour, shape = style_scales(table, palette)
    step = 0.76 / max(1, len(names) - 1)
    offsets = step * table["moment"].map(names.index) - 0.38
    offsets += 0.05 * (table["labels"].map(styles.index) - (len(styles) - 1) / 2)
    title = _title(f"share removed; from left to right: {', '.join(names)}", width)
    x = _at_levels(table, offsets, title)
    base = spoken_chart(table, x=x, color=colour, tooltip=[*scale.tooltip(), "moment:N"])
    lines = base.mark_line(strokeWidth=1.5, opacity=0.6, aria=False)
    dots = base.mark_point(filled=True, size=60, opacity=1)
    layers = alt.layer(
        lines.encode(y=scale.y(), detail=["bias:Q", "labels:N"]),
        _intervals(base),
        dots.encode(y=scale.y(), shape=shape),
    )
    words = f"{scale.words}: " + "; ".join(table["spoken"])
    return _finished_levels(layers, palette, width, words)


def _finished_levels(
    layers: alt.LayerChart, palette: Palette, width: int, words: str
) -> alt.LayerChart:
    return finished(layers, palette, description=words, width=max(200, width - 70), height=210)


def _title(words: str, width: int) -> Words:
    """The title of an axis, in two lines on a phone."""
    return words.split("; ") if width <= PHONE_SIDE else words


def _at_levels(table: pd.DataFrame, offsets: pd.Series, title: Words) -> alt.X:
    """A new column `x`, where each bias level has a place of its own, from 0 on, and each row has
    its offset from it."""
    levels = sorted(table["bias"].unique())
    table["x"] = table["bias"].map(levels.index) + offsets
    words = {str(number): _bias_level(bias) for number, bias in enumerate(levels)}
    axis = alt.Axis(
        values=list(range(len(levels))),
        labelExpr=f"{json.dumps(words)}[datum.label]",
        title=title,
        grid=False,
        ticks=False,
    )
    return alt.X("x:Q", scale=straight([-0.6, len(levels) - 0.4]), axis=axis)
