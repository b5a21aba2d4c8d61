"""Matrices: how alike captions are in a model, and what a loss makes of each pair of picture and caption.

The one idea: a colour says how much (two directions, apart in every kind of colour vision), a mark says what it counts
as, and the number stands in the cell wherever there is room for it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.charts.tables import known_only, need
from vlcore.charts.theme import Palette, theme
from vlcore.charts.thumbnails import check_uris

TRUE_PAIR, TRUE_NEGATIVE, FALSE_NEGATIVE = "true pair", "true negative", "false negative"
BOTH, FALSE_PAIR, UNUSED = "true pair and false negative", "false pair", "not used"
KINDS = (TRUE_PAIR, TRUE_NEGATIVE, FALSE_NEGATIVE, BOTH, FALSE_PAIR, UNUSED)
# Vega draws symbols from -1 to 1: a dot, a dash, a cross, a cross in a ring, a box, nothing but a point.
_CROSS = "M-1,-.7L-.7,-1L0,-.3L.7,-1L1,-.7L.3,0L1,.7L.7,1L0,.3L-.7,1L-1,.7L-.3,0Z"
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.75,0A.75,.75,0,1,0,.75,0A.75,.75,0,1,0,-.75,0"
_SMALL_CROSS = "M-.55,-.35L-.35,-.55L0,-.2L.35,-.55L.55,-.35L.2,0L.55,.35L.35,.55L0,.2L-.35,.55L-.55,.35L-.2,0Z"
_SHAPES = dict(
    zip(
        KINDS,
        ("circle", "M-1,-.15L1,-.15L1,.15L-1,.15Z", _CROSS, _RING + _SMALL_CROSS, "square", "M-.2,-.2h.4v.4h-.4Z"),
        strict=True,
    )
)
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
    need(cells, ("pane", "row", "column", "similarity"), "cells")
    if cells.empty:
        raise ValueError("cells: there is nothing to show")
    if not cells["similarity"].between(-1.001, 1.001).all():
        raise ValueError("a similarity is a cosine, from -1 to 1")
    panes = [_caption_matrix(cells[cells["pane"] == pane], titles[pane], palette) for pane in cells["pane"].unique()]
    chart = alt.concat(*panes, columns=min(2, len(panes)), spacing=36, autosize="pad")
    return chart.configure(**theme(palette, frame=False))


def _caption_matrix(cells: pd.DataFrame, title: str, palette: Palette) -> alt.LayerChart:
    captions = list(dict.fromkeys(cells["row"]))
    table = cells.loc[:, ["row", "column", "similarity"]].assign(
        spoken=[f"“{row.row}” and “{row.column}”: {row.similarity:.2f}" for row in cells.itertuples()]
    )
    size = next((size for most, size in ((4, 58), (_MOST_NUMBERS, 42), (20, 24)) if len(captions) <= most), 13)
    axis = {"domain": False, "ticks": False, "labelColor": palette.text, "labelLimit": 200, "title": None}
    low, high = _FILLS[palette.name]
    scale = alt.Scale(domain=[-1, 0, 1], range=[low, palette.ground, high], interpolate="rgb", clamp=True)
    legend = alt.Legend(title="cosine", orient="bottom", gradientLength=160, values=[-1, 0, 1])
    base = alt.Chart(table).encode(
        x=alt.X("column:N", sort=captions, axis=alt.Axis(orient="top", labelAngle=-40, **axis)),
        y=alt.Y("row:N", sort=captions, axis=alt.Axis(**axis)),
        description=alt.Description("spoken:N"),
        tooltip=[
            alt.Tooltip("row:N", title="caption"),
            alt.Tooltip("column:N", title="and"),
            alt.Tooltip("similarity:Q", title="cosine", format=".3f"),
        ],
    )
    layers = [base.mark_rect(stroke=palette.line).encode(color=alt.Color("similarity:Q", scale=scale, legend=legend))]
    if len(captions) <= _MOST_NUMBERS:
        layers.append(
            base.mark_text(color=palette.text, fontSize=13, aria=False).encode(
                text=alt.Text("similarity:Q", format=".2f")
            )
        )
    side = size * len(captions)
    lines = textwrap.wrap(title, max(24, side // 7))
    return alt.layer(*layers).properties(width=side, height=side, title=alt.Title(lines))


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
    need(cells, ("row", "column", "caption", "score", "kind", "note", "counts"), "cells")
    need(pictures, ("label", "thumb"), "pictures")
    if cells.empty or pictures.empty:
        raise ValueError("cells: there is nothing to show")
    known_only(cells["kind"], KINDS, "kind")
    check_uris(pictures["thumb"])
    columns = cells.drop_duplicates("column").sort_values("column")["caption"].tolist()
    wide = len(columns) <= _WIDE
    width, height = (92, 46) if wide else (36, 38)
    table = cells.reset_index(drop=True).assign(
        thumb=[pictures["thumb"].iat[row] for row in cells["row"]],
        picture=[pictures["label"].iat[row] for row in cells["row"]],
        spoken=[
            f"{pictures['label'].iat[cell.row]} with “{cell.caption}”: score {cell.score:.1f}, {cell.kind}"
            for cell in cells.itertuples()
        ],
    )
    base = alt.Chart(table).encode(
        x=_columns(columns, wide, palette),
        y=_rows(pictures, height, palette),
        description=alt.Description("spoken:N"),
        tooltip=[
            alt.Tooltip("thumb:N", title="image"),
            alt.Tooltip("picture:N"),
            alt.Tooltip("caption:N"),
            alt.Tooltip("score:Q", format=".2f"),
            alt.Tooltip("kind:N", title="counts as"),
            alt.Tooltip("counts:N", title="because"),
        ],
    )
    low, high = _FILLS[palette.name]
    far = max(1e-6, float((table["score"] - middle).abs().max()))
    scale = alt.Scale(
        domain=[middle - far, middle, middle + far], range=[low, palette.ground, high], interpolate="rgb", clamp=True
    )
    legend = alt.Legend(title="score", orient="bottom", gradientLength=160, format=".1f", tickCount=3)
    fill = alt.Color("score:Q", scale=scale, legend=legend)
    kinds = [kind for kind in KINDS if (table["kind"] == kind).any()]
    shape = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]),
        legend=alt.Legend(title=None, orient="bottom", symbolSize=80, symbolFillColor=palette.text, columns=3),
    )
    used = alt.when(f"datum.kind == '{UNUSED}'").then(alt.value("transparent")).otherwise(fill)
    wrong = f"indexof({json.dumps([FALSE_NEGATIVE, BOTH, FALSE_PAIR])}, datum.kind) >= 0"
    mark = base.mark_point(
        filled=True, size=70, opacity=1, aria=False, xOffset=-28 if wide else 0, yOffset=0 if wide else -8
    ).encode(shape=shape, color=alt.when(wrong).then(alt.value(palette.accent)).otherwise(alt.value(palette.text)))
    text = {"color": palette.text, "aria": False, "baseline": "middle"}
    score = base.mark_text(**text, fontSize=13 if wide else 11, dx=8 if wide else 0, dy=-6 if wide else 9)
    layers = [
        base.mark_rect(stroke=palette.line).encode(color=used),
        mark,
        score.encode(text=alt.Text("score:Q", format=".1f")),
        _pictures(pictures, height, palette),
    ]
    if wide:
        layers.append(base.mark_text(**text, fontSize=11, dx=8, dy=10).encode(text="note:N"))
    # The marks' colours are constants and the fills a scale: apart, or they would make one legend.
    return (
        alt.layer(*layers)
        .properties(width=width * len(columns), height=height * len(pictures), autosize="pad")
        .configure(**theme(palette, frame=False))
    )


def _columns(captions: Sequence[str], wide: bool, palette: Palette) -> alt.X:
    words = {str(number): textwrap.wrap(text, 13) if wide else text for number, text in enumerate(captions)}
    return alt.X(
        "column:O",
        axis=alt.Axis(
            orient="top",
            title=None,
            domain=False,
            ticks=False,
            labelAngle=0 if wide else -60,
            labelColor=palette.text,
            labelLimit=200,
            labelPadding=4 + 14 * max(len(lines) - 1 for lines in words.values()) if wide else 4,
            labelExpr=f"({json.dumps(words)})[datum.label]",
        ),
    )


def _rows(pictures: pd.DataFrame, height: int, palette: Palette) -> alt.Y:
    words = {str(number): label for number, label in enumerate(pictures["label"])}
    axis = alt.Axis(
        title=None,
        domain=False,
        ticks=False,
        labelColor=palette.text,
        labelLimit=220,
        labelPadding=height + 6,
        labelExpr=f"({json.dumps(words)})[datum.label]",
    )
    return alt.Y("row:O", axis=axis)


def _pictures(pictures: pd.DataFrame, height: int, palette: Palette) -> alt.Chart:
    """The pictures themselves, left of their rows."""
    table = pd.DataFrame(
        {
            "row": range(len(pictures)),
            "thumb": pictures["thumb"].to_numpy(),
            "picture": pictures["label"].to_numpy(),
            "spoken": pictures["label"].to_numpy(),
        }
    )
    return (
        alt.Chart(table)
        .mark_image(width=height - 4, height=height - 4)
        .encode(
            x=alt.value(-(height / 2 + 4)),
            y=_rows(pictures, height, palette),
            url="thumb:N",
            description=alt.Description("spoken:N"),
            tooltip=[alt.Tooltip("thumb:N", title="image"), alt.Tooltip("picture:N")],
        )
    )
