"""Repair: a team's list can be trained, whatever was tapped; nobody touches another team's."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_training_set import NEAR
from vlcore.classroom import repair
from vlcore.classroom.repair import EDITING, METHODS, REPAIR, REVEALED, STEP, Repair
from vlcore.classroom.session import (
    LessonError,
    Started,
    delete_session,
    move_session,
    start_session,
)
from vlcore.data.catalogue import open_set
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import MOST, Add, Edit, EditError, Remove, canonical_edits, read_edits
from vlcore.experiment.errors import LabError

IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES)
TRAINING = repair.training_set(IMAGES, BASE, Repair())
POOL, CHOSEN = repair.unused_rows(IMAGES, TRAINING), TRAINING.rows.tolist()


def start() -> Started:
    return start_session(REPAIR, "scenes", STEP)


def added(*rows: int) -> Repair:
    return Repair(canonical_edits(map(Add, rows)))


def test_a_tap_adds_a_change_and_a_second_one_takes_it_back() -> None:
    first, second = POOL[:2]
    assert Repair().turned(Add(first)).turned(Add(second)) == added(first, second)
    assert added(first, second).turned(Add(first)) == added(second)
    assert added(first).turned(Add(first)) == Repair()
    with pytest.raises(EditError):
        added(*POOL[:MOST]).turned(Remove(CHOSEN[0]))


def test_three_lists_are_trained_and_the_last_one_counts() -> None:
    made = added(POOL[0]).tried()
    assert made.tried() == made, "the same list is one try"
    for row in POOL[1 : limits.REPAIR_TRIES]:
        made = made.turned(Add(row)).tried()
    assert made.counts == made.edits
    with pytest.raises(LessonError):
        made.turned(Remove(CHOSEN[0])).tried()
    again = Repair(made.tries[0], made.tries).tried()
    assert (again.counts, set(again.tries)) == (made.tries[0], set(made.tries))


def test_an_address_keeps_a_state_and_refuses_nonsense() -> None:
    state = added(POOL[0]).turned(Remove(CHOSEN[0])).tried().turned(Add(POOL[1]))
    assert Repair.from_text(state.text) == state
    assert set(state.text) <= {*"ar0123456789,;"}
    assert Repair.from_text("") == Repair()
    full = Repair(*[added(*POOL[:MOST]).edits], (added(*POOL[9 : 9 + MOST]).edits,) * 3)
    assert len(full.text) < 500


@given(st.text(max_size=200) | st.text(alphabet="ar,;0123456789", max_size=200))
def test_a_state_that_cannot_be_read_is_a_sentence(text: str) -> None:
    with suppress(LabError):  # anything else is a fault
        state = Repair.from_text(text)
        assert Repair.from_text(state.text) == state
        assert len(state.tries) <= limits.REPAIR_TRIES


@settings(max_examples=25)
@given(st.lists(NEAR, max_size=2 * MOST))
def test_whatever_is_tapped_the_stored_list_can_be_trained(taps: list[Edit]) -> None:
    base = BASE.replace(n_per_group=8)
    stored = Repair()
    for tap in taps:
        with suppress(LabError):  # anything else is a fault
            after = stored.turned(tap)
            repair.training_set(IMAGES, base, after)
            stored = after
        assert len(read_edits(stored.edits)) <= MOST
    training = repair.training_set(IMAGES, base, stored)
    assert set(training.rows) <= set(IMAGES.rows("train"))
    assert sum(repair.group_sizes(IMAGES, training).values()) == len(training.rows) >= 2


@pytest.mark.usefixtures("empty_home")
def test_a_phone_has_one_team_and_changes_only_that() -> None:
    code = start().code
    for voter in ("student-1", "student-2", "student-1"):
        repair.join(code, voter)
    repair.change(code, "student-2", lambda now: now.turned(Add(POOL[0])))
    assert [team.number for team in repair.teams(code)] == [1, 2]
    assert [team.repair for team in repair.teams(code)] == [Repair(), added(POOL[0])]
    assert [team.name for team in repair.teams(code, "student-2")] == ["Team 2"]
    assert repair.teams(code, "student-3") == []
    with pytest.raises(LessonError, match="no team"):
        repair.change(code, "student-3", lambda now: now)
    with pytest.raises(LessonError, match="from nobody"):
        repair.join(code, "'; DROP TABLE repair_teams --")


@pytest.mark.usefixtures("empty_home")
def test_lists_are_open_until_the_reveal_and_all_goes_with_the_lesson() -> None:
    lesson = start()
    repair.join(lesson.code, "student-1")
    move_session(lesson.code, lesson.token, STEP, REVEALED)
    for action in (
        lambda: repair.change(lesson.code, "student-1", lambda now: now.turned(Add(POOL[0]))),
        lambda: repair.join(lesson.code, "student-2"),
    ):
        with pytest.raises(LessonError, match="closed"):
            action()
    move_session(lesson.code, lesson.token, STEP, EDITING)
    repair.change(lesson.code, "student-1", lambda now: now.turned(Add(POOL[0])))
    delete_session(lesson.code, lesson.token)
    assert repair.teams(lesson.code) == []


@pytest.mark.usefixtures("empty_home")
def test_a_full_lesson_gets_room_where_the_presenter_removes_idle_teams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "TEAMS", 2)
    lesson = start()
    repair.join(lesson.code, "student-1")
    repair.change(lesson.code, "student-1", lambda now: now.turned(Add(POOL[0])))
    repair.join(lesson.code, "invented-1")
    with pytest.raises(LessonError, match="2 teams"):
        repair.join(lesson.code, "student-2")
    with pytest.raises(LessonError, match="Only the presenter"):
        repair.delete_idle(lesson.code, "guess")
    repair.delete_idle(lesson.code, lesson.token)
    repair.join(lesson.code, "student-2")
    assert [team.number for team in repair.teams(lesson.code)] == [1, 2]
    assert repair.teams(lesson.code, "invented-1") == []


@pytest.mark.parametrize(("towers", "bias"), [("scratch", 0.75), ("pretrained", 0.95)])
def test_baselines_are_the_model_as_it_was_chance_and_the_methods(towers: str, bias: float) -> None:
    base = repair.repair_base(IMAGES, towers)
    assert base == Condition(steps=400, bias=bias).with_towers(towers)
    found = repair.repair_baselines(IMAGES, base)
    assert list(found) == ["as it was", "by chance", *METHODS]
    assert found["as it was"] == [base]
    assert [len(read_edits(one.edits)) for one in found["by chance"]] == [MOST] * 5
    assert len({one.key for of in found.values() for one in of}) == 9
    assert [found[name][0].mitigation for name in METHODS] == list(METHODS)
