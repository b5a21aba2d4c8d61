"""Who taught it that in a browser, on a phone: twelve images are guessed, a reload keeps them, and
a test ends when it is cancelled."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.api.models import train
from vlcore.classroom.who_taught_it import SHEET, WHO_TAUGHT_IT, explained_condition
from vlcore.data.catalogue import open_set
from vlcore.experiment.edits import MOST

from .accessibility import judge_both
from .serving import downloaded, expect_no_wider, expect_text, press, settled

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def trained(home: Path) -> Iterator[None]:
    """The model whose prediction is explained, on bundled features."""
    model = train(explained_condition(open_set("scenes"), "pretrained"))
    yield
    shutil.rmtree(model.artifact.path)  # other tests look at the models that are there


@pytest.mark.usefixtures("trained")
def test_one_guesses_sees_the_blame_and_puts_it_to_the_test(
    come: Callable[..., Page], server: str
) -> None:
    page = come(390, 844)
    page.goto(f"{server}/Lesson?lesson={WHO_TAUGHT_IT}")
    sheet = page.locator(".st-key-pictures-sheet button")
    guessed = page.locator(".st-key-pictures-sheet button[kind=primary]")
    press(page, "Train it once more to see which images moved it")
    expect(sheet).to_have_count(SHEET)
    for number in range(1, MOST + 1):
        sheet.nth(2 * number).click()
        expect(guessed).to_have_count(number)
    expect(guessed.first.locator("img")).to_have_js_property("naturalWidth", 96)
    settled(page)
    judge_both(page)
    expect_no_wider(page, 390)
    names = [button.inner_html() for button in guessed.all()]
    page.reload()
    expect(guessed).to_have_count(MOST)
    settled(page)
    assert [button.inner_html() for button in guessed.all()] == names
    assert "blamed" not in downloaded(page, "Handout").read_text()
    answer = downloaded(page, "Handout with the answer").read_text()
    assert (
        answer.count("· blamed: “horse”</figcaption>")
        + answer.count("· blamed: “camel”</figcaption>")
        == MOST
    )
    press(page, "Show what is blamed")
    expect_text(page, "not yet a cause")
    expect_text(page, "You found")
    press(page, "Put it to the test")
    page.get_by_role("button", name="Test it").click()
    press(page, "Cancel")
    expect(page.get_by_role("button", name="Test it")).to_be_visible()
    expect_no_wider(page, 390)
