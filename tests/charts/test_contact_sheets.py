"""Contact sheets: four panes as objects by contexts, what is removed still in sight, and one selection over all."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from tests.charts import drawn
from vlcore.charts.contact_sheets import COLUMNS, contact_sheets
from vlcore.charts.theme import LIGHT, PHONE_SIDE
from vlcore.charts.thumbnails import thumb_uri
from vlcore.core.grouping import SCENES, Grouping, group_name

COUNT = 11  # pictures of a group: a full line and a part of one
KEPT = 4  # of a minority group


def table(grouping: Grouping) -> pd.DataFrame:
    """Pictures of one colour a group, so that a drawing shows where they are; in the order of `Grouping.pairs`."""
    rows = []
    for number, (obj, context) in enumerate(grouping.pairs):
        group = group_name(obj, context)
        thumb = thumb_uri(np.full((8, 8, 3), 40 + 50 * number, np.uint8), side=24)
        for place in range(COUNT):
            kept = group in grouping.majority or place < KEPT
            caption = f"{obj} in the {context}"
            rows.append((f"{group}-{place}", group, place, kept, caption, thumb, f"{caption}, {place}"))
    return pd.DataFrame(rows, columns=["id", "group", "place", "kept", "caption", "thumb", "spoken"])


@pytest.fixture
def rows() -> pd.DataFrame:
    return table(SCENES)


def sheets(rows: pd.DataFrame, grouping: Grouping = SCENES, side: int = 300) -> alt.ConcatChart:
    return contact_sheets(rows, palette=LIGHT, grouping=grouping, side=side)


def shown(spec: drawn.Spec, pane: drawn.Spec) -> list[drawn.Spec]:
    return drawn.rows(spec, pane if "data" in pane else pane["layer"][0])


@pytest.mark.parametrize("grouping", [SCENES, Grouping(("landbird", "waterbird"), ("land", "water"))])
def test_four_panes_are_objects_down_and_contexts_across(grouping: Grouping) -> None:
    spec = sheets(table(grouping).sample(frac=1, random_state=0), grouping=grouping).to_dict()
    assert (spec["columns"], len(spec["concat"])) == (2, 4)
    for pane, (obj, context) in zip(spec["concat"], product(grouping.objects, grouping.contexts), strict=True):
        here = shown(spec, pane)
        assert {row["group"] for row in here} == {group_name(obj, context)}
        assert len(here) == COUNT
        assert pane["title"]["text"].lower().startswith(obj)
        assert context in pane["title"]["text"]


def test_titles_say_what_the_bias_leaves(rows: pd.DataFrame) -> None:
    panes = sheets(rows).to_dict()["concat"]
    assert [(pane["title"]["text"], pane["title"]["subtitle"]) for pane in panes] == [
        ("Horse on grass", "majority: 11 of 11 kept"),
        ("Horse in the desert", "minority: 4 of 11 kept"),
        ("Camel on grass", "minority: 4 of 11 kept"),
        ("Camel in the desert", "majority: 11 of 11 kept"),
    ]
    colours = LIGHT.colours(SCENES)
    assert [pane["title"]["color"] for pane in panes] == [
        colours[name] for name in ("horse_grass", "horse_desert", "camel_grass", "camel_desert")
    ]


def test_places_fill_lines_and_no_two_pictures_share_one(rows: pd.DataFrame) -> None:
    spec = sheets(rows).to_dict()
    for pane in spec["concat"]:
        places = {(row["column"], row["line"]) for row in shown(spec, pane)}
        assert places == {(place % COLUMNS, place // COLUMNS) for place in range(COUNT)}
        assert pane["height"] == 2 * 300 / COLUMNS
        x, y = (pane["layer"][0]["encoding"][axis]["scale"]["domain"] for axis in "xy")
        assert (x, y) == ([-0.5, COLUMNS - 0.5], [1.5, -0.5])


def test_what_is_removed_is_faded_and_says_so(rows: pd.DataFrame) -> None:
    spec = sheets(rows).to_dict()
    for pane in spec["concat"]:
        opacity = pane["layer"][0]["encoding"]["opacity"]
        assert opacity["condition"] == {"test": "datum.kept", "value": 1}
        assert 0 < opacity["value"] < 0.3
        for row in shown(spec, pane):
            assert row["state"] == ("in training" if row["kept"] else "removed by the bias")


def test_on_a_phone_sheets_stand_below_each_other(rows: pd.DataFrame) -> None:
    assert sheets(rows, side=PHONE_SIDE).to_dict()["columns"] == 1


def test_everything_removed_still_draws(rows: pd.DataFrame) -> None:
    gone = rows["kept"] & ~rows["group"].isin(SCENES.minority)
    panes = sheets(rows.assign(kept=gone)).to_dict()["concat"]
    assert panes[1]["title"]["subtitle"] == "minority: 0 of 11 kept"
    assert drawn.svg(sheets(rows.assign(kept=False)))


def test_a_click_on_any_sheet_is_one_selection(rows: pd.DataFrame) -> None:
    spec = sheets(rows).to_dict()
    (pick,) = spec["params"]
    assert pick["name"] == "pick"
    assert pick["select"] == {"type": "point", "fields": ["id"], "on": "click", "toggle": False}
    assert json.dumps(spec).count("data:image") == len(rows), "each picture travels once"
    views = [layer["name"] for pane in spec["concat"] for layer in pane["layer"] if "name" in layer]
    assert pick["views"] == views
    assert len(set(views)) == 4
    for pane in spec["concat"]:
        pictures, frame = pane["layer"]
        assert (pictures["mark"]["type"], frame["mark"]["type"]) == ("image", "square")
        assert frame["transform"] == [{"filter": {"param": "pick", "empty": False}}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.drop(columns=["thumb", "kept"]), "rows: missing columns kept, thumb"),
        (lambda rows: rows.iloc[:0], "nothing to show"),
        (lambda rows: rows.assign(id="same"), "every id must occur once"),
        (lambda rows: rows.assign(group="zebra_ice"), "unknown group zebra_ice"),
        (lambda rows: rows.assign(thumb="https://example.org/x.png"), "not a data URI"),
        (lambda rows: rows.assign(thumb='data:image/png;base64,A" onerror="x'), "not a data URI"),
    ],
)
def test_bad_rows_are_refused(rows: pd.DataFrame, change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sheets(change(rows))
