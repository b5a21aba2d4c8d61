"""A study over training time: when object and context can be read off, and what first fit and end have to say.

The one idea: a difference between label styles at one moment may be a difference in how fast they learn, so the moments
stand beside each other.
"""

from __future__ import annotations

import json

import altair as alt
import pandas as pd

from vlcore.charts.scales import CELL, FEWEST, Scale, cell_tooltip, checked, finished, style_scales, styles_of
from vlcore.charts.tables import known_only
from vlcore.charts.theme import Palette, theme
from vlcore.core.wording import STYLE_WORDS


def probe_curves(curves: pd.DataFrame, fits: pd.DataFrame, *, palette: Palette, width: int) -> alt.VConcatChart:
    """How early object and context can be read off, while runs train: a pane for each bias.

    Args:
        curves: `labels`, `bias`, `phi`, `removed`, `step`, `probe` (``object`` or ``context``), `value`, `low`,
            `high`, `n`.
        fits: when the training captions were first fitted: `labels`, `bias`, `step`, `n` of `of` blocks.
        palette: colours.
        width: of the whole figure in px.

    Raises:
        ValueError: as `heat_map`.
    """
    table = checked(curves, (*CELL, "step", "probe"))
    known_only(table["probe"], ("object", "context"), "probe")
    scale = Scale("read off by a linear probe", True, (0.45, 1.0))
    table["spoken"] = [
        f"{row.probe}, {row.style}, step {row.step}: {scale.interval(row)}" for row in table.itertuples()
    ]
    marks = fits.assign(style=fits["labels"].map(STYLE_WORDS), value=scale.domain[0]).astype({"step": float})
    marks["spoken"] = [
        f"{row.style}: training captions first fitted at step {row.step:.0f} (median of {row.n} of {row.of} blocks)"
        for row in marks.itertuples()
    ]
    colour, _ = style_scales(styles_of(table), palette)
    dash = alt.StrokeDash(
        "probe:N",
        scale=alt.Scale(domain=["object", "context"], range=[[1, 0], [5, 4]]),
        legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
    )
    last = int(table["step"].max())
    columns = 3 if width >= 640 else 2
    x = alt.X("step:Q", scale=alt.Scale(domain=[0, last], nice=False), axis=alt.Axis(tickCount=3))
    from_to = alt.Scale(domain=list(scale.domain), nice=False)
    y = alt.Y("value:Q", scale=from_to, axis=scale.axis)

    def pane(bias: float) -> alt.LayerChart:
        part, fitted = table[table["bias"] == bias], marks[marks["bias"] == bias]
        base = alt.Chart(part).encode(x=x, color=colour, description=alt.Description("spoken:N"))
        band = base.transform_filter(alt.datum.n >= FEWEST).mark_area(opacity=0.12, clip=True, aria=False)
        fit = alt.Chart(fitted).mark_point(
            shape="triangle-up", filled=True, size=90, opacity=1, yOffset=-5, aria=not fitted.empty
        )
        return alt.layer(
            band.encode(y=alt.Y("low:Q", scale=from_to, axis=scale.axis), y2="high:Q", detail="probe:N"),
            base.mark_line(strokeWidth=2).encode(
                y=y, strokeDash=dash, tooltip=[*cell_tooltip(scale), alt.Tooltip("step:Q"), alt.Tooltip("probe:N")]
            ),
            fit.encode(
                x=x, y=y, color=colour, description=alt.Description("spoken:N"), tooltip=alt.Tooltip("spoken:N")
            ),
        ).properties(
            width=max(110, width // columns - 58), height=140, title=alt.Title(part["removed"].iat[0], fontSize=13)
        )

    panes = [pane(bias) for bias in sorted(table["bias"].unique())]
    rows = [alt.hconcat(*panes[start : start + columns]) for start in range(0, len(panes), columns)]
    spoken = "Linear probes for object and context over training steps, a pane for each bias; " + "; ".join(
        f"{row.removed}: {row.spoken}" for row in marks.itertuples()
    )
    return alt.vconcat(*rows, autosize="pad", description=spoken).configure(**theme(palette, frame=False))


def moments(rows: pd.DataFrame, scale: Scale, *, palette: Palette, width: int) -> alt.LayerChart:
    """A measure of the untrained encoder, at first fit and at the end, side by side at each bias.

    Args:
        rows: one row a cell and moment: as in `heat_map`, and `moment` in words, in order of appearance.
        scale, palette: as in `by_bias`.
        width: of the whole figure in px.

    Raises:
        ValueError: as `heat_map`.
    """
    table = checked(rows, (*CELL, "moment"))
    levels, names = sorted(table["bias"].unique()), list(dict.fromkeys(table["moment"]))
    styles = styles_of(table)
    step = 0.76 / max(1, len(names) - 1)
    nudge = {style: 0.05 * (place - (len(styles) - 1) / 2) for place, style in enumerate(styles)}
    table["x"] = [
        levels.index(row.bias) - 0.38 + step * names.index(row.moment) + nudge[row.labels] for row in table.itertuples()
    ]
    table["spoken"] = [f"{row.style}, {row.removed}, {row.moment}: {scale.interval(row)}" for row in table.itertuples()]
    words = {str(number): f"{100 * bias:g} %" for number, bias in enumerate(levels)}
    axis = alt.Axis(
        values=list(range(len(levels))),
        labelExpr=f"{json.dumps(words)}[datum.label]",
        title=f"share removed; from left to right: {', '.join(names)}",
        grid=False,
        ticks=False,
    )
    colour, shape = style_scales(styles, palette)
    base = alt.Chart(table).encode(
        x=alt.X("x:Q", scale=alt.Scale(domain=[-0.6, len(levels) - 0.4], nice=False), axis=axis),
        color=colour,
        description=alt.Description("spoken:N"),
        tooltip=[*cell_tooltip(scale), alt.Tooltip("moment:N")],
    )
    y = alt.Y("value:Q", scale=alt.Scale(domain=list(scale.domain), nice=False), axis=scale.axis)
    return finished(
        alt.layer(
            base.mark_line(strokeWidth=1.5, opacity=0.6, aria=False).encode(y=y, detail=["bias:Q", "labels:N"]),
            base.transform_filter("isValid(datum.low)")
            .mark_rule(strokeWidth=2, clip=True, aria=False)
            .encode(y=alt.Y("low:Q"), y2="high:Q"),
            base.mark_point(filled=True, size=60, opacity=1).encode(y=y, shape=shape),
        ),
        f"{scale.words}: " + "; ".join(table["spoken"]),
        palette,
        width=max(200, width - 70),
        height=210,
    )
