"""Lessons of a class: one vote each, counted once, closed when revealed, gone after a day."""

import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from vlcore.artifacts import store
from vlcore.classroom import session as lesson_room
from vlcore.classroom.session import (
    KEPT,
    LIFETIME,
    ClassSession,
    LessonError,
    Origin,
    Started,
    all_votes,
    delete_session,
    find_session,
    is_voter,
    move_session,
    new_voter,
    reset_votes,
    session_transaction,
    start_session,
    takes_part,
    towers_of,
)
from vlcore.classroom.throttle import RateLimit
from vlcore.experiment import limits
from vlcore.experiment.files import HomeError, models_folder
from vlcore.jobs import jobs

pytestmark = pytest.mark.usefixtures("empty_home")
CHOICES = ("object", "both", "context")


def begun() -> Started:
    return start_session("four-experiments", "scenes", "first")


def seen(code: str, voter: str = "", token: str = "") -> ClassSession:
    room = find_session(code, voter, token)
    assert room is not None
    return room


def vote(started: Started, voter: str, choice: str, step: str = "first") -> None:
    lesson_room.vote(started.code, step, voter, choice, CHOICES)


def test_a_code_says_no_word_and_a_new_voter_is_one() -> None:
    codes, names = {begun().code for _ in range(40)}, {new_voter() for _ in range(50)}
    assert (len(codes), len(names)) == (40, 50)
    assert all(len(code) == 4 and set(code) <= set("BCDFGHJKLMPRTWXZ") for code in codes)
    assert all(map(is_voter, names))
    assert not is_voter(None)


def test_looking_at_a_lesson_that_nobody_started_writes_nothing(empty_home: Path) -> None:
    assert find_session("BCDF") is None
    assert all_votes("BCDF") == {}
    assert not list(empty_home.iterdir())
    models_folder().mkdir()
    (models_folder() / ".lessons.sqlite").touch()  # another process is about to make its tables
    assert find_session("BCDF") is None
    assert begun().code


def test_a_lesson_begins_with_its_first_question_and_no_vote() -> None:
    code = begun().code
    for typed in (code, f" {code.lower()} "):
        assert seen(typed) == ClassSession(
            code, "four-experiments", "scenes", "first", "predict", {}, None, leads=False
        )
    assert seen(code).open


@pytest.mark.parametrize(
    "code",
    ["", "ABC", "AAAA", "BCDFG", "' OR 1=1 --", "<b>", "ＢＣＤＦ", "BCDF\n\n\x00", "B" * 100_000],
)
def test_a_hostile_code_is_no_lesson(code: str) -> None:
    begun()
    assert find_session(code) is None
    assert all_votes(code) == {}


def test_only_the_token_leads_and_it_is_not_in_the_file() -> None:
    started = begun()
    for token in ("", "guess", started.code, started.token[:-1], begun().token):
        assert not seen(started.code, token=token).leads
        with pytest.raises(LessonError, match="Only the presenter"):
            move_session(started.code, token, "second", "predict")
    move_session(started.code, started.token, "second", "run")
    room = seen(started.code, token=started.token)
    assert (room.leads, room.step, room.phase) == (True, "second", "run")
    with pytest.raises(LessonError, match="no phase 'end'"):
        move_session(started.code, started.token, "second", "end")
    assert started.token.encode() not in (models_folder() / ".lessons.sqlite").read_bytes()


def test_a_lesson_keeps_the_towers_that_it_was_started_with() -> None:
    usual, pretrained = (
        begun(),
        start_session("repair", "scenes", "short labels", towers="pretrained"),
    )
    assert (seen(usual.code).towers, seen(pretrained.code).towers) == ("scratch", "pretrained")
    move_session(pretrained.code, pretrained.token, "short labels", "run")
    assert seen(f" {pretrained.code.lower()} ").towers == "pretrained"
    with pytest.raises(LessonError, match="No pair of towers"):
        start_session("repair", "scenes", "short labels", towers="timm:resnet18")
    delete_session(pretrained.code, pretrained.token)
    assert towers_of(pretrained.code) == "scratch"


def test_a_lesson_that_was_started_before_there_was_a_choice_is_from_scratch() -> None:
    started = begun()
    vote(started, "somebody-1", "object")
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file, file:
        file.execute("DROP TABLE lesson_towers")
    room = seen(started.code, "somebody-1")
    assert (room.towers, room.votes, room.vote) == ("scratch", 1, "object")
    move_session(started.code, started.token, "first", "run")
    assert seen(started.code).towers == "scratch"


