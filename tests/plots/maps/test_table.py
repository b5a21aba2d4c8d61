"""The columns of the images of maps: the values of the table in few bytes, and the bits that come
back from browsers."""

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.plots.maps.examples import COLOURINGS, EVERYTHING, POINTS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import GROUPS
from vlcore.plots.maps import table
from vlcore.plots.theme import DARK

ROWS = np.arange(len(POINTS)) * 3
COLUMNS = table.image_columns(POINTS, ROWS, 2, SCENES)
SHEET = {"uri": "data:image/webp;base64,AAAA", "tile": 96, "across": 20}


def unpacked(column: dict[str, Any], shape: tuple[int, ...] = (-1,)) -> np.ndarray:
    """The values of a packed column, as a browser reads them."""
    kind = np.dtype(column["type"]).newbyteorder("<")
    values = np.frombuffer(base64.b64decode(column["data"]), kind).reshape(shape)
    if "words" not in column:
        return values
    return np.array([*column["words"], None], dtype=object)[values]


def test_a_packed_table_holds_the_values_in_few_bytes() -> None:
    packed = json.loads(json.dumps(table.packed(COLUMNS, ROWS, SHEET)))
    assert (packed["count"], packed["sheet"]) == (len(POINTS), SHEET)
    columns = packed["columns"]
    assert unpacked(columns["row"]).tolist() == ROWS.tolist()
    for pane in (0, 1):
        for axis in "xy":
            name = f"{axis}{pane}"
            assert columns[name]["type"] == "float32"
            np.testing.assert_array_equal(
                unpacked(columns[name]), POINTS[name].to_numpy(np.float32)
            )
        for name in (f"caption_{pane}", f"predicted_{pane}"):
            assert unpacked(columns[name]).tolist() == POINTS[name].tolist()
    assert np.isnan(unpacked(columns["x1"])).any()
    bytes_of_image = sum(np.dtype(column["type"]).itemsize for column in columns.values())
    assert bytes_of_image <= 30


INTEGERS = st.sampled_from(["bool", "uint8", "int16", "uint16", "int32", "int64"])


@given(
    INTEGERS.flatmap(
        lambda kind: arrays.arrays(
            kind,
            st.integers(0, 9),
            elements=st.integers(-(2**31), 2**31 - 1) if kind == "int64" else None,
        )
    )
)
def test_integers_are_as_they_were(values: np.ndarray) -> None:
    column = table.packed({"near0_0": values}, [])["columns"]["near0_0"]
    np.testing.assert_array_equal(unpacked(column), values)
    assert np.dtype(column["type"]).itemsize <= max(values.dtype.itemsize, 2)


@given(arrays.arrays("float32", st.tuples(st.integers(1, 3), st.integers(0, 4), st.just(2))))
def test_numbers_keep_their_shape_and_their_bits(values: np.ndarray) -> None:
    column = table.packed({"x0": values}, [])["columns"]["x0"]
    np.testing.assert_array_equal(unpacked(column, values.shape), values)


@given(st.lists(st.none() | st.text(max_size=3), max_size=20))
def test_words_are_as_they_were_each_once(words: list[str | None]) -> None:
    columns = table.few_words(pd.Series(words, dtype=object), "file")
    column = table.packed(columns, range(len(words)))["columns"]["file"]
    assert unpacked(column).tolist() == words
    assert len(column["words"]) == len(set(words) - {None})


def test_numbers_beyond_32_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bits"):
        table.packed({"row": [2**31]}, [0])


def test_a_stamp_names_the_content_and_images_the_rows() -> None:
    plain = table.packed(COLUMNS, ROWS)
    assert plain["stamp"] == table.packed(COLUMNS, ROWS)["stamp"]
    moved = {**COLUMNS, "x0": COLUMNS["x0"] + 1}
    others = [
        table.packed(moved, ROWS),
        table.packed(COLUMNS, ROWS, SHEET),
        table.packed(COLUMNS, ROWS + 1),
    ]
    assert len({plain["stamp"], *(other["stamp"] for other in others)}) == 4
    assert [other["images"] == plain["images"] for other in others] == [True, True, False]


@pytest.mark.parametrize("name", COLOURINGS)
def test_a_colouring_adds_the_entry_and_the_value_of_each_image(name: str) -> None:
    colouring = COLOURINGS[name]
    entries = [entry.name for entry in colouring.entries(DARK, SCENES)]
    added = table.colour_columns(POINTS, 2, SCENES, colouring)
    for pane in (0, 1):
        column, there = colouring.column_of(pane), POINTS[f"x{pane}"].notna()
        codes = (COLUMNS | added)[column]
        assert [entries[code] for code in codes[there]] == POINTS.loc[there, column].tolist()
        if colouring.value_column:
            values = colouring.value_column_of(pane)
            assert list(added[values]) == POINTS[values].tolist()
    # Nothing comes twice: what goes once with the geometry is not sent with each colouring.
    assert not set(COLUMNS) & set(added)
    assert not table.colour_columns(POINTS, 2, SCENES, GROUPS)


def test_scenes_are_numbers_where_images_share_one() -> None:
    names = POINTS["scene"].groupby(COLUMNS["scene"]).nunique()
    assert (names == 1).all()
    assert len(names) == POINTS["scene"].nunique()
    alone = POINTS.assign(scene=POINTS["id"])
    assert "scene" not in table.image_columns(alone, ROWS, 2, SCENES)


def test_words_of_which_each_image_has_its_own_are_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "_MOST_WORDS", 5)
    long = POINTS.assign(caption_0=POINTS["id"])
    assert "caption_0" not in table.image_columns(long, ROWS, 2, SCENES)
    assert "caption_1" in table.image_columns(long, ROWS, 2, SCENES)


def test_columns_hold_trust_and_neighbours_where_they_are_drawn() -> None:
    nearest = [np.full((len(POINTS), 2), pane - 1) for pane in (0, 1)]
    columns = table.image_columns(POINTS, ROWS, 2, SCENES, EVERYTHING, nearest)
    for pane in (0, 1):
        trust = f"trust{pane}"
        np.testing.assert_array_equal(columns[trust], POINTS[trust].astype(np.float32))
        assert trust not in COLUMNS
        assert set(columns[f"near{pane}_1"]) == {pane - 1}


@given(arrays.arrays(bool, st.integers(0, 70)))
def test_a_bitmask_holds_its_images(marked: np.ndarray) -> None:
    text = table.bitmask(marked)
    np.testing.assert_array_equal(table.rows_of_bitmask(text, len(marked)), marked)
    bits = base64.b64decode(text)
    for row, is_marked in enumerate(marked):  # as the browser reads and writes them
        assert bits[row >> 3] >> (row & 7) & 1 == is_marked


@pytest.mark.parametrize(
    "text", [None, 7, [], {}, "", "AAA", "AAAAAAAA", "A" * 10**6, "é===", "*" * 4]
)
def test_what_is_no_bitmask_marks_nothing(text: object) -> None:
    assert not table.rows_of_bitmask(text, 12).any()
    assert len(table.rows_of_bitmask(text, 12)) == 12
