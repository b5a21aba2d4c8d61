"""Attributes in words: of drawn scenes by their factors, of other sets by columns and captions."""

import json
from dataclasses import replace

import numpy as np
import pytest

from vlcore.data.attributes import FEWEST, attributes_of
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return open_set("scenes")


def test_words_of_a_drawn_scene_are_those_of_its_factors(images: ImageSet) -> None:
    rows = images.rows("probe")[:40]
    table = attributes_of(images, rows)
    factors = [json.loads(text) for text in images.table["factors"].iloc[rows]]
    assert len(table) == 40
    for words, scene in zip(table.to_dict("records"), factors, strict=True):
        assert words["place"] == scene["context"]
        assert words["coat"] == (
            "pale coat" if scene["coat"] in ("cream", "dun", "sand") else "dark coat"
        )
        assert words["clouds"] == ("many clouds" if scene["clouds"] > 0.5 else "few clouds")
        # y grows downwards
        assert words["horizon"] == ("low horizon" if scene["horizon"] > 0.49 else "high horizon")
        assert words["build"] in (
            ("one hump", "two humps")
            if scene["object"] == "camel"
            else ("light build", "heavy build")
        )


def test_a_word_stands_in_one_column_only(images: ImageSet) -> None:
    table = attributes_of(images, images.rows("test"))
    columns = [set(table[name]) for name in table]
    assert sum(map(len, columns)) == len(set().union(*columns))


def test_other_sets_have_their_columns_and_the_words_of_their_captions(images: ImageSet) -> None:
    rows = images.rows("probe")[:100]
    number = np.arange(len(images.table))
    is_first = number % 2 == 0
    lenses = np.where(number % 50, number % 10, 10 + number // 50 % 5)
    own = {
        "camera": np.where(is_first, "old", "new"),
        "id": number,
        "file": [f"{name}.png" for name in number],
        "lens": np.array(list("abcdefghijklmno"))[lenses],
        "lux": np.where(number % 5, (200 + 10 * (number % 21)).astype(str), ""),
        "rain": np.where(number % 3, 0, number % 40),
    }
    table = images.table.assign(
        caption=np.where(is_first, "a horse beside a fence", "a camel"),
        **{f"user:{name}": values for name, values in own.items()},
    )
    other = replace(images, table=table, about={})
    attributes = attributes_of(other, rows)
    assert set(attributes["user:camera"]) == {"camera old", "camera new"}
    assert not {"user:id", "user:file"} & set(attributes), "they name or number each image"
    assert set(attributes["caption fence"]) == {"“fence”", ""}
    assert "caption horse" not in attributes, "an object is no attribute"
    assert set(attributes["user:lens"]) == {"", *(f"lens {name}" for name in "abcdefghij")}
    assert set(attributes["user:lux"]) == {"", "lux < 300", "lux ≥ 300"}
    lux = table["user:lux"].iloc[rows].reset_index(drop=True)
    is_low = attributes["user:lux"] == "lux < 300"
    assert lux[is_low].astype(float).max() < 300 <= lux[lux != ""][~is_low].astype(float).min()
    assert set(attributes["user:rain"]) == {"rain ≤ 0", "rain > 0"}, "most have the least"
    few = attributes_of(other, rows[: FEWEST - 1])
    assert not [name for name in few if name.startswith("caption ")]
