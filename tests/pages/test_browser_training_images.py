"""Training images behind a prediction in a browser: shown, put to the test, cancelled."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.artifacts.store import Artifact
from vlcore.web.training_images import BLAME, TITLE

from .serving import PATIENCE, expect_text, settled

pytestmark = [pytest.mark.browser, needs_chromium]


def test_a_clicked_image_shows_its_training_images_and_a_test_that_ends(
    come: Callable[..., Page], server: str, quick: list[Artifact]
) -> None:
    page = come(390, 844)
    row = int(quick[2].embeddings.map_rows[0])
    models = f"left_model={quick[2].key}&right_model={quick[3].key}"
    page.goto(f"{server}/Compare?towers=scratch&{models}&picture=p{row}")
    section = page.get_by_test_id("stExpander").filter(has_text=TITLE)
    expect(section).to_be_visible(timeout=PATIENCE)
    choice = section.get_by_role("radio", name=BLAME).first
    if not choice.is_visible():  # folded where both models are right
        section.locator("summary").click()
    choice.click()
    expect_text(page, "This is an estimate")
    expect(section.locator("img")).to_have_count(24)
    left, right = section.evaluate("element => [element.scrollWidth, element.clientWidth]")
    assert left <= right, "nothing is cut off"
    section.get_by_role("button", name="Test it").click()
    section.get_by_role("button", name="Cancel").click(timeout=PATIENCE)
    expect(section.get_by_role("button", name="Test it")).to_be_visible(timeout=PATIENCE)
    settled(page)
