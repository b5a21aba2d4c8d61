"""One room, one study: a plan that stays, a block for each phone, and what becomes of those that
fail."""

import itertools
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlcore.api.training import train_both
from vlcore.artifacts import store
from vlcore.classroom import one_room, session
from vlcore.classroom.one_room import (
    CLASS,
    DIRECTIONS,
    FEWEST,
    MOST,
    REHEARSAL,
    TRIES,
    Block,
    BlockState,
    Plan,
)
from vlcore.classroom.session import LIFETIME, LessonError, Started, move_session
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import PRESETS, TOWERS
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import registry

pytestmark = pytest.mark.usefixtures("empty_home")
USUAL = Condition()
PLAN = Plan("labels", 5, prediction="lower")


def begun(plan: Plan | None = PLAN, towers: str = "scratch") -> Started:
    started = session.start_session(one_room.NAME, "scenes", "labels", towers=towers)
    if plan is not None:
        one_room.fix_plan(started.code, started.token, plan, USUAL, SCENES)
    return started


class States:
    """How trainings stand, as a test says; what is not said is not there."""

    def __init__(self) -> None:
        self.of: dict[int, State] = {}  # by place

    def __call__(self, block: Block) -> BlockState:
        pair = one_room.pairs_of(PLAN, USUAL, SCENES, block.place + 1)[block.place]
        state = self.of.get(block.place, State.ABSENT)
        return one_room.block_state(block, pair, lambda key: JobStatus(key, state))


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> States:
    monkeypatch.setattr(one_room, "SETTLE", 0.0)
    return States()


def taken(
    started: Started, voter: str, stand: Callable[[Block], BlockState], address: str = ""
) -> int:
    return one_room.take_block(started.code, voter, stand, address).place


def test_each_contrast_is_a_study_of_two_arms_that_differ_in_one_thing() -> None:
    for name, contrast in one_room.contrasts(USUAL, SCENES).items():
        study = one_room.study_of(Plan(name, 7, seed=40), USUAL, SCENES)
        pairs = one_room.pairs_of(Plan(name, 7, seed=40), USUAL, SCENES, 7)
        assert study.conditions == tuple(itertools.chain(*pairs))
        assert "{" not in contrast.question
        for place, pair in enumerate(pairs):
            assert (
                [study.arm_of(one) for one in pair]
                == list(contrast.arms)
                == [study.baseline, *study.treatments]
            )
            assert {(one.data_seed, one.init_seed, one.steps) for one in pair} == {
                (40 + place,) * 2 + (PRESETS["live"],)
            }
            differ = {
                field for field, value in vars(pair[0]).items() if value != getattr(pair[1], field)
            }
            assert differ == set(next(iter(contrast.arms.values())))


def test_a_plan_is_fixed_once_before_the_first_run_and_by_the_presenter_alone() -> None:
    started = begun(None)
    assert one_room.plan_of(started.code) is None
    for token in ("", begun(None).token):
        with pytest.raises(LessonError, match="Only the presenter"):
            one_room.fix_plan(started.code, token, PLAN, USUAL, SCENES)
    fixed = one_room.fix_plan(started.code, started.token, PLAN, USUAL, SCENES)
    study = one_room.study_of(PLAN, USUAL, SCENES, started.code)
    assert fixed == one_room.plan_of(started.code)
    assert fixed.hash == registry.plan_hash(study)
    assert [(one.hash, one.runs) for one in registry.plan_history(study)] == [(fixed.hash, 0)]
    for other in (
        PLAN,
        Plan("labels", 5, prediction="higher"),
        Plan("bias", 6, prediction="lower"),
    ):
        with pytest.raises(LessonError, match="stays as it is"):
            one_room.fix_plan(started.code, started.token, other, USUAL, SCENES)
    assert one_room.plan_of(started.code) == fixed


@pytest.mark.parametrize(
    "plan",
    [
        Plan("nothing", 5, prediction="lower"),
        Plan("labels", FEWEST - 1, prediction="lower"),
        Plan("labels", MOST + 1, prediction="lower"),
        Plan("labels", 5),
        Plan("labels", 5, prediction="who knows"),
        Plan("labels", 5, "loss", prediction="lower"),
        Plan("labels", 5, seed=-1, prediction="lower"),
        Plan("labels", 5, seed=one_room.REHEARSAL_SEED, prediction="lower"),
    ],
)
def test_a_plan_of_what_is_not_offered_is_refused(plan: Plan) -> None:
    started = begun(None)
    with pytest.raises(LessonError):
        one_room.fix_plan(started.code, started.token, plan, USUAL, SCENES)
    assert one_room.plan_of(started.code) is None


