"""Class sessions: where the presenter is, and the anonymous votes of the class.

One small SQLite file beside the models is the truth: a refresh, a second process and thirty phones
see the same. A session ends after a day and is deleted after a week: a clock that was set wrong
ends none for good. Its tables are in `schema.sql`, also those of lessons that are more than
questions. Functions take codes as `ClassSession` has them, and raise a HomeError where the file
cannot be read or written."""

import hashlib
import hmac
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from vlcore.classroom import tower_pairs
from vlcore.experiment import limits
from vlcore.experiment.database import Database
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import text_beside

PHASES = ("predict", "run", "reveal")
LIFETIME = 24 * 3600.0  # seconds that a code is valid
IDLE = 3600.0  # seconds without a change after which another session may replace this one
KEPT = 8 * 24 * 3600.0  # seconds after which a session is deleted
FEW = 4  # votes of an address that never stand out
STANDS_OUT = 3  # times as many as others have
_KEY = secrets.token_bytes(16)  # of each start: nobody can look up an address later
_LETTERS = "BCDFGHJKLMPRTWXZ"  # no vowels, so no words; none that looks like another
_CODE = re.compile(f"[{_LETTERS}]{{4}}")
_VOTER = re.compile(r"[A-Za-z0-9_-]{8,40}", re.ASCII)
_DATABASE = Database(
    ".lessons.sqlite",
    text_beside(__file__, "schema.sql"),
    "votes",
    "delete it, and start the lesson again",
)
query_rows = _DATABASE.rows


class LessonError(LabError):
    """An action that a lesson does not allow; the message says why."""


class VisitorOrigin(NamedTuple):
    """The owner of a session: the name of a browser, and its address."""

    owner: str
    address: str


class Started(NamedTuple):
    """A session that was just started: its code is for the class, its token for the presenter."""

    code: str
    token: str


@dataclass(frozen=True)
class ClassSession:
    """The state of a class session, as one visitor sees it.

    Attributes:
        code: four letters; empty for a lesson without a class.
        lesson: its name.
        data: its image set.
        step: where the presenter is.
        phase: one of `PHASES`.
        counts: votes of this step by choice, without choices that nobody took.
        vote: the visitor's choice.
        leads: whether the visitor is the presenter.
        towers: of the models that are trained in it, one of `vlcore.experiment.options.TOWERS`.
    """

    code: str
    lesson: str
    data: str
    step: str
    phase: str
    counts: dict[str, int]
    vote: str | None
    leads: bool
    towers: str = tower_pairs.USUAL

    @property
    def votes(self) -> int:
        return sum(self.counts.values())

    @property
    def open(self) -> bool:
        """Whether votes still count."""
        return self.phase != "reveal"


def new_voter() -> str:
    """A random name for a browser that has none."""
    return secrets.token_urlsafe(9)


def is_voter(text: str | None) -> bool:
    """Whether a text from an address can be a voter's name."""
    return bool(text and _VOTER.fullmatch(text))


def tidy_code(code: str | None) -> str:
    """Return a typed code in capitals without spaces; empty if it cannot be a code."""
    text = "".join((code or "").split()).upper()
    return text if _CODE.fullmatch(text) else ""


def start_session(
    lesson: str,
    data: str,
    step: str,
    who: VisitorOrigin | None = None,
    *,
    stays: bool = False,
    towers: str = tower_pairs.USUAL,
) -> Started:
    """Start a class session.

    Where its owner has too many open, another one of theirs ends: of those that were not changed
    for an hour, else of those that nobody takes part in, else of all, the one that was changed
    longest ago. Where there are too many of the address or of the server, one of these ends, unless
    it is in use: two take part in it, or it was changed within an hour.

    Args:
        lesson: its name.
        data: the image set.
        step: its first step.
        who: the owner.
        stays: whether it never ends for another one, as a teacher's does.
        towers: of all models that it trains.

    Raises:
        LessonError: where none of too many may end.
    """
    token = secrets.token_urlsafe(12)
    with _DATABASE.open(write=True) as file:
        _delete_expired(file)
        owner, address = (_anonymous(name) for name in who or VisitorOrigin("", ""))
        if who and not stays:
            _make_room(file, limits.LESSONS, "o.owner = :name", owner, by_owner=True)
            _make_room(file, limits.LESSONS_OF_ADDRESS, "o.address = :name", address)
        _make_room(file, limits.ALL_LESSONS, "TRUE")
        codes = {code for (code,) in file.execute("SELECT code FROM lessons")}
        while (code := "".join(secrets.choice(_LETTERS) for _ in range(4))) in codes:
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
    """The state of a session as a voter or the holder of a token sees it; None where it is over or
    never was. The code may be as it was typed."""
    code = tidy_code(code)
    query = """
        SELECT l.lesson, l.data, l.step, l.phase, l.token, COALESCE(t.towers, ?), v.choice,
        COUNT(v.voter), MAX(v.voter = ?) FROM lessons l LEFT JOIN lesson_towers t ON t.code = l.code
        LEFT JOIN votes v ON v.code = l.code AND v.step = l.step
        WHERE l.code = ? AND l.created > ? GROUP BY v.choice
    """
    stored = query_rows(query, (tower_pairs.USUAL, voter, code, time.time() - LIFETIME))
    if not stored:
        return None
    lesson, data, step, phase, secret, towers = stored[0][:6]
    counts = {choice: count for *_, choice, count, _ in stored if count}
    vote = next((choice for *_, choice, _, is_voter in stored if is_voter), None)
    leads = hmac.compare_digest(_secret(token), secret)
    return ClassSession(code, lesson, data, step, phase, counts, vote, leads, towers)


