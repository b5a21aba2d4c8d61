"""Lesson “one room, one study”: a plan fixed before the first run, and a block for each student.

All state is in the file of sessions (`vlcore.classroom.session`) and in the artifacts: a server
that restarts, a phone that reloads and a presenter whose browser closes change nothing. A rehearsal
is a study of its own beside that of the class, on other seeds, so that nobody knows its results
before."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
)
from vlcore.data.feature_store import COMPONENTS
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.options import PRESETS
from vlcore.jobs.jobs import JobStatus, State
from vlcore.metrics.catalogue import PRIMARY, words_of
from vlcore.metrics.paired import ENOUGH
from vlcore.study import plans
from vlcore.study.plans import StudyPlan

NAME = "one-room"
FIRST = "labels"  # the step at which a lesson begins, a contrast
FEWEST, USUAL, MOST = ENOUGH, 30, 200  # planned blocks
DIRECTIONS = ("lower", "about the same", "higher")
CLASS, REHEARSAL = "class", "rehearsal"
REHEARSAL_SEED = 1_000_000  # the first of a rehearsal, far from those of studies
TRIES = 3  # of a block that fails
# Seconds for which a block that was asked for counts as active, though this server does not know of
# it: another process may. A phone that waits renews that, every so many seconds.
SETTLE, BEAT = 60.0, 20.0
_PLAN = """
    SELECT p.contrast, p.planned, p.seed, p.prediction, p.hash, t.towers
    FROM room_plans p JOIN lesson_towers t ON t.code = p.code WHERE p.code = ? AND p.kind = ?
"""
_TOWERS = "SELECT t.towers FROM lesson_towers t WHERE t.code = ?"
_BLOCKS = """
    SELECT b.place, b.owner, b.failures, b.at, COALESCE(r.result, '') FROM room_blocks b
    LEFT JOIN room_results r ON r.code = b.code AND r.place = b.place AND b.kind = 'class'
    WHERE b.code = ? AND b.kind = ? ORDER BY b.place
"""
View = Callable[[str], JobStatus]  # the state of a training, by its key
Pair = tuple[Condition, Condition]  # of a block, the baseline's first


@dataclass(frozen=True)
class ClassContrast:
    """Two arms that a class may compare.

    Attributes:
        name: of the comparison.
        title: of the comparison.
        question: that the comparison answers.
        bias: the share of rare images removed from training.
        arms: the settings of each arm by its name, the baseline first.
        published: name of the published contrast of these arms; empty if there is none.
    """

    name: str
    title: str
    question: str
    bias: float
    arms: Mapping[str, Mapping[str, Any]]
    published: str = ""


@dataclass(frozen=True)
class ClassPlan:
    """What is decided before the first run.

    Attributes:
        contrast: name of the `Contrast`.
        planned: number of blocks.
        seed: of the first block.
        prediction: one of `DIRECTIONS`: what the treatment does to accuracy on rare images.
        hash: of the study, which tells plans apart.
        towers: of its session, see `tower_pairs.on_towers`.
    """

    contrast: str
    planned: int
    seed: int = 0
    prediction: str = ""
    hash: str = ""
    towers: str = tower_pairs.USUAL


@dataclass(frozen=True)
class Block:
    """A pair of runs that share a seed.

    Attributes:
        place: from 0, in the order in which blocks were taken.
        owner: name of a browser; empty where it has none.
        failures: after each of which it was asked for again.
        at: seconds since 1970, when it was last asked for or waited for.
        result: what the owner's phone told of the models that it trained; empty before, and where
            the server trains.
    """

    place: int
    owner: str = ""
    failures: int = 0
    at: float = 0.0
    result: str = ""


class BlockState(Enum):
    """The state of a block's runs."""

    DONE = "trained"
    ACTIVE = "queued, running, or just asked for"
    OPEN = "none of these: the block is free"
    FAILED = "failed: the block is free"
    LOST = "failed too often to be given to anybody"

    @property
    def is_free(self) -> bool:
        return self in (BlockState.OPEN, BlockState.FAILED)


