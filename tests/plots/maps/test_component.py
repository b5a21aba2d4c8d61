"""What WebGL draws maps from: the same values, colours, words and filters as Altair's maps, in few
bytes; and the bits that come back."""

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.plots.maps.examples import CAPTIONS, COLOURINGS, EVERYTHING, INFO, POINTS, TWINS, UPLOADS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.maps import component
from vlcore.plots.maps.legend import map_legend, rows_of_entries
from vlcore.plots.maps.tables import map_tables
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import DARK, LIGHT

ROWS = np.arange(len(POINTS)) * 3
COLUMNS = component.image_columns(POINTS, ROWS, 2, SCENES)
OPTIONS = [
    *((PLAIN, colouring) for colouring in COLOURINGS.values()),
    (MapOptions(groups=("horse_desert",), split="held out"), GROUPS),
    (EVERYTHING, GROUPS),
]


def drawing(options: MapOptions = PLAIN, panes: int = 2, **more: Any) -> dict[str, Any]:
    captions = CAPTIONS[CAPTIONS["pane"] < panes]
    arguments = {"palette": LIGHT, "grouping": SCENES, "side": 400, **more}
    return component.map_drawing(POINTS, captions, [INFO] * panes, options=options, **arguments)


def test_columns_hold_the_values_of_the_table_in_few_bytes() -> None:
    assert COLUMNS["row"].tolist() == ROWS.tolist()
    for pane in (0, 1):
        for axis in "xy":
            column = f"{axis}{pane}"
            np.testing.assert_array_equal(COLUMNS[column], POINTS[column].astype(np.float32))
        for column in (f"caption_{pane}", f"predicted_{pane}"):
            assert COLUMNS[column].tolist() == POINTS[column].tolist()
    assert COLUMNS["x1"].isna().any()
    bytes_of_row = COLUMNS.memory_usage(index=False, deep=False).sum() / len(COLUMNS)
    assert bytes_of_row < 50, "100,000 images are five megabytes at most"


@pytest.mark.parametrize("name", COLOURINGS)
def test_a_colouring_adds_the_entry_and_the_value_of_each_image(name: str) -> None:
    colouring = COLOURINGS[name]
    entries = [entry.name for entry in colouring.entries(DARK, SCENES)]
    added = component.colour_columns(POINTS, 2, SCENES, colouring)
    for pane in (0, 1):
        column, there = colouring.column_of(pane), POINTS[f"x{pane}"].notna()
        codes = COLUMNS.join(added)[column]
        assert [entries[code] for code in codes[there]] == POINTS.loc[there, column].tolist()
        if colouring.value_column:
            values = colouring.value_column_of(pane)
            assert added[values].tolist() == POINTS[values].tolist()
    # Nothing comes twice: what goes once with the geometry is not sent with each colouring.
    assert not set(COLUMNS) & set(added)
    assert component.colour_columns(POINTS, 2, SCENES, GROUPS).empty


def test_scenes_are_numbers_where_images_share_one() -> None:
    assert "scene" in COLUMNS
    same = COLUMNS.groupby("scene").ngroup().groupby(POINTS["scene"]).nunique()
    assert (same == 1).all()
    alone = POINTS.assign(scene=POINTS["id"])
    assert "scene" not in component.image_columns(alone, ROWS, 2, SCENES)


def test_words_of_which_each_image_has_its_own_are_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(component, "_MOST_WORDS", 5)
    long = POINTS.assign(caption_0=POINTS["id"])
    assert "caption_0" not in component.image_columns(long, ROWS, 2, SCENES)
    assert "caption_1" in component.image_columns(long, ROWS, 2, SCENES)


