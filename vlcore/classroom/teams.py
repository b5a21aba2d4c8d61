"""Teams of the lesson “repair”, in the file of sessions: their phones and their lists of changes.

A team is a phone, or several. A reload or a server that restarts loses nothing. A phone is in one
team, changes only its list, and joins one only while that admits others. Lists are open in the
first phase alone."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from vlcore.classroom.repair import EDITING, Repair
from vlcore.classroom.session import (
    LessonError,
    admit,
    presenter_transaction,
    query_rows,
    session_transaction,
)
from vlcore.experiment import limits

WELCOME = 180.0  # seconds in which another phone may join a team


@dataclass(frozen=True)
class Team:
    """A team of a lesson."""

    number: int
    repair: Repair
    simulated: bool
    phones: int
    welcomes: bool  # whether another phone may join

    @property
    def name(self) -> str:
        return f"Team {self.number}{' (simulated)' * self.simulated}"


def join_team(code: str, voter: str, number: int | None = None, address: str = "") -> int:
    """Join a team by its number, or start one, and return its number; a phone in a team stays
    there.

    Raises:
        LessonError: where the team admits no other phone, the lists are closed, or as
            `vlcore.classroom.session.admit`.
    """
    with _editing(code) as file:
        admit(file, code, voter, address)
        query = "SELECT team FROM repairers WHERE code = ? AND voter = ?"
        if joined := file.execute(query, (code, voter)).fetchone():
            return int(joined[0])
        query = "SELECT team, welcome FROM repairs WHERE code = ?"
        welcome = dict(file.execute(query, (code,)).fetchall())
        if number is None:
            if len(welcome) >= limits.TEAMS:
                raise LessonError(
                    f"There are {limits.TEAMS} teams, and that is the most; join one of them."
                )
            number = max(welcome, default=0) + 1
            _insert(file, code, number, Repair(), simulated=False)
        elif welcome.get(number, 0) < time.time():
            raise LessonError(
                "This team takes no other phone now; its own phone can let one in for three"
                " minutes."
            )
        file.execute("INSERT INTO repairers VALUES (?, ?, ?)", (code, voter, number))
        return number


def leave_team(code: str, voter: str) -> None:
    """Leave a team, which then admits others for a while; an empty team without changes is
    deleted."""
    with _editing(code) as file:
        team, repair = _own(file, code, voter)
        file.execute("DELETE FROM repairers WHERE code = ? AND voter = ?", (code, voter))
        query = "SELECT 1 FROM repairers WHERE code = ? AND team = ?"
        if repair == Repair() and not file.execute(query, (code, team)).fetchone():
            file.execute("DELETE FROM repairs WHERE code = ? AND team = ?", (code, team))
        _welcome(file, code, team)


def welcome_phones(code: str, voter: str) -> None:
    """Admit other phones to the voter's team for a while."""
    with _editing(code) as file:
        _welcome(file, code, _own(file, code, voter)[0])


def welcome_phones_to_all(code: str, token: str) -> None:
    """Admit phones to all teams for a while, as where a browser was lost; LessonError for all but
    the presenter."""
    with presenter_transaction(code, token) as file:
        query = "UPDATE repairs SET welcome = ? WHERE code = ? AND simulated = 0"
        file.execute(query, (time.time() + WELCOME, code))


def change_repair(code: str, voter: str, how: Callable[[Repair], Repair]) -> Repair:
    """Change the list of the voter's team; `how` refuses by raising.

    LessonError without a team, and where the lists are closed.
    """
    with _editing(code) as file:
        team, before = _own(file, code, voter)
        after = how(before)
        query = "UPDATE repairs SET state = ? WHERE code = ? AND team = ?"
        file.execute(query, (json.dumps(asdict(after)), code, team))
        return after


def teams(code: str) -> list[Team]:
    """The teams of a lesson, by their numbers."""
    query = (
        "SELECT t.team, t.state, t.simulated, t.welcome, (SELECT COUNT(*) FROM repairers m "
        "WHERE m.code = t.code AND m.team = t.team) FROM repairs t WHERE t.code = ? ORDER BY t.team"
    )
    return [
        Team(team, _read(state), bool(simulated), phones, until >= time.time())
        for team, state, simulated, until, phones in query_rows(query, (code,))
    ]


def team_of(code: str, voter: str) -> Team | None:
    """The team of a voter."""
    joined = query_rows("SELECT team FROM repairers WHERE code = ? AND voter = ?", (code, voter))
    return next((team for team in teams(code) if joined and team.number == joined[0][0]), None)


def add_simulated(code: str, token: str, lists: Sequence[str]) -> None:
    """Add simulated teams, each with a list that it has trained; LessonError for all but the
    presenter, and where there are too many."""
    with presenter_transaction(code, token) as file:
        query = "SELECT COALESCE(MAX(team), 0), COUNT(*) FROM repairs WHERE code = ?"
        last, count = file.execute(query, (code,)).fetchone()
        if count + len(lists) > limits.TEAMS:
            raise LessonError(
                f"With these there would be more than {limits.TEAMS} teams; delete simulated ones"
                " first."
            )
        for number, text in enumerate(lists, start=last + 1):
            _insert(file, code, number, Repair(("", text), (text,)), simulated=True)


def delete_simulated(code: str, token: str) -> None:
    """Remove the simulated teams; LessonError for all but the presenter."""
    with presenter_transaction(code, token) as file:
        file.execute("DELETE FROM repairs WHERE code = ? AND simulated = 1", (code,))


def delete_idle(code: str, token: str) -> None:
    """Remove the teams without changes, so that others may be started; their phones may join
    another. LessonError for all but the presenter."""
    idle = json.dumps(asdict(Repair()))
    with presenter_transaction(code, token) as file:
        query = """
            DELETE FROM repairers WHERE code = :code
            AND team IN (SELECT team FROM repairs WHERE code = :code AND state = :idle)
        """
        file.execute(query, {"code": code, "idle": idle})
        file.execute("DELETE FROM repairs WHERE code = ? AND state = ?", (code, idle))


@contextmanager
def _editing(code: str) -> Iterator[sqlite3.Connection]:
    """A transaction while the lists are open; LessonError where they are not."""
    with session_transaction(code) as file:
        query = "SELECT 1 FROM lessons WHERE code = ? AND phase = ?"
        if not file.execute(query, (code, EDITING)).fetchone():
            raise LessonError("The lists are closed: the presenter has revealed what they did.")
        yield file


def _own(file: sqlite3.Connection, code: str, voter: str) -> tuple[int, Repair]:
    query = (
        "SELECT t.team, t.state FROM repairers m JOIN repairs t ON t.code = m.code AND t.team ="
        " m.team WHERE m.code = ? AND m.voter = ?"
    )
    joined = file.execute(query, (code, voter)).fetchone()
    if joined is None:
        raise LessonError("You are in no team; join one first.")
    return joined[0], _read(joined[1])


def _welcome(file: sqlite3.Connection, code: str, team: int) -> None:
    query = "UPDATE repairs SET welcome = ? WHERE code = ? AND team = ?"
    file.execute(query, (time.time() + WELCOME, code, team))


def _insert(
    file: sqlite3.Connection, code: str, number: int, repair: Repair, *, simulated: bool
) -> None:
    until = 0.0 if simulated else time.time() + WELCOME
    values = (code, number, json.dumps(asdict(repair)), int(simulated), until)
    file.execute("INSERT INTO repairs VALUES (?, ?, ?, ?, ?)", values)


def _read(state: str) -> Repair:
    values = json.loads(state)
    return Repair(tuple(values["history"]), tuple(values["tries"]), values["chosen"])
