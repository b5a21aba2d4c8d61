"""Class sessions: one vote each, closed when revealed, gone after a day, with a door."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from vlcore.artifacts import store
from vlcore.classroom import one_room, repair, session
from vlcore.classroom.session import (
    IDLE,
    KEPT,
    LIFETIME,
    ClassSession,
    LessonError,
    Started,
    VisitorOrigin,
    all_votes,
    close_door,
    count_participants,
    delete_expired,
    delete_session,
    enter_session,
    find_session,
    is_closed,
    is_voter,
    move_session,
    new_voter,
    reset_votes,
    start_session,
    takes_part,
    turnout_sentence,
    votes_by_address,
)
from vlcore.experiment import limits
from vlcore.experiment.files import HomeError, models_folder
from vlcore.jobs import jobs

pytestmark = pytest.mark.usefixtures("empty_home")
CHOICES = ("object", "both", "context")


def start(owner: str = "", address: str = "10.0.0.1", *, stays: bool = False) -> Started:
    who = VisitorOrigin(owner, address) if owner else None
    return start_session("four-experiments", "scenes", "first", who, stays=stays)


@pytest.fixture
def started() -> Started:
    return start()


def state(code: str, voter: str = "", token: str = "") -> ClassSession:
    room = find_session(code, voter, token)
    assert room is not None
    return room


def vote(
    started: Started,
    voter: str,
    choice: str = "object",
    step: str = "first",
    address: str = "10.0.0.1",
) -> None:
    session.vote(started.code, step, voter, choice, CHOICES, address)


def query(text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file:
        return file.execute(text).fetchall()


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + seconds)


def test_a_code_spells_no_word_and_a_new_voter_has_a_name() -> None:
    codes, names = {start().code for _ in range(40)}, {new_voter() for _ in range(50)}
    assert (len(codes), len(names)) == (40, 50)
    assert all(len(code) == 4 and set(code) <= set("BCDFGHJKLMPRTWXZ") for code in codes)
    assert all(map(is_voter, names))


def test_looking_at_a_session_that_nobody_started_writes_nothing(empty_home: Path) -> None:
    assert find_session("BCDF") is None
    assert all_votes("BCDF") == {}
    delete_expired()
    assert not list(empty_home.iterdir())
    models_folder().mkdir()
    (models_folder() / ".lessons.sqlite").touch()  # another process is about to make its tables
    assert find_session("BCDF") is None
    assert start().code


@pytest.mark.parametrize("towers", ["scratch", "pretrained"])
def test_a_session_begins_with_its_first_question_and_no_vote(towers: str) -> None:
    code = start_session("repair", "scenes", "first", towers=towers).code
    for typed in (code, f" {code.lower()} "):
        assert state(typed) == ClassSession(
            code, "repair", "scenes", "first", "predict", {}, None, leads=False, towers=towers
        )


@pytest.mark.parametrize(
    "code",
    ["", "ABC", "AAAA", "BCDFG", "' OR 1=1 --", "<b>", "ＢＣＤＦ", "BCDF\n\n\x00", "B" * 100_000],
)
def test_a_hostile_code_is_no_session(started: Started, code: str) -> None:
    assert find_session(code) is None
    assert all_votes(code) == {}


def test_only_the_token_leads_and_it_is_not_in_the_file(started: Started) -> None:
    for token in ("", "guess", started.code, started.token[:-1], start().token):
        assert not state(started.code, token=token).leads
        for action in (
            lambda token=token: move_session(started.code, token, "second", "predict"),
            lambda token=token: reset_votes(started.code, token),
            lambda token=token: close_door(started.code, token),
            lambda token=token: delete_session(started.code, token),
        ):
            with pytest.raises(LessonError, match="Only the presenter"):
                action()
    move_session(started.code, started.token, "second", "run")
    room = state(started.code, token=started.token)
    assert (room.leads, room.step, room.phase) == (True, "second", "run")
    with pytest.raises(LessonError, match="no phase 'end'"):
        move_session(started.code, started.token, "second", "end")
    assert started.token.encode() not in (models_folder() / ".lessons.sqlite").read_bytes()


def test_a_vote_may_be_changed_and_counts_once(started: Started) -> None:
    other = start()
    for voter, choice in (("student-1", "object"), ("student-2", "object"), ("student-1", "both")):
        vote(started, voter, choice)
    room = state(started.code, "student-1")
    assert (room.counts, room.votes, room.vote) == ({"object": 1, "both": 1}, 2, "both")
    assert state(started.code, "student-3").vote is None
    assert state(other.code, "student-1").counts == {}, "sessions do not see each other"


def test_votes_close_with_the_answer_and_open_with_the_next_question(started: Started) -> None:
    vote(started, "student-1", "object")
    move_session(started.code, started.token, "first", "run")
    vote(started, "student-1", "both")
    move_session(started.code, started.token, "first", "reveal")
    with pytest.raises(LessonError, match="closed"):
        vote(started, "student-1", "context")
    move_session(started.code, started.token, "second", "predict")
    with pytest.raises(LessonError, match="closed"):
        vote(started, "student-1", "context", step="first")
    vote(started, "student-1", "context", step="second")
    assert all_votes(started.code) == {"first": {"both": 1}, "second": {"context": 1}}
    assert state(started.code).counts == {"context": 1}, "of this question alone"


@pytest.mark.parametrize(
    ("voter", "choice", "sentence"),
    [
        ("student-1", "DROP TABLE votes", "no choice"),
        ("", "object", "nobody"),
        ("short", "object", "nobody"),
        ("x" * 41, "object", "nobody"),
        ("'; DELETE --", "object", "nobody"),
        ("ünïcödé-name", "object", "nobody"),
    ],
)
def test_a_hostile_vote_is_refused(
    started: Started, voter: str, choice: str, sentence: str
) -> None:
    with pytest.raises(LessonError, match=sentence):
        vote(started, voter, choice)
    assert all_votes(started.code) == {}


def test_a_code_is_valid_for_a_day(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = "SELECT (SELECT COUNT(*) FROM lessons), (SELECT COUNT(*) FROM votes)"
    vote(started, "student-1")
    later(monkeypatch, LIFETIME + 60)
    assert find_session(started.code) is None
    with pytest.raises(LessonError, match="over"):
        vote(started, "student-1")
    with pytest.raises(LessonError, match="over"):
        move_session(started.code, started.token, "second", "predict")
    start()
    assert query(counts) == [(2, 1)]
    later(monkeypatch, KEPT - LIFETIME)
    delete_expired()
    assert query(counts) == [(1, 0)]


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_jumps_deletes_nothing(
    started: Started, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote(started, "student-1")
    with monkeypatch.context() as patch:
        later(patch, days * 24 * 3600)
        vote(start(), "student-2")
    vote(started, "student-2", "both")
    assert all_votes(started.code) == {"first": {"object": 1, "both": 1}}
    assert state(started.code, token=started.token).leads


def test_thirty_students_vote_at_once(started: Started) -> None:
    together = threading.Barrier(30)

    def twice(number: int) -> None:
        together.wait()
        vote(started, f"student-{number:02}", CHOICES[number % 3])
        vote(started, f"student-{number:02}", CHOICES[(number + 1) % 3])

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(twice, range(30)))
    assert all_votes(started.code) == {"first": {"object": 10, "both": 10, "context": 10}}


def test_an_owner_of_many_sessions_ends_own_ones_without_votes() -> None:
    other = start("a-browser-1")
    mine = [start("a-browser-2") for _ in range(4)]
    assert [find_session(one.code) is not None for one in mine] == [False, True, True, True]
    vote(mine[1], "student-1")
    start("a-browser-2")
    assert [find_session(one.code) is not None for one in mine] == [False, True, False, True]
    assert find_session(other.code)


def test_an_owner_of_many_sessions_keeps_a_repair_without_votes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, older = start("a-browser-1"), start("a-browser-1")
    for session_with_votes in (older, old):
        vote(session_with_votes, "student-1")
    later(monkeypatch, IDLE + 60)
    of_teams = start("a-browser-1")
    repair.join(of_teams.code, "student-1")
    start("a-browser-1")
    assert find_session(older.code) is None
    assert find_session(old.code)
    assert find_session(of_teams.code)
    start("a-browser-1")
    assert find_session(of_teams.code)
    start("a-browser-1")
    assert find_session(of_teams.code), "of those of this hour nobody takes part in the others"


def test_a_flood_from_an_address_ends_no_session_that_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "LESSONS_OF_ADDRESS", 5)
    elsewhere, of_class = start("elsewhere-1", "10.0.0.2"), start("class-room")
    silent, of_teacher = start("a-silent-1"), start("a-teacher-1", stays=True)
    for number in range(2):
        vote(of_class, f"student-{number}")
    for number in range(2):
        vote(start(f"attacker-{number}"), f"invented-{number}", "both")
    with pytest.raises(LessonError, match="Too many"):
        start("attacker-9")
    start("a-teacher-1", stays=True)
    start("elsewhere-2", "10.0.0.2")
    later(monkeypatch, IDLE + 60)
    start("attacker-9")
    assert not find_session(silent.code), "nobody has touched it for an hour"
    assert all(find_session(one.code) for one in (elsewhere, of_class, of_teacher))
    assert all_votes(of_class.code) == {"first": {"object": 2}}
    assert not query("SELECT 1 FROM origins WHERE address LIKE '%10.%' OR owner LIKE '%a%-%'")


def test_a_full_server_ends_idle_sessions_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ALL_LESSONS", 2)
    old, of_teacher = start(), start(stays=True)
    with pytest.raises(LessonError, match="Too many"):
        start()
    later(monkeypatch, IDLE + 60)
    new = start()
    assert find_session(old.code) is None
    assert find_session(of_teacher.code)
    assert find_session(new.code)
    with pytest.raises(LessonError, match="Too many"):
        start(stays=True)


def test_an_address_has_many_voters_and_those_admitted_are_never_locked_out(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "VOTERS_OF_ADDRESS", 3)
    monkeypatch.setattr(limits, "VOTERS", 5)
    for voter in ("student-1", "invented-1", "invented-2"):
        vote(started, voter)
    with pytest.raises(LessonError, match="no newcomers"):
        vote(started, "invented-3")
    vote(started, "student-1", "both")
    for number in (2, 3):
        vote(started, f"student-{number}", address=f"10.0.0.{number}")
    with pytest.raises(LessonError, match="no newcomers"):
        vote(started, "student-4", address="10.0.0.4")
    assert enter_session(started.code, "student-4", "10.0.0.4"), "it may look on"
    assert not takes_part(started.code, "student-4")
    assert all_votes(started.code) == {"first": {"object": 4, "both": 1}}


def test_a_closed_door_keeps_newcomers_out_and_participants_in(started: Started) -> None:
    other = start()
    vote(started, "has-voted-1")
    assert enter_session(started.code, "looks-on-1")
    close_door(started.code, started.token)
    assert (is_closed(started.code), is_closed(other.code)) == (True, False)
    assert not enter_session(started.code, "newcomer-1")
    assert enter_session(started.code, "looks-on-1")
    with pytest.raises(LessonError, match="admits nobody new"):
        vote(started, "newcomer-1")
    move_session(started.code, started.token, "second", "predict")
    for voter in ("has-voted-1", "looks-on-1"):
        vote(started, voter, step="second")
    assert count_participants(started.code) == 2
    close_door(started.code, started.token, closed=False)
    assert enter_session(started.code, "newcomer-1")


def test_counting_anew_forgets_voters_of_this_question_alone(started: Started) -> None:
    other = start()
    vote(other, "student-1")
    vote(started, "student-1")
    move_session(started.code, started.token, "second", "predict")
    for voter in ("student-1", "invented-1"):
        vote(started, voter, step="second")
    reset_votes(started.code, started.token)
    close_door(started.code, started.token)
    vote(started, "student-1", step="second")
    with pytest.raises(LessonError, match="admits nobody new"):
        vote(started, "invented-1", step="second")
    reset_votes(started.code, started.token)
    vote(started, "student-1", step="second")  # a closed session locks nobody out
    assert all_votes(started.code) == {"first": {"object": 1}, "second": {"object": 1}}
    assert all_votes(other.code) == {"first": {"object": 1}}


def test_teams_and_class_studies_have_the_same_door() -> None:
    team = start_session(repair.REPAIR, "scenes", repair.STEP)
    study = start_session(one_room.NAME, "scenes", one_room.FIRST)
    repair.join(team.code, "student-1")
    for one in (team, study):
        close_door(one.code, one.token)
    with pytest.raises(LessonError, match="admits nobody new"):
        repair.join(team.code, "newcomer-1")
    repair.change(team.code, "student-1", lambda before: before)
    with pytest.raises(LessonError, match="admits nobody new"):
        session.vote(study.code, one_room.FIRST, "newcomer-1", "lower", one_room.DIRECTIONS)


def test_votes_are_counted_by_address_and_no_address_is_stored(started: Started) -> None:
    for number in range(5):
        vote(started, f"student-{number}", address=f"10.0.0.{number // 4}")
    move_session(started.code, started.token, "second", "predict")
    vote(started, "student-0", step="second")
    assert votes_by_address(started.code) == [1], "of this question alone"
    move_session(started.code, started.token, "first", "run")
    assert votes_by_address(started.code) == [4, 1]
    assert "10.0.0" not in str(query("SELECT * FROM voters, origins"))


@pytest.mark.parametrize("votes", [[], [3], [1] * 31, [5, 2, 2]])
def test_where_no_address_stands_out_nothing_is_said(votes: list[int]) -> None:
    assert turnout_sentence(votes) == ""


def test_a_presenter_deletes_all_of_a_session_and_nobody_elses(started: Started) -> None:
    other = start()
    for one in (started, other):
        vote(one, "student-1")
        close_door(one.code, one.token)
        one_room.record_look(one.code, one_room.CLASS, 2, 0.5)
    delete_session(started.code, started.token)
    assert find_session(started.code) is None
    assert all_votes(other.code) == {"first": {"object": 1}}
    assert one_room.looks_of(other.code) == {2: 0.5}
    for (table,) in query("SELECT name FROM sqlite_master WHERE type = 'table'"):
        assert not query(f"SELECT 1 FROM {table} WHERE code = '{started.code}'")


def test_a_damaged_file_is_a_sentence_and_models_and_clean_do_not_see_it(started: Started) -> None:
    assert store.published_keys() == store.model_keys() == []
    jobs.clean_leftovers()
    assert find_session(started.code) is not None
    (models_folder() / ".lessons.sqlite").write_bytes(b"no database " * 500)
    with pytest.raises(HomeError, match=r"\.lessons\.sqlite is damaged.*delete it"):
        find_session(started.code)
    with pytest.raises(HomeError, match="damaged"):
        vote(started, "student-1")
