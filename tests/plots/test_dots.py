"""The dots of a room: none covers another, and none leaves the figure."""

from io import BytesIO

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vlcore.plots.classroom import DOT_KINDS, dots_chart
from vlcore.plots.rendering import SLIDE, chart_slide
from vlcore.plots.theme import DARK, LIGHT


def rows(differences: list[float], kinds: list[str] | None = None) -> pd.DataFrame:
    kinds = kinds or [DOT_KINDS[number % len(DOT_KINDS)] for number in range(len(differences))]
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
        with Image.open(BytesIO(chart_slide(chart.to_dict(validate=False), palette))) as slide:
            assert slide.size == SLIDE
            assert len(np.unique(np.asarray(slide.convert("L")))) > 10
