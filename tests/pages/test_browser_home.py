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
NOTHING_LEFT = """() => document.getAnimations()
    .every(one => one.effect.getTiming().fill !== "forwards")"""


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
    level = page.locator(".atlas .removed")
    assert level.text_content() == "A ?, B ?"
    shares = page.locator(".atlas .shares strong")
    assert [text == "?" for text in shares.all_text_contents()] == [False, False, True, True] * 2
    press(page, "Model A")
    expect(hidden).to_have_count(0)
    assert "?" not in shares.all_text_contents()
    assert re.fullmatch(r"A \d+ %, B 0 %", level.text_content() or "")
    expect_text(page, "rare training images: 0 % removed (48 of 48 kept)")
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
    halos = page.locator(".atlas .halo:not(.hidden)")
    expect(halos).to_have_count(2)
    image = tip.locator(".picture").evaluate("one => getComputedStyle(one).backgroundImage")
    assert "blob:" in image
    maps.nth(1).focus()
    # The words about it follow the step while it stays lit.
    last, words = int(page.locator(".atlas .time").get_attribute("max") or "nan"), []
    for _ in range(20):
        drag(page, "time", last)
        page.keyboard.press("ArrowRight")
        words.append([tip.locator(".words").inner_text()])
        drag(page, "time", 0)
        words[-1].append(tip.locator(".words").inner_text())
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        words[-1].append(tip.locator(".words").inner_text())
    assert all(resting == lit_anew for _, resting, lit_anew in words)
    assert any(trained != untrained for trained, untrained, _ in words)
    drag(page, "time", last)
    page.keyboard.press("ArrowRight")
    assert tip.text_content()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(halos).to_have_count(0)
    judge_both(page)


FILLED = """maps => maps.map(map => {
    const boxes = [...map.querySelectorAll("path, g")].map(mark => mark.getAttribute("transform"))
        .filter(Boolean).map(words => words.match(/[-\\d.]+/g).map(Number));
    const {width} = map.viewBox.baseVal, ends = axis => {
        const values = boxes.map(at => at[axis]);
        return [Math.min(...values), Math.max(...values)];
    };
    return [0, 1].map(ends).map(([low, high]) => [low / width, high / width]);
})"""


def test_maps_fill_their_frames_and_images_of_the_groups_are_on_the_first_screen(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")
    page.goto(server)
    expect_text(page, "Which would you trust?")
    faces = page.locator(".atlas .face")
    expect(faces).to_have_count(8)
    for face in faces.all():
        box = face.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720
        assert box["width"] >= 30
    still(page)
    maps = page.locator(".atlas svg[role=img]").evaluate_all(FILLED)
    spans = [[high - low for low, high in axes] for axes in maps]
    assert max(max(axes) for axes in spans) > 0.9, "up to the margin"
    assert all(max(axes) > 0.75 for axes in spans), "of the other one, which has the same scale"
    for axes in maps:
        assert all(abs(low + high - 1) < 0.02 for low, high in axes), "in the middle"


def test_home_is_four_screens_of_a_phone(come: Callable[..., Page], server: str) -> None:
    page = come(390, 844)
    page.goto(server)
    settled(page)
    expect(page.get_by_text("on 1,000 held-out images").first).to_be_visible()
    height = page.locator("[data-testid=stMainBlockContainer]").evaluate("it => it.scrollHeight")
    assert height <= 4 * 844


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


def control_of(name: str) -> str:
    """Where a page has what a card of the guide names."""
    key, _, part = name.partition(" ")
    if part.startswith("-"):
        return f"[class*='st-key-{key}'][class*='{part}']"
    return f"[class*='st-key-{key}'] {part}".strip()


def number_of(title: str) -> int:
    return next(number for number, card in enumerate(cards(), 1) if card.title == title)


def test_a_card_by_its_own_link_finds_what_it_says_and_does_it(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")

    def opened(title: str) -> None:
        page.goto(f"{server}/?guide={number_of(title)}")
        expect(page.locator(".st-key-guide")).to_contain_text(title)
        settled(page)

    hidden = page.locator(".atlas svg[role=img] > path.hidden")
    shares = page.locator(".atlas .shares strong")
    opened("Now the rare images")
    expect(hidden).to_have_count(200)
    page.get_by_role("checkbox", name="Rare images").check()
    expect(hidden).to_have_count(0)
    opened("One slider is the cause")
    expect(hidden).to_have_count(0)
    before = still(page)
    slider = page.locator(".atlas .bias")
    slider.focus()
    slider.press("End")
    expect_text(page, "100 % removed (0 of 48 kept)")
    assert still(page) != before
    assert "?" not in shares.all_text_contents()
    opened("What a model is fed")
    page.get_by_role("slider").press("End")
    expect(page.locator(".st-key-guide")).to_contain_text("Done")
    opened("What it is told")
    page.get_by_role("radio", name="short", exact=True).click()
    expect(page.locator(".st-key-guide")).to_contain_text("Done")
    opened("Count, do not guess")
    expect(page.locator(control_of("maps -panel"))).to_be_in_viewport()
    opened("The study's question")
    page.locator(".st-key-right_labels").get_by_role("radio", name="descriptive").click()
    expect(page.locator(".st-key-guide")).to_contain_text("Done")
    opened("How much of it is chance?")
    expect(page.get_by_role("button", name="Train this model")).to_be_enabled()
    opened("Your turn")
    expect(page.get_by_role("button", name="Train this model")).to_be_enabled()


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
        control = page.locator(control_of(card.highlight)).first
        part = card.highlight.partition(" ")[2]
        lit = control.locator("xpath=ancestor::label") if part in (".reveal", ".bias") else control
        expect(lit).to_have_css("outline-style", "solid")
        expect(lit).to_be_in_viewport()
        expect(page.get_by_role("region", name=card.title)).to_be_in_viewport()
        if number == 9:
            judge_both(page)
        if number < len(cards()):
            press(page, "Next")
    press(page, "Finish")
    expect_text(page, "Train a model of your own choice")
    page.wait_for_function(NOTHING_LEFT)
