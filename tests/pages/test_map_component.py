"""The maps of the Compare page: what their component is told, and what its answers do."""

import base64
import hashlib
from functools import partial

import numpy as np
import pandas as pd
import pytest

from vlcore.plots.maps.table import bitmask, rows_of_bitmask
from vlcore.plots.options import PCA
from vlcore.study import plans
from vlcore.web import cache

from .app import FakeQueue, alts, labels, ok, opened, press, setting, table_at, text_of, told_maps

pytestmark = pytest.mark.usefixtures("bundled", "queue")
KEYS = [condition.key for condition in plans.find("experiments").conditions[:2]]
start = partial(opened, "3_Compare", left=KEYS[0], right=KEYS[1])


@pytest.fixture
def bundled(bundled_home: None, queue: FakeQueue) -> None:
    """Bundled models."""
    queue.disk = True


def key_of_maps(keys: list[str] = KEYS) -> str:
    return f"maps-{hashlib.sha256(repr((keys, PCA)).encode()).hexdigest()[:12]}"


def test_maps_are_told_their_table_apart_from_their_look() -> None:
    page = ok(start())
    assert alts(page) == ["Accuracy by group"], "Altair draws the panel alone"
    (told,) = told_maps(page)
    points = cache.comparison(KEYS, PCA).points
    assert told["count"] == len(points)
    assert told["colourTable"] is None
    table = table_at(told["table"])
    x = np.frombuffer(base64.b64decode(table["columns"]["x1"]["data"]), np.float32)
    np.testing.assert_array_equal(x, points["x1"].astype(np.float32))
    (recoloured,) = told_maps(ok(start(colour="prediction")))
    assert recoloured["table"] == told["table"], "a browser asks for it once"
    assert recoloured["colourColumns"] == ["says_0", "says_1"]
    assert set(table_at(recoloured["colourTable"])["columns"]) >= {"says_0", "says_1"}


def test_what_a_browser_marked_is_listed() -> None:
    page = ok(start())
    images = table_at(told_maps(page)[0]["table"])["images"]
    points = cache.comparison(KEYS, PCA).points
    marked = (points["object"] == "camel").to_numpy() & (np.arange(len(points)) % 3 == 0)
    selected = {"images": images, "rows": bitmask(marked)}
    for gesture, (state, count) in enumerate(
        (
            ({"selected": selected}, marked.sum()),
            ({"selected": selected | {"rows": 3}}, 0),
            ({"selected": selected, "shown": "nonsense"}, marked.sum()),
            ({"selected": selected | {"rows": None}}, 0),
            ({"selected": selected | {"images": "others"}}, 0),
            ({"selected": "everything", "picked": "p1"}, 0),
            ({"picked": {"row": -1, "time": 1}}, 0),
            ({"picked": {"row": "p1"}}, 0),
        ),
        start=1,
    ):
        if isinstance(state.get("selected"), dict):
            state = {**state, "selected": {**state["selected"], "gesture": gesture}}
        page.session_state[key_of_maps()] = state
        ok(page.run())
        words = f"**{count} images**"
        assert (words in text_of(page)) == (count > 0), state
        assert ("Selected images" in text_of(page)) == (count > 0), state
    row = int(np.flatnonzero(points["x1"].notna())[0])
    told = {"picked": {"row": row, "time": 1}}
    page.session_state[key_of_maps()] = told
    ok(page.run())
    assert "Nearest in Model A" in text_of(page)
    assert setting(page, "picture") == points["id"].iat[row]
    del page.query_params["picture"]  # as Back does
    page.session_state[key_of_maps()] = told
    assert "Nearest in Model A" not in text_of(ok(page.run()))
    page.session_state[key_of_maps()] = {"picked": {"row": row, "time": 2}}
    assert "Nearest in Model A" in text_of(ok(page.run())), "the same mark again"


