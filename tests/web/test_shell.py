"""The shell: choices that go along to the next page, and numbers at a slider."""

import re

from streamlit.testing.v1 import AppTest

from vlcore.experiment.files import text_beside
from vlcore.web import condition_controls
from vlcore.web.components import browser


def _page() -> None:
    import streamlit as st

    from vlcore.web import shell

    st.session_state["shown"] = shell.towers_choice(st.session_state["usual"])


def on_page(usual: str, page: AppTest) -> str:
    """The towers of a page with a default of its own."""
    page.session_state["usual"] = usual
    page.run()
    assert not page.exception
    return str(page.session_state["shown"])


def test_a_default_does_not_go_along() -> None:
    page = AppTest.from_function(_page)
    assert on_page("scratch", page) == "scratch"
    assert on_page("pretrained", page) == "pretrained"
    assert on_page("pretrained", page) == "pretrained"
    assert on_page("scratch", page) == "scratch"


def test_a_choice_goes_along_and_stays() -> None:
    page = AppTest.from_function(_page)
    on_page("scratch", page)
    page.segmented_control(key="towers").set_value("pretrained").run()
    assert on_page("scratch", page) == "pretrained"
    assert on_page("pretrained", page) == "pretrained"
    page.segmented_control(key="towers").set_value("scratch").run()
    assert on_page("pretrained", page) == "scratch"


def test_what_an_address_names_stays() -> None:
    page = AppTest.from_function(_page)
    on_page("scratch", page)
    page.query_params["towers"] = "scratch"
    assert on_page("pretrained", page) == "scratch"


def test_the_numbers_at_a_slider_are_the_levels_of_bias() -> None:
    style = text_beside(browser.__file__, "shell.css")
    (numbers,) = re.findall(r'stSliderTickBar"\]::before \{\s*content: "([\d ]+)"', style)
    assert [f"{number}%" for number in numbers.split()] == list(condition_controls.BIASES)
