"""The curve of a training as an Altair chart.

The one idea: a chart is a value made from a table by one expression, with the one theme already in it, so
pages, offline reports and tests draw exactly the same figure.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.maps.labels import spread
from vlcore.charts.tables import need
from vlcore.charts.theme import Palette, theme

_MOST_POINTS = 400  # of one curve: a screen shows no more, and a live chart is sent again and again


def learning_curve(rows: pd.DataFrame, *, palette: Palette, width: int, height: int) -> alt.LayerChart:
    """Lines over training steps, each with its name at its end.

    Args:
        rows: `step` (int), `series` (name), `value` (float). Long curves are thinned to 400 points each; the
            last point always stays. Values that aren't finite are left out.
        palette: Colours.
        width, height: Of the whole figure in px, roughly.

    Raises:
        ValueError: A column is missing or there are more series than colours (5).
    """
    need(rows, ("step", "series", "value"), "rows")
    names = list(dict.fromkeys(rows["series"].astype(str)))
    # In this order neighbours in a figure differ most; the accent stays last.
    colours = [palette.groups[1], palette.groups[2], palette.groups[0], palette.groups[3], palette.accent]
    if len(names) > len(colours):
        raise ValueError(f"at most {len(colours)} series fit one chart, not {len(names)}")
    table = (
        rows.loc[:, ["step", "series", "value"]]
        .replace([np.inf, -np.inf], np.nan)
        .dropna()
        .sort_values(["series", "step"], kind="stable")
    )
    thin = [_thinned(part) for _, part in table.groupby("series", sort=False)]
    table = (pd.concat(thin) if thin else table).reset_index(drop=True)
    table["spoken"] = [f"{row.series} at step {row.step}: {row.value:.3g}" for row in table.itertuples()]
    ends = table.groupby("series", sort=False).tail(1)
    longest = max((len(name) for name in names), default=0)
    last = int(table["step"].max()) if len(table) else 1
    plot = max(60, height - 50)
    top = float(table["value"].max()) if len(table) else 1.0
    low = min(0.0, float(table["value"].min())) if len(table) else 0.0
    high = 1.0 if 0.5 < top <= 1 else max(top, low + 1e-6)
    wanted = [plot * (high - value) / (high - low) for value in ends["value"]]
    ends = ends.assign(dy=[to - at for to, at in zip(spread(wanted, 15), wanted, strict=True)])
    steps = alt.X(
        "step:Q", title="step", scale=alt.Scale(domain=[0, max(1, last)], nice=False), axis=alt.Axis(tickCount=5)
    )
    value = alt.Y("value:Q", title=None, scale=alt.Scale(domain=[low, high], nice=False), axis=alt.Axis(tickCount=4))
    series = alt.Color("series:N", scale=alt.Scale(domain=names, range=colours[: len(names)]), legend=None)
    spoken = alt.Description("spoken:N")
    tooltip = [alt.Tooltip("series:N"), alt.Tooltip("step:Q"), alt.Tooltip("value:Q", format=".3f")]
    return (
        alt.layer(
            alt.Chart(table)
            .mark_line(strokeWidth=2)
            .encode(x=steps, y=value, color=series, description=spoken, tooltip=tooltip),
            alt.Chart(ends)
            .mark_point(filled=True, size=60, opacity=1)
            .encode(x=steps, y=value, color=series, description=spoken, tooltip=tooltip),
            alt.Chart(ends)
            .mark_text(align="left", dx=9, dy=alt.expr("datum.dy"), fontSize=12, fontWeight=600, aria=False)
            .encode(x=steps, y=value, color=series, text="series:N", description=spoken),
        )
        .properties(autosize="pad", width=max(120, width - 60 - 7 * longest), height=plot)
        .configure(**theme(palette, frame=False))
    )


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    every = -(-len(curve) // _MOST_POINTS)
    return curve.iloc[::-1].iloc[::every].iloc[::-1]
