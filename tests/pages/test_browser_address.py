"""A link that is opened in a second browser, and what Back undoes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium

from .serving import complete, settled

pytestmark = [pytest.mark.browser, needs_chromium]
BIAS = ".st-key-right_bias"


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app with its bundled models, so that nothing is trained first."""
    return fresh_server


def drawn(page: Page) -> None:
    """Wait until a page has drawn its maps, and removed the maps of its run before."""
    maps = page.locator(".linked-maps[data-state=drawn]")
    complete(page, maps.last)
    expect(maps).to_have_count(1)


def test_a_link_shows_the_same_in_a_second_browser_and_back_undoes_one_control(
    come: Callable[..., Page], server: str
) -> None:
    page = come()
    page.goto(f"{server}/Compare?right_labels=short&right_bias=75+%25")
    drawn(page)
    titles = page.locator(".linked-maps figcaption strong")
    expect(titles.nth(1)).to_contain_text("75 % removed")
    page.locator(BIAS).get_by_role("slider").first.press("ArrowRight")
    expect(titles.nth(1)).to_contain_text("90 % removed")
    expect(page).to_have_url(re.compile(r"right_bias=90"))
    drawn(page)

    other = come()
    other.goto(page.url)
    drawn(other)
    said = titles.all_text_contents()
    expect(other.locator(".linked-maps figcaption strong")).to_have_text(said)

    page.go_back()
    expect(page).to_have_url(re.compile(r"right_bias=75"))
    expect(titles.nth(1)).to_contain_text("75 % removed")
    settled(page)
