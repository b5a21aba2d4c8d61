"""Matrices: a number in every cell, a mark for what it counts as, one scale for all."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from vlcore.charts.matrices import FALSE_NEGATIVE, KINDS, TRUE_PAIR, UNUSED, caption_matrices, pair_matrix
from vlcore.charts.theme import DARK, LIGHT, Palette
from vlcore.charts.thumbnails import thumb_uri


def similarities(*captions: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        (pane, one, other, 1.0 if one == other else -0.25)
        for pane, texts in enumerate(captions)
        for one in texts
        for other in texts
    ]
    return pd.DataFrame(rows, columns=["pane", "row", "column", "similarity"])


def scales(spec: Any, channel: str) -> list[Any]:
    """Every scale of a channel, wherever it stands."""
    if isinstance(spec, list):
        return [scale for part in spec for scale in scales(part, channel)]
    if not isinstance(spec, dict):
        return []
    here = spec.get("encoding", {}).get(channel, {})
    found = [part["scale"] for part in (here, here.get("condition", {})) if isinstance(part, dict) and "scale" in part]
    return found + [scale for part in spec.values() for scale in scales(part, channel)]


def test_captions_of_all_models_stand_in_one_scale_with_their_numbers() -> None:
    chart = caption_matrices(
        similarities(("horse", "camel"), ("a", "b", "c")), ["left model", "right model"], palette=LIGHT
    )
    found = drawn.texts(chart)
    assert found.count("1.00") == 2 + 3
    assert found.count("−0.25") == 2 + 6
    assert {"left model", "right model", "horse", "c"} <= set(found)
    assert {json.dumps(scale["domain"]) for scale in scales(chart.to_dict(), "color")} == {"[-1, 0, 1]"}


def test_many_captions_have_no_numbers_but_say_them() -> None:
    chart = caption_matrices(similarities(tuple(f"caption {n}" for n in range(12))), ["one"], palette=DARK)
    assert "−0.25" not in drawn.texts(chart)
    assert "“caption 0” and “caption 11”: -0.25" in chart.to_json()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (similarities(("a",)).drop(columns="row"), "missing columns row"),
        (similarities(("a",)).iloc[:0], "nothing to show"),
        (similarities(("a",)).assign(similarity=1.5), "a cosine"),
        (similarities(("a",)).assign(similarity=np.nan), "a cosine"),
    ],
)
def test_what_is_no_similarity_is_refused(cells: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        caption_matrices(cells, ["one"], palette=LIGHT)


def pairs(columns: int = 6) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One picture a kind, against as many captions."""
    rows = [
        (row, column, f"caption {column}", row - column + 0.5, kind if row == column else UNUSED, "0.25", f"so {row}")
        for row, kind in enumerate(KINDS)
        for column in range(columns)
    ]
    cells = pd.DataFrame(rows, columns=["row", "column", "caption", "score", "kind", "note", "counts"])
    thumbs = [thumb_uri(np.full((4, 4, 3), number, np.uint8), side=8) for number in range(len(KINDS))]
    return cells, pd.DataFrame({"label": [f"picture {n}" for n in range(len(KINDS))], "thumb": thumbs})


def test_a_pair_shows_its_score_its_weight_and_what_it_counts_as() -> None:
    chart = pair_matrix(*pairs(), palette=LIGHT)
    found = drawn.texts(chart)
    assert found.count("0.5") == 6
    assert found.count("0.25") == 36
    assert {*KINDS, "picture 3", "caption 5"} <= set(found)
    assert "picture 0 with “caption 0”: score 0.5, true pair" in chart.to_json()


def test_only_kinds_that_occur_are_in_the_legend_and_a_wide_matrix_has_no_weights() -> None:
    cells, pictures = pairs(columns=12)
    found = drawn.texts(pair_matrix(cells.assign(kind=TRUE_PAIR), pictures, palette=LIGHT))
    assert TRUE_PAIR in found
    assert FALSE_NEGATIVE not in found
    assert "0.25" not in found


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_the_colours_of_scores_part_at_the_middle(palette: Palette) -> None:
    cells, pictures = pairs()
    spec = pair_matrix(cells, pictures, palette=palette, middle=2.0).to_dict()
    (scale,) = [scale for scale in scales(spec, "color") if len(scale["domain"]) == 3]
    assert scale["domain"] == [-4.5, 2.0, 8.5]  # scores from -4.5 to 5.5: as far on both sides
    assert scale["range"][1] == palette.ground


def test_one_score_everywhere_is_drawn() -> None:
    cells, pictures = pairs()
    assert drawn.texts(pair_matrix(cells.assign(score=0.0), pictures, palette=LIGHT)).count("0.0") >= 36


@pytest.mark.parametrize(
    ("cells", "pictures", "message"),
    [
        (pairs()[0].drop(columns="counts"), pairs()[1], "missing columns counts"),
        (pairs()[0], pairs()[1].drop(columns="thumb"), "missing columns thumb"),
        (pairs()[0].iloc[:0], pairs()[1], "nothing to show"),
        (pairs()[0], pairs()[1].iloc[:0], "nothing to show"),
        (pairs()[0].assign(kind="maybe"), pairs()[1], "unknown kind maybe"),
        (pairs()[0], pairs()[1].assign(thumb="http://elsewhere/x.png"), "picture 0"),
    ],
)
def test_a_matrix_with_a_hole_is_refused(cells: pd.DataFrame, pictures: pd.DataFrame, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pair_matrix(cells, pictures, palette=LIGHT)
