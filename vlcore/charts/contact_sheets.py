"""Contact sheets: the training pictures of the four groups, with what the bias removes still in sight.

The one idea: the four sheets are one chart over one table, laid out as the objects by the contexts, so that a hover
shows a picture in full and a click on any of them is one selection. What is removed is faded, not gone: one sees what
the model will never see.
"""

from __future__ import annotations

from itertools import product

import altair as alt
import pandas as pd

from vlcore.charts.tables import known_only, need
from vlcore.charts.theme import Palette, across, theme
from vlcore.charts.thumbnails import check_uris
from vlcore.core.grouping import Grouping, group_name, group_words

COLUMNS = 8  # pictures in a row
_NEEDED = ("id", "group", "place", "kept", "caption", "thumb", "spoken")


def contact_sheets(rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int) -> alt.ConcatChart:
    """Four sheets of pictures: objects down, contexts across; a click picks (`pick`).

    Args:
        rows: one row a picture: `id` (unique str), `group`, `place` (its number within the group, from 0), `kept`
            (bool; what is not is faded), `caption`, `thumb` (made by `thumb_uri`), `spoken`.
        palette: colours.
        grouping: which groups there are.
        side: width of a sheet in px.

    Raises:
        ValueError: when there is no row, a column is missing, an id occurs twice, a group is unknown, or a picture is
            foreign.
    """
    need(rows, _NEEDED, "rows")
    if rows.empty:
        raise ValueError("rows: there is nothing to show")
    known_only(rows["group"], grouping.names, "group")
    check_uris(rows["thumb"])
    if rows["id"].duplicated().any():
        raise ValueError("rows: every id must occur once")
    table = rows.loc[:, list(_NEEDED)].assign(
        column=rows["place"] % COLUMNS, line=rows["place"] // COLUMNS, state=rows["kept"].map(_STATES)
    )
    lines = int(table["line"].max()) + 1
    cell = side / COLUMNS
    names, colours = group_words(grouping), palette.colours(grouping)
    pick = alt.selection_point(name="pick", empty=False)
    sheets = []
    for number, (obj, context) in enumerate(product(grouping.objects, grouping.contexts)):
        group = group_name(obj, context)
        here = table[table["group"] == group]
        role = "minority" if group in grouping.minority else "majority"
        title = alt.Title(
            f"{names[group][0].upper()}{names[group][1:]}",
            subtitle=f"{role}: {int(here['kept'].sum())} of {len(here)} kept",
            color=colours[group],
        )
        layers = _sheet(here, f"sheet_{number}", cell, lines, palette, pick)
        sheets.append(alt.layer(*layers).properties(width=side, height=lines * cell, title=title))
    chart = alt.concat(*sheets, columns=across(len(sheets), side), spacing={"column": 28, "row": 18}, autosize="pad")
    chart = chart.configure(**theme(palette, frame=False))
    # At the top, with the names of its views: added to each sheet, Altair would merge them with a warning.
    chart.params = [
        alt.TopLevelSelectionParameter(
            name="pick",
            select={"type": "point", "fields": ["id"], "on": "click", "toggle": False},
            views=[f"sheet_{number}" for number in range(4)],
        )
    ]
    return chart


_STATES = {True: "in training", False: "removed by the bias"}


def _sheet(
    here: pd.DataFrame, name: str, cell: float, lines: int, palette: Palette, pick: alt.Parameter
) -> list[alt.Chart]:
    """The pictures of a group, and a frame around the one that was picked."""
    base = alt.Chart(here).encode(
        x=alt.X("column:Q", axis=None, scale=alt.Scale(domain=[-0.5, COLUMNS - 0.5], nice=False)),
        y=alt.Y("line:Q", axis=None, scale=alt.Scale(domain=[lines - 0.5, -0.5], nice=False)),
        description=alt.Description("spoken:N"),
    )
    pictures = base.mark_image(width=cell - 3, height=cell - 3, aspect=False, cursor="pointer").encode(
        url="thumb:N",
        opacity=alt.condition(alt.datum.kept, alt.value(1), alt.value(0.16)),
        tooltip=[alt.Tooltip("thumb:N", title="image"), alt.Tooltip("caption:N"), alt.Tooltip("state:N")],
    )
    frame = base.transform_filter(pick).mark_square(
        size=(cell - 3) ** 2, filled=False, strokeWidth=3, opacity=1, aria=False
    )
    return [pictures.properties(name=name), frame.encode(color=alt.value(palette.accent))]
