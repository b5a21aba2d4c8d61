"""Lessons for a class: where the presenter is, and what the room voted, without names.

One small SQLite file beside the models is the truth: a refresh, a second process and thirty phones
see the same. A lesson is over after a day and gone after a week: a clock that was set wrong ends
none for good. A lesson that is more than questions keeps tables of its own in the file, each with a
column `code`, by `rows`, `inside` and `led`; they go with it. Functions raise a HomeError where the
file cannot be read or written."""

import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vlcore.classroom import tower_pairs
from vlcore.classroom.throttle import RateLimit
from vlcore.experiment import limits
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import HomeError, make_folder, models_folder
from vlcore.experiment.options import TOWERS

PHASES = ("predict", "run", "reveal")
LIFETIME = 24 * 3600.0  # seconds that a code is good for
IDLE = 3600.0  # seconds without a touch after which a lesson of others may make room
KEPT = 8 * 24 * 3600.0  # seconds after which a lesson is deleted
_KEY = os.environ.get("VLCORE_ADDRESS_KEY", "").encode() or secrets.token_bytes(16)
_LETTERS = "BCDFGHJKLMPRTWXZ"  # no vowels, so no words; none that looks like another
_CODE = re.compile(f"[{_LETTERS}]{{4}}")
_VOTER = re.compile(r"[A-Za-z0-9_-]{8,40}", re.ASCII)
_WAIT = 20.0  # seconds for another writer to finish
_new_voters = RateLimit(limits.VOTERS_AT_ONCE, per_second=1)
_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS lessons (code TEXT PRIMARY KEY, lesson TEXT NOT NULL, data TEXT"
        " NOT NULL, token TEXT NOT NULL, created REAL NOT NULL, step TEXT NOT NULL, phase TEXT NOT"
        " NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS votes (code TEXT NOT NULL, lesson TEXT NOT NULL, step TEXT NOT"
        " NULL, voter TEXT NOT NULL, choice TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (code,"
        " step, voter)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS origins (code TEXT PRIMARY KEY, owner TEXT NOT NULL, address"
        " TEXT NOT NULL, stays INTEGER NOT NULL, touched REAL NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS voters (code TEXT NOT NULL, voter TEXT NOT NULL, address TEXT"
        " NOT NULL, PRIMARY KEY (code, voter)) WITHOUT ROWID"
    ),
    "CREATE TABLE IF NOT EXISTS closed (code TEXT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS lesson_towers (code TEXT PRIMARY KEY, towers TEXT NOT NULL)",
)


class LessonError(LabError):
    """Something that a lesson does not allow; the message says why."""


class Origin(NamedTuple):
    """Whose a lesson is: the name of a browser, and the address that it comes from."""

    owner: str
    address: str


class Started(NamedTuple):
    """A lesson that has just been started: its code is for the room, its token for the presenter
    alone."""

    code: str
    token: str


@dataclass(frozen=True)
class ClassSession:
    """A lesson as it stands now, and where its presenter is in it."""

    code: str
    lesson: str
    data: str
    step: str
    phase: str
    counts: dict[str, int]  # votes of this step by choice; choices that nobody took are left out
    own: str | None  # the choice of whoever asked
    leads: bool  # whether whoever asked is the presenter
    towers: str = (
        tower_pairs.USUAL
    )  # of the models that are trained in it, a name of `vlcore.experiment.options.TOWERS`

    @property
    def votes(self) -> int:
        return sum(self.counts.values())

    @property
    def open(self) -> bool:
        """Whether votes still count."""
        return self.phase != "reveal"


def new_voter() -> str:
    """A random name for somebody who has none."""
    return secrets.token_urlsafe(9)


def is_voter(text: str | None) -> bool:
    """Whether a text from an address can be a voter's name."""
    return bool(text and _VOTER.fullmatch(text))


def tidy_code(code: str | None) -> str:
    """A code as somebody types it, in capitals; empty where it cannot be one."""
    text = (code or "").strip().upper()
    return text if _CODE.fullmatch(text) else ""


