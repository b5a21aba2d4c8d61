"""The curve of a training: lines over steps, each with its name at its end."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.maps.labels import spread
from vlcore.charts.scales import SPOKEN, finished, named_colours, straight
from vlcore.charts.tables import need
from vlcore.charts.theme import Palette

_MOST_POINTS = 400  # of one curve: a screen shows no more, and a live chart is sent again and again
STEP_TOOLTIP = ("series:N", "step:Q", alt.Tooltip("value:Q", format=".3f"))


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
    columns = ["step", "series", "value"]
    need(rows, columns, "rows")
    names = list(dict.fromkeys(rows["series"].astype(str)))
    # In this order neighbours in a figure differ most; the accent stays last.
    colours = [palette.groups[1], palette.groups[2], palette.groups[0], palette.groups[3], palette.accent]
    if len(names) > len(colours):
        raise ValueError(f"at most {len(colours)} series fit one chart, not {len(names)}")
    table = rows[columns].replace([np.inf, -np.inf], np.nan).dropna().sort_values(["series", "step"], kind="stable")
    curves = table.groupby("series", sort=False)
    every = np.ceil(curves["step"].transform("size") / _MOST_POINTS)
    table = table[curves.cumcount(ascending=False) % every == 0].reset_index(drop=True)
    table["spoken"] = [f"{row.series} at step {row.step}: {row.value:.3g}" for row in table.itertuples()]
    ends = table.groupby("series", sort=False).tail(1)
    last, top, least = (1, 1.0, 0.0) if table.empty else (
        int(table["step"].max()), float(table["value"].max()), float(table["value"].min())
    )  # fmt: skip
    plot, low = max(60, height - 50), min(0.0, least)
    high = 1.0 if 0.5 < top <= 1 else max(top, low + 1e-6)
    wanted = [plot * (high - value) / (high - low) for value in ends["value"]]
    ends = ends.assign(dy=[to - at for to, at in zip(spread(wanted, 15), wanted, strict=True)])
    position = {
        "x": alt.X("step:Q", title="step", scale=straight([0, max(1, last)]), axis=alt.Axis(tickCount=5)),
        "y": alt.Y("value:Q", title=None, scale=straight([low, high]), axis=alt.Axis(tickCount=4)),
        "color": named_colours("series:N", dict(zip(names, colours, strict=False))),
        "description": SPOKEN,
    }
    lines, last_points = (alt.Chart(part).encode(**position) for part in (table, ends))
    words = last_points.mark_text(
        align="left", dx=9, dy=alt.expr("datum.dy"), fontSize=12, fontWeight=600, aria=False
    )  # fmt: skip
    return finished(
        alt.layer(
            lines.mark_line(strokeWidth=2).encode(tooltip=list(STEP_TOOLTIP)),
            last_points.mark_point(filled=True, size=60, opacity=1).encode(tooltip=list(STEP_TOOLTIP)),
            words.encode(text="series:N"),
        ),
        palette,
        width=max(120, width - 60 - 7 * max((len(name) for name in names), default=0)),
        height=plot,
    )
