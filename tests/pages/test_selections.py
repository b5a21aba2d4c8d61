"""Selections on the Compare page: the search box, what is selected and stays so, and the file."""

from functools import partial
from io import StringIO

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from vlcore.api.selections import Selection
from vlcore.plots.options import PCA
from vlcore.study import plans
from vlcore.web import cache
from vlcore.web.compare import selections

from .app import FakeQueue, labels, ok, opened, press, setting, text_of, told_maps

KEYS = [condition.key for condition in plans.find("experiments").conditions[:2]]
start = partial(opened, "3_Compare", left=KEYS[0], right=KEYS[1])
pytestmark = pytest.mark.usefixtures("bundled", "queue")


@pytest.fixture
def bundled(bundled_home: None, queue: FakeQueue) -> None:
    queue.disk = True


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every selection.csv that a page offers."""
    offered: list[str] = []

    def download(_label: str, data: object, name: str, *_rest: object, **_options: object) -> None:
        if name == "selection.csv" and callable(data):
            offered.append(data())

    monkeypatch.setattr(selections.widgets, "download", download)
    return offered


def ids_in(file: str) -> list[str]:
    return pd.read_csv(StringIO(file))["id"].tolist()


def selected_in(page: AppTest) -> list[int]:
    return page.session_state["selected"][1].tolist()


def test_a_search_stays_in_the_address_and_is_cleared(files: list[str]) -> None:
    page = ok(start())
    assert page.text_input(key="search").value == ""
    assert "Clear" not in labels(page), "nothing is selected"
    page.text_input(key="search").set_value("camel rare").run()
    points = cache.comparison(KEYS, PCA).points
    expected = points[(points["object"] == "camel") & points["minority"]]
    assert ids_in(files[-1]) == expected["id"].tolist()
    again = ok(start(search="camel rare"))
    assert files[-1] == files[-2]
    press(again, "Clear")
    assert "Selected images" not in text_of(ok(again))
    assert again.text_input(key="search").value == ""


@pytest.mark.parametrize(
    "address", [{"search": "zebra"}, {"search": "…"}, {"like": "p999999999"}, {"like": "<b>"}]
)
def test_what_is_not_found_is_said_once(address: dict[str, str]) -> None:
    page = ok(start(**address))
    assert len(page.warning) == 1
    assert "Selected images" not in text_of(page)


def test_more_like_this_leaves_a_selection(files: list[str]) -> None:
    row = int(cache.map_of_model(KEYS[0]).rows[3])
    page = ok(start(picture=f"p{row}"))
    press(page, "More like this")
    assert setting(page, "like") == f"p{row}"
    assert f"p{row}" in ids_in(files[-1])


def test_what_was_selected_stays_until_something_else_is() -> None:
    rows = cache.comparison(KEYS, PCA).rows[[3, 8]]
    page = ok(start())
    chosen = Selection.from_rows(cache.comparison(KEYS, PCA), rows, "two *images*")
    page.session_state["selected"] = (selections.images_key(chosen.comparison), rows, chosen.words)
    assert r"**2 images** of " in text_of(ok(page.run()))
    assert r"two \*images\*" in text_of(page)
    ringed = told_maps(page)[0]["selected"]["best"]
    assert ringed == [[3, 8], [3, 8]], "a few are seen in a cloud of many"
    page.switch_page("pages/1_Data.py").run()
    page.switch_page("pages/3_Compare.py").run()
    assert selected_in(ok(page)) == rows.tolist()
    page.text_input(key="search").set_value("camel").run()
    assert "selected" not in ok(page).session_state


def test_one_image_of_a_selection_is_looked_at_closely() -> None:
    comparison = cache.comparison(KEYS, PCA)
    rows = comparison.rows[:2]
    page = ok(start())
    page.session_state["selected"] = (selections.images_key(comparison), rows, "")
    assert "Nearest in" not in text_of(ok(page.run()))
    page.button(key=f"closer-{rows[1]}").click().run()
    assert setting(ok(page), "picture") == f"p{rows[1]}"
    assert selected_in(page) == rows.tolist(), "the others stay selected"


def test_groups_that_are_seen_alone_can_be_selected() -> None:
    page = ok(start(panel="horse_desert"))
    offer = next(label for label in labels(page) if label.startswith("Select what is shown"))
    press(page, offer)
    points = cache.comparison(KEYS, PCA).points
    ids = points.loc[points["group"] == "horse_desert", "id"]
    assert selected_in(ok(page)) == [int(name[1:]) for name in ids]