def test_all_that_is_decided_is_in_the_hash() -> None:
    plans = [
        PLAN,
        *(Plan("labels", 5, prediction=one) for one in DIRECTIONS[1:]),
        Plan("bias", 5, prediction="lower"),
        Plan("labels", 6, prediction="lower"),
        Plan("labels", 5, seed=1, prediction="lower"),
        Plan("labels", 5, "balanced_accuracy", prediction="lower"),
    ]
    assert len({registry.plan_hash(one_room.study_of(one, USUAL, SCENES)) for one in plans}) == len(
        plans
    )
    assert one_room.primary_measures()[0] == PRIMARY


def test_a_plan_has_the_towers_of_its_lesson_in_all_conditions_and_so_in_its_hash() -> None:
    pretrained = replace(PLAN, towers="pretrained")
    started = begun(pretrained, "pretrained")
    fixed = one_room.plan_of(started.code)
    assert fixed is not None
    assert (fixed.towers, fixed.hash) == (
        "pretrained",
        registry.plan_hash(one_room.study_of(pretrained, USUAL, SCENES, started.code)),
    )
    assert fixed.hash != registry.plan_hash(one_room.study_of(PLAN, USUAL, SCENES, started.code))
    conditions = one_room.study_of(fixed, USUAL, SCENES).conditions
    assert {(one.frozen_tower, one.text) for one in conditions} == {("pretrained", "words")}
    assert (
        one_room.study_of(fixed, USUAL.with_towers("pretrained"), SCENES).conditions == conditions
    )
    for _ in range(2):
        one_room.rehearse(
            started.code, started.token, replace(pretrained, planned=3), USUAL, SCENES
        )
    rehearsed = one_room.plan_of(started.code, REHEARSAL)
    assert rehearsed is not None
    assert rehearsed.towers == "pretrained"


def test_a_plan_on_other_towers_than_the_lessons_is_refused() -> None:
    for towers, other in itertools.permutations(TOWERS, 2):
        started = begun(None, towers)
        with pytest.raises(LessonError, match="towers"):
            one_room.fix_plan(
                started.code, started.token, replace(PLAN, towers=other), USUAL, SCENES
            )
        with pytest.raises(LessonError, match="towers"):
            one_room.rehearse(
                started.code, started.token, replace(PLAN, towers=other), USUAL, SCENES
            )
        assert one_room.plan_of(started.code) is one_room.plan_of(started.code, REHEARSAL) is None


def test_a_plan_that_was_fixed_before_there_was_a_choice_is_from_scratch() -> None:
    started = begun()
    before = one_room.plan_of(started.code)
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file, file:
        file.execute("DROP TABLE lesson_towers")
    assert one_room.plan_of(started.code) == before
    assert before is not None
    assert before.towers == "scratch"


def test_on_a_frozen_tower_each_contrast_is_asked_at_the_bias_that_it_is_trained_at() -> None:
    usual = USUAL.with_towers("pretrained")
    for name, contrast in one_room.contrasts(usual, SCENES).items():
        study = one_room.study_of(Plan(name, 5, towers="pretrained"), USUAL, SCENES)
        assert {one.bias for one in study.conditions} == {contrast.bias} == {0.95}
        assert "95 %" in contrast.question
        assert "75 %" in one_room.contrasts(USUAL, SCENES)[name].question


def test_a_pair_on_a_frozen_tower_is_trained_though_no_image_was_drawn(empty_home: Path) -> None:
    plan = replace(PLAN, towers="pretrained")
    first, second = (one.replace(steps=12) for one in one_room.pairs_of(plan, USUAL, SCENES, 1)[0])
    train_both(first, second)
    assert all("minority_accuracy" in store.read(one.key).metrics["end"] for one in (first, second))
    assert not list(empty_home.rglob("*.png"))


def test_a_phone_has_one_block_however_often_it_comes_and_from_how_many_tabs(
    states: States,
) -> None:
    started = begun()
    voters = [f"student-{number}" for number in range(12)] * 3
    with ThreadPoolExecutor(8) as pool:
        states.of = dict.fromkeys(range(20), State.QUEUED)
        places = list(pool.map(lambda voter: taken(started, voter, states), voters))
    assert places[:12] == places[12:24] == places[24:]
    assert sorted(places[:12]) == list(range(12)), (
        "each has the next free seed, those beyond the plan too"
    )
    assert [block.place for block in one_room.blocks_of(started.code)] == list(range(12))


