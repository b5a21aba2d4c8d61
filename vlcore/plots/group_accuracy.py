"""The group accuracy panel under the maps: objects by contexts, and in each cell the accuracy of
each model."""

import altair as alt
import numpy as np
import pandas as pd

from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import between, rate_words
from vlcore.plots.scales import (
    SPOKEN,
    QuickChart,
    checked_columns,
    click,
    either,
    finished,
    straight,
    told_apart,
    tooltips,
)
from vlcore.plots.theme import Palette

CELLS = "board_1"  # the name of the layer that is clicked
_HEAD = 34  # px of the words of a cell
_LINE = 22  # px of a model's line in a cell
_GAP = 12  # px between two cells
_NAMES, _NUMBERS = 62, 118  # px for a model's name and for its numbers
_CELL = _NAMES + _NUMBERS + 90  # px at least, so that an interval is wide enough to be seen
_SUBTITLE = "held-out images, 95% interval, dashed: chance."
_CLICK = "Click a group to see it alone on the maps"


def group_panel(
    rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, width: int
) -> alt.LayerChart:
    """The grid of `group_grid` as a chart of its own, whose cells can be clicked (`cell`)."""
    grid = group_grid(rows, palette=palette, grouping=grouping, width=width, can_click=True)
    return finished(grid, palette, params=[click("cell", "group", [CELLS], toggle="true")])


