"""A server that is killed in the middle of a class and started again, or whose disk fails for a
while: its wall and its phone go on by themselves."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.api.published import publish
from tests.chromium import needs_chromium
from tests.jobs.children import until
from vlcore.artifacts import store
from vlcore.classroom import one_room
from vlcore.classroom.one_room import DIRECTIONS, BlockState, ClassPlan
from vlcore.classroom.session import all_votes, find_session, start_session, vote
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.files import models_folder
from vlcore.experiment.options import PRESETS
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State

from .app import pets
from .serving import begun, expect_text, free_port, press

pytestmark = [pytest.mark.browser, needs_chromium]
STEPS = 6
SHORT = f"from vlcore.experiment.options import PRESETS; PRESETS['live'] = {STEPS}"
PER_GROUP = 6


def put(file: Path, content: bytes) -> None:
    """Write a file at once: who reads one that is being written finds it empty, a database without
    lessons."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(file)


def test_a_room_goes_on_when_its_server_was_killed_while_a_block_trained(
    browser: Browser,
    empty_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PRESETS, "live", STEPS)
    import_set(pets(tmp_path_factory.mktemp("pictures"), PER_GROUP), "pets")
    images = open_set("pets")
    usual = usual_condition(images)
    code, token = start_session(one_room.NAME, "pets", one_room.FIRST)
    vote(code, one_room.FIRST, "student-1", "lower", DIRECTIONS)
    decided = ClassPlan("labels", 5, prediction="lower")
    one_room.fix_plan(code, token, decided, usual, images)
    plan = one_room.class_plan(code)
    assert plan is not None
    dot, pair = (one_room.pair_of(plan, usual, images.grouping, place) for place in range(2))
    publish(dot)
    one_room.take_block(code, "student-1", lambda _: BlockState.OPEN)

    port = free_port()
    server, address = begun(port, SHORT), f"http://127.0.0.1:{port}/Lesson?code={code}"
    try:
        wall, phone = browser.new_context().new_page(), browser.new_context().new_page()
        wall.goto(f"{address}&presenter={token}")
        phone.goto(address)
        metric = wall.get_by_test_id("stMetric").filter(has_text="Seed pairs")
        blocks = metric.get_by_test_id("stMetricValue")
        expect(blocks).to_have_text("1 of 5")
        press(phone, "Train my two models")
        until(lambda: jobs.view(pair[0].key).state is State.RUNNING)
        server.kill()
        server.wait(30)
        assert not any(store.published(condition.key) for condition in pair)
        blocks_before = one_room.blocks_of(code)

        server = begun(port, SHORT)
        expect_text(phone, "Your two models: seed pair 2, seed 1")
        assert all(store.published(condition.key) for condition in pair)
        expect(blocks).to_have_text("2 of 5")
        expect_text(wall, f"Plan {plan.hash} was written down")
        assert (one_room.class_plan(code), all_votes(code)) == (
            plan,
            {one_room.FIRST: {"lower": 1}},
        )
        blocks_after = one_room.blocks_of(code)
        assert [block.owner for block in blocks_after] == [block.owner for block in blocks_before]
        file = models_folder() / ".lessons.sqlite"
        content = file.read_bytes()
        put(file, b"no database")
        phone.reload()
        expect_text(phone, "is damaged")
        put(file, content)
        # It looks again, without another reload.
        expect_text(phone, "Your two models: seed pair 2, seed 1")
        press(wall, "End: what did it show?")  # the same browser leads
        until(lambda: not find_session(code).open)
    finally:
        server.kill()
        server.wait(30)
