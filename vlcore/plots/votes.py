"""The votes of a room, as bars large enough for a projector, with what was measured beside them.

An answer stands above its bar, so that it has the whole width; a measurement is a mark and words,
not a colour.
"""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.plots.scales import SPOKEN, Chart, finished
from vlcore.plots.tables import whole
from vlcore.plots.theme import Palette

_COUNT = 50  # px beside the longest bar
_NARROW = 420  # px below which answers are set smaller, so that none is cut off


def votes_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Bars with the number of votes for each answer, in a figure of `width` px. One row an answer,
    in the order of the
    question: `text`, `votes` (whole number) and `measured` (where it is measured, such as "in this
    run", or empty). ValueError as `whole`, or where a number of votes is negative."""
    table = whole(rows, ("text", "votes", "measured"), "rows")
    if (table["votes"] < 0).any():
        raise ValueError("votes: a number of votes is 0 or more")
    most, plot = max(1, int(table["votes"].max())), max(160, width - 20)
    narrow = plot < _NARROW
    table["row"] = table.index
    count = table["votes"].astype(str) + np.where(table["votes"] == 1, " vote", " votes")
    spoken = table["text"] + ": " + count
    table["spoken"] = spoken.where(
        table["measured"] == "", spoken + "; measured " + table["measured"]
    )
    said = ("▲ measured " + table["measured"]).str.replace(" and ", "\nand " if narrow else " and ")
    table["said"] = said.where(table["measured"] != "", "")
    y = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    base = Chart(table).encode(
        y=y, description=SPOKEN, tooltip=[alt.Tooltip("text:N", title="answer"), "votes:Q"]
    )
    bar = alt.X(
        "votes:Q",
        axis=None,
        scale=alt.Scale(domain=[0, most], range=[0, plot - _COUNT], nice=False),
    )
    accent = (
        alt.when("datum.measured != ''")
        .then(alt.value(palette.accent))
        .otherwise(alt.value(palette.muted))
    )

    def text(column: str, x: alt.X, colour: str, **mark: object) -> alt.Chart:
        return base.mark_text(align="left", aria=False, **mark).encode(
            x=x, text=column, color=alt.value(colour)
        )

    left = alt.value(0)
    layers = alt.layer(
        base.mark_bar(height=22, yOffset=4, cornerRadiusEnd=3).encode(x=bar, color=accent),
        text("votes:Q", bar, palette.text, dx=8, dy=4, fontSize=18, fontWeight=600),
        text("text:N", left, palette.text, dy=-22, fontSize=16 if narrow else 18, limit=plot),
        text(
            "said:N",
            left,
            palette.accent,
            dy=26,
            fontSize=14,
            fontWeight=600,
            limit=plot,
            lineBreak="\n",
        ),
    )
    return finished(layers, palette, width=plot, height=92 * len(table))
