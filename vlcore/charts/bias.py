"""Figures of a measure over bias and label style: cells with numbers, and lines with every block as a dot.

The unit is a block (a pair of seeds), so every figure shows blocks as dots or their number, and an interval is a t
interval over them. The x axis is φ, the correlation of object and context in training: effects are nearer to a line in
it than in the share that is removed. Tables are those of `vlcore.studies.findings`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.charts.scales import (
    CELL,
    RUN,
    SPOKEN,
    Scale,
    cell_tooltip,
    checked,
    dashes,
    finished,
    in_rows,
    interval_lines,
    reference_line,
    run_tooltip,
    straight,
    style_scales,
    words_axis,
)
from vlcore.charts.theme import Palette
from vlcore.core.wording import STYLE_WORDS

_DODGE = 0.012  # of φ, so that the dots of two styles do not cover each other
_DASHES = {"untrained encoder": [1.5, 3]}
# Fills of heat maps, (low or towards the object, high or towards the context): text stays readable on both ends.
_FILLS = {"light": ("#BFE3C8", "#C9B3E6"), "dark": ("#1F4D2E", "#5A3A86")}


def heat_map(rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int) -> alt.LayerChart:
    """Bias by label style; each cell carries its mean over blocks, its interval and their number.

    Args:
        rows: one row a cell: `labels`, `bias`, `phi`, `removed`, `value`, `low`, `high`, `n`.
        scale: of the measure.
        palette: colours.
        width: of the whole figure in px, words included.

    Raises:
        ValueError: when a column is missing, there is no row, or a label style is not known.
    """
    table = checked(rows, CELL)
    table["level"] = [f"{100 * bias:g} %" for bias in table["bias"]]
    table["big"] = [scale.said(value) for value in table["value"]]
    table["ends"] = [scale.ends(row) for row in table.itertuples()]
    table["blocks"] = [scale.blocks(row) for row in table.itertuples()]
    table["spoken"] = _cells_spoken(table, scale)
    phis = {level: f"φ {phi:.2f}" for level, phi in zip(table["level"], table["phi"], strict=True)}
    levels = list(dict.fromkeys(table.sort_values("bias")["level"]))
    across = alt.Axis(
        orient="bottom",
        labelAngle=0,
        domain=False,
        ticks=False,
        labelExpr=f"[datum.label, {json.dumps(phis)}[datum.label]]",
        title="share of each minority group removed, and φ of object and background",
    )
    down = words_axis(palette, labelLimit=150, labelPadding=10)
    base = alt.Chart(table).encode(
        x=alt.X("level:O", sort=levels, axis=across),
        y=alt.Y("style:N", sort=list(STYLE_WORDS.values()), axis=down),
        description=SPOKEN,
        tooltip=cell_tooltip(scale),
    )
    low, high = _FILLS[palette.name]
    colours = [palette.ground, high] if scale.middle is None else [low, palette.ground, high]
    domain = list(scale.domain) if scale.middle is None else [scale.domain[0], scale.middle, scale.domain[1]]
    fill = alt.Color("value:Q", legend=None, scale=alt.Scale(domain=domain, range=colours, clamp=True))

    def text(column: str, dy: int, **style: object) -> alt.Chart:
        return base.mark_text(baseline="middle", dy=dy, color=palette.text, aria=False, **style).encode(text=column)

    return finished(
        alt.layer(
            base.mark_rect(stroke=palette.line).encode(color=fill),
            text("big:N", -15, fontSize=14, fontWeight=600),
            text("ends:N", 3, fontSize=11),
            text("blocks:N", 18, fontSize=11),
        ),
        palette,
        description=f"{scale.words} by label style and bias: " + "; ".join(table["spoken"]),
        width=max(200, width - 150),
        height=62 * table["style"].nunique(),
    )


def by_bias(
    points: pd.DataFrame,
    means: pd.DataFrame,
    scale: Scale,
    *,
    palette: Palette,
    width: int,
    height: int = 300,
    references: pd.DataFrame | None = None,
) -> alt.LayerChart:
    """A measure against φ: one line a label style, every block as a dot, the mean with its interval.

    Args:
        points: one row a run: `labels`, `bias`, `phi`, `removed`, `block`, `value`.
        means: one row a cell, as in `heat_map`.
        scale: of the measure.
        palette: colours.
        width, height: of the whole figure in px, roughly.
        references: dashed lines to compare with: `reference` (its name), `labels`, `phi`, `value`, `n`.

    Raises:
        ValueError: as `heat_map`.
    """
    title = "φ of object and background in training; beneath, the share of each minority group removed"
    return finished(
        _against_phi(points, means, scale, palette, title, references),
        palette,
        description=f"{scale.words} against φ: " + "; ".join(_cells_spoken(checked(means, CELL), scale)),
        width=max(160, width - 70),
        height=max(90, height - 90),
    )


def small_multiples(
    panes: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]], scale: Scale, *, palette: Palette, width: int
) -> alt.VConcatChart:
    """`by_bias` of several measures of one kind, such as the accuracy of each group, two beside each other.

    Args:
        panes: title, points and means of each.
        scale, palette: as in `by_bias`.
        width: of the whole figure in px.

    Raises:
        ValueError: as `heat_map`, or without panes.
    """
    if not panes:
        raise ValueError("panes: there is nothing to show")
    size = {"width": max(140, width // 2 - 70), "height": 150}
    drawn = [
        _against_phi(points, means, scale, palette, None).properties(**size, title=alt.Title(title, fontSize=13))
        for title, points, means in panes
    ]
    titles = ", ".join(title for title, _, _ in panes)
    return in_rows(drawn, 2, palette, f"{scale.words} against φ, a pane each for {titles}")


def _cells_spoken(table: pd.DataFrame, scale: Scale) -> list[str]:
    return [f"{row.style}, {row.removed}: {scale.interval(row)}" for row in table.itertuples()]


def _against_phi(
    points: pd.DataFrame,
    means: pd.DataFrame,
    scale: Scale,
    palette: Palette,
    title: str | None,
    references: pd.DataFrame | None = None,
) -> alt.LayerChart:
    dots, table = checked(points, RUN), checked(means, CELL)
    styles, colour, shape = style_scales(table, palette)
    shift = {style: _DODGE * (place - (len(styles) - 1) / 2) for place, style in enumerate(styles)}
    dots["x"] = dots["phi"] + dots["labels"].map(shift).fillna(0.0)
    table["x"] = table["phi"] + table["labels"].map(shift)
    dots["spoken"] = [f"{row.style}, {row.removed}, {row.block}: {scale.said(row.value)}" for row in dots.itertuples()]
    table["spoken"] = _cells_spoken(table, scale)
    phis = table.drop_duplicates("bias").sort_values("bias")
    words = {f"{row.phi:.3f}": [f"{row.phi:.2f}", f"{100 * row.bias:g} %"] for row in phis.itertuples()}
    axis = alt.Axis(
        values=phis["phi"].tolist(),
        labelExpr=f"{json.dumps(words)}[format(datum.value, '.3f')]",
        title=title,
        grid=False,
        labelFlush=False,
        labelOverlap=True,
    )
    x, y = alt.X("x:Q", scale=straight([-0.04, 1.04]), axis=axis), scale.y()
    runs = alt.Chart(dots).encode(x=x, y=y, color=colour, shape=shape, description=SPOKEN, tooltip=run_tooltip(scale))
    base = alt.Chart(table).encode(x=x, color=colour, description=SPOKEN, tooltip=cell_tooltip(scale))
    layers = []
    if scale.middle is not None:
        middle = reference_line("value", scale.middle, scale.said(scale.middle), palette, strokeWidth=1)
        layers.append(middle.encode(y=y))
    if references is not None and len(references):
        layers.append(_references(references, scale, y, colour))
    layers += [
        runs.mark_point(size=22, strokeWidth=1.1, opacity=0.65, clip=True),
        base.mark_line(strokeWidth=2, aria=False).encode(y=y),
        interval_lines(base),
        base.mark_point(filled=True, size=80, opacity=1).encode(y=y, shape=shape),
    ]
    return alt.layer(*layers)


def _references(rows: pd.DataFrame, scale: Scale, y: alt.Y, colour: alt.Color) -> alt.Chart:
    """Dashed lines in the colour of their label style; which is which says the dash."""
    table = checked(rows, ("reference", "labels", "phi", "value", "n"))
    names = list(dict.fromkeys(table["reference"]))
    table["spoken"] = [
        f"{row.reference}, {row.style}, φ {row.phi:.2f}: {scale.said(row.value)}" for row in table.itertuples()
    ]
    style, _, value, *_, blocks = cell_tooltip(scale)
    lines = alt.Chart(table).mark_line(strokeWidth=1.5, opacity=0.8, clip=True)
    return lines.encode(
        x="phi:Q",
        y=y,
        color=colour,
        strokeDash=dashes("reference:N", {name: _DASHES.get(name, [6, 4]) for name in names}),
        detail="labels:N",
        description=SPOKEN,
        tooltip=["reference:N", style, value, blocks],
    )
