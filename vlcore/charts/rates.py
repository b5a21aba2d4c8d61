"""Rates with their intervals, a row for each view and a colour for each label, and chance as a dashed line."""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.scales import PERCENT, SPOKEN, finished, named_colours, reference_line
from vlcore.charts.tables import whole
from vlcore.charts.theme import Palette
from vlcore.core.wording import rate

_ROW = 34  # px


def rate_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Dots with 95 % intervals on a scale from 0 to 100 %.

    Args:
        rows: `view` and `label` (what was to be told from what), `value`, `low`, `high` (fractions), `n`.
        palette: colours.
        width: of the plot in px.

    Raises:
        ValueError: when a column is missing, there is no row, or a rate or its interval is not a number from 0 to 1.
    """
    table = whole(rows, ("view", "label", "value", "low", "high", "n"), "rows")
    if not table[["value", "low", "high"]].astype(float).stack().between(0, 1).all():
        raise ValueError("value, low and high are fractions from 0 to 1")
    table["spoken"] = [
        f"{row.label} from {row.view}: right {rate(row._asdict())} of {row.n:,}" for row in table.itertuples()
    ]
    labels = list(dict.fromkeys(table["label"]))
    colours = dict(zip(labels, (palette.accent, palette.groups[0], palette.groups[1]), strict=False))
    names = alt.Axis(labelLimit=260, ticks=False, labelColor=palette.text)
    base = alt.Chart(table).encode(
        y=alt.Y("view:N", sort=None, title=None, axis=names),
        yOffset=alt.YOffset("label:N", sort=labels, scale=alt.Scale(paddingOuter=0.4)),
        color=named_colours("label:N", colours, alt.Legend(title=None, orient="top")),
        description=SPOKEN,
    )
    axis = alt.Axis(labelExpr=PERCENT, title="named right by a linear probe; dashed: chance")
    said = {"view:N": "seen", "label:N": "to be told", "value:Q": "right", "low:Q": "from", "high:Q": "to"}
    tooltip = [
        alt.Tooltip(field, title=title, **({"format": ".0%"} if field.endswith("Q") else {}))
        for field, title in said.items()
    ]
    low, dots = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis), base.mark_circle(size=90, opacity=1)
    return finished(
        alt.layer(
            reference_line("x", 0.5, "chance: 50 %", palette, strokeDash=[4, 4]).encode(x="x:Q"),
            base.mark_rule(strokeWidth=2).encode(x=low, x2="high:Q"),
            dots.encode(x="value:Q", tooltip=[*tooltip, alt.Tooltip("n:Q", title="pictures")]),
        ),
        palette,
        width=width,
        height=_ROW * table["view"].nunique(),
    )
