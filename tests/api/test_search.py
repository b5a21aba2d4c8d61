"""Search: words against a slow look at each image, and images like another one."""

import dataclasses
import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.stand_ins import image_set
from vlcore.api.compared_maps import ComparedMaps, compare_maps
from vlcore.api.comparison import Comparison
from vlcore.api.model_map import ModelMap
from vlcore.api.search import LONGEST, find_alike, find_words
from vlcore.api.selections import SelectionError

IMAGES = image_set()
COUNT = len(IMAGES.table)
COLUMNS = {
    "factors": [
        json.dumps({"object": "x", "coat": ("bay", "grey")[row % 2], "size": row})
        for row in range(COUNT)
    ],
    "source": [f"Días/Foto {row}.JPG" for row in range(COUNT)],
    "user:place": [("Gobi  Desert", "the garden")[row % 2] for row in range(COUNT)],
    "user:lux": [str(row / 2) for row in range(COUNT)],
}
SET = dataclasses.replace(IMAGES, table=IMAGES.table.assign(**COLUMNS))


@pytest.fixture(scope="module")
def comparison(models: list[ModelMap]) -> ComparedMaps:
    return compare_maps(models, SET)


def cells(row: int) -> list[str]:
    """The words that an image is found by."""
    image = SET.table.iloc[row]
    words = [image[name] for name in ("object", "context", "caption")]
    words += [COLUMNS[name][row] for name in ("source", "user:place", "user:lux")]
    rarity = "rare" if image["group"] in SET.grouping.minority else "common"
    return [*words, rarity, ("bay", "grey")[row % 2]]


@pytest.mark.parametrize(
    "text", ["CAMEL grass", "rare hor", "gobi bay", "días/foto 17", "garden 8.5", "common DESERT"]
)
def test_all_words_are_found_in_whichever_column(comparison: ComparedMaps, text: str) -> None:
    expected = [
        row
        for row in comparison.rows.tolist()
        if all(any(word in cell.casefold() for cell in cells(row)) for word in text.lower().split())
    ]
    assert expected
    assert find_words(comparison, text).rows.tolist() == expected


def test_images_that_no_map_shows_are_found_where_no_other_is(comparison: ComparedMaps) -> None:
    unshown = next(row for row in range(COUNT)[::-1] if row not in comparison.rows)
    selection = find_words(comparison, f"foto {unshown}.jpg")
    assert (selection.rows.tolist(), len(selection.points)) == ([unshown], 0)


@pytest.mark.parametrize("text", ["", " ", "zebra camel", "x" * (LONGEST + 1), "left prediction"])
def test_what_is_not_found_is_said(comparison: ComparedMaps, text: str) -> None:
    with pytest.raises(SelectionError):
        find_words(comparison, text)


@given(st.text(max_size=20))
def test_any_text_is_a_search_or_refused_in_a_sentence(comparison: ComparedMaps, text: str) -> None:
    with suppress(SelectionError):
        assert len(find_words(comparison, text))


@pytest.mark.parametrize("by_both", [True, False], ids=["both show it", "one lacks it"])
def test_like_an_image_are_the_nearest_in_each_space(
    comparison: ComparedMaps, by_both: bool
) -> None:
    left, right = comparison.models
    row = int(right.rows[2] if by_both else np.setdiff1d(left.rows, right.rows)[0])
    expected = {row}
    for model in comparison.models:
        (index,) = model.index([row])
        if index >= 0:
            nearest = np.argsort(-(model.z @ model.z[index]), kind="stable")
            others = [int(other) for other in model.rows[nearest] if other != row]
            expected |= set(others[:4])
    assert set(find_alike(comparison, row, 5).rows.tolist()) == expected
    with pytest.raises(SelectionError):
        find_alike(comparison, COUNT + 9)


def test_a_notebook_searches_in_a_comparison(comparison: ComparedMaps) -> None:
    both = Comparison.__new__(Comparison)
    both.maps = comparison
    assert set(both.search("camel").points["object"]) == {"camel"}
    assert len(both.like(f"p{comparison.rows[0]}", 3)) >= 3
    with pytest.raises(SelectionError):
        both.like("p-1")
