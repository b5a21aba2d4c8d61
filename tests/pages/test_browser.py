"""Eleven journeys of visitors in a browser; they share one server and one Chromium.

What a single map does is tested without the app, in `tests/plots/maps/test_maps_browser.py`, and
what a page says is tested without a browser. The journey among hostile texts is in
`test_hostile.py`, with the set that it needs.
"""

import base64
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

from tests.chromium import needs_chromium
from tests.conftest import publish_as
from vlcore.api.compared_maps import ComparedMaps
from vlcore.artifacts import store
from vlcore.classroom import one_room
from vlcore.classroom.lessons import lessons
from vlcore.classroom.one_room import ClassPlan
from vlcore.classroom.session import all_votes, start_session
from vlcore.classroom.tower_pairs import PHONES
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.study import plans

from .accessibility import in_scheme, judge, judge_both
from .linked_maps import MapsOfTab, comparison_of
from .serving import (
    PATIENCE,
    address_field,
    complete,
    downloaded,
    expect_no_wider,
    expect_nothing_cut_off,
    expect_short,
    expect_text,
    press,
    settled,
    unfold,
)

pytestmark = [pytest.mark.browser, needs_chromium]
Come = Callable[..., Page]

KEYS = [plans.find("experiments").conditions[number].key for number in (0, 2)]
COMPARE = f"Compare?left={KEYS[0]}&right={KEYS[1]}"


@pytest.fixture(scope="module")
def comparison(server: str) -> ComparedMaps:
    """The comparison of `COMPARE`, in the home of the server."""
    return comparison_of(KEYS)


# Where all images of both maps of Home are, from 0 to 1 across and then up.
PLACES = """root => [0, 1].map(pane => [root.riddle.maps.x[pane], root.riddle.maps.y[pane]]
    .map(axis => [...axis]))"""
# They rest before the first step is played too.
AT_REST = f"""root => new Promise(done => {{
    const {{maps}} = root.riddle, isThere = (now, goal) => goal.every((at, row) => at === now[row]);
    const look = () => !root.riddle.state.playing && maps.targets.every(({{x, y}}, pane) =>
        isThere(maps.x[pane], x) && isThere(maps.y[pane], y)) ? done(({PLACES})(root))
        : requestAnimationFrame(look);
    look();
}})"""
# Keeps where the images are as the maps get them: a slow machine may look after they have played.
KEEP_FIRST = f"""const set = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {{
    set.call(this, name, value);
    if (this.riddle && name === "aria-busy" && value === "false")
        window.firstPlaces ??= ({PLACES})(this);
}};"""
HIDDEN = "root => root.riddle.maps.passing.filter(isShown => !isShown).length"


def riddle(page: Page) -> Locator:
    """Both maps of Home and the controls around them, once the maps have images."""
    expect(page.locator(".riddle[aria-busy=false] .linked-maps[data-state]")).to_be_visible()
    return page.locator(".riddle")


def still(page: Page) -> object:
    """Where the images of Home are once they have come to rest."""
    return riddle(page).evaluate(AT_REST)


def test_home_plays_and_asks_nobody(come: Come, server: str) -> None:
    page, frames = come(1280, 720), list[object]()

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(frame))
        socket.on("framereceived", lambda frame: frames.append(frame))

    page.on("websocket", listen)
    page.add_init_script(KEEP_FIRST)
    page.goto(server)
    riddle(page)
    first = page.evaluate("window.firstPlaces")
    assert [[len(axis) for axis in axes] for axes in first] == [[200, 200]] * 2
    assert still(page) != first, "it plays by itself"
    last = page.get_by_role("link", name="Import your own images")
    complete(page, last)
    for part in (".surface", ".time", ".bias"):
        box = page.locator(f".riddle {part}").last.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 720, "on the first screen"
    assert riddle(page).evaluate(HIDDEN) == 100
    press(page, "Model A")
    assert riddle(page).evaluate(HIDDEN) == 0
    at_end = still(page)
    assert frames
    frames.clear()
    bias = page.locator(".riddle .bias")
    before, address = bias.input_value(), page.url
    bias.press("End")
    expect_text(page, "100% (0 of 48 rare images kept)")
    assert still(page) != at_end
    assert frames == [], "a slider asks nobody"
    page.reload()
    riddle(page)
    settled(page)
    expect_text(page, "100% (0 of 48 rare images kept)")
    page.go_back()
    expect(page).to_have_url(address)
    expect(bias).to_have_value(before)
    settled(page)

    quiet = come(390, 844, is_mobile=True, reduced_motion="reduce")
    quiet.goto(server)
    before_it_plays = still(quiet)
    expect_short(quiet, 4, quiet.get_by_role("link", name="Import your own images"))
    assert still(quiet) == before_it_plays, "with little motion nothing plays"


