"""Selections in a browser: a search lights up, a rectangle lasts over a reload and in a link, and
the file has the images' names."""

import csv
from collections.abc import Callable

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


def test_a_search_and_a_rectangle_light_up_and_last_over_a_reload_and_in_a_link(
    page: Page, come: Callable[..., Page], server: str
) -> None:
    page.goto(f"{server}/{ADDRESS}")
    settled(page)
    box = page.get_by_role("textbox", name="Search images")
    box.fill("camel split:held")
    box.press("Enter")
    expect_text(page, "The images that were found")
    expect(maps(page)).to_have_attribute("data-marked", "100")
    settled(page)
    judge(page)
    draw(page)
    expect_text(page, "The images you selected")
    expect(box).to_have_value("")
    complete(page)
    assert address_field(page, "search") is None
    count = marked(page)
    assert count > 10
    expect_text(page, f"{count} images of")
    assert address_field(page, "selection")
    page.reload()
    expect_text(page, "The images you selected")
    expect(maps(page)).to_have_attribute("data-marked", str(count))
    colleague = come(1280, 720)
    colleague.goto(page.url)
    expect_text(colleague, "The images you selected")
    expect(maps(colleague)).to_have_attribute("data-marked", str(count))
    colleague.close()
    table = downloaded(page, "Download CSV").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    assert len(rows) == count
    assert all(row["source"].endswith(".png") for row in rows)

    page.get_by_role("button", name="Clear", exact=True).last.click()
    expect(maps(page)).to_have_attribute("data-marked", "0")
    expect(page.get_by_text("The images you selected")).to_have_count(0)
    complete(page)
    assert address_field(page, "selection") is None

    # The best for a caption are ringed.
    box.fill("horse camel")
    box.press("Enter")
    expect_text(page, "best first")
    for pane in (0, 1):
        rings = maps(page).locator(".surface").nth(pane).locator("circle[stroke-width='1.3']")
        expect(rings).to_have_count(12)
