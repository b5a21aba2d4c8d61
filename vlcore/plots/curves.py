"""Curves over training steps of one training."""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.plots.maps.labels import spread
from vlcore.plots.scales import checked_columns, finished, spoken_chart, straight, told_apart
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