def group_grid(
    rows: pd.DataFrame, *, palette: Palette, grouping: Grouping, width: int, can_click: bool = False
) -> alt.LayerChart:
    """A grid of two objects by two contexts, with each model's accuracy in each cell.

    Args:
        rows: `pane` (number of the map), `model`, `group`, `accuracy`, `low`, `high` (fractions),
            `n`; one that was not measured is left out.
        width: of the whole, in px; where two cells do not fit into it, all four stand below each
            other.
        can_click: whether the chart that it becomes a part of has the selection `cell`.
    """
    table = checked_columns(rows, ["pane", "model", "group", "accuracy", "low", "high", "n"])
    table = table.dropna(subset=["accuracy"]).reset_index(drop=True)
    models = list(dict.fromkeys(table["pane"].astype(int)))
    columns = 2 if width >= 2 * _CELL + _GAP else 1
    width = max(width, _CELL)
    cell_width = (width - _GAP * (columns - 1)) / columns
    cell_height = _HEAD + _LINE * len(models) + 8
    cell_rows = _cell_rows(grouping, columns, cell_width, cell_height)
    if can_click:
        cell_rows["spoken"] += ": click to see this group alone on the maps"
    line_rows = _line_rows(table, models, cell_rows, cell_width)
    height = (cell_height + _GAP) * (4 // columns) - _GAP
    cells, lines = QuickChart(alt.to_values(cell_rows)), QuickChart(alt.to_values(line_rows))
    x_scale = straight([0, width])
    y_scale = straight([height, 0])  # from the top

    def at(source: alt.Chart, x: str, y: str) -> alt.Chart:
        return source.encode(
            x=alt.X(f"{x}:Q", scale=x_scale, axis=None),
            y=alt.Y(f"{y}:Q", scale=y_scale, axis=None),
            description=SPOKEN,
        )

    def text(source: alt.Chart, x: str, y: str, field: str, **mark: object) -> alt.Chart:
        look = {"align": "left", "baseline": "middle", "fontSize": 12, "color": palette.text}
        return at(source, x, y).mark_text(**look, aria=False, **mark).encode(text=field)

    colour = told_apart(alt.Color, "group:N", palette.colours(grouping))
    tooltip = tooltips({"where:N": "group", "model:N": "model"})
    tooltip += tooltips({"accuracy:Q": "accuracy"}, ".1%")
    tooltip += tooltips({"between:N": "95% interval", "n:Q": "images"})
    half = at(lines, "half", "top").mark_rule(color=palette.muted, strokeDash=[3, 3], aria=False)
    interval = at(lines, "low_x", "middle").mark_rule(
        strokeWidth=3, opacity=0.55, strokeCap="round", aria=False
    )
    dot = at(lines, "right_x", "middle").mark_point(filled=True, size=80, opacity=1)
    words = [_SUBTITLE, _CLICK] if can_click else [_SUBTITLE]
    subtitle = words if columns == 1 else " ".join(words)
    return alt.layer(
        _grounds(at(cells, "x", "y"), palette, can_click),
        text(cells, "words_x", "words_y", "words:N", fontWeight=600),
        half.encode(y2="bottom:Q"),
        text(lines, "name_x", "middle", "model:N"),
        interval.encode(x2="high_x:Q", color=colour),
        dot.encode(color=colour, tooltip=tooltip),
        text(lines, "rate_x", "middle", "rate:N"),
        width=width,
        height=height,
        view=alt.ViewConfig(stroke=None),
        title=alt.Title("Accuracy by group", subtitle=subtitle, frame="group"),
    )


def _grounds(cells: alt.Chart, palette: Palette, can_click: bool) -> alt.Chart:
    """The grounds of the cells; the ones that were clicked stand out."""
    corners = {"x2": "x2:Q", "y2": "y2:Q"}
    look = {"fill": palette.muted, "cornerRadius": 4, "tooltip": None}
    if not can_click:
        still = cells.mark_rect(**look, fillOpacity=0.05, stroke=palette.line)
        return still.encode(**corners)
    chosen = {"param": "cell", "empty": False}
    return (
        cells.mark_rect(**look, cursor="pointer")
        .encode(
            **corners,
            fillOpacity=either(alt.FillOpacityValue, chosen, 0.16, 0.05),
            stroke=either(alt.StrokeValue, chosen, palette.text, palette.line),
            strokeWidth=either(alt.StrokeWidthValue, chosen, 2, 1),
        )
        .properties(name=CELLS)
    )


def _cell_rows(grouping: Grouping, columns: int, width: float, height: int) -> pd.DataFrame:
    """One row a group: its words, and its cell of so many px, in one or two columns."""
    table = pd.DataFrame(group_words(grouping).items(), columns=["group", "words"])
    table["words"] += np.where(table["group"].isin(grouping.minority), " (rare)", "")
    places = [
        2 * grouping.objects.index(obj) + grouping.contexts.index(context)
        for obj, context in grouping.pairs
    ]
    row, column = np.divmod(places, columns)
    table["x"] = column * (width + _GAP)
    table["y"] = row * (height + _GAP)
    return table.assign(
        x2=table["x"] + width,
        y2=table["y"] + height,
        words_x=table["x"] + 12,
        words_y=table["y"] + 18,
        spoken=table["words"],
    )


def _line_rows(
    rows: pd.DataFrame, models: list[int], cells: pd.DataFrame, cell_width: float
) -> pd.DataFrame:
    """One line of a cell a row: a model's name, its interval on a scale from 0 to 1, and its
    numbers."""
    cell = cells.set_index("group").loc[rows["group"]].reset_index()
    name = cell["x"] + 12
    start = name + _NAMES
    span = cell_width - 24 - _NAMES - _NUMBERS
    middle = cell["y"] + _HEAD + _LINE * (rows["pane"].astype(int).map(models.index) + 0.5)
    estimates = rows.rename(columns={"accuracy": "value"}).to_dict("records")
    table = rows.drop(columns="pane").assign(
        where=cell["words"],
        rate=[rate_words(estimate) for estimate in estimates],
        between=[between(estimate, lambda end: f"{100 * end:.0f}") for estimate in estimates],
        middle=middle,
        top=middle - _LINE / 2,
        bottom=middle + _LINE / 2,
        name_x=name,
        low_x=start + span * rows["low"],
        right_x=start + span * rows["accuracy"],
        high_x=start + span * rows["high"],
        half=start + span / 2,
        rate_x=start + span + 14,
    )
    table["spoken"] = [
        f"{row.where}, {row.model}: accuracy {row.rate} of {row.n:,}" for row in table.itertuples()
    ]
    return table
