"""Contact sheets: the training pictures of the four groups, with what the bias removes faded but in
sight."""

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping, group_name, group_words
from vlcore.plots.maps.panes import click
from vlcore.plots.scales import IMAGE, SPOKEN, Chart, finished, straight
from vlcore.plots.tables import whole
from vlcore.plots.theme import Palette, across

COLUMNS = 8  # pictures in a row


def contact_sheets(
    rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int
) -> alt.ConcatChart:
    """Four sheets of pictures, each `side` px wide: objects down, contexts across; a click picks
    (`pick`). One row a
    picture: `id` (unique str), `group`, `place` (its number within the group, from 0), `kept`
    (bool; what is not is faded), `caption`, `thumb` (made by `thumb_uri`), `spoken`. ValueError as
    `whole`."""
    table = whole(
        rows,
        ("id", "group", "place", "kept", "caption", "thumb", "spoken"),
        "rows",
        group=grouping.names,
    )
    table["line"], table["column"] = divmod(table["place"], COLUMNS)
    table["state"] = table["kept"].map({True: "in training", False: "removed by the bias"})
    lines, cell = int(table["line"].max()) + 1, side / COLUMNS
    names, colours = group_words(grouping), palette.colours(grouping)
    x = alt.X("column:Q", axis=None, scale=straight([-0.5, COLUMNS - 0.5]))
    y = alt.Y("line:Q", axis=None, scale=straight([lines - 0.5, -0.5]))
    fade = alt.condition(alt.datum.kept, alt.value(1), alt.value(0.16))
    square = {
        "size": (cell - 3) ** 2,
        "filled": False,
        "strokeWidth": 3,
        "opacity": 1,
        "aria": False,
    }
    sheets: list[alt.LayerChart] = []
    for group in (
        group_name(obj, context) for obj in grouping.objects for context in grouping.contexts
    ):
        here = table[table["group"] == group]
        base = Chart(here).encode(x=x, y=y, description=SPOKEN)
        pictures = base.mark_image(width=cell - 3, height=cell - 3, aspect=False, cursor="pointer")
        pictures = pictures.encode(
            url="thumb:N", opacity=fade, tooltip=[IMAGE, "caption:N", "state:N"]
        )
        frame = base.transform_filter(alt.selection_point(name="pick", empty=False)).mark_square(
            **square
        )
        role = "minority" if group in grouping.minority else "majority"
        words = f"{names[group][0].upper()}{names[group][1:]}"
        subtitle = f"{role}: {int(here['kept'].sum())} of {len(here)} kept"
        layers = [
            pictures.properties(name=f"sheet_{len(sheets)}"),
            frame.encode(color=alt.value(palette.accent)),
        ]
        title = alt.Title(words, subtitle=subtitle, color=colours[group])
        sheets.append(alt.layer(*layers, width=side, height=lines * cell, title=title))
    chart = alt.concat(
        *sheets, columns=across(len(sheets), side), spacing={"column": 28, "row": 18}
    )
    chart.params = [click("pick", "id", [f"sheet_{number}" for number in range(len(sheets))])]
    return finished(chart, palette)
