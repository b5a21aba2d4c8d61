"""What only a browser shows: a real import, links between pages, and where the focus is."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.experiment import limits

from .accessibility import judge, judge_both
from .serving import complete, expect_text, settled

pytestmark = [pytest.mark.browser, needs_chromium]
PICTURE = re.compile("picture=p")


def test_a_picture_of_a_sheet_lights_up_and_is_enlarged_by_a_click(page: Page, server: str) -> None:
    page.goto(f"{server}/Data")
    expect_text(page, "Average image of each group")
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
