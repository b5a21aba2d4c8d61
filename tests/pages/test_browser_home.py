"""Home on a fresh machine, without a network: maps that move at once, and sliders that need no
server."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.chromium import needs_chromium
from vlcore.classroom.guide import cards
from vlcore.study import plans

from .accessibility import judge_both
from .linked_maps import MapsOfTab, comparison_of
from .serving import expect_text, press, settled

pytestmark = [pytest.mark.browser, needs_chromium]
READY = ".atlas[aria-busy=false]"
FORWARDS = """() => document.getAnimations()
    .filter(one => one.effect.getTiming().fill === "forwards").length"""


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app as it is cloned, over a home that is empty."""
    return fresh_server


def positions(page: Page) -> list[str]:
    """Where the pictures of both maps are."""
    marks = page.locator(".atlas svg[role=img] > path")
    return marks.evaluate_all("all => all.map(mark => mark.getAttribute('transform'))")


def drag(page: Page, name: str, value: int) -> None:
    page.locator(f".atlas .{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input',"
        " {bubbles: true})); }",
        value,
    )


def still(page: Page) -> list[str]:
    """Where the pictures are once they have come to rest."""
    before = positions(page)
    while True:
        page.wait_for_timeout(150)
        if (now := positions(page)) == before:
            return now
        before = now


def test_maps_move_before_anything_is_trained_and_sliders_ask_nobody(
    come: Callable[..., Page], server: str
) -> None:
    page, frames = come(1280, 720), list[object]()

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(frame))
        socket.on("framereceived", lambda frame: frames.append(frame))

    page.on("websocket", listen)
    page.goto(server)
    expect(page.locator(READY)).to_be_visible()
    assert frames
    first = positions(page)
    assert len(first) == 400
    expect_text(page, "Which would you trust?")
    assert positions(page) != first, "it plays by itself"
    for part in (".maps svg[role=img]", ".time", ".bias"):
        box = page.locator(f".atlas {part}").last.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720, "on the first screen"
    settled(page)
    expect(page.get_by_text("on 1,000 held-out images").first).to_be_visible()
    at_end = still(page)
    frames.clear()
    drag(page, "bias", 5)
    expect_text(page, "100 % removed (0 of 48 kept)")
    biased = still(page)
    assert biased != at_end
    drag(page, "time", 0)
    assert still(page) != biased
    assert frames == []


def test_without_motion_a_visitor_asks_which_model_is_trusted_and_looks_at_images(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")
    page.goto(server)
    expect_text(page, "Which would you trust?")
    assert positions(page) == still(page), "with little motion nothing plays"
    hidden = page.locator(".atlas svg[role=img] > path.hidden")
    expect(hidden).to_have_count(200)
    shares = page.locator(".atlas .shares strong")
    assert [text == "?" for text in shares.all_text_contents()] == [False, False, True, True] * 2
    press(page, "Model A")
    expect(hidden).to_have_count(0)
    assert "?" not in shares.all_text_contents()
    expect_text(page, "unusual training images: 0 % removed (48 of 48 kept)")
    press(page, "Do descriptive labels help?")
    expect(page.locator(".atlas h3")).to_contain_text(["Short labels", "Descriptive labels"])
    expect(page.locator(".atlas h3 small")).to_contain_text(["“horse”", "“horse on the grass”"])
    # An image is shown under the pointer and by keys.
    tip = page.locator(".atlas .tip")
    settled(page)  # until then what comes above the maps moves them away from under the pointer
    expect(tip).to_be_hidden()
    maps = page.locator(".atlas svg[role=img]")
    maps.first.locator("path:not(.unusual)").nth(7).hover(force=True)
    expect(tip).to_be_visible()
    image = tip.locator(".picture").evaluate("one => getComputedStyle(one).backgroundImage")
    assert "blob:" in image
    maps.nth(1).focus()
    page.keyboard.press("ArrowRight")
    assert tip.text_content()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    judge_both(page)


def test_a_picture_that_is_clicked_is_drawn_then(come: Callable[..., Page], server: str) -> None:
    page = come(1280, 720)
    conditions = plans.find("experiments").conditions[:2]
    maps = MapsOfTab(page, comparison_of([condition.key for condition in conditions]))
    maps.opened(f"{server}/Compare")
    page.mouse.click(*maps.at(0, maps.lonely("camel_grass")))
    expect_text(page, "Nearest in the right model")
    settled(page)
    assert not page.get_by_test_id("stAlert").filter(has_text="cannot be read").count()
    expect(page.get_by_alt_text("camel, grass").first).to_be_visible()


def test_the_guide_leads_from_its_first_card_to_its_last_and_back_to_the_page(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")
    page.goto(server)
    press(page, "Show me around")
    for number, card in enumerate(cards(), start=1):
        expect(page.locator(".st-key-guide")).to_contain_text(f"card {number} of {len(cards())}")
        settled(page)
        expect(page).to_have_url(re.compile(f"guide={number}(&|$)"))
        key, _, part = card.highlight.partition(" ")
        control = page.locator(f"[class*='st-key-{key}'] {part}".strip()).first
        lit = control.locator("xpath=ancestor::label") if part in (".reveal", ".bias") else control
        expect(lit).to_have_css("outline-style", "solid")
        expect(lit).to_be_in_viewport()
        expect(page.get_by_role("region", name=card.title)).to_be_in_viewport()
        if number == 9:
            judge_both(page)
        if number < len(cards()):
            press(page, "Next")
    press(page, "Finish")
    expect_text(page, "Do descriptive labels help a model")
    assert page.evaluate(FORWARDS) == 0
