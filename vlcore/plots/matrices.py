"""Matrices: how alike captions are in a model, and what a loss makes of each pair of image and
caption.

A colour shows how much (two directions, in every colour vision), a mark what it counts as, a number
where there is room.
"""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from vlcore.plots.scales import (
    IMAGE,
    filled_columns,
    finished,
    spoken_chart,
    told_apart,
    tooltips,
    words_axis,
)
from vlcore.plots.theme import Palette

TRUE_PAIR, TRUE_NEGATIVE, FALSE_NEGATIVE = "true pair", "true negative", "false negative"
BOTH, FALSE_PAIR, UNUSED = "true pair and false negative", "false pair", "not used"
# Vega draws symbols from -1 to 1: a dot, a dash, a cross, a cross in a ring, a box, nothing but a
# point.
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.75,0A.75,.75,0,1,0,.75,0A.75,.75,0,1,0,-.75,0"
_SMALL_CROSS = (
    "M-.55,-.35L-.35,-.55L0,-.2L.35,-.55L.55,-.35L.2,0"
    "L.55,.35L.35,.55L0,.2L-.35,.55L-.55,.35L-.2,0Z"
)
_SHAPES = {
    TRUE_PAIR: "circle",
    TRUE_NEGATIVE: "M-1,-.15L1,-.15L1,.15L-1,.15Z",
    FALSE_NEGATIVE: "M-1,-.7L-.7,-1L0,-.3L.7,-1L1,-.7L.3,0L1,.7L.7,1L0,.3L-.7,1L-1,.7L-.3,0Z",
    BOTH: _RING + _SMALL_CROSS,
    FALSE_PAIR: "square",
    UNUSED: "M-.2,-.2h.4v.4h-.4Z",
}
KINDS = tuple(_SHAPES)
_WRONG = [FALSE_NEGATIVE, BOTH, FALSE_PAIR]
# Low and high; text is legible on both.
_FILLS = {"light": ("#F0A868", "#86B3E3"), "dark": ("#8A4B12", "#1F5C99")}
_MOST_NUMBERS = 10  # captions up to which a matrix has room for numbers
_WIDE = 8  # columns up to which a pair matrix has room for weights


