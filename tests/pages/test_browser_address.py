"""Addresses in a browser: what they hold, and what Back undoes."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium
from vlcore.study import plans

from .app import opened
from .linked_maps import MapsOfTab, comparison_of
from .serving import complete, expect_text, settled, unfold

pytestmark = [pytest.mark.browser, needs_chromium]

PAIR = "/Compare?right_labels=short&right_bias=75+%25&closer=Agreement"
# Which button of the bar or of a side a control is behind.
BEHIND = {"Settings": ("data", "length"), "Map": ("map", "colour")}
BEHIND |= {"Show more": ("show_", "groups", "split")}
PANEL_CELL = "path[aria-label^='camel on grass'][aria-label*='click to see']"
VALUES = """control => [...control.querySelectorAll('input, [role=radio], [aria-pressed]')].map(
    part => part.value + part.checked + part.ariaChecked + part.ariaPressed)"""
SAME_VALUES = f"""([name, values]) => {{
    const control = document.querySelector(name);
    return control && JSON.stringify(({VALUES})(control)) === JSON.stringify(values);
}}"""


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app with its bundled models, so that nothing is trained first."""
    return fresh_server


def bound_controls() -> list[str]:
    """Of the controls of Compare whose values are in the address, the first of each kind: one
    script keeps the history of all."""

    def leaves(block: Any) -> Iterator[Any]:
        for child in block.children.values():
            yield from leaves(child) if hasattr(child, "children") else [child]

    first: dict[str, str] = {}
    for element in leaves(opened("3_Compare").main):
        key = getattr(getattr(element, "proto", None), "query_param_key", "")
        if key and key != "data":  # another set is drawn first
            first.setdefault(element.type, key)
    return [*first.values()]


def fields(tab: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(tab.url).query)


def entries(tab: Page) -> int:
    return int(tab.evaluate("history.length"))


def shown(tab: Page, key: str) -> Locator:
    """A control, with what it is behind unfolded."""
    control = tab.locator(f".st-key-{key}")
    if control.count() == 0 or not control.is_visible():
        tab.keyboard.press("Escape")
        if key.startswith(("left_", "right_")):
            buttons = tab.get_by_test_id("stPopoverButton").get_by_text("More", exact=True)
            buttons.nth(int(key.startswith("right_"))).click()
        else:
            unfold(tab, next(name for name, starts in BEHIND.items() if key.startswith(starts)))
    expect(control).to_be_visible()
    expect(control.locator("input, [role=radio], [aria-pressed]").first).to_be_attached()
    return control


def change(tab: Page, control: Locator) -> None:
    """Give a control another value, as a hand or a key does."""
    slider, box = control.get_by_role("slider"), control.get_by_role("combobox")
    number = control.locator("input[type=number]")
    text = control.locator("input[type=text]:not([role=combobox])")
    others = control.locator("[role=radio][aria-checked=false], [aria-pressed=false]")
    if slider.count():
        slider.first.press("ArrowRight")
    elif number.count():
        number.fill("5")
        number.press("Enter")
    elif text.count():
        text.fill("camel")
        text.press("Enter")
    elif box.count():
        box.click()
        unchosen = tab.locator("[role=option][aria-selected=false]")
        unchosen.first.click()
    elif others.count():
        others.first.click()
    else:
        control.locator("label").first.click()


def test_back_undoes_every_kind_of_control_and_of_click_and_a_link(page: Page, server: str) -> None:
    conditions = plans.find("experiments").conditions
    maps = MapsOfTab(page, comparison_of([conditions[0].key, conditions[2].key]))
    maps.opened(server + PAIR)
    expect_text(page, "moved furthest")
    address, before = page.url, entries(page)
    for key in bound_controls():
        control = shown(page, key)
        state = control.evaluate(VALUES)
        change(page, control)
        page.wait_for_function("before => location.href !== before", arg=address)
        settled(page)
        assert key in fields(page) or key in fields_of(address), key
        assert entries(page) == before + 1, f"{key}: one entry of the history"
        page.go_back()
        page.wait_for_function("before => location.href === before", arg=address)
        settled(page)
        assert page.url == address, key
        shown(page, key)
        page.wait_for_function(SAME_VALUES, arg=[f".st-key-{key}", state])
    page.keyboard.press("Escape")
    count = str(maps.root.get_attribute("data-shown"))
    for look in (
        lambda: page.mouse.click(*maps.at(0, maps.apart()[0])),
        lambda: maps.root.locator(".legend button").first.click(),
        lambda: page.locator(PANEL_CELL).click(position={"x": 8, "y": 60}),
        lambda: page.get_by_role("link", name="Manage", exact=True).click(),
    ):
        look()
        page.wait_for_function("before => location.href !== before", arg=address)
        complete(page)
        assert entries(page) == before + 1
        page.go_back()
        page.wait_for_function("before => location.href === before", arg=address)
        expect_text(page, "moved furthest")
        expect(maps.root).to_have_attribute("data-shown", count)
        complete(page)
        assert page.url == address
        expect(page.get_by_text("The image you clicked")).to_have_count(0)


def fields_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def test_back_from_another_page_has_every_setting_also_those_of_both_pages(
    page: Page, server: str
) -> None:
    page.goto(f"{server}/Train?data=balanced-cues&train_seed=1&train_bias=50+%25")
    expect(page.get_by_role("combobox", name="Image set")).to_have_value("balanced-cues")
    settled(page)
    address = page.url
    page.get_by_role("link", name="Lesson", exact=True).click()
    page.wait_for_url("**/Lesson*")
    settled(page)
    page.go_back()
    page.wait_for_url("**/Train*")
    settled(page)
    expect(page).to_have_url(address)
    expect(page.get_by_role("combobox", name="Image set")).to_have_value("balanced-cues")
