"""Selections in a browser: a search and a rectangle light up, and the file has their names."""

import csv

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium

from .accessibility import judge
from .serving import complete, downloaded, expect_text, settled
from .test_browser_compare import address_field
from .test_browser_map_component import ADDRESS

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    return fresh_server


def maps(tab: Page) -> Locator:
    return tab.locator("[data-marked]")


def marked(tab: Page) -> int:
    """How many images the maps light up."""
    expect(maps(tab)).to_have_attribute("data-state", "drawn")
    return int(maps(tab).get_attribute("data-marked") or 0)


def draw(tab: Page) -> None:
    """Drag over the upper left part of the first map."""
    expect(maps(tab)).to_have_attribute("data-state", "drawn")
    settled(tab)
    surface = maps(tab).locator(".surface").first
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 4, box["y"] + 4)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.7 * box["height"], steps=4)
    tab.mouse.up()
    expect(maps(tab)).not_to_have_attribute("data-marked", "0")


def test_a_search_and_a_rectangle_light_up_and_are_a_file(page: Page, server: str) -> None:
    page.goto(f"{server}/{ADDRESS}&search=camel+rare")
    expect_text(page, "Selected images")
    found = marked(page)
    assert found > 10
    settled(page)
    judge(page)
    draw(page)
    box = page.get_by_role("textbox", name="Search images")
    expect(box).to_have_value("")
    complete(page)
    assert address_field(page, "search") is None
    count = marked(page)
    expect_text(page, f"{count} images of")
    table = downloaded(page, "Download CSV").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    assert len(rows) == count
    assert all(row["source"].endswith(".png") for row in rows)
    page.get_by_role("button", name="Clear", exact=True).last.click()
    expect(maps(page)).to_have_attribute("data-marked", "0")
    expect(page.get_by_text("Selected images")).to_have_count(0)
