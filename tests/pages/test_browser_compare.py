"""Compare in a browser: maps that answer to each other and to the page, what is typed, and what is
taken along."""

import csv
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.chromium import needs_chromium

from .accessibility import in_scheme, judge
from .serving import (
    address_field,
    downloaded,
    expect_nothing_cut_off,
    expect_text,
    maps_drawn,
    press,
    settled,
)

pytestmark = [pytest.mark.browser, needs_chromium]


def film_of(page: Page) -> Locator:
    return page.locator(".st-key-film-section .linked-maps")


def slider_of(page: Page) -> Locator:
    return film_of(page).get_by_role("slider", name="Training step")


def test_both_maps_are_whole_on_the_first_screen(come: Callable[..., Page], server: str) -> None:
    """With titles and legend."""
    page = come(1280, 720)
    # A slash behind the name of a page asks for nothing that is not there.
    page.goto(f"{server}/Compare/?right_bias=75+%25")
    maps_drawn(page, 450)
    maps, titles = page.locator(".linked-maps .surface"), page.locator(".linked-maps figcaption")
    legend = page.locator(".linked-maps .legend")
    for parts, count in ((maps, 2), (titles, 2), (legend, 1), (page.locator(".x-axis"), 2)):
        expect(parts).to_have_count(count)
        for part in parts.all():
            box = part.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 1280
            assert box["y"] + box["height"] <= 720


def test_what_is_under_the_maps(come: Callable[..., Page], page: Page, server: str) -> None:
    """Each section before axe, and what a browser alone shows of it."""
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{server}/Compare?right_bias=75+%25")
    maps_drawn(page)
    judge(page)

    def opened(section: str, words: str) -> None:
        page.get_by_role("radio", name=section, exact=True).click()
        expect_text(page, words)
        page.mouse.move(2, 2)
        settled(page)
        judge(page, "[class*='st-key-maps-']")  # judged above, and slow

    opened("Failures", "Their failures have")
    opened("All measures", "PCA map:")
    opened("Captions", "Nearest images in the left model")
    caption = page.get_by_label("A caption", exact=True)
    caption.fill("a zebra")
    caption.press("Enter")
    expect_text(page, "“zebra”")
    assert address_field(page, "caption") == "a zebra"
    opened("Training animation", "The animation in words")
    film_runs_in_the_browser_alone(page, sent)
    opened("Export", "A model for other tools")
    link_and_files_are_what_they_say(page, come(offline=True))

    page.emulate_media(reduced_motion="reduce")
    page.get_by_role("radio", name="Training animation", exact=True).click()
    for moment in ("0", "1", "2"):
        press(page, "Next step")
        expect(slider_of(page)).to_have_value(moment)

    page.mouse.move(2, 2)  # what is under the pointer has another ground
    in_scheme(page, dark=True)
    judge(page, contrast_only=True)

    page.set_viewport_size({"width": 800, "height": 1000})
    page.goto(f"{server}/Compare?closer=Training+animation")
    settled(page)
    expect(slider_of(page)).to_be_visible()
    expect_nothing_cut_off(page)


def film_runs_in_the_browser_alone(page: Page, sent: list[object]) -> None:
    slider, before = slider_of(page), len(sent)
    last = slider.get_attribute("max")
    assert last is not None
    expect(slider).to_have_value(last)
    slider.press("Home")
    expect(film_of(page).get_by_text("step 0: ")).to_have_count(2)
    press(page, "Play")
    press(page, "Pause")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert int(slider.input_value()) < int(last)
    page.get_by_role("button", name="Play").press("Enter")
    expect(slider).to_have_value(last)
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert len(sent) == before, "a film is no news for the server"


def link_and_files_are_what_they_say(page: Page, away: Page) -> None:
    press(page, "Copy link")
    copied = page.get_by_text("Copied", exact=True)
    expect(copied).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    # Away from https and localhost a page has no clipboard: a class reaches its server over plain
    # http.
    for refusal in (
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))",
        "Object.defineProperty(navigator, 'clipboard', {value: undefined})",
    ):
        copied.evaluate("said => { said.textContent = '' }")
        page.evaluate(f"() => {{ {refusal} }}")  # its value would be called, if it is a function
        press(page, "Copy link")
        expect(copied).to_be_visible()

    assert "<svg" in downloaded(page, "SVG").read_text(encoding="utf-8")[:200]
    with downloaded(page, "CSV").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert {"object", "context", "split", "left prediction", "right prediction"} <= set(rows[0])
    expect(page.locator(".linked-maps .said").first).to_have_text(f"{len(rows)} images")
    away.goto(downloaded(page, "Offline page").as_uri())
    expect(away.locator(".linked-maps").first).to_have_attribute("data-state", "drawn")
