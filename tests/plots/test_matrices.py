"""Matrices: a number in every cell, a mark for what it counts as, one scale for all."""

from itertools import product

import numpy as np
import pandas as pd

from tests.plots import drawn
from vlcore.plots.matrices import (
    FALSE_NEGATIVE,
    KINDS,
    TRUE_PAIR,
    UNUSED,
    caption_matrices,
    pair_matrix,
)
from vlcore.plots.theme import DARK, LIGHT
from vlcore.plots.thumbnails import thumb_uri


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


def pairs(columns: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One picture a kind, against as many captions."""
    rows = list(product(range(len(KINDS)), range(columns)))
    cells = pd.DataFrame(rows, columns=["row", "column"])
    cells["caption"] = [f"caption {column}" for column in cells["column"]]
    cells["score"] = cells["row"] - cells["column"] + 0.5
    cells["kind"] = [KINDS[row] if row == column else UNUSED for row, column in rows]
    cells = cells.assign(note="0.25", counts="so it is")
    thumbs = [
        (f"picture {number}", thumb_uri(np.full((4, 4, 3), number, np.uint8), side=8))
        for number in range(len(KINDS))
    ]
    return cells, pd.DataFrame(thumbs, columns=["label", "thumb"])


def test_a_pair_shows_its_score_its_weight_and_what_it_counts_as() -> None:
    chart = pair_matrix(*pairs(), palette=LIGHT)
    found = drawn.texts(chart)
    assert (found.count("0.5"), found.count("0.25")) == (6, 36)
    assert {*KINDS, "picture 3", "caption 5"} <= set(found)
    assert "picture 0 with “caption 0”: score 0.5, true pair" in chart.to_json()
    # Only kinds that occur are in the legend, and a wide matrix has no weights.
    cells, pictures = pairs(columns=12)
    found = drawn.texts(pair_matrix(cells.assign(kind=TRUE_PAIR), pictures, palette=LIGHT))
    assert TRUE_PAIR in found
    assert FALSE_NEGATIVE not in found
    assert "0.25" not in found


def test_the_colours_of_scores_part_at_the_middle() -> None:
    cells, pictures = pairs()
    spec = pair_matrix(cells, pictures, palette=DARK, middle=2.0).to_dict()
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == [-4.5, 2.0, 8.5]  # scores from -4.5 to 5.5: as far on both sides
    assert scale["range"][1] == DARK.ground
    flat = drawn.texts(pair_matrix(cells.assign(score=0.0), pictures, palette=LIGHT))
    assert flat.count("0.0") >= 36, "one score everywhere"
