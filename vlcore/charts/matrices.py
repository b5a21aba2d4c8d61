"""Matrices: how alike captions are in a model, and what a loss makes of each pair of picture and caption.

A colour says how much (two directions, apart in every kind of colour vision), a mark says what it counts as, and the
number stands in the cell wherever there is room for it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from vlcore.charts.scales import IMAGE, SPOKEN, finished, words_axis
from vlcore.charts.tables import known_only, whole
from vlcore.charts.theme import Palette
from vlcore.charts.thumbnails import check_uris

TRUE_PAIR, TRUE_NEGATIVE, FALSE_NEGATIVE = "true pair", "true negative", "false negative"
BOTH, FALSE_PAIR, UNUSED = "true pair and false negative", "false pair", "not used"
# Vega draws symbols from -1 to 1: a dot, a dash, a cross, a cross in a ring, a box, nothing but a point.
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.75,0A.75,.75,0,1,0,.75,0A.75,.75,0,1,0,-.75,0"
_SMALL_CROSS = "M-.55,-.35L-.35,-.55L0,-.2L.35,-.55L.55,-.35L.2,0L.55,.35L.35,.55L0,.2L-.35,.55L-.55,.35L-.2,0Z"
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
_FILLS = {"light": ("#F0A868", "#86B3E3"), "dark": ("#8A4B12", "#1F5C99")}  # low and high; text is legible on both
_MOST_NUMBERS = 10  # captions up to which a matrix has room for numbers
_WIDE = 8  # columns up to which a pair matrix has room for weights


def caption_matrices(cells: pd.DataFrame, titles: Sequence[str], *, palette: Palette) -> alt.ConcatChart:
    """Cosines between the captions of each model, two beside each other, on one scale from -1 to 1.

    Args:
        cells: one row a pair of captions and model: `pane` (number of the model, from 0), `row`, `column` (captions),
            `similarity`. Captions keep their order of appearance.
        titles: one a model.
        palette: colours.

    Raises:
        ValueError: when a column is missing, there is nothing to show, or a similarity is no cosine.
    """
    table = whole(cells, ("pane", "row", "column", "similarity"), "cells")
    if not table["similarity"].between(-1.001, 1.001).all():
        raise ValueError("a similarity is a cosine, from -1 to 1")
    table["spoken"] = [f"“{row.row}” and “{row.column}”: {row.similarity:.2f}" for row in table.itertuples()]
    panes = [
        _caption_matrix(part.drop(columns="pane"), titles[pane], palette)
        for pane, part in table.groupby("pane", sort=False)
    ]
    return finished(alt.concat(*panes, columns=min(2, len(panes)), spacing=36), palette)


def _caption_matrix(table: pd.DataFrame, title: str, palette: Palette) -> alt.LayerChart:
    captions = list(dict.fromkeys(table["row"]))
    size = next((size for most, size in ((4, 58), (_MOST_NUMBERS, 42), (20, 24)) if len(captions) <= most), 13)
    axis = words_axis(palette, labelLimit=200)
    top = words_axis(palette, labelLimit=200, orient="top", labelAngle=-40)
    base = alt.Chart(table).encode(
        x=alt.X("column:N", sort=captions, axis=top),
        y=alt.Y("row:N", sort=captions, axis=axis),
        description=SPOKEN,
        tooltip=[
            alt.Tooltip("row:N", title="caption"),
            alt.Tooltip("column:N", title="and"),
            alt.Tooltip("similarity:Q", title="cosine", format=".3f"),
        ],
    )
    fill = _two_ways("similarity:Q", [-1, 0, 1], palette, title="cosine", values=[-1, 0, 1])
    layers = [base.mark_rect(stroke=palette.line).encode(color=fill)]
    if len(captions) <= _MOST_NUMBERS:
        number = alt.Text("similarity:Q", format=".2f")
        layers.append(base.mark_text(color=palette.text, fontSize=13, aria=False).encode(text=number))
    side = size * len(captions)
    return alt.layer(*layers, width=side, height=side, title=alt.Title(textwrap.wrap(title, max(24, side // 7))))


def _two_ways(field: str, domain: Sequence[float], palette: Palette, **legend: Any) -> alt.Color:
    """A colour for less and one for more than the middle of a domain."""
    low, high = _FILLS[palette.name]
    scale = alt.Scale(domain=list(domain), range=[low, palette.ground, high], interpolate="rgb", clamp=True)
    return alt.Color(field, scale=scale, legend=alt.Legend(orient="bottom", gradientLength=160, **legend))


def pair_matrix(
    cells: pd.DataFrame, pictures: pd.DataFrame, *, palette: Palette, middle: float = 0.0
) -> alt.LayerChart:
    """What a loss makes of pictures (rows) and captions (columns): the score, and what each pair counts as.

    Args:
        cells: one row a pair: `row`, `column` (numbers, from 0), `caption`, `score`, `kind` (of `KINDS`), `note` (a few
            characters in the cell, or nothing), `counts` (the same as a sentence).
        pictures: one row a picture, in order: `label` (beside it), `thumb` (made by `thumb_uri`).
        palette: colours.
        middle: score that parts matched from mismatched.

    Raises:
        ValueError: when a column is missing, there is nothing to show, a kind is unknown, or a picture is foreign.
    """
    table = whole(cells, ("row", "column", "caption", "score", "kind", "note", "counts"), "cells")
    shown = whole(pictures, ("label", "thumb"), "pictures")
    known_only(table["kind"], KINDS, "kind")
    check_uris(shown["thumb"])
    captions = table.drop_duplicates("column").sort_values("column")["caption"].tolist()
    wide = len(captions) <= _WIDE
    width, height = (92, 46) if wide else (36, 38)
    table["thumb"], table["picture"] = (table["row"].map(shown[name]) for name in ("thumb", "label"))
    table["spoken"] = [
        f"{cell.picture} with “{cell.caption}”: score {cell.score:.1f}, {cell.kind}" for cell in table.itertuples()
    ]
    rows = alt.Y("row:O", axis=_numbered(list(shown["label"]), palette, labelLimit=220, labelPadding=height + 6))
    picture_tooltip = [IMAGE, "picture:N"]
    base = alt.Chart(table).encode(
        x=_columns(captions, wide, palette),
        y=rows,
        description=SPOKEN,
        tooltip=[
            *picture_tooltip,
            "caption:N",
            alt.Tooltip("score:Q", format=".2f"),
            alt.Tooltip("kind:N", title="counts as"),
            alt.Tooltip("counts:N", title="because"),
        ],
    )
    far = max(1e-6, float((table["score"] - middle).abs().max()))
    fill = _two_ways("score:Q", [middle - far, middle, middle + far], palette, title="score", format=".1f", tickCount=3)
    kinds = [kind for kind in KINDS if (table["kind"] == kind).any()]
    shape = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]),
        legend=alt.Legend(title=None, orient="bottom", symbolSize=80, symbolFillColor=palette.text, columns=3),
    )
    used = alt.when(f"datum.kind == '{UNUSED}'").then(alt.value("transparent")).otherwise(fill)
    # The marks' colours are constants and the fills a scale: apart, or they would make one legend.
    wrong = alt.when(f"indexof({json.dumps(_WRONG)}, datum.kind) >= 0").then(alt.value(palette.accent))
    mark = base.mark_point(
        filled=True, size=70, opacity=1, aria=False, xOffset=-28 if wide else 0, yOffset=0 if wide else -8
    )  # fmt: skip
    text = {"color": palette.text, "aria": False, "baseline": "middle"}
    score = base.mark_text(**text, fontSize=13 if wide else 11, dx=8 if wide else 0, dy=-6 if wide else 9)
    thumbs = alt.Chart(shown.rename(columns={"label": "picture"}).assign(row=shown.index, spoken=shown["label"]))
    layers = [
        base.mark_rect(stroke=palette.line).encode(color=used),
        mark.encode(shape=shape, color=wrong.otherwise(alt.value(palette.text))),
        score.encode(text=alt.Text("score:Q", format=".1f")),
        thumbs.mark_image(width=height - 4, height=height - 4).encode(
            x=alt.value(-(height / 2 + 4)), y=rows, url="thumb:N", description=SPOKEN, tooltip=picture_tooltip
        ),
    ]
    if wide:
        layers.append(base.mark_text(**text, fontSize=11, dx=8, dy=10).encode(text="note:N"))
    return finished(alt.layer(*layers), palette, width=width * len(captions), height=height * len(shown))


def _columns(captions: Sequence[str], wide: bool, palette: Palette) -> alt.X:
    words = [textwrap.wrap(text, 13) if wide else text for text in captions]
    padding = 4 + 14 * max(len(lines) - 1 for lines in words) if wide else 4
    angle = 0 if wide else -60
    axis = _numbered(words, palette, orient="top", labelAngle=angle, labelLimit=200, labelPadding=padding)
    return alt.X("column:O", axis=axis)


def _numbered(words: Sequence[str | list[str]], palette: Palette, **more: Any) -> alt.Axis:
    """An axis of words for numbers from 0 on."""
    return words_axis(palette, labelExpr=f"({json.dumps(dict(enumerate(words)))})[datum.label]", **more)
