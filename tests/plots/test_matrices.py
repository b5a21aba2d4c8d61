"""Matrices of captions: a number in every cell, one scale for all."""

from itertools import product

import pandas as pd

from tests.plots import drawn
from vlcore.plots.matrices import caption_matrices
from vlcore.plots.theme import DARK, LIGHT


def similarities(*captions: tuple[str, ...]) -> pd.DataFrame:
    pairs = [
        (pane, *both) for pane, texts in enumerate(captions) for both in product(texts, repeat=2)
    ]
    rows = [(pane, one, other, 1.0 if one == other else -0.25) for pane, one, other in pairs]
    return pd.DataFrame(rows, columns=["pane", "row", "column", "similarity"])


def test_captions_of_all_models_stand_in_one_scale_with_their_numbers() -> None:
    rows = similarities(("horse", "camel"), ("a", "b", "c"))
    chart = caption_matrices(rows, ["left model", "right model"], palette=LIGHT)
    found = drawn.texts(chart)
    assert found.count("1.00") == 2 + 3
    assert found.count("−0.25") == 2 + 6
    assert {"left model", "right model", "horse", "c"} <= set(found)
    encodings = [mark["encoding"] for mark in drawn.marks(chart.to_dict())]
    fills = [channels["color"]["scale"]["domain"] for channels in encodings if "color" in channels]
    assert fills == [[-1, 0, 1]] * 2


def test_many_captions_have_no_numbers_but_say_them() -> None:
    chart = caption_matrices(
        similarities(tuple(f"caption {n}" for n in range(12))), ["one"], palette=DARK
    )
    assert "−0.25" not in drawn.texts(chart)
    assert "“caption 0” and “caption 11”: -0.25" in chart.to_json()
