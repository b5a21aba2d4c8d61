"""The renders on every page: opened like a set of one's own, with their makers named."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.data.renders import ATTRIBUTION
from tests.pages.app import FakeQueue, choose, ok, opened, setting, text_of

PAGES = ("", "1_Data", "2_Train", "3_Compare", "4_Upload", "5_Findings", "6_Lesson")


def at(page: str, data: str) -> AppTest:
    lesson = {"lesson": "four-experiments"} if page == "6_Lesson" else {}
    return opened(page, data=data, **lesson)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_renders_names_their_makers(
    name: str, renders: Path, queue: FakeQueue
) -> None:
    page = ok(at(name, "renders"))
    assert setting(page, "data") == "renders"
    assert text_of(page).count(ATTRIBUTION) == 1
    assert ATTRIBUTION not in text_of(ok(at(name, "scenes"))), "it holds for no other set"


def test_data_shows_twins_of_the_set_and_draws_none(renders: Path, queue: FakeQueue) -> None:
    page = ok(opened("1_Data", data="renders", picture="p0"))
    assert "Its twins" in text_of(page)
    assert choose(page, "Look at", "one scene").info


def test_a_lost_archive_stops_pages_of_the_renders_alone(renders: Path, queue: FakeQueue) -> None:
    renders.unlink()
    page = opened("2_Train", data="renders")
    assert ["lost its file" in error.value for error in page.error] == [True]
    ok(page.selectbox(key="data").set_value("scenes").run())
