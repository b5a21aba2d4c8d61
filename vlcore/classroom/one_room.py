"""One room, one study: what a class asks, planned before its first run; a block of seeds for each
of its phones.

Everything is in the file of lessons (`vlcore.classroom.session`), and what a run found in the
store: a server that starts anew, a phone that is reloaded and a lecturer whose browser closes
change nothing. A rehearsal is a study of its own beside that of the class, on other seeds, so that
nobody has seen what the class will find."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from vlcore.classroom import tower_pairs
from vlcore.classroom.lessons import placeholders
from vlcore.classroom.session import (
    LessonError,
    admit,
    presenter_transaction,
    query_rows,
    session_transaction,
    tidy_code,
    towers_of,
)
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import PRESETS
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics import catalogue
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import plans, registry
from vlcore.study.plans import StudyPlan

NAME = "one-room"
FIRST = f"labels/{PRIMARY}"  # the step at which a lesson begins
FEWEST, USUAL, MOST = 5, 30, 200  # planned blocks
DIRECTIONS = ("lower", "about the same", "higher")
CLASS, REHEARSAL = "class", "rehearsal"
LAST_SEED = 99_000  # that a first block may have
REHEARSAL_SEED = 1_000_000  # the first of a rehearsal: no study comes near
TRIES = 3  # of a block that fails
# Seconds in which what somebody asked for is theirs, though this server does not know of it:
# another process may. A phone that waits says so again, each so many seconds.
SETTLE, BEAT = 60.0, 20.0
_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS room_plans (code TEXT NOT NULL, kind TEXT NOT NULL, contrast"
        " TEXT NOT NULL, planned INTEGER NOT NULL, measure TEXT NOT NULL, seed INTEGER NOT NULL,"
        " prediction TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (code, kind)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS room_blocks (code TEXT NOT NULL, kind TEXT NOT NULL, place"
        " INTEGER NOT NULL, owner TEXT NOT NULL, failures INTEGER NOT NULL, at REAL NOT NULL,"
        " PRIMARY KEY (code, kind, place)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS room_looks (code TEXT NOT NULL, kind TEXT NOT NULL, dots"
        " INTEGER NOT NULL, p REAL NOT NULL, PRIMARY KEY (code, kind, dots)) WITHOUT ROWID"
    ),
)
_PLAN = (
    "SELECT contrast, planned, measure, seed, prediction, hash FROM room_plans WHERE code = ? AND"
    " kind = ?"
)
_BLOCKS = (
    "SELECT place, owner, failures, at FROM room_blocks WHERE code = ? AND kind = ? ORDER BY place"
)
View = Callable[[str], JobStatus]  # the state of a training, by its key
Pair = tuple[Condition, Condition]  # of a block, the baseline's first


@dataclass(frozen=True)
class Contrast:
    """Two arms that a class may compare: the settings of each by its name, the baseline first."""

    name: str
    title: str
    question: str
    bias: float
    arms: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Plan:
    """What was decided before the first run."""

    contrast: str
    planned: int  # blocks
    measure: str = PRIMARY
    seed: int = 0  # of the first block
    prediction: str = ""  # one of `DIRECTIONS`: what the treatment does to the measure
    hash: str = ""
    towers: str = (
        tower_pairs.USUAL
    )  # those of its lesson, a name of `vlcore.experiment.options.TOWERS`


@dataclass(frozen=True)
class Block:
    """A pair of runs that share a seed, and whose it is: empty where nobody's."""

    place: int  # from 0, in the order in which they were taken
    owner: str
    failures: int  # after each of which it was asked for again
    at: float  # seconds since 1970, when it was last asked for or waited for


class BlockState(Enum):
    """How a block stands."""

    DONE = "its runs are there"
    ACTIVE = "they are on their way, or were just asked for"
    OPEN = "they are neither: somebody may take it over"
    FAILED = "they failed, and somebody may take it over"
    LOST = "they failed so often that nobody is given it any more"

    @property
    def is_free(self) -> bool:
        return self in (BlockState.OPEN, BlockState.FAILED)


