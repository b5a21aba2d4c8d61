"""What only a browser shows: a real import, a narrow window, links between pages."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from tests.chromium import needs_chromium

from .accessibility import judge_both
from .app import pets
from .serving import PATIENCE, expect_nothing_cut_off, expect_text, settled

pytestmark = [pytest.mark.browser, needs_chromium]
PICTURE = re.compile("picture=p")


def test_pages_are_in_nobodys_way(page: Page, server: str) -> None:
    for path, words in (
        ("Train", "All runs"),
        ("Findings", "Methods"),
        ("Manage", "Train ahead for a class"),
    ):
        page.goto(f"{server}/{path}")
        expect_text(page, words)
        judge_both(page)


@pytest.mark.parametrize(
    ("path", "width"),
    [
        ("/Compare?models=3&closer=Training+animation", 800),
        ("/Upload?towers=scratch", 800),
        ("/Lesson?phase=reveal&step=bias", 390),
    ],
)
def test_nothing_is_cut_off_in_a_narrow_window(
    come: Callable[..., Page], server: str, path: str, width: int
) -> None:
    tab = come(width, 1000)
    tab.goto(server + path)
    settled(tab)
    expect(tab.locator(".linked-maps")).to_have_attribute("data-state", "drawn")
    if "animation" in path:
        expect(tab.locator(".vega-bind input[type=range]")).to_be_visible()
    expect_nothing_cut_off(tab)


def test_a_picture_of_a_sheet_lights_up_and_is_enlarged_by_a_click(page: Page, server: str) -> None:
    page.goto(f"{server}/Data")
    expect_text(page, "Download")
    judge_both(page)
    pictures = page.locator("svg image")
    expect(pictures).to_have_count(4 * 48)
    pictures.nth(20).hover(force=True)
    expect(page.locator("#vg-tooltip-element.visible img")).to_be_visible()
    pictures.nth(20).click(force=True)
    expect(page.get_by_role("dialog").get_by_text("Its twins")).to_be_visible()
    expect(page).to_have_url(PICTURE)
    settled(page)
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(PICTURE)
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    pictures.nth(20).click(force=True)
    expect(page.get_by_role("dialog").get_by_text("Its twins")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    # The server knows that it is closed.
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    page.get_by_role("slider").first.press("ArrowRight")
    expect(page.get_by_text("minority: 5 of 48 kept").first).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_zip_is_imported_by_the_real_worker(page: Page, server: str, tmp_path: Path) -> None:
    """From the upload to the images of the new set, to their maps and to a training on it."""
    folder = pets(tmp_path / "cups", per_group=4)
    archive = shutil.make_archive(str(folder), "zip", folder)
    page.goto(f"{server}/Data?look=import+images")
    settled(page)
    page.locator("input[type=file]").first.set_input_files(archive)
    page.get_by_label("Name of the set").fill("browser-cups")
    page.get_by_role("button", name="Make the image set").click()
    # A worker gives way to all other tests.
    page.get_by_role("button", name="Train on it").click(timeout=3 * PATIENCE)
    expect(page).to_have_url(re.compile("/Train.*data=browser-cups"))
    expect(page.get_by_role("combobox", name="Image set")).to_have_value("browser-cups")
    settled(page)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("button", name="See its map").click()
    expect(page).to_have_url(re.compile("/Compare.*data=browser-cups"))
    titles = page.locator(".linked-maps figcaption strong")
    # Eight trainings, by a worker that gives way to all other tests.
    words = "No bias, short labels, word vectors, pretrained image tower"
    expect(titles.first).to_have_text(words, timeout=3 * PATIENCE)
    settled(page)
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("browser-cups: imported from")).to_be_visible()
    expect(page.locator("svg image").first).to_be_attached()


def test_links_of_home_show_what_they_say_whatever_was_looked_at_before(
    come: Callable[..., Page], server: str
) -> None:
    page = come(800, 1000)
    none, biased = "No bias, {} labels", "75 % removed (12 of 48 kept), {} labels"
    ways = [
        ("Compare 1 and 3", none.format("short"), biased.format("short")),
        ("Compare 1 and 2", none.format("short"), none.format("descriptive")),
    ]
    page.goto(server)
    expect_text(page, "What to look at next")
    settled(page)
    expect(page.locator("svg path[aria-label*='held out']").first).to_be_visible()
    expect_nothing_cut_off(page)
    judge_both(page)
    page.set_viewport_size({"width": 1440, "height": 1200})
    for link, left, right in ways:
        page.get_by_role("link", name=link).click()
        titles = page.locator(".linked-maps figcaption strong")
        expect(titles).to_have_text([left, right])
        page.get_by_role("link", name="Home").first.click()
        expect(page.get_by_role("link", name=link)).to_be_visible()


def test_a_page_runs_once_where_the_window_is_known(page: Page, server: str) -> None:
    """A second run takes the time of the first, and loses a click on a link meanwhile."""
    page.goto(f"{server}/Findings")
    settled(page)
    runs: list[BackMsg] = []

    def told(frame: str | bytes) -> None:
        message = BackMsg.FromString(frame if isinstance(frame, bytes) else frame.encode())
        if message.HasField("rerun_script"):
            runs.append(message)

    page.on("websocket", lambda socket: socket.on("framesent", told))
    page.reload()
    settled(page)
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("heading", name="Train a model of your own choice")).to_be_visible()
    settled(page)
    assert len(runs) == 2


def test_what_has_the_focus_looks_different_from_the_current_page(page: Page, server: str) -> None:
    page.goto(f"{server}/Manage")
    settled(page)
    other, current = (
        page.get_by_role("link", name=name, exact=True) for name in ("Data", "Manage")
    )
    other.focus()
    expect(other).to_have_css("outline-style", "solid")
    expect(current).to_have_css("outline-style", "none")
    current.focus()
    expect(current).to_have_css("outline-style", "solid")
    expect(other).to_have_css("outline-style", "none")
