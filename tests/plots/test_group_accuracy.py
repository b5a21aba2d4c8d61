"""The group accuracy panel: each group once, with each model's numbers in its cell."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.plots import drawn
from tests.plots.maps.examples import BOARD
from vlcore.experiment.grouping import SCENES
from vlcore.plots.group_accuracy import CELLS, group_grid, group_panel
from vlcore.plots.theme import LIGHT

LOOK = {"palette": LIGHT, "grouping": SCENES, "width": 800}


def lines_of(rows: pd.DataFrame, **changes: Any) -> list[dict[str, Any]]:
    tables = group_panel(rows, **LOOK | changes).to_dict()["datasets"].values()
    (lines,) = [rows for rows in tables if "rate" in rows[0]]
    return lines


@pytest.mark.parametrize("width", [800, 290])
def test_a_panel_has_each_group_once_and_each_models_numbers_in_it(width: int) -> None:
    spec = group_panel(BOARD, **LOOK | {"width": width}).to_dict()
    (grounds,) = [layer for layer in spec["layer"] if layer.get("name") == CELLS]
    cells = {row["group"]: row for row in drawn.rows(spec, grounds)}
    x, y = ({name: cell[axis] for name, cell in cells.items()} for axis in "xy")
    if width == 800:
        assert y["horse_grass"] == y["horse_desert"] < y["camel_grass"] == y["camel_desert"]
        assert x["horse_grass"] == x["camel_grass"] < x["horse_desert"] == x["camel_desert"]
    else:
        assert len(set(y.values())) == 4
    minority = {name for name, cell in cells.items() if "rare" in cell["words"]}
    assert minority == set(SCENES.minority)
    lines = lines_of(BOARD, width=width)
    for line, row in zip(lines, BOARD.itertuples(), strict=True):
        cell = cells[line["group"]]
        across = [line[name] for name in ("low_x", "right_x", "high_x", "rate_x")]
        assert cell["x"] < across[0] <= across[1] <= across[2] < across[3] < cell["x2"]
        assert cell["y"] < line["top"] < line["bottom"] < cell["y2"]
        scale = (line["high_x"] - line["low_x"]) / (row.high - row.low)
        assert line["right_x"] - line["half"] == pytest.approx(scale * (row.accuracy - 0.5))
    assert lines[5]["rate"] == "57% (52 to 60)"


def test_what_was_not_measured_has_no_line() -> None:
    measured = BOARD.query("pane == 0").copy()
    measured.loc[1, ["accuracy", "low", "high"]] = np.nan
    groups = {line["group"] for line in lines_of(measured)}
    assert groups == set(SCENES.names) - {"horse_desert"}


def test_a_cell_is_clicked_on_a_page_and_not_in_a_still_figure() -> None:
    page, still = (draw(BOARD, **LOOK).to_dict() for draw in (group_panel, group_grid))
    (param,) = page["params"]
    assert (param["name"], param["views"], param["select"]["fields"]) == (
        "cell",
        [CELLS],
        ["group"],
    )
    assert "params" not in still
    assert "click" not in str(still).lower()
    assert drawn.svg(still)