def takes_part(code: str, voter: str) -> bool:
    """Whether a browser was admitted to a session."""
    return bool(query_rows("SELECT 1 FROM voters WHERE code = ? AND voter = ?", (code, voter)))


def is_closed(code: str) -> bool:
    """Whether a session admits nobody new."""
    return bool(query_rows("SELECT 1 FROM closed WHERE code = ?", (code,)))


def enter_session(code: str, voter: str, address: str = "") -> bool:
    """Admit a browser that opens the page of a session, and return whether it may look on.

    Only newcomers to a closed session may not. A browser that cannot be admitted now, where there
    are many, is admitted at its first action.
    """
    with suppress(LabError), session_transaction(code) as file:
        admit(file, code, voter, address)
    return not is_closed(code) or takes_part(code, voter)


def close_door(code: str, token: str, *, closed: bool = True) -> None:
    """Close a session to newcomers, or open it again; LessonError for all but its presenter."""
    query = (
        "INSERT OR IGNORE INTO closed VALUES (?)" if closed else "DELETE FROM closed WHERE code = ?"
    )
    with presenter_transaction(code, token) as file:
        file.execute(query, (code,))


def move_session(code: str, token: str, step: str, phase: str) -> None:
    """Move a session to a step and phase; LessonError for all but its presenter, and for an unknown
    phase."""
    if phase not in PHASES:
        raise LessonError(f"A step has no phase {phase!r}; it has {', '.join(PHASES)}.")
    with presenter_transaction(code, token) as file:
        file.execute("UPDATE lessons SET step = ?, phase = ? WHERE code = ?", (step, phase, code))


def reset_votes(code: str, token: str) -> None:
    """Delete the votes on the current question, and voters without other votes unless the session
    is closed; LessonError for all but its presenter."""
    with presenter_transaction(code, token) as file:
        query = """
            DELETE FROM votes WHERE code = :code
            AND step = (SELECT step FROM lessons WHERE code = :code)
        """
        file.execute(query, {"code": code})
        query = """
            DELETE FROM voters WHERE code = :code AND code NOT IN (SELECT code FROM closed)
            AND voter NOT IN (SELECT voter FROM votes WHERE code = :code)
        """
        file.execute(query, {"code": code})


def delete_session(code: str, token: str) -> None:
    """Delete a session with everything in its tables; LessonError for all but its presenter."""
    with presenter_transaction(code, token) as file:
        _delete(file, "code = ?", code)


def delete_expired() -> None:
    """Delete the sessions that were started more than eight days ago."""
    if _DATABASE.file.exists():
        with _DATABASE.open(write=True) as file:
            _delete_expired(file)


@contextmanager
def session_transaction(code: str) -> Iterator[sqlite3.Connection]:
    """The file in an exclusive transaction, which counts as a change of the session; LessonError
    where that is over."""
    with _DATABASE.open(write=True) as file:
        query = "SELECT 1 FROM lessons WHERE code = ? AND created > ?"
        if not file.execute(query, (code, time.time() - LIFETIME)).fetchone():
            raise LessonError("This lesson is over; codes are good for a day.")
        yield file
        file.execute("UPDATE origins SET touched = ? WHERE code = ?", (time.time(), code))


@contextmanager
def presenter_transaction(code: str, token: str) -> Iterator[sqlite3.Connection]:
    """A `session_transaction` for the presenter; LessonError for all others."""
    with session_transaction(code) as file:
        query = "SELECT 1 FROM lessons WHERE code = ? AND token = ?"
        if not file.execute(query, (code, _secret(token))).fetchone():
            raise LessonError("Only the presenter moves a lesson, with the link that started it.")
        yield file


