"""Charts for a room: votes as bars, dots of which none covers another, and a ranking in no more of
the page than there is."""

import re
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import vl_convert
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.plots import drawn
from vlcore.plots.classroom import DOT_KINDS, dots_chart, ranking_chart, votes_chart
from vlcore.plots.rendering import SLIDE, chart_slide
from vlcore.plots.theme import DARK, LIGHT


def votes() -> pd.DataFrame:
    answers = ["mostly: 70 to 90%", "a coin", "<script>alert(1)</script>"]
    return pd.DataFrame(
        {"text": answers, "votes": [12, 1, 0], "measured": ["in this run", "", "in 7 runs"]}
    )


def test_every_answer_is_spoken_with_its_votes_and_its_measurement() -> None:
    chart = votes_chart(votes(), palette=LIGHT, width=290)
    found = drawn.rows(chart.to_dict(validate=False))
    assert [row["spoken"] for row in found] == [
        "mostly: 70 to 90%: 12 votes; measured in this run",
        "a coin: 1 vote",
        "<script>alert(1)</script>: 0 votes; measured in 7 runs",
    ]
    svg = drawn.svg(chart)
    assert "&lt;script&gt;" in svg
    assert "<script" not in svg


def dots(differences: list[float], kinds: list[str] | None = None) -> pd.DataFrame:
    kinds = kinds or [DOT_KINDS[number % len(DOT_KINDS)] for number in range(len(differences))]
    words = [f"block {number}" for number in range(len(differences))]
    return pd.DataFrame({"difference": differences, "kind": kinds, "words": words})


@settings(max_examples=15)
@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=200),
    st.sampled_from([(340, 210), (1180, 270), (1000, 480)]),
)
def test_dots_stand_apart_and_within_the_figure(
    differences: list[float], sides: tuple[int, int]
) -> None:
    spec = dots_chart(
        dots(differences), palette=LIGHT, width=sides[0], height=sides[1], title="x", unit=100
    ).to_dict(validate=False)
    drawn = next(data for data in spec["datasets"].values() if "kind" in data[0])
    assert len(drawn) == len(differences)
    assert len({(round(row["x"], 9), row["y"]) for row in drawn}) == len(differences), (
        "none covers another"
    )
    (points,) = [layer for layer in spec["layer"] if layer["mark"]["type"] == "point"]
    low, high = points["encoding"]["y"]["scale"]["domain"]
    heights = [row["y"] for row in drawn]
    assert low <= min(heights)
    # In a small figure many equal ones grow out of it, and the dots are as small as they get.
    if len(differences) <= 60:
        assert max(heights) <= max(high, 60 * 5 + 20)
    assert spec["description"].endswith(f"{len(differences)} dots")


def test_a_long_title_and_all_kinds_fit_a_phone() -> None:
    title = "Minority-group accuracy: descriptive labels minus short labels, in points"
    chart = dots_chart(
        dots([-0.1, 0.2, 0.1, 0.0]), palette=LIGHT, width=340, height=210, title=title
    )
    svg = vl_convert.vegalite_to_svg(chart.to_dict(validate=False))
    (width,) = re.findall(r'^<svg [^>]*width="([\d.]+)"', svg)
    assert float(width) <= 340


def test_a_slide_has_the_size_of_one() -> None:
    chart = dots_chart(
        dots([-0.1, 0.2]), palette=DARK, width=900, height=400, title="x", mean=(0.05, -0.1, 0.2)
    )
    with Image.open(BytesIO(chart_slide(chart.to_dict(validate=False), DARK))) as slide:
        assert slide.size == SLIDE
        assert len(np.unique(np.asarray(slide.convert("L")))) > 10


def standings(teams: int) -> pd.DataFrame:
    table = pd.DataFrame(
        [
            *((f"Team {n}", 0.8 - n / 100, 0.9, "12 changes", False) for n in range(teams)),
            ("as it was", 0.4, 0.95, "40%", True),
            ("dfr", 0.6, 0.9, "60%", True),
        ],
        columns=["name", "value", "second", "words", "is_baseline"],
    )
    return table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02)


def ranking_spec(table: pd.DataFrame, width: int = 1200) -> drawn.Spec:
    words = {"title": "right; hollow: majority", "second_title": "majority"}
    chart = ranking_chart(
        table, palette=LIGHT, width=width, height=520, baseline="as it was", **words
    )
    spec: drawn.Spec = chart.to_dict()
    return spec


@pytest.mark.parametrize("teams", [1, 12, 28])
def test_it_fits_under_a_title_and_names_all_in_order(teams: int) -> None:
    spec = ranking_spec(standings(teams))
    assert spec["height"] <= 520 - 50
    assert spec["width"] < 1200
    assert all(f"Team {n}" in str(spec) for n in range(teams))
    assert drawn.svg(spec)


def test_on_a_phone_the_dots_have_the_room() -> None:
    spec = ranking_spec(standings(4), 350)
    assert spec["width"] > 180
    assert "12 changes" in drawn.svg(spec)
