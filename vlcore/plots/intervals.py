"""Estimates with their intervals, a line each: rates, with chance as a dashed line, and
differences, with 0 as one."""

import textwrap
from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.experiment.wording import difference, plural, rate_words
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
from vlcore.plots.theme import PHONE_SIDE, Palette


def rate_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Dots with 95% intervals on a scale from 0 to 100%, a line for each view and a colour for
    each label.

    Args:
        rows: `view` and `label` (what was to be told from what), `value`, `low`, `high`
            (fractions), `n`.
        width: of the plot in px.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ("view", "label", "value", "low", "high", "n"))
    rates = [f"right {rate_words(row._asdict())} of {row.n:,}" for row in table.itertuples()]
    table["spoken"] = table["label"] + " from " + table["view"] + ": " + rates
    labels = table["label"].unique().tolist()
    tones = (palette.accent, palette.groups[0], palette.groups[1])
    colours = dict(zip(labels, tones, strict=False))
    views = alt.Axis(labelLimit=260, ticks=False, labelColor=palette.text)
    base = spoken_chart(
        table,
        y=alt.Y("view:N", sort=None, title=None, axis=views),
        yOffset=alt.YOffset("label:N", sort=labels, scale=alt.Scale(paddingOuter=0.4)),
        color=told_apart(alt.Color, "label:N", colours, alt.Legend(title=None, orient="top")),
    )
    axis = alt.Axis(labelExpr=PERCENT, title="accuracy of a linear probe; dashed: chance")
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    tooltip = tooltips({"view:N": "seen", "label:N": "to be told"})
    tooltip += tooltips({"value:Q": "accuracy", "low:Q": "from", "high:Q": "to"}, ".0%")
    tooltip += tooltips({"n:Q": "images"})
    layers = alt.layer(
        rule_at("x", 0.5, "chance: 50%", palette).encode(x="x:Q"),
        base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q"),
        base.mark_circle(size=90, opacity=1).encode(x="value:Q", tooltip=tooltip),
    )
    return finished(layers, palette, width=width, height=34 * table["view"].nunique())


