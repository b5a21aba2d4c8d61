"""Curves over training steps: of one training, and the linear probes of a study."""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.wording import STYLE_WORDS
from vlcore.plots.maps.labels import spread
from vlcore.plots.measure_by_bias import CELL, DASH_LEGEND, FEWEST, Scale, in_rows, style_scales
from vlcore.plots.scales import (
    SPOKEN,
    checked_columns,
    finished,
    spoken_chart,
    straight,
    told_apart,
)
from vlcore.plots.theme import Palette

_MOST_POINTS = 400  # of one curve: a screen shows no more, and a live chart is sent again and again
STEP_TOOLTIP = ["series:N", "step:Q", alt.Tooltip("value:Q", format=".3f")]


def learning_curve(
    rows: pd.DataFrame, *, palette: Palette, width: int, height: int
) -> alt.LayerChart:
    """Lines over training steps, each with its name at its end.

    Args:
        rows: `step` (int), `series` (name; five at most), `value` (float), of which finite ones
            are drawn. Long curves are thinned to 400 points each; the last one stays.
        width, height: of the figure, roughly, in px.

    """
    table = checked_columns(rows, ["step", "series", "value"])
    names = table["series"].astype(str).unique().tolist()
    # In this order neighbours in a figure differ most; the accent stays last.
    majority, minority, second_majority, second_minority = palette.groups
    colours = (minority, second_majority, majority, second_minority, palette.accent)
    table = _thinned(table)
    table["spoken"] = [
        f"{row.series} at step {row.step}: {row.value:.3g}" for row in table.itertuples()
    ]
    top = max(table["value"], default=1.0)
    low = min([0.0, *table["value"]])
    high = 1.0 if 0.5 < top <= 1 else max(top, low + 1e-6)
    plot = max(60, height - 50)
    ends = table.groupby("series", sort=False).tail(1)
    heights = [plot * (high - value) / (high - low) for value in ends["value"]]
    ends = ends.assign(dy=np.subtract(spread(heights), heights))
    last = max([1, *table["step"]])
    channels = {
        "x": alt.X("step:Q", title="step", scale=straight([0, last]), axis=alt.Axis(tickCount=5)),
        "y": alt.Y("value:Q", title=None, scale=straight([low, high]), axis=alt.Axis(tickCount=4)),
        "color": told_apart(alt.Color, "series:N", dict(zip(names, colours, strict=False))),
    }
    lines, points = spoken_chart(table, **channels), spoken_chart(ends, **channels)
    words = points.mark_text(
        align="left", dx=9, dy=alt.expr("datum.dy"), fontSize=12, fontWeight=600, aria=False
    )
    layers = alt.layer(
        lines.mark_line(strokeWidth=2).encode(tooltip=STEP_TOOLTIP),
        points.mark_point(filled=True, size=60, opacity=1).encode(tooltip=STEP_TOOLTIP),
        words.encode(text="series:N"),
    )
    names_width = 60 + 7 * max((len(name) for name in names), default=0)
    return finished(layers, palette, width=max(120, width - names_width), height=plot)


def _thinned(table: pd.DataFrame) -> pd.DataFrame:
    """The finite points of curves, 400 of each at most, the last one among them."""
    finite = table.replace([np.inf, -np.inf], np.nan).dropna()
    table = finite.sort_values(["series", "step"], kind="stable")
    curves = table.groupby("series", sort=False)
    every = np.ceil(curves["step"].transform("size") / _MOST_POINTS)
    return table[curves.cumcount(ascending=False) % every == 0].reset_index(drop=True)


def probe_chart(
    curves: pd.DataFrame, fits: pd.DataFrame, *, palette: Palette, width: int
) -> alt.VConcatChart:
    """How early object and context can be read off while runs train, a pane for each bias.

    Args:
        curves: rows of `CELL`, `step` and `probe` (``object`` or ``context``).
        fits: when training captions were first fitted: `labels`, `bias`, `removed`, `step`, `n` of
            `of` blocks.
        width: of the whole figure, in px.
    """
    scale = Scale("accuracy of a linear probe", True, (0.45, 1.0))
    dashes = {"object": [1, 0], "context": [5, 4]}
    columns = (*CELL, "step", "probe")
    table = scale.checked(curves, columns, "{probe}, {style}, step {step}")
    marks = fits.assign(style=fits["labels"].map(STYLE_WORDS), value=scale.domain[0])
    marks["step"] = marks["step"].astype(float)
    marks["spoken"] = [
        f"{row.style}: training captions first fitted at step {row.step:.0f} (median of {row.n} of"
        f" {row.of} seed pairs)"
        for row in marks.itertuples()
    ]
    _, colour, _ = style_scales(table, palette)
    dash = told_apart(alt.StrokeDash, "probe:N", dashes, alt.Legend(**DASH_LEGEND))
    columns_of_panes = 3 if width >= 640 else 2
    pane_width = max(110, width // columns_of_panes - 58)
    last = int(table["step"].max())
    x = alt.X("step:Q", scale=straight([0, last]), axis=alt.Axis(tickCount=3))
    tooltip = [*scale.tooltip(), "step:Q", "probe:N"]
    panes = []
    for bias, rows in table.groupby("bias"):
        fitted = marks[marks["bias"] == bias]
        base = spoken_chart(rows, x=x, color=colour)
        bands = base.transform_filter(alt.datum.n >= FEWEST)
        band = bands.mark_area(opacity=0.12, clip=True, aria=False)
        line = base.mark_line(strokeWidth=2)
        fit = spoken_chart(fitted, x=x, y=scale.y(), color=colour, tooltip=SPOKEN)
        layers = alt.layer(
            band.encode(y=scale.y("low"), y2="high:Q", detail="probe:N"),
            line.encode(y=scale.y(), strokeDash=dash, tooltip=tooltip),
            fit.mark_point(
                shape="triangle-up",
                filled=True,
                size=90,
                opacity=1,
                yOffset=-5,
                aria=not fitted.empty,
            ),
        )
        title = alt.Title(rows["removed"].iat[0], fontSize=13)
        panes.append(layers.properties(width=pane_width, height=140, title=title))
    fit_words = "; ".join(f"{row.removed}: {row.spoken}" for row in marks.itertuples())
    spoken = "Linear probes for object and context over training steps, a pane for each bias"
    return in_rows(panes, columns_of_panes, palette, f"{spoken}; {fit_words}")
