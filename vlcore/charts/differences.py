"""Differences between label styles: block by block, and as means with their intervals.

The one idea: a difference is taken within a block, whose two runs share their seeds, so a line joins what belongs
together and the interval is that of the lines' slopes, not of the two clouds.
"""

from __future__ import annotations

import json

import altair as alt
import numpy as np
import pandas as pd

from vlcore.charts.scales import Scale, block_tooltip, checked, finished, style_scales
from vlcore.charts.tables import need
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
    arms = ("undescriptive", "descriptive")
    table = checked(points, ("labels", "bias", "phi", "removed", "block", "value"))
    table = table[table["labels"].isin(arms)]
    paired = table.groupby(["bias", "block"])["labels"].transform("nunique") == 2
    table = table[paired].reset_index(drop=True)
    if table.empty:
        raise ValueError("points: no block has both label styles")
    levels = sorted(table["bias"].unique())
    place = {bias: number for number, bias in enumerate(levels)}
    table["x"] = [place[row.bias] + (-0.3 if row.labels == arms[0] else 0.3) for row in table.itertuples()]
    ends = table.pivot_table(index=["bias", "block"], columns="labels", values="value")
    change = (ends[arms[1]] - ends[arms[0]]).rename("change").reset_index()
    table = table.merge(change, on=["bias", "block"])
    table["direction"] = np.where(table["change"] > 0, "higher with descriptive", "lower or equal")
    table["spoken"] = [
        f"{row.block}, {row.removed}, {row.style}: {scale.said(row.value)}" for row in table.itertuples()
    ]
    words = {str(number): f"{100 * bias:g} %" for bias, number in place.items()}
    axis = alt.Axis(
        values=list(place.values()),
        labelExpr=f"{json.dumps(words)}[datum.label]",
        title="share of each minority group removed",
        grid=False,
        ticks=False,
    )
    colour, shape = style_scales(list(arms), palette)
    x = alt.X("x:Q", scale=alt.Scale(domain=[-0.6, len(levels) - 0.4], nice=False), axis=axis)
    y = alt.Y("value:Q", scale=alt.Scale(domain=list(scale.domain), nice=False), axis=scale.axis)
    base = alt.Chart(table).encode(x=x, y=y, description=alt.Description("spoken:N"))
    return finished(
        alt.layer(
            base.mark_line(strokeWidth=1.2, color=palette.muted, opacity=0.8, aria=False).encode(
                detail=["bias:Q", "block:N"]
            ),
            base.mark_point(filled=True, size=45, opacity=1).encode(
                color=colour,
                shape=shape,
                tooltip=[*block_tooltip(scale), alt.Tooltip("direction:N", title="the block")],
            ),
        ),
        f"{scale.words}: one line a block from short to descriptive labels at each bias",
        palette,
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
    need(rows, ("words", "value", "low", "high", "n", "status"), "rows")
    if rows.empty:
        raise ValueError("rows: there is nothing to show")
    table = rows.loc[:, ["words", "value", "low", "high", "n", "status"]].reset_index(drop=True)
    table[["value", "low", "high"]] = table[["value", "low", "high"]].astype(float) * unit
    digits = 0 if unit == 100 else 2
    table["said"] = [f"{difference(row._asdict(), digits)}, n = {row.n} · {row.status}" for row in table.itertuples()]
    table["spoken"] = table["words"] + ": " + table["said"]
    beside = 6.4 * min(40, max(len(text) for text in table["words"]))
    after = 6.0 * max(len(text) for text in table["said"])
    plot = max(120, int(width - beside - after - 40))
    span = max(float(table["high"].max()), 0) - min(float(table["low"].min()), 0)
    domain = [min(float(table["low"].min()), 0) - 0.04 * span, max(float(table["high"].max()), 0) + 0.04 * span]
    base = alt.Chart(table).encode(
        y=alt.Y(
            "words:N",
            sort=list(table["words"]),
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelColor=palette.text, labelLimit=280, labelPadding=10),
        ),
        description=alt.Description("spoken:N"),
        tooltip=[
            alt.Tooltip("words:N", title="what"),
            alt.Tooltip("said:N", title="difference, interval, blocks"),
        ],
    )
    x = alt.X("low:Q", scale=alt.Scale(domain=domain if span else [-1, 1], nice=False), axis=alt.Axis(title=title))
    zero = alt.Chart(pd.DataFrame({"low": [0.0], "spoken": ["no difference"]}))
    return finished(
        alt.layer(
            zero.mark_rule(strokeDash=[4, 4], color=palette.muted).encode(x=x, description=alt.Description("spoken:N")),
            base.mark_rule(strokeWidth=2.5, color=palette.accent, opacity=0.6).encode(x=x, x2="high:Q"),
            base.mark_point(filled=True, size=80, opacity=1, color=palette.accent).encode(x="value:Q"),
            base.mark_text(align="left", fontSize=12, color=palette.text, aria=False).encode(
                x=alt.value(plot + 10), text="said:N"
            ),
        ),
        f"{title}: " + "; ".join(table["spoken"]),
        palette,
        width=plot,
        height=_ROW * table["words"].nunique(),
    )
