"""What a room voted, as bars large enough for a projector, with what was measured beside them.

The one idea: an answer stands above its bar, not beside it, so that a sentence has the whole width; a measurement is a
mark and words, never a colour alone.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.tables import need
from vlcore.charts.theme import Palette, theme

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
    need(rows, ("text", "votes", "measured"), "rows")
    if rows.empty:
        raise ValueError("rows: there is no answer to show")
    if (rows["votes"] < 0).any():
        raise ValueError("votes: a number of votes is 0 or more")
    table = rows.loc[:, ["text", "votes", "measured"]].reset_index(drop=True)
    table["row"] = table.index
    table["spoken"] = [
        f"{row.text}: {row.votes} {'vote' if row.votes == 1 else 'votes'}"
        + (f"; measured {row.measured}" if row.measured else "")
        for row in table.itertuples()
    ]
    most, plot = max(1, int(table["votes"].max())), max(160, width - 20)
    lines = "\n" if plot < _NARROW else " "
    table["said"] = [
        f"▲ measured {where}".replace(" and ", f"{lines}and ") if where else "" for where in table["measured"]
    ]
    longest, size = plot - _COUNT, 18 if plot >= _NARROW else 16
    base = alt.Chart(table).encode(
        y=alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0)),
        description=alt.Description("spoken:N"),
        tooltip=[alt.Tooltip("text:N", title="answer"), alt.Tooltip("votes:Q")],
    )
    bar = alt.X("votes:Q", axis=None, scale=alt.Scale(domain=[0, most], range=[0, longest], nice=False))
    accent = alt.when("datum.measured != ''").then(alt.value(palette.accent)).otherwise(alt.value(palette.muted))
    return (
        alt.layer(
            base.mark_bar(height=_BAR, yOffset=4, cornerRadiusEnd=3).encode(x=bar, color=accent),
            base.mark_text(align="left", dx=8, dy=4, fontSize=18, fontWeight=600, aria=False).encode(
                x=bar, text="votes:Q", color=alt.value(palette.text)
            ),
            base.mark_text(align="left", dy=-22, fontSize=size, limit=plot, aria=False).encode(
                x=alt.value(0), text="text:N", color=alt.value(palette.text)
            ),
            base.mark_text(
                align="left", dy=26, fontSize=14, fontWeight=600, limit=plot, lineBreak="\n", aria=False
            ).encode(x=alt.value(0), text="said:N", color=alt.value(palette.accent)),
        )
        .properties(autosize="pad", width=plot, height=_ROW * len(table))
        .configure(**theme(palette, frame=False))
    )