def block_state(block: Block, pair: Pair, view: View) -> BlockState:
    """The state of a block; `view` gives that of a training by its key."""
    if block.result:
        return BlockState.DONE
    states = [view(condition.key).state for condition in pair]
    if all(state is State.DONE for state in states):
        return BlockState.DONE
    if any(state.is_active for state in states):
        return BlockState.ACTIVE
    if State.FAILED in states:
        return BlockState.FAILED if block.failures + 1 < TRIES else BlockState.LOST
    return BlockState.ACTIVE if time.time() - block.at < SETTLE else BlockState.OPEN


def contrasts(usual: Condition, grouping: Grouping) -> dict[str, ClassContrast]:
    """The comparisons that a class may choose, by name; `usual` is the condition of the image set
    on the session's towers."""
    bias = tower_pairs.lesson_bias(usual)
    words = placeholders(usual, grouping) | {"share": f"{100 * bias:.0f}%"}
    is_for_phones = usual.architecture.startswith(COMPONENTS)
    offered = {}
    for name, entry in read_yaml(Path(__file__).with_name("contrasts.yaml")).items():
        if is_for_phones and name != FIRST:  # a phone trains with these captions alone
            continue
        title, question = (entry[key].format_map(words) for key in ("title", "question"))
        published = entry.get("published", "")
        offered[name] = ClassContrast(name, title, question, bias, entry["arms"], published)
    return offered


def contrast_at(step: str, usual: Condition, grouping: Grouping) -> ClassContrast:
    """Return the contrast that a step names, or the first one."""
    known = contrasts(usual, grouping)
    return known.get(step, known[FIRST])


def expectation_question(contrast: ClassContrast, grouping: Grouping) -> str:
    """The prediction that a class is asked for, as a question that `DIRECTIONS` answer."""
    baseline, treatment = contrast.arms
    return f"“{words_of(PRIMARY, grouping)}” with {treatment}, compared with {baseline}?"


def study_of(
    plan: ClassPlan, usual: Condition, grouping: Grouping, code: str = "", blocks: int = 0
) -> StudyPlan:
    """The study of a plan, at the shortest training length.

    Args:
        plan: of the class.
        usual: condition of the image set.
        grouping: of the image set.
        code: of the session.
        blocks: number of blocks, if not the planned one.
    """
    usual = tower_pairs.on_towers(usual, plan.towers)
    contrast = contrasts(usual, grouping)[plan.contrast]
    base = usual.replace(steps=PRESETS["live"], data_seed=plan.seed, init_seed=plan.seed)
    study = plans.cross(
        f"{NAME} {code}".strip(), contrast.arms, [contrast.bias], base, blocks or plan.planned
    )
    return replace(study, measure=PRIMARY)


def plan_hash(plan: ClassPlan, study: StudyPlan) -> str:
    """Name a plan and its study: equal plans have equal names."""
    keys = [condition.key for condition in study.conditions]
    text = json.dumps([keys, PRIMARY, plan.prediction])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def pair_of(plan: ClassPlan, usual: Condition, grouping: Grouping, place: int) -> Pair:
    """The conditions of a block, the baseline's first."""
    alone = replace(plan, seed=plan.seed + place)
    baseline, treatment = study_of(alone, usual, grouping, blocks=1).conditions
    return baseline, treatment


def class_plan(code: str, kind: str = CLASS) -> ClassPlan | None:
    """The plan of a session; None where nothing is fixed yet."""
    stored = query_rows(_PLAN, (code, kind))
    return ClassPlan(*stored[0]) if stored else None


def blocks_of(code: str, kind: str = CLASS) -> list[Block]:
    """The blocks that were taken, by place."""
    return [Block(*row) for row in query_rows(_BLOCKS, (code, kind))]


def planned_places(states: Sequence[BlockState], planned: int) -> set[int]:
    """The places of the planned blocks: the first ones that are not lost, taken or not."""
    lost = {place for place, state in enumerate(states) if state is BlockState.LOST}
    places = [place for place in range(planned + len(lost)) if place not in lost]
    return set(places[:planned])