def test_towers_that_no_version_had_are_a_damaged_file() -> None:
    started = begun()
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file, file:
        file.execute("UPDATE lesson_towers SET towers = 'eyes'")
    with pytest.raises(HomeError, match="damaged"):
        find_session(started.code)


def test_a_vote_may_be_changed_and_counts_once() -> None:
    started, other = begun(), begun()
    vote(started, "somebody-1", "object")
    vote(started, "somebody-2", "object")
    vote(started, "somebody-1", "context")
    room = seen(started.code, "somebody-1")
    assert (room.counts, room.votes, room.vote) == ({"object": 1, "context": 1}, 2, "context")
    assert seen(started.code, "somebody-3").vote is None
    room = seen(other.code, "somebody-1")
    assert (room.votes, room.vote) == (0, None), "lessons do not see each other"


def test_votes_close_with_the_answer_and_open_with_the_next_question() -> None:
    started = begun()
    vote(started, "somebody-1", "object")
    move_session(started.code, started.token, "first", "run")
    vote(started, "somebody-1", "both")
    move_session(started.code, started.token, "first", "reveal")
    with pytest.raises(LessonError, match="closed"):
        vote(started, "somebody-1", "context")
    move_session(started.code, started.token, "second", "predict")
    with pytest.raises(LessonError, match="closed"):
        vote(started, "somebody-1", "context", step="first")
    vote(started, "somebody-1", "context", step="second")
    assert all_votes(started.code) == {"first": {"both": 1}, "second": {"context": 1}}
    assert seen(started.code).counts == {"context": 1}, "of this question alone"


@pytest.mark.parametrize(
    ("voter", "choice", "sentence"),
    [
        ("somebody-1", "DROP TABLE votes", "no choice"),
        ("somebody-1", "", "no choice"),
        ("", "object", "nobody"),
        ("short", "object", "nobody"),
        ("x" * 41, "object", "nobody"),
        ("'; DELETE --", "object", "nobody"),
        ("ünïcödé-name", "object", "nobody"),
    ],
)
def test_a_hostile_vote_is_refused_with_a_sentence(voter: str, choice: str, sentence: str) -> None:
    started = begun()
    with pytest.raises(LessonError, match=sentence):
        vote(started, voter, choice)
    assert all_votes(started.code) == {}


def test_a_code_is_good_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    started, now = begun(), time.time()
    vote(started, "somebody-1", "object")
    monkeypatch.setattr(time, "time", lambda: now + LIFETIME + 60)
    assert find_session(started.code) is None
    with pytest.raises(LessonError, match="over"):
        vote(started, "somebody-1", "object")
    with pytest.raises(LessonError, match="within a day"):
        move_session(started.code, started.token, "second", "predict")
    begun()
    assert rows() == (2, 1)
    monkeypatch.setattr(time, "time", lambda: now + KEPT + 60)
    begun()
    assert rows() == (2, 0)


def rows() -> tuple[int, int]:
    """How many lessons and votes the file holds."""
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file:
        count = "SELECT (SELECT COUNT(*) FROM lessons), (SELECT COUNT(*) FROM votes)"
        found: tuple[int, int] = file.execute(count).fetchone()
    return found


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_jumps_deletes_nothing(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started, now = begun(), time.time()
    vote(started, "somebody-1", "object")
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + days * 24 * 3600)
        vote(begun(), "somebody-2", "object")
    vote(started, "somebody-2", "both")
    assert all_votes(started.code) == {"first": {"object": 1, "both": 1}}
    assert seen(started.code, token=started.token).leads


def test_thirty_students_vote_at_once() -> None:
    started, together = begun(), threading.Barrier(30)

    def one(number: int) -> None:
        together.wait()
        vote(started, f"student-{number:02}", CHOICES[number % 3])
        vote(started, f"student-{number:02}", CHOICES[(number + 1) % 3])

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(one, range(30)))
    assert all_votes(started.code) == {"first": {"object": 10, "both": 10, "context": 10}}


def test_one_who_starts_many_lessons_ends_only_own_ones() -> None:
    others = start_session("four-experiments", "scenes", "first", Origin("a-browser-1", "10.0.0.1"))
    mine = [
        start_session("four-experiments", "scenes", "first", Origin("a-browser-2", "10.0.0.1"))
        for _ in range(4)
    ]
    assert [find_session(started.code) is not None for started in mine] == [False, True, True, True]
    vote(mine[1], "somebody-1", "object")
    mine.append(
        start_session("four-experiments", "scenes", "first", Origin("a-browser-2", "10.0.0.1"))
    )
    assert [find_session(started.code) is not None for started in mine] == [
        False,
        True,
        False,
        True,
        True,
    ], "it has votes"
    assert find_session(others.code) is not None


