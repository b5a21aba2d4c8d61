"""The component of all maps in a browser, alone on a page: what it draws, and what a pointer, a
finger and keys do, against numbers."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Page, expect

from tests.chromium import needs_chromium, opened_chromium
from tests.plots.maps.examples import CAPTIONS, INFO, POINTS
from vlcore.experiment.grouping import SCENES
from vlcore.plots.maps.drawing import map_drawing
from vlcore.plots.maps.script import SCRIPT, STYLE
from vlcore.plots.maps.table import image_columns, packed, rows_of_bitmask
from vlcore.plots.theme import LIGHT

pytestmark = [pytest.mark.browser, needs_chromium]
Opened = Callable[..., Page]
SIDE = 400
NO_WEBGL = """const context = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function(kind, ...options) {
  return kind === "webgl2" ? null : context.call(this, kind, ...options);
};"""
PAGE = """<!DOCTYPE html><meta charset="utf-8"><style>body {{ margin: 10px; }} {style}</style>
<div id="here"></div>
<script>{script}
const states = [], maps = new Maps(document.getElementById("here"), (...told) => states.push(told));
maps.update({data});</script>"""
TILE, TILES = 8, 20  # px of an image in the sheet, and tiles along each side
SHEET_COLOURS = np.random.default_rng(0).integers(0, 256, (TILES, TILES, 3), dtype=np.uint8)
HOSTILE = '<img src=x onerror="window.hit = 1">'


def _sheet() -> dict[str, Any]:
    """A sheet of images, a colour each."""
    out = BytesIO()
    Image.fromarray(np.kron(SHEET_COLOURS, np.ones((TILE, TILE, 1), np.uint8))).save(out, "WEBP")
    uri = "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
    return {"uri": uri, "tile": TILE, "across": TILES}


def told(panes: int = 2, **more: Any) -> dict[str, Any]:
    """What a page tells of the first of the maps of the examples."""
    captions = CAPTIONS[CAPTIONS["pane"] < panes]
    infos = [INFO] * panes
    drawing = map_drawing(POINTS, captions, infos, palette=LIGHT, grouping=SCENES, side=SIDE)
    columns = image_columns(POINTS, np.arange(len(POINTS)), panes, SCENES)
    table = packed(columns, range(len(POINTS)), _sheet())
    data = {"table": table, "colourTable": None, "thumbs": "", "alt": "In words."}
    return {**drawing, **data, "lists": True, **more}


def places(data: dict[str, Any], pane: int) -> NDArray[np.float64]:
    """Where the images lie on a whole map, (n, 2), in px from its upper left corner."""
    left, right, low, high = data["panes"][pane]["extent"]
    across = (POINTS[f"x{pane}"] - left) / (right - left)
    down = (high - POINTS[f"y{pane}"]) / (high - low)
    return SIDE * np.stack([across, down], axis=1)


def lonely(data: dict[str, Any]) -> int:
    """The image of both maps that is furthest from all others in the first."""
    first, second = places(data, 0), places(data, 1)
    away = np.linalg.norm(first[:, None] - first[None], axis=2)
    np.fill_diagonal(away, np.inf)
    return int(np.where(np.isfinite(second).all(axis=1), away.min(axis=1), -1).argmax())


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with opened_chromium() as browser:
        yield browser


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Opened]:
    """Opens a page with maps; an error in it fails the test at its end."""
    problems: list[str] = []
    contexts = []

    def show(data: dict[str, Any], has_webgl: bool = True, **context: Any) -> Page:
        contexts.append(
            chromium.new_context(**{"viewport": {"width": 1000, "height": 760}, **context})
        )
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        if not has_webgl:
            page.add_init_script(NO_WEBGL)
        target = tmp_path / "maps.html"
        text = json.dumps(data).replace("<", "\\u003c")
        target.write_text(PAGE.format(style=STYLE, script=SCRIPT, data=text))
        page.goto(target.as_uri())
        expect(page.locator(".linked-maps")).to_have_attribute("data-state", "drawn")
        return page

    yield show
    for context in contexts:
        context.close()
    assert not problems


def at(page: Page, pane: int, place: NDArray[np.float64]) -> tuple[float, float]:
    """A place on a map, in px of the window."""
    box = page.locator(".surface").nth(pane).bounding_box()
    assert box is not None
    return box["x"] + float(place[0]), box["y"] + float(place[1])


def states(page: Page, name: str) -> list[Any]:
    return [value for kind, value in page.evaluate("states") if kind == name]


def lit(page: Page, pane: int) -> NDArray[np.float64]:
    """The middle of the circle around the image that is lit, in px of a map."""
    circle = page.locator(".surface").nth(pane).locator(f"circle[stroke='{LIGHT.text}'][r='9']")
    expect(circle).to_have_count(1)
    return np.array([float(circle.get_attribute(name) or "nan") for name in ("cx", "cy")])


@pytest.mark.parametrize("has_webgl", [True, False])
def test_marks_lie_where_the_table_says_in_the_colours_of_their_groups(
    opened: Opened, has_webgl: bool
) -> None:
    data = told()
    page = opened(data, has_webgl)
    row = lonely(data)
    colour = LIGHT.colours(SCENES)[POINTS["group"][row]]
    for pane in range(2):
        x, y = at(page, pane, places(data, pane)[row])
        clip = {"x": round(x) - 7, "y": round(y) - 7, "width": 14, "height": 14}
        shot = Image.open(BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
        away = np.abs(np.asarray(shot.convert("RGB"), int) - ImageColor.getrgb(colour)).sum(axis=2)
        assert (away < 90).sum() >= 5


@pytest.mark.parametrize("has_webgl", [True, False])
def test_images_stand_for_their_marks(opened: Opened, has_webgl: bool) -> None:
    data = told(overlays=["images"])
    page = opened(data, has_webgl)
    row = lonely(data)
    x, y = at(page, 0, places(data, 0)[row])
    clip = {"x": round(x) - 5, "y": round(y) - 5, "width": 10, "height": 10}
    shot = Image.open(BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
    colour = np.asarray(shot.convert("RGB"), float).mean(axis=(0, 1))
    np.testing.assert_allclose(colour, SHEET_COLOURS[row // TILES, row % TILES], atol=25)


def test_rare_colours_are_drawn_on_top(opened: Opened) -> None:
    codes = np.repeat([0, 1, 2, 255], [80, 70, 9, 3])  # the last has no colour
    looks = np.zeros((len(codes), 4), dtype=int)
    looks[:, 0] = codes
    ordered = "looks => [...rareLast(shuffled(looks.length / 4), looks)]"
    drawn = opened(told()).evaluate(ordered, looks.ravel().tolist())
    assert sorted(drawn) == list(range(len(codes)))
    assert (codes[drawn[-9:]] == 2).all()
    assert len(set(codes[drawn[:20]])) > 1, "no other colour lies on top"


def test_a_pointer_lights_an_image_in_both_maps_and_a_click_tells_it(opened: Opened) -> None:
    data = told()
    page = opened(data)
    row = lonely(data)
    place = at(page, 0, places(data, 0)[row])
    page.mouse.move(*place)
    for pane in range(2):
        np.testing.assert_allclose(lit(page, pane), places(data, pane)[row], atol=0.1)
    card = page.locator(".card")
    expect(card.locator(".image")).to_be_visible()
    expect(card.locator("dd").first).to_have_text(POINTS["object"][row])
    page.mouse.click(*place)
    assert [picked["row"] for picked in states(page, "picked")] == [row]
    page.mouse.move(1, 1)
    expect(card).to_be_hidden()


def test_a_click_draws_arrows_between_the_twins_of_the_image(opened: Opened) -> None:
    colour = "#123456"
    data = told(arrows=[{"from": 0, "to": 1, "colour": colour}])
    test = POINTS[POINTS["kind"] == "test"]
    scenes = test.dropna(subset=["x0", "x1"]).groupby("scene")["group"].nunique()
    scene = test[test["scene"] == scenes.index[scenes == 4][0]]
    start, end = (scene.index[scene["group"] == group][0] for group in SCENES.names[:2])
    page = opened(data)
    page.evaluate("row => maps.pick(row)", int(scene.index[-1]))
    for pane in range(2):
        arrow = page.locator(".surface").nth(pane).locator(f"line[stroke='{colour}']")
        expect(arrow).to_have_count(1)
        for name, row in (("1", start), ("2", end)):
            there = [float(arrow.get_attribute(f"{axis}{name}") or "nan") for axis in "xy"]
            assert np.linalg.norm(there - places(data, pane)[row]) <= 8.1
    page.evaluate("row => maps.pick(row)", int(POINTS.index[POINTS["kind"] == "training"][0]))
    expect(page.locator(f"line[stroke='{colour}']")).to_have_count(0)


@pytest.mark.parametrize("leader", [0, 1])
def test_a_zoom_shows_in_the_other_map_the_images_in_view_in_the_first(
    opened: Opened, leader: int
) -> None:
    data = told()
    page = opened(data)
    middle = places(data, leader)[lonely(data)]
    page.mouse.move(*at(page, leader, middle))
    page.keyboard.down("Control")
    for _ in range(6):
        page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    zoom = float(np.exp(6 * 0.25))
    expect(page.locator(".linked-maps")).to_have_attribute("data-zoom", f"{zoom:.2f}")
    view = page.evaluate("maps.views")[leader]
    corner = SIDE * np.array([view["x"] - 0.5 / zoom, 1 - view["y"] - 0.5 / zoom])
    inside = (
        (places(data, leader) >= corner) & (places(data, leader) <= corner + SIDE / zoom)
    ).all(1)
    assert 3 < inside.sum() < len(POINTS) / 2
    assert page.evaluate("[...maps.inView]") == inside.astype(int).tolist()
    in_view = f"{inside.sum()} of {len(POINTS)} images in view"
    expect(page.locator(".said").first).to_have_text(in_view)
    other = page.evaluate("maps.views")[1 - leader]
    followed = SIDE * np.array(
        [other["x"] - 0.5 / other["zoom"], 1 - other["y"] - 0.5 / other["zoom"]]
    )
    seen = places(data, 1 - leader)[inside]
    seen = seen[np.isfinite(seen).all(axis=1)]
    assert (seen >= followed - 1e-3).all()
    assert (seen <= followed + SIDE / other["zoom"] + 1e-3).all()
    page.get_by_role("button", name="Whole maps").click()
    expect(page.locator(".linked-maps")).to_have_attribute("data-zoom", "1.00")
    assert {(view["x"], view["zoom"]) for view in page.evaluate("maps.views")} == {(0.5, 1)}


def test_a_lasso_tells_one_bit_for_each_image_inside(opened: Opened) -> None:
    data = told()
    page = opened(data)
    page.get_by_role("button", name="Lasso").click()
    corners = np.array([(8.0, 8.0), (230.0, 8.0), (8.0, 230.0)])
    page.mouse.move(*at(page, 1, corners[0]))
    page.mouse.down()
    for corner in (*corners[1:], corners[0]):
        page.mouse.move(*at(page, 1, corner), steps=5)
    page.mouse.up()
    (selected,) = states(page, "selected")
    x, y = places(data, 1).T
    inside = (x > 8) & (y > 8) & (x + y < 238)
    assert 10 < inside.sum() < len(POINTS)
    assert rows_of_bitmask(selected["rows"], len(POINTS)).tolist() == inside.tolist()
    assert selected["images"] == data["table"]["images"]
    expect(page.locator(".linked-maps")).to_have_attribute("data-marked", str(inside.sum()))
    page.get_by_role("button", name="Clear the selection").click()
    assert states(page, "selected")[-1]["rows"] is None


def test_keys_step_through_images_and_a_reader_hears_them(opened: Opened) -> None:
    data = told()
    page = opened(data)
    page.locator(".surface").first.focus()
    page.keyboard.press("n")
    page.keyboard.press("n")
    status = page.locator(".status-of-card")
    expect(status).to_contain_text(f"object: {POINTS['object'][1]}")
    np.testing.assert_allclose(lit(page, 1), places(data, 1)[1], atol=0.1)
    page.keyboard.press("Enter")
    assert [picked["row"] for picked in states(page, "picked")] == [1]
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_be_hidden()


def test_a_finger_lights_and_picks_an_image_and_the_page_scrolls(opened: Opened) -> None:
    data = told()
    page = opened(data, has_touch=True, is_mobile=True)
    row = lonely(data)
    page.touchscreen.tap(*at(page, 0, places(data, 0)[row]))
    np.testing.assert_allclose(lit(page, 1), places(data, 1)[row], atol=0.1)
    expect(page.locator(".card .image")).to_be_visible()
    assert [picked["row"] for picked in states(page, "picked")] == [row]
    assert page.locator(".surface").first.evaluate("map => map.style.touchAction") == "pan-x pan-y"
    page.touchscreen.tap(5, 5)
    expect(page.locator(".card")).to_be_hidden()


def test_the_card_of_a_finger_leaves_a_small_map_free(opened: Opened) -> None:
    data = told(side=200)
    page = opened(data, has_touch=True, is_mobile=True)
    page.add_style_tag(content="body { padding-top: 200px; }")
    page.touchscreen.tap(*at(page, 0, places(data, 0)[lonely(data)] * 200 / SIDE))
    expect(page.locator(".card .image")).to_be_visible()
    card = page.locator(".card").bounding_box()
    surface = page.locator(".surface").first.bounding_box()
    assert card is not None
    assert surface is not None
    assert card["y"] + card["height"] <= surface["y"]


def test_a_lost_context_is_restored(opened: Opened) -> None:
    page = opened(told())
    page.evaluate(
        "window.lost = maps.marks.gl.getExtension('WEBGL_lose_context'), lost.loseContext()"
    )
    expect(page.locator(".linked-maps")).to_have_attribute("data-state", "lost")
    page.evaluate("lost.restoreContext()")
    expect(page.locator(".linked-maps")).to_have_attribute("data-state", "drawn")


def test_maps_stand_below_each_other_in_a_narrow_figure(opened: Opened) -> None:
    page = opened(told())
    hint = page.locator(".hint > span").inner_text()
    page.set_viewport_size({"width": 390, "height": 700})
    expect(page.locator(".hint > span")).to_have_text(hint)
    expect(page.locator(".whole .maps")).to_have_css("grid-template-columns", re.compile(r"^\S+$"))
    boxes = [surface.bounding_box() for surface in page.locator(".surface").all()]
    first, second = (box for box in boxes if box)
    assert first["x"] == second["x"]
    assert first["x"] + first["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_words_stay_on_their_map_in_a_wide_font(opened: Opened) -> None:
    page = opened(told(font="monospace"))
    for pane, surface in enumerate(page.locator(".surface").all()):
        box = surface.bounding_box()
        assert box
        words = [text.bounding_box() for text in surface.locator("text.caption").all()]
        assert len(words) == (2, 4)[pane]
        for word in words:
            assert word
            assert word["x"] >= box["x"] - 2  # with the halo
            assert word["x"] + word["width"] <= box["x"] + box["width"] + 2


def test_words_of_strangers_stay_words(opened: Opened) -> None:
    data = told()
    data["panes"][0]["title"] = data["panes"][0]["captions"][0]["caption"] = HOSTILE
    data["legend"][0]["words"] = data["objects"][0] = HOSTILE
    page = opened(data)
    page.locator(".surface").first.focus()
    page.keyboard.press("n")
    expect(page.locator(".card dd").first).to_have_text(HOSTILE)
    expect(page.locator("figcaption strong").first).to_have_text(HOSTILE)
    assert page.evaluate("window.hit") is None


def _grid() -> dict[str, Any]:
    place = {"words": "63% (59 to 67) of 500", "estimate": [0.63, 0.59, 0.67]}
    missing = {"words": "not trained yet", "estimate": None, "pane": None}
    rows = [
        [
            {**place, "name": "0-0", "spoken": "first", "pane": 0},
            {**missing, "name": "0-1", "spoken": "second"},
        ],
        [
            {**missing, "name": "1-0", "spoken": "third"},
            {**place, "name": "1-1", "spoken": "fourth", "pane": 1},
        ],
    ]
    grid = {
        "rows": ["Short", "Long"],
        "columns": ["No bias", "Bias"],
        "canOpen": True,
        "places": rows,
    }
    return told(kind="grid", grid=grid, side=SIDE)


def test_a_grid_opens_a_map_by_click_and_key_and_lights_images(opened: Opened) -> None:
    data = _grid()
    page = opened(data)
    row = lonely(data)
    page.mouse.move(*at(page, 0, places(data, 0)[row]))
    np.testing.assert_allclose(lit(page, 1), places(data, 1)[row], atol=0.1)
    page.mouse.click(*at(page, 1, np.array([5.0, 5.0])))
    page.get_by_text("not trained yet").first.click()
    page.locator(".surface").first.focus()
    page.keyboard.press("Enter")
    assert [opened["place"] for opened in states(page, "opened")] == ["1-1", "0-1", "0-0"]
    dot = page.locator(".rate circle").first
    assert float(dot.get_attribute("cx") or "nan") == pytest.approx(0.63 * SIDE)


def test_a_tap_near_an_image_of_a_grid_lights_it_and_opens_nothing(opened: Opened) -> None:
    data = _grid()
    page = opened(data, has_touch=True, is_mobile=True)
    row = lonely(data)
    page.touchscreen.tap(*at(page, 0, places(data, 0)[row]))
    np.testing.assert_allclose(lit(page, 0), places(data, 0)[row], atol=0.1)
    assert not states(page, "opened")


def frames_data() -> tuple[dict[str, Any], NDArray[np.uint16]]:
    """One map of three moments, of which the second is between the first and the third."""
    data = told(panes=1, kind="frames")
    captions = data["panes"][0]["captions"]
    count = len(POINTS) + len(captions)
    rng = np.random.default_rng(2)
    moments = rng.integers(0, 65535, (3, count, 2), dtype=np.uint16)
    moments[:, 0] = 65535  # the first image is absent
    data["table"]["columns"]["frames0"] = {
        "type": "uint16",
        "data": base64.b64encode(moments.tobytes()).decode(),
    }
    curve = {"title": "loss", "high": 2.0, "isShare": False}
    curve["series"] = [{"name": "loss", "steps": [1, 10, 100], "values": [2.0, 1.5, 0.25]}]
    pane = {"column": "frames0", "checkpoints": [0, 1, 1, 2], "lines": ["early", "middle", "end"]}
    pane["curves"] = [curve]
    data["frames"] = {"steps": [0, 5, 10, 100], "at": 3, "panes": [pane]}
    return data, moments


def test_a_slider_moves_images_and_captions_to_their_moment(opened: Opened) -> None:
    data, moments = frames_data()
    page = opened(data)
    expect(page.locator("figcaption span")).to_have_text("end")
    page.get_by_role("slider", name="Training step").fill("1")
    expect(page.locator("output")).to_have_text("step 5")
    expect(page.locator("figcaption span")).to_have_text("middle")
    expect(page.locator(".linked-maps")).to_have_attribute("data-state", "drawn")
    left, right, low, high = data["panes"][0]["extent"]
    there = moments[1] / 65534 * [right - left, high - low] + [left, low]
    n = len(POINTS)
    assert np.isnan(page.evaluate("maps.x[0][0]"))
    near = 0.001 * (right - left)
    np.testing.assert_allclose(page.evaluate("[...maps.x[0].slice(1)]"), there[1:n, 0], atol=near)
    np.testing.assert_allclose(page.evaluate("[...maps.y[0].slice(1)]"), there[1:n, 1], atol=near)
    captions = page.evaluate("maps.captions[0].map(({x, y}) => [x, y])")
    np.testing.assert_allclose(captions, there[n:], atol=near)
    expect(page.locator(".curve text")).to_have_text("loss 2.00")  # the latest value before


def test_an_animation_plays_once_or_steps_where_little_motion_is_asked_for(opened: Opened) -> None:
    data, _ = frames_data()
    page = opened(data)
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.locator("output")).to_have_text("step 100")
    still = opened(data, reduced_motion="reduce")
    still.get_by_role("button", name="Next step").click()
    expect(still.locator("output")).to_have_text("step 0")
    still.get_by_role("button", name="Next step").click()
    expect(still.locator("output")).to_have_text("step 5")
    expect(still.locator(".linked-maps")).to_have_attribute("data-state", "drawn")