def fix_plan(code: str, token: str, plan: ClassPlan, usual: Condition, grouping: Grouping) -> None:
    """Lock the plan of a class with its hash, for good, and begin its runs.

    Raises:
        LessonError: for all but the presenter; where a plan is fixed already; for a number of seed
            pairs that is not offered; for a plan on other towers than those of the session.
    """
    if plan.prediction not in DIRECTIONS or not FEWEST <= plan.planned <= MOST:
        raise LessonError(f"A plan has a prediction, and {FEWEST} to {MOST} seed pairs.")
    study = study_of(plan, usual, grouping, code)
    with presenter_transaction(code, token) as file:
        _require_no_plan(file, code)
        if file.execute(_TOWERS, (code,)).fetchone() != (plan.towers,):
            raise LessonError(
                "Who trains was changed just before the plan was locked; read the plan again, and"
                " lock it then."
            )
        _write(file, code, CLASS, replace(plan, hash=plan_hash(plan, study)))
        file.execute("UPDATE lessons SET phase = 'run' WHERE code = ?", (code,))


def choose_question(code: str, token: str, contrast: str) -> None:
    """Ask the class for a prediction of another comparison; LessonError for all but the presenter,
    and where the plan is fixed."""
    with presenter_transaction(code, token) as file:
        _require_no_plan(file, code)
        query = "UPDATE lessons SET step = ?, phase = 'predict' WHERE code = ?"
        file.execute(query, (contrast, code))


def choose_towers(code: str, token: str, towers: str) -> None:
    """Move a class to other towers, and to the first comparison, which all towers can train;
    LessonError for all but the presenter, and where the plan is fixed."""
    with presenter_transaction(code, token) as file:
        _require_no_plan(file, code)
        file.execute("INSERT OR REPLACE INTO lesson_towers VALUES (?, ?)", (code, towers))
        query = "UPDATE lessons SET step = ?, phase = 'predict' WHERE code = ?"
        file.execute(query, (FIRST, code))


def _require_no_plan(file: sqlite3.Connection, code: str) -> None:
    if file.execute(_PLAN, (code, CLASS)).fetchone():
        raise LessonError(
            "The plan is fixed, and stays as it is; another one needs another lesson."
        )


def take_block(
    code: str, voter: str, state_of: Callable[[Block], BlockState], address: str = ""
) -> Block:
    """Give a student a block: the same each time, else the first free one, else the next.

    Args:
        code: of the session.
        voter: name of the browser.
        state_of: gives the state of a block.
        address: of the browser.

    Raises:
        LessonError: where the session is over, has no plan yet or is revealed, or as `admit`.
    """
    with session_transaction(code) as file:
        if not file.execute(_PLAN, (code, CLASS)).fetchone():
            raise LessonError("The plan is not fixed yet; the presenter does that first.")
        query = "SELECT 1 FROM lessons WHERE code = ? AND phase = 'reveal'"
        if file.execute(query, (code,)).fetchone():
            raise LessonError("The study has ended; no more seed pairs are given out.")
        admit(file, code, voter, address)
        blocks = [(block, state_of(block)) for block in _blocks(file, code, CLASS)]
        for block, state in blocks:
            if block.owner == voter and state is not BlockState.LOST:
                return _ask(file, code, CLASS, block, state)
        file.execute(
            "UPDATE room_blocks SET owner = '' WHERE code = ? AND owner = ?", (code, voter)
        )
        for block, state in blocks:
            if state is not BlockState.LOST and (state.is_free or not block.owner):
                return _ask(file, code, CLASS, replace(block, owner=voter), state)
        return _ask(file, code, CLASS, Block(len(blocks), voter), BlockState.OPEN)


def release_block(code: str, voter: str) -> None:
    """Release a student's block, which others may take at once."""
    with session_transaction(code) as file:
        query = (
            "UPDATE room_blocks SET owner = '', at = 0 WHERE code = ? AND kind = ? AND owner = ?"
        )
        file.execute(query, (code, CLASS, voter))


def keep_waiting(code: str, block: Block) -> None:
    """Renew a student's claim to a block, unless that was just done."""
    if time.time() - block.at > BEAT:
        with session_transaction(code) as file:
            query = (
                "UPDATE room_blocks SET at = ? WHERE code = ? AND kind = ? AND place = ? AND"
                " owner = ?"
            )
            file.execute(query, (time.time(), code, CLASS, block.place, block.owner))


