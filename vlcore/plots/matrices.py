"""Matrices: how alike captions are in a model.

A colour shows how much, in two directions; a number says it where there is room.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from vlcore.plots.scales import filled_columns, finished, spoken_chart, tooltips, words_axis
from vlcore.plots.theme import Palette

# Low and high; text is legible on both.
_FILLS = {"light": ("#F0A868", "#86B3E3"), "dark": ("#8A4B12", "#1F5C99")}
_MOST_NUMBERS = 10  # captions up to which a matrix has room for numbers


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