def start_session(
    lesson: str,
    data: str,
    step: str,
    who: Origin | None = None,
    *,
    stays: bool = False,
    towers: str = tower_pairs.USUAL,
) -> Started:
    """Start a lesson for a class at its first step, with a pair of towers for all models that it
    trains.

    Where whoever starts it has too many open, another own one ends: of those that nobody votes in,
    else of all, the one that was touched last longest ago. Where all at the address or all of this
    server have, so does one of theirs, but none that is in use: two have voted in it, or it was
    touched within an hour. None ends that `stays`, as a teacher's does. A LessonError where none
    may end, and for towers that nobody offers."""
    if towers not in TOWERS:
        raise LessonError(
            f"No pair of towers is named {towers!r}; choose one of {', '.join(TOWERS)}."
        )
    token = secrets.token_urlsafe(12)
    with _open(write=True) as file:
        _delete(file, "created < ?", time.time() - KEPT)
        owner, address = (_of_now(name) for name in who or Origin("", ""))
        if who and not stays:
            _make_room(file, limits.LESSONS, "o.owner = :name", owner, own=True)
            _make_room(file, limits.LESSONS_OF_ADDRESS, "o.address = :name", address)
        _make_room(file, limits.ALL_LESSONS, "TRUE")
        taken = {code for (code,) in file.execute("SELECT code FROM lessons")}
        while (code := "".join(secrets.choice(_LETTERS) for _ in range(4))) in taken:
            pass
        values = (code, lesson, data, _secret(token), time.time(), step, PHASES[0])
        file.execute("INSERT INTO lessons VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        file.execute("INSERT OR REPLACE INTO lesson_towers VALUES (?, ?)", (code, towers))
        file.execute(
            "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?)",
            (code, owner, address, stays, time.time()),
        )
    return Started(code, token)


def find_session(code: str, voter: str = "", token: str = "") -> ClassSession | None:
    """A lesson as it stands, as a voter or the holder of a token sees it; None where there is none,
    or it is over."""
    code = tidy_code(code)
    found = query_rows(
        "SELECT l.lesson, l.data, l.step, l.phase, l.token, v.choice, COUNT(v.voter), MAX(v.voter ="
        " ?) FROM lessons l LEFT JOIN votes v ON v.code = l.code AND v.step = l.step WHERE l.code ="
        " ? AND l.created > ? GROUP BY v.choice",
        (voter, code, time.time() - LIFETIME),
    )
    if not found:
        return None
    lesson, data, step, phase, secret = found[0][:5]
    if phase not in PHASES or not all(isinstance(text, str) for text in found[0][:5]):
        raise _damaged("a lesson that cannot be")
    counts = {choice: count for *_, choice, count, _ in found if count}
    own = next((choice for *_, choice, _, mine in found if mine), None)
    leads = hmac.compare_digest(_secret(token).encode(), secret.encode())
    return ClassSession(code, lesson, data, step, phase, counts, own, leads, towers_of(code))


def towers_of(code: str) -> str:
    """The pair of towers that a lesson was started with; the usual one where it was started before
    there was a choice."""
    stored = query_rows("SELECT towers FROM lesson_towers WHERE code = ?", (tidy_code(code),))
    towers = str(stored[0][0]) if stored else tower_pairs.USUAL
    if towers not in TOWERS:
        raise _damaged(f"a lesson on towers {towers!r}")
    return towers


def takes_part(code: str, voter: str) -> bool:
    """Whether somebody has voted in a lesson, or was admitted to it."""
    return bool(
        query_rows("SELECT 1 FROM voters WHERE code = ? AND voter = ?", (tidy_code(code), voter))
    )


def is_closed(code: str) -> bool:
    """Whether the door of a lesson is closed: nobody new takes part."""
    return bool(query_rows("SELECT 1 FROM closed WHERE code = ?", (tidy_code(code),)))


def enter_session(code: str, voter: str, address: str = "") -> bool:
    """Come into a lesson, as by opening its page; whether somebody may look on, as all may but who
    comes to a closed door. Who cannot be admitted now, where many are, is as soon as they do
    something."""
    with suppress(LabError), session_transaction(code) as file:
        admit(file, code, voter, address)
    return not is_closed(code) or takes_part(code, voter)


def close_door(code: str, token: str, *, closed: bool = True) -> None:
    """Let nobody new take part in a lesson, or open its door again; a LessonError for all but its
    presenter."""
    query = (
        "INSERT OR IGNORE INTO closed VALUES (?)" if closed else "DELETE FROM closed WHERE code = ?"
    )
    with presenter_transaction(code, token) as file:
        file.execute(query, (tidy_code(code),))


def move_session(code: str, token: str, step: str, phase: str) -> None:
    """Move a lesson, and the room with it; a LessonError for all but its presenter, and for a phase
    that is none."""
    if phase not in PHASES:
        raise LessonError(f"A step has no phase {phase!r}; it has {', '.join(PHASES)}.")
    with presenter_transaction(code, token) as file:
        file.execute(
            "UPDATE lessons SET step = ?, phase = ? WHERE code = ?", (step, phase, tidy_code(code))
        )


def reset_votes(code: str, token: str) -> None:
    """Forget the votes of the question where a lesson is, and who has voted in no other unless its
    door is closed; a LessonError for all but its presenter."""
    with presenter_transaction(code, token) as file:
        query = (
            "DELETE FROM votes WHERE code = ? AND step = (SELECT step FROM lessons l WHERE l.code ="
            " votes.code)"
        )
        file.execute(query, (tidy_code(code),))
        if not file.execute("SELECT 1 FROM closed WHERE code = ?", (tidy_code(code),)).fetchone():
            query = (
                "DELETE FROM voters WHERE code = ? AND voter NOT IN (SELECT voter FROM votes v"
                " WHERE v.code = ?)"
            )
            file.execute(query, (tidy_code(code), tidy_code(code)))


def delete_session(code: str, token: str) -> None:
    """Delete a lesson with everything that is kept of it; a LessonError for all but its
    presenter."""
    with presenter_transaction(code, token) as file:
        _delete(file, "code = ?", tidy_code(code))


@contextmanager
def presenter_transaction(
    code: str, token: str, tables: Sequence[str] = ()
) -> Iterator[sqlite3.Connection]:
    """The file as of `inside`, for whoever leads a lesson; a LessonError for all others."""
    with _open(write=True, tables=tables) as file:
        query = "SELECT 1 FROM lessons WHERE code = ? AND token = ? AND created > ?"
        if not file.execute(
            query, (tidy_code(code), _secret(token), time.time() - LIFETIME)
        ).fetchone():
            raise LessonError(
                "Only the presenter moves a lesson, with the link that started it, within a day."
            )
        yield file
        _touch(file, code)


@contextmanager
def session_transaction(code: str, tables: Sequence[str] = ()) -> Iterator[sqlite3.Connection]:
    """The file, to write in what belongs to a lesson, in a transaction that no other writer is in;
    the lesson counts as touched. The `tables`, statements that create what is not there, are those
    of this kind of lesson. A LessonError where it is over."""
    with _open(write=True, tables=tables) as file:
        query = "SELECT 1 FROM lessons WHERE code = ? AND created > ?"
        if not file.execute(query, (tidy_code(code), time.time() - LIFETIME)).fetchone():
            raise LessonError("This lesson is over; codes are good for a day.")
        yield file
        _touch(file, code)


def admit(file: sqlite3.Connection, code: str, voter: str, address: str = "") -> None:
    """Let somebody take part in a lesson, as who has before always may; LessonError for a name that
    is none, where the door is closed, or where many others have from an address already, or do
    now."""
    if not is_voter(voter):
        raise LessonError("This comes from nobody; open the lesson's link again.")
    code = tidy_code(code)
    if not file.execute(
        "SELECT 1 FROM voters WHERE code = ? AND voter = ?", (code, voter)
    ).fetchone():
        if file.execute("SELECT 1 FROM closed WHERE code = ?", (code,)).fetchone():
            raise LessonError("The door of this lesson is closed; the lecturer can open it again.")
        query = "SELECT COUNT(*), COALESCE(SUM(address = ?), 0) FROM voters WHERE code = ?"
        everywhere, there = file.execute(query, (_of_now(address), code)).fetchone()
        if everywhere >= limits.VOTERS or (address and there >= limits.VOTERS_OF_ADDRESS):
            raise LessonError("Very many take part in this lesson already; no newcomers are taken.")
        if address and not _new_voters.take(f"{code} {address}"):
            raise LessonError("Many come at this moment; try again in a few seconds.")
        file.execute("INSERT INTO voters VALUES (?, ?, ?)", (code, voter, _of_now(address)))


def vote(
    code: str, step: str, voter: str, choice: str, choices: Sequence[str], address: str = ""
) -> None:
    """Vote, or change a vote, in the step where the lesson is; LessonError where that is over, or
    none can be, or as of `admit`."""
    code = tidy_code(code)
    if choice not in choices:
        raise LessonError(f"There is no choice {choice!r} here; choose one that is shown.")
    with session_transaction(code) as file:
        lesson, at, phase = file.execute(
            "SELECT lesson, step, phase FROM lessons WHERE code = ?", (code,)
        ).fetchone()
        if at != step or phase == "reveal":
            raise LessonError("The votes on this question are closed.")
        admit(file, code, voter, address)
        values = (code, lesson, step, voter, choice, time.time())
        file.execute("INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?, ?, ?)", values)


def all_votes(code: str) -> dict[str, dict[str, int]]:
    """All votes of a lesson: step to choice to their number."""
    found: dict[str, dict[str, int]] = {}
    query = "SELECT step, choice, COUNT(*) FROM votes WHERE code = ? GROUP BY step, choice"
    for step, choice, count in query_rows(query, (tidy_code(code),)):
        found.setdefault(step, {})[choice] = count
    return found


def _make_room(
    file: sqlite3.Connection, most: int, of: str, name: str = "", *, own: bool = False
) -> None:
    """End lessons until one more may be open, of those that a condition on their origin names."""
    query = f"""
        SELECT l.code, COALESCE(o.stays, 0) OR NOT :own AND (COALESCE(o.touched, l.created) > :hour
        OR (SELECT COUNT(*) FROM voters r WHERE r.code = l.code) > 1) AS kept
        FROM lessons l LEFT JOIN origins o ON o.code = l.code
        WHERE l.created > :day AND {of} ORDER BY kept,
        EXISTS (SELECT 1 FROM votes v WHERE v.code = l.code), COALESCE(o.touched, l.created)
    """  # noqa: S608  # the conditions stand in this module
    now = time.time()
    values = {"own": own, "name": name, "day": now - LIFETIME, "hour": now - IDLE}
    is_open = file.execute(query, values).fetchall()
    for code, kept in is_open[: max(0, len(is_open) - most + 1)]:
        if kept:
            more = " Whoever is signed in as a teacher may start more." * bool(name)
            raise LessonError(
                f"Too many lessons are open; each ends a day after it was started.{more}"
            )
        _delete(file, "code = ?", code)


def _delete(file: sqlite3.Connection, which: str, value: object) -> None:
    codes = f"(SELECT code FROM lessons WHERE {which})"  # noqa: S608  # the conditions stand in this module
    tables = [
        name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    for table in sorted(tables, key="lessons".__eq__):  # the others by what stands in it
        file.execute(f'DELETE FROM "{table}" WHERE code IN {codes}', (value,))  # noqa: S608


def _touch(file: sqlite3.Connection, code: str) -> None:
    file.execute("UPDATE origins SET touched = ? WHERE code = ?", (time.time(), tidy_code(code)))


def _of_now(name: str) -> str:
    """What is kept of a name or an address: it is the same as long as this process lives, and in
    all that one `serve` began, and tells nobody more."""
    return hmac.new(_KEY, name.encode(), "sha256").hexdigest()[:16] if name else ""


def _secret(token: str) -> str:
    """What is kept of a token: a reader of the file cannot lead a lesson with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _file() -> Path:
    return models_folder() / ".lessons.sqlite"


def query_rows(query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    """Rows of a query; looking writes nothing, and a table is empty until it is there."""
    if not _file().exists() or not _file().stat().st_size:
        return []
    with _open() as file:
        try:
            return file.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


@contextmanager
def _open(*, write: bool = False, tables: Sequence[str] = ()) -> Iterator[sqlite3.Connection]:
    """The file, which commits in the end or rolls back; to write in a transaction that no other
    writer is in."""
    if write:
        make_folder(models_folder())
    try:
        with closing(sqlite3.connect(_file(), timeout=_WAIT, isolation_level=None)) as file, file:
            if write:
                file.execute("BEGIN IMMEDIATE")
                for table in (*_TABLES, *tables):
                    file.execute(table)
            yield file
    except sqlite3.OperationalError as error:
        raise HomeError(
            f"The votes in {_file()} cannot be kept ({error}); make the folder writable."
        ) from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise _damaged(str(error)) from error


def _damaged(why: str) -> HomeError:
    return HomeError(f"{_file()} is damaged ({why}); delete it, and start the lesson again.")