def test_hover_zoom_and_lasso(page: Page, comparison: ComparedMaps, server: str) -> None:
    maps = MapsOfTab(page, comparison)
    row = maps.lonely()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    maps.opened(f"{server}/{COMPARE}&search=camel+rare")
    expect_text(page, "Selected images")
    assert sum(path.startswith("/tables/") for path in asked) == 1, "the images of the maps, once"

    identity = comparison.points["id"].iloc[row]
    page.mouse.move(*maps.at(row))
    expect(maps.root).to_have_attribute("data-hovered", str(row))
    image = maps.root.locator(".card img")
    expect(image).to_have_attribute("src", re.compile(f"^/thumbs/scenes/.*/{identity[1:]}$"))
    address = urljoin(page.url, image.get_attribute("src"))
    assert "immutable" in page.request.get(address).headers["cache-control"]
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    expect(maps.root).not_to_have_attribute("data-zoom", "1.00")
    page.get_by_role("button", name="Whole maps").click()

    corners = np.array([(0.05, 0.05), (0.95, 0.05), (0.05, 0.95)])
    left, top, side = maps.box()
    path = (corners * side + [left, top]).tolist()
    page.get_by_role("button", name="Lasso", exact=True).click()
    page.mouse.move(*path[0])
    page.mouse.down()
    for corner in (*path[1:], path[0]):
        page.mouse.move(*corner, steps=4)
    page.mouse.up()
    x, y = maps.parts.T
    count = int(((x > 0.05) & (y > 0.05) & (x + y < 1)).sum())
    assert 20 < count < len(comparison.points) - 20
    for dark in (True, False):
        expect(maps.root).to_have_attribute("data-marked", str(count))
        expect_text(page, f"{count} images of")
        in_scheme(page, dark)  # other colours: the maps are told anew
    assert address_field(page, "search") is None, "what was marked takes the place of a search"
    page.get_by_role("button", name="Clear", exact=True).last.click()
    expect(maps.root).to_have_attribute("data-marked", "0")
    expect(page.get_by_text("Selected images")).to_have_count(0)


def test_a_tap_opens_an_image(come: Come, comparison: ComparedMaps, server: str) -> None:
    tab = come(390, 844, has_touch=True, is_mobile=True)
    maps = MapsOfTab(tab, comparison)
    maps.opened(f"{server}/{COMPARE}&show_twins=true")
    row = maps.lonely()
    tab.touchscreen.tap(*maps.at(row))
    expect_text(tab, "Nearest in Model A")
    complete(tab)
    assert address_field(tab, "picture") == comparison.points["id"].iloc[row]
    arrows = maps.root.locator(".surface line[stroke-width='2']")
    expect(arrows).to_have_count(8)  # between the four versions of the scene, in both maps
    expect_no_wider(tab, 390)
    expect_nothing_cut_off(tab)


PASTE = """content => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const given = new DataTransfer();
    const uploader = document.querySelector("[data-testid=stFileUploaderDropzone]");
    if (!uploader) return false;
    // What hands it on comes by a script that may load after the uploader is seen.
    let handed = false;
    uploader.addEventListener("paste", () => handed = true, {once: true});
    given.items.add(new File([bytes], "image.png", {type: "image/png"}));
    document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: given, bubbles: true}));
    return handed;
}"""


