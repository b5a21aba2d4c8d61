"""Differences between label styles: block by block, and as means with their intervals.

A difference is taken within a block, whose two runs share their seeds, so a line joins what belongs together and the
interval is that of the lines' slopes, not of the two clouds.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.scales import (
    RUN,
    SPOKEN,
    Scale,
    bias_levels,
    checked,
    finished,
    reference_line,
    run_tooltip,
    straight,
    style_scales,
    words_axis,
)
from vlcore.charts.tables import whole
from vlcore.charts.theme import Palette
from vlcore.core.wording import difference

_ROW = 30  # px of one line of a forest


def paired_slopes(points: pd.DataFrame, scale: Scale, *, palette: Palette, width: int) -> alt.LayerChart:
    """One line a block from short to descriptive labels, at each bias; a block without its pair is left out.

    Args:
        points: one row a run, as in `by_bias`.
        scale, palette: as there.
        width: of the whole figure in px.

    Raises:
        ValueError: as `heat_map`, or where no block has both label styles.
    """
    table = checked(points, RUN)
    ends = table.pivot_table(index=["bias", "block"], columns="labels", values="value")
    ends = ends.reindex(columns=["undescriptive", "descriptive"]).dropna()
    if ends.empty:
        raise ValueError("points: no block has both label styles")
    change = (ends["descriptive"] - ends["undescriptive"]).rename("change").reset_index()
    table = table[table["labels"].isin(ends.columns)].merge(change, on=["bias", "block"])
    levels = sorted(table["bias"].unique())
    aside = table["labels"].map({"undescriptive": -0.3, "descriptive": 0.3})
    table["x"] = table["bias"].map(levels.index) + aside
    table["direction"] = np.where(table["change"] > 0, "higher with descriptive", "lower or equal")
    table["spoken"] = [
        f"{row.block}, {row.removed}, {row.style}: {scale.said(row.value)}" for row in table.itertuples()
    ]
    _, colour, shape = style_scales(table, palette)
    x = bias_levels(levels, "share of each minority group removed")
    base = alt.Chart(table).encode(x=x, y=scale.y(), description=SPOKEN)
    lines = base.mark_line(strokeWidth=1.2, color=palette.muted, opacity=0.8, aria=False)
    tooltip = [*run_tooltip(scale), alt.Tooltip("direction:N", title="the block")]
    dots = base.mark_point(filled=True, size=45, opacity=1).encode(color=colour, shape=shape, tooltip=tooltip)
    return finished(
        alt.layer(lines.encode(detail=["bias:Q", "block:N"]), dots),
        palette,
        description=f"{scale.words}: one line a block from short to descriptive labels at each bias",
        width=max(200, width - 70),
        height=210,
    )


def forest(rows: pd.DataFrame, *, palette: Palette, width: int, title: str, unit: float = 1.0) -> alt.LayerChart:
    """Differences with their intervals, one line each, against 0.

    Args:
        rows: `words`, `value`, `low`, `high`, `n` (blocks), `status` (in words).
        palette: colours.
        width: of the whole figure in px, words included.
        title: of the axis: what the difference is.
        unit: what values are multiplied by, 100 for points.

    Raises:
        ValueError: when a column is missing or there is no row.
    """
    table = whole(rows, ["words", "value", "low", "high", "n", "status"], "rows")
    table[["value", "low", "high"]] = table[["value", "low", "high"]].astype(float) * unit
    digits = 0 if unit == 100 else 2
    table["said"] = [f"{difference(row._asdict(), digits)}, n = {row.n} · {row.status}" for row in table.itertuples()]
    table["spoken"] = table["words"] + ": " + table["said"]
    beside, after = 6.4 * min(40, table["words"].str.len().max()), 6.0 * table["said"].str.len().max()
    plot = max(120, int(width - beside - after - 40))
    low, high = min(float(table["low"].min()), 0), max(float(table["high"].max()), 0)
    room = 0.04 * (high - low)
    x = alt.X("low:Q", scale=straight([low - room, high + room] if room else [-1, 1]), axis=alt.Axis(title=title))
    y = alt.Y("words:N", sort=list(table["words"]), axis=words_axis(palette, labelLimit=280, labelPadding=10))
    said = alt.Tooltip("said:N", title="difference, interval, blocks")
    base = alt.Chart(table).encode(y=y, description=SPOKEN, tooltip=[alt.Tooltip("words:N", title="what"), said])
    text = base.mark_text(align="left", fontSize=12, color=palette.text, aria=False)
    return finished(
        alt.layer(
            reference_line("low", 0.0, "no difference", palette, strokeDash=[4, 4]).encode(x=x),
            base.mark_rule(strokeWidth=2.5, color=palette.accent, opacity=0.6).encode(x=x, x2="high:Q"),
            base.mark_point(filled=True, size=80, opacity=1, color=palette.accent).encode(x="value:Q"),
            text.encode(x=alt.value(plot + 10), text="said:N"),
        ),
        palette,
        description=f"{title}: " + "; ".join(table["spoken"]),
        width=plot,
        height=_ROW * table["words"].nunique(),
    )
