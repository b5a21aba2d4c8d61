"""A ranking: teams and baselines in order, in no more of the page than there is."""

import pandas as pd
import pytest

from tests.plots import drawn
from vlcore.plots.classroom import ranking_chart
from vlcore.plots.theme import LIGHT


def rows(teams: int) -> pd.DataFrame:
    table = pd.DataFrame(
        [
            *((f"Team {n}", 0.8 - n / 100, 0.9, "12 changes", False) for n in range(teams)),
            ("as it was", 0.4, 0.95, "40 %", True),
            ("dfr", 0.6, 0.9, "60 %", True),
        ],
        columns=["name", "value", "second", "words", "is_baseline"],
    )
    return table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02)


def spec_of(table: pd.DataFrame, width: int = 1200) -> drawn.Spec:
    words = {"title": "right; hollow: majority", "second_title": "majority"}
    chart = ranking_chart(
        table, palette=LIGHT, width=width, height=520, baseline="as it was", **words
    )
    spec: drawn.Spec = chart.to_dict()
    return spec


@pytest.mark.parametrize("teams", [1, 12, 28])
def test_it_fits_under_a_title_and_names_all_in_order(teams: int) -> None:
    spec = spec_of(rows(teams))
    assert spec["height"] <= 520 - 50
    assert spec["width"] < 1200
    assert all(f"Team {n}" in str(spec) for n in range(teams))
    assert drawn.svg(spec)


def test_on_a_phone_the_dots_have_the_room_and_words_are_above_them() -> None:
    spec = spec_of(rows(4), 350)
    assert spec["width"] > 180
    assert spec["height"] >= 6 * 40
    (words,) = [layer["mark"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    assert words["dy"] < 0
    assert "12 changes" in drawn.svg(spec)
