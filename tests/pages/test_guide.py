"""The guide on its pages: a card finds what it sets and what it highlights, and its step is in the
address."""

import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.state.common import user_key_from_element_id

from tests.data.importers.sources import pets
from vlcore.api.imports import import_set
from vlcore.artifacts import store
from vlcore.classroom.answers import take_home
from vlcore.classroom.guide import cards
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import text_beside
from vlcore.experiment.grouping import SCENES
from vlcore.plots.maps.script import SCRIPT
from vlcore.web.home import animation

from .app import FakeQueue, opened, press, setting, text_of


def keys(block: Any) -> set[str]:
    """The keys of all that is in a part of a page."""
    names: set[str] = set()
    for child in getattr(block, "children", {}).values():
        key = user_key_from_element_id(getattr(child.proto, "id", "") or "$$ID--None")
        names |= keys(child) | ({key} if key else set())
    return names


@pytest.mark.usefixtures("no_network", "pretrained_pair")
def test_cards_find_what_they_set_and_what_they_highlight(
    experiments: list[store.Artifact], queue: FakeQueue
) -> None:
    queue.disk = True
    seen: dict[str, set[str]] = {}
    for number, card in enumerate(cards(), start=1):
        page, told = (
            opened(guide=str(number)),
            card.filled(Condition(), SCENES, take_home("four-experiments", "scenes")),
        )
        assert [title.value for title in page.title] == [told.title]
        assert told.text in text_of(page)
        on_page = keys(page.main)
        seen.setdefault(card.page, set()).update(on_page)
        assert any(key.startswith(card.highlight.split()[0]) for key in on_page), told.title
        for name, value in told.settings.items():
            if name in ("left", "right", "model"):
                assert setting(page, name) == value
                continue
            assert page.session_state[name] == value
            assert name in seen[card.page], f"no control has the key {name}"
        for control in (card.highlight, *card.clear):
            key, _, part = control.partition(" ")
            ends = part if part.startswith("-") else ""
            known = [known for known in seen[card.page] if known.startswith(key)]
            assert any(name.endswith(ends) for name in known), control
            scripts = text_beside(animation.__file__, "riddle.html") + SCRIPT
            assert ends or not part or re.search(rf'class(Name: |=)"{part[1:]}"', scripts)


@pytest.mark.parametrize(("page", "number"), [("", "0"), ("3_Compare", "two")])
def test_a_number_that_no_card_has_gives_the_first(
    experiments: list[store.Artifact], queue: FakeQueue, page: str, number: str
) -> None:
    queue.disk = True
    assert opened(page, guide=number).title[0].value == cards()[0].title


def test_steps_set_what_they_show_and_leave_it(
    experiments: list[store.Artifact], queue: FakeQueue
) -> None:
    queue.disk = True
    page = opened("3_Compare", guide="4", right="seed:3")
    assert setting(page, "right") == "seed:3", "the address goes before the card"
    press(page, "Back")
    assert page.query_params["guide"] == "3"
    assert page.session_state["data_bias"] == "75%"
    page.select_slider(key="data_bias").set_value("50%").run()
    press(page, "Leave")
    assert "guide" not in page.query_params
    assert page.session_state["data_bias"] == "50%"


@pytest.mark.parametrize(
    "address", [{"data": "balanced-cues"}, {"towers": "pretrained"}], ids=lambda address: [*address]
)
def test_the_guide_goes_on_from_what_a_visitor_has_chosen(address: dict[str, str]) -> None:
    page = press(opened("", **address), "Show me around")
    assert not page.exception
    assert page.query_params["guide"] in ("1", ["1"])
    for name, value in address.items():
        kept = setting(page, name) or page.session_state[name]
        assert kept == value
    press(page, "Next")
    assert not page.exception


def test_a_card_stays_where_the_image_set_changes(
    experiments: list[store.Artifact], queue: FakeQueue, tmp_path: Path
) -> None:
    import_set(pets(tmp_path / "pets", 12), "guide-pets")
    page = opened("3_Compare", guide="4")
    title = page.title[0].value
    page.selectbox(key="data").select("guide-pets").run()
    assert not page.exception
    assert (page.title[0].value, page.session_state["data"]) == (title, "guide-pets")
    press(page, "Back")
    assert (page.title[0].value, page.session_state["data"]) == (cards()[2].title, "guide-pets")
    assert opened("", guide="2", data="guide-pets").title[0].value == cards()[2].title
