"""A ranking of models: a line each, large enough for a projector, with what they are held against
below it."""

import altair as alt
import pandas as pd

from vlcore.plots.scales import (
    PERCENT,
    SPOKEN,
    Chart,
    finished,
    rule_at,
    straight,
    tooltips,
    words_axis,
)
from vlcore.plots.tables import whole
from vlcore.plots.theme import Palette

_ROW = (15, 34)  # px of a line, least and most
_AROUND = 80  # px of the axis
_NARROW = 480  # px of a figure in which what is said stands nowhere, for dots need the room


def ranking_chart(
    rows: pd.DataFrame,
    *,
    palette: Palette,
    width: int,
    height: int,
    title: str,
    other: str,
    line: str,
) -> alt.LayerChart:
    """Dots with their intervals, in the order of the rows, on a scale from 0 to 100 %, and a hollow
    dot for another number of the same model. Rows have `name`, `value`, `low`, `high`, `other`
    (fractions), `said` (beside it), `beside` (bool: no team). A dashed line stands at the value of
    the row named `line`. `title` and `other` say what the numbers are; each part of the title
    before “; ” has a line. The figure is so many px wide and, where the lines can be so thin, high.
    ValueError as `whole`, or where a number is not from 0 to 1."""
    table = whole(rows, ("name", "value", "low", "high", "other", "said", "beside"), "rows")
    if not table[["value", "low", "high", "other"]].astype(float).stack().between(0, 1).all():
        raise ValueError("value, low, high and other are fractions from 0 to 1")
    narrow, row = width < _NARROW, max(_ROW[0], min(_ROW[1], (height - _AROUND) // len(table)))
    size = 11 if row < 18 else 12 if narrow else 15
    names = 0.5 * size * table["name"].str.len().max()
    after = 0 if narrow else 0.49 * size * table["said"].str.len().max() + 14
    plot = max(120, int(width - names - after - 30))
    table["spoken"] = table["name"] + ": " + table["said"]
    across = alt.Axis(labelExpr=PERCENT, title=title.split("; "), tickCount=5, labelOverlap=True)
    x = alt.X("low:Q", scale=straight([0, 1]), axis=across)
    axis = words_axis(palette, labelLimit=400, labelFontSize=size, labelPadding=8)
    y = alt.Y("name:N", sort=table["name"].tolist(), title=None, axis=axis)
    what = tooltips({"name:N": "who", "said:N": "right"}) + tooltips({"other:Q": other}, ".0%")
    colour = (
        alt.when("datum.beside").then(alt.value(palette.muted)).otherwise(alt.value(palette.accent))
    )
    base = Chart(table).encode(y=y, description=SPOKEN, tooltip=what, color=colour)
    layers = [
        base.mark_rule(strokeWidth=3, opacity=0.7).encode(x=x, x2="high:Q"),
        base.mark_point(filled=False, size=5 * row, strokeWidth=1.5).encode(x="other:Q"),
        base.mark_point(filled=True, size=6 * row, opacity=1).encode(x="value:Q"),
    ]
    for at in table[table["name"] == line]["value"]:
        layers.insert(0, rule_at("low", float(at), line, palette, strokeDash=[4, 4]).encode(x=x))
    if not narrow:
        looks = {"align": "left", "fontSize": size, "color": palette.text, "aria": False}
        layers.append(
            Chart(table).mark_text(**looks).encode(y=y, x=alt.value(plot + 14), text="said:N")
        )
    return finished(alt.layer(*layers), palette, width=plot, height=row * len(table))