def test_a_flood_from_an_address_takes_no_lesson_away_that_is_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = start_session(
        "four-experiments", "scenes", "first", Origin("elsewhere-1", "10.0.0.2")
    )
    of_class, silent, of_teacher = (
        start_session("four-experiments", "scenes", "first", Origin(name, "10.0.0.1"), stays=stays)
        for name, stays in (("class-room", False), ("a-silent-1", False), ("a-teacher-1", True))
    )
    for number in range(2):
        vote(of_class, f"somebody-{number}", "object")

    def flood(number: int) -> Started:
        started = start_session(
            "four-experiments", "scenes", "first", Origin(f"attacker-{number}", "10.0.0.1")
        )
        vote(started, f"invented-{number}", "both")
        return started

    for number in range(limits.LESSONS_OF_ADDRESS - 3):
        flood(number)
    with pytest.raises(LessonError, match="Too many"):
        flood(100)
    start_session(
        "four-experiments", "scenes", "first", Origin("a-teacher-1", "10.0.0.1"), stays=True
    )
    start_session("four-experiments", "scenes", "first", Origin("elsewhere-2", "10.0.0.2"))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + lesson_room.IDLE + 60)
    flood(101)
    assert not find_session(silent.code), "nobody has touched it for an hour"
    assert all(find_session(started.code) for started in (elsewhere, of_class, of_teacher))
    assert all_votes(of_class.code) == {"first": {"object": 2}}
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file:
        assert not file.execute(
            "SELECT 1 FROM origins WHERE address LIKE '%10.%' OR owner LIKE '%a%-%'"
        ).fetchall()


def test_a_server_has_so_many_lessons_and_the_idle_ones_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "ALL_LESSONS", 2)
    old, voted = begun(), begun()
    for number in range(2):
        vote(voted, f"somebody-{number}", "object")
    with pytest.raises(LessonError, match="Too many"):
        begun()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + lesson_room.IDLE + 60)
    new = begun()
    assert [find_session(started.code) is not None for started in (old, voted, new)] == [
        False,
        True,
        True,
    ]
    with pytest.raises(LessonError, match="Too many"):
        start_session("four-experiments", "scenes", "first", stays=True)
    monkeypatch.setattr(time, "time", lambda: now + 2 * LIFETIME)
    kept = [start_session("four-experiments", "scenes", "first", stays=True) for _ in range(2)]
    monkeypatch.setattr(time, "time", lambda: now + 2 * LIFETIME + 2 * lesson_room.IDLE)
    with pytest.raises(LessonError, match="Too many"):
        begun()
    assert all(find_session(started.code) for started in kept)


def test_an_address_has_many_voters_and_who_has_voted_is_never_locked_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "VOTERS_OF_ADDRESS", 3)
    monkeypatch.setattr(limits, "VOTERS", 5)
    started = begun()

    def cast(voter: str, address: str, choice: str = "object", step: str = "first") -> None:
        lesson_room.vote(started.code, step, voter, choice, CHOICES, address)

    cast("student-1", "10.0.0.1")
    for number in (1, 2):
        cast(f"invented-{number}", "10.0.0.1")
    with pytest.raises(LessonError, match="no newcomers"):
        cast("invented-3", "10.0.0.1")
    cast("student-1", "10.0.0.1", "both")
    move_session(started.code, started.token, "second", "predict")
    cast("student-1", "10.0.0.1", "both", "second")
    cast("student-2", "10.0.0.2", "both", "second")
    cast("student-3", "10.0.0.3", "both", "second")
    with pytest.raises(LessonError, match="no newcomers"):
        cast("student-4", "10.0.0.4", "both", "second")
    assert all_votes(started.code) == {"first": {"object": 2, "both": 1}, "second": {"both": 3}}


