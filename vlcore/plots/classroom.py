"""Charts of a class session, large enough for a projector: votes, the dots of a study, a ranking of
models."""

from textwrap import wrap

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.wording import signed
from vlcore.plots.scales import (
    PERCENT,
    filled_columns,
    finished,
    rule_at,
    spoken_chart,
    straight,
    told_apart,
    tooltips,
    words_axis,
)
from vlcore.plots.theme import Palette

PLANNED, BEYOND, OWN = "of the plan", "beyond the plan", "yours"
DOT_KINDS = (PLANNED, BEYOND, OWN)
_LARGEST, _SMALLEST = 26, 5  # px of a dot
_BAND = 26  # px of the line with the mean, below the dots
_AROUND_DOTS = 62  # px of axis and legend
_LETTER, _TITLE_LINE = 7, 14  # px of a letter and of a line of an axis title
_KIND = 130  # px of an entry of the legend
_ROW = (15, 34)  # px of a line of a ranking, least and most
_AROUND_RANKING = 80  # px of the axis
_NARROW_RANKING = 480  # px of one that has no room for words beside the dots: they are above these
_NARROW_ROW = 44  # px of a line with words above its dots
_ANSWER = 74  # px of an answer, its votes and its mark
_COUNT = 50  # px of a number of votes, beside the longest bar
_NARROW_VOTES = 420  # px below which answers are set smaller, so that none is cut off


def votes_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Bars with the number of votes for each answer, in a figure of `width` px.

    An answer is above its bar, so that it has the whole width; a measurement is a mark and words,
    not a colour.

    Args:
        rows: one row an answer, in the order of the question: `text`, `votes` (whole number) and
            `measured` (where it is measured, such as "in this run", or empty).

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ("text", "votes", "measured"))
    most = max(1, int(table["votes"].max()))
    plot = max(160, width - 20)
    is_narrow = plot < _NARROW_VOTES
    is_measured = table["measured"] != ""
    table["row"] = table.index
    count = table["votes"].astype(str) + np.where(table["votes"] == 1, " vote", " votes")
    spoken = table["text"] + ": " + count
    table["spoken"] = spoken.mask(is_measured, spoken + "; measured " + table["measured"])
    table["words"] = ("▲ measured " + table["measured"]).where(is_measured, "")
    base = spoken_chart(
        table,
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0)),
        tooltip=[alt.Tooltip("text:N", title="answer"), "votes:Q"],
    )

    def text(field: str, x: object, colour: str, **mark: object) -> alt.Chart:
        words = base.mark_text(align="left", aria=False, **mark)
        return words.encode(x=x, text=field, color=alt.value(colour))

    bar_scale = alt.Scale(domain=[0, most], range=[0, plot - _COUNT], nice=False)
    bar, left = alt.X("votes:Q", axis=None, scale=bar_scale), alt.value(0)
    accent, muted = alt.value(palette.accent), alt.value(palette.muted)
    colour = alt.when("datum.measured != ''").then(accent).otherwise(muted)
    answer = {"dy": -22, "fontSize": 15 if is_narrow else 18, "limit": plot}
    measured = {"dy": 26, "fontSize": 14, "fontWeight": 600, "limit": plot}
    layers = alt.layer(
        base.mark_bar(height=22, yOffset=4, cornerRadiusEnd=3).encode(x=bar, color=colour),
        text("votes:Q", bar, palette.text, dx=8, dy=4, fontSize=18, fontWeight=600),
        text("text:N", left, palette.text, **answer),
        text("words:N", left, palette.accent, **measured),
    )
    return finished(layers, palette, width=plot, height=_ANSWER * len(table))


