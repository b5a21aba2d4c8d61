"""Contact sheets: the training images of the four groups, with what the bias removes faded but in
sight."""

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping, group_name, group_words
from vlcore.plots.scales import IMAGE, click, filled_columns, finished, spoken_chart, straight
from vlcore.plots.theme import Palette, across

COLUMNS = 8  # images in a row
_COLUMNS_OF_ROWS = ("id", "group", "place", "kept", "caption", "thumb", "spoken")


def contact_sheets(
    rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int
) -> alt.ConcatChart:
    """Four sheets of images: objects down, contexts across; a click picks one (`pick`).

    Args:
        rows: one row an image: `id` (unique str), `group`, `place` (its number within the group,
            from 0), `kept` (bool; others are faded), `caption`, `thumb` (made by `thumb_uri`),
            `spoken`.
        side: the width of a sheet in px.

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, _COLUMNS_OF_ROWS)
    table["line"], table["column"] = divmod(table["place"], COLUMNS)
    table["state"] = table["kept"].map({True: "in training", False: "removed by the bias"})
    lines = int(table["line"].max()) + 1
    cell = side / COLUMNS
    words, colours = group_words(grouping), palette.colours(grouping)
    x = alt.X("column:Q", axis=None, scale=straight([-0.5, COLUMNS - 0.5]))
    y = alt.Y("line:Q", axis=None, scale=straight([lines - 0.5, -0.5]))
    opacity = alt.condition(alt.datum.kept, alt.value(1), alt.value(0.16))
    tooltip = [IMAGE, "caption:N", "state:N"]
    picked = alt.selection_point(name="pick", empty=False)
    sheets: list[alt.LayerChart] = []
    for obj in grouping.objects:
        for context in grouping.contexts:
            group = group_name(obj, context)
            group_rows = table[table["group"] == group]
            base = spoken_chart(group_rows, x=x, y=y)
            images = base.mark_image(
                width=cell - 3, height=cell - 3, aspect=False, cursor="pointer"
            ).encode(url="thumb:N", opacity=opacity, tooltip=tooltip)
            frame = base.transform_filter(picked).mark_square(
                size=(cell - 3) ** 2, filled=False, strokeWidth=3, opacity=1, aria=False
            )
            role = "rare" if group in grouping.minority else "common"
            title = alt.Title(
                f"{words[group][0].upper()}{words[group][1:]}",
                subtitle=f"{role}: {int(group_rows['kept'].sum())} of {len(group_rows)} kept",
                color=colours[group],
            )
            sheet = alt.layer(
                images.properties(name=f"sheet_{len(sheets)}"),
                frame.encode(color=alt.value(palette.accent)),
            )
            sheets.append(sheet.properties(width=side, height=lines * cell, title=title))
    spacing = {"column": 28, "row": 18}
    chart = alt.concat(*sheets, columns=across(len(sheets), side), spacing=spacing)
    chart.params = [click("pick", "id", [f"sheet_{number}" for number in range(len(sheets))])]
    return finished(chart, palette)
