"""Who takes part in a lesson: a door that closes behind the class, and where its votes came
from."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from vlcore.classroom import one_room, teams
from vlcore.classroom.repair import EDITING, REPAIR, SHORT
from vlcore.classroom.session import (
    LessonError,
    Started,
    all_votes,
    close_door,
    delete_session,
    enter_session,
    find_session,
    is_closed,
    move_session,
    reset_votes,
    start_session,
    takes_part,
    vote,
)
from vlcore.classroom.turnout import count_participants, turnout_sentence, votes_by_address
from vlcore.experiment import limits
from vlcore.experiment.edits import Weigh
from vlcore.experiment.files import models_folder

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture
def started() -> Started:
    return start_session("four-experiments", "scenes", "first")


def cast(started: Started, voter: str, step: str = "first", address: str = "10.0.0.1") -> None:
    vote(started.code, step, voter, "object", ("object", "both"), address)


def test_behind_a_closed_door_who_is_in_votes_on_and_nobody_comes(started: Started) -> None:
    cast(started, "has-voted-1")
    assert enter_session(started.code, "looks-on-1", "10.0.0.1")
    close_door(started.code, started.token)
    assert is_closed(started.code)
    assert (
        enter_session(started.code, "newcomer-1"),
        enter_session(started.code, "looks-on-1"),
    ) == (False, True)
    with pytest.raises(LessonError, match="door"):
        cast(started, "newcomer-1")
    move_session(started.code, started.token, "second", "predict")
    for voter in ("has-voted-1", "looks-on-1"):
        cast(started, voter, "second")
    assert all_votes(started.code) == {"first": {"object": 1}, "second": {"object": 2}}
    assert count_participants(started.code) == 2
    close_door(started.code, started.token, closed=False)
    assert enter_session(started.code, "newcomer-1")
    assert takes_part(started.code, "newcomer-1")


def test_only_whoever_leads_closes_a_door_and_that_of_no_other_lesson(started: Started) -> None:
    other = start_session("four-experiments", "scenes", "first")
    for token in ("", other.token):
        with pytest.raises(LessonError, match="Only the presenter"):
            close_door(started.code, token)
    for _ in range(2):
        close_door(other.code, other.token)
    assert not is_closed(started.code)
    assert enter_session(started.code, "newcomer-1")
    delete_session(other.code, other.token)
    assert not is_closed(other.code)


def test_counting_anew_and_a_closed_door_leave_those_of_earlier_questions(started: Started) -> None:
    cast(started, "student-1")
    move_session(started.code, started.token, "second", "predict")
    for voter in ("student-1", "invented-1"):
        cast(started, voter, "second")
    reset_votes(started.code, started.token)
    close_door(started.code, started.token)
    cast(started, "student-1", "second")
    with pytest.raises(LessonError, match="door"):
        cast(started, "invented-1", "second")
    reset_votes(started.code, started.token)
    move_session(started.code, started.token, "third", "predict")
    cast(started, "student-1", "third")
    assert all_votes(started.code) == {"first": {"object": 1}, "third": {"object": 1}}


def test_counting_anew_behind_a_closed_door_locks_nobody_out(started: Started) -> None:
    cast(started, "student-1")
    close_door(started.code, started.token)
    reset_votes(started.code, started.token)
    cast(started, "student-1")
    assert all_votes(started.code) == {"first": {"object": 1}}


def test_teams_and_blocks_have_the_same_door() -> None:
    repair, study = (
        start_session(REPAIR, "scenes", SHORT),
        start_session(one_room.NAME, "scenes", one_room.FIRST),
    )
    assert teams.join_team(repair.code, "student-1") == 1
    for one in (repair, study):
        close_door(one.code, one.token)
    with pytest.raises(LessonError, match="door"):
        teams.join_team(repair.code, "newcomer-1")
    assert teams.join_team(repair.code, "student-1") == 1
    assert find_session(repair.code).phase == EDITING  # type: ignore[union-attr]
    with pytest.raises(LessonError, match="door"):
        vote(study.code, one_room.FIRST, "newcomer-1", "lower", one_room.DIRECTIONS)


def test_whoever_leads_removes_teams_that_nobody_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TEAMS", 3)
    started, other = start_session(REPAIR, "scenes", SHORT), start_session(REPAIR, "scenes", SHORT)
    teams.join_team(other.code, "elsewhere-1")
    assert teams.join_team(started.code, "student-1") == 1
    teams.change_repair(started.code, "student-1", lambda own: own.put(Weigh("horse_desert", 2)))
    for number in range(2):
        teams.join_team(started.code, f"invented-{number}")
    with pytest.raises(LessonError, match="3 teams"):
        teams.join_team(started.code, "student-2")
    with pytest.raises(LessonError, match="Only the presenter"):
        teams.delete_idle(started.code, other.token)
    teams.delete_idle(started.code, started.token)
    assert [team.number for team in teams.teams(started.code)] == [1]
    assert teams.team_of(started.code, "invented-0") is None
    assert teams.join_team(started.code, "student-2") == 2
    assert len(teams.teams(other.code)) == 1


def test_a_lesson_that_is_full_can_be_looked_at(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "VOTERS", 0)
    assert enter_session(started.code, "student-1")
    assert not takes_part(started.code, "student-1")


def test_votes_are_counted_by_address_and_none_is_kept(started: Started) -> None:
    assert votes_by_address(started.code) == []
    for number in range(5):
        cast(started, f"student-{number}", address=f"10.0.0.{number // 4}")
    move_session(started.code, started.token, "second", "predict")
    cast(started, "student-0", "second")
    assert votes_by_address(started.code) == [1], "of this question alone"
    move_session(started.code, started.token, "first", "run")
    assert votes_by_address(started.code) == [4, 1]
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file:
        assert "10.0.0" not in "\n".join(file.iterdump())


@pytest.mark.parametrize(
    ("of", "says"),
    [
        ([], ""),
        ([3], ""),
        ([1] * 31, ""),
        ([4, 4, 3], ""),
        ([5, 2, 2], ""),
        ([31], "31 votes from 31 browsers, all at one address."),
        ([27, 1, 1], "29 votes from 29 browsers, 27 of them at one address, the others at 2."),
    ],
)
def test_what_stands_out_is_a_number(of: list[int], says: str) -> None:
    assert turnout_sentence(of) == says


def test_processes_of_one_server_count_an_address_once() -> None:
    ask = "from vlcore.classroom.session import _anonymous; print(_anonymous('10.0.0.1'))"
    known, other = ({**os.environ, "VLCORE_ADDRESS_KEY": key} for key in ("a" * 32, ""))
    command = [sys.executable, "-c", ask]
    said = [
        subprocess.check_output(command, env=env, text=True) for env in (known, known, other, other)
    ]
    assert (len(set(said[:2])), len(set(said))) == (1, 3)