def forest_chart(
    rows: pd.DataFrame, *, palette: Palette, width: int, title: str, unit: float = 1.0
) -> alt.LayerChart:
    """Differences with their intervals, one line each, against 0. Where words do not fit beside the
    plot on a phone, they are above and below their line.

    Args:
        rows: `words`, `value`, `low`, `high`, `n` (blocks), `status` (in words).
        width: of the whole figure, in px.
        title: of the axis: what the difference is.
        unit: all values are multiplied by it, such as 100 for points.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ["words", "value", "low", "high", "n", "status"])
    table[["value", "low", "high"]] = table[["value", "low", "high"]].astype(float) * unit
    digits = 1 if unit == 100 else 2
    table["estimate"] = [
        f"{difference(row._asdict(), digits)}, n = {row.n} · {row.status}"
        for row in table.itertuples()
    ]
    table["spoken"] = table["words"] + ": " + table["estimate"]
    words_width = 6.4 * min(40, table["words"].str.len().max())
    estimate_width = 6.0 * table["estimate"].str.len().max()
    plot = max(120, int(width - words_width - estimate_width - 40))
    is_narrow = width <= PHONE_SIDE < words_width + estimate_width + plot
    if is_narrow:
        plot = width - 40
        table["estimate"] = table["estimate"].str.replace(" · ", "\n")
    x = _around_zero(table, title)
    axis = None if is_narrow else words_axis(palette, labelLimit=280, labelPadding=10)
    base = spoken_chart(
        table,
        y=alt.Y("words:N", sort=list(table["words"]), title=None, axis=axis),
        tooltip=tooltips({"words:N": "what", "estimate:N": "difference, interval, seed pairs"}),
    )

    def text(field: str, left: int, **mark: object) -> alt.Chart:
        look = {"align": "left", "fontSize": 11 if is_narrow else 12, "color": palette.text}
        words = base.mark_text(**look, aria=False, **mark)
        return words.encode(x=alt.value(left), text=field)

    words = [text("estimate:N", plot + 10)]
    if is_narrow:
        above = {"dy": -14, "fontWeight": "bold", "limit": plot}
        below = {"dy": 16, "lineBreak": "\n", "limit": plot}
        halo = {"stroke": palette.ground, "strokeWidth": 4}  # the line at 0 runs behind words
        words = [text("words:N", 0, **above, **halo), text("estimate:N", 0, **below, **halo)]
        words += [text("words:N", 0, **above), text("estimate:N", 0, **below)]
    mark = {"color": palette.accent}
    layers = alt.layer(
        rule_at("low", 0.0, "no difference", palette).encode(x=x),
        base.mark_rule(strokeWidth=2.5, opacity=0.6, **mark).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=80, opacity=1, **mark).encode(x="value:Q"),
        *words,
    )
    description = f"{title}: " + "; ".join(table["spoken"])
    height = (74 if is_narrow else 30) * table["words"].nunique()
    return finished(layers, palette, description=description, width=plot, height=height)


_ROW, _PHONE_ROW = 28, 58  # px of a row with the intervals of up to three image sets
_PHONE_WORDS = 20  # px of the words above the intervals of a row on a phone
_SET_SHAPES = ("circle", "square", "diamond", "triangle-up")


def answer_chart(rows: pd.DataFrame, palette: Palette, width: int) -> alt.VConcatChart:
    """Draw differences with their 95% intervals around 0, one pane per group of rows.

    Each row has an interval for each image set that has one; colour and shape tell image sets
    apart. On a phone, the words of a row are above its intervals.

    Args:
        rows: one per interval, in the order of the figure: `group` and `row` (words), `images`
            (words of the image set), `value`, `low`, `high` in points, and `pairs` (the number of
            seed pairs).
        palette: light or dark.
        width: of the whole figure, in px.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ["group", "row", "images", "value", "low", "high", "pairs"])
    table["estimate"] = [
        f"{difference(row._asdict(), 1)} points, {plural(row.pairs, 'seed pair')}"
        for row in table.itertuples()
    ]
    table["spoken"] = table["row"] + ", " + table["images"] + ": " + table["estimate"]
    is_narrow = width <= PHONE_SIDE
    words_width = 0 if is_narrow else int(6.6 * table["row"].str.len().max()) + 16
    plot = width - words_width - 30
    title = "change in accuracy on rare images, points"
    x = _around_zero(table, title)
    groups = table["group"].unique().tolist()
    panes = []
    for group in groups:
        part = table[table["group"] == group]
        is_last = group == groups[-1]
        axis = x if is_last else _around_zero(table, title, labelled=False)
        pane = _answer_pane(part, table["images"].unique(), axis, palette, words_width)
        height = (_PHONE_ROW if is_narrow else _ROW) * part["row"].nunique()
        lines = textwrap.wrap(group, width // 8)
        place = {"anchor": "start", "frame": "group", "dx": -words_width, "offset": 6}
        heading = alt.Title(lines, fontSize=13, **place)
        panes.append(pane.properties(width=plot, height=height, title=heading))
    by_group = [
        f"{group}: {'; '.join(part['spoken'])}"
        for group, part in table.groupby("group", sort=False)
    ]
    description = f"{title[0].upper()}{title[1:]}. {'. '.join(by_group)}."
    chart = alt.vconcat(*panes, spacing=10)
    return finished(chart, palette, narrow=is_narrow, description=description)


def _answer_pane(
    part: pd.DataFrame, sets: Sequence[str], x: alt.X, palette: Palette, words_width: int
) -> alt.LayerChart:
    """Draw one group of rows of `answer_chart`; without `words_width`, words are above their
    row."""
    is_narrow = not words_width
    extent = {"minExtent": words_width, "maxExtent": words_width}  # all panes begin at one place
    axis = None if is_narrow else words_axis(palette, labelPadding=8, labelLimit=400, **extent)
    names = part["row"].unique().tolist()
    tight = alt.Scale(padding=0)  # no space between two rows but that within them
    y = alt.Y("row:N", sort=names, scale=tight, title=None, axis=axis)
    ends = [_PHONE_WORDS, _PHONE_ROW - 4] if is_narrow else [4, _ROW - 4]
    within = alt.Scale(domain=list(sets), range=ends)
    tones = (*palette.opposites, palette.groups[0], palette.groups[3])
    legend = alt.Legend(title=None, orient="top", symbolFillColor=None, symbolOpacity=1)
    colour = told_apart(alt.Color, "images:N", dict(zip(sets, tones, strict=False)), legend)
    shape = told_apart(alt.Shape, "images:N", dict(zip(sets, _SET_SHAPES, strict=False)), legend)
    base = spoken_chart(
        part,
        y=y,
        yOffset=alt.YOffset("images:N", scale=within),
        tooltip=tooltips({"row:N": "variant", "images:N": "images", "estimate:N": "change"}),
    )
    layers = [
        rule_at("low", 0.0, "no difference", palette).encode(x=x),
        base.mark_rule(strokeWidth=2, opacity=0.7).encode(x=x, x2="high:Q", color=colour),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x="value:Q", color=colour, shape=shape
        ),
    ]
    if is_narrow:
        words = {"align": "left", "baseline": "top", "fontSize": 12, "color": palette.text}
        top = alt.Y("row:N", sort=names, scale=tight, axis=None, bandPosition=0)
        rows = spoken_chart(part.drop_duplicates("row"))
        above = rows.mark_text(aria=False, dy=4, **words)
        layers.append(above.encode(x=alt.value(0), y=top, text="row:N"))
    return alt.layer(*layers)


def _around_zero(table: pd.DataFrame, title: str, *, labelled: bool = True) -> alt.X:
    """The axis of intervals; 0 is on it. One that is not `labelled` has its grid alone."""
    low = min(float(table["low"].min()), 0)
    high = max(float(table["high"].max()), 0)
    room = 0.04 * (high - low)
    ends = [low - room, high + room] if room else [-1, 1]
    grid_alone = {"labels": False, "ticks": False, "domain": False, "title": None}
    axis = alt.Axis(title=title) if labelled else alt.Axis(**grid_alone)
    return alt.X("low:Q", scale=straight(ends), axis=axis)
