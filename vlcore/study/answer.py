"""The planned chain of hypotheses about what labels cost, tested step by step.

The plan is ``docs/results/plans/answer.md``, with the studies in the files beside it. A step is
confirmatory only where all steps before it were rejected on both image sets; what comes after the
first that was not is descriptive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache

import pandas as pd

from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import published
from vlcore.study.contrasts import Contrast, arm_rates, contrast
from vlcore.study.plans import StudyPlan
from vlcore.study.runs_table import AnalysisError
from vlcore.study.statistics.paired import ALPHA, holm

SETS = {"scenes": "", "balanced-cues": "-cues"}  # what a study's name ends with
TOWERS = {"scratch": "from scratch", "pretrained": "with a pretrained image tower"}
BIAS = 0.75
PLANNED_PAIRS = 20

DESCRIPTIVE_COST = {"transformer descriptive": 1.0, "transformer short": -1.0}
WORDS_LESS_CODES = {
    "words@random descriptive": 1.0,
    "words@random short": -1.0,
    "codes descriptive": -1.0,
    "codes short": 1.0,
}
CODES_COST = {"codes descriptive": 1.0, "codes short": -1.0}
WORDS_COST = {"words@random descriptive": 1.0, "words@random short": -1.0}
TRAINED_WORDS_COST = {"words descriptive": 1.0, "words short": -1.0}
SKY_LESS_PLACE = {"sky": 1.0, "descriptive": -1.0}
SKY_LESS_SHORT = {"sky": 1.0, "undescriptive": -1.0}
PLACE_LESS_SHORT = {"descriptive": 1.0, "undescriptive": -1.0}


class Outcome(StrEnum):
    """What became of a step."""

    REJECTED = "rejected on both image sets"
    MIXED = "rejected on one of two image sets"
    TOWERS_DIFFER = "not the same with both image towers"
    NOT_REJECTED = "not rejected"
    INCOMPLETE = "incomplete"  # seed pairs are missing


@dataclass(frozen=True)
class ChainTest:
    """A contrast on one image set with one image tower.

    Attributes:
        data: the image set.
        tower: one of `TOWERS`.
        contrast: its estimate; None while its runs are not there.
        p: of the exact test in log odds, adjusted over the towers of its step and set.
    """

    data: str
    tower: str
    contrast: Contrast | None
    p: float = float("nan")

    @property
    def n_pairs(self) -> int:
        """How many seed pairs have all arms."""
        return self.contrast.n if self.contrast else 0


@dataclass(frozen=True)
class Step:
    """A hypothesis of the chain.

    Attributes:
        name: short.
        hypothesis: what is rejected or not.
        study: the plan's name, without tower and set.
        weights: of the arms.
        towers: it is asked of.
        predicted: what the plan expected, if anything.
        tests: one an image set and tower.
        confirmatory: whether every step before it was rejected.
    """

    name: str
    hypothesis: str
    study: str
    weights: Mapping[str, float]
    towers: tuple[str, ...]
    predicted: str = ""
    tests: tuple[ChainTest, ...] = field(default=())
    confirmatory: bool = False

    @property
    def outcome(self) -> Outcome:
        """That with each image tower, where it is the same."""
        outcomes = {self.outcome_with(tower) for tower in self.towers}
        if len(outcomes) == 1:
            return outcomes.pop()
        return Outcome.INCOMPLETE if Outcome.INCOMPLETE in outcomes else Outcome.TOWERS_DIFFER

    def outcome_with(self, tower: str) -> Outcome:
        """Rejected where the tests on both image sets are."""
        tests = [test for test in self.tests if test.tower == tower]
        if not tests or any(test.n_pairs < PLANNED_PAIRS for test in tests):
            return Outcome.INCOMPLETE
        rejected = [test.p <= ALPHA for test in tests]
        if all(rejected):
            return Outcome.REJECTED
        return Outcome.MIXED if any(rejected) else Outcome.NOT_REJECTED


CHAIN = (
    Step("H1", "descriptive labels cost nothing", "made-of-words", DESCRIPTIVE_COST, ("scratch",)),
    Step(
        "Words",
        "they cost as much as means of random word vectors as they do as codes",
        "made-of-words",
        WORDS_LESS_CODES,
        ("scratch", "pretrained"),
        "above 0 with both image towers",
    ),
    Step(
        "Sky",
        "naming the sky costs as much as naming the background",
        "second-word",
        SKY_LESS_PLACE,
        ("scratch",),
    ),
)


@cache
def study_plan(study: str, tower: str, data: str) -> StudyPlan:
    """The plan of a study of the chain, for an image tower and an image set."""
    return published.file_plan(f"{study}-{tower}{SETS[data]}")


def run_chain(runs: pd.DataFrame, measure: str = PRIMARY) -> list[Step]:
    """Test every step of the chain.

    Args:
        runs: rows of a `vlcore.study.runs_table.runs_table`.
        measure: a rate; the plan's own is minority-group accuracy.
    """
    tested: list[Step] = []
    for step in CHAIN:
        tests = [
            test
            for data in SETS
            for test in _adjusted(
                [_test(runs, step, data, tower, measure) for tower in step.towers]
            )
        ]
        confirmatory = all(before.outcome is Outcome.REJECTED for before in tested)
        tested.append(replace(step, tests=tuple(tests), confirmatory=confirmatory))
    return tested


def estimate(
    runs: pd.DataFrame,
    study: str,
    tower: str,
    data: str,
    weights: Mapping[str, float],
    *,
    bias: float = BIAS,
    measure: str = PRIMARY,
    margin: float | None = None,
) -> Contrast | None:
    """A contrast of a study of the chain; None while no two of its seed pairs are there.

    Args:
        runs: rows of a `vlcore.study.runs_table.runs_table`.
        study: the plan's name, without tower and set.
        tower: one of `TOWERS`.
        data: the image set.
        weights: of the arms.
        bias: the bias level.
        measure: a rate.
        margin: of equivalence, in log odds.
    """
    plan = study_plan(study, tower, data)
    try:
        rates = arm_rates(runs, plan, measure, bias, *weights)
    except AnalysisError:
        return None
    return contrast(rates, weights, margin) if len(rates.rates) > 1 else None


def place_or_sky(runs: pd.DataFrame, data: str, tower: str = "scratch") -> Contrast | None:
    """The sky less the background, with half of what the background costs in the same seed pairs as
    the margin of equivalence; None while runs are missing."""
    place = estimate(runs, "second-word", tower, data, PLACE_LESS_SHORT)
    if place is None or place.mean_log_odds.value == 0:
        return None
    margin = abs(place.mean_log_odds.value) / 2
    return estimate(runs, "second-word", tower, data, SKY_LESS_PLACE, margin=margin)


def cost_by_text(data: str, tower: str, weights: Mapping[str, float]) -> Contrast:
    """What descriptive labels cost where captions are codes, `CODES_COST`, or means of random word
    vectors, `WORDS_COST`; or the second less the first, `WORDS_LESS_CODES`. From the table of
    published runs; AnalysisError where they are not in it."""
    study = "made-of-words"
    runs = _published_runs(published.newest(), f"{study}-{tower}{SETS[data]}")
    rates = arm_rates(runs, study_plan(study, tower, data), PRIMARY, BIAS, *weights)
    return contrast(rates, weights)


def cost_of_word(data: str, word: str) -> Contrast:
    """What a second word of captions costs less short labels, from scratch; `word` is the label
    style that has it. From the table of published runs; AnalysisError where they are not in it."""
    study, tower = "second-word", "scratch"
    runs = _published_runs(published.newest(), f"{study}-{tower}{SETS[data]}")
    weights = {word: 1.0, "undescriptive": -1.0}
    rates = arm_rates(runs, study_plan(study, tower, data), PRIMARY, BIAS, *weights)
    return contrast(rates, weights)


_AS_WORDS = (
    "captions that name the background cost {} as means of random word vectors than as codes"
)


def composition_found() -> str:
    """What it changes that captions are made of words, a sentence an image tower; AnalysisError
    where a study of it is not published."""
    sentences = []
    for tower, words in TOWERS.items():
        changes = [cost_by_text(data, tower, WORDS_LESS_CODES).mean_log_odds for data in SETS]
        result = (
            "it makes no clear difference whether captions are codes or means of random word"
            " vectors"
        )
        if all(change.low > 0 for change in changes):
            result = _AS_WORDS.format("less")
        elif all(change.high < 0 for change in changes):
            result = _AS_WORDS.format("more")
        sentences.append(f"{words.capitalize()}, {result}.")
    return " ".join(sentences)


@cache
def _published_runs(_newest: float, study: str) -> pd.DataFrame:
    rows = published.read_rows(moment="end", measure=PRIMARY, bias=BIAS)
    return rows[published.counts(rows, study)]


def _test(runs: pd.DataFrame, step: Step, data: str, tower: str, measure: str) -> ChainTest:
    result = estimate(runs, step.study, tower, data, step.weights, measure=measure)
    return ChainTest(data, tower, result, result.log_odds.p if result else float("nan"))


def _adjusted(tests: Sequence[ChainTest]) -> list[ChainTest]:
    """The tests of a step on one image set, with p adjusted over its towers; what is not there yet
    counts as a p of 1."""
    adjusted = holm([test.p if test.contrast else 1.0 for test in tests])
    return [
        replace(test, p=p) if test.contrast else test
        for test, p in zip(tests, adjusted, strict=True)
    ]