def block_state(block: Block, pair: Pair, view: View) -> BlockState:
    """How a block stands; `view` tells how trainings do."""
    states = [view(one.key).state for one in pair]
    if all(state is State.DONE for state in states):
        return BlockState.DONE
    if any(state.is_active for state in states):
        return BlockState.ACTIVE
    if State.FAILED in states:
        return BlockState.FAILED if block.failures + 1 < TRIES else BlockState.LOST
    return BlockState.ACTIVE if time.time() - block.at < SETTLE else BlockState.OPEN


def contrasts(usual: Condition, grouping: Grouping) -> dict[str, Contrast]:
    """What a class may ask on an image set, whose usual condition on the lesson's towers this is,
    by name."""
    bias = tower_pairs.lesson_bias(usual)
    words = placeholders(usual, grouping) | {"share": f"{100 * bias:.0f} %"}
    known = {}
    for name, told in read_yaml(Path(__file__).with_name("contrasts.yaml")).items():
        question = told["question"].format_map(words)
        known[name] = Contrast(name, told["title"], question, bias, told["arms"])
    return known


def question_at(step: str, usual: Condition, grouping: Grouping) -> tuple[Contrast, str]:
    """What a room is asked while nothing is fixed: the contrast and the measure that its step
    names, as ``labels/minority_accuracy``; the usual ones where it names none."""
    known = contrasts(usual, grouping)
    name, _, measure = step.partition("/")
    return known.get(name, next(iter(known.values()))), (
        measure if measure in primary_measures() else PRIMARY
    )


def expectation_question(asked: Contrast, measure: str, grouping: Grouping) -> str:
    """What the class says beforehand, as a question that `DIRECTIONS` answer."""
    baseline, treatment = asked.arms
    return f"“{catalogue.words_of(measure, grouping)}” with {treatment}, compared with {baseline}?"


def primary_measures() -> tuple[str, ...]:
    """What may be the primary measure, the usual one first."""
    return PRIMARY, *catalogue.secondary()


def study_of(
    plan: Plan, usual: Condition, grouping: Grouping, code: str = "", blocks: int = 0
) -> StudyPlan:
    """The study of a plan, on the image set whose usual condition this is, at the shortest
    training; of so many blocks where that is not what was planned."""
    usual = usual.with_towers(plan.towers)
    asked = contrasts(usual, grouping)[plan.contrast]
    base = usual.replace(steps=PRESETS["live"], data_seed=plan.seed, init_seed=plan.seed)
    study = plans.two_arms(
        f"{NAME} {code}".strip(), asked.arms, asked.bias, base, blocks or plan.planned
    )
    return replace(study, measure=plan.measure, prediction=plan.prediction)


def pairs_of(plan: Plan, usual: Condition, grouping: Grouping, blocks: int) -> list[Pair]:
    """The conditions of so many blocks, by place."""
    conditions = study_of(plan, usual, grouping, blocks=blocks).conditions
    return list(zip(conditions[::2], conditions[1::2], strict=True))


def plan_of(code: str, kind: str = CLASS) -> Plan | None:
    """The plan of a lesson; None where nothing is fixed yet."""
    found = query_rows(_PLAN, (tidy_code(code), kind))
    return replace(Plan(*found[0]), towers=towers_of(code)) if found else None


def blocks_of(code: str, kind: str = CLASS) -> list[Block]:
    """The blocks that were taken, by place."""
    return [Block(*found) for found in query_rows(_BLOCKS, (tidy_code(code), kind))]


def planned_places(stands: Sequence[BlockState], planned: int) -> set[int]:
    """The places of the planned blocks: the first so many that are not lost, those included that
    nobody has yet."""
    lost = {place for place, stands_ in enumerate(stands) if stands_ is BlockState.LOST}
    return set([place for place in range(planned + len(lost)) if place not in lost][:planned])


