"""Repair: a team's list holds what can be trained, in any order of taps; nobody touches another
team's."""

import time
import zlib
from base64 import urlsafe_b64encode
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_training_set import HELD_OUT, NEAR
from vlcore.classroom import repair, teams
from vlcore.classroom.repair import (
    DESCRIPTIVE,
    EDITING,
    METHODS,
    REPAIR,
    REVEALED,
    SHORT,
    UNSEEN,
    Repair,
    checked_change,
)
from vlcore.classroom.session import (
    LessonError,
    Started,
    delete_session,
    move_session,
    start_session,
)
from vlcore.classroom.teams import (
    add_simulated,
    change_repair,
    join_team,
    leave_team,
    team_of,
    welcome_phones,
    welcome_phones_to_all,
)
from vlcore.data.catalogue import open_set
from vlcore.data.training_set import HIDDEN_CONTEXTS
from vlcore.experiment import limits
from vlcore.experiment.edits import (
    MOST,
    Add,
    Draw,
    Edit,
    EditError,
    Fade,
    Relabel,
    Remove,
    Weigh,
    canonical_edits,
    read_edits,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.wording import TOWERS_SEEN

IMAGES = open_set("scenes")
BASE = repair.repair_base(IMAGES, SHORT)
POOL = repair.addable_rows(IMAGES, BASE)
CHOSEN = repair.training_set(IMAGES, BASE).rows.tolist()


def start() -> Started:
    return start_session(REPAIR, "scenes", SHORT)


def added(*edits: Edit | int) -> Repair:
    """A list of edits; a number is the row of an image to add."""
    made = Repair()
    for edit in edits:
        made = made.put(Add(edit) if isinstance(edit, int) else edit)
    return made


def put(code: str, voter: str, edit: Edit) -> Repair:
    return change_repair(code, voter, checked_change(lambda now: now.put(edit), IMAGES, BASE))


def test_a_list_is_changed_taken_back_and_undone() -> None:
    first, second = POOL[:2]
    edits = [Fade(0.5), Weigh("camel_grass", 3), Relabel(CHOSEN[0], "descriptive")]
    others = [Fade(0.75), Weigh("camel_grass", 4), Relabel(CHOSEN[0], "context")]
    made = added(first, second, *edits)
    again = made
    for edit in others:
        again = again.put(edit)
    assert again.edits == added(first, second, *others).edits, "each replaces what it contradicts"
    assert again.undo().undo().undo() == made
    assert made.take_back(Add(first)).edits == added(second, *edits).edits
    assert added(first).take_back(Add(first)).edits == Repair().edits == ""
    assert added(first).put(Add(first)) == added(first), "a second tap is no change"
    assert Repair().undo() == Repair()
    with pytest.raises(EditError):
        added(*POOL[: MOST + 1])
    many = added(*(Fade(0.01 * (number % 50 + 1)) for number in range(100)))
    assert len(many.history) <= 60


def test_an_address_keeps_a_state_of_its_model_alone() -> None:
    state = (
        added(POOL[0], Fade(0.5))
        .tried()
        .put(Add(POOL[1]))
        .tried()
        .choose(added(POOL[0], Fade(0.5)).edits)
    )
    state = state.put(Draw("camel", "snow"))
    text = state.packed(BASE)
    assert set(text) <= {*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"}
    again = Repair.unpacked(text, BASE)
    assert (again.edits, again.tries, again.chosen) == (state.edits, state.tries, state.chosen)
    assert Repair().packed(BASE) == ""
    assert Repair.unpacked("", BASE) == Repair()
    assert Repair.unpacked(text, BASE.replace(labels="descriptive")) == Repair()


def test_full_lists_fit_an_address() -> None:
    state = Repair()
    for start in range(limits.REPAIR_TRIES):
        for row in POOL[start * MOST : (start + 1) * MOST]:
            state = state.put(Add(row))
        state = state.tried()
        for row in POOL[start * MOST : (start + 1) * MOST]:
            state = state.take_back(Add(row))
    assert len(state.tries) == limits.REPAIR_TRIES
    assert len(state.packed(BASE)) < 1500


@given(
    st.text(max_size=200)
    | st.binary(max_size=200).map(lambda data: urlsafe_b64encode(data).decode())
)
def test_an_address_of_nonsense_is_refused(text: str) -> None:
    with suppress(LabError):
        assert Repair.unpacked(text, BASE) == Repair()


def test_a_packed_text_that_grows_is_refused() -> None:
    text = urlsafe_b64encode(zlib.compress(b"[" * 10**8)).decode()
    with pytest.raises(LessonError):
        Repair.unpacked(text, BASE)


def test_advice_is_compared_with_as_many_unused_images_by_chance() -> None:
    rows = repair.advice_rows(IMAGES, BASE)
    groups = IMAGES.table["group"]
    assert set(groups[rows]) == set(IMAGES.grouping.minority)
    assert set(IMAGES.table["split"][rows]) == {"val"}
    advised = POOL[:MOST]
    arms = repair.advice_conditions(IMAGES, BASE, advised)
    for conditions in arms.values():
        seeds = [condition.init_seed for condition in conditions]
        assert seeds == [BASE.init_seed + seed for seed in repair.CHANCE]
    drawn = {
        arm: [[edit.picture for edit in condition.changes] for condition in conditions]  # type: ignore[attr-defined]
        for arm, conditions in arms.items()
    }
    assert all(set(rows) == set(advised) for rows in drawn[repair.ADVISED])
    for arm in (repair.ANY_ADDED, repair.LIKE_ADDED):
        assert all(len(set(rows)) == MOST and set(rows) <= set(POOL) for rows in drawn[arm])
        assert len({frozenset(rows) for rows in drawn[arm]}) == len(repair.CHANCE)
    for rows in drawn[repair.LIKE_ADDED]:
        assert sorted(groups[rows]) == sorted(groups[advised])


def test_three_lists_are_trained_and_one_counts() -> None:
    with pytest.raises(LessonError):
        Repair().tried()
    made = added(POOL[0]).tried()
    assert made.tried() == made, "the same list is trained once"
    for row in POOL[1 : limits.REPAIR_TRIES]:
        made = made.put(Add(row)).tried()
    assert made.counts == made.tries[-1] == made.edits
    first = made.choose(made.tries[0])
    assert first.counts == made.tries[0] == added(POOL[0]).edits
    assert first.undo().tried().counts == made.tries[0], "what was chosen stays chosen"
    with pytest.raises(LessonError):
        made.put(Fade(1)).tried()
    with pytest.raises(LessonError):
        made.choose(added(POOL[5]).edits)


def act(now: Repair, what: str, edit: Edit | None) -> Repair:
    if what == "put" and edit is not None:
        return now.put(edit)
    return now.take_back(read_edits(now.edits)[0]) if what == "back" and now.edits else now.undo()


ACTS = st.one_of(
    *(edits.map(lambda one: ("put", one)) for edits in NEAR.values()), st.just(("undo", None))
)


@settings(max_examples=25)
@given(st.lists(ACTS | st.just(("back", None)), max_size=2 * MOST))
def test_whatever_is_tapped_the_list_kept_can_be_trained_or_the_tap_is_a_sentence(
    acts: list[tuple[str, Edit | None]],
) -> None:
    base = BASE.replace(n_per_group=8)
    kept = Repair()
    for what, edit in acts:
        with suppress(LabError):  # anything else is a fault
            kept = checked_change(partial(act, what=what, edit=edit), IMAGES, base)(kept)
        assert kept.edits == canonical_edits(kept.edits)
        assert len(read_edits(kept.edits)) <= MOST
    training = repair.training_set(IMAGES, base.replace(edits=kept.edits))
    assert set(training.rows) <= set(IMAGES.rows("train"))
    assert len(training.table) >= 2


@pytest.mark.parametrize(
    "edit",
    [
        *(kind(row) for row in HELD_OUT.values() for kind in (Add, Remove)),
        Add(CHOSEN[0]),
        Remove(POOL[1]),
        Add(10**6),
        Draw("camel", "beach"),
        Weigh("dog_sofa", 2),
    ],
)
def test_what_cannot_be_trained_is_refused(edit: Edit) -> None:
    with pytest.raises(LabError):
        checked_change(lambda before: before.put(edit), IMAGES, BASE)(added(POOL[0]))


@pytest.mark.usefixtures("empty_home")
def test_phones_share_a_team_that_lets_them_in_and_nobody_changes_anothers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = start().code
    assert [join_team(code, f"student-{number}") for number in (1, 2)] == [1, 2]
    assert join_team(code, "student-3", 1) == join_team(code, "student-3", 2) == 1, "in one team"
    put(code, "student-1", Add(POOL[0]))
    put(code, "student-3", Fade(0.5))
    first, second = teams.teams(code)
    assert team_of(code, "student-1") == team_of(code, "student-3") == first
    assert (first.repair, first.phones, first.welcomes) == (added(POOL[0], Fade(0.5)), 2, True)
    assert second.repair == Repair()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + teams.WELCOME + 1)
    for number in (1, 7):
        with pytest.raises(LessonError, match="no other phone"):
            join_team(code, "student-4", number)
    with pytest.raises(LessonError, match="in no team"):
        put(code, "student-4", Add(POOL[1]))
    with pytest.raises(LessonError, match="from nobody"):
        join_team(code, "'; DROP TABLE repairs --")
    welcome_phones(code, "student-3")
    assert join_team(code, "student-4", 1) == 1
    leave_team(code, "student-2")
    assert [team.number for team in teams.teams(code)] == [1], "it had done nothing"
    for voter in ("student-1", "student-3", "student-4"):
        leave_team(code, voter)
    assert join_team(code, "student-5", 1) == 1, "a list without a phone can be taken up"
    assert teams.teams(code)[0].repair == first.repair


@pytest.mark.usefixtures("empty_home")
def test_lists_are_open_until_the_reveal_and_all_goes_with_the_lesson() -> None:
    lesson = start()
    join_team(lesson.code, "student-1")
    for phase in (REVEALED, UNSEEN):
        move_session(lesson.code, lesson.token, SHORT, phase)
        for action in (
            lambda: put(lesson.code, "student-1", Add(POOL[0])),
            lambda: join_team(lesson.code, "student-2"),
            lambda: leave_team(lesson.code, "student-1"),
            lambda: welcome_phones(lesson.code, "student-1"),
        ):
            with pytest.raises(LessonError, match="closed"):
                action()
    move_session(lesson.code, lesson.token, SHORT, EDITING)
    put(lesson.code, "student-1", Add(POOL[0]))
    delete_session(lesson.code, lesson.token)
    assert teams.teams(lesson.code) == []
    assert team_of(lesson.code, "student-1") is None


@pytest.mark.usefixtures("empty_home")
def test_a_full_lesson_gets_room_where_the_presenter_removes_idle_teams(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "TEAMS", 2)
    lesson = start()
    join_team(lesson.code, "student-1")
    put(lesson.code, "student-1", Weigh("horse_desert", 2))
    join_team(lesson.code, "invented-1")
    with pytest.raises(LessonError, match="2 teams"):
        join_team(lesson.code, "student-2")
    with pytest.raises(LessonError, match="2 teams"):
        add_simulated(lesson.code, lesson.token, ["[]"])
    teams.delete_idle(lesson.code, lesson.token)
    assert [team.number for team in teams.teams(lesson.code)] == [1]
    assert team_of(lesson.code, "invented-1") is None
    assert join_team(lesson.code, "student-2") == 2


@pytest.mark.usefixtures("empty_home")
def test_a_rehearsal_has_teams_of_all_kinds_that_only_the_presenter_makes_and_removes() -> None:
    lesson = start()
    join_team(lesson.code, "student-1")
    for action in (
        lambda token: add_simulated(lesson.code, token, [""]),
        lambda token: teams.delete_simulated(lesson.code, token),
        lambda token: teams.delete_idle(lesson.code, token),
        lambda token: welcome_phones_to_all(lesson.code, token),
    ):
        with pytest.raises(LessonError, match="Only the presenter"):
            action("guess")
    lists = [repair.simulated_list(IMAGES, BASE, number) for number in range(6)]
    assert lists[1] == repair.simulated_list(IMAGES, BASE, 1)
    add_simulated(lesson.code, lesson.token, lists)
    made = teams.teams(lesson.code)
    assert [team.simulated for team in made] == [False] + [True] * 6
    assert [team.repair.counts for team in made[1:]] == lists
    assert {type(one) for text in lists for one in read_edits(text)} == {
        Add,
        Draw,
        Remove,
        Relabel,
        Weigh,
        Fade,
    }
    for text in lists:
        assert 1 <= len(read_edits(text)) <= MOST
        repair.training_set(IMAGES, BASE.replace(edits=text))
    with pytest.raises(LessonError):
        join_team(lesson.code, "student-2", made[1].number)
    teams.delete_simulated(lesson.code, lesson.token)
    assert [team.number for team in teams.teams(lesson.code)] == [1]


def test_what_it_is_held_against_is_the_model_as_it_was_chance_and_the_methods() -> None:
    found = repair.repair_baselines(IMAGES, BASE)
    assert list(found) == ["as it was", "by chance", *METHODS]
    assert found["as it was"] == [BASE]
    assert (BASE.bias, BASE.steps, BASE.labels) == (0.75, 400, "undescriptive")
    assert repair.repair_base(IMAGES, DESCRIPTIVE) == BASE.replace(labels="descriptive")
    assert [len(read_edits(one.edits)) for one in found["by chance"]] == [MOST] * 5
    assert len({one.key for of in found.values() for one in of}) == 9
    assert [found[name][0].mitigation for name in METHODS] == list(METHODS)
    assert not set(repair.drawable_contexts(IMAGES)) & set(HIDDEN_CONTEXTS)


def test_on_a_pretrained_tower_every_model_of_the_lesson_has_it() -> None:
    base = repair.repair_base(IMAGES, SHORT, "pretrained")
    assert (base.frozen_tower, base.text, base.bias, base.steps) == (
        "pretrained",
        "words",
        0.95,
        BASE.steps,
    )
    beside = repair.repair_baselines(IMAGES, base)
    assert list(beside) == ["as it was", "by chance", *METHODS]
    assert {one.frozen_tower for of in beside.values() for one in of} == {"pretrained"}
    for number in range(6):
        repair.training_set(IMAGES, base.replace(edits=repair.simulated_list(IMAGES, base, number)))
    for name, condition in {"scratch": BASE, "pretrained": base}.items():
        assert TOWERS_SEEN[name] in repair.task_text(IMAGES, condition)
