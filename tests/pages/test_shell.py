"""The shell of every page: its menu."""

import ast
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.test_architecture import PAGES, parsed
from vlcore.plots.theme import PHONE_SIDE
from vlcore.web import shell
from vlcore.web.address import HomeState, TrainState

from .app import opened


def test_a_new_page_is_a_file_and_a_line_of_the_menu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "app.py").write_text(
        "from vlcore.web import address, shell\nshell.begin(address.HomeState, 'Front')\n"
    )
    (tmp_path / "pages" / "7_New.py").write_text(
        "from vlcore.web import address, shell\nshell.begin(address.TrainState, 'What is new')\n"
    )
    monkeypatch.setattr(TrainState, "file", "pages/7_New.py")
    menu = ((HomeState, "Home", ":material/home:"), (TrainState, "New", "🆕"))
    monkeypatch.setattr(shell, "PAGES", menu)
    home = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60).run()
    new = home.switch_page("pages/7_New.py").run()
    assert new.title[0].value == "What is new"
    assert "stMainBlockContainer" in new.get("html")[0].proto.body, "without the band of Streamlit"
    for page in (home, new):
        assert not page.exception
        assert [link.proto.label for link in page.get("page_link")] == ["Home", "New"]


def test_no_two_pages_have_one_title() -> None:
    titles = [
        ast.literal_eval(call.args[1])
        for page in PAGES
        for call in ast.walk(parsed(page))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "shell.begin"
    ]
    assert len(titles) == len(PAGES)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("window", [(1280, 720), (1920, 1080), (1024, 768), (800, 900)])
def test_two_maps_and_their_legend_fill_the_window(
    window: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "window", lambda: window)
    (width, height), above = window, 190
    side, place = shell.map_room(above)
    across = 2 * side + (170 if width >= 1200 else 114) + 200 * (place == "right")
    down = side + above + 80 + 50 * (place == "bottom")
    assert across <= width
    assert down <= height
    assert across > 0.85 * width or down > 0.88 * height
    assert side <= shell.map_side()


def test_maps_are_below_each_other_on_a_phone_and_no_smaller_in_a_low_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell, "window", lambda: (390, 844))
    assert shell.map_room(190) == (PHONE_SIDE, "bottom")
    assert shell.map_side() == PHONE_SIDE
    monkeypatch.setattr(shell, "window", lambda: (1280, 400))
    assert shell.map_room(190) == (330, "right")


def test_an_address_takes_away_parameters_of_its_page_alone() -> None:
    """Else a link that names the flag of an arrival would start a job (see
    `vlcore.web.jobs.chosen_here`)."""
    page = opened("3_Compare", arrives="", visitor="", closer="Export")
    assert page.session_state["visitor"]
    assert "arrives" in page.session_state
    names = {name for state, _, _ in shell.PAGES for name in state.names()}
    private = {"arrives", "visitor", "offered", "asked", "selected", "gestures", "clicked"}
    assert not names & private