def fix_plan(code: str, token: str, plan: Plan, usual: Condition, grouping: Grouping) -> Plan:
    """Write a plan down, with its hash, for good; a LessonError for all but the presenter, where
    one is fixed already, or for what no study of a room has, such as other towers than those of its
    lesson."""
    if plan.contrast not in contrasts(usual, grouping) or plan.measure not in primary_measures():
        raise LessonError("A plan has a contrast and a measure that are offered; choose again.")
    if (
        plan.prediction not in DIRECTIONS
        or not FEWEST <= plan.planned <= MOST
        or not 0 <= plan.seed <= LAST_SEED
    ):
        raise LessonError(
            f"A plan has a prediction, {FEWEST} to {MOST} blocks, and a first seed to"
            f" {LAST_SEED:,}."
        )
    _check_towers(code, plan)
    study = study_of(plan, usual, grouping, code)
    plan = replace(plan, hash=registry.plan_hash(study))
    with presenter_transaction(code, token, _TABLES) as file:
        if file.execute(_PLAN, (tidy_code(code), CLASS)).fetchone():
            raise LessonError(
                "The plan is fixed, and stays as it is; another one needs another lesson."
            )
        registry.record_plan(study)
        _write(file, code, CLASS, plan)
    return plan


def take_block(
    code: str, voter: str, stand: Callable[[Block], BlockState], address: str = ""
) -> Block:
    """The block of somebody, by the random name of a browser: the same each time, else the first
    that nobody has, else the next. `stand` tells how one stands. A LessonError where the lesson is
    over, has no plan yet or has ended, or as of `admit`."""
    code = tidy_code(code)
    with session_transaction(code, _TABLES) as file:
        if not file.execute(_PLAN, (code, CLASS)).fetchone():
            raise LessonError("The plan is not fixed yet; the lecturer does that first.")
        if file.execute("SELECT phase FROM lessons WHERE code = ?", (code,)).fetchone() == (
            "reveal",
        ):
            raise LessonError("The study has ended; no more blocks are given out.")
        admit(file, code, voter, address)
        there = [(block, stand(block)) for block in _blocks(file, code, CLASS)]
        for block, stands in there:
            if block.owner == voter and stands is not BlockState.LOST:
                return _ask(file, code, CLASS, block, stands)
        file.execute(
            "UPDATE room_blocks SET owner = '' WHERE code = ? AND owner = ?", (code, voter)
        )
        for block, stands in there:
            if stands is not BlockState.LOST and (stands.is_free or not block.owner):
                return _ask(file, code, CLASS, replace(block, owner=voter), stands)
        return _ask(file, code, CLASS, Block(len(there), voter, 0, 0.0), BlockState.OPEN)


def release_block(code: str, voter: str) -> None:
    """Take somebody's block back; others may have it at once."""
    with session_transaction(code, _TABLES) as file:
        query = (
            "UPDATE room_blocks SET owner = '', at = 0 WHERE code = ? AND kind = ? AND owner = ?"
        )
        file.execute(query, (tidy_code(code), CLASS, voter))


def keep_waiting(code: str, block: Block) -> None:
    """Keep that somebody waits for their block, unless they have just said so."""
    if time.time() - block.at > BEAT:
        with session_transaction(code, _TABLES) as file:
            query = (
                "UPDATE room_blocks SET at = ? WHERE code = ? AND kind = ? AND place = ? AND"
                " owner = ?"
            )
            file.execute(query, (time.time(), tidy_code(code), CLASS, block.place, block.owner))