def cut_out() -> bytes:
    """An image with a background that is transparent, as PNG."""
    picture, file = Image.new("RGBA", (120, 120)), io.BytesIO()
    ImageDraw.Draw(picture).ellipse((30, 30, 90, 90), fill=(150, 100, 50, 255))
    picture.save(file, "PNG")
    return file.getvalue()


def test_an_upload(come: Come, server: str, tmp_path: Path) -> None:
    """A sample, a cut-out that is pasted on a phone, and a folder that is too large."""
    tab = come(390, 844)
    tab.goto(f"{server}/Upload")
    marks = tab.locator("path[aria-label^='your image ']")
    expect(marks).to_have_count(2)
    complete(tab)
    expect_nothing_cut_off(tab)
    tab.wait_for_function(PASTE, arg=base64.b64encode(cut_out()).decode())
    expect(marks).to_have_count(2 * 7)  # on seven backgrounds, in both maps
    settled(tab)

    for number in range(limits.FOLDER_FILES + 1):
        (tmp_path / f"{number}.png").touch()
    tab.goto(f"{server}/Data?look=import+images")
    settled(tab)
    folder = tab.locator("input[webkitdirectory]")
    tab.on("dialog", lambda dialog: dialog.accept())
    with tab.expect_event("dialog") as told:
        folder.set_input_files(tmp_path)
    assert str(limits.FOLDER_FILES + 1) in told.value.message
    assert folder.evaluate("input => input.files.length") == 0


def expect_votes(presenter: Page, number: int) -> None:
    expect(presenter.get_by_test_id("stMetricValue")).to_have_text(str(number))


def test_a_vote_with_two_phones(come: Come, server: str) -> None:
    first, second, *_ = lessons(Condition())["four-experiments"].steps
    a, _, c = (
        f"{letter}: {choice.text}" for letter, choice in zip("ABC", first.choices, strict=True)
    )
    wall, phones = come(1280, 720), [come(390, 844) for _ in range(2)]
    wall.goto(f"{server}/Lesson?lesson=four-experiments")
    unfold(wall, "With a class")
    press(wall, "Start a lesson for a class")
    expect_votes(wall, 0)
    code = wall.url.partition("code=")[2][:4]
    for number, phone in enumerate(phones, start=1):
        phone.goto(f"{server}/Lesson?code={code}")
        press(phone, a)
        expect(phone.get_by_role("button", name=f"{a} (my answer)")).to_be_visible()
        expect_votes(wall, number)
    phone = phones[0]
    phone.goto(f"{server}/Lesson?code={code}")  # the link again is no second vote
    expect(phone.get_by_role("button", name=f"{a} (my answer)")).to_be_visible()
    press(phone, c)
    expect(phone.get_by_role("button", name=f"{c} (my answer)")).to_be_visible()
    assert sorted(all_votes(code)[first.name].values()) == [1, 1]
    expect_no_wider(phone, 390)

    press(wall, "Show the result")
    for page in (wall, *phones):
        expect_text(page, "The class voted: 2 votes")
    complete(phone)
    expect(phone.get_by_role("button", name=f"{c} (my answer)")).to_have_count(0)
    wall.reload()  # the browser knows what leads
    wall.get_by_text("How sure?").click()
    expect(wall.get_by_text("Accuracy by group")).to_be_visible()
    expect_nothing_cut_off(wall)
    press(wall, "Next question")
    for phone in phones:
        expect(phone.get_by_role("heading", name=second.question)).to_be_visible()
        expect(phone.get_by_role("button", name="A: ")).to_be_visible()
        settled(phone)


PLAN = ClassPlan("labels", 6)


@pytest.fixture
def planned_models(server: str) -> Iterator[None]:
    """The models of a plan, as copies of bundled ones: nobody waits for a training."""
    bundled = [store.read(condition.key) for condition in plans.find("experiments").conditions[2:]]
    pairs = [one_room.pair_of(PLAN, Condition(), SCENES, place) for place in range(PLAN.planned)]
    copies = [
        publish_as(artifact, condition)
        for pair in pairs
        for artifact, condition in zip(bundled, pair, strict=True)
        if not store.published(condition.key)
    ]
    yield
    for artifact in copies:
        shutil.rmtree(artifact.path)


