"""Estimates with their intervals, a line each: rates, with chance as a dashed line, and
differences, with 0 as one."""

import altair as alt
import pandas as pd

from vlcore.experiment.wording import difference, rate
from vlcore.plots.scales import (
    PERCENT,
    SPOKEN,
    Chart,
    finished,
    rule_at,
    straight,
    told_apart,
    tooltips,
    words_axis,
)
from vlcore.plots.tables import whole
from vlcore.plots.theme import PHONE_SIDE, Palette


def rate_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Dots with 95 % intervals on a scale from 0 to 100 %, a line for each view and a colour for
    each label. Rows have `view` and `label` (what was to be told from what), `value`, `low`, `high`
    (fractions), `n`; the width is that of the plot in px. ValueError as `whole`, or where a rate or
    its interval is not a number from 0 to 1.
    """
    table = whole(rows, ("view", "label", "value", "low", "high", "n"), "rows")
    if not table[["value", "low", "high"]].astype(float).stack().between(0, 1).all():
        raise ValueError("value, low and high are fractions from 0 to 1")
    rights = [f"right {rate(row._asdict())} of {row.n:,}" for row in table.itertuples()]
    table["spoken"] = table["label"] + " from " + table["view"] + ": " + rights
    labels = table["label"].unique().tolist()
    colours = dict(
        zip(labels, (palette.accent, palette.groups[0], palette.groups[1]), strict=False)
    )
    names = alt.Axis(labelLimit=260, ticks=False, labelColor=palette.text)
    colour = told_apart(alt.Color, "label:N", colours, alt.Legend(title=None, orient="top"))
    apart = alt.YOffset("label:N", sort=labels, scale=alt.Scale(paddingOuter=0.4))
    y = alt.Y("view:N", sort=None, title=None, axis=names)
    base = Chart(table).encode(y=y, yOffset=apart, color=colour, description=SPOKEN)
    axis = alt.Axis(labelExpr=PERCENT, title="named right by a linear probe; dashed: chance")
    tooltip = tooltips({"view:N": "seen", "label:N": "to be told"})
    tooltip += tooltips({"value:Q": "right", "low:Q": "from", "high:Q": "to"}, ".0%") + tooltips(
        {"n:Q": "pictures"}
    )
    layers = alt.layer(
        rule_at("x", 0.5, "chance: 50 %", palette, strokeDash=[4, 4]).encode(x="x:Q"),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis), x2="high:Q"
        ),
        base.mark_circle(size=90, opacity=1).encode(x="value:Q", tooltip=tooltip),
    )
    return finished(layers, palette, width=width, height=34 * table["view"].nunique())


def forest(
    rows: pd.DataFrame, *, palette: Palette, width: int, title: str, unit: float = 1.0
) -> alt.LayerChart:
    """Differences with their intervals, one line each, against 0; ValueError as `whole`. Rows have
    `words`, `value`, `low`, `high`, `n` (blocks), `status` (in words). The width, in px, is the
    whole figure's; the title is of the axis and says what the difference is; values are multiplied
    by `unit`, 100 for points. Where words do not fit beside the plot on a phone, they stand above
    and below their line."""
    table = whole(rows, ["words", "value", "low", "high", "n", "status"], "rows")
    table[["value", "low", "high"]] = table[["value", "low", "high"]].astype(float) * unit
    digits = 0 if unit == 100 else 2
    table["said"] = [
        f"{difference(row._asdict(), digits)}, n = {row.n} · {row.status}"
        for row in table.itertuples()
    ]
    table["spoken"] = table["words"] + ": " + table["said"]
    beside, after = (
        6.4 * min(40, table["words"].str.len().max()),
        6.0 * table["said"].str.len().max(),
    )
    plot = max(120, int(width - beside - after - 40))
    if narrow := width <= PHONE_SIDE < beside + after + plot:
        plot = width - 40
        table["said"] = table["said"].str.replace(" · ", "\n")
    low, high = min(float(table["low"].min()), 0), max(float(table["high"].max()), 0)
    room = 0.04 * (high - low)
    x = alt.X(
        "low:Q",
        scale=straight([low - room, high + room] if room else [-1, 1]),
        axis=alt.Axis(title=title),
    )
    axis = None if narrow else words_axis(palette, labelLimit=280, labelPadding=10)
    y = alt.Y("words:N", sort=list(table["words"]), title=None, axis=axis)
    tooltip = tooltips({"words:N": "what", "said:N": "difference, interval, blocks"})
    base = Chart(table).encode(y=y, description=SPOKEN, tooltip=tooltip)
    looks = {
        "align": "left",
        "fontSize": 11 if narrow else 12,
        "color": palette.text,
        "aria": False,
    }
    beside_it = [base.mark_text(**looks).encode(x=alt.value(plot + 10), text="said:N")]
    above_and_below = [
        base.mark_text(**looks, **edge, **where, limit=plot).encode(x=alt.value(0), text=text)
        for edge in (
            {"stroke": palette.ground, "strokeWidth": 4},
            {},
        )  # the line at 0 runs behind words, not through
        for text, where in (
            ("words:N", {"dy": -14, "fontWeight": "bold"}),
            ("said:N", {"dy": 16, "lineBreak": "\n"}),
        )
    ]
    layers = alt.layer(
        rule_at("low", 0.0, "no difference", palette, strokeDash=[4, 4]).encode(x=x),
        base.mark_rule(strokeWidth=2.5, color=palette.accent, opacity=0.6).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=80, opacity=1, color=palette.accent).encode(x="value:Q"),
        *(above_and_below if narrow else beside_it),
    )
    description = f"{title}: " + "; ".join(table["spoken"])
    height = (74 if narrow else 30) * table["words"].nunique()
    return finished(layers, palette, description=description, width=plot, height=height)
