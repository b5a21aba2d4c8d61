"""A room that does one study, in a browser: a wall and two phones, each in a browser of its own."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from tests.conftest import publish_as
from vlcore.artifacts import store
from vlcore.classroom import one_room
from vlcore.classroom.one_room import ClassPlan
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES

from .accessibility import judge_both
from .serving import downloaded, expect_no_wider, expect_text, press, settled

pytestmark = [pytest.mark.browser, needs_chromium]
PLAN = ClassPlan("labels", 5)
TAKE = "Train my two models"


@pytest.fixture(scope="module", autouse=True)
def prepared(experiments: list[store.Artifact]) -> Iterator[None]:
    """The planned models are there already: a phone has its own at once. Other tests of this home
    see none of them."""
    places = range(PLAN.planned)
    pairs = [one_room.pair_of(PLAN, Condition(), SCENES, place) for place in places]
    copies = [both for pair in pairs for both in zip(experiments[2:], pair, strict=True)]
    copies_made = [publish_as(*both) for both in copies if not store.published(both[1].key)]
    yield
    for artifact in copies_made:
        shutil.rmtree(artifact.path)


def expect_blocks(wall: Page, text: str) -> None:
    expect(
        wall.get_by_test_id("stMetric")
        .filter(has_text="Seed pairs")
        .get_by_test_id("stMetricValue")
    ).to_have_text(text)


def test_a_wall_and_two_phones_do_one_study(come: Callable[..., Page], server: str) -> None:
    wall, phones = come(1280, 720), [come(390, 844) for _ in range(2)]
    wall.goto(f"{server}/Lesson?lesson=one-room")
    press(wall, "Start it")
    expect_text(wall, "The class expects")
    code = wall.url.partition("code=")[2][:4]
    for phone in phones:
        phone.goto(f"{server}/Lesson?code={code}")
    for phone, says in zip(phones, ("lower", "higher"), strict=True):
        press(phone, says)
    expect_text(wall, "lower: 1 · about the same: 0 · higher: 1")
    wall.get_by_role("spinbutton", name="Seed pairs").fill(str(PLAN.planned))
    wall.keyboard.press("Enter")
    wall.get_by_role("radiogroup", name="The class expects").get_by_text(
        "lower", exact=True
    ).click()
    for page in (wall, phones[0]):
        judge_both(page)
    press(wall, "Lock the plan")
    expect_blocks(wall, "0 of 5")

    for number, phone in enumerate(phones, start=1):
        press(phone, TAKE)
        expect_text(phone, f"Your two models: seed pair {number}, seed {number - 1}")
        expect(phone.get_by_text("Your dot among all dots")).to_be_visible()
        for card in phone.locator(".linked-maps").all():
            expect(card).to_have_attribute("data-state", "drawn")
        expect_blocks(wall, f"{number} of 5")
    expect_no_wider(phones[0], 390)
    phones[0].reload()  # the same browser has the same block
    expect_text(phones[0], "Your two models: seed pair 1, seed 0")
    expect_text(wall, "The plan decides when 3 more of its 5 seed pairs are there")
    for label in ("Code", "Exact p", "95 % interval"):
        expect(wall.get_by_text(label, exact=True)).to_be_in_viewport()
    expect(wall.get_by_text("Looked at").first).to_be_in_viewport()

    wall.reload()  # the lecturer's browser leads on
    press(wall, "Train the remaining 3 seed pairs")
    expect_blocks(wall, "5 of 5")
    press(wall, "End: what did it show?")
    expect_text(wall, "The class expected “lower”")
    for phone in phones:
        expect_text(phone, "The class expected “lower”")
    assert downloaded(wall, "The results as a slide").read_bytes()[1:4] == b"PNG"
    for page in (wall, phones[1]):
        settled(page)
        judge_both(page)
