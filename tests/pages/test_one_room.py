"""The lesson of one room: the plan and the wall on the lecturer's screen, a block of its own on
each phone."""

import csv
import html
import io
import json
import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from tests.conftest import publish_as
from vlcore.artifacts import store
from vlcore.classroom import one_room, phone_results
from vlcore.classroom.one_room import CLASS, REHEARSAL, ClassPlan, Pair
from vlcore.classroom.phone_results import is_repeated
from vlcore.classroom.session import Started, find_session, move_session, start_session
from vlcore.classroom.tower_pairs import PHONES
from vlcore.data.imageset import ImageSet
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import TOWERS
from vlcore.jobs.jobs import JobStatus, State
from vlcore.model.in_browser import WEIGHTS, rows_by_group
from vlcore.plots.rendering import chart_slide
from vlcore.study.answer_file import published_answer
from vlcore.web import cache, visitors, work
from vlcore.web.lesson import one_room_student as phone_page
from vlcore.web.lesson import session_cache

from .app import FakeQueue, alts, code_of, labels, opened, press, press_in_part, text_of, told_maps

open_page = partial(opened, "6_Lesson")
PLAN = ClassPlan("labels", 6, seed=500, prediction="lower")
TAKE = "Train my two models"


@pytest.fixture(autouse=True)
def one_process(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other process trains a block."""
    monkeypatch.setattr(one_room, "SETTLE", 0.0)
    queue.disk = True


def begun(plan: ClassPlan | None = PLAN, towers: str = "scratch") -> Started:
    started = start_session(one_room.NAME, "scenes", one_room.FIRST, towers=towers)
    if plan is not None:
        one_room.fix_plan(started.code, started.token, plan, Condition(), SCENES)
    return started


def pairs(blocks: int, plan: ClassPlan = PLAN) -> list[Pair]:
    return [one_room.pair_of(plan, Condition(), SCENES, place) for place in range(blocks)]


def large(page: AppTest) -> str:
    """The words in the largest type."""
    return " ".join(html.unescape(part.proto.body) for part in page.get("html"))


def lecturer(started: Started) -> AppTest:
    return open_page(code=started.code, presenter=started.token)


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def fixed(started: Started, kind: str = CLASS) -> ClassPlan:
    plan = one_room.class_plan(started.code, kind)
    assert plan is not None
    return plan


def phone(started: Started, voter: str = "student-1") -> AppTest:
    page = open_page()
    page.session_state["lesson_me"] = voter
    page.query_params["code"] = started.code
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize("towers", list(TOWERS))
def test_alone_it_begins_on_the_towers_of_the_address(empty_home: Path, towers: str) -> None:
    page = open_page(lesson="one-room", towers=towers)
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    press(page, "Start it")
    room = find_session(code_of(page))
    assert room is not None
    assert (room.lesson, room.towers) == (one_room.NAME, towers)
    assert "Lock the plan" in labels(page)


@pytest.mark.parametrize("lesson", [one_room.NAME, "repair"])
def test_a_lesson_starts_with_its_own_settings_whatever_other_pages_chose(
    empty_home: Path, lesson: str
) -> None:
    page = opened()
    page.get("button_group")[0].set_value("pretrained").run()
    page.switch_page("pages/6_Lesson.py").run()
    page.button(key=f"open_{lesson}").click().run()
    assert page.get("button_group")[0].value == "scratch"
    page.get("button_group")[0].set_value("pretrained").run()
    press(page, "All lessons")
    page.button(key=f"open_{lesson}").click().run()
    assert page.get("button_group")[0].value == "scratch"


def test_a_class_does_not_get_the_settings_of_the_class_before(empty_home: Path) -> None:
    page = press(open_page(lesson=one_room.NAME), "Start it")
    page.number_input[0].set_value(7).run()
    page.selectbox[0].set_value("groupdro").run()
    page.query_params.clear()
    page.query_params["lesson"] = one_room.NAME
    press(page.run(), "Start it")
    assert page.number_input[0].value == one_room.USUAL
    assert page.selectbox[0].value == "labels"


def test_on_a_pretrained_tower_the_preparation_and_phones_train_on_it(
    empty_home: Path, queue: FakeQueue
) -> None:
    started = begun(None, "pretrained")
    page, student = lecturer(started), phone(started)
    page.number_input[0].set_value(6).run()
    assert queue.asked == []
    press(page, "Train all of them now")
    pretrained = replace(PLAN, planned=6, seed=0, towers="pretrained")
    assert queue.asked == [second.key for _, second in pairs(6, pretrained)]
    assert one_room.blocks_of(started.code) == [], "a dot appears when a phone takes its block"
    queue.asked.clear()
    page.radio[0].set_value("lower").run()
    press(page, "Lock the plan")
    press(student.run(), TAKE)
    assert queue.asked == [pairs(1, pretrained)[0][1].key]


def test_a_phone_looks_the_more_often_the_sooner_its_pair_is_there(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLCORE_WORKERS", "2")
    monkeypatch.setattr(phone_page, "voter", lambda: "student-1")
    plan = replace(PLAN, towers="pretrained")
    started, images = begun(plan, "pretrained"), cache.named_set("scenes")
    room = find_session(started.code)
    assert room is not None
    nobody = phone_page._poll_interval(room, plan, images)
    one_room.take_block(
        started.code, "student-1", partial(session_cache.current_block_state, plan, images)
    )
    every = []
    for position in range(31):
        queued = partial(JobStatus, state=State.QUEUED, position=position)
        monkeypatch.setattr(queue, "view", lambda key, _asker=None, queued=queued: queued(key))
        every.append(phone_page._poll_interval(room, plan, images))
    assert every == sorted(every)
    assert every[0] <= 1 < every[10] < every[30]
    assert sum(1 / seconds for seconds in every[:30]) < 10, (
        "looks a second of a class; each costs the server 40 ms"
    )
    monkeypatch.setattr(queue, "view", lambda key, _asker=None: JobStatus(key, State.DONE))
    assert phone_page._poll_interval(room, plan, images) == nobody


def test_what_was_changed_just_before_the_lock_is_locked_and_no_question_unasked(
    empty_home: Path, queue: FakeQueue
) -> None:
    """The click came before the page had drawn the change, and locked what had been there."""
    started = begun(None)
    page = lecturer(started)
    assert next(button for button in page.button if button.label == "Lock the plan").disabled
    page.radio[0].set_value("higher").run()
    page.selectbox(key=f"{started.code}.contrast").set_value("places")
    press(page, "Lock the plan")
    assert one_room.class_plan(started.code) is None
    assert page.warning
    page.radio[0].set_value("higher").run()
    page.number_input[0].set_value(7)
    page.radio[0].set_value("lower")
    press(page, "Lock the plan")
    plan = fixed(started)
    assert plan == ClassPlan("places", 7, prediction="lower", hash=plan.hash)
    assert "Lock the plan" not in labels(page)
    assert metrics(page)["Seed pairs"] == "0 of 7"
    assert queue.asked == [], "a plan starts nothing"


def test_another_comparison_is_another_question_to_the_class(empty_home: Path) -> None:
    started = begun(None)
    student = press(phone(started), "lower")
    page = lecturer(started)
    page.radio[0].set_value("lower").run()
    page.selectbox(key=f"{started.code}.contrast").set_value("groupdro").run()
    assert not page.exception
    assert page.radio[0].value is None, "nothing is expected of it yet"
    assert find_session(started.code).step == "groupdro"  # type: ignore[union-attr]
    student.run()
    assert find_session(started.code).votes == 0  # type: ignore[union-attr]
    page.query_params["step"] = "x"
    move_session(started.code, started.token, "nothing", "predict")
    for one in (page, student):
        assert not one.run().exception, "what no lesson has is the first"


def test_a_phone_trains_its_pair_by_a_button_and_sees_where_it_is(
    empty_home: Path, queue: FakeQueue
) -> None:
    started, (first, second, *_) = begun(), pairs(3)
    page = phone(started)
    assert queue.asked == [], "a link starts nothing"
    press(page, TAKE)
    assert queue.asked == [first[1].key], "one job for both"
    queue.status = {"stage": "training", "fraction": 0.5}
    page.run()
    (bar,) = page.get("progress")
    assert "left" in bar.proto.text
    again = phone(started)  # a second tab, or a reload
    assert TAKE not in labels(again)
    assert [block.owner for block in one_room.blocks_of(started.code)] == ["student-1"]
    press(phone(started, "student-2"), TAKE)
    assert queue.asked == [first[1].key, second[1].key]
    press(again, "Cancel training")
    assert queue.cancelled == [first[1].key]
    assert TAKE in labels(again)


def test_a_quota_gives_the_block_back(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise work.QuotaError("You have 12 trainings waiting, and 12 are the most.")

    started = begun()
    monkeypatch.setattr(work, "train_pair", refused)
    page = press(phone(started), TAKE)
    assert "12 are the most" in page.warning[0].value
    assert [block.owner for block in one_room.blocks_of(started.code)] == [""]


def test_after_a_restart_a_phone_asks_again_for_what_it_had_asked_for(
    empty_home: Path, queue: FakeQueue
) -> None:
    started, ((_, second), *_) = begun(), pairs(1)
    press(phone(started), TAKE)
    queue.asked.clear()  # the queue of a server is in its memory
    phone(started)
    assert queue.asked == [second.key]
    queue.asked.clear()
    queue.state = State.FAILED
    page = phone(started)
    assert queue.asked == [], "what failed needs a button"
    press(page, "Train two models")
    assert queue.asked == [second.key]


def test_models_that_are_there_are_shown_at_once_and_who_comes_too_late_sees_the_wall(
    experiments: list[store.Artifact], queue: FakeQueue
) -> None:
    plan = ClassPlan("labels", 6, seed=700, prediction="lower")
    started = begun(plan)
    made = [
        publish_as(*both)
        for pair in pairs(2, plan)
        for both in zip(experiments[2:], pair, strict=True)
    ]
    for voter in ("student-1", "student-2"):
        page = press(phone(started, voter), TAKE)
        assert len(told_maps(page, "card")) == 2
    assert queue.asked == [], "models that are there are not trained again"
    move_session(started.code, started.token, one_room.FIRST, "reveal")
    assert published_answer().lessons[one_room.NAME].take_home in large(page.run())
    late = phone(started, "student-9")
    assert TAKE not in labels(late)
    assert alts(late)
    for artifact in made:  # other tests of this home see none of them
        shutil.rmtree(artifact.path)


def test_the_wall_counts_dots_and_looks_and_the_end_can_be_left_again(empty_home: Path) -> None:
    started, every = begun(), pairs(6)
    publish([one for pair in every for one in pair])
    stand = partial(session_cache.current_block_state, PLAN, cache.named_set("scenes"))
    page = lecturer(started)
    for place in range(6):
        one_room.take_block(started.code, f"student-{place}", stand)
        page.run()
    assert metrics(page)["Seed pairs"] == "6 of 6"
    assert list(one_room.looks_of(started.code)) == [2, 3, 4, 5, 6]
    assert fixed(started).hash in page.expander[0].markdown[-1].value
    take_home = published_answer().lessons[one_room.NAME].take_home
    assert take_home not in large(page)
    press(page, "End: what did it show?")
    assert take_home in large(page)
    assert find_session(started.code).phase == "reveal"  # type: ignore[union-attr]
    press(page, "Go on")
    assert find_session(started.code).phase == "run"  # type: ignore[union-attr]


def test_files_of_the_wall_are_made_in_a_worker(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, images, drawn = begun(), cache.named_set("scenes"), []
    publish([one for pair in pairs(2) for one in pair])
    stand = partial(session_cache.current_block_state, PLAN, images)
    for place in range(2):
        one_room.take_block(started.code, f"student-{place}", stand)
    monkeypatch.setattr(
        work, "run_in_worker", lambda _of, task, *given: drawn.append(task) or task(*given)
    )
    visitor = visitors.Visitor("somebody-here")
    slide = session_cache.results_slide(started.code, images, visitor, True)
    assert slide.startswith(b"\x89PNG")
    assert drawn == [chart_slide]
    assert "p = " in session_cache.study_handout(started.code, images, True)
    assert len(session_cache.dots_csv(started.code, images).splitlines()) == 1 + 2


def phone_result(images: ImageSet, share: float) -> str:
    """What a phone would tell of two models: the second predicts so many images wrongly, and the
    first none."""
    rows = rows_by_group(images, "test").ravel()
    objects = images.table["object"].to_numpy()[rows]
    correct = (objects == images.grouping.objects[1]).astype(int)
    wrong = np.random.default_rng(0).random(len(rows)) < share
    models = [correct, np.where(wrong, 1 - correct, correct)]
    checksum = [1.0] * len(WEIGHTS)
    return json.dumps(
        [{"predicted": "".join(map(str, model)), "checksum": checksum} for model in models]
    )


def test_phones_train_and_the_server_repeats_one_pair_of_ten(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = begun(None, "pretrained")
    page = lecturer(started)
    page.checkbox[0].check().run()
    page.radio[0].set_value("lower").run()
    page.number_input[0].set_value(10).run()
    press(page, "Lock the plan")
    plan, images = fixed(started), cache.named_set("scenes")
    assert plan.towers == PHONES
    student = press(phone(started), TAKE)
    assert "Train on the server instead" in labels(student)
    assert queue.asked == [], "the phone trains"
    state_of = partial(session_cache.current_block_state, plan, images)
    result = phone_result(images, 0.1)
    for place in range(plan.planned):
        voter = f"student-{place + 1}"
        one_room.take_block(started.code, voter, state_of)
        one_room.post_result(started.code, voter, place, result)
    page.run()
    assert metrics(page)["Seed pairs"] == "10 of 10"
    assert float(metrics(page)["Mean difference, points"]) == pytest.approx(-10, abs=1)
    [repeated] = [place for place in range(10) if is_repeated(started.token, place)]
    pair = one_room.pair_of(plan, Condition(), SCENES, repeated)
    assert queue.asked == [pair[1].key]
    assert "Phones trained 10 seed pairs" in text_of(page)
    assert "Your two models: seed pair 1" in large(student.run())
    table = list(csv.DictReader(io.StringIO(session_cache.dots_csv(started.code, images))))
    assert {row["trained_by"] for row in table} == {"phone"}
    publish(pair)  # two models without weights
    monkeypatch.setattr(phone_results, "is_same", lambda *_run: False)
    page.run()
    assert "The server repeated 1; 0 came out the same." in text_of(page)
    assert metrics(page)["Seed pairs"] == "10 of 10", "nothing is counted twice"
    table = list(csv.DictReader(io.StringIO(session_cache.dots_csv(started.code, images))))
    assert [row["trained_by"] for row in table].count("server") == 1


def test_the_lecturer_trains_what_nobody_has(empty_home: Path, queue: FakeQueue) -> None:
    started = begun()
    press(phone(started), TAKE)
    page = lecturer(started)
    press(page, "Train the remaining 5 seed pairs")
    assert sorted(queue.asked) == sorted(second.key for _, second in pairs(6))
    assert not [label for label in labels(page.run()) if label.startswith("Train the")]


def test_how_long_preparing_takes_is_judged_by_what_ended_last_and_by_what_waits(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLCORE_WORKERS", "2")
    page = lecturer(begun(None))
    page.number_input[0].set_value(6).run()
    assert "the others take about 2 minutes here" in text_of(page), "a guess of 36 s a pair"
    scratch = Condition(init_seed=77, steps=400)
    made, quick = publish([scratch, scratch.with_towers("pretrained")])  # in a minute each
    queue.latest.append(quick.key)
    assert "the others take about 2 minutes here" in text_of(page.run()), "it waited for features"
    (empty_home / "imported").mkdir()
    nothing = store.publish("pets-1.import", empty_home / "imported", {"seconds": 9})
    queue.latest += [made.key, nothing.key]  # an import that ended says nothing of trainings
    assert "the others take about 6 minutes here" in text_of(page.run())
    queue.long = 5
    assert "the others take about 10 minutes here" in text_of(page.run())


def test_a_rehearsal_is_marked_hidden_from_the_class_and_cancelled_at_its_end(
    empty_home: Path, queue: FakeQueue
) -> None:
    started = begun(None)
    page = press(lecturer(started), "Begin the rehearsal")
    rehearsed = pairs(3, fixed(started, REHEARSAL))
    assert queue.asked == [second.key for _, second in rehearsed]
    assert page.warning, "it is called a rehearsal"
    assert "lower" in labels(phone(started)), "the class sees nothing of it"
    press(page, "End the rehearsal and delete it")
    assert queue.cancelled == queue.asked, "nobody waits for it any more"
    assert one_room.class_plan(started.code, REHEARSAL) is None
    assert "Lock the plan" in labels(page)


def test_who_is_no_teacher_rehearses_with_as_many_as_may_train_and_trains_the_remaining(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "teaches", lambda: False)
    started = begun(None)
    page = lecturer(started)
    (phones,) = (field for field in page.number_input if field.label == "Simulated phones")
    assert phones.max == limits.TRAININGS
    press(page, "Begin the rehearsal")
    asked = list(queue.asked)
    queue.asked.clear()  # they were cancelled on another page
    page.run()
    with monkeypatch.context() as patch:
        patch.setattr(work, "train_pair", Mock(side_effect=work.QuotaError("12 are the most.")))
        press_in_part(page, "Train the remaining 3 seed pairs")
    assert "12 are the most" in page.warning[0].value
    press(page.run(), "Train the remaining 3 seed pairs")
    assert queue.asked == asked


def test_a_wall_without_a_dot_gives_a_sentence_for_a_file(empty_home: Path) -> None:
    started, images = begun(), cache.named_set("scenes")
    with pytest.raises(LabError, match="no dot"):
        session_cache.results_slide(started.code, images, visitors.Visitor("somebody-here"), False)


def test_a_pair_on_a_busy_server_is_timed_by_its_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_cache, "pair_seconds", lambda *_: 10.0)
    plan, images = PLAN, cache.named_set("scenes")

    def left(seconds: float) -> float:
        status = {"fraction": 0.5, "started": time.time() - seconds}
        views = [JobStatus("a", State.RUNNING, status), JobStatus("b", State.QUEUED)]
        return phone_page._seconds_left(plan, images, views)

    assert left(1.0) == pytest.approx(7.5), "a quarter is done of what the last pairs took"
    assert left(100.0) == pytest.approx(300.0, abs=5.0)
    second = JobStatus("b", State.RUNNING, {"fraction": 0.5, "started": time.time() - 50.0})
    seconds = phone_page._seconds_left(plan, images, [JobStatus("a", State.DONE), second])
    assert seconds == pytest.approx(50.0, abs=5.0), "what is done has no report any more"