def expect_blocks(wall: Page, text: str) -> None:
    metric = wall.get_by_test_id("stMetric").filter(has_text="Seed pairs")
    expect(metric.get_by_test_id("stMetricValue")).to_have_text(text)


@pytest.mark.usefixtures("planned_models")
def test_one_room(come: Come, server: str) -> None:
    """A wall and two phones do one study."""
    wall, phones = come(1280, 720), [come(390, 844) for _ in range(2)]
    wall.goto(f"{server}/Lesson?lesson=one-room")
    press(wall, "Start it")
    expect_text(wall, "The class expects")
    code = wall.url.partition("code=")[2][:4]
    for phone, says in zip(phones, ("lower", "higher"), strict=True):
        phone.goto(f"{server}/Lesson?code={code}")
        press(phone, says)
    expect_text(wall, "lower: 1 · about the same: 0 · higher: 1")
    wall.get_by_role("spinbutton", name="Seed pairs").fill(str(PLAN.planned))
    wall.keyboard.press("Enter")
    expectation = wall.get_by_role("radiogroup", name="The class expects")
    expectation.get_by_text("lower", exact=True).click()
    press(wall, "Lock the plan")
    expect_blocks(wall, "0 of 6")
    for number, phone in enumerate(phones, start=1):
        press(phone, "Train my two models")
        expect_text(phone, f"Your two models: seed pair {number}, seed {number - 1}")
        expect_blocks(wall, f"{number} of 6")
    expect_no_wider(phones[0], 390)
    phones[0].reload()  # the same browser has the same block
    expect_text(phones[0], "Your two models: seed pair 1, seed 0")
    wall.reload()  # the lecturer's browser leads on
    press(wall, "Train the remaining 4 seed pairs")
    expect_blocks(wall, "6 of 6")
    press(wall, "End: what did it show?")
    for page in (wall, *phones):
        expect_text(page, "The class expected “lower”")
        settled(page)


def test_offline_pages_need_no_network(come: Come, page: Page, server: str) -> None:
    page.goto(f"{server}/{COMPARE}&closer=Export")
    comparison = downloaded(page, "Offline page")
    page.goto(f"{server}/Lesson?lesson=four-experiments")
    handout = downloaded(page, "Handout")
    away = come(offline=True)
    away.goto(comparison.as_uri())
    expect(away.locator(".linked-maps").first).to_have_attribute("data-state", "drawn")
    away.goto(handout.as_uri())
    for step in lessons(Condition())["four-experiments"].steps:
        expect(away.get_by_text(step.question).first).to_be_visible()
    assert away.evaluate("document.querySelector('td:empty').offsetHeight") > 20, "room to write"
    assert len(re.findall(rb"/Type\s*/Page\b", away.pdf(format="A4"))) == 1


