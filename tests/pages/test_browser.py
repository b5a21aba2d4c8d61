"""What only a browser shows: a real import, links between pages, and where the focus is."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.experiment import limits

from .accessibility import judge, judge_both
from .app import pets
from .serving import PATIENCE, complete, expect_nothing_cut_off, expect_text, settled

pytestmark = [pytest.mark.browser, needs_chromium]
PICTURE = re.compile("picture=p")


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
    complete(page)
    pictures.nth(20).click(force=True)
    expect(page.get_by_role("dialog").get_by_text("Its twins")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    complete(page)  # the server knows that it is closed
    page.get_by_role("slider").first.press("ArrowRight")
    expect(page.get_by_text("minority: 5 of 48 kept").first).to_be_visible()
    complete(page)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_zip_is_imported_by_the_real_worker(page: Page, server: str, tmp_path: Path) -> None:
    """From the upload to a training on the new set."""
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


def test_a_folder_of_too_many_files_is_refused_before_the_page_lists_them(
    page: Page, server: str, tmp_path: Path
) -> None:
    for number in range(limits.FOLDER_FILES + 1):
        (tmp_path / f"{number}.png").touch()
    page.goto(f"{server}/Data?look=import+images")
    settled(page)
    folder = page.locator("input[webkitdirectory]")
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_event("dialog") as told:
        folder.set_input_files(tmp_path)
    words = f"has {limits.FOLDER_FILES + 1} files; at most {limits.FOLDER_FILES} can"
    assert words in told.value.message
    assert folder.evaluate("input => input.files.length") == 0


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
    expect(page.locator("svg path[aria-label*='held out']").first).to_be_visible()
    expect_nothing_cut_off(page)
    page.set_viewport_size({"width": 1440, "height": 1200})
    for link, left, right in ways:
        page.get_by_role("link", name=link).click()
        titles = page.locator(".linked-maps figcaption strong")
        expect(titles).to_have_text([left, right])
        page.get_by_role("link", name="Home").first.click()
        expect(page.get_by_role("link", name=link)).to_be_visible()


def test_what_has_the_focus_looks_different_from_the_current_page(page: Page, server: str) -> None:
    page.goto(f"{server}/Manage")
    expect_text(page, "Train ahead for a class")
    settled(page)
    judge(page)
    other, current = (
        page.get_by_role("link", name=name, exact=True) for name in ("Train", "Manage")
    )
    current.focus()
    expect(current).to_have_css("outline-style", "solid")
    expect(other).to_have_css("outline-style", "none")
    other.focus()
    expect(other).to_have_css("outline-style", "solid")
    expect(current).to_have_css("outline-style", "none")
    other.click()
    expect_text(page, "All runs")
    judge_both(page)
    current.click()
    expect_text(page, "Train ahead for a class")
    settled(page)
    judge(page, contrast_only=True)