def test_what_a_tab_tells_of_another_session_changes_no_address() -> None:
    images = table_at(told_maps(ok(start()))[0]["table"])["images"]
    points = cache.comparison(KEYS, PCA).points
    marked = {"images": images, "rows": bitmask(np.arange(len(points)) < 5)}
    state = {"selected": marked | {"gesture": 1}, "picked": {"row": 3, "time": 1}}
    for address in ({}, {"search": "camel", "picture": points["id"].iat[7]}):
        page = opened()
        page.session_state[key_of_maps()] = state
        for name, value in {"left": KEYS[0], "right": KEYS[1], **address}.items():
            page.query_params[name] = value
        ok(page.switch_page("pages/3_Compare.py").run())
        assert "selected" not in page.session_state
        assert setting(page, "picture") == address.get("picture", "")
        assert setting(page, "search") == address.get("search", "")
        assert told_maps(page)[0]["selected"]["gesture"] == 1
    again = {"selected": marked | {"gesture": 2}, "picked": {"row": 3, "time": 2}}
    page.session_state[key_of_maps()] = again
    ok(page.run())
    assert page.session_state["selected"]
    assert setting(page, "picture") == points["id"].iat[3]


def test_what_is_seen_alone_is_of_the_legend_and_of_what_is_drawn() -> None:
    keys = [plans.find("experiments").conditions[number].key for number in (0, 2)]
    points = cache.comparison(keys, PCA).points
    is_drawn = [points[f"x{pane}"].notna() for pane in (0, 1)]

    def offered(colour: str, *shown: str) -> list[str]:
        page = ok(start(colour=colour, right=keys[1], legend=list(shown)))
        return [label for label in labels(page) if label.startswith("Select what is")]

    def words(mask: pd.Series) -> list[str]:
        return [f"Select what is shown: {mask.sum()} images"]

    of_group = points["group"] == "horse_desert"
    seen = of_group & (is_drawn[0] | is_drawn[1])
    assert offered("group", "group horse_desert") == words(seen)
    wrong = [is_drawn[pane] & (points[f"right_{pane}"] == "wrong") for pane in (0, 1)]
    assert offered("correct or wrong", "group horse_desert") == []
    gone = offered("correct or wrong", "group horse_desert", "right wrong")
    assert gone == words(wrong[0] | wrong[1])
    assert (points["right_1"] == "none").any(), "what the second map does not show"
    assert offered("correct or wrong", "right none") == []


def test_an_address_means_the_same_values_in_other_models() -> None:
    """Entries have numbers, and those are of other values where other images are shown."""
    keys = [plans.find("experiments").conditions[number].key for number in (0, 2)]

    def names(model: str) -> dict[str, str]:
        drawn = told_maps(ok(start(colour="Scene: sky", left=model, right=model)))[0]
        return {entry["words"]: entry["name"] for entry in drawn["legend"]}

    first, second = map(names, keys)
    word = next(word for word in first if first[word] != second.get(word, first[word]))
    for key, entries in zip(keys, (first, second), strict=True):
        sides = {"left": key, "right": key}
        page = ok(start(colour="Scene: sky", legend=f"Scene: sky: {word}", **sides))
        assert told_maps(page)[0]["shown"]["entries"] == [entries[word]]


def test_the_address_says_which_groups_are_seen_alone() -> None:
    page = ok(start(panel=["camel_grass", "nonsense"]))
    told, points = told_maps(page)[0], cache.comparison(KEYS, PCA).points
    is_seen = rows_of_bitmask(told["drawn"], len(points))
    assert points["group"][is_seen].unique().tolist() == ["camel_grass"]
    assert told["panel"]
    panel = page.get("vega_lite_chart")[0].proto
    press(page, "Show all")
    assert "panel" not in page.query_params
    after = ok(page).get("vega_lite_chart")[0].proto
    assert after.id != panel.id, "a chart goes on telling what was clicked on it"
    told = told_maps(page)[0]
    assert rows_of_bitmask(told["drawn"], len(points)).all()
    assert not told["panel"]
