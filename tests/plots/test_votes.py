"""Votes as bars."""

from typing import Any

import pandas as pd

from tests.plots import drawn
from vlcore.plots.classroom import votes_chart
from vlcore.plots.theme import LIGHT


def votes() -> pd.DataFrame:
    answers = ["mostly: 70 to 90 %", "a coin", "<script>alert(1)</script>"]
    return pd.DataFrame(
        {"text": answers, "votes": [12, 1, 0], "measured": ["in this run", "", "in 7 runs"]}
    )


def spec(width: int = 520, **changed: Any) -> drawn.Spec:
    return votes_chart(votes().assign(**changed), palette=LIGHT, width=width).to_dict(
        validate=False
    )


def test_every_answer_is_spoken_with_its_votes_and_its_measurement() -> None:
    found = drawn.rows(spec())
    assert [row["spoken"] for row in found] == [
        "mostly: 70 to 90 %: 12 votes; measured in this run",
        "a coin: 1 vote",
        "<script>alert(1)</script>: 0 votes; measured in 7 runs",
    ]
    assert [row["words"] for row in found] == ["▲ measured in this run", "", "▲ measured in 7 runs"]
    svg = drawn.svg(spec())
    assert "&lt;script&gt;" in svg
    assert "<script" not in svg


def test_the_longest_bar_leaves_room_for_its_count() -> None:
    for votes_cast, most in ([12, 1, 0], 12), (0, 1):
        chart = spec(votes=votes_cast)
        x = chart["layer"][0]["encoding"]["x"]["scale"]
        assert (x["domain"], x["range"][1] + 50, chart["width"]) == ([0, most], 500, 500)


def test_a_narrow_window_has_smaller_answers_and_two_readings_on_two_lines() -> None:
    measured = "in this run and in the published runs"
    narrow, wide = (spec(width, measured=measured) for width in (290, 520))
    sizes = [chart["layer"][2]["mark"]["fontSize"] for chart in (narrow, wide)]
    assert sizes == sorted(set(sizes))
    assert drawn.rows(wide)[0]["words"] == f"▲ measured {measured}"
    assert drawn.rows(narrow)[0]["words"].split("\n")[1] == "and in the published runs"