def take_open_blocks(
    code: str, token: str, stand: Callable[[Block], BlockState], most: int = MOST
) -> list[Block]:
    """Ask for the planned blocks that are not there nor on their way, so many at most, those that
    nobody has yet included, for the lecturer; a LessonError for all others. They stay whose they
    are."""
    with presenter_transaction(code, token, _TABLES) as file:
        there = _blocks(file, code, CLASS)
        stands = [stand(block) for block in there]
        found = file.execute(_PLAN, (tidy_code(code), CLASS)).fetchone()
        planned = Plan(*found).planned if found else 0
        there += [Block(place, "", 0, 0.0) for place in range(len(there), len(there) + planned)]
        stands += [BlockState.OPEN] * planned
        wanted = [
            place for place in sorted(planned_places(stands, planned)) if stands[place].is_free
        ][:most]
        return [_ask(file, code, CLASS, there[place], stands[place]) for place in wanted]


def rehearse(
    code: str, token: str, plan: Plan, usual: Condition, grouping: Grouping
) -> list[Block]:
    """Have as many simulated phones as are planned each take a block of a rehearsal, which goes
    before whatever the class has; a LessonError for all but the presenter, and for more than a room
    has. There is one rehearsal at most.
    """
    if not 1 <= plan.planned <= MOST:
        raise LessonError(f"A rehearsal has 1 to {MOST} phones; choose a number of these.")
    _check_towers(code, plan)
    plan = replace(plan, seed=REHEARSAL_SEED)
    plan = replace(plan, hash=registry.plan_hash(study_of(plan, usual, grouping, code)))
    delete_rehearsal(code, token)
    with presenter_transaction(code, token, _TABLES) as file:
        _write(file, code, REHEARSAL, plan)
        phones = [Block(place, f"simulated-{place + 1}", 0, 0.0) for place in range(plan.planned)]
        return [_ask(file, code, REHEARSAL, block, BlockState.OPEN) for block in phones]


def delete_rehearsal(code: str, token: str) -> None:
    """Delete a rehearsal; its models stay. A LessonError for all but the presenter."""
    with presenter_transaction(code, token, _TABLES) as file:
        for table in ("room_plans", "room_blocks", "room_looks"):
            query = f"DELETE FROM {table} WHERE code = ? AND kind = ?"  # noqa: S608
            file.execute(query, (tidy_code(code), REHEARSAL))


def looks_of(code: str, kind: str = CLASS) -> dict[int, float]:
    """At how many dots the room looked at the result, each with its p."""
    return dict(
        query_rows(
            "SELECT dots, p FROM room_looks WHERE code = ? AND kind = ?", (tidy_code(code), kind)
        )
    )


def record_look(code: str, kind: str, dots: int, p: float) -> None:
    """Keep that the room looked at the result of so many dots, unless that is known."""
    if dots not in looks_of(code, kind):
        with session_transaction(code, _TABLES) as file:
            file.execute(
                "INSERT OR IGNORE INTO room_looks VALUES (?, ?, ?, ?)",
                (tidy_code(code), kind, dots, p),
            )


def _blocks(file: sqlite3.Connection, code: str, kind: str) -> list[Block]:
    return [Block(*found) for found in file.execute(_BLOCKS, (tidy_code(code), kind))]


def _write(file: sqlite3.Connection, code: str, kind: str, plan: Plan) -> None:
    decided = plan.contrast, plan.planned, plan.measure, plan.seed, plan.prediction, plan.hash
    file.execute(
        "INSERT INTO room_plans VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (tidy_code(code), kind, *decided)
    )


def _check_towers(code: str, plan: Plan) -> None:
    if plan.towers != towers_of(code):
        raise LessonError(
            "A plan has the towers that its lesson was started with; start another lesson for"
            " others."
        )


def _ask(file: sqlite3.Connection, code: str, kind: str, block: Block, stands: BlockState) -> Block:
    """Keep a block; one that is free is asked for now."""
    if stands.is_free:
        block = replace(
            block, at=time.time(), failures=block.failures + (stands is BlockState.FAILED)
        )
    file.execute(
        "INSERT OR REPLACE INTO room_blocks VALUES (?, ?, ?, ?, ?, ?)",
        (tidy_code(code), kind, *astuple(block)),
    )
    return block
