"""Offline pages in a browser without a network: maps answer to pointer and finger, a slider moves
them, and nothing is asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.chromium import CHROMIUM, FLAGS, needs_chromium
from tests.plots.maps.test_maps_browser import at, frames_data, lit, lonely, places, told
from vlcore.plots.document import Maps, frame_html, page_html

pytestmark = [pytest.mark.browser, needs_chromium]
Open = Callable[..., Page]

# How many numbers of the pixels of a canvas are not 0 when it is printed.
PRINTED = """canvas => {
  window.dispatchEvent(new Event("beforeprint"));
  const copy = Object.assign(document.createElement("canvas"), {width: 900, height: 500});
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height).data.filter(part => part).length;
}"""


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens an offline page; whatever it asks for or complains about fails the test at its end."""
    problems: list[str] = []
    target = tmp_path / "page.html"

    def is_foreign(url: str) -> bool:
        return not url.startswith(("data:", "blob:", "about:", target.as_uri()))

    with sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

        def show(html: str, **context: Any) -> Page:
            page = browser.new_context(
                viewport={"width": 1100, "height": 900}, offline=True, **context
            ).new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda said: said.type == "error" and problems.append(said.text))
            page.on("request", lambda sent: is_foreign(sent.url) and problems.append(sent.url))
            target.write_text(html)
            page.goto(target.as_uri())
            return page

        yield show
        browser.close()
    assert problems == []


def box(locator: Locator) -> dict[str, float]:
    found = locator.bounding_box()
    assert found is not None
    return dict(found)


def test_a_page_answers_to_pointer_and_finger_and_plays(opened: Open) -> None:
    data, (moving, _) = told(lists=False), frames_data()
    html = page_html([Maps(data), "Between.", Maps(moving)], "Maps")
    page = opened(html, has_touch=True)
    maps, animation = (page.locator(".linked-maps").nth(number) for number in (0, 1))
    for figure in (maps, animation):
        expect(figure).to_have_attribute("data-state", "drawn")

    row = lonely(data)
    middle = places(data, 0)[row]
    page.mouse.move(*at(page, 0, middle))
    np.testing.assert_allclose(lit(page, 1), places(data, 1)[row], atol=0.1)
    image = maps.locator(".card .image")
    expect(image).to_be_visible()
    assert "blob:" in image.evaluate("tile => tile.style.background")
    page.touchscreen.tap(*at(page, 0, middle))
    np.testing.assert_allclose(lit(page, 1), places(data, 1)[row], atol=0.1)
    maps.get_by_role("button", name="horse on grass").click()
    expect(maps).to_have_attribute("data-shown", "98")

    page.get_by_role("slider", name="Training step").fill("1")
    expect(animation.locator("output")).to_have_text("step 5")
    expect(animation).to_have_attribute("data-state", "drawn")


def test_a_printed_page_has_marks_and_no_controls(opened: Open) -> None:
    page = opened(page_html([Maps(told())], "Maps"))
    expect(page.locator(".linked-maps")).to_have_attribute("data-state", "drawn")
    assert page.locator("canvas").evaluate(PRINTED) > 1000
    page.emulate_media(media="print")
    expect(page.locator(".tools")).to_be_hidden()


def test_a_frame_of_a_notebook_is_as_high_as_its_maps(opened: Open) -> None:
    page = opened(f"<!DOCTYPE html><body>{frame_html([Maps(told())], 'Maps')}")
    frame = page.frame_locator("iframe")
    expect(frame.locator(".linked-maps")).to_have_attribute("data-state", "drawn")
    legend = box(frame.locator(".legend"))
    outside = box(page.locator("iframe"))
    below = outside["y"] + outside["height"] - (legend["y"] + legend["height"])
    assert 0 <= below < 60
