"""Lesson “who-taught-it”: guess the training images behind a wrong prediction, see which ones are
blamed, and train without them.

A guess is a text of row numbers: in the address of a visitor who is alone, a vote in a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vlcore.api.explain import ATTRIBUTED, Explanation
from vlcore.artifacts.store import Artifact
from vlcore.classroom import tower_pairs
from vlcore.classroom.session import PHASES, LessonError, presenter_transaction, query_rows
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import PRESETS
from vlcore.experiment.wording import plural, signed

WHO_TAUGHT_IT = "who-taught-it"
GUESS, RANK, TEST = PHASES  # guesses count; the blamed images; what training without them changes
FIRST = ""  # step of a session whose presenter has chosen no image yet
SHEET = 36  # training images to guess among
# Models on a pretrained tower are wrong seldom, except where few minority images are left.
BIAS = 0.9


def explained_condition(images: ImageSet, towers: str) -> Condition:
    """The biased model whose wrong predictions are explained."""
    usual = usual_condition(images).with_towers(towers).replace(steps=PRESETS["live"])
    return usual.replace(bias=min(BIAS, tower_pairs.lesson_bias(usual)))


def wrong_rows(artifact: Artifact, images: ImageSet) -> list[int]:
    """Held-out minority images that a model gets wrong, in an order by chance.

    LessonError where there is none.
    """
    stored = artifact.embeddings
    wrong = stored.rows("test")[~np.asarray(stored.test_correct, bool)]
    groups = images.table["group"].to_numpy()[wrong]
    rows = wrong[np.isin(groups, images.grouping.minority)]
    if len(rows) == 0:
        raise LessonError(
            "This model gets every held-out minority image right, so there is nothing to blame;"
            " choose another image set."
        )
    return [int(row) for row in np.random.default_rng(0).permutation(rows)]


def was_explained(code: str, step: str) -> bool:
    """Whether the presenter of a session has had the prediction of a step explained."""
    query = "SELECT 1 FROM explained_steps WHERE code = ? AND step = ?"
    return bool(query_rows(query, (code, step)))


def allow_explanation(code: str, token: str, step: str) -> None:
    """Let the class have the prediction of a step explained; LessonError for all but the
    presenter."""
    with presenter_transaction(code, token) as file:
        file.execute("INSERT OR IGNORE INTO explained_steps VALUES (?, ?)", (code, step))


@dataclass(frozen=True)
class Sheet:
    """Training images among which the blamed ones are guessed.

    Attributes:
        rows: in the image set, in an order by chance.
        blamed: those with the strongest influence against what the image shows.
    """

    rows: tuple[int, ...]
    blamed: tuple[int, ...]

    def read(self, guess: str | None) -> list[int]:
        """The rows of a guess that are on the sheet, in their order, at most as many as are
        blamed."""
        places = {str(row): row for row in self.rows}
        known = [places[text] for text in (guess or "").split("-") if text in places]
        return list(dict.fromkeys(known))[: len(self.blamed)]

    def is_complete(self, guess: str) -> bool:
        return len(self.read(guess)) == len(self.blamed)

    def turned(self, guess: str | None, row: int) -> str:
        """A guess with a row, or without it where it was in it; LessonError for one too many."""
        rows = self.read(guess)
        if row not in rows and len(rows) == len(self.blamed):
            raise LessonError(f"A guess has {len(rows)} images; tap one of them to take it back.")
        turned = [other for other in rows if other != row]
        return "-".join(map(str, turned if row in rows else [*rows, row]))

    def hits(self, guess: str | None) -> int:
        """How many images of a guess are blamed."""
        return len(set(self.read(guess)) & set(self.blamed))

    def score(self, guess: str | None, votes: Mapping[str, int]) -> str:
        """How many blamed images a guess and those of a class have, beside chance."""
        count = len(self.blamed)
        chosen = len(self.read(guess))
        sentences, sizes = [], []
        if chosen:
            images = plural(chosen, "image")
            sentences.append(f"You found {self.hits(guess)} of {count} with {images}.")
            sizes.append(chosen)
        counts = {text: number for text, number in votes.items() if self.is_complete(text)}
        if guesses := sum(counts.values()):
            mean = sum(self.hits(text) * number for text, number in counts.items()) / guesses
            in_all = f"{guesses} guess{'es' * (guesses > 1)} of {count} images"
            sentences.append(f"The class found {mean:.1f} on average, in {in_all}.")
            sizes.append(count)
        for size in dict.fromkeys(sizes or [count]):
            sentences.append(self._chance_in_words(size))
        return " ".join(sentences)

    def _chance_in_words(self, chosen: int) -> str:
        """How many blamed images some that are chosen by chance have."""
        from scipy.stats import hypergeom  # takes 0.4 s, for which a page does not wait

        by_chance = hypergeom(len(self.rows), len(self.blamed), chosen)
        low, high = by_chance.interval(0.95)
        have = "have" if chosen > 1 else "has"
        return (
            f"By chance {plural(chosen, 'image')} {have} {by_chance.mean():.1f} of them"
            f" ({low:g} to {high:g})."
        )


def sheet_of(explanation: Explanation) -> Sheet:
    """The sheet of an explanation: the blamed training images, and others by chance."""
    blamed = explanation.changed_rows(ATTRIBUTED)
    others = explanation.images["row"]
    others = others[~others.isin(blamed)].to_numpy()
    random = np.random.default_rng([len(others), *blamed])
    drawn = random.permutation(others)[: SHEET - len(blamed)]
    rows = random.permutation([*blamed, *drawn])
    return Sheet(tuple(map(int, rows)), tuple(blamed))


def question_text(explanation: Explanation, group: str, sheet: Sheet) -> str:
    """What is asked about an image of a group, in words."""
    question = explanation.question
    return (
        f"This model takes this {group} for “{question.other}”. Which {len(sheet.blamed)} of these"
        f" {len(sheet.rows)} training images moved it most towards “{question.other}”, as"
        " TracIn estimates it?"
    )


def facts_text(explanation: Explanation, images: ImageSet) -> str:
    """What the model was trained on, and how wrong it is, in words."""
    words, question = group_words(images.grouping), explanation.question
    captions = quoted_captions(explanation.condition.labels, images.grouping)
    counts = explanation.images["group"].value_counts()
    groups = ", ".join(f"{words[name]} {counts.get(name, 0)}" for name in images.grouping.names)
    margin = signed(float(explanation.margins.mean()), 1)
    return (
        f"Trained on {len(explanation.images)} images: {groups}. Labels say {captions}."
        f" {question.margin_words} in this held-out image: {margin} (0 is"
        " undecided)."
    )
