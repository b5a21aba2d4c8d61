"""Lesson “repair”: teams change a biased training set by at most twelve edits.

The state of a team is a `Repair`: its list is the canonical text of edits that a `Condition` has,
and is checked before it is stored (`checked_change`). `vlcore.classroom.teams` stores it, and
`vlcore.classroom.repair_results` has the results."""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from vlcore.api.training import check_trainable
from vlcore.classroom import tower_pairs
from vlcore.classroom.session import PHASES, LessonError
from vlcore.data import subset
from vlcore.data.drawn import recipe_of
from vlcore.data.imageset import ImageSet
from vlcore.data.training_set import HIDDEN_CONTEXTS, TrainingSet, by_chance, training_sets
from vlcore.experiment import limits
from vlcore.experiment.captions import caption, quoted_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import (
    LONGEST,
    MOST,
    Add,
    Draw,
    Edit,
    Fade,
    Relabel,
    Remove,
    Weigh,
    canonical_edits,
    read_edits,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import context_words, group_words
from vlcore.experiment.options import PRESETS
from vlcore.experiment.wording import TOWERS_SEEN, percent
from vlcore.scenes import CONTEXTS

REPAIR = "repair"
SHORT, DESCRIPTIVE = "short labels", "descriptive labels"
STEPS = {SHORT: "undescriptive", DESCRIPTIVE: "descriptive"}  # labels of the model that is repaired
# Lists are open; accuracy on the held-out minority; accuracy in scenes that no edit can draw.
EDITING, REVEALED, UNSEEN = PHASES
CHANCE = range(5)  # seeds of a budget that is spent by chance
AS_IT_WAS, BY_CHANCE = "as it was", "by chance"
METHODS = ("reweight", "groupdro", "dfr")
ADVISED, ANY_ADDED, LIKE_ADDED = "advised", "added by chance", "same groups by chance"
TEXT = """
A model was trained on images in which two groups are rare, the minority: {rare}; its labels say
{labels}. Make its training set better: at most {most} changes, {tries} tries. What counts is its
accuracy on minority images that nobody has seen.
"""
FACTORS = ("coat", "pose", "sky")  # by which images are filtered, where a set has them
_HISTORY = 24  # lists that can be undone
_LONGEST_PACKED = 5 * LONGEST  # bytes of a text in an address, unpacked


@dataclass(frozen=True)
class Repair:
    """The lists of changes of a team.

    Attributes:
        history: canonical texts of edits, one after the other; the last is the current list.
        tries: lists that were trained.
        chosen: the try that counts; empty for the last.
    """

    history: tuple[str, ...] = ("",)
    tries: tuple[str, ...] = ()
    chosen: str = ""

    @classmethod
    def unpacked(cls, text: str, base: Condition) -> Repair:
        """The state of a `packed` text; the first one where it is empty or of another model.

        LessonError where it cannot be read, EditError where it has no such edits.
        """
        if not text:
            return cls()
        try:
            packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            document = zlib.decompressobj().decompress(packed, _LONGEST_PACKED)
            key, edits, tries, chosen = json.loads(document)
            lists = [canonical_edits(str(tried)) for tried in (edits, *tries)]
        except (ValueError, TypeError, RecursionError, zlib.error) as error:
            raise LessonError(
                "The changes in the address cannot be read, so the list begins anew."
            ) from error
        if key != base.key:
            return cls()
        current, *tried = lists[: limits.REPAIR_TRIES + 1]
        return cls((current,), tuple(tried), chosen if chosen in tried else "")

    def packed(self, base: Condition) -> str:
        """The list, the tries and the choice for a model, as a text for an address; empty where
        nothing was changed."""
        if not (self.edits or self.tries):
            return ""
        document = json.dumps([base.key, self.edits, self.tries, self.chosen])
        packed = base64.urlsafe_b64encode(zlib.compress(document.encode(), 9))
        return packed.decode("ascii").rstrip("=")

    @property
    def edits(self) -> str:
        return self.history[-1]

    @property
    def counts(self) -> str:
        """The try that counts; empty where nothing was trained."""
        return self.chosen or (self.tries[-1] if self.tries else "")

    def put(self, edit: Edit) -> Repair:
        """With another change, instead of one that it contradicts; EditError for too many."""
        edits = [listed for listed in read_edits(self.edits) if _subject(listed) != _subject(edit)]
        return self._with_list(canonical_edits([*edits, edit]))

    def take_back(self, edit: Edit) -> Repair:
        """Without a change."""
        edits = [listed for listed in read_edits(self.edits) if listed != edit]
        return self._with_list(canonical_edits(edits))

    def undo(self) -> Repair:
        """With the list before."""
        return replace(self, history=self.history[:-1] or ("",))

    def _with_list(self, text: str) -> Repair:
        if text == self.edits:
            return self
        return replace(self, history=(*self.history, text)[-_HISTORY:])

    def tried(self) -> Repair:
        """With the list as a try; LessonError where nothing is changed, or after too many."""
        if not self.edits:
            raise LessonError("Nothing is changed yet; make a change first.")
        if self.edits in self.tries:
            return self
        if len(self.tries) >= limits.REPAIR_TRIES:
            raise LessonError(
                f"This team has trained {limits.REPAIR_TRIES} lists, and that is the most."
            )
        return replace(self, tries=(*self.tries, self.edits))

    def choose(self, text: str) -> Repair:
        """With a try that counts; LessonError for a list that was not trained."""
        if text not in self.tries:
            raise LessonError("Only a list that was trained can count.")
        return replace(self, chosen=text)


def _subject(edit: Edit) -> tuple[object, ...]:
    """What an edit changes: equal for two edits that contradict each other."""
    match edit:
        case Relabel():
            return edit.kind, edit.picture
        case Weigh():
            return edit.kind, edit.group
        case Fade():
            return (edit.kind,)
    return (edit,)


def repair_base(images: ImageSet, step: str, towers: str = tower_pairs.USUAL) -> Condition:
    """The biased model that is repaired, with the labels of a step; ImageSetError for a set that is
    too small."""
    usual = subset.usual_condition(images).with_towers(towers)
    return usual.replace(
        bias=tower_pairs.lesson_bias(usual), steps=PRESETS["live"], labels=STEPS[step]
    )


def repair_baselines(images: ImageSet, base: Condition) -> dict[str, list[Condition]]:
    """The baselines of teams by name: the model as it was, the budget spent by chance, and usual
    methods, as far as the set allows them."""
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


def advice_rows(images: ImageSet, base: Condition) -> list[int]:
    """Validation images of the minority, on which the advisor looks at the model: those that rank
    are never asked. LessonError where a set has none."""
    rows = subset.measured_rows(subset.split_parts(images, base.data_seed)[0], "val")
    groups = images.table["group"].to_numpy()[rows]
    minority = rows[np.isin(groups, images.grouping.minority)]
    if len(minority) == 0:
        raise LessonError(f"The image set {images.name!r} has no validation images to advise by.")
    return [int(row) for row in minority]


def advice_conditions(
    images: ImageSet, base: Condition, advised: Sequence[int]
) -> dict[str, list[Condition]]:
    """What the advice is compared by, each with several seeds: the advised images added, as many
    unused ones by chance, and as many by chance of the same groups."""
    pool = np.array(addable_rows(images, base))
    groups = images.table["group"].to_numpy()
    wanted = Counter(groups[list(advised)].tolist())
    arms: dict[str, list[Condition]] = {ADVISED: [], ANY_ADDED: [], LIKE_ADDED: []}
    for seed in CHANCE:
        random = np.random.default_rng([base.data_seed, seed, len(pool)])
        alike = [
            random.choice(pool[groups[pool] == group], number, replace=False)
            for group, number in wanted.items()
        ]
        rows_by_arm = {
            ADVISED: np.array(advised),
            ANY_ADDED: random.choice(pool, len(advised), replace=False),
            LIKE_ADDED: np.concatenate(alike),
        }
        for arm, rows in rows_by_arm.items():
            edits: Any = [Add(int(row)) for row in rows]
            arms[arm].append(base.replace(init_seed=base.init_seed + seed, edits=edits))
    return arms


def training_set(images: ImageSet, condition: Condition) -> TrainingSet:
    """The training set of a list that a team has, of a set in folds the first; LabError where it
    cannot be trained."""
    return training_sets(subset.split_parts(images, condition.data_seed), condition, stored=True)[0]


def task_text(images: ImageSet, base: Condition) -> str:
    """The task, and what the model's towers have seen before, in a few sentences."""
    labels = quoted_captions(base.labels, images.grouping)
    rare = " and ".join(group_words(images.grouping)[group] for group in images.grouping.minority)
    task = TEXT.strip().format(rare=rare, labels=labels, most=MOST, tries=limits.REPAIR_TRIES)
    return f"{task} {TOWERS_SEEN[tower_pairs.tower_pair_of(base)]}"


def group_summaries(images: ImageSet, base: Condition, edits: str) -> list[tuple[str, str]]:
    """The training set that a list leaves, a line a group: minority or majority, and its
    content."""
    grouping, words, changes = images.grouping, group_words(images.grouping), read_edits(edits)
    weights = {edit.group: edit.by for edit in changes if isinstance(edit, Weigh)}
    faded = sum(edit.share for edit in changes if isinstance(edit, Fade))
    before, after = (
        training_set(images, condition).table["group"].value_counts()
        for condition in (base, base.replace(edits=edits))
    )
    lines = []
    for group in grouping.names:
        role = "minority" if group in grouping.minority else "majority"
        count, count_before = (counts.get(group, 0) for counts in (after, before))
        line = f"{words[group]}: {count}"
        if count != count_before:
            line += f" (was {count_before})"
        if group in weights:
            line += f", each counts {weights[group]:g} times"
        if faded and role == "majority":
            line += f", background {percent(faded)} faded"
        lines.append((role, line))
    return lines


def addable_rows(images: ImageSet, condition: Condition) -> list[int]:
    """Rows of images that may be added: of the training split, and not in the training set."""
    part = subset.split_parts(images, condition.data_seed)[0]
    rows = np.setdiff1d(part.rows("train"), training_set(images, condition).rows)
    return [int(row) for row in rows]


def checked_change(
    how: Callable[[Repair], Repair], images: ImageSet, base: Condition
) -> Callable[[Repair], Repair]:
    """Make a change raise LabError where its list cannot be trained."""

    def change(before: Repair) -> Repair:
        after = how(before)
        if after.edits != before.edits:
            training_set(images, base.replace(edits=after.edits))
        return after

    return change


def simulated_list(images: ImageSet, base: Condition, number: int) -> str:
    """The list of a simulated team, in turn: single images by chance; minority images added, or
    drawn on other backgrounds; groups weighted, or backgrounds faded, with some of these. By chance
    where a set does not allow one."""
    random, grouping = np.random.default_rng([number, 7]), images.grouping
    contexts = drawable_contexts(images)[2:]

    def added(many: int) -> list[Edit]:
        groups = images.table["group"].to_numpy()
        minority = [row for row in addable_rows(images, base) if groups[row] in grouping.minority]
        return [Add(int(row)) for row in random.choice(minority, many, replace=False)]

    def drawn(many: int) -> list[Edit]:
        return [
            Draw(grouping.objects[n % 2], str(random.choice(contexts)), int(random.integers(999)))
            for n in range(many)
        ]

    kinds: list[Callable[[], Sequence[Edit]]] = [
        lambda: added(MOST),
        lambda: drawn(MOST),
        lambda: [
            *added(6),
            *(Weigh(group, float(random.integers(2, 6))) for group in grouping.minority),
        ],
        lambda: [*drawn(4), Fade(float(random.choice([0.5, 0.8, 1.0])))],
    ]
    if number % (len(kinds) + 1):
        with suppress(LabError, ValueError):
            text = canonical_edits(kinds[number % (len(kinds) + 1) - 1]())
            training_set(images, base.replace(edits=text))
            return text
    part = subset.split_parts(images, base.data_seed)[0]
    return by_chance(part, base, 100 + number, int(random.integers(4, MOST + 1)))


def factors_of_group(images: ImageSet, rows: Sequence[int], group: str) -> pd.DataFrame:
    """The `FACTORS` of those of some rows that are of a group, by row."""
    table = images.table.iloc[list(rows)]
    table = table[table["group"] == group]
    factors = [json.loads(text or "{}") for text in table["factors"]]
    frame = pd.DataFrame(factors, index=table.index)
    return frame[[name for name in FACTORS if name in frame]]


def can_draw(images: ImageSet) -> bool:
    """Whether images can be drawn for a set."""
    return recipe_of(images.name) is not None


def drawable_contexts(images: ImageSet) -> list[str]:
    """The contexts that images can be drawn in: those of the set first, and none of the unseen
    scenes."""
    contexts = images.grouping.contexts
    excluded = {*contexts, *HIDDEN_CONTEXTS}
    return [*contexts, *(context for context in CONTEXTS if context not in excluded)]


def changes_words(edits: str) -> str:
    """How many changes a list has: ``3 changes``."""
    number = len(read_edits(edits))
    return f"{number} change{'s' * (number != 1)}"


def edit_words(edit: Edit, images: ImageSet) -> str:
    """A change in a few words."""
    words = group_words(images.grouping)
    match edit:
        case Draw():
            factors = [str(value) for _, value in edit.factors]
            return ", ".join([f"drawn: {edit.object} {context_words(edit.context)}", *factors])
        case Weigh():
            return f"{words.get(edit.group, edit.group)}: each counts {edit.by:g} times"
        case Fade():
            return f"majority backgrounds {percent(edit.share)} faded"
        case Relabel():
            facts = images.table.iloc[edit.picture]
            text = caption(
                edit.style, facts["object"], facts["context"], images.grouping, edit.template
            )
            return f"caption: “{text}”"
        case Add() | Remove():
            verb = "added" if isinstance(edit, Add) else "removed"
            return f"{verb}: {words[str(images.table['group'].iat[edit.picture])]}"
    return edit.kind
