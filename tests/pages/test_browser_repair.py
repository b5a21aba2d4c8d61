"""Repair in a browser: a wall and a phone, from the first tap to the last reveal; nothing is
trained for it."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from tests.conftest import publish_as
from vlcore.artifacts import store
from vlcore.classroom import repair, teams
from vlcore.data.catalogue import open_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import Add, Edit, Fade, canonical_edits
from vlcore.plots.rendering import SLIDE

from .accessibility import judge_both
from .serving import complete, downloaded, expect_no_wider, expect_text, press, settled, unfold

pytestmark = [pytest.mark.browser, needs_chromium]
IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES, repair.SHORT)
FIRST = next(
    row
    for row in repair.addable_rows(IMAGES, BASE)
    if IMAGES.table["group"].iat[row] == "horse_desert"
)


def edited(*edits: Edit) -> Condition:
    return BASE.replace(edits=canonical_edits(edits))


@pytest.fixture
def trained(experiments: list[store.Artifact]) -> Iterator[None]:
    """The base, what stands beside it, and two repairs, as copies of quick models. Other tests of
    this home see none of them."""
    held = [
        condition for arm in repair.repair_baselines(IMAGES, BASE).values() for condition in arm
    ]
    copies = [
        publish_as(experiments[number % 2 * 2], condition)  # those of short labels
        for number, condition in enumerate([*held, edited(Add(FIRST)), edited(Fade(0.5))])
        if not store.published(condition.key)
    ]
    yield
    for artifact in copies:
        shutil.rmtree(artifact.path)


def tool(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
    settled(page)


@pytest.mark.usefixtures("trained")
def test_a_team_repairs_on_a_phone_and_the_wall_ranks_two(
    come: Callable[..., Page], server: str
) -> None:
    wall, phone = come(1280, 720), come(390, 844)
    wall.goto(f"{server}/Lesson?lesson=repair")
    unfold(wall, "With a class")
    press(wall, "Start a lesson for a class")
    expect_text(wall, "Teams: 0")
    code = wall.url.partition("code=")[2][:4]
    phone.goto(f"{server}/Lesson?code={code}")
    press(phone, "New team")
    expect_text(phone, "0 of 12 changes")
    picture = phone.locator("[class*=st-key-pictures-] button").first
    expect(picture.locator("img")).to_have_js_property("naturalWidth", 96)
    assert picture.bounding_box()["width"] > 70  # type: ignore[index]
    picture.click()
    expect_text(phone, "1 of 12 changes")
    expect_text(phone, "added: horse in the desert")
    judge_both(phone)
    tool(phone, "Draw")
    press(phone, "Add this image")
    expect_text(phone, "drawn: camel in the snow")
    press(phone, "Undo")
    expect_text(phone, "1 of 12 changes")
    expect_no_wider(phone, 390)
    press(phone, "Train our repair (3 of 3 tries left)")
    expect_text(phone, "Trained. Its accuracy is shown at the reveal.")
    teams.join_team(code, "student-2")
    teams.change_repair(code, "student-2", lambda now: now.put(Fade(0.5)).tried())
    phone.reload()
    expect_text(phone, "1 of 12 changes")
    expect_text(phone, "Trained.")

    press(wall, "Reveal")
    expect(
        wall.locator(
            "[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas"
        ).first
    ).to_be_visible()
    complete(wall)
    chart = wall.get_by_test_id("stVegaLiteChart").bounding_box()
    assert chart is not None
    assert chart["y"] + chart["height"] <= 720, "the wall needs no scrolling"
    unfold(wall, "Export")
    with Image.open(downloaded(wall, "Slide (PNG)")) as slide:
        assert slide.size == SLIDE
    assert downloaded(wall, "Table (CSV)").read_text().count("Team ") == 2
    wall.keyboard.press("Escape")
    expect_text(phone, " of 2, ")
    expect_no_wider(phone, 390)
    judge_both(wall)
    press(wall, "Last: scenes that nobody drew")
    expect_text(wall, "200 images a model")
    for page in (wall, phone):
        page.get_by_role("radio", name="what helped").click()
        expect_text(page, "say little about")
