"""Compare on a fresh home in a browser: a slider that never leaves a blank page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium

from .serving import settled

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture(scope="module")
def server(fresh_server: str) -> str:
    return fresh_server


def biases(tab: Page) -> list[str]:
    """The bias that the titles of both maps name."""
    return tab.locator(".linked-maps figcaption strong").all_text_contents()


def move(tab: Page, key: str) -> None:
    """Move the slider of the left model by one level."""
    tab.get_by_role("slider").first.focus()
    tab.keyboard.press(key)


def test_a_pretrained_model_that_is_not_there_is_trained_while_the_former_maps_stay(
    come: Callable[..., Page], server: str
) -> None:
    tab = come(1280, 720)
    tab.goto(f"{server}/Compare?towers=pretrained")
    former, maps = tab.locator(".st-key-former"), tab.locator(".linked-maps[data-state=drawn]")
    expect(maps.first).to_be_visible()
    settled(tab)
    expect(former).to_have_count(0)  # the study's experiments are bundled
    move(tab, "ArrowRight")
    expect(former).to_be_visible()
    expect(former.locator(".linked-maps[data-state=drawn]")).to_be_visible()
    expect(former).to_have_count(0)  # it is trained, by a worker, on bundled features
    settled(tab)
    expect(maps.first).to_be_visible()
    assert any(title.startswith("25") for title in biases(tab))
