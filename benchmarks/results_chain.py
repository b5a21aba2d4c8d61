"""The planned chain of hypotheses, tested step by step.

The plan is ``answer.md`` in ``docs/results/plans.zip``, with the studies in the files beside it. A
step is confirmatory only if all steps before it were rejected on both image sets; the rest is
descriptive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.runs_table import AnalysisError
from vlcore.study.statistics.paired import ALPHA, holm

TOWERS = {"scratch": "from scratch", "pretrained": "with a pretrained image tower"}
SETS = {"scenes": "", "balanced-cues": "-cues"}  # with the ending of a study's name
PLANNED_PAIRS = 20

DESCRIPTIVE_COST = {"transformer descriptive": 1.0, "transformer short": -1.0}
WORDS_LESS_CODES = {
    "words@random descriptive": 1.0,
    "words@random short": -1.0,
    "codes descriptive": -1.0,
    "codes short": 1.0,
}
SKY_LESS_PLACE = {"sky": 1.0, "descriptive": -1.0}


class StepOutcome(StrEnum):
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
        p: of the exact test in log odds, adjusted over the towers of its step and set; 1 while its
            runs are not there.
    """

    data: str
    tower: str
    contrast: Contrast | None
    p: float

    @property
    def n_pairs(self) -> int:
        """How many seed pairs have all arms."""
        return self.contrast.n if self.contrast else 0


@dataclass(frozen=True)
class ChainStep:
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
    def outcome(self) -> StepOutcome:
        """That with each image tower, where it is the same."""
        outcomes = {self.outcome_with(tower) for tower in self.towers}
        if len(outcomes) == 1:
            return outcomes.pop()
        return (
            StepOutcome.INCOMPLETE
            if StepOutcome.INCOMPLETE in outcomes
            else StepOutcome.TOWERS_DIFFER
        )

    def outcome_with(self, tower: str) -> StepOutcome:
        """Rejected where the tests on both image sets are."""
        tests = [test for test in self.tests if test.tower == tower]
        if not tests or any(test.n_pairs < PLANNED_PAIRS for test in tests):
            return StepOutcome.INCOMPLETE
        rejected = [test.p <= ALPHA for test in tests]
        if all(rejected):
            return StepOutcome.REJECTED
        return StepOutcome.MIXED if any(rejected) else StepOutcome.NOT_REJECTED


CHAIN = (
    ChainStep(
        "H1", "descriptive labels cost nothing", "made-of-words", DESCRIPTIVE_COST, ("scratch",)
    ),
    ChainStep(
        "Words",
        "they cost as much as means of random word vectors as they do as codes",
        "made-of-words",
        WORDS_LESS_CODES,
        ("scratch", "pretrained"),
        "above 0 with both image towers",
    ),
    ChainStep(
        "Sky",
        "naming the sky costs as much as naming the background",
        "second-word",
        SKY_LESS_PLACE,
        ("scratch",),
    ),
)


def run_chain() -> list[ChainStep]:
    """Test every step of the chain with the published runs."""
    tested: list[ChainStep] = []
    for step in CHAIN:
        tests = tuple(test for data in SETS for test in _tests_on(data, step))
        confirmatory = all(before.outcome is StepOutcome.REJECTED for before in tested)
        tested.append(replace(step, tests=tests, confirmatory=confirmatory))
    return tested


def _tests_on(data: str, step: ChainStep) -> list[ChainTest]:
    """The tests of a step on one image set, with p adjusted over its towers."""
    contrasts: list[Contrast | None] = []
    for tower in step.towers:
        try:
            result = published_contrast(f"{step.study}-{tower}{SETS[data]}", step.weights)
        except AnalysisError:  # fewer than two of its seed pairs are there
            contrasts.append(None)
        else:
            contrasts.append(result)
    adjusted = holm([result.log_odds.p if result else 1.0 for result in contrasts])
    return [
        ChainTest(data, tower, result, p)
        for tower, result, p in zip(step.towers, contrasts, adjusted, strict=True)
    ]