def admit(file: sqlite3.Connection, code: str, voter: str, address: str = "") -> None:
    """Admit a browser to a session; those admitted before always may take part.

    Raises:
        LessonError: for an invalid name, where the session is closed, or where there are too many
            of the address.
    """
    if not is_voter(voter):
        raise LessonError("This comes from nobody; open the lesson's link again.")
    query = "SELECT 1 FROM voters WHERE code = ? AND voter = ?"
    if file.execute(query, (code, voter)).fetchone():
        return
    if file.execute("SELECT 1 FROM closed WHERE code = ?", (code,)).fetchone():
        raise LessonError("This lesson admits nobody new; the presenter can let students in again.")
    query = "SELECT COUNT(*), COALESCE(SUM(address = ?), 0) FROM voters WHERE code = ?"
    total, of_address = file.execute(query, (_anonymous(address), code)).fetchone()
    if total >= limits.VOTERS or (address and of_address >= limits.VOTERS_OF_ADDRESS):
        raise LessonError("Very many take part in this lesson already; no newcomers are taken.")
    file.execute("INSERT INTO voters VALUES (?, ?, ?)", (code, voter, _anonymous(address)))


def vote(
    code: str, step: str, voter: str, choice: str, choices: Sequence[str], address: str = ""
) -> None:
    """Vote, or change a vote, on the current step.

    Raises:
        LessonError: the step is closed, the choice is unknown, or as `admit`.
    """
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
    """Count the votes of a session: step to choice to number."""
    counts: dict[str, dict[str, int]] = {}
    query = "SELECT step, choice, COUNT(*) FROM votes WHERE code = ? GROUP BY step, choice"
    for step, choice, count in query_rows(query, (code,)):
        counts.setdefault(step, {})[choice] = count
    return counts


def _make_room(
    file: sqlite3.Connection, most: int, origin: str, name: str = "", *, by_owner: bool = False
) -> None:
    """End sessions until one more may be open, of those that an SQL condition on their origin
    names; with `by_owner` those in use too."""
    query = f"""
        SELECT l.code, o.stays OR NOT :by_owner AND (o.touched > :hour
        OR (SELECT COUNT(*) FROM voters r WHERE r.code = l.code) > 1) AS in_use
        FROM lessons l JOIN origins o ON o.code = l.code WHERE l.created > :day AND {origin}
        ORDER BY in_use, o.touched > :hour,
        EXISTS (SELECT 1 FROM voters r WHERE r.code = l.code), o.touched
    """  # noqa: S608  # the conditions stand in this module
    now = time.time()
    values = {"by_owner": by_owner, "name": name, "day": now - LIFETIME, "hour": now - IDLE}
    is_open = file.execute(query, values).fetchall()
    for code, in_use in is_open[: max(0, len(is_open) - most + 1)]:
        if in_use:
            advice = " Signed in as a teacher you may start more." * bool(name)
            raise LessonError(
                f"Too many lessons are open; each ends a day after it was started.{advice}"
            )
        _delete(file, "code = ?", code)


def _delete_expired(file: sqlite3.Connection) -> None:
    _delete(file, "created < ?", time.time() - KEPT)


def _delete(file: sqlite3.Connection, which: str, value: object) -> None:
    # the conditions stand in this module
    codes = f"(SELECT code FROM lessons WHERE {which})"  # noqa: S608
    tables = [
        name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]
    for table in sorted(tables, key="lessons".__eq__):  # the others by what stands in it
        file.execute(f'DELETE FROM "{table}" WHERE code IN {codes}', (value,))  # noqa: S608


def _anonymous(name: str) -> str:
    """The keyed hash of a name or an address that is stored: the same as long as this process
    lives, and in all processes of one `serve`."""
    return hmac.new(_KEY, name.encode(), "sha256").hexdigest()[:16] if name else ""


def _secret(token: str) -> str:
    """The hash of a token that is stored, with which a reader of the file cannot lead a session."""
    return hashlib.sha256(token.encode()).hexdigest()


def count_participants(code: str) -> int:
    """How many take part in a session."""
    counts = query_rows("SELECT COUNT(*) FROM voters WHERE code = ?", (tidy_code(code),))
    return int(counts[0][0]) if counts else 0


def votes_by_address(code: str) -> list[int]:
    """The number of votes on the current question by address, the highest first. A class may share
    an address, and anybody can invent browser names: this is for the presenter, and accuses
    nobody."""
    query = (
        "SELECT COUNT(*) FROM lessons l JOIN votes v ON v.code = l.code AND v.step = l.step JOIN"
        " voters r ON r.code = v.code AND r.voter = v.voter WHERE l.code = ? GROUP BY r.address"
        " ORDER BY 1 DESC"
    )
    return [number for (number,) in query_rows(query, (tidy_code(code),))]


def turnout_sentence(votes: Sequence[int]) -> str:
    """Say where votes came from, if one address has far more than the others; else empty.

    Args:
        votes: of `votes_by_address`.
    """
    most, others = max(votes, default=0), sorted(votes)[:-1]
    if most < FEW or (others and most < STANDS_OUT * fmean(others)):
        return ""
    addresses = "all at one address"
    if others:
        addresses = f"{most} of them at one address, the others at {len(others)}"
    return f"{sum(votes)} votes from {sum(votes)} browsers, {addresses}."