@pytest.mark.parametrize("state", [State.FAILED, State.INTERRUPTED, State.CANCELLED, State.ABSENT])
def test_a_block_that_came_to_nothing_is_taken_over_by_the_next_phone(
    states: States, state: State
) -> None:
    started = begun()
    assert [taken(started, "student-1", states), taken(started, "student-1", states)] == [0, 0]
    states.of[0] = State.RUNNING
    assert taken(started, "student-2", states) == 1
    states.of |= {0: state, 1: State.DONE}
    assert taken(started, "student-3", states) == 0
    assert [block.owner for block in one_room.blocks_of(started.code)] == ["student-3", "student-2"]
    states.of[0] = State.QUEUED
    assert taken(started, "student-1", states) == 2, "who lost a block gets another"


def test_what_was_just_asked_for_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    started, states = begun(), States()
    assert [taken(started, f"student-{number}", states) for number in range(3)] == [0, 1, 2]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + one_room.SETTLE + 1)
    assert taken(started, "student-4", states) == 0


def test_a_block_that_is_given_up_is_open_at_once_and_one_that_is_there_goes_to_the_next(
    states: States,
) -> None:
    started = begun()
    for number in range(2):
        taken(started, f"student-{number}", states)
        states.of[number] = State.RUNNING
    one_room.release_block(started.code, "student-0")
    states.of[0] = State.DONE  # the training went on, for somebody else
    assert taken(started, "student-2", states) == 0
    assert taken(started, "student-0", states) == 2


def test_a_block_that_fails_again_and_again_is_left_out_and_the_plan_takes_another(
    states: States,
) -> None:
    started = begun()
    for number in range(TRIES):
        assert taken(started, f"student-{number}", states) == 0
        states.of[0] = State.FAILED
    assert taken(started, "student-9", states) == 1
    states.of[1] = State.QUEUED
    assert taken(started, f"student-{TRIES - 1}", states) == 2, "its owner too"
    stands = [states(block) for block in one_room.blocks_of(started.code)]
    assert stands[0] is BlockState.LOST
    assert one_room.planned_places(stands, 5) == {1, 2, 3, 4, 5}


def test_an_interruption_is_no_failure(states: States) -> None:
    started = begun()
    for number in range(3 * TRIES):
        assert taken(started, f"student-{number}", states) == 0
        states.of[0] = State.INTERRUPTED


def test_the_lecturer_asks_for_what_is_open_up_to_the_plan(states: States) -> None:
    started, states.of = begun(), {0: State.QUEUED, 1: State.QUEUED}
    for number in range(2):
        taken(started, f"student-{number}", states)
    states.of = {0: State.DONE, 1: State.FAILED}
    with pytest.raises(LessonError, match="Only the presenter"):
        one_room.take_open_blocks(started.code, "guess", states)
    assert [
        block.place
        for block in one_room.take_open_blocks(started.code, started.token, states, most=2)
    ] == [1, 2]
    states.of |= {1: State.QUEUED, 2: State.QUEUED}
    assert [
        block.place for block in one_room.take_open_blocks(started.code, started.token, states)
    ] == [3, 4]
    states.of |= {3: State.QUEUED, 4: State.DONE}
    assert one_room.take_open_blocks(started.code, started.token, states) == []
    owners = ["student-0", "student-1", "", "", ""]
    assert [block.owner for block in one_room.blocks_of(started.code)] == owners
    assert taken(started, "student-8", states) == 2, (
        "a late one gets what nobody has, trained or not"
    )


def test_who_may_not_or_comes_too_late_gets_nothing(
    states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, unplanned = begun(), begun(None)
    for voter in (
        "",
        "x",
        "x" * 41,
        "<script>alert</script>",
        "a' OR 1=1 --",
        "simulated 1",
        "\x00" * 10,
    ):
        with pytest.raises(LessonError, match="from nobody"):
            taken(started, voter, states)
    with pytest.raises(LessonError, match="not fixed yet"):
        taken(unplanned, "student-1", states)
    for code in ("", "BCDF", "' OR 1=1", "B" * 1000):
        with pytest.raises(LessonError, match="over"):
            one_room.take_block(code, "student-1", states)
    move_session(started.code, started.token, "labels", "reveal")
    with pytest.raises(LessonError, match="ended"):
        taken(started, "student-1", states)
    move_session(started.code, started.token, "labels", "run")
    assert taken(started, "student-1", states) == 0
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + LIFETIME + 1)
    with pytest.raises(LessonError, match="over"):
        taken(started, "student-1", states)
    assert [block.owner for block in one_room.blocks_of(started.code)] == ["student-1"]


