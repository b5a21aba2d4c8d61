"""Colours by a column of a user's table in a browser: one legend in either drawing; it filters, and
images have words."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.api.comparison import compare
from vlcore.api.imports import import_embeddings
from vlcore.plots.options import MapOptions
from vlcore.plots.theme import LIGHT

from .conftest import fresh_home
from .linked_maps import LIT
from .serving import begun, free_port, settled
from .test_browser_compare import address_field

pytestmark = [pytest.mark.browser, needs_chromium]

COUNT = 120
# More than twelve, with what a page might take for markup and a spreadsheet for a formula.
WEATHERS = ["sun", "<b>fog</b>", "=1+1", *(f"kind {number}" for number in range(12))]
TITLE = "Yours: weather"


def save_embeddings(file: Path) -> None:
    """Embeddings with a column of their user's own."""
    rng = np.random.default_rng(0)
    weathers = [WEATHERS[min(number % 20, len(WEATHERS) - 1)] for number in range(COUNT)]
    weathers[14:18] = [""] * 4
    np.savez(
        file,
        z=rng.normal(size=(COUNT, 8)).astype(np.float32),
        object=np.array(["dog", "cat"])[np.arange(COUNT) % 2],
        context=np.array(["sofa", "garden"])[np.arange(COUNT) // 2 % 2],
        weather=np.array(weathers),
    )


@pytest.fixture(scope="module")
def key(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The key of an import in a home of its own."""
    folder = tmp_path_factory.mktemp("colours")
    with fresh_home(folder):
        file = folder / "own.npz"
        save_embeddings(file)
        yield import_embeddings(file, "own")["key"]


@pytest.fixture(scope="module")
def server(key: str) -> Iterator[str]:
    """The app over that home, for which any map is large."""
    port = free_port()
    process = begun(port, "import vlcore.api.compared_maps as maps; maps.MOST_MARKS = 10")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def test_webgl_has_one_legend_of_a_users_column(page: Page, server: str) -> None:
    page.goto(f"{server}/Compare?data=own&colour={TITLE}")
    root = page.locator(".linked-maps")
    expect(root).to_have_attribute("data-colours", "by_weather")
    settled(page)
    expect(root.locator(".legend")).to_have_count(1)
    expect(root.locator(".legend strong")).to_have_text([TITLE])
    words = root.locator(".legend button").all_text_contents()
    assert len(set(words)) == len(words)
    assert {"<b>fog</b>", "=1+1", "other (3 values)", "none"} <= set(words)
    expect(root.locator("b")).to_have_count(0)
    whole = int(root.get_attribute("data-shown") or "0")
    root.locator(".legend button").get_by_text("=1+1", exact=True).click()
    expect(root).not_to_have_attribute("data-shown", str(whole))
    assert int(root.get_attribute("data-shown") or "0") == COUNT // 20
    assert address_field(page, "colour") == TITLE
    settled(page)

    surface, spoken = root.locator(".surface").first, root.locator(".status-of-card")
    surface.focus()
    page.keyboard.press("n")
    expect(spoken).to_have_text(re.compile(rf"file: row 0000\d\d, .*{TITLE}: =1\+1"))
    circle = surface.locator(LIT.format(LIGHT.text))
    # Its numbers and not its box: the maps draw it anew at each frame, and what went has none.
    middle = {axis: float(circle.get_attribute(f"c{axis}") or "nan") for axis in "xy"}
    page.keyboard.press("Escape")
    expect(root.locator(".card")).to_be_hidden()
    box = surface.bounding_box()
    page.mouse.move(box["x"] + middle["x"], box["y"] + middle["y"])
    expect(root.locator(".card dd")).to_contain_text([re.compile(r"^row 0000\d\d$")])


def test_vega_has_one_legend_of_a_users_column(page: Page, key: str, tmp_path: Path) -> None:
    options = MapOptions(colour_by="weather")
    page.goto(compare(key, options=options).save(tmp_path / "maps.html").as_uri())
    legends = page.locator("svg.marks").first.locator(".role-legend")
    expect(legends).to_have_count(1)
    expect(legends.locator(".role-legend-title")).to_have_text([TITLE])
    words = legends.locator(".role-legend-label text").all_text_contents()
    assert len(set(words)) == len(words)
    assert {"=1+1", "<b>fog</b>", "none"} <= set(words)
