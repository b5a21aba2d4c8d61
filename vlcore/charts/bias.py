"""A measure of a study over bias and label style: as cells with numbers, and as lines with every block as a dot.

The one idea: the unit is a block (a pair of seeds), so every figure shows blocks as dots or their number, and
an interval is a t interval over them. The x axis is φ, the correlation of object and context in training: effects are
nearer to a line in it than in the share that is removed. Tables are those of `vlcore.studies.findings`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.charts.scales import (
    CELL,
    Scale,
    block_tooltip,
    cell_tooltip,
    checked,
    finished,
    style_scales,
    styles_of,
    value_tooltip,
)
from vlcore.charts.theme import Palette, theme
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
    table["spoken"] = [f"{row.style}, {row.removed}: {scale.interval(row)}" for row in table.itertuples()]
    phis = {f"{100 * row.bias:g} %": f"φ {row.phi:.2f}" for row in table.itertuples()}
    levels = list(dict.fromkeys(table.sort_values("bias")["level"]))
    base = alt.Chart(table).encode(
        x=alt.X(
            "level:O",
            sort=levels,
            axis=alt.Axis(
                orient="bottom",
                labelAngle=0,
                domain=False,
                ticks=False,
                labelExpr=f"[datum.label, {json.dumps(phis)}[datum.label]]",
                title="share of each minority group removed, and φ of object and background",
            ),
        ),
        y=alt.Y(
            "style:N",
            sort=list(STYLE_WORDS.values()),
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelColor=palette.text, labelLimit=150, labelPadding=10),
        ),
        description=alt.Description("spoken:N"),
        tooltip=cell_tooltip(scale),
    )
    low, high = _FILLS[palette.name]
    colours = [palette.ground, high] if scale.middle is None else [low, palette.ground, high]
    domain = list(scale.domain) if scale.middle is None else [scale.domain[0], scale.middle, scale.domain[1]]
    fill = alt.Color("value:Q", legend=None, scale=alt.Scale(domain=domain, range=colours, clamp=True))
    plot = max(200, width - 150)

    def text(column: str, dy: int, **style: object) -> alt.Chart:
        return base.mark_text(baseline="middle", dy=dy, color=palette.text, aria=False, **style).encode(text=column)

    return finished(
        alt.layer(
            base.mark_rect(stroke=palette.line).encode(color=fill),
            text("big:N", -15, fontSize=14, fontWeight=600),
            text("ends:N", 3, fontSize=11),
            text("blocks:N", 18, fontSize=11),
        ),
        f"{scale.words} by label style and bias: " + "; ".join(table["spoken"]),
        palette,
        width=plot,
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
    title: str = "",
) -> alt.LayerChart:
    """A measure against φ: one line a label style, every block as a dot, the mean with its interval.

    Args:
        points: one row a run: `labels`, `bias`, `phi`, `removed`, `block`, `value`.
        means: one row a cell, as in `heat_map`.
        scale: of the measure.
        palette: colours.
        width, height: of the whole figure in px, roughly.
        references: dashed lines to compare with: `reference` (its name), `labels`, `phi`, `value`, `n`.
        title: above the figure.

    Raises:
        ValueError: as `heat_map`.
    """
    base = _bias_layers(points, means, scale, palette, references)
    spoken = f"{title or scale.words} against φ: " + "; ".join(
        f"{STYLE_WORDS[row.labels]}, {row.removed}: {scale.interval(row)}" for row in means.itertuples()
    )
    return finished(base, spoken, palette, width=max(160, width - 70), height=max(90, height - 90), title=title)


def small_multiples(
    panes: Sequence[tuple[str, pd.DataFrame, pd.DataFrame]],
    scale: Scale,
    *,
    palette: Palette,
    width: int,
    columns: int = 2,
) -> alt.VConcatChart:
    """`by_bias` of several measures of one kind, such as the accuracy of each group, as one figure.

    Args:
        panes: title, points and means of each.
        scale, palette: as in `by_bias`.
        width: of the whole figure in px.
        columns: panes beside each other.

    Raises:
        ValueError: as `heat_map`, or without panes.
    """
    if not panes:
        raise ValueError("panes: there is nothing to show")
    side = max(140, width // columns - 70)
    drawn = [
        _bias_layers(points, means, scale, palette, None, few=True).properties(
            width=side, height=150, title=alt.Title(title, fontSize=13)
        )
        for title, points, means in panes
    ]
    rows = [alt.hconcat(*drawn[start : start + columns]) for start in range(0, len(drawn), columns)]
    spoken = f"{scale.words} against φ, a pane each for " + ", ".join(title for title, _, _ in panes)
    chart = alt.vconcat(*rows, autosize="pad", description=spoken)
    return chart.configure(**theme(palette, frame=False))


def _bias_layers(
    points: pd.DataFrame,
    means: pd.DataFrame,
    scale: Scale,
    palette: Palette,
    references: pd.DataFrame | None,
    few: bool = False,
) -> alt.LayerChart:
    dots = checked(points, ("labels", "bias", "phi", "removed", "block", "value"))
    table = checked(means, CELL)
    styles = styles_of(table)
    shift = {style: _DODGE * (place - (len(styles) - 1) / 2) for place, style in enumerate(styles)}
    dots["x"] = [row.phi + shift.get(row.labels, 0.0) for row in dots.itertuples()]
    table["x"] = [row.phi + shift[row.labels] for row in table.itertuples()]
    dots["spoken"] = [f"{row.style}, {row.removed}, {row.block}: {scale.said(row.value)}" for row in dots.itertuples()]
    table["spoken"] = [f"{row.style}, {row.removed}: {scale.interval(row)}" for row in table.itertuples()]
    x = alt.X("x:Q", scale=alt.Scale(domain=[-0.04, 1.04], nice=False), axis=_phi_axis(table, few))
    y = alt.Y("value:Q", scale=alt.Scale(domain=list(scale.domain), nice=False), axis=scale.axis)
    colour, shape = style_scales(styles, palette)
    spoken = alt.Description("spoken:N")
    base = alt.Chart(table).encode(x=x, color=colour, description=spoken, tooltip=cell_tooltip(scale))
    layers = []
    if scale.middle is not None:
        zero = pd.DataFrame({"value": [scale.middle], "spoken": [f"{scale.said(scale.middle)}"]})
        rule = alt.Chart(zero).mark_rule(color=palette.muted, strokeWidth=1)
        layers.append(rule.encode(y=y, description=spoken))
    if references is not None and len(references):
        layers.append(_references(references, scale, y, colour))
    layers += [
        alt.Chart(dots)
        .mark_point(size=22, strokeWidth=1.1, opacity=0.65, clip=True)
        .encode(x=x, y=y, color=colour, shape=shape, description=spoken, tooltip=block_tooltip(scale)),
        base.mark_line(strokeWidth=2, aria=False).encode(y=y),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2, clip=True, aria=False)
        .encode(y=alt.Y("low:Q"), y2="high:Q"),
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
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=1.5, opacity=0.8, clip=True)
        .encode(
            x="phi:Q",
            y=y,
            color=colour,
            strokeDash=alt.StrokeDash(
                "reference:N",
                scale=alt.Scale(domain=names, range=[_DASHES.get(name, [6, 4]) for name in names]),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
            ),
            detail="labels:N",
            description=alt.Description("spoken:N"),
            tooltip=[alt.Tooltip("reference:N"), alt.Tooltip("style:N", title="labels"), *value_tooltip(scale)],
        )
    )


def _phi_axis(table: pd.DataFrame, few: bool) -> alt.Axis:
    """φ at each level, with the removed share beneath."""
    phis = table.drop_duplicates("bias").sort_values("bias")
    words = {f"{row.phi:.3f}": [f"{row.phi:.2f}", f"{100 * row.bias:g} %"] for row in phis.itertuples()}
    return alt.Axis(
        values=[float(value) for value in phis["phi"]],
        labelExpr=f"{json.dumps(words)}[format(datum.value, '.3f')]",
        title=None
        if few
        else "φ of object and background in training; beneath, the share of each minority group removed",
        grid=False,
        labelFlush=False,
        labelOverlap=True,
    )