def test_a_rehearsal_is_apart_from_the_class_and_goes_without_a_trace(states: States) -> None:
    started = begun()
    taken(started, "student-1", states)
    before = one_room.plan_of(started.code), one_room.blocks_of(started.code)
    for act in (
        lambda token: one_room.rehearse(started.code, token, PLAN, USUAL, SCENES),
        lambda token: one_room.delete_rehearsal(started.code, token),
    ):
        with pytest.raises(LessonError, match="Only the presenter"):
            act("guess")
    for phones in (0, MOST + 1):
        with pytest.raises(LessonError, match="1 to"):
            one_room.rehearse(started.code, started.token, Plan("bias", phones), USUAL, SCENES)
    for _ in range(2):  # the second is another one
        blocks = one_room.rehearse(started.code, started.token, Plan("bias", 3), USUAL, SCENES)
        assert [block.place for block in blocks] == [0, 1, 2]
    kept = one_room.plan_of(started.code, REHEARSAL)
    assert kept is not None
    assert len(one_room.blocks_of(started.code, REHEARSAL)) == 3
    seeds = {one.data_seed for pair in one_room.pairs_of(kept, USUAL, SCENES, 3) for one in pair}
    assert min(seeds) > PLAN.seed + 100_000, "nobody sees what the class will find"
    one_room.record_look(started.code, REHEARSAL, 2, 0.5)
    one_room.delete_rehearsal(started.code, started.token)
    assert one_room.plan_of(started.code, REHEARSAL) is None
    assert one_room.blocks_of(started.code, REHEARSAL) == []
    assert one_room.looks_of(started.code, REHEARSAL) == {}
    assert (one_room.plan_of(started.code), one_room.blocks_of(started.code)) == before


def test_a_look_counts_once_and_all_goes_with_the_lesson(states: States) -> None:
    started, other = begun(), begun()
    for code in (started.code, other.code):
        for dots, p in ((2, 0.5), (3, 0.25), (2, 0.1)):
            one_room.record_look(code, CLASS, dots, p)
    assert one_room.looks_of(started.code) == {2: 0.5, 3: 0.25}
    taken(started, "student-1", states)
    session.delete_session(started.code, started.token)
    assert (one_room.plan_of(started.code), one_room.blocks_of(started.code)) == (None, [])
    assert one_room.looks_of(started.code) == {}
    assert one_room.looks_of(other.code) == {2: 0.5, 3: 0.25}


ACTS = st.tuples(
    st.sampled_from(["take", "give up", "done", "failed", "interrupted", "lecturer"]),
    st.integers(0, 3),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, max_size=14))
def test_whatever_happens_nobody_has_two_blocks_and_no_block_two_owners(
    states: States, acts: list[tuple[str, int]]
) -> None:
    started, states.of = begun(), {}
    given_to: dict[int, str] = {}
    for act, number in acts:
        if act == "take":
            place = taken(started, f"student-{number}", states)
            states.of.setdefault(place, State.QUEUED)
            if states.of[place] is not State.DONE:
                states.of[place] = State.QUEUED
        elif act == "give up":
            one_room.release_block(started.code, f"student-{number}")
        elif act == "lecturer":
            for block in one_room.take_open_blocks(started.code, started.token, states, most=2):
                states.of[block.place] = State.QUEUED
        elif number in states.of and states.of[number] is not State.DONE:
            states.of[number] = {"done": State.DONE, "failed": State.FAILED}.get(
                act, State.INTERRUPTED
            )
        blocks = one_room.blocks_of(started.code)
        assert [block.place for block in blocks] == list(range(len(blocks)))
        owners = [block.owner for block in blocks if block.owner]
        assert len(owners) == len(set(owners))
        for block in blocks:
            was = given_to.get(block.place)
            if states.of.get(block.place) is State.DONE and was and block.owner:
                assert block.owner == was or act == "take", "what is there is taken from nobody"
            given_to[block.place] = block.owner
        assert len(one_room.planned_places([states(block) for block in blocks], 5)) == 5