def caption_matrices(
    cells: pd.DataFrame, titles: Sequence[str], *, palette: Palette
) -> alt.ConcatChart:
    """Cosines between the captions of each model, two beside each other, on one scale from -1 to 1.

    Args:
        cells: one row a pair of captions and model: `pane` (number of the model, from 0), `row`,
            `column` (captions, which keep their order of appearance), `similarity`.
        titles: of the models.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(cells, ("pane", "row", "column", "similarity"))
    table["spoken"] = [
        f"“{row.row}” and “{row.column}”: {row.similarity:.2f}" for row in table.itertuples()
    ]
    panes = [
        _caption_matrix(rows.drop(columns="pane"), titles[pane], palette)
        for pane, rows in table.groupby("pane", sort=False)
    ]
    return finished(alt.concat(*panes, columns=min(2, len(panes)), spacing=36), palette)


def _caption_matrix(rows: pd.DataFrame, title: str, palette: Palette) -> alt.LayerChart:
    captions = rows["row"].unique().tolist()
    sizes = ((4, 58), (_MOST_NUMBERS, 42), (20, 24))
    size = next((px for most, px in sizes if len(captions) <= most), 13)
    side = len(captions) * size
    axis = words_axis(palette, labelLimit=200)
    top = words_axis(palette, labelLimit=200, orient="top", labelAngle=-40)
    tooltip = tooltips({"row:N": "caption", "column:N": "and"})
    base = spoken_chart(
        rows,
        x=alt.X("column:N", sort=captions, axis=top),
        y=alt.Y("row:N", sort=captions, axis=axis),
        tooltip=tooltip + tooltips({"similarity:Q": "cosine"}, ".3f"),
    )
    fill = _diverging("similarity:Q", [-1, 0, 1], palette, title="cosine", values=[-1, 0, 1])
    layers = [base.mark_rect(stroke=palette.line).encode(color=fill)]
    if len(captions) <= _MOST_NUMBERS:
        number = base.mark_text(color=palette.text, fontSize=13, aria=False)
        layers.append(number.encode(text=alt.Text("similarity:Q", format=".2f")))
    lines = alt.Title(textwrap.wrap(title, max(24, side // 7)))
    return alt.layer(*layers, width=side, height=side, title=lines)


def _diverging(field: str, domain: Sequence[float], palette: Palette, **legend: Any) -> alt.Color:
    """A colour for less and one for more than the middle of a domain."""
    low, high = _FILLS[palette.name]
    colours = [low, palette.ground, high]
    scale = alt.Scale(domain=list(domain), range=colours, interpolate="rgb", clamp=True)
    return alt.Color(
        field, scale=scale, legend=alt.Legend(orient="bottom", gradientLength=160, **legend)
    )


def pair_matrix(
    cells: pd.DataFrame, images: pd.DataFrame, *, palette: Palette, middle: float = 0.0
) -> alt.LayerChart:
    """What a loss makes of images (rows) and captions (columns): the score, and what each pair
    counts as.

    Args:
        cells: one row a pair: `row`, `column` (numbers, from 0), `caption`, `score`, `kind` (of
            `KINDS`), `note` (a few characters in the cell), `counts` (the same as a sentence).
        images: one row each, in order: `label`, `thumb` (made by `thumb_uri`).
        middle: the score that parts matched from mismatched.

    Raises:
        ValueError: as `filled_columns`.
    """
    columns = ("row", "column", "caption", "score", "kind", "note", "counts")
    table = filled_columns(cells, columns)
    labels = filled_columns(images, ("label", "thumb"))
    captions = table.drop_duplicates("column").sort_values("column")["caption"].tolist()
    is_wide = len(captions) <= _WIDE
    width, height = (92, 46) if is_wide else (36, 38)
    table["thumb"] = table["row"].map(labels["thumb"])
    table["image"] = table["row"].map(labels["label"])
    scores = [f"score {cell.score:.1f}, {cell.kind}" for cell in table.itertuples()]
    table["spoken"] = table["image"] + " with “" + table["caption"] + "”: " + scores
    label_axis = _numbered_axis(
        list(labels["label"]), palette, labelLimit=220, labelPadding=height + 6
    )
    y = alt.Y("row:O", axis=label_axis)
    tooltip = [IMAGE, alt.Tooltip("image:N", title="shows")]
    score_tooltip = ["caption:N", alt.Tooltip("score:Q", format=".2f")]
    counts_tooltip = tooltips({"kind:N": "counts as", "counts:N": "because"})
    base = spoken_chart(
        table,
        x=alt.X("column:O", axis=_caption_axis(captions, palette, is_wide)),
        y=y,
        tooltip=[*tooltip, *score_tooltip, *counts_tooltip],
    )
    thumbs = labels.assign(image=labels["label"], row=labels.index, spoken=labels["label"])
    thumb = spoken_chart(thumbs, y=y, tooltip=tooltip)
    thumb = thumb.mark_image(width=height - 4, height=height - 4)
    text = {"color": palette.text, "aria": False, "baseline": "middle"}
    position = {"fontSize": 13, "dx": 8, "dy": -6} if is_wide else {"fontSize": 11, "dy": 9}
    score = base.mark_text(**text, **position)
    layers = [
        base.mark_rect(stroke=palette.line).encode(color=_score_fill(table, middle, palette)),
        _kind_marks(base, table, palette, is_wide),
        score.encode(text=alt.Text("score:Q", format=".1f")),
        thumb.encode(x=alt.value(-(height / 2 + 4)), url="thumb:N"),
    ]
    if is_wide:
        layers.append(base.mark_text(**text, fontSize=11, dx=8, dy=10).encode(text="note:N"))
    size: dict[str, Any] = {"width": width * len(captions), "height": height * len(labels)}
    return finished(alt.layer(*layers), palette, **size)


def _score_fill(table: pd.DataFrame, middle: float, palette: Palette) -> Any:
    """The colour of a score; none of a pair that is not used."""
    span = max(1e-6, float((table["score"] - middle).abs().max()))
    domain = [middle - span, middle, middle + span]
    fill = _diverging("score:Q", domain, palette, title="score", format=".1f", tickCount=3)
    unused = alt.when(f"datum.kind == '{UNUSED}'").then(alt.value("transparent"))
    return unused.otherwise(fill)


def _kind_marks(base: alt.Chart, table: pd.DataFrame, palette: Palette, is_wide: bool) -> alt.Chart:
    """The mark of what a pair counts as."""
    shapes = {kind: path for kind, path in _SHAPES.items() if (table["kind"] == kind).any()}
    legend = alt.Legend(
        title=None, orient="bottom", symbolSize=80, symbolFillColor=palette.text, columns=3
    )
    # The marks' colours are constants and the fills a scale: apart, or they would make one legend.
    is_wrong = alt.when(f"indexof({json.dumps(_WRONG)}, datum.kind) >= 0")
    colour = is_wrong.then(alt.value(palette.accent)).otherwise(alt.value(palette.text))
    offset = {"xOffset": -28, "yOffset": 0} if is_wide else {"xOffset": 0, "yOffset": -8}
    marks = base.mark_point(filled=True, size=70, opacity=1, aria=False, **offset)
    return marks.encode(shape=told_apart(alt.Shape, "kind:N", shapes, legend), color=colour)


def _caption_axis(captions: Sequence[str], palette: Palette, is_wide: bool) -> alt.Axis:
    look = {"orient": "top", "labelLimit": 200}
    if not is_wide:
        return _numbered_axis(captions, palette, **look, labelAngle=-60, labelPadding=4)
    words = [textwrap.wrap(text, 13) for text in captions]
    padding = 4 + 14 * max(len(lines) - 1 for lines in words)
    return _numbered_axis(words, palette, **look, labelAngle=0, labelPadding=padding)


def _numbered_axis(words: Sequence[str | list[str]], palette: Palette, **options: Any) -> alt.Axis:
    """An axis of words for numbers from 0 on."""
    expression = f"({json.dumps(dict(enumerate(words)))})[datum.label]"
    return words_axis(palette, labelExpr=expression, **options)
