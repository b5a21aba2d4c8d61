"""Lesson “repair”: teams add and remove images of a biased training set, and train it again.

A team is a phone. Its list of changes is in the file of class sessions, so a reload or a server
that restarts loses nothing. Lists are open until the reveal.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import numpy as np

from vlcore.api.training import check_trainable
from vlcore.classroom import tower_pairs
from vlcore.classroom.session import (
    PHASES,
    LessonError,
    admit,
    presenter_transaction,
    query_rows,
    session_transaction,
)
from vlcore.data import subset
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import TrainingSet, by_chance, training_sets
from vlcore.experiment import limits
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import KINDS, LONGEST, MOST, Edit, canonical_edits, read_edits
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import PRESETS
from vlcore.experiment.wording import plural

REPAIR = "repair"
STEP = "edit"  # the lesson's only one
EDITING, _, REVEALED = PHASES
CHANCE = range(5)  # seeds of a budget that is spent by chance
AS_IT_WAS, BY_CHANCE = "as it was", "by chance"
METHODS = ("reweight", "groupdro", "dfr")
TASK = """
A model was trained on images in which two groups are rare: {rare}. Its captions say {captions}.
Make its training set better: add and remove at most {most} images, in at most {tries} tries. The
accuracy on held-out rare images counts.
"""


@dataclass(frozen=True)
class Repair:
    """A team's changes.

    Attributes:
        edits: canonical text of the current list.
        tries: the lists that were trained; the last one counts.
    """

    edits: str = ""
    tries: tuple[str, ...] = ()

    @property
    def counts(self) -> str:
        """The list that counts; empty where nothing was trained."""
        return self.tries[-1] if self.tries else ""

    @property
    def text(self) -> str:
        """The state in an address, the current list first: ``a617,r1394;a617``."""
        lists = [
            ",".join(f"{edit.kind[0]}{edit.picture}" for edit in read_edits(edits))
            for edits in (self.edits, *self.tries)
        ]
        return ";".join(lists)

    @classmethod
    def from_text(cls, text: str) -> "Repair":
        """Read a state from its `text`; LabError where it is none."""
        kinds = {name[0]: kind for name, kind in KINDS.items()}
        try:
            edits, *tries = [
                canonical_edits([kinds[word[0]](int(word[1:])) for word in part.split(",") if word])
                for part in text[:LONGEST].split(";")
            ]
        except (KeyError, ValueError) as error:
            raise LessonError(
                "The changes in the address cannot be read; begin with a new list."
            ) from error
        return cls(edits, tuple(tries[: limits.REPAIR_TRIES]))

    def turned(self, edit: Edit) -> "Repair":
        """With a change, or without it if the list has it; EditError for too many."""
        edits = read_edits(self.edits)
        others = [listed for listed in edits if listed != edit]
        if len(others) == len(edits):
            others.append(edit)
        return replace(self, edits=canonical_edits(others))

    def tried(self) -> "Repair":
        """With the current list as the try that counts; LessonError after too many tries."""
        others = tuple(edits for edits in self.tries if edits != self.edits)
        if len(others) == limits.REPAIR_TRIES:
            raise LessonError(
                f"This team has trained {limits.REPAIR_TRIES} lists, and that is the most."
            )
        return replace(self, tries=(*others, self.edits))


@dataclass(frozen=True)
class Team:
    """A team of a class."""

    number: int
    repair: Repair

    @property
    def name(self) -> str:
        return f"Team {self.number}"


def join(code: str, voter: str, address: str = "") -> None:
    """Start the team of a phone; LessonError for too many teams, or as `admit`."""
    with _open_lists(code) as file:
        admit(file, code, voter, address)
        query = "SELECT COALESCE(MAX(team), 0), COUNT(*) FROM repair_teams WHERE code = ?"
        last, count = file.execute(query, (code,)).fetchone()
        if count >= limits.TEAMS:
            raise LessonError(f"There are {limits.TEAMS} teams, and that is the most.")
        values = (code, voter, last + 1, Repair().text)
        file.execute("INSERT OR IGNORE INTO repair_teams VALUES (?, ?, ?, ?)", values)


def change(code: str, voter: str, how: Callable[[Repair], Repair]) -> None:
    """Change the list of a phone's team by the list as it is stored; `how` refuses by raising."""
    with _open_lists(code) as file:
        query = "SELECT state FROM repair_teams WHERE code = ? AND voter = ?"
        stored = file.execute(query, (code, voter)).fetchone()
        if stored is None:
            raise LessonError("This phone has no team yet; start one first.")
        query = "UPDATE repair_teams SET state = ? WHERE code = ? AND voter = ?"
        file.execute(query, (how(Repair.from_text(stored[0])).text, code, voter))


