"""One room, one study: a plan that stays, a block for each phone, and what becomes of those that
fail."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlcore.api.training import train_both
from vlcore.artifacts import store
from vlcore.classroom import one_room, session, tower_pairs
from vlcore.classroom.one_room import (
    CLASS,
    FEWEST,
    MOST,
    REHEARSAL,
    TRIES,
    Block,
    BlockState,
    ClassPlan,
    pair_of,
    study_of,
)
from vlcore.classroom.session import LessonError, Started, find_session, move_session
from vlcore.classroom.tower_pairs import PHONES
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import PRESETS
from vlcore.jobs.jobs import JobStatus, State

pytestmark = pytest.mark.usefixtures("empty_home")
USUAL = Condition()
PLAN = ClassPlan("labels", 6, prediction="lower")


def start(plan: ClassPlan | None = PLAN, towers: str = "scratch") -> Started:
    started = session.start_session(one_room.NAME, "scenes", "labels", towers=towers)
    if plan is not None:
        one_room.fix_plan(started.code, started.token, plan, USUAL, SCENES)
    return started


@pytest.fixture
def started() -> Started:
    return start()


class States:
    """The states of trainings as a test sets them; absent at first."""

    def __init__(self) -> None:
        self.by_place: dict[int, State] = {}

    def __call__(self, block: Block) -> BlockState:
        pair = pair_of(PLAN, USUAL, SCENES, block.place)
        state = self.by_place.get(block.place, State.ABSENT)
        return one_room.block_state(block, pair, lambda key: JobStatus(key, state))


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    monkeypatch.setattr(one_room, "SETTLE", 0.0)
    return States()


def take(started: Started, voter: str, states: Callable[[Block], BlockState]) -> int:
    return one_room.take_block(started.code, voter, states).place


def owners(started: Started) -> list[str]:
    return [block.owner for block in one_room.blocks_of(started.code)]


@pytest.mark.parametrize("name", list(one_room.contrasts(USUAL, SCENES)))
def test_each_contrast_is_a_study_of_two_arms_that_differ_in_one_thing(name: str) -> None:
    contrast, plan = one_room.contrasts(USUAL, SCENES)[name], ClassPlan(name, 7, seed=40)
    study = study_of(plan, USUAL, SCENES)
    pairs = [pair_of(plan, USUAL, SCENES, place) for place in range(7)]
    assert study.conditions == tuple(condition for pair in pairs for condition in pair)
    assert "{" not in contrast.question + contrast.title
    assert list(contrast.arms) == [study.baseline, *study.treatments]
    for place, pair in enumerate(pairs):
        assert [study.arm_of(condition) for condition in pair] == list(contrast.arms)
        assert {(one.data_seed, one.init_seed, one.steps) for one in pair} == {
            (40 + place, 40 + place, PRESETS["live"])
        }
        first, second = (condition.as_dict() for condition in pair)
        differing = {field for field in first if first[field] != second[field]}
        assert differing == set(next(iter(contrast.arms.values())))


def test_a_plan_is_fixed_once_before_the_first_run_and_by_the_presenter_alone() -> None:
    started = start(None)
    assert one_room.class_plan(started.code) is None
    with pytest.raises(LessonError, match="Only the presenter"):
        one_room.fix_plan(started.code, "guess", PLAN, USUAL, SCENES)
    one_room.fix_plan(started.code, started.token, PLAN, USUAL, SCENES)
    study = study_of(PLAN, USUAL, SCENES, started.code)
    fixed = replace(PLAN, hash=one_room.plan_hash(PLAN, study))
    assert one_room.class_plan(started.code) == fixed
    with pytest.raises(LessonError, match="stays as it is"):
        one_room.fix_plan(
            started.code, started.token, replace(PLAN, prediction="higher"), USUAL, SCENES
        )
    assert one_room.class_plan(started.code) == fixed


def place_of(started: Started) -> tuple[str, str]:
    state = find_session(started.code)
    assert state is not None
    return state.step, state.phase


def test_a_class_whose_plan_is_fixed_runs_it_whatever_is_chosen_late() -> None:
    """A part of the presenter's page that ran once more just after the click chose the comparison
    again: phones waited for the plan for ever."""
    started = start(None)
    with pytest.raises(LessonError, match="Only the presenter"):
        one_room.choose_question(started.code, "guess", "places")
    one_room.choose_question(started.code, started.token, "places")
    assert place_of(started) == ("places", "predict")
    one_room.fix_plan(started.code, started.token, PLAN, USUAL, SCENES)
    with pytest.raises(LessonError, match="stays as it is"):
        one_room.choose_question(started.code, started.token, "labels")
    assert place_of(started) == ("places", "run")


@pytest.mark.parametrize(
    "plan",
    [
        ClassPlan("labels", FEWEST - 1, prediction="lower"),
        ClassPlan("labels", MOST + 1, prediction="lower"),
        ClassPlan("labels", 6),
    ],
)
def test_a_plan_that_is_not_offered_is_refused(plan: ClassPlan) -> None:
    started = start(None)
    with pytest.raises(LessonError):
        one_room.fix_plan(started.code, started.token, plan, USUAL, SCENES)
    assert one_room.class_plan(started.code) is None


def test_all_that_is_decided_is_in_the_hash() -> None:
    changes = [
        {},
        {"prediction": "higher"},
        {"contrast": "places"},
        {"planned": 7},
        {"seed": 1},
        {"towers": "pretrained"},
    ]
    plans = [replace(PLAN, **change) for change in changes]
    hashes = {one_room.plan_hash(plan, study_of(plan, USUAL, SCENES)) for plan in plans}
    assert len(hashes) == len(plans)


def test_a_plan_is_on_the_towers_of_its_session_and_at_their_bias() -> None:
    plan = replace(PLAN, towers="pretrained")
    started = start(plan, "pretrained")
    fixed = one_room.class_plan(started.code)
    assert fixed is not None
    assert fixed.towers == "pretrained"
    conditions = study_of(fixed, USUAL, SCENES).conditions
    assert {(one.frozen_tower, one.text, one.bias) for one in conditions} == {
        ("pretrained", "words", 0.95)
    }
    one_room.rehearse(started.code, started.token, replace(plan, planned=3), USUAL, SCENES)
    rehearsed = one_room.class_plan(started.code, REHEARSAL)
    assert rehearsed is not None
    assert rehearsed.towers == "pretrained"
    offered = one_room.contrasts(USUAL.with_towers("pretrained"), SCENES)
    assert "95%" in offered["labels"].question
    assert "95%" in offered["labels"].title


def test_a_pair_on_a_frozen_tower_is_trained_though_no_image_was_drawn(empty_home: Path) -> None:
    plan = replace(PLAN, towers="pretrained")
    first, second = (one.replace(steps=12) for one in pair_of(plan, USUAL, SCENES, 0))
    train_both(first, second)
    assert all("minority_accuracy" in store.read(one.key).metrics["end"] for one in (first, second))
    assert not list(empty_home.rglob("*.png"))


def test_a_phone_has_one_block_however_often_it_comes_and_from_how_many_tabs(
    started: Started, states: States
) -> None:
    voters = [f"student-{number}" for number in range(12)] * 3
    states.by_place = dict.fromkeys(range(20), State.QUEUED)
    with ThreadPoolExecutor(8) as pool:
        places = list(pool.map(lambda voter: take(started, voter, states), voters))
    assert places[:12] == places[12:24] == places[24:]
    assert sorted(places[:12]) == list(range(12)), "those beyond the plan too"
    assert [block.place for block in one_room.blocks_of(started.code)] == list(range(12))


@pytest.mark.parametrize("state", [State.FAILED, State.INTERRUPTED, State.CANCELLED, State.ABSENT])
def test_a_block_that_came_to_nothing_is_taken_over_by_the_next_phone(
    started: Started, states: States, state: State
) -> None:
    assert [take(started, "student-1", states), take(started, "student-1", states)] == [0, 0]
    states.by_place[0] = State.RUNNING
    assert take(started, "student-2", states) == 1
    states.by_place |= {0: state, 1: State.DONE}
    assert take(started, "student-3", states) == 0
    assert owners(started) == ["student-3", "student-2"]
    states.by_place[0] = State.QUEUED
    assert take(started, "student-1", states) == 2, "who lost a block gets another"


def test_what_was_just_asked_for_is_not_taken_over(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = States()
    assert [take(started, f"student-{number}", states) for number in range(3)] == [0, 1, 2]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + one_room.SETTLE + 1)
    assert take(started, "student-4", states) == 0


def test_a_block_that_is_released_goes_to_the_next_phone(started: Started, states: States) -> None:
    for number in range(2):
        take(started, f"student-{number}", states)
        states.by_place[number] = State.RUNNING
    one_room.release_block(started.code, "student-0")
    states.by_place[0] = State.DONE  # the training went on, for somebody else
    assert take(started, "student-2", states) == 0
    assert take(started, "student-0", states) == 2


def test_a_block_that_fails_again_and_again_is_lost_and_the_plan_takes_another(
    started: Started, states: States
) -> None:
    for _ in range(3 * TRIES):
        assert take(started, "student-0", states) == 0
        states.by_place[0] = State.INTERRUPTED  # is no failure
    for number in range(TRIES):
        states.by_place[0] = State.FAILED if number else State.ABSENT
        assert take(started, f"student-{number}", states) == 0
    states.by_place[0] = State.FAILED
    assert take(started, "student-9", states) == 1
    states.by_place[1] = State.QUEUED
    assert take(started, f"student-{TRIES - 1}", states) == 2, "its owner too"
    block_states = [states(block) for block in one_room.blocks_of(started.code)]
    assert block_states[0] is BlockState.LOST
    assert one_room.planned_places(block_states, 5) == {1, 2, 3, 4, 5}


def test_the_presenter_asks_for_open_blocks_up_to_the_plan(
    started: Started, states: States
) -> None:
    def ask() -> list[int]:
        blocks = one_room.take_open_blocks(started.code, started.token, states)
        return [block.place for block in blocks]

    for number in range(2):
        take(started, f"student-{number}", states)
        states.by_place[number] = State.QUEUED
    with pytest.raises(LessonError, match="Only the presenter"):
        one_room.take_open_blocks(started.code, "guess", states)
    states.by_place = {0: State.DONE, 1: State.FAILED}
    assert ask() == [1, 2, 3, 4, 5]
    states.by_place |= dict.fromkeys(range(1, 6), State.QUEUED)
    assert ask() == []
    assert owners(started) == ["student-0", "student-1", "", "", "", ""]
    assert take(started, "student-8", states) == 2, "a late one gets what nobody has"


def test_who_may_not_or_comes_too_late_gets_no_block(started: Started, states: States) -> None:
    for voter in ("", "x", "x" * 41, "<script>alert</script>", "a' OR 1=1 --", "\x00" * 10):
        with pytest.raises(LessonError, match="from nobody"):
            take(started, voter, states)
    with pytest.raises(LessonError, match="not fixed yet"):
        take(start(None), "student-1", states)
    for code in ("", "' OR 1=1", "B" * 1000):
        with pytest.raises(LessonError, match="over"):
            one_room.take_block(code, "student-1", states)
    move_session(started.code, started.token, "labels", "reveal")
    with pytest.raises(LessonError, match="ended"):
        take(started, "student-1", states)
    assert owners(started) == []


def test_a_rehearsal_is_apart_from_the_class_and_goes_without_a_trace(
    started: Started, states: States
) -> None:
    def rehearse(token: str = started.token) -> None:
        one_room.rehearse(started.code, token, ClassPlan("places", 3), USUAL, SCENES)

    take(started, "student-1", states)
    before = one_room.class_plan(started.code), one_room.blocks_of(started.code)
    for action in (rehearse, lambda token: one_room.delete_rehearsal(started.code, token)):
        with pytest.raises(LessonError, match="Only the presenter"):
            action("guess")
    for _ in range(2):  # the second is another one
        rehearse()
        assert [block.place for block in one_room.blocks_of(started.code, REHEARSAL)] == [0, 1, 2]
    plan = one_room.class_plan(started.code, REHEARSAL)
    assert plan is not None
    assert plan.seed > PLAN.seed + 100_000, "nobody sees what the class will find"
    one_room.record_look(started.code, REHEARSAL, 2, 0.5)
    one_room.delete_rehearsal(started.code, started.token)
    assert one_room.class_plan(started.code, REHEARSAL) is None
    assert one_room.blocks_of(started.code, REHEARSAL) == []
    assert one_room.looks_of(started.code, REHEARSAL) == {}
    assert (one_room.class_plan(started.code), one_room.blocks_of(started.code)) == before


def test_a_look_counts_once(started: Started) -> None:
    for dots, p in ((2, 0.5), (3, 0.25), (2, 0.1)):
        one_room.record_look(started.code, CLASS, dots, p)
    assert one_room.looks_of(started.code) == {2: 0.5, 3: 0.25}


ACTS = st.tuples(
    st.sampled_from(["take", "give up", "done", "failed", "interrupted", "lecturer"]),
    st.integers(0, 3),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, max_size=14))
def test_whatever_happens_nobody_has_two_blocks_and_no_block_two_owners(
    states: States, acts: list[tuple[str, int]]
) -> None:
    started, states.by_place = start(), {}
    given_to: dict[int, str] = {}
    for act, number in acts:
        if act == "take":
            place = take(started, f"student-{number}", states)
            states.by_place.setdefault(place, State.QUEUED)
            if states.by_place[place] is not State.DONE:
                states.by_place[place] = State.QUEUED
        elif act == "give up":
            one_room.release_block(started.code, f"student-{number}")
        elif act == "lecturer":
            for block in one_room.take_open_blocks(started.code, started.token, states):
                states.by_place[block.place] = State.QUEUED
        elif number in states.by_place and states.by_place[number] is not State.DONE:
            states.by_place[number] = {"done": State.DONE, "failed": State.FAILED}.get(
                act, State.INTERRUPTED
            )
        blocks = one_room.blocks_of(started.code)
        assert [block.place for block in blocks] == list(range(len(blocks)))
        known = [block.owner for block in blocks if block.owner]
        assert len(known) == len(set(known))
        for block in blocks:
            was = given_to.get(block.place)
            if states.by_place.get(block.place) is State.DONE and was and block.owner:
                assert block.owner == was or act == "take", "what is there is taken from nobody"
            given_to[block.place] = block.owner
        assert len(one_room.planned_places([states(block) for block in blocks], 5)) == 5


def test_the_first_result_of_a_phone_makes_its_block_ready_and_stays(states: States) -> None:
    started = start(replace(PLAN, towers=PHONES), PHONES)
    take(started, "student-1", states)
    one_room.post_result(started.code, "student-1", 0, "the first")
    one_room.post_result(started.code, "student-1", 0, "the second")
    assert take(started, "student-2", states) == 1
    first, second = one_room.blocks_of(started.code)
    assert (first.result, second.result) == ("the first", "")
    assert (states(first), states(second)) == (BlockState.DONE, BlockState.OPEN)
    assert take(started, "student-1", states) == 0, "it gets no second block"


def test_a_result_of_another_phones_block_is_refused(states: States) -> None:
    started = start(replace(PLAN, towers=PHONES), PHONES)
    take(started, "student-1", states)
    assert take(started, "student-2", states) == 0, "nobody works on it"
    with pytest.raises(LessonError):
        one_room.post_result(started.code, "student-1", 0, "late")
    assert not one_room.blocks_of(started.code)[0].result


def test_phones_compare_caption_styles_only() -> None:
    started = start(None, "pretrained")
    one_room.choose_question(started.code, started.token, "groupdro")
    with pytest.raises(LessonError):
        one_room.choose_towers(started.code, "somebody", PHONES)
    one_room.choose_towers(started.code, started.token, PHONES)
    room = find_session(started.code)
    assert room is not None
    assert (room.towers, room.step) == (PHONES, one_room.FIRST)
    assert list(one_room.contrasts(tower_pairs.on_towers(USUAL, PHONES), SCENES)) == ["labels"]
    with pytest.raises(LessonError):
        one_room.fix_plan(started.code, started.token, PLAN, USUAL, SCENES)
    one_room.fix_plan(started.code, started.token, replace(PLAN, towers=PHONES), USUAL, SCENES)
    with pytest.raises(LessonError):
        one_room.choose_towers(started.code, started.token, "pretrained")
    baseline, treatment = pair_of(replace(PLAN, towers=PHONES), USUAL, SCENES, 3)
    assert (baseline.bias, baseline.steps, baseline.data_seed) == (0.95, PRESETS["live"], 3)
    assert treatment == baseline.replace(labels="descriptive")
