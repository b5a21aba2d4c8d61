"""Matrices: how alike captions are in a model, and what a loss makes of each pair of picture and
caption.

A colour says how much (two directions, in every colour vision), a mark what it counts as, a number
where there is room.
"""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt

from vlcore.plots.scales import IMAGE, SPOKEN, Chart, finished, told_apart, tooltips, words_axis
from vlcore.plots.tables import Rows, whole
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
_FILLS = {
    "light": ("#F0A868", "#86B3E3"),
    "dark": ("#8A4B12", "#1F5C99"),
}  # low and high; text is legible on both
_MOST_NUMBERS = 10  # captions up to which a matrix has room for numbers
_WIDE = 8  # columns up to which a pair matrix has room for weights


def caption_matrices(cells: Rows, titles: Sequence[str], *, palette: Palette) -> alt.ConcatChart:
    """Cosines between the captions of each model, two beside each other, on one scale from -1 to 1.
    One row a pair of captions and model: `pane` (number of the model, from 0), `row`, `column`
    (captions, which keep their order of appearance), `similarity`. ValueError as `whole`, or where
    a similarity is no cosine."""
    table = whole(cells, ("pane", "row", "column", "similarity"), "cells")
    if not table["similarity"].between(-1.001, 1.001).all():
        raise ValueError("a similarity is a cosine, from -1 to 1")
    table["spoken"] = [
        f"“{row.row}” and “{row.column}”: {row.similarity:.2f}" for row in table.itertuples()
    ]
    axis = words_axis(palette, labelLimit=200)
    top = words_axis(palette, labelLimit=200, orient="top", labelAngle=-40)
    fill = _two_ways("similarity:Q", [-1, 0, 1], palette, title="cosine", values=[-1, 0, 1])
    tooltip = tooltips({"row:N": "caption", "column:N": "and"}) + tooltips(
        {"similarity:Q": "cosine"}, ".3f"
    )
    panes = []
    for pane, part in table.groupby("pane", sort=False):
        captions = part["row"].unique().tolist()
        x, y = alt.X("column:N", sort=captions, axis=top), alt.Y("row:N", sort=captions, axis=axis)
        base = Chart(part.drop(columns="pane")).encode(
            x=x, y=y, description=SPOKEN, tooltip=tooltip
        )
        layers = [base.mark_rect(stroke=palette.line).encode(color=fill)]
        if len(captions) <= _MOST_NUMBERS:
            number = alt.Text("similarity:Q", format=".2f")
            layers.append(
                base.mark_text(color=palette.text, fontSize=13, aria=False).encode(text=number)
            )
        sizes = ((4, 58), (_MOST_NUMBERS, 42), (20, 24))
        side = len(captions) * next((size for most, size in sizes if len(captions) <= most), 13)
        title = alt.Title(textwrap.wrap(titles[pane], max(24, side // 7)))
        panes.append(alt.layer(*layers, width=side, height=side, title=title))
    return finished(alt.concat(*panes, columns=min(2, len(panes)), spacing=36), palette)


def _two_ways(field: str, domain: Sequence[float], palette: Palette, **legend: Any) -> alt.Color:
    """A colour for less and one for more than the middle of a domain."""
    low, high = _FILLS[palette.name]
    scale = alt.Scale(
        domain=list(domain), range=[low, palette.ground, high], interpolate="rgb", clamp=True
    )
    return alt.Color(
        field, scale=scale, legend=alt.Legend(orient="bottom", gradientLength=160, **legend)
    )


def pair_matrix(
    cells: Rows, pictures: Rows, *, palette: Palette, middle: float = 0.0
) -> alt.LayerChart:
    """What a loss makes of pictures (rows) and captions (columns): the score, and what each pair
    counts as. The cells have one row a pair: `row`, `column` (numbers, from 0), `caption`, `score`,
    `kind` (of `KINDS`), `note` (a few characters in the cell), `counts` (the same as a sentence).
    The pictures have one row each, in order: `label`, `thumb` (made by `thumb_uri`). `middle` is
    the score that parts matched from mismatched. ValueError as `whole`.
    """
    table = whole(
        cells, ("row", "column", "caption", "score", "kind", "note", "counts"), "cells", kind=KINDS
    )
    shown = whole(pictures, ("label", "thumb"), "pictures")
    captions = table.drop_duplicates("column").sort_values("column")["caption"].tolist()
    wide = len(captions) <= _WIDE
    width, height = (92, 46) if wide else (36, 38)
    table["thumb"], table["picture"] = (
        table["row"].map(shown[name]) for name in ("thumb", "label")
    )
    scores = [f"score {cell.score:.1f}, {cell.kind}" for cell in table.itertuples()]
    table["spoken"] = table["picture"] + " with “" + table["caption"] + "”: " + scores
    words = [textwrap.wrap(text, 13) if wide else text for text in captions]
    padding = 4 + 14 * max(len(lines) - 1 for lines in words) if wide else 4
    top = {
        "orient": "top",
        "labelAngle": 0 if wide else -60,
        "labelLimit": 200,
        "labelPadding": padding,
    }
    rows = alt.Y(
        "row:O",
        axis=_numbered(list(shown["label"]), palette, labelLimit=220, labelPadding=height + 6),
    )
    picture_tooltip = [IMAGE, "picture:N"]
    score, counts = (
        alt.Tooltip("score:Q", format=".2f"),
        tooltips({"kind:N": "counts as", "counts:N": "because"}),
    )
    columns, tooltip = (
        alt.X("column:O", axis=_numbered(words, palette, **top)),
        [*picture_tooltip, "caption:N", score],
    )
    base = Chart(table).encode(x=columns, y=rows, description=SPOKEN, tooltip=[*tooltip, *counts])
    far = max(1e-6, float((table["score"] - middle).abs().max()))
    fill = _two_ways(
        "score:Q",
        [middle - far, middle, middle + far],
        palette,
        title="score",
        format=".1f",
        tickCount=3,
    )
    used = alt.when(f"datum.kind == '{UNUSED}'").then(alt.value("transparent")).otherwise(fill)
    shapes = {kind: path for kind, path in _SHAPES.items() if (table["kind"] == kind).any()}
    legend = alt.Legend(
        title=None, orient="bottom", symbolSize=80, symbolFillColor=palette.text, columns=3
    )
    # The marks' colours are constants and the fills a scale: apart, or they would make one legend.
    wrong = alt.when(f"indexof({json.dumps(_WRONG)}, datum.kind) >= 0").then(
        alt.value(palette.accent)
    )
    offset = {"xOffset": -28, "yOffset": 0} if wide else {"xOffset": 0, "yOffset": -8}
    text = {"color": palette.text, "aria": False, "baseline": "middle"}
    placed = {"fontSize": 13, "dx": 8, "dy": -6} if wide else {"fontSize": 11, "dx": 0, "dy": 9}
    thumbs = Chart(
        shown.rename(columns={"label": "picture"}).assign(row=shown.index, spoken=shown["label"])
    )
    thumbs, beside = (
        thumbs.mark_image(width=height - 4, height=height - 4),
        alt.value(-(height / 2 + 4)),
    )
    marks = base.mark_point(filled=True, size=70, opacity=1, aria=False, **offset)
    shape = told_apart(alt.Shape, "kind:N", shapes, legend)
    layers = [
        base.mark_rect(stroke=palette.line).encode(color=used),
        marks.encode(shape=shape, color=wrong.otherwise(alt.value(palette.text))),
        base.mark_text(**text, **placed).encode(text=alt.Text("score:Q", format=".1f")),
        thumbs.encode(x=beside, y=rows, url="thumb:N", description=SPOKEN, tooltip=picture_tooltip),
    ]
    if wide:
        layers.append(base.mark_text(**text, fontSize=11, dx=8, dy=10).encode(text="note:N"))
    return finished(
        alt.layer(*layers), palette, width=width * len(captions), height=height * len(shown)
    )


def _numbered(words: Sequence[str | list[str]], palette: Palette, **more: Any) -> alt.Axis:
    """An axis of words for numbers from 0 on."""
    return words_axis(
        palette, labelExpr=f"({json.dumps(dict(enumerate(words)))})[datum.label]", **more
    )
