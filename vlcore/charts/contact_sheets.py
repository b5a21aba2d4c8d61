"""Contact sheets: the training pictures of the four groups, with what the bias removes faded but in sight.

The four sheets are one chart, laid out as the objects by the contexts, so that a hover shows a picture in full and a
click on any of them is one selection.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.scales import IMAGE, SPOKEN, finished, straight
from vlcore.charts.tables import known_only, unique_ids, whole
from vlcore.charts.theme import Palette, across
from vlcore.charts.thumbnails import check_uris
from vlcore.core.grouping import Grouping, group_name, group_words

COLUMNS = 8  # pictures in a row


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
    table = whole(rows, ("id", "group", "place", "kept", "caption", "thumb", "spoken"), "rows")
    known_only(table["group"], grouping.names, "group")
    check_uris(table["thumb"])
    unique_ids(table["id"], "rows")
    table = table.assign(
        column=table["place"] % COLUMNS,
        line=table["place"] // COLUMNS,
        state=table["kept"].map({True: "in training", False: "removed by the bias"}),
    )
    lines, cell = int(table["line"].max()) + 1, side / COLUMNS
    names, colours = group_words(grouping), palette.colours(grouping)
    position = {
        "x": alt.X("column:Q", axis=None, scale=straight([-0.5, COLUMNS - 0.5])),
        "y": alt.Y("line:Q", axis=None, scale=straight([lines - 0.5, -0.5])),
        "description": SPOKEN,
    }
    fade = alt.condition(alt.datum.kept, alt.value(1), alt.value(0.16))
    sheets: list[alt.LayerChart] = []
    for group in (group_name(obj, context) for obj in grouping.objects for context in grouping.contexts):
        here = table[table["group"] == group]
        base = alt.Chart(here).encode(**position)
        pictures = base.mark_image(width=cell - 3, height=cell - 3, aspect=False, cursor="pointer").encode(
            url="thumb:N", opacity=fade, tooltip=[IMAGE, "caption:N", "state:N"]
        )
        frame = base.transform_filter(alt.selection_point(name="pick", empty=False)).mark_square(
            size=(cell - 3) ** 2, filled=False, strokeWidth=3, opacity=1, aria=False
        )
        role = "minority" if group in grouping.minority else "majority"
        title = alt.Title(
            f"{names[group][0].upper()}{names[group][1:]}",
            subtitle=f"{role}: {int(here['kept'].sum())} of {len(here)} kept",
            color=colours[group],
        )
        layers = [pictures.properties(name=f"sheet_{len(sheets)}"), frame.encode(color=alt.value(palette.accent))]
        sheets.append(alt.layer(*layers, width=side, height=lines * cell, title=title))
    chart = alt.concat(*sheets, columns=across(len(sheets), side), spacing={"column": 28, "row": 18})
    # At the top, with the names of its views: added to each sheet, Altair would merge them with a warning.
    select = {"type": "point", "fields": ["id"], "on": "click", "toggle": False}
    views = [f"sheet_{number}" for number in range(len(sheets))]
    chart.params = [alt.TopLevelSelectionParameter(name="pick", select=select, views=views)]
    return finished(chart, palette)
