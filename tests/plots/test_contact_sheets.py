"""Contact sheets: four panes as objects by contexts, what is removed still in sight, and one
selection over all."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.plots import drawn
from vlcore.experiment.grouping import SCENES, Grouping, group_name
from vlcore.plots.contact_sheets import COLUMNS, contact_sheets
from vlcore.plots.theme import LIGHT, PHONE_SIDE
from vlcore.plots.thumbnails import thumb_uri

COUNT = 11  # pictures of a group: a full line and a part of one
KEPT = 4  # of a minority group


def table(grouping: Grouping) -> pd.DataFrame:
    """Pictures of one colour a group, so that a drawing shows where they are; in the order of
    `Grouping.pairs`."""
    sheets = []
    for number, (obj, context) in enumerate(grouping.pairs):
        group = group_name(obj, context)
        sheet = pd.DataFrame({"group": group, "place": range(COUNT)})
        sheet["id"] = sheet["spoken"] = group + "-" + sheet["place"].astype(str)
        sheet["kept"] = (group in grouping.majority) | (sheet["place"] < KEPT)
        sheet["caption"] = f"{obj} in the {context}"
        sheet["thumb"] = thumb_uri(np.full((8, 8, 3), 40 + 50 * number, np.uint8), side=24)
        sheets.append(sheet)
    return pd.concat(sheets, ignore_index=True)


def sheets(rows: pd.DataFrame, grouping: Grouping = SCENES, side: int = 300) -> drawn.Spec:
    return contact_sheets(rows, palette=LIGHT, grouping=grouping, side=side).to_dict()


@pytest.fixture(scope="module")
def spec() -> drawn.Spec:
    return sheets(table(SCENES))


def shown(spec: drawn.Spec, pane: drawn.Spec) -> list[drawn.Spec]:
    return drawn.rows(spec, pane if "data" in pane else pane["layer"][0])


@pytest.mark.parametrize(
    "grouping", [SCENES, Grouping(("landbird", "waterbird"), ("land", "water"))]
)
def test_four_panes_are_objects_down_and_contexts_across(grouping: Grouping) -> None:
    spec = sheets(table(grouping).sample(frac=1, random_state=0), grouping=grouping)
    assert (spec["columns"], len(spec["concat"])) == (2, 4)
    for pane, (obj, context) in zip(
        spec["concat"], product(grouping.objects, grouping.contexts), strict=True
    ):
        here = shown(spec, pane)
        assert {row["group"] for row in here} == {group_name(obj, context)}
        assert len(here) == COUNT
        assert pane["title"]["color"] == LIGHT.colours(grouping)[group_name(obj, context)]


def test_titles_say_what_the_bias_leaves_and_what_is_removed_is_faded(spec: drawn.Spec) -> None:
    titles = {pane["title"]["text"]: pane["title"]["subtitle"] for pane in spec["concat"]}
    common, rare = "common: 11 of 11 kept", "rare: 4 of 11 kept"
    assert titles == {
        "Horse on grass": common,
        "Horse in the desert": rare,
        "Camel on grass": rare,
        "Camel in the desert": common,
    }
    for pane in spec["concat"]:
        for row in shown(spec, pane):
            assert row["state"] == ("in training" if row["kept"] else "removed by the bias")


def test_places_fill_lines_and_no_two_pictures_share_one(spec: drawn.Spec) -> None:
    for pane in spec["concat"]:
        places = {(row["column"], row["line"]) for row in shown(spec, pane)}
        assert places == {(place % COLUMNS, place // COLUMNS) for place in range(COUNT)}


def test_on_a_phone_sheets_stand_below_each_other_and_everything_removed_still_draws() -> None:
    spec = sheets(table(SCENES).assign(kept=False), side=PHONE_SIDE)
    assert spec["columns"] == 1
    assert spec["concat"][1]["title"]["subtitle"] == "rare: 0 of 11 kept"
    assert drawn.svg(spec)


def test_a_click_on_any_sheet_is_one_selection(spec: drawn.Spec) -> None:
    (pick,) = spec["params"]
    assert (pick["name"], pick["select"]["fields"]) == ("pick", ["id"])
    assert json.dumps(spec).count("data:image") == 4 * COUNT, "each picture travels once"
    assert pick["views"] == [pane["layer"][0]["name"] for pane in spec["concat"]]
    assert len(set(pick["views"])) == 4
