"""A ranking of models: a line each, large enough for a projector, with baselines below it."""

import altair as alt
import pandas as pd

from vlcore.plots.scales import (
    PERCENT,
    finished,
    rule_at,
    spoken_chart,
    straight,
    tooltips,
    words_axis,
)
from vlcore.plots.tables import filled_columns
from vlcore.plots.theme import Palette

_ROW = (15, 34)  # px of a line, least and most
_AROUND = 80  # px of the axis
_NARROW = 480  # px of a figure that has no room for words beside the dots: they are above these
_NARROW_ROW = 44  # px of a line with words above its dots


def ranking_chart(
    rows: pd.DataFrame,
    *,
    palette: Palette,
    width: int,
    height: int,
    title: str,
    second_title: str,
    baseline: str,
) -> alt.LayerChart:
    """Dots with their intervals, in the order of the rows, on a scale from 0 to 100 %, and a hollow
    dot for a second number of the same model.

    Args:
        rows: `name`, `value`, `low`, `high`, `second` (fractions), `words` (beside the dots),
            `is_baseline` (no team).
        width, height: of the figure, in px; it is higher where lines cannot be so thin.
        title: of the axis; each part before “; ” has a line.
        second_title: what the second number is.
        baseline: the name of the row with a dashed line at its value.

    Raises:
        ValueError: as `filled_columns`.
    """
    columns = ("name", "value", "low", "high", "second", "words", "is_baseline")
    table = filled_columns(rows, columns)
    is_narrow = width < _NARROW
    row = max(_ROW[0], min(_ROW[1], (height - _AROUND) // len(table)))
    if is_narrow:
        row = _NARROW_ROW
    size = 11 if row < 18 else 12 if is_narrow else 15
    names_width = 0.5 * size * table["name"].str.len().max()
    words_width = 0 if is_narrow else 0.49 * size * table["words"].str.len().max() + 14
    plot = max(120, int(width - names_width - words_width - 30))
    table["spoken"] = table["name"] + ": " + table["words"]
    axis = alt.Axis(labelExpr=PERCENT, title=title.split("; "), tickCount=5, labelOverlap=True)
    x = alt.X("low:Q", scale=straight([0, 1]), axis=axis)
    names = words_axis(palette, labelLimit=400, labelFontSize=size, labelPadding=8)
    y = alt.Y("name:N", sort=table["name"].tolist(), title=None, axis=names)
    muted, accent = alt.value(palette.muted), alt.value(palette.accent)
    base = spoken_chart(
        table,
        y=y,
        color=alt.when("datum.is_baseline").then(muted).otherwise(accent),
        tooltip=tooltips({"name:N": "who", "words:N": "accuracy"})
        + tooltips({"second:Q": second_title}, ".0%"),
    )
    layers = [
        rule_at("low", float(value), baseline, palette, strokeDash=[4, 4]).encode(x=x)
        for value in table.loc[table["name"] == baseline, "value"]
    ]
    layers += [
        base.mark_rule(strokeWidth=3, opacity=0.7).encode(x=x, x2="high:Q"),
        base.mark_point(filled=False, size=5 * min(row, _ROW[1]), strokeWidth=1.5).encode(
            x="second:Q"
        ),
        base.mark_point(filled=True, size=6 * min(row, _ROW[1]), opacity=1).encode(x="value:Q"),
    ]
    place = {"dy": -14, "limit": plot} if is_narrow else {}
    words = base.mark_text(align="left", fontSize=size, aria=False, **place)
    left = alt.value(0 if is_narrow else plot + 14)
    layers.append(words.encode(x=left, text="words:N", color=alt.value(palette.text)))
    return finished(alt.layer(*layers), palette, width=plot, height=row * len(table))
