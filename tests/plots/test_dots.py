"""The dots of a room: none covers another, none leaves the figure, and what cannot be drawn is
refused."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vlcore.plots.dots import KINDS, dots_chart
from vlcore.plots.rendering import SLIDE, chart_slide
from vlcore.plots.theme import DARK, LIGHT


def rows(differences: list[float], kinds: list[str] | None = None) -> pd.DataFrame:
    kinds = kinds or [KINDS[number % len(KINDS)] for number in range(len(differences))]
    words = [f"block {number}" for number in range(len(differences))]
    return pd.DataFrame({"difference": differences, "kind": kinds, "words": words})


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=200),
    st.sampled_from([(340, 210), (1180, 270), (1000, 480)]),
)
def test_dots_stand_apart_and_within_the_figure(
    differences: list[float], sides: tuple[int, int]
) -> None:
    spec = dots_chart(
        rows(differences), palette=LIGHT, width=sides[0], height=sides[1], title="x", unit=100
    ).to_dict()
    drawn = next(data for data in spec["datasets"].values() if "kind" in data[0])
    assert len(drawn) == len(differences)
    assert len({(round(row["x"], 9), row["y"]) for row in drawn}) == len(differences), (
        "none covers another"
    )
    low, high = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "point")[
        "encoding"
    ]["y"]["scale"]["domain"]
    beneath = [row["y"] for row in drawn]
    assert low <= min(beneath)
    if (
        len(differences) <= 60
    ):  # in a small figure many equal ones grow out of it, and the dots are as small as they get
        assert max(beneath) <= max(high, 60 * 5 + 20)
    assert spec["description"].endswith(f"{len(differences)} dots")


def test_a_slide_has_the_size_of_one_in_either_theme() -> None:
    for palette in (LIGHT, DARK):
        chart = dots_chart(
            rows([-0.1, 0.2]),
            palette=palette,
            width=900,
            height=400,
            title="x",
            mean=(0.05, -0.1, 0.2),
        )
        with Image.open(BytesIO(chart_slide(chart.to_dict(), palette))) as slide:
            assert slide.size == SLIDE
            assert len(np.unique(np.asarray(slide.convert("L")))) > 10


@pytest.mark.parametrize(
    "table",
    [
        rows([]),
        rows([0.1], ["of somebody"]),
        rows([float("nan")]),
        rows([0.1]).drop(columns="words"),
    ],
)
def test_what_is_no_dot_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(
        ValueError, match=r"nothing to show|unknown kind|not a number|missing columns"
    ):
        dots_chart(table, palette=LIGHT, width=300, height=200, title="x")
