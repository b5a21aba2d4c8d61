"""The maps of Compare in a browser, with a real pointer, fingers and keys: every image of both
maps, linked, and a selection that reaches the page."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.api import map_component
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.overlays import NEIGHBOURS
from vlcore.data.catalogue import open_set
from vlcore.plots.maps.table import bitmask
from vlcore.plots.theme import DARK, LIGHT
from vlcore.study import plans
from vlcore.web.components import browser

from .accessibility import in_scheme, judge
from .linked_maps import LIT, MapsOfTab, comparison_of
from .serving import complete, expect_text, settled
from .test_browser_compare import address_field

pytestmark = [pytest.mark.browser, needs_chromium]

KEYS = [plans.find("experiments").conditions[number].key for number in (0, 2)]
ADDRESS = f"Compare?left_model={KEYS[0]}&right_model={KEYS[1]}"


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


def inside(path: list[tuple[float, float]], points: np.ndarray) -> np.ndarray:
    """Which points lie inside a polygon, by the crossings of a ray."""
    crossings = np.zeros(len(points), int)
    for (x1, y1), (x2, y2) in zip(path, path[1:] + path[:1], strict=True):
        is_between = (y1 > points[:, 1]) != (y2 > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            x = (x2 - x1) * (points[:, 1] - y1) / (y2 - y1) + x1
        crossings += is_between & (points[:, 0] < x)
    return crossings % 2 == 1


def test_the_pointer_lights_zooms_and_moves_both_maps(maps: MapsOfTab, server: str) -> None:
    tab, row = maps.tab, maps.lonely()
    maps.opened(f"{server}/{ADDRESS}")
    for pane in (0, 1):
        assert min(maps.colours(pane, LIGHT)) > 20, "each group is drawn in its colour"
    identity = maps.comparison.points["id"].iloc[row]

    tab.mouse.move(*maps.at(0, row))
    expect(maps.root).to_have_attribute("data-hovered", str(row))
    for pane in (0, 1):
        side = maps.box(pane)[2]
        assert maps.circle(pane, LIGHT.text) == pytest.approx(maps.parts[pane, row] * side, abs=1)
    image = maps.surface(1).locator("image")  # in the first, the card has it
    assert image.get_attribute("href").endswith(f"/{identity[1:]}")
    address = urljoin(tab.url, image.get_attribute("href"))
    assert urlsplit(address).path.startswith("/thumbs/scenes/"), "one for all visitors"
    assert "immutable" in tab.request.get(address).headers["cache-control"]
    card = maps.root.locator(".card")
    expect(card).to_contain_text(maps.comparison.points["predicted_0"].iloc[row])
    tab.wait_for_function(
        "image => image.naturalWidth > 0", arg=card.locator("img").element_handle()
    )

    tab.mouse.wheel(0, -300)  # nobody works with the maps yet: the page would scroll
    expect(maps.root).to_have_attribute("data-zoom", "1.00")
    for key, is_left_to_the_browser in (("ctrlKey", False), ("metaKey", False), ("altKey", True)):
        turned = """(surface, key) => surface.dispatchEvent(
            new WheelEvent("wheel", {[key]: true, deltaY: 100, cancelable: true}))"""
        assert maps.surface(0).evaluate(turned, key) == is_left_to_the_browser
    tab.mouse.click(*maps.at(0, row))
    for model in ("left", "right"):
        expect_text(tab, f"Nearest in the {model} model")
    assert address_field(tab, "picture") == identity
    complete(tab)
    expect(maps.root).to_have_attribute("data-zoom", "1.00")  # neither wheel nor click zoomed
    # In a home where nothing was drawn before.
    expect(tab.get_by_alt_text(re.compile("^(camel|horse), ")).first).to_be_visible()
    assert not tab.get_by_test_id("stAlert").filter(has_text="cannot be read").count()
    tab.mouse.move(*maps.at(0, row))
    tab.mouse.wheel(0, -400)
    expect(maps.root).not_to_have_attribute("data-zoom", "1.00")
    zoom = float(maps.root.get_attribute("data-zoom") or "nan")
    side = maps.box(0)[2]
    shown = [maps.circle(pane, LIGHT.accent) for pane in (0, 1)]
    assert shown[0] == pytest.approx(maps.parts[0, row] * side, abs=2), "it stays at the pointer"
    apart = (maps.parts[1, row] - maps.parts[0, row]) * side * zoom
    assert shown[1] - shown[0] == pytest.approx(apart, abs=4), "both maps show the same part"

    left, top, side = maps.box(0)

    def dragged(before: list[np.ndarray]) -> list[np.ndarray]:
        tab.mouse.move(left + side / 2, top + side / 2)
        tab.mouse.down()
        tab.mouse.move(left + side / 2 + 30, top + side / 2 - 20, steps=3)
        tab.mouse.up()
        after = [maps.circle(pane, LIGHT.accent) for pane in (0, 1)]
        for pane in (0, 1):
            assert after[pane] == pytest.approx(before[pane] + [30, -20], abs=1)
        return after

    tab.get_by_role("button", name="Move", exact=True).click()
    shown = dragged(shown)
    tab.get_by_role("button", name="Rectangle", exact=True).click()
    tab.keyboard.down("Shift")
    dragged(shown)
    tab.keyboard.up("Shift")
    expect(maps.root).to_have_attribute("data-marked", "0")

    tab.mouse.dblclick(left + side / 2, top + side / 2)
    for _ in range(8):
        tab.get_by_role("button", name="Zoom in", exact=True).click()
    tab.mouse.move(2, 2)
    clicked = maps.circle(0, LIGHT.accent)
    assert 0 < min(clicked) < max(clicked) < side, "it stays in sight, however close"
    tab.mouse.dblclick(left + side / 2, top + side / 2)
    expect(maps.root).to_have_attribute("data-zoom", "1.00")

    is_empty = maps.root.get_by_text("No image of this map is here.")
    complete(tab)
    expect(is_empty).to_have_count(0)
    tab.mouse.move(left + 2, top + 2)
    tab.mouse.wheel(0, -2000)
    expect(is_empty).to_have_count(2)
    tab.mouse.dblclick(left + side / 2, top + side / 2)
    expect(is_empty).to_have_count(0)

    tab.mouse.move(*maps.at(1, row))
    expect(maps.root).to_have_attribute("data-hovered", re.compile(r"\d"))


def test_a_lasso_reaches_the_page(maps: MapsOfTab, server: str) -> None:
    tab = maps.tab
    maps.opened(f"{server}/{ADDRESS}")
    left, top, side = maps.box(0)
    corners = [(0.1, 0.05), (0.95, 0.3), (0.55, 0.5), (0.2, 0.9)]
    path = [(round(left + x * side), round(top + y * side)) for x, y in corners]
    tab.get_by_role("button", name="Lasso", exact=True).click()
    tab.mouse.move(*path[0])
    tab.mouse.down()
    for corner in path[1:]:
        tab.mouse.move(*corner, steps=4)
    tab.mouse.up()
    is_marked = inside(path, maps.parts[0] * side + [left, top])
    expected = int(is_marked.sum())
    assert 20 < expected < len(maps.comparison.points) - 20
    expect(maps.root).to_have_attribute("data-marked", str(expected))
    expect_text(tab, "Selected images")
    expect_text(tab, f"{expected} images")

    settled(tab)
    in_scheme(tab, dark=True)  # other colours: the maps are told anew
    expect(maps.root).to_have_attribute("data-marked", str(expected))
    expect_text(tab, f"{expected} images")
    maps.surface(0).focus()
    tab.keyboard.press("+")
    expect(maps.root).to_have_attribute("data-zoom", "1.60")
    tab.keyboard.press("0")
    expect(maps.root).to_have_attribute("data-zoom", "1.00")
    shown = np.flatnonzero(is_marked & np.isfinite(maps.parts[0]).all(axis=1)).tolist()
    for key, row in (("n", shown[0]), ("n", shown[1]), ("p", shown[0]), ("p", shown[-1])):
        tab.keyboard.press(key)
        expect(maps.root).to_have_attribute("data-hovered", str(row))
    point = maps.comparison.points.iloc[shown[-1]]
    status = maps.root.locator(".status-of-card")
    expect(status).to_contain_text(f"object: {point['object']}, context: {point['context']}")
    expect(status).to_contain_text(f"prediction: {point['predicted_0']}")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(re.compile(f"picture={point['id']}"))
    settled(tab)
    judge(tab)
    tab.keyboard.press("Escape")
    expect(maps.root.locator(".card")).to_be_hidden()
    expect(maps.root).to_have_attribute("data-marked", "0")
    expect(tab.get_by_text("Selected images")).to_have_count(0)
    assert min(maps.colours(0, DARK)) > 20


def test_fingers_tap_and_pinch(
    come: Callable[..., Page], comparison: ComparedMaps, server: str
) -> None:
    tab = come(390, 844, has_touch=True, is_mobile=True)
    maps = MapsOfTab(tab, comparison)
    maps.opened(f"{server}/{ADDRESS}&show_twins=true")
    expect(maps.root).to_have_attribute("data-mode", "move")  # a finger scrolls the page
    first = maps.parts[0]
    is_held_out = (comparison.points["kind"] == "test").to_numpy()
    row = maps.lonely()
    tab.touchscreen.tap(*maps.at(0, row))
    expect_text(tab, "Nearest in the left model")
    chosen = int(maps.root.get_attribute("data-hovered") or "-1")
    assert np.linalg.norm(first[chosen] - first[row]) * maps.box(0)[2] < 2
    identity = comparison.points["id"].iloc[chosen]
    assert address_field(tab, "picture") == identity
    scene = comparison.points["scene"].iloc[chosen]
    same = comparison.points[comparison.points["scene"] == scene].dropna(subset="x0")
    around = maps.surface(0).locator(LIT.format(LIGHT.text))
    if is_held_out[chosen]:
        expect(around).to_have_count(len(same))  # its twins, and itself as what was tapped
    settled(tab)
    card = maps.root.locator(".card")
    expect(card).to_be_visible()
    tab.get_by_text("Nearest in the left model").scroll_into_view_if_needed()
    expect(card).to_be_hidden()
    tab.touchscreen.tap(*maps.at(0, row))
    expect(card).to_be_visible()
    tab.get_by_role("button", name="Zoom out").tap()
    expect(card).to_be_hidden()

    left, top, side = maps.box(0)
    middle = (left + side / 2, top + side / 2)
    touch = tab.context.new_cdp_session(tab)

    def fingers(kind: str, apart: float) -> None:
        points = [{"x": middle[0] + sign * apart, "y": middle[1]} for sign in (-1, 1)]
        touch.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if apart else []}
        )

    fingers("touchStart", 30)
    for apart in (40, 50, 60):
        fingers("touchMove", apart)
    fingers("touchEnd", 0)
    expect(maps.root).to_have_attribute("data-zoom", "2.00")
    tab.get_by_role("button", name="Whole maps").tap()
    expect(maps.root).to_have_attribute("data-zoom", "1.00")


@pytest.fixture
def browser_tab(browser: object) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 1200})  # type: ignore[attr-defined]
    yield context.new_page()
    context.close()


def test_what_is_said_stays_inside_the_window_and_what_is_hidden_out_of_a_selection(
    come: Callable[..., Page], comparison: ComparedMaps, server: str
) -> None:
    tab = come(1280, 720)
    maps = MapsOfTab(tab, comparison)
    maps.opened(f"{server}/{ADDRESS}")
    hint = tab.get_by_text("Ctrl and wheel: zoom").bounding_box()
    assert hint["y"] + hint["height"] <= maps.box(0)[1], "above the maps"
    second = np.nan_to_num(maps.parts[1], nan=0.5)
    rows = [int(pick(second[:, axis])) for axis in (0, 1) for pick in (np.argmin, np.argmax)]
    for row in rows:
        tab.mouse.move(*maps.at(1, row))
        card = maps.root.locator(".card")
        expect(card.locator("img")).to_be_visible()
        tab.wait_for_function("image => image.complete", arg=card.locator("img").element_handle())
        box = card.bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1280
        assert box["y"] + box["height"] <= 720

    points = comparison.points.dropna(subset="x0")
    everything = max(int(comparison.points[f"x{pane}"].notna().sum()) for pane in (0, 1))
    expect(maps.root).to_have_attribute("data-shown", str(everything))
    tab.locator("path[aria-label^='camel on grass (minority group): click']").click()
    of_group = points[points["group"] == "camel_grass"]
    expect(maps.root).to_have_attribute("data-shown", str(len(of_group)))
    settled(tab)
    tab.get_by_role("button", name="hollow: held out").click()
    held_out = of_group[of_group["kind"] == "test"]
    expect(maps.root).to_have_attribute("data-shown", str(len(held_out)))
    settled(tab)
    left, top, side = maps.box(0)
    tab.mouse.move(left + 2, top + 2)
    tab.mouse.down()
    tab.mouse.move(left + side - 2, top + side - 2, steps=3)
    tab.mouse.up()
    expect(maps.root).to_have_attribute("data-marked", str(len(held_out)))
    expect_text(tab, f"{len(held_out)} images")


def test_images_stand_for_their_marks_have_neighbours_and_come_back_when_they_are_lost(
    browser_tab: Page, comparison: ComparedMaps, server: str
) -> None:
    """On a tab whose console is not judged: a browser warns there of a context that was lost."""
    maps = MapsOfTab(browser_tab, comparison)
    row = maps.lonely()
    maps.opened(f"{server}/{ADDRESS}&show_images=true&show_neighbours=true")
    number = int(maps.comparison.rows[row])
    image = open_set("scenes").image(number)
    height, width = (length // 4 for length in image.shape[:2])
    expected = image[height:-height, width:-width].mean(axis=(0, 1))
    x, y = maps.at(0, row)

    def expect_image() -> None:
        pixels = maps.pixels({"x": x - 7, "y": y - 7, "width": 14, "height": 14})
        assert pixels.mean(axis=(0, 1)) == pytest.approx(expected, abs=25)

    expect_image()
    maps.root.locator("canvas").evaluate(
        """canvas => {
            window.taken = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
            window.taken.loseContext();
        }"""
    )
    expect(maps.root).to_have_attribute("data-state", "lost")
    browser_tab.evaluate("window.taken.restoreContext()")
    expect(maps.root).to_have_attribute("data-state", "drawn")
    expect_image()
    browser_tab.mouse.move(x, y)
    for pane in (0, 1):
        expect(maps.surface(pane).locator("line")).to_have_count(NEIGHBOURS)


def test_rare_colours_are_drawn_on_top(page: Page) -> None:
    script = (Path(browser.__file__).parent / "points.js").read_text(encoding="utf-8")
    codes = np.repeat([0, 1, 2, 255], [80, 70, 9, 3])  # the last has no colour
    looks = np.zeros((len(codes), 4), dtype=int)
    looks[:, 0] = codes
    drawn = page.evaluate(
        """([script, looks]) => new Function("looks",
            script + "; return [...rareLast(shuffled(looks.length / 4), looks)];")(looks)""",
        [script, looks.ravel().tolist()],
    )
    assert sorted(drawn) == list(range(len(codes)))
    assert (codes[drawn[-9:]] == 2).all()
    assert len(set(codes[drawn[:20]])) > 1, "no other colour lies on top"


MOUNT = """([script, data, columns]) => {
    const begun = script.replace("export default function", "const mount = function");
    const mount = new Function(begun + "; return mount;")(), heard = {setStateValue() {}};
    const parts = [document.createElement("div"), document.createElement("div")];
    document.body.append(...parts);
    const table = {
        schema: {fields: Object.keys(columns).map(name => ({name}))},
        getChild: name => ({
            toArray: () => new (/^[xy]/.test(name) ? Float32Array : Int32Array)(columns[name]),
            get: row => columns[name][row],
        }),
    };
    window.tell = more => mount({parentElement: parts[0], data: {...data, ...more}, ...heard});
    const brought = {stamp: data.stamp, columns: table};
    window.bring = () => mount({parentElement: parts[1], data: brought});
    tell({});
}"""


def test_zoom_waits_for_columns_and_is_of_the_maps_and_fingers_that_are_there(
    page: Page, server: str
) -> None:
    folder = Path(browser.__file__).parent
    script = "".join((folder / name).read_text("utf-8") for name in ("points.js", "maps.js"))
    comparison = comparison_of(KEYS[::-1])
    points = comparison.points
    (row, *_) = np.flatnonzero(points["x0"].isna() & (points["x1"] < points["x1"].quantile(0.1)))
    told = {
        **map_component.drawing(comparison, LIGHT, 300),
        "stamp": "columns",
        "images": "images",
        "colourStamp": "",
        "alt": "",
        "thumbs": "",
        "lines": [],
        "picked": int(row),
        "lists": True,
        "shown": {"entries": [], "clicks": 0},
        "panel": False,
        "selected": {"rows": None, "best": [], "gesture": 0},
    }
    columns = map_component.columns(comparison).to_dict("list")
    page.evaluate(MOUNT, [script, told, columns])
    maps = MapsOfTab(page, comparison)
    closer = page.get_by_role("button", name="Zoom in", exact=True)
    closer.click()
    page.evaluate("bring()")
    expect(maps.root).to_have_attribute("data-zoom", "1.00")
    for _ in range(5):
        closer.click()
    expect(maps.root).to_have_attribute("data-zoom", f"{1.6**5:.2f}")
    at = maps.circle(1, LIGHT.accent)
    assert 0 < min(at) < max(at) < 300, "it stays in sight"

    counted = maps.root.locator(".tools .said")
    nothing = bitmask(np.zeros(len(points), dtype=bool))
    page.evaluate("drawn => tell({drawn})", nothing)
    expect(counted).to_have_text(
        f"No image is of the groups and the split that are chosen: 0 of {len(points)} images shown"
    )
    page.evaluate("drawn => tell({drawn, panel: true})", nothing)
    expect(counted).to_contain_text("No image is in all that was clicked")

    page.evaluate("tell({picked: null})")
    page.get_by_role("button", name="Whole maps", exact=True).click()
    maps.surface(0).evaluate(
        """surface => {
            surface.setPointerCapture = () => {};  // of real pointers only
            const box = surface.getBoundingClientRect();
            const send = (kind, pointerId, x) => surface.dispatchEvent(new PointerEvent(kind, {
                pointerId, pointerType: "touch", clientX: box.x + x, clientY: box.y + 150}));
            [140, 160, 240].forEach((x, number) => send("pointerdown", number, x));
            send("pointerup", 0, 140);
            send("pointermove", 2, 248);
        }"""
    )
    expect(maps.root).to_have_attribute("data-zoom", "1.10")