def test_invented_voters_come_slowly_and_whoever_leads_counts_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    limit = RateLimit(limits.VOTERS_AT_ONCE, 1, lambda: now[0])
    monkeypatch.setattr(lesson_room, "_new_voters", limit)
    started, other = begun(), begun()

    def cast(
        voter: str, step: str = "first", address: str = "10.0.0.1", of: Started = started
    ) -> None:
        lesson_room.vote(of.code, step, voter, "object", CHOICES, address)

    cast("student-1")
    move_session(started.code, started.token, "second", "predict")
    for number in range(limits.VOTERS_AT_ONCE - 1):
        cast(f"invented-{number}", "second")
    with pytest.raises(LessonError, match="few seconds"):
        cast("student-2", "second")
    cast("student-1", "second")
    cast("student-2", "second", "10.0.0.2")
    cast("student-2", of=other)
    now[0] = 1.0
    cast("student-3", "second")
    for token in ("", other.token):
        with pytest.raises(LessonError, match="Only the presenter"):
            reset_votes(started.code, token)
    monkeypatch.setattr(limits, "VOTERS", 2)
    reset_votes(started.code, started.token)
    assert all_votes(started.code) == {"first": {"object": 1}}
    assert all_votes(other.code) == {"first": {"object": 1}}, "of this lesson alone"
    now[0] = 2.0
    cast("student-4", "second")
    assert seen(started.code).counts == {"object": 1}


def test_a_presenter_deletes_a_lesson_with_the_tables_of_its_kind_and_nobody_elses() -> None:
    started, other = begun(), begun()
    own = ("CREATE TABLE IF NOT EXISTS dots (code TEXT, place INTEGER)",)
    assert lesson_room.query_rows("SELECT place FROM dots WHERE code = ?", (started.code,)) == [], (
        "no such table yet"
    )
    for number, one in enumerate((started, other)):
        vote(one, "somebody-1", "object")
        with session_transaction(one.code, own) as file:
            file.execute("INSERT INTO dots VALUES (?, ?)", (one.code, number))
    for token in ("", other.token):
        with pytest.raises(LessonError, match="Only the presenter"):
            delete_session(started.code, token)
    assert takes_part(started.code, "somebody-1")
    delete_session(started.code, started.token)
    assert find_session(started.code) is None
    assert not takes_part(started.code, "somebody-1")
    assert lesson_room.query_rows("SELECT code, place FROM dots WHERE TRUE = ?", (1,)) == [
        (other.code, 1)
    ]
    assert all_votes(other.code) == {"first": {"object": 1}}
    with pytest.raises(LessonError, match="over"), session_transaction(started.code, own):
        pass
    with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as kept:
        tables = [
            name for (name,) in kept.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            assert not kept.execute(
                f"SELECT 1 FROM {table} WHERE code = ?", (started.code,)
            ).fetchall()


def test_a_damaged_file_is_named_and_models_and_clean_do_not_see_it() -> None:
    started = begun()
    assert store.published_keys() == store.model_keys() == []
    jobs.clean()
    assert find_session(started.code) is not None
    (models_folder() / ".lessons.sqlite").write_bytes(b"no database " * 500)
    with pytest.raises(HomeError, match=r"\.lessons\.sqlite is damaged.*delete it"):
        find_session(started.code)
    with pytest.raises(HomeError, match="damaged"):
        vote(started, "somebody-1", "object")


def test_a_file_with_bytes_of_another_is_a_sentence_or_a_lesson() -> None:
    """Flipped bits, foreign bytes, and a file that was cut: of 600, 2 or 3 are no UTF-8 where the
    tables are named."""
    started = begun()
    vote(started, "somebody-1", "object")
    file, chance = models_folder() / ".lessons.sqlite", random.Random(0)
    sound = file.read_bytes()
    for number in range(600):
        content = bytearray(sound)
        place = (
            chance.randrange(len(content)) if number % 2 else chance.randrange(1200)
        )  # the head has the tables
        if number % 3 == 0:
            content[place] ^= 1 << chance.randrange(8)
        elif number % 3 == 1:
            content[place : place + 40] = chance.randbytes(40)
        else:
            del content[place:]
        file.write_bytes(content)
        for use in (
            lambda: find_session(started.code, "somebody-1", started.token),
            lambda: all_votes(started.code),
            lambda: vote(started, "somebody-1", "both"),
        ):
            try:
                use()
            except (HomeError, LessonError):
                file.with_name(f"{file.name}-journal").unlink(missing_ok=True)


def test_a_lesson_that_cannot_be_is_damage() -> None:
    started = begun()
    for change in ("phase = 'nonsense'", "phase = 'predict', token = x'ff'"):
        with closing(sqlite3.connect(models_folder() / ".lessons.sqlite")) as file, file:
            file.execute(f"UPDATE lessons SET {change}")
        with pytest.raises(HomeError, match="damaged"):
            find_session(started.code)
