"""Manage: only a teacher sees it; the queue, what is deleted and put back, what can be made again,
what failed."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import publish_as
from tests.jobs.children import claim
from vlcore.artifacts import store
from vlcore.data.catalogue import set_names
from vlcore.data.drawn import Recipe, make_set
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State
from vlcore.jobs.queue import JobQueue
from vlcore.study import plans
from vlcore.web import serving, teacher, visitors, work

from ..jobs.test_queue import ByHand
from .app import FakeQueue, opened, press


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> JobQueue:
    """A queue whose only worker never ends."""
    queue = JobQueue(ByHand, workers=1)
    monkeypatch.setattr(work, "queue", lambda: queue)
    return queue


def links(page: str) -> list[str]:
    return [link.proto.label for link in opened(page).get("page_link")]


def test_it_is_for_whoever_knows_the_secret(
    empty_home: Path, by_hand: JobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Manage" in links("1_Data"), (
        "at the machine everybody may, as long as there is no secret"
    )
    monkeypatch.setattr(visitors, "is_at_the_machine", lambda: False)
    assert opened("7_Manage").info
    monkeypatch.setenv("VLCORE_TEACHER", "correct horse")
    assert "Manage" not in links("1_Data")
    page = opened("7_Manage")
    assert not page.subheader
    page.text_input[0].set_value("wrong")
    assert press(page, "Enter").error
    page.text_input[0].set_value("correct horse")
    press(page, "Enter")
    assert page.subheader[0].value == "Queue"
    (token,) = [
        json.loads(component.proto.json)["value"]
        for component in page.get("bidi_component")
        if "remember" in component.proto.component_name
    ]
    assert teacher.knows(token)
    assert not press(page, "Leave this role").subheader


@pytest.mark.usefixtures("empty_home")
def test_a_student_is_told_who_may(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "teaches", lambda: False)
    page = opened("1_Data", look="import images")
    assert len(page.error) == 1
    assert not page.file_uploader
    assert queue.asked == []
    assert "mine" not in set_names()


def test_the_queue_is_seen_and_anything_in_it_cancelled(
    empty_home: Path, by_hand: JobQueue
) -> None:
    for key in ("a", "b", "c"):
        by_hand.submit(key, print, asker="somebody", title=f"training {key}")
    with claim("a", state="running"), claim("elsewhere", state="running"):
        page = opened("7_Manage")
        table = page.dataframe[0].value
        assert list(table["job"]) == ["training a", "training b", "training c", "elsewhere"]
        assert list(table["key"]) == ["a", "b", "c", "elsewhere"]
        assert list(table["state"][:3]) == ["runs, 0%", "waits, place 1", "waits, place 2"]
        page.multiselect(key="some_Cancel").set_value(["b", "elsewhere"]).run()
        press(page, "Cancel these")
        assert by_hand.view("b").state is State.CANCELLED
        assert (jobs.work_folder("elsewhere") / "cancel").exists()
        press(page, "Cancel what waits (1)")
        assert by_hand.view("c").state is State.CANCELLED
        assert [job.key for job in by_hand.jobs()] == ["a"], "what runs goes on"


def test_what_is_deleted_can_be_put_back(
    empty_home: Path, quick: list[store.Artifact], by_hand: JobQueue
) -> None:
    shutil.copytree(quick[0].path, models_folder() / quick[0].key)
    make_set(Recipe("odd"))
    page = opened("7_Manage")
    table = page.dataframe[0].value
    assert set(table["key"]) == {quick[0].key, "odd"}
    page.multiselect(key="some_Delete").set_value([quick[0].key, "odd"]).run()
    with claim("odd-b0-short-s0", state="running"):
        assert press(page, "Delete these").error
    assert store.published_keys() == [quick[0].key], "nothing goes where a set is in use"
    assert "odd" in set_names()
    page = opened("7_Manage")
    page.multiselect(key="some_Delete").set_value([quick[0].key, "odd"]).run()
    press(page, "Delete these")
    assert store.published_keys() == []
    assert "odd" not in set_names()
    page.multiselect(key="some_Deleted").set_value([quick[0].key, "odd"]).run()
    press(page, "Restore")
    assert store.read(quick[0].key).digest == quick[0].digest
    assert "odd" in set_names()
    publish_as(quick[0], quick[0].condition.untrained)
    press(page, "Clear caches")
    assert store.published_keys() == [quick[0].key], "what a click makes again goes"


def test_a_grid_is_trained_before_the_class_comes_and_failures_are_listed(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "errors", [(0.0, "KeyError: 'a'")])
    jobs.Reporter(jobs.make_folder(jobs.work_folder("bad"))).end(State.FAILED, "The disk is full.")
    page = opened("7_Manage")
    assert list(page.dataframe[0].value["message"]) == ["The disk is full.", "KeyError: 'a'"]
    press(page, "Train what is missing (4)")
    assert queue.asked == [condition.key for condition in plans.find("experiments").conditions]
