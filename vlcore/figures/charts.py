"""Tables to Altair charts: the maps, the board of groups, the curve of a training.

The one idea: a chart is a value made from a table by one expression, with the one theme already in it, so
pages, offline reports and tests draw exactly the same figure.
"""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from vlcore.figures.maps import MapInfo, linked_maps, small_map
from vlcore.figures.placing import spread
from vlcore.figures.tables import known_only, need
from vlcore.figures.theme import DARK, LIGHT, Palette, group_words, theme
from vlcore.images.groups import Grouping

__all__ = [
    "DARK",
    "LIGHT",
    "MapInfo",
    "Palette",
    "group_board",
    "group_words",
    "learning_curve",
    "linked_maps",
    "small_map",
    "theme",
]

_BOARD = ("model", "group", "accuracy", "low", "high", "n")
_STEP = 30  # px from one dot of a group to the next
_MOST_POINTS = 400  # of one curve: a screen shows no more, and a live chart is sent again and again


def group_board(rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, width: int) -> alt.LayerChart:
    """How often each model is right in each group: a dot, its interval, and chance as a dashed line.

    Args:
        rows: One row a model and group: `model`, `group`, `accuracy`, `low`, `high` (fractions, 0 to 1), `n`
            (pictures); `low` and `high` are the 95 % interval. Models keep their order of appearance. A NaN
            accuracy leaves its line out.
        palette: Colours.
        grouping: Which groups there are; they come top to bottom in the order of `grouping.names`.
        width: Width of the whole figure in px, words included.

    Raises:
        ValueError: No rows, a column is missing, a group is unknown, a number lies outside 0 to 1, or an
            accuracy comes without its interval.
    """
    need(rows, _BOARD, "rows")
    if rows.empty:
        raise ValueError("rows: there is nothing to show")
    known_only(rows["group"], grouping.names, "group")
    numbers = rows[["accuracy", "low", "high"]].astype(float)
    if ((numbers < 0) | (numbers > 1)).any(axis=None):
        raise ValueError("accuracy, low and high are fractions from 0 to 1")
    table = rows.loc[:, list(_BOARD)].assign(**numbers).dropna(subset=["accuracy"]).reset_index(drop=True)
    if table[["low", "high"]].isna().any(axis=None):
        raise ValueError("every accuracy needs its interval: low and high")
    models = list(dict.fromkeys(rows["model"].astype(str)))
    words = group_words(grouping)
    table["where"] = table["group"].map(words)
    table["between"] = [f"{100 * row.low:.0f} to {100 * row.high:.0f}" for row in table.itertuples()]
    table["said"] = [
        f"{100 * row.accuracy:.0f} % ({row.between})" + (f" · {row.model}" if len(models) > 1 else "")
        for row in table.itertuples()
    ]
    table["spoken"] = [
        f"{row.where}, {row.model}: right {100 * row.accuracy:.0f} % ({row.between}) of {row.n:,}"
        for row in table.itertuples()
    ]
    longest = max((len(text) for text in table["said"]), default=0)
    beside = max(len(text) for text in words.values())
    plot = max(140, width - 24 - int(6.2 * (longest + beside)))
    colour = palette.colours(grouping)
    base = alt.Chart(table).encode(
        y=alt.Y(
            "where:N",
            sort=[words[name] for name in grouping.names],
            title=None,
            axis=alt.Axis(domain=False, ticks=False, labelColor=palette.text, labelLimit=300, labelPadding=12),
            scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1),
        ),
        yOffset=alt.YOffset("model:N", sort=models, scale=alt.Scale(domain=models, paddingInner=0, paddingOuter=0)),
        color=alt.Color("group:N", scale=alt.Scale(domain=list(colour), range=list(colour.values())), legend=None),
        description=alt.Description("spoken:N"),
        tooltip=[
            alt.Tooltip("where:N", title="group"),
            alt.Tooltip("model:N"),
            alt.Tooltip("accuracy:Q", title="right", format=".1%"),
            alt.Tooltip("between:N", title="95 % interval"),
            alt.Tooltip("n:Q", title="pictures"),
        ],
    )
    share = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(
        values=[0, 0.25, 0.5, 0.75, 1],
        labelExpr="round(100 * datum.value) + ' %'",
        labelFlush=False,
        title="right, held-out pictures",
        ticks=False,
        domain=False,
    )
    chance = alt.Chart(pd.DataFrame({"chance": [0.5], "spoken": ["chance: 50 %"]})).encode(
        x=alt.X("chance:Q", scale=share, axis=axis), description=alt.Description("spoken:N")
    )
    return (
        alt.layer(
            chance.mark_rule(strokeDash=[4, 4], color=palette.muted, strokeWidth=1.2),
            chance.mark_text(color=palette.muted, fontSize=11, aria=False).encode(
                y=alt.value(-9), text=alt.value("chance")
            ),
            base.mark_rule(strokeWidth=3, opacity=0.55, strokeCap="round").encode(
                x=alt.X("low:Q", scale=share, axis=axis), x2="high:Q"
            ),
            base.mark_point(filled=True, size=95, opacity=1).encode(x=alt.X("accuracy:Q", scale=share, axis=axis)),
            base.mark_text(align="left", baseline="middle", fontSize=12, aria=False).encode(
                x=alt.value(plot + 12), text="said:N", color=alt.value(palette.text)
            ),
        )
        .properties(autosize="pad", width=plot, height=len(grouping.names) * (_STEP * len(models) + 14))
        .configure(**theme(palette, frame=False))
    )


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
