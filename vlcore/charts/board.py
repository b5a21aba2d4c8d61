"""The board of groups under the maps: objects by contexts, and in each cell how often each model is right there.

The four cells are the four groups, so a click on a cell can ask the maps for that group alone.
"""

from __future__ import annotations

import altair as alt
import pandas as pd

from vlcore.charts.scales import SPOKEN, named_colours
from vlcore.charts.tables import known_only, need
from vlcore.charts.theme import Palette
from vlcore.core.grouping import Grouping, group_words
from vlcore.core.wording import between, rate

NAME = "board"
_HEAD, _LINE, _GAP = 34, 22, 12  # px: the words of a cell, a model's line in it, what lies between two cells
_NAMES, _NUMBERS = 62, 118  # px for a model's name and for its numbers
_CELL = _NAMES + _NUMBERS + 90  # px at least, so that an interval is wide enough to be seen
_SAID = ("held-out pictures, 95 % interval, dashed: chance.", "Click a group to see it alone on the maps")


def board_table(rows: pd.DataFrame, grouping: Grouping, panes: int) -> pd.DataFrame:
    """Accuracies of groups with their intervals; a row that was not measured is left out."""
    columns = ["pane", "model", "group", "accuracy", "low", "high", "n"]
    need(rows, columns, "board")
    known_only(rows["pane"], tuple(str(pane) for pane in range(panes)), "pane")
    known_only(rows["group"], grouping.names, "group")
    numbers = rows[["accuracy", "low", "high"]].astype(float)
    if ((numbers < 0) | (numbers > 1)).any(axis=None):
        raise ValueError("board: accuracy, low and high are fractions from 0 to 1")
    table = rows.loc[:, columns].assign(**numbers).dropna(subset=["accuracy"]).reset_index(drop=True)
    if table[["low", "high"]].isna().any(axis=None):
        raise ValueError("board: every accuracy needs its interval: low and high")
    return table


def group_grid(rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, width: int) -> alt.LayerChart:
    """A grid of two objects by two contexts; a cell can be clicked (`cell`).

    Args:
        rows: what `board_table` returns.
        palette: colours.
        grouping: which groups there are.
        width: in px. Where two cells do not fit, all four stand below each other.
    """
    beside = 2 if width >= 2 * _CELL + _GAP else 1
    width = max(width, _CELL)
    side = (width - _GAP * (beside - 1)) / beside
    panes = list(dict.fromkeys(rows["pane"].astype(int)))
    height = _HEAD + _LINE * len(panes) + 8
    cells = _cells(grouping, beside, side, height)
    tall = (height + _GAP) * (4 // beside) - _GAP
    base, line = alt.Chart(cells), alt.Chart(_lines(rows, panes, cells, side))
    x, y = (alt.Scale(domain=ends, nice=False, zero=False) for ends in ([0, width], [tall, 0]))  # px; y from the top

    def at(source: alt.Chart, across: str, up: str) -> alt.Chart:
        place = {"x": alt.X(f"{across}:Q", scale=x, axis=None), "y": alt.Y(f"{up}:Q", scale=y, axis=None)}
        return source.encode(**place, description=SPOKEN)

    colour = named_colours("group:N", palette.colours(grouping))
    text = {"align": "left", "baseline": "middle", "fontSize": 12, "color": palette.text, "aria": False}
    tooltip = [
        alt.Tooltip("where:N", title="group"),
        "model:N",
        alt.Tooltip("accuracy:Q", title="right", format=".1%"),
        alt.Tooltip("between:N", title="95 % interval"),
        alt.Tooltip("n:Q", title="pictures"),
    ]
    chosen = alt.when(alt.selection_point(name="cell", empty=False))
    cell = at(base, "x", "y").mark_rect(fill=palette.muted, cornerRadius=4, cursor="pointer", tooltip=None)
    interval = at(line, "low_x", "middle").mark_rule(strokeWidth=3, opacity=0.55, strokeCap="round", aria=False)
    half = at(line, "half", "top").mark_rule(color=palette.muted, strokeDash=[3, 3], aria=False)
    dot = at(line, "right_x", "middle").mark_point(filled=True, size=80, opacity=1)
    return alt.layer(
        cell.encode(
            x2="x2:Q",
            y2="y2:Q",
            fillOpacity=chosen.then(alt.value(0.16)).otherwise(alt.value(0.05)),
            stroke=chosen.then(alt.value(palette.text)).otherwise(alt.value(palette.line)),
            strokeWidth=chosen.then(alt.value(2)).otherwise(alt.value(1)),
        ).properties(name=f"{NAME}_1"),
        at(base, "words_x", "words_y").mark_text(**text, fontWeight=600).encode(text="words:N"),
        half.encode(y2="bottom:Q"),
        at(line, "name_x", "middle").mark_text(**text).encode(text="model:N"),
        interval.encode(x2="high_x:Q", color=colour),
        dot.encode(color=colour, tooltip=tooltip),
        at(line, "said_x", "middle").mark_text(**text).encode(text="said:N"),
        width=width,
        height=tall,
        view=alt.ViewConfig(stroke=None),
        title=alt.Title(
            "Named right, by group", subtitle=list(_SAID) if beside == 1 else " ".join(_SAID), frame="group"
        ),
    )


def _cells(grouping: Grouping, beside: int, side: float, height: float) -> pd.DataFrame:
    words = group_words(grouping)
    cells = []
    for name, (obj, context) in zip(grouping.names, grouping.pairs, strict=True):
        down, right = divmod(2 * grouping.objects.index(obj) + grouping.contexts.index(context), beside)
        said = words[name] + (" (minority group)" if name in grouping.minority else "")
        cells.append((name, said, right * (side + _GAP), down * (height + _GAP)))
    table = pd.DataFrame(cells, columns=["group", "words", "x", "y"])
    return table.assign(
        x2=table["x"] + side,
        y2=table["y"] + height,
        words_x=table["x"] + 12,
        words_y=table["y"] + 18,
        spoken=table["words"] + ": click to see this group alone on the maps",
    )


def _lines(rows: pd.DataFrame, panes: list[int], cells: pd.DataFrame, side: float) -> pd.DataFrame:
    """One line of a cell a row: a model's name, its interval on a scale from 0 to 1, and its numbers."""
    where = cells.set_index("group").loc[rows["group"]].reset_index()
    start = where["x"] + 12 + _NAMES
    span = side - 24 - _NAMES - _NUMBERS
    middle = where["y"] + _HEAD + _LINE * (rows["pane"].astype(int).map(panes.index) + 0.5)
    estimates = rows.rename(columns={"accuracy": "value"}).to_dict("records")
    table = rows.drop(columns="pane").assign(
        where=where["words"],
        between=[between(one, lambda end: f"{100 * end:.0f}") for one in estimates],
        said=[rate(one) for one in estimates],
        middle=middle,
        top=middle - _LINE / 2,
        bottom=middle + _LINE / 2,
        name_x=where["x"] + 12,
        half=start + span / 2,
        low_x=start + span * rows["low"],
        high_x=start + span * rows["high"],
        right_x=start + span * rows["accuracy"],
        said_x=start + span + 14,
    )
    spoken = [f"{row.where}, {row.model}: right {row.said} of {row.n:,}" for row in table.itertuples()]
    return table.assign(spoken=spoken)
