"""The grid of Compare in a browser, of the bundled models: one image lit in all maps, a map that
opens, and its levels and taps on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium

from .accessibility import judge_both
from .serving import complete, expect_nothing_cut_off, expect_text, maps_drawn, on_top, settled

pytestmark = [pytest.mark.browser, needs_chromium]

MAPS = 14  # before training and at six bias levels, of two label styles
IDENTITIES = "all => [...new Set(all.map(mark => mark.__data__.datum.id))]"


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app with its bundled models, so that nothing is trained first."""
    return fresh_server


def map_at(tab: Page, words: str) -> Locator:
    """The ground of a map, by its row and column."""
    return tab.locator(f"path[aria-label^='{words}: map']")


def image_at(tab: Page) -> Locator:
    """An image on the map of short labels without bias."""
    return on_top(tab.locator("g[class*='marks_4_marks'] path"))


def one_image_is_lit(tab: Page, look: Callable[[], None]) -> None:
    lit = tab.locator("g[class*='lit_'] path")
    complete(tab)
    expect(lit).to_have_count(0)
    look()
    expect(tab.locator("#vg-tooltip-element.visible img")).to_be_visible()
    expect(lit).to_have_count(MAPS)
    assert len(lit.evaluate_all(IDENTITIES)) == 1


def test_one_image_is_lit_in_all_maps_and_a_click_opens_a_pair(
    page: Page, come: Callable[..., Page], server: str
) -> None:
    page.goto(f"{server}/Compare?view=grid")
    maps_drawn(page, 170)
    expect(page.locator("path[aria-label*=': map with']")).to_have_count(MAPS)
    one_image_is_lit(page, image_at(page).hover)

    chosen = map_at(page, "Descriptive labels, 75\u00a0% removed")
    chosen.click(position={"x": 3, "y": 3})
    expect_text(page, "Look closer")
    settled(page)
    titles = page.locator(".linked-maps figcaption strong")
    for number, labels in enumerate(("short", "descriptive")):
        expect(titles.nth(number)).to_have_text(f"75 % removed (12 of 48 kept), {labels} labels")
    page.go_back()
    expect(chosen).to_be_visible()
    settled(page)
    on_top(page.locator("g[class*='marks_2_marks'] path")).click()
    expect_text(page, "Look closer")
    assert "left_bias=25" in page.url

    phone = come(390, 844, has_touch=True, is_mobile=True)
    phone.goto(f"{server}/Compare?view=grid")
    maps_drawn(phone, 150)
    a_tap_lights_an_image_until_another_place_is_tapped(phone)
    levels_are_below_each_other(phone)
    map_at(phone, "Short labels, No bias").tap(position={"x": 3, "y": 3})
    expect_text(phone, "Look closer")


def levels_are_below_each_other(tab: Page) -> None:
    """On a phone."""
    short, long = (map_at(tab, f"{name} labels, No bias") for name in ("Short", "Descriptive"))
    biased = map_at(tab, "Short labels, 100\u00a0% removed")
    expect(biased).to_be_visible()
    settled(tab)
    expect_nothing_cut_off(tab)
    first, beside, below = (part.bounding_box() for part in (short, long, biased))
    assert first["y"] == beside["y"]
    assert below["y"] > first["y"] + first["height"]
    judge_both(tab)


def a_tap_lights_an_image_until_another_place_is_tapped(tab: Page) -> None:
    image = image_at(tab)

    def tap_below() -> None:
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        assert box is not None
        tab.touchscreen.tap(box["x"], box["y"] + 9)

    for look in (image.tap, tap_below):
        one_image_is_lit(tab, look)
        tab.get_by_text("The same held-out images").tap()
        expect(tab.locator("#vg-tooltip-element.visible")).to_have_count(0)
    one_image_is_lit(tab, image.tap)
    tab.mouse.move(2, 40)  # of a machine with both
    expect(tab.locator("#vg-tooltip-element.visible")).to_have_count(0)
    assert "view=grid" in tab.url