def dots_chart(
    rows: pd.DataFrame,
    *,
    palette: Palette,
    width: int,
    height: int,
    title: str,
    unit: float = 1.0,
    mean: tuple[float, float, float] | None = None,
    head: alt.Title | None = None,
) -> alt.LayerChart:
    """A difference a seed pair as a dot, stacked where they are alike, with their mean, its
    interval and 0.

    Not the colour of a dot alone tells its kind: of the plan it is filled, beyond it hollow, a
    visitor's own is a diamond.

    Args:
        rows: `difference`, `kind` (one of `DOT_KINDS`) and `words` (of a dot, for screen readers).
        width, height: of the whole figure, in px.
        title: of the axis.
        unit: all values are multiplied by it, such as 100 for points.
        mean: with the ends of its interval.
        head: the title of the figure.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ("difference", "kind", "words"))
    table["x"] = table["difference"].astype(float) * unit
    interval = [] if mean is None else [unit * end for end in mean]
    low = min(0.0, *table["x"], *interval)
    high = max(0.0, *table["x"], *interval)
    room = max(0.06 * (high - low), 0.005 * unit)
    low, high = low - room, high + room
    title_lines = wrap(title, max(20, (width - 40) // _LETTER))
    around = _AROUND_DOTS + _TITLE_LINE * (len(title_lines) - 1)
    width, height = max(120, width - 40), max(60, height - around)  # of the plot
    size = _stack(table, (high - low) / width, height)
    table["spoken"] = table["words"]
    x_scale = straight([low, high])
    y_scale = straight([-_BAND / 2, height - _BAND / 2])
    x = alt.X("x:Q", scale=x_scale, axis=alt.Axis(title=title_lines, grid=False, tickCount=8))
    y = alt.Y("y:Q", axis=None, scale=y_scale)
    base = spoken_chart(table, x=x, y=y, tooltip=[alt.Tooltip("words:N", title="seed pair")])
    marks = base.mark_point(size=0.62 * size * size, strokeWidth=1.5, opacity=1)
    layers = [
        rule_at("x", 0.0, "no difference", palette).encode(x=x),
        marks.encode(**_looks(table, palette, width)),
    ]
    words = f"{title}: {len(table)} dots"
    if mean is not None:
        digits = 1 if unit == 100 else 3
        value, start, end = (signed(number, digits) for number in interval)
        words = f"{words}; mean {value} ({start} to {end})"
        row = dict(zip(("x", "low", "high"), interval, strict=True))
        line = spoken_chart(pd.DataFrame([{**row, "y": 0.0, "spoken": words}]), y=y)
        ends = line.mark_rule(strokeWidth=5, color=palette.text)
        tick = line.mark_tick(thickness=5, size=_BAND - 4, color=palette.text, opacity=1)
        layers.append(ends.encode(x=alt.X("low:Q", scale=x_scale), x2="high:Q"))
        layers.append(tick.encode(x="x:Q"))
    properties = {} if head is None else {"title": head}
    return finished(
        alt.layer(*layers), palette, description=words, width=width, height=height, **properties
    )


def _looks(table: pd.DataFrame, palette: Palette, width: int) -> dict[str, object]:
    """Fill, stroke and shape of the kinds of dots, with one legend where there are several, which
    is as wide as the plot at most."""
    accent, text = palette.accent, palette.text
    fills = dict(zip(DOT_KINDS, (accent, palette.ground, text), strict=True))
    strokes = dict(zip(DOT_KINDS, (accent, accent, text), strict=True))
    shapes = dict(zip(DOT_KINDS, ("circle", "circle", "diamond"), strict=True))
    kinds = [kind for kind in DOT_KINDS if (table["kind"] == kind).any()]
    columns = max(1, width // _KIND)
    legend = alt.Legend(title=None, orient="top", symbolSize=90, columns=columns)
    if len(kinds) == 1:
        legend = None

    def look(channel: type, values: dict[str, str]) -> object:
        return told_apart(channel, "kind:N", {kind: values[kind] for kind in kinds}, legend)

    return {
        "fill": look(alt.Fill, fills),
        "stroke": look(alt.Stroke, strokes),
        "shape": look(alt.Shape, shapes),
    }


def _stack(table: pd.DataFrame, per_px: float, height: int) -> int:
    """Stack the dots of a table, as large as they fit into a plot of so many px.

    Its `x` is set in columns, of differences `per_px`, its `y` in px from the line.

    Returns:
        The size of a dot, in px.
    """
    for size in range(_LARGEST, _SMALLEST - 1, -1):
        column = np.round(table["x"] / (size * per_px))
        rank = table.groupby(column).cumcount()
        if size * (int(rank.max()) + 1) + _BAND <= height:
            break
    table["x"] = column * size * per_px
    table["y"] = _BAND / 2 + size * (rank + 0.5)
    return size


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
    """Dots with their intervals on a scale from 0 to 100%, a line each in the order of the rows,
    and a hollow dot for a second number of the same model.

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
    is_narrow = width < _NARROW_RANKING
    row = max(_ROW[0], min(_ROW[1], (height - _AROUND_RANKING) // len(table)))
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
        rule_at("low", float(value), baseline, palette).encode(x=x)
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