def post_result(code: str, voter: str, place: int, result: str) -> None:
    """Store what a student's phone tells of the models that it trained; the first result of a
    block stays.

    Raises:
        LessonError: where the session is over, or the block is another student's by now.
    """
    with session_transaction(code) as file:
        query = "SELECT 1 FROM room_blocks WHERE code = ? AND kind = ? AND place = ? AND owner = ?"
        if not file.execute(query, (code, CLASS, place, voter)).fetchone():
            raise LessonError("Your seed pair was given to another phone; train two models again.")
        file.execute("INSERT OR IGNORE INTO room_results VALUES (?, ?, ?)", (code, place, result))


def take_open_blocks(
    code: str, token: str, state_of: Callable[[Block], BlockState], kind: str = CLASS
) -> list[Block]:
    """Ask for the planned blocks that nobody trains, without a change of owner; LessonError for all
    but the presenter. `state_of` gives the state of a block."""
    with presenter_transaction(code, token) as file:
        blocks = _blocks(file, code, kind)
        states = [state_of(block) for block in blocks]
        planned = ClassPlan(*file.execute(_PLAN, (code, kind)).fetchone()).planned
        # Those that nobody has taken yet.
        blocks += [Block(place) for place in range(len(blocks), len(blocks) + planned)]
        states += [BlockState.OPEN] * planned
        places = sorted(planned_places(states, planned))
        return [
            _ask(file, code, kind, blocks[place], states[place])
            for place in places
            if states[place].is_free
        ]


def rehearse(code: str, token: str, plan: ClassPlan, usual: Condition, grouping: Grouping) -> None:
    """Start a rehearsal, in which each of the planned simulated phones takes a block.

    It replaces an earlier rehearsal, and is shown instead of the study of the class. LessonError
    for all but the presenter.
    """
    plan = replace(plan, seed=REHEARSAL_SEED)
    plan = replace(plan, hash=plan_hash(plan, study_of(plan, usual, grouping, code)))
    delete_rehearsal(code, token)
    with presenter_transaction(code, token) as file:
        _write(file, code, REHEARSAL, plan)
        for place in range(plan.planned):
            block = Block(place, f"simulated-{place + 1}")
            _ask(file, code, REHEARSAL, block, BlockState.OPEN)


def delete_rehearsal(code: str, token: str) -> None:
    """Delete a rehearsal without its models; LessonError for all but the presenter."""
    with presenter_transaction(code, token) as file:
        for table in ("room_plans", "room_blocks", "room_looks"):
            query = f"DELETE FROM {table} WHERE code = ? AND kind = ?"  # noqa: S608
            file.execute(query, (code, REHEARSAL))


def looks_of(code: str, kind: str = CLASS) -> dict[int, float]:
    """The numbers of dots at which the class looked at the result, each with its p."""
    return dict(
        query_rows("SELECT dots, p FROM room_looks WHERE code = ? AND kind = ?", (code, kind))
    )


def record_look(code: str, kind: str, dots: int, p: float) -> None:
    """Record that the class looked at the result of so many dots."""
    if dots not in looks_of(code, kind):
        with session_transaction(code) as file:
            file.execute(
                "INSERT OR IGNORE INTO room_looks VALUES (?, ?, ?, ?)", (code, kind, dots, p)
            )


def _blocks(file: sqlite3.Connection, code: str, kind: str) -> list[Block]:
    return [Block(*row) for row in file.execute(_BLOCKS, (code, kind))]


def _write(file: sqlite3.Connection, code: str, kind: str, plan: ClassPlan) -> None:
    query = "INSERT INTO room_plans VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    # The session holds the towers.
    row = plan.contrast, plan.planned, PRIMARY, plan.seed, plan.prediction, plan.hash
    file.execute(query, (code, kind, *row))


def _ask(file: sqlite3.Connection, code: str, kind: str, block: Block, state: BlockState) -> Block:
    """Store a block; one that is free is asked for now."""
    if state.is_free:
        failures = block.failures + (state is BlockState.FAILED)
        block = replace(block, at=time.time(), failures=failures)
    file.execute(
        "INSERT OR REPLACE INTO room_blocks VALUES (?, ?, ?, ?, ?, ?)",
        (code, kind, block.place, block.owner, block.failures, block.at),
    )
    return block
