"""The votes of a class session, as bars large enough for a projector, with what was measured beside
them.

An answer is above its bar, so that it has the whole width; a measurement is a mark and words, not a
colour.
"""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.plots.scales import finished, spoken_chart
from vlcore.plots.tables import filled_columns
from vlcore.plots.theme import Palette

_COUNT = 50  # px beside the longest bar
_NARROW = 420  # px below which answers are set smaller, so that none is cut off


def votes_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Bars with the number of votes for each answer, in a figure of `width` px.

    Args:
        rows: one row an answer, in the order of the question: `text`, `votes` (whole number) and
            `measured` (where it is measured, such as "in this run", or empty).

    Raises:
        ValueError: as `filled_columns`.
    """
    table = filled_columns(rows, ("text", "votes", "measured"))
    most = max(1, int(table["votes"].max()))
    plot = max(160, width - 20)
    is_narrow = plot < _NARROW
    is_measured = table["measured"] != ""
    table["row"] = table.index
    count = table["votes"].astype(str) + np.where(table["votes"] == 1, " vote", " votes")
    spoken = table["text"] + ": " + count
    table["spoken"] = spoken.mask(is_measured, spoken + "; measured " + table["measured"])
    words = "▲ measured " + table["measured"]
    if is_narrow:
        words = words.str.replace(" and ", "\nand ")
    table["words"] = words.where(is_measured, "")
    base = spoken_chart(
        table,
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0)),
        tooltip=[alt.Tooltip("text:N", title="answer"), "votes:Q"],
    )

    def text(field: str, x: object, colour: str, **mark: object) -> alt.Chart:
        words = base.mark_text(align="left", aria=False, **mark)
        return words.encode(x=x, text=field, color=alt.value(colour))

    bar_scale = alt.Scale(domain=[0, most], range=[0, plot - _COUNT], nice=False)
    bar, left = alt.X("votes:Q", axis=None, scale=bar_scale), alt.value(0)
    accent, muted = alt.value(palette.accent), alt.value(palette.muted)
    colour = alt.when("datum.measured != ''").then(accent).otherwise(muted)
    answer = {"dy": -22, "fontSize": 16 if is_narrow else 18, "limit": plot}
    measured = {"dy": 26, "fontSize": 14, "fontWeight": 600, "limit": plot, "lineBreak": "\n"}
    layers = alt.layer(
        base.mark_bar(height=22, yOffset=4, cornerRadiusEnd=3).encode(x=bar, color=colour),
        text("votes:Q", bar, palette.text, dx=8, dy=4, fontSize=18, fontWeight=600),
        text("text:N", left, palette.text, **answer),
        text("words:N", left, palette.accent, **measured),
    )
    return finished(layers, palette, width=plot, height=92 * len(table))