@pytest.mark.parametrize(("options", "colouring"), OPTIONS)
def test_colours_words_and_filters_are_those_of_altairs_maps(
    options: MapOptions, colouring: Colouring
) -> None:
    twins = TWINS.query("pane < 2") if options.twins else None
    sent = json.loads(json.dumps(drawing(options, twins=twins, colouring=colouring)))
    captions = CAPTIONS.query("pane < 2")
    tables = map_tables(POINTS, captions, 2, options, colouring=colouring, twins=twins)
    entries = map_legend(LIGHT, SCENES, tables, options).entries
    names = ("name", "words", "colour", "shape", "filled")
    assert [[entry[name] for name in names] for entry in sent["legend"]] == [
        [getattr(entry, name) for name in names] for entry in entries
    ]
    drawn = component.rows_of_bitmask(sent["drawn"], len(POINTS))
    assert POINTS[drawn]["id"].tolist() == options.drawn(POINTS, SCENES)["id"].tolist()
    columns = COLUMNS.join(component.colour_columns(POINTS, 2, SCENES, colouring))
    belonging = 0
    for entry in sent["legend"]:
        for pane, column in enumerate(entry["columns"]):
            rows = (columns[column] == entry["code"]).to_numpy()
            np.testing.assert_array_equal(rows, rows_of_entries(POINTS, [entry["name"]], str(pane)))
            belonging += rows.sum()
    assert belonging > 0
    entries = colouring.entries(LIGHT, SCENES)
    assert sent["colours"] == [entry.colour for entry in entries]
    assert sent["colourColumns"] == [colouring.column_of(pane) for pane in (0, 1)]
    assert sent["legendTitle"] == colouring.title


def test_every_map_has_its_words_and_captions() -> None:
    sent = drawing(panes=4)
    assert len(sent["panes"]) == 4
    for pane, shown in enumerate(sent["panes"]):
        captions = CAPTIONS[CAPTIONS["pane"] == pane]
        assert [caption["caption"] for caption in shown["captions"]] == captions["caption"].tolist()
        left, right, low, high = shown["extent"]
        assert POINTS[f"x{pane}"].dropna().between(left, right).all()
        assert POINTS[f"y{pane}"].dropna().between(low, high).all()
        assert shown["axes"] == [INFO.x_title, INFO.y_title]


def test_every_map_has_the_images_of_a_visitor_inside_it() -> None:
    assert all(shown["uploads"] == [] for shown in drawing()["panes"])
    far = UPLOADS.assign(x1=9.0)
    sent = drawing(uploads=far)
    json.dumps(sent)
    for pane, shown in enumerate(sent["panes"]):
        (star,) = shown["uploads"]
        assert [star[name] for name in ("x", "y")] == [far[f"{axis}{pane}"].iat[0] for axis in "xy"]
        assert (star["words"], star["thumb"]) == (far["name"].iat[0], far["thumb"].iat[0])
        left, right, low, high = shown["extent"]
        assert left < star["x"] < right
        assert low < star["y"] < high
    assert "upload" in {entry["name"] for entry in sent["legend"]}
    both = drawing(uploads=pd.concat([far, far.assign(id="up-2")]))
    assert [star["words"] for star in both["panes"][0]["uploads"]] == ["1", "2"]


def test_overlays_of_few_images_are_named() -> None:
    assert component.undrawn_overlays(PLAIN) == []
    assert len(component.undrawn_overlays(EVERYTHING)) == len(component.OF_FEW)
    left = component.without_overlays_of_few(EVERYTHING).overlays
    assert not set(left) & set(component.OF_FEW)
    assert set(left) | set(component.OF_FEW) == set(EVERYTHING.overlays)


def test_columns_hold_trust_and_neighbours_where_they_are_drawn() -> None:
    nearest = [np.full((len(POINTS), 2), pane - 1) for pane in (0, 1)]
    columns = component.image_columns(POINTS, ROWS, 2, SCENES, EVERYTHING, nearest)
    for pane in (0, 1):
        trust = f"trust{pane}"
        np.testing.assert_array_equal(columns[trust], POINTS[trust].astype(np.float32))
        assert trust not in COLUMNS
        assert set(columns[f"near{pane}_1"]) == {pane - 1}


@given(arrays.arrays(bool, st.integers(0, 70)))
def test_a_bitmask_holds_its_images(marked: np.ndarray) -> None:
    text = component.bitmask(marked)
    np.testing.assert_array_equal(component.rows_of_bitmask(text, len(marked)), marked)
    bits = base64.b64decode(text)
    for row, is_marked in enumerate(marked):  # as the browser reads and writes them
        assert bits[row >> 3] >> (row & 7) & 1 == is_marked


@pytest.mark.parametrize(
    "text", [None, 7, [], {}, "", "AAA", "AAAAAAAA", "A" * 10**6, "é===", "*" * 4]
)
def test_what_is_no_bitmask_marks_nothing(text: object) -> None:
    assert not component.rows_of_bitmask(text, 12).any()
    assert len(component.rows_of_bitmask(text, 12)) == 12