def delete_idle(code: str, token: str) -> None:
    """Remove the teams without changes; LessonError for all but the presenter."""
    with presenter_transaction(code, token) as file:
        query = "DELETE FROM repair_teams WHERE code = ? AND state = ?"
        file.execute(query, (code, Repair().text))


def teams(code: str, voter: str | None = None) -> list[Team]:
    """Return the teams of a class by their numbers, or the team of one phone."""
    query = "SELECT team, state FROM repair_teams WHERE code = ? AND voter = COALESCE(?, voter)"
    stored = query_rows(f"{query} ORDER BY team", (code, voter))
    return [Team(number, Repair.from_text(state)) for number, state in stored]


@contextmanager
def _open_lists(code: str) -> Iterator[sqlite3.Connection]:
    """A transaction while the lists are open; LessonError where they are not."""
    with session_transaction(code) as file:
        query = "SELECT 1 FROM lessons WHERE code = ? AND phase = ?"
        if not file.execute(query, (code, EDITING)).fetchone():
            raise LessonError("The lists are closed: the presenter has revealed what they did.")
        yield file


def repair_base(images: ImageSet, towers: str = tower_pairs.USUAL) -> Condition:
    """Return the biased model that is repaired; ImageSetError for a set that is too small."""
    usual = subset.usual_condition(images).with_towers(towers)
    return usual.replace(bias=tower_pairs.lesson_bias(usual), steps=PRESETS["live"])


def repair_baselines(images: ImageSet, base: Condition) -> dict[str, list[Condition]]:
    """Return the baselines of teams by name, as far as the set allows them.

    They are the model as it was, the budget spent by chance, and usual methods.
    """
    part = subset.split_parts(images, base.data_seed)[0]
    compared = {AS_IT_WAS: [base]}
    with suppress(LabError):
        compared[BY_CHANCE] = [base.replace(edits=by_chance(part, base, seed)) for seed in CHANCE]
    for name in METHODS:
        with suppress(LabError):
            condition = base.replace(mitigation=name)
            check_trainable(condition)
            compared[name] = [condition]
    return compared


def task_text(images: ImageSet, base: Condition) -> str:
    """Return the task of a class."""
    rare = " and ".join(group_words(images.grouping)[group] for group in images.grouping.minority)
    captions = quoted_captions(base.labels, images.grouping)
    task = TASK.strip().replace("\n", " ")
    return task.format(rare=rare, captions=captions, most=MOST, tries=limits.REPAIR_TRIES)


def training_set(images: ImageSet, base: Condition, repair: Repair) -> TrainingSet:
    """Return what a list leaves to train on, of a set in folds the first part.

    LabError where that cannot be trained.
    """
    condition = base.replace(edits=repair.edits)
    return training_sets(subset.split_parts(images, base.data_seed), condition)[0]


def unused_rows(images: ImageSet, training: TrainingSet) -> list[int]:
    """Return the rows of the training split that are not in a training set."""
    return np.setdiff1d(training.images.rows("train"), training.rows).tolist()


def group_sizes(images: ImageSet, training: TrainingSet) -> dict[str, int]:
    """Return the training images of each group, by its name."""
    counts = training.table["group"].value_counts()
    return {name: int(counts.get(name, 0)) for name in images.grouping.names}


def changes_words(edits: str) -> str:
    """Return how many changes a list has: ``3 changes``."""
    return plural(len(read_edits(edits)), "change")


def edit_words(edit: Edit, images: ImageSet) -> str:
    """Return a change in words: ``added: horse in the desert``."""
    group = str(images.table["group"].iat[edit.picture])
    verb = {"add": "added", "remove": "removed"}[edit.kind]
    return f"{verb}: {group_words(images.grouping)[group]}"
