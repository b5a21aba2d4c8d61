"""The votes of a room, as bars large enough for a projector, with what was measured beside them.

An answer stands above its bar, not beside it, so that a sentence has the whole width; a measurement is a mark and
words, never a colour alone.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.scales import SPOKEN, finished
from vlcore.charts.tables import whole
from vlcore.charts.theme import Palette

_ROW, _BAR = 92, 22  # px of one answer, and of its bar
_COUNT = 50  # px beside the longest bar
_NARROW = 420  # px below which answers are set smaller, so that none is cut off


def votes_chart(rows: pd.DataFrame, *, palette: Palette, width: int) -> alt.LayerChart:
    """Bars with the number of votes for each answer.

    Args:
        rows: One row an answer, in the order of the question: `text`, `votes` (whole number) and `measured` (where the
            measurement is for this answer, such as "in this run"; empty where it is for none).
        palette: Colours.
        width: Of the whole figure in px.

    Raises:
        ValueError: No rows, a column is missing, or a number of votes is negative.
    """
    table = whole(rows, ("text", "votes", "measured"), "rows")
    if (table["votes"] < 0).any():
        raise ValueError("votes: a number of votes is 0 or more")
    most, plot = max(1, int(table["votes"].max())), max(160, width - 20)
    narrow = plot < _NARROW
    table["row"] = table.index
    table["spoken"] = [
        f"{row.text}: {row.votes} {'vote' if row.votes == 1 else 'votes'}"
        + (f"; measured {row.measured}" if row.measured else "")
        for row in table.itertuples()
    ]
    table["said"] = [
        f"▲ measured {where}".replace(" and ", "\nand " if narrow else " and ") if where else ""
        for where in table["measured"]
    ]
    base = alt.Chart(table).encode(
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0)),
        description=SPOKEN,
        tooltip=[alt.Tooltip("text:N", title="answer"), "votes:Q"],
    )
    bar = alt.X("votes:Q", axis=None, scale=alt.Scale(domain=[0, most], range=[0, plot - _COUNT], nice=False))
    accent = alt.when("datum.measured != ''").then(alt.value(palette.accent)).otherwise(alt.value(palette.muted))

    def text(column: str, x: alt.X, colour: str, **mark: object) -> alt.Chart:
        words = base.mark_text(align="left", aria=False, **mark)
        return words.encode(x=x, text=column, color=alt.value(colour))

    return finished(
        alt.layer(
            base.mark_bar(height=_BAR, yOffset=4, cornerRadiusEnd=3).encode(x=bar, color=accent),
            text("votes:Q", bar, palette.text, dx=8, dy=4, fontSize=18, fontWeight=600),
            text("text:N", alt.value(0), palette.text, dy=-22, fontSize=16 if narrow else 18, limit=plot),
            text(
                "said:N", alt.value(0), palette.accent, dy=26, fontSize=14, fontWeight=600, limit=plot, lineBreak="\n"
            ),
        ),
        palette,
        width=plot,
        height=_ROW * len(table),
    )
