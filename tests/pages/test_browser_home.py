"""Home on a fresh machine, without a network: maps that move at once, and sliders that need no
server."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.chromium import needs_chromium
from vlcore.classroom.guide import cards

from .accessibility import judge_both
from .serving import complete, expect_short, expect_text, press, settled

pytestmark = [pytest.mark.browser, needs_chromium]
READY = ".atlas[aria-busy=false]"
NOTHING_LEFT = """() => document.getAnimations()
    .every(one => one.effect.getTiming().fill !== "forwards")"""

PLACES = """() => [...document.querySelectorAll(".atlas svg[role=img] > path")]
    .map(mark => mark.getAttribute("transform")).join()"""
HAVE_MOVED = f"before => ({PLACES})() !== before"
LAST = "Bring images of your own"  # the last link of the page


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
    page.wait_for_function(HAVE_MOVED, arg=",".join(first))  # it plays by itself
    complete(page, page.get_by_role("link", name=LAST))
    for part in (".maps svg[role=img]", ".time", ".bias"):
        box = page.locator(f".atlas {part}").last.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720, "on the first screen"
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
    with page.expect_request("**/atlas-scenes-pretrained.json*"):
        page.get_by_text("pretrained", exact=True).click()
    settled(page)
    expect(page.locator(READY)).to_be_visible()


def test_without_motion_a_visitor_asks_which_model_is_trusted_and_looks_at_images(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")
    page.goto(server)
    expect_text(page, "Which would you trust?")
    before = positions(page)
    complete(page, page.get_by_role("link", name=LAST))
    assert positions(page) == before, "with little motion nothing plays"
    expect_faces_and_full_maps(page)
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
    press(page, "Do descriptive captions help?")
    expect(level).to_have_text("75 % removed (12 of 48 kept)")
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
    for _ in range(8):
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
    what_was_chosen_is_in_the_address(page)
    page.goto(f"{server}/?guide=3")
    expect(page.locator(READY)).to_be_visible()
    settled(page)
    what_was_chosen_is_in_the_address(page)
    phone = come(390, 844, has_touch=True, is_mobile=True, reduced_motion="reduce")
    phone.goto(server)
    expect(phone.locator("svg.marks")).to_have_count(4)
    expect_short(phone, 4, phone.get_by_role("link", name=LAST))
    a_tap_shows_an_image_until_another_place_is_tapped(phone)


def what_was_chosen_is_in_the_address(tab: Page) -> None:
    """A reload keeps it, and Back undoes it."""
    controls = [tab.locator(f".atlas .{name}") for name in ("bias", "time")]
    rare = tab.get_by_role("checkbox", name="Rare images")

    def seen() -> list[object]:
        return [*(control.input_value() for control in controls), rare.is_checked()]

    states = [(seen(), tab.url)]
    for act in (
        lambda: controls[0].press("End"),
        lambda: controls[1].press("ArrowLeft"),
        rare.uncheck,
    ):
        act()
        states.append((seen(), tab.url))
    assert len({address for _, address in states}) == len(states)
    tab.reload()
    expect(tab.locator(READY)).to_be_visible()
    settled(tab)
    assert (seen(), tab.url) == states.pop()
    for state, address in reversed(states):
        tab.go_back()
        expect(tab).to_have_url(address)
        settled(tab)
        assert seen() == state


def a_tap_shows_an_image_until_another_place_is_tapped(tab: Page) -> None:
    tip, halos = tab.locator(".atlas .tip"), tab.locator(".atlas .halo:not(.hidden)")
    for pane in (0, 1):
        image = tab.locator(".atlas svg[role=img]").nth(pane).locator("path:not(.unusual)").nth(7)
        image.tap(force=True)
        expect(tip).to_be_visible()
        expect(halos).to_have_count(2)
    tab.locator(".atlas .ask p").tap()
    expect(tip).to_be_hidden()
    expect(halos).to_have_count(0)


FILLED = """maps => maps.map(map => {
    const boxes = [...map.querySelectorAll("path, g")].map(mark => mark.getAttribute("transform"))
        .filter(Boolean).map(words => words.match(/[-\\d.]+/g).map(Number));
    const {width} = map.viewBox.baseVal, ends = axis => {
        const values = boxes.map(at => at[axis]);
        return [Math.min(...values), Math.max(...values)];
    };
    return [0, 1].map(ends).map(([low, high]) => [low / width, high / width]);
})"""


def expect_faces_and_full_maps(page: Page) -> None:
    """Images of the groups on the first screen, and maps that fill their frames."""
    faces = page.locator(".atlas .face")
    expect(faces).to_have_count(8)
    for face in faces.all():
        box = face.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720
        assert box["width"] >= 30
    maps = page.locator(".atlas svg[role=img]").evaluate_all(FILLED)
    spans = [[high - low for low, high in axes] for axes in maps]
    assert max(max(axes) for axes in spans) > 0.9, "up to the margin"
    assert all(max(axes) > 0.75 for axes in spans), "of the other one, which has the same scale"
    for axes in maps:
        assert all(abs(low + high - 1) < 0.02 for low, high in axes), "in the middle"


def control_of(name: str) -> str:
    """Where a page has what a card of the guide names."""
    key, _, part = name.partition(" ")
    if part.startswith("-"):
        return f"[class*='st-key-{key}'][class*='{part}']"
    return f"[class*='st-key-{key}'] {part}".strip()


def test_cards_of_the_guide_find_what_they_say_and_lead_back_to_the_page(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")
    guide = page.locator(".st-key-guide")
    hidden = page.locator(".atlas svg[role=img] > path.hidden")

    def reveal() -> None:
        expect(hidden).to_have_count(200)
        page.get_by_role("checkbox", name="Rare images").check()
        expect(hidden).to_have_count(0)

    def drag_bias() -> None:
        expect(hidden).to_have_count(0)
        before = still(page)
        slider = page.locator(".atlas .bias")
        slider.focus()
        slider.press("End")
        expect_text(page, "100 % removed (0 of 48 kept)")
        assert still(page) != before
        assert "?" not in page.locator(".atlas .shares strong").all_text_contents()

    def do(act: Callable[..., None], *keys: str) -> None:
        act(*keys)
        expect(guide).to_contain_text("Done")

    deeds: dict[str, Callable[[], None]] = {
        "Now the rare images": reveal,
        "One slider is the cause": drag_bias,
        "What it is told": lambda: do(page.get_by_role("radio", name="short", exact=True).click),
        "The study's question": lambda: do(
            page.locator(".st-key-right_labels").get_by_role("radio", name="descriptive").click
        ),
        "Your turn": lambda: expect(
            page.get_by_role("button", name="Train this model")
        ).to_be_enabled(),
    }
    by_link = {2: 3, 3: 5, 5: 8, 9: len(cards()) - 1}  # what is between begins as these do
    page.goto(server)
    press(page, "Show me around")
    for number in (1, 2, 3, 5, 8, 9, len(cards()) - 1, len(cards())):
        card = cards()[number - 1]
        expect(guide).to_contain_text(f"card {number} of {len(cards())}")
        settled(page)
        expect(page).to_have_url(re.compile(f"guide={number}(&|$)"))
        control = page.locator(control_of(card.highlight)).first
        part = card.highlight.partition(" ")[2]
        lit = control.locator("xpath=ancestor::label") if part in (".reveal", ".bias") else control
        expect(lit).to_have_css("outline-style", "solid")
        expect(lit).to_be_in_viewport()
        expect(page.get_by_role("region", name=card.title)).to_be_in_viewport()
        if card.title in deeds:
            deeds.pop(card.title)()
            settled(page)
        if number == 9:
            page.mouse.move(2, 2)  # what is under the pointer has another ground
            judge_both(page)
        if number in by_link:
            page.goto(f"{server}/?guide={by_link[number]}")
        elif number < len(cards()):
            press(page, "Next")
    assert deeds == {}
    press(page, "Finish")
    expect_text(page, "Train a model of your own choice")
    page.wait_for_function(NOTHING_LEFT)
