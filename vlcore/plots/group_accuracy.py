"""The board of groups under the maps: objects by contexts, and in each cell how often each model is
right there."""

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import between, rate
from vlcore.plots.scales import SPOKEN, Chart, composed, either, told_apart, tooltips
from vlcore.plots.tables import Rows, listed
from vlcore.plots.theme import Palette

CELLS = "board_1"  # the name of the layer that is clicked
_HEAD, _LINE, _GAP = (
    34,
    22,
    12,
)  # px: the words of a cell, a model's line in it, what lies between two cells
_NAMES, _NUMBERS = 62, 118  # px for a model's name and for its numbers
_CELL = _NAMES + _NUMBERS + 90  # px at least, so that an interval is wide enough to be seen
_SAID = (
    "held-out pictures, 95 % interval, dashed: chance.",
    "Click a group to see it alone on the maps",
)


def group_grid(
    rows: Rows, *, palette: Palette, grouping: Grouping, width: int, panes: int = 4
) -> alt.LayerChart:
    """A grid of two objects by two contexts; a cell can be clicked (`cell`). Rows have `pane` (of
    so many `panes`), `model`, `group`, `accuracy`, `low`, `high` (fractions), `n`; one that was not
    measured is left out. Where two cells do not fit into the width, in px, all four stand below
    each other. ValueError as `listed`, where an interval is missing, or where a number is no
    fraction."""
    numbers = ["accuracy", "low", "high"]
    table = listed(
        rows,
        ["pane", "model", "group", *numbers, "n"],
        "board",
        group=grouping.names,
        pane=range(panes),
    )
    table = (
        table.astype(dict.fromkeys(numbers, float))
        .dropna(subset=["accuracy"])
        .reset_index(drop=True)
    )
    if table[numbers].isna().any(axis=None):
        raise ValueError("board: every accuracy needs its interval: low and high")
    if not table[numbers].stack().between(0, 1).all():
        raise ValueError("board: accuracy, low and high are fractions from 0 to 1")
    beside = 2 if width >= 2 * _CELL + _GAP else 1
    width = max(width, _CELL)
    side = (width - _GAP * (beside - 1)) / beside
    models = list(dict.fromkeys(table["pane"].astype(int)))
    height = _HEAD + _LINE * len(models) + 8
    cells = _cells(grouping, beside, side, height)
    tall = (height + _GAP) * (4 // beside) - _GAP
    base, line = (Chart(alt.to_values(one)) for one in (cells, _lines(table, models, cells, side)))
    x, y = (
        alt.Scale(domain=ends, nice=False, zero=False) for ends in ([0, width], [tall, 0])
    )  # px; y from the top

    def at(source: alt.Chart, across: str, up: str) -> alt.Chart:
        place = {
            "x": alt.X(f"{across}:Q", scale=x, axis=None),
            "y": alt.Y(f"{up}:Q", scale=y, axis=None),
        }
        return source.encode(**place, description=SPOKEN)

    colour = told_apart(alt.Color, "group:N", palette.colours(grouping))
    text = {
        "align": "left",
        "baseline": "middle",
        "fontSize": 12,
        "color": palette.text,
        "aria": False,
    }
    tooltip = tooltips({"where:N": "group", "model:N": "model"}) + tooltips(
        {"accuracy:Q": "right"}, ".1%"
    )
    tooltip += tooltips({"between:N": "95 % interval", "n:Q": "pictures"})
    chosen = {"param": "cell", "empty": False}
    cell = at(base, "x", "y").mark_rect(
        fill=palette.muted, cornerRadius=4, cursor="pointer", tooltip=None
    )
    interval = at(line, "low_x", "middle").mark_rule(
        strokeWidth=3, opacity=0.55, strokeCap="round", aria=False
    )
    half = at(line, "half", "top").mark_rule(color=palette.muted, strokeDash=[3, 3], aria=False)
    dot = at(line, "right_x", "middle").mark_point(filled=True, size=80, opacity=1)
    subtitle = list(_SAID) if beside == 1 else " ".join(_SAID)
    opacity = either(alt.FillOpacityValue, chosen, 0.16, 0.05)
    width_of_line = either(alt.StrokeWidthValue, chosen, 2, 1)
    stroke = either(alt.StrokeValue, chosen, palette.text, palette.line)
    cell = cell.encode(
        x2="x2:Q", y2="y2:Q", fillOpacity=opacity, stroke=stroke, strokeWidth=width_of_line
    )
    return composed(
        alt.layer,
        cell.properties(name=CELLS),
        at(base, "words_x", "words_y").mark_text(**text, fontWeight=600).encode(text="words:N"),
        half.encode(y2="bottom:Q"),
        at(line, "name_x", "middle").mark_text(**text).encode(text="model:N"),
        interval.encode(x2="high_x:Q", color=colour),
        dot.encode(color=colour, tooltip=tooltip),
        at(line, "said_x", "middle").mark_text(**text).encode(text="said:N"),
        width=width,
        height=tall,
        view=alt.ViewConfig(stroke=None),
        title=alt.Title("Named right, by group", subtitle=subtitle, frame="group"),
    )


def _cells(grouping: Grouping, beside: int, side: float, height: float) -> pd.DataFrame:
    words = group_words(grouping)
    cells = []
    for name, (obj, context) in zip(grouping.names, grouping.pairs, strict=True):
        down, right = divmod(
            2 * grouping.objects.index(obj) + grouping.contexts.index(context), beside
        )
        said = words[name] + (" (minority group)" if name in grouping.minority else "")
        cells.append((name, said, right * (side + _GAP), down * (height + _GAP)))
    table = pd.DataFrame(cells, columns=["group", "words", "x", "y"])
    corners = {"x2": table["x"] + side, "y2": table["y"] + height}
    spoken = table["words"] + ": click to see this group alone on the maps"
    return table.assign(**corners, words_x=table["x"] + 12, words_y=table["y"] + 18, spoken=spoken)


def _lines(rows: pd.DataFrame, models: list[int], cells: pd.DataFrame, side: float) -> pd.DataFrame:
    """One line of a cell a row: a model's name, its interval on a scale from 0 to 1, and its
    numbers."""
    where = cells.set_index("group").loc[rows["group"]].reset_index()
    name = where["x"] + 12
    start, span = name + _NAMES, side - 24 - _NAMES - _NUMBERS
    middle = where["y"] + _HEAD + _LINE * (rows["pane"].astype(int).map(models.index) + 0.5)
    estimates = rows.rename(columns={"accuracy": "value"}).to_dict("records")
    table = rows.drop(columns="pane").assign(
        where=where["words"],
        said=[rate(one) for one in estimates],
        between=[between(one, lambda end: f"{100 * end:.0f}") for one in estimates],
        **{"middle": middle, "top": middle - _LINE / 2, "bottom": middle + _LINE / 2},
        **{"name_x": name, "half": start + span / 2, "said_x": start + span + 14},
        **{
            f"{at}_x": start + span * rows[of]
            for at, of in (("low", "low"), ("high", "high"), ("right", "accuracy"))
        },
    )
    spoken = [
        f"{row.where}, {row.model}: right {row.said} of {row.n:,}" for row in table.itertuples()
    ]
    return table.assign(spoken=spoken)
