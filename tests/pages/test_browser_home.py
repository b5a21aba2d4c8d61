"""Home on a fresh machine, without a network: maps that move at once, and sliders that need no
server."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.chromium import needs_chromium
from vlcore.classroom.guide import cards

from .accessibility import judge_both
from .serving import complete, expect_short, expect_text, press, settled

pytestmark = [pytest.mark.browser, needs_chromium]
READY = ".riddle[aria-busy=false] .linked-maps[data-state]"
NOTHING_LEFT = """() => document.getAnimations()
    .every(one => one.effect.getTiming().fill !== "forwards")"""
# Where all images of both maps are, from 0 to 1 across and then up.
PLACES = """root => [0, 1].map(pane => [root.riddle.maps.x[pane], root.riddle.maps.y[pane]]
    .map(axis => [...axis]))"""
AT_REST = f"""root => new Promise(done => {{
    const {{maps}} = root.riddle, isThere = (now, goal) => goal.every((at, row) => at === now[row]);
    const look = () => maps.targets.every(({{x, y}}, pane) =>
        isThere(maps.x[pane], x) && isThere(maps.y[pane], y)) ? done(({PLACES})(root))
        : requestAnimationFrame(look);
    look();
}})"""
# The ends along both axes of both maps of what they show, captions too.
ENDS = """root => root.riddle.maps.targets.map(({x, y, captions}) => [x, y].map((axis, number) => {
    const values = [...axis, ...captions.filter((at, index) => index % 2 === number && at === at)];
    return [Math.min(...values), Math.max(...values)];
}))"""
HIDDEN = "root => root.riddle.maps.passing.filter(isShown => !isShown).length"
LAST = "Bring images of your own"  # the last link of the page


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    """The app as it is cloned, over a home that is empty."""
    return fresh_server


def riddle(page: Page) -> Locator:
    """Both maps and the controls around them, once the maps have images."""
    expect(page.locator(READY)).to_be_visible()
    return page.locator(".riddle")


def drag(page: Page, name: str, value: int) -> None:
    page.locator(f".riddle .{name}").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input',"
        " {bubbles: true})); }",
        value,
    )


def still(page: Page) -> object:
    """Where the images are once they have come to rest."""
    return riddle(page).evaluate(AT_REST)


def test_maps_move_before_anything_is_trained_and_sliders_ask_nobody(
    come: Callable[..., Page], server: str
) -> None:
    page, frames = come(1280, 720), list[object]()

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(frame))
        socket.on("framereceived", lambda frame: frames.append(frame))

    page.on("websocket", listen)
    page.goto(server)
    first = riddle(page).evaluate(PLACES)
    assert frames
    assert [[len(axis) for axis in axes] for axes in first] == [[200, 200]] * 2
    expect_text(page, "Which would you trust?")
    assert still(page) != first, "it plays by itself"
    complete(page, page.get_by_role("link", name=LAST))
    for part in (".surface", ".time", ".bias"):
        box = page.locator(f".riddle {part}").last.bounding_box()
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
    riddle(page)


def test_without_motion_a_visitor_asks_which_model_is_trusted_and_looks_at_images(
    come: Callable[..., Page], server: str
) -> None:
    page = come(1280, 720, reduced_motion="reduce")
    page.goto(server)
    expect_text(page, "Which would you trust?")
    before = still(page)
    complete(page, page.get_by_role("link", name=LAST))
    assert still(page) == before, "with little motion nothing plays"
    expect_faces_and_full_maps(page)
    assert riddle(page).evaluate(HIDDEN) == 100
    level = page.locator(".riddle .removed")
    assert level.text_content() == "A ?, B ?"
    shares = page.locator(".riddle .bars strong")
    assert [text == "?" for text in shares.all_text_contents()] == [False, False, True, True] * 2
    press(page, "Model A")
    assert riddle(page).evaluate(HIDDEN) == 0
    assert "?" not in shares.all_text_contents()
    assert re.fullmatch(r"A \d+ %, B 0 %", level.text_content() or "")
    expect_text(page, "rare training images: 0 % removed (48 of 48 kept)")
    press(page, "Do descriptive captions help?")
    expect(level).to_have_text("75 % removed (12 of 48 kept)")
    titles = page.locator(".riddle figcaption")
    expect(titles).to_contain_text(["Short labels", "Descriptive labels"])
    expect(titles).to_contain_text(["“horse”", "“horse on the grass”"])
    words_follow_the_step(page)
    judge_both(page)
    what_was_chosen_is_in_the_address(page)
    page.goto(f"{server}/?guide=3")
    riddle(page)
    settled(page)
    what_was_chosen_is_in_the_address(page)
    phone = come(390, 844, has_touch=True, is_mobile=True, reduced_motion="reduce")
    phone.goto(server)
    riddle(phone)
    expect_short(phone, 4, phone.get_by_role("link", name=LAST))
    a_tap_shows_an_image_until_another_place_is_tapped(phone)


def words_follow_the_step(page: Page) -> None:
    """The card of an image says whether it is predicted right at the moment."""
    card, surface = page.locator(".riddle .card"), page.locator(".riddle .surface").nth(1)
    verdicts = card.locator("dd")
    last = int(page.locator(".riddle .time").get_attribute("max") or "nan")
    surface.focus()
    changed = []
    for _ in range(8):
        drag(page, "time", last)
        page.keyboard.press("ArrowRight")
        expect(card.locator(".image")).to_be_visible()
        expect(card.locator("dt")).to_have_text(["group", "Short labels", "Descriptive labels"])
        trained = verdicts.all_text_contents()
        assert set(trained[1:]) <= {"right", "wrong"}
        drag(page, "time", 0)
        untrained = verdicts.all_text_contents()
        assert untrained[0] == trained[0]
        changed.append(untrained != trained)
    assert any(changed)
    drag(page, "time", last)
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def what_was_chosen_is_in_the_address(tab: Page) -> None:
    """A reload keeps it, and Back undoes it."""
    controls = [tab.locator(f".riddle .{name}") for name in ("bias", "time")]
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
    riddle(tab)
    settled(tab)
    assert (seen(), tab.url) == states.pop()
    for state, address in reversed(states):
        tab.go_back()
        expect(tab).to_have_url(address)
        settled(tab)
        assert seen() == state


def a_tap_shows_an_image_until_another_place_is_tapped(tab: Page) -> None:
    card, surfaces = tab.locator(".riddle .card"), tab.locator(".riddle .surface")
    surfaces.first.scroll_into_view_if_needed()
    for pane, (across, up) in enumerate(riddle(tab).evaluate(PLACES)):
        box = surfaces.nth(pane).bounding_box()
        assert box is not None
        x, y = box["x"] + across[0] * box["width"], box["y"] + (1 - up[0]) * box["height"]
        tab.touchscreen.tap(x, y)
        expect(card).to_be_visible()
        for surface in surfaces.all():
            expect(surface.locator("circle[r='9']")).to_have_count(1)
    tab.locator(".riddle .ask p").tap()
    expect(card).to_be_hidden()


def expect_faces_and_full_maps(page: Page) -> None:
    """Images of the groups on the first screen, and maps that fill their frames."""
    faces = page.locator(".riddle .bars .image")
    expect(faces).to_have_count(8)
    for face in faces.all():
        box = face.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720
        assert box["width"] >= 30
    maps = riddle(page).evaluate(ENDS)
    spans = [[high - low for low, high in axes] for axes in maps]
    assert max(max(axes) for axes in spans) == pytest.approx(0.92), "up to the margin"
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

    def reveal() -> None:
        assert riddle(page).evaluate(HIDDEN) == 100
        page.get_by_role("checkbox", name="Rare images").check()
        assert riddle(page).evaluate(HIDDEN) == 0

    def drag_bias() -> None:
        assert riddle(page).evaluate(HIDDEN) == 0
        before = still(page)
        slider = page.locator(".riddle .bias")
        slider.focus()
        slider.press("End")
        expect_text(page, "100 % removed (0 of 48 kept)")
        assert still(page) != before
        assert "?" not in page.locator(".riddle .bars strong").all_text_contents()

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
