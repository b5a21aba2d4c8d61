"""A map that is sent again every two seconds while a model trains: marks only, no pictures, so that it stays small."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from vlcore.figures.theme import SHAPES, THIN, Palette, theme
from vlcore.images.groups import Grouping


def live_map(
    places: Sequence[Sequence[float]], groups: Sequence[str], *, palette: Palette, grouping: Grouping, side: int = 210
) -> alt.Chart:
    """Held-out images of a model in training, as small hollow marks.

    Args:
        places: x and y of each image, n pairs.
        groups: group of each image, n names.
        palette: Colours.
        grouping: Which groups there are.
        side: Side in px.

    Raises:
        ValueError: when there are not as many places as groups.
    """
    if len(places) != len(groups):
        raise ValueError("Give one place for each image.")
    table = pd.DataFrame(places, columns=["x", "y"]).assign(group=list(groups))
    span = max(float(table["x"].max() - table["x"].min()), float(table["y"].max() - table["y"].min()), 1e-9)

    def extent(values: pd.Series) -> alt.Scale:
        middle = float(values.max() + values.min()) / 2
        return alt.Scale(domain=[middle - 0.55 * span, middle + 0.55 * span], nice=False, zero=False)

    names = list(grouping.names)
    return (
        alt.Chart(table, autosize="pad", padding=THIN)
        .mark_point(size=17, strokeWidth=1.4, opacity=0.9)
        .encode(
            x=alt.X("x:Q", scale=extent(table["x"]), axis=None),
            y=alt.Y("y:Q", scale=extent(table["y"]), axis=None),
            stroke=alt.Stroke("group:N", scale=alt.Scale(domain=names, range=list(palette.groups)), legend=None),
            shape=alt.Shape("group:N", scale=alt.Scale(domain=names, range=list(SHAPES)), legend=None),
            description=alt.Description("group:N"),
        )
        .properties(width=side, height=side)
        .configure(**theme(palette))
    )
