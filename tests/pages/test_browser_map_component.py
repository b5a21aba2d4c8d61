"""The maps of Compare in a browser, with a real pointer, a finger and keys: what reaches the page,
and what comes from the server. What the component itself does is tested without the app."""

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from tests.plots.maps.test_maps_browser import NO_WEBGL
from vlcore.api.compared_maps import ComparedMaps
from vlcore.study import plans

from .accessibility import in_scheme, judge
from .linked_maps import MapsOfTab, comparison_of
from .serving import address_field, complete, expect_text, settled

pytestmark = [pytest.mark.browser, needs_chromium]

KEYS = [plans.find("experiments").conditions[number].key for number in (0, 2)]
ADDRESS = f"Compare?left={KEYS[0]}&right={KEYS[1]}"


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app with its bundled models."""
    return fresh_server


@pytest.fixture(scope="module")
def comparison(server: str) -> ComparedMaps:
    """The comparison of `ADDRESS`, in the home of the server."""
    return comparison_of(KEYS)


@pytest.fixture
def maps(page: Page, comparison: ComparedMaps) -> MapsOfTab:
    return MapsOfTab(page, comparison)


def test_the_pointer_lights_an_image_and_zooms_and_a_lasso_selects(
    maps: MapsOfTab, server: str
) -> None:
    tab, row = maps.tab, maps.lonely()
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(urlsplit(request.url).path))
    maps.opened(f"{server}/{ADDRESS}&search=camel+rare")
    expect_text(tab, "Selected images")
    assert sum(path.startswith("/tables/") for path in asked) == 1, "the images of the maps, once"

    identity = maps.comparison.points["id"].iloc[row]
    tab.mouse.move(*maps.at(row))
    expect(maps.root).to_have_attribute("data-hovered", str(row))
    image = maps.root.locator(".card img")
    expect(image).to_have_attribute("src", re.compile(f"^/thumbs/scenes/.*/{identity[1:]}$"))
    address = urljoin(tab.url, image.get_attribute("src"))
    assert "immutable" in tab.request.get(address).headers["cache-control"]
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, -400)
    tab.keyboard.up("Control")
    expect(maps.root).not_to_have_attribute("data-zoom", "1.00")
    tab.get_by_role("button", name="Whole maps").click()

    corners = np.array([(0.05, 0.05), (0.95, 0.05), (0.05, 0.95)])
    left, top, side = maps.box()
    path = (corners * side + [left, top]).tolist()
    tab.get_by_role("button", name="Lasso", exact=True).click()
    tab.mouse.move(*path[0])
    tab.mouse.down()
    for corner in (*path[1:], path[0]):
        tab.mouse.move(*corner, steps=4)
    tab.mouse.up()
    x, y = maps.parts.T
    count = int(((x > 0.05) & (y > 0.05) & (x + y < 1)).sum())
    assert 20 < count < len(maps.comparison.points) - 20
    for dark in (False, True):
        expect(maps.root).to_have_attribute("data-marked", str(count))
        expect_text(tab, f"{count} images of")
        in_scheme(tab, not dark)  # other colours: the maps are told anew
    assert address_field(tab, "search") is None, "what was marked takes the place of a search"
    expect(tab.get_by_role("textbox", name="Search images")).to_have_value("")
    judge(tab)
    tab.get_by_role("button", name="Clear", exact=True).last.click()
    expect(maps.root).to_have_attribute("data-marked", "0")
    expect(tab.get_by_text("Selected images")).to_have_count(0)


def test_a_tap_opens_an_image(
    come: Callable[..., Page], comparison: ComparedMaps, server: str
) -> None:
    tab = come(390, 844, has_touch=True, is_mobile=True)
    maps = MapsOfTab(tab, comparison)
    maps.opened(f"{server}/{ADDRESS}&show_twins=true")
    row = maps.lonely()
    tab.touchscreen.tap(*maps.at(row))
    expect_text(tab, "Nearest in the left model")
    expect_text(tab, "Its twins")
    complete(tab)
    assert address_field(tab, "picture") == comparison.points["id"].iloc[row]
    arrows = maps.root.locator(".surface line[stroke-width='2']")
    expect(arrows).to_have_count(8)  # between the four versions of the scene, in both maps


def test_keys_open_an_image_and_zoom(maps: MapsOfTab, server: str) -> None:
    tab = maps.tab
    maps.opened(f"{server}/{ADDRESS}")
    maps.surface.focus()
    tab.keyboard.press("n")
    tab.keyboard.press("n")
    second = np.flatnonzero(maps.comparison.points["x0"].notna())[1]
    expect(maps.root).to_have_attribute("data-hovered", str(second))
    point = maps.comparison.points.iloc[second]
    status = maps.root.locator(".status-of-card")
    expect(status).to_contain_text(f"object: {point['object']}, context: {point['context']}")
    expect(status).to_contain_text(f"prediction: {point['predicted_0']}")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(f"picture={point['id']}"))
    for model in ("left", "right"):
        expect_text(tab, f"Nearest in the {model} model")
    settled(tab)
    tab.keyboard.press("+")
    expect(maps.root).to_have_attribute("data-zoom", "1.60")
    tab.keyboard.press("Escape")
    expect(maps.root.locator(".card")).to_be_hidden()


def test_without_webgl_the_maps_are_the_same(maps: MapsOfTab, server: str) -> None:
    tab, row = maps.tab, maps.lonely()
    tab.add_init_script(NO_WEBGL)
    maps.opened(f"{server}/{ADDRESS}&show_images=true&show_neighbours=true")
    tab.mouse.click(*maps.at(row))
    expect_text(tab, "Nearest in the left model")
    assert address_field(tab, "picture") == maps.comparison.points["id"].iloc[row]
