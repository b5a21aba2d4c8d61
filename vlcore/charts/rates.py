"""Rates with their intervals, a row for each view and a colour for each label, and chance as a dashed line."""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.tables import need
from vlcore.charts.theme import Palette, theme
from vlcore.core.wording import rate

_ROW = 34  # px
_NEEDED = ("view", "label", "value", "low", "high", "n")


def rate_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Dots with 95 % intervals on a scale from 0 to 100 %.

    Args:
        rows: `view` and `label` (what was to be told from what), `value`, `low`, `high` (fractions), `n`.
        palette: colours.
        width: of the plot in px.

    Raises:
        ValueError: when a column is missing, there is no row, or a rate or its interval is not a number from 0 to 1.
    """
    need(rows, _NEEDED, "rows")
    if rows.empty:
        raise ValueError("rows: there is nothing to show")
    if not rows[["value", "low", "high"]].astype(float).stack().between(0, 1).all():
        raise ValueError("value, low and high are fractions from 0 to 1")
    labels = list(dict.fromkeys(rows["label"]))
    spoken = [f"{row.label} from {row.view}: right {rate(row._asdict())} of {row.n:,}" for row in rows.itertuples()]
    base = alt.Chart(rows.loc[:, list(_NEEDED)].assign(spoken=spoken)).encode(
        y=alt.Y("view:N", sort=None, title=None, axis=alt.Axis(labelLimit=260, ticks=False, labelColor=palette.text)),
        yOffset=alt.YOffset("label:N", sort=labels, scale=alt.Scale(paddingOuter=0.4)),
        color=alt.Color(
            "label:N",
            scale=alt.Scale(domain=labels, range=[palette.accent, palette.groups[0], palette.groups[1]][: len(labels)]),
            legend=alt.Legend(title=None, orient="top"),
        ),
        description=alt.Description("spoken:N"),
    )
    axis = alt.Axis(labelExpr="round(100 * datum.value) + ' %'", title="named right by a linear probe; dashed: chance")
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    bars = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q")
    dots = base.mark_circle(size=90, opacity=1).encode(
        x="value:Q",
        tooltip=[
            alt.Tooltip("view:N", title="seen"),
            alt.Tooltip("label:N", title="to be told"),
            alt.Tooltip("value:Q", title="right", format=".0%"),
            alt.Tooltip("low:Q", title="from", format=".0%"),
            alt.Tooltip("high:Q", title="to", format=".0%"),
            alt.Tooltip("n:Q", title="pictures"),
        ],
    )
    chance = (
        alt.Chart(pd.DataFrame({"x": [0.5], "spoken": ["chance: 50 %"]}))
        .mark_rule(strokeDash=[4, 4], color=palette.muted)
        .encode(x="x:Q", description=alt.Description("spoken:N"))
    )
    height = _ROW * rows["view"].nunique()
    # Streamlit fits a single plot into its own idea of a height unless it is told to pad.
    chart = alt.layer(chance, bars, dots, autosize="pad").properties(width=width, height=height)
    return chart.configure(**theme(palette, frame=False))
