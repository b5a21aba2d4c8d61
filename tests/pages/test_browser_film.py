"""The film in a browser: its slider moves all maps without the server, its Play moves the slider, a link is copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.charts.maps.tracks import STEPS
from tests.chromium import needs_chromium

from .serving import PATIENCE, ROOT, served

SLIDER = ".vega-bind input[type=range]"
MARK = "path[aria-label='camel, grass, 1']"

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The page of `film_page.py`."""
    with served(str(Path(__file__).with_name("film_page.py")), PYTHONPATH=str(ROOT)) as address:
        yield address


def opened(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    """A page with its film, and what it complained of."""
    page, complaints = context.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    expect(page.locator(SLIDER)).to_have_value(str(len(STEPS)), timeout=PATIENCE)
    expect(page.locator(MARK)).to_have_count(2, timeout=PATIENCE)
    return page, complaints


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1200, "height": 1200})
    yield context
    context.close()


def places(page: Page) -> list[str | None]:
    """Where one picture's mark is in each map."""
    return [mark.get_attribute("transform") for mark in page.locator(MARK).all()]


def test_the_slider_moves_both_maps_and_their_curves_without_the_server(context: BrowserContext, server: str) -> None:
    sent: list[object] = []
    context.on(
        "page", lambda page: page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    )
    page, complaints = opened(context, server)
    end, slider, asked = places(page), page.locator(SLIDER), len(sent)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    slider.press("ArrowLeft")
    expect(page.get_by_text("step 5", exact=True)).to_have_count(1)  # the left model's own
    expect(page.get_by_text("step 1", exact=True)).to_have_count(1)  # the right one's latest before it
    before = places(page)
    assert before[0] != end[0]
    assert before[1] != end[1]
    slider.press("Home")
    expect(page.get_by_text("object 4 %", exact=True)).to_have_count(2)
    slider.press("End")
    expect(page.get_by_text("step 20", exact=True)).to_have_count(2)
    assert places(page) == end
    assert len(sent) == asked
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == []
    assert complaints == []


def test_a_hover_lights_the_picture_up_in_both_maps_at_any_moment(context: BrowserContext, server: str) -> None:
    page, _ = opened(context, server)
    page.locator(SLIDER).press("Home")
    page.locator(MARK).first.hover(force=True)
    expect(page.locator("svg image")).to_have_count(2)
    expect(page.locator("#vg-tooltip-element.visible img")).to_be_visible()


def test_play_runs_the_film_once_and_pauses(context: BrowserContext, server: str) -> None:
    page, _ = opened(context, server)
    page.get_by_role("button", name="Play").press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert int(page.locator(SLIDER).input_value()) < len(STEPS)
    page.get_by_role("button", name="Play").click()
    expect(page.locator(SLIDER)).to_have_value(str(len(STEPS)))
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.get_by_text("step 20", exact=True)).to_have_count(2)


def test_who_wants_little_motion_goes_from_moment_to_moment(browser: Browser, server: str) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page, _ = opened(context, server)
    button = page.get_by_role("button", name="Next moment")
    for moment in ("1", "2", "3"):
        button.click()
        expect(page.locator(SLIDER)).to_have_value(moment)
    context.close()


@pytest.mark.parametrize(
    "script",
    [
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))",
        "Object.defineProperty(navigator, 'clipboard', {value: undefined})",
    ],
)
def test_a_link_is_copied_where_the_browser_refuses(context: BrowserContext, server: str, script: str) -> None:
    """Away from https and localhost a page has no clipboard: a class reaches its server over plain http."""
    context.add_init_script(script)
    page, _ = opened(context, server)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
