"""Votes as bars."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from vlcore.charts.theme import DARK, LIGHT, Palette
from vlcore.charts.votes import votes_chart


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": ["mostly: 70 to 90 %", "a coin", "<script>alert(1)</script>"],
            "votes": [12, 1, 0],
            "measured": ["in this run", "", "in 7 runs"],
        }
    )


def spec(rows: pd.DataFrame, palette: Palette = LIGHT, width: int = 520) -> dict[str, Any]:
    return votes_chart(rows, palette=palette, width=width).to_dict()


def table(drawn: dict[str, Any]) -> list[dict[str, Any]]:
    (found,) = drawn["datasets"].values()
    return list(found)


def test_every_answer_is_spoken_with_its_votes_and_its_measurement(rows: pd.DataFrame) -> None:
    assert [row["spoken"] for row in table(spec(rows))] == [
        "mostly: 70 to 90 %: 12 votes; measured in this run", "a coin: 1 vote",
        "<script>alert(1)</script>: 0 votes; measured in 7 runs",
    ]  # fmt: skip


def test_the_longest_bar_leaves_room_for_its_count(rows: pd.DataFrame) -> None:
    drawn = spec(rows)
    x = drawn["layer"][0]["encoding"]["x"]["scale"]
    assert x["domain"] == [0, 12]
    assert x["range"][1] + 50 == drawn["width"] == 500


def test_no_votes_are_no_bars(rows: pd.DataFrame) -> None:
    drawn = spec(rows.assign(votes=0))
    assert drawn["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_what_was_measured_is_said_in_words_not_in_colour_alone(rows: pd.DataFrame) -> None:
    assert [row["said"] for row in table(spec(rows))] == ["▲ measured in this run", "", "▲ measured in 7 runs"]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.name)
def test_it_is_drawn_in_both_palettes(rows: pd.DataFrame, palette: Palette) -> None:
    import vl_convert

    svg = vl_convert.vegalite_to_svg(json.dumps(spec(rows, palette)))
    assert palette.accent.lower() in svg.lower()
    assert "&lt;script&gt;" in svg
    assert "<script" not in svg


def test_answers_are_set_smaller_in_a_narrow_window(rows: pd.DataFrame) -> None:
    sizes = {width: spec(rows, width=width)["layer"][2]["mark"]["fontSize"] for width in (330, 520)}
    assert sizes[330] < sizes[520]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows.iloc[:0], "nothing to show"), (lambda rows: rows.drop(columns="votes"), "votes"),
        (lambda rows: rows.assign(votes=-1), "0 or more"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_are_refused(rows: pd.DataFrame, change: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        spec(change(rows))


def test_two_readings_of_one_answer_take_two_lines_on_a_phone() -> None:
    rows = pd.DataFrame({"text": ["often"], "votes": [1], "measured": ["in this run and in the published runs"]})
    texts = {}
    for width in (290, 520):
        spec = votes_chart(rows, palette=LIGHT, width=width).to_dict()
        (texts[width],) = [row["said"] for table in spec["datasets"].values() for row in table]
    assert texts[290] == texts[520].replace(" and", "\nand") == "▲ measured in this run\nand in the published runs"