def test_keyboard_and_axe(page: Page, comparison: ComparedMaps, server: str) -> None:
    page.goto(f"{server}/Data")
    pictures = page.locator("svg image")
    expect(pictures).to_have_count(4 * 48)
    judge_both(page)
    pictures.nth(20).click(force=True)
    expect(page.get_by_role("dialog").get_by_text("Its twins")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    complete(page)
    other, current = (page.get_by_role("link", name=name, exact=True) for name in ("Train", "Data"))
    current.focus()
    expect(current).to_have_css("outline-style", "solid")
    expect(other).to_have_css("outline-style", "none")
    other.press("Enter")
    expect(page).to_have_url(re.compile("/Train"))
    settled(page)
    judge(page)

    maps = MapsOfTab(page, comparison)
    maps.opened(f"{server}/{COMPARE}")
    maps.surface.focus()
    page.keyboard.press("n")
    page.keyboard.press("n")
    second = np.flatnonzero(comparison.points["x0"].notna())[1]
    expect(maps.root).to_have_attribute("data-hovered", str(second))
    page.keyboard.press("Enter")
    identity = comparison.points["id"].iloc[second]
    expect(page).to_have_url(re.compile(f"picture={identity}"))
    expect_text(page, "Nearest in Model B")
    page.keyboard.press("Escape")
    expect(maps.root.locator(".card")).to_be_hidden()
    judge(page)
    for address in ("", "Upload", "Lesson?lesson=four-experiments"):
        page.goto(f"{server}/{address}")
        complete(page)
        judge(page)


def test_a_link_opened_in_a_second_browser(come: Come, server: str) -> None:
    page = come(1280, 720)
    page.goto(f"{server}/Compare/?right=labels:short,bias:0.75")
    titles = page.locator(".linked-maps figcaption strong")
    expect(titles.nth(1)).to_contain_text("Bias 75%")
    complete(page, page.locator(".linked-maps[data-state=drawn]").last)
    for part in (".surface", "figcaption", ".legend"):
        box = page.locator(f".linked-maps {part}").last.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 1280
        assert box["y"] + box["height"] <= 720, "on the first screen"
    page.locator(".st-key-right_bias").get_by_role("slider").first.press("ArrowRight")
    expect(titles.nth(1)).to_contain_text("Bias 90%")
    expect(page).to_have_url(re.compile(r"bias(:|%3A)0\.9"))
    complete(page)

    other = come(1280, 720)
    other.goto(page.url)
    expect(other.locator(".linked-maps figcaption strong")).to_have_text(titles.all_text_contents())
    page.go_back()
    expect(page).to_have_url(re.compile(r"bias(:|%3A)0\.75"))
    expect(titles.nth(1)).to_contain_text("Bias 75%")
    for tab in (page, other):
        settled(tab)


# A phone far from the room has none of the connections of its page, and gets none.
FAR_AWAY = """const Connection = WebSocket;
window.isAway = false;
window.WebSocket = class extends Connection {
    constructor(address, protocols) {
        super(address, protocols);
        addEventListener("away", () => this.close());
        if (window.isAway) this.close();
    }
};"""
LEAVE, COME_BACK = "isAway = true; dispatchEvent(new Event('away'))", "isAway = false"


def test_a_phone_trains_and_for_one_without_workers_the_server_does(
    come: Come, browser: Browser, server: str
) -> None:
    started = start_session(one_room.NAME, "scenes", one_room.FIRST, towers=PHONES)
    plan = ClassPlan("labels", 6, prediction="lower", towers=PHONES)
    one_room.fix_plan(started.code, started.token, plan, Condition(), SCENES)
    far = browser.new_page(viewport={"width": 390, "height": 844})  # Streamlit complains there
    far.set_default_timeout(PATIENCE)
    far.add_init_script(FAR_AWAY)
    phones = [far, come(390, 844)]
    phones[1].add_init_script("delete window.Worker")
    for place, phone in enumerate(phones, start=1):
        phone.goto(f"{server}/Lesson?code={started.code}")
        press(phone, "Train my two models")
        if place == 1:  # it trains without a network, and tells its result when it has one again
            expect_text(phone, "Your phone trains two models")
            phone.evaluate(LEAVE)
            expect_text(phone, "Trained on this phone")
            phone.evaluate(COME_BACK)
        expect_text(phone, f"Your two models: seed pair {place}")
    trained = one_room.blocks_of(started.code)
    assert [bool(block.result) for block in trained] == [True, False]
    pairs = [one_room.pair_of(plan, Condition(), SCENES, place) for place in range(2)]
    published = [[store.published(model.key) for model in pair] for pair in pairs]
    assert published == [[False, False], [True, True]]
    phone = phones[0]
    phone.reload()  # it trains again, to show its maps
    expect_text(phone, "Trained on this phone")
    expect_no_wider(phone, 390)
    assert one_room.blocks_of(started.code) == trained, "nothing is counted twice"
    far.close()
    for model in pairs[1]:  # other tests of this home do not see it
        shutil.rmtree(store.read(model.key).path)
