"""Repair in a browser: a wall and a phone, from the first tap to the ranking; nothing is trained
for it."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from tests.conftest import publish_as
from vlcore.artifacts import store
from vlcore.classroom import repair
from vlcore.data.catalogue import open_set
from vlcore.experiment.edits import Add, canonical_edits

from .accessibility import judge_both
from .serving import complete, downloaded, expect_no_wider, expect_text, press, unfold

pytestmark = [pytest.mark.browser, needs_chromium]
IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES)
FIRST = next(
    row
    for row in repair.unused_rows(IMAGES, repair.training_set(IMAGES, BASE, repair.Repair()))
    if IMAGES.table["group"].iat[row] == IMAGES.grouping.minority[0]
)


@pytest.fixture
def trained(experiments: list[store.Artifact]) -> Iterator[None]:
    """The baselines and a repair, as copies of quick models. Other tests of this home see none of
    them."""
    held = [one for arm in repair.repair_baselines(IMAGES, BASE).values() for one in arm]
    held.append(BASE.replace(edits=canonical_edits([Add(FIRST)])))
    copies = [
        publish_as(experiments[number % 2 * 2], condition)  # those of short labels
        for number, condition in enumerate(held)
        if not store.published(condition.key)
    ]
    yield
    for artifact in copies:
        shutil.rmtree(artifact.path)


@pytest.mark.usefixtures("trained")
def test_a_team_repairs_on_a_phone_and_the_wall_ranks_it(
    come: Callable[..., Page], server: str
) -> None:
    wall, phone = come(1280, 720), come(390, 844)
    wall.goto(f"{server}/Lesson?lesson=repair")
    unfold(wall, "With a class")
    press(wall, "Start a lesson for a class")
    expect_text(wall, "Teams: 0")
    code = wall.url.partition("code=")[2][:4]
    phone.goto(f"{server}/Lesson?code={code}")
    press(phone, "Start a team")
    expect_text(phone, "0 of 12 changes")
    picture = phone.locator("[class*=st-key-pictures-] button").first
    expect(picture.locator("img")).to_have_js_property("naturalWidth", 96)
    picture.click()
    expect_text(phone, "1 of 12 changes")
    expect_text(phone, "added: horse in the desert")
    judge_both(phone)
    expect_no_wider(phone, 390)
    press(phone, "Train our repair (3 of 3 tries left)")
    expect_text(phone, "Trained. Its accuracy is shown at the reveal.")
    phone.reload()
    expect_text(phone, "1 of 12 changes")

    press(wall, "Reveal")
    expect(wall.get_by_test_id("stVegaLiteChart").locator("svg, canvas").first).to_be_visible()
    complete(wall)
    chart = wall.get_by_test_id("stVegaLiteChart").bounding_box()
    assert chart is not None
    assert chart["y"] + chart["height"] <= 720, "the wall needs no scrolling"
    expect_text(phone, "Team 1: place 1 of 1")
    expect_no_wider(phone, 390)
    judge_both(wall)
    unfold(wall, "Export")
    assert downloaded(wall, "Table (CSV)").read_text().count("Team 1") == 1
