"""What labels cost: the planned chain of hypotheses, tested step by step, and the answer's table.

The plan is ``docs/results/plans/answer.md``, with the studies in the files beside it. A step is
confirmatory only where all steps before it were rejected on both image sets; what comes after the
first that was not is descriptive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vlcore.experiment.wording import difference
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study.contrasts import Contrast, published_contrast, shared_sign
from vlcore.study.pooled import LABELS_COST, SETS, pooled
from vlcore.study.runs_table import AnalysisError
from vlcore.study.statistics.paired import ALPHA, holm
from vlcore.study.telling_apart import LEFT_OUT, USUAL, cost

TOWERS = {"scratch": "from scratch", "pretrained": "with a pretrained image tower"}
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
PLAIN_COST = {"words@random plain": 1.0, "words@random short": -1.0}  # “horse desert”
TRAINED_WORDS_COST = {"words descriptive": 1.0, "words short": -1.0}
SKY_LESS_PLACE = {"sky": 1.0, "descriptive": -1.0}
SKY_LESS_SHORT = {"sky": 1.0, "undescriptive": -1.0}
SYNONYM_COST = {"synonym": 1.0, "undescriptive": -1.0}
COMMON = "majority_accuracy"
PROBE = "readouts_linear_probe.minority_accuracy"
_LEFT_OUT = "without mismatched captions of the image's own animal"


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


def place_or_sky(data: str) -> Contrast:
    """The sky less the background, from scratch, with half of what the background costs in the same
    seed pairs as the margin of equivalence; AnalysisError while runs are missing."""
    study = f"second-word-scratch{SETS[data]}"
    place = published_contrast(study, LABELS_COST)
    return published_contrast(study, SKY_LESS_PLACE, margin=abs(place.mean_log_odds.value) / 2)


def composition_found() -> str:
    """What it changes that captions are made of words, a sentence an image tower; AnalysisError
    where a study of it is not published."""
    than = "as means of random word vectors than as codes"
    results = {
        1: f"captions that name the background cost less {than}",
        -1: f"captions that name the background cost more {than}",
        0: "it makes no clear difference whether captions are codes or means of random word"
        " vectors",
    }
    sentences = []
    for tower, words in TOWERS.items():
        changes = [
            published_contrast(f"made-of-words-{tower}{ending}", WORDS_LESS_CODES).mean_log_odds
            for ending in SETS.values()
        ]
        sentences.append(f"{words.capitalize()}, {results[shared_sign(changes)]}.")
    return " ".join(sentences)


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


def answer_table() -> str:
    """The answer on one scale, in Markdown: what descriptive labels change in log odds, and on what
    it depends, with intervals and numbers of seed pairs. README, Findings and the page of results
    show it.

    Raises:
        AnalysisError: a study of it is not published.
        StudyError: none is.
    """
    heads = " | ".join(f"`{data}`" for data in SETS)
    lines = [
        f"| Change in log odds against short captions (95\u00a0% interval; seed pairs) | {heads} |",
        "| --- | --- | --- |",
    ]
    changes = [_changes(data) for data in SETS]
    for words in changes[0]:
        results = [on_set[words] for on_set in changes]
        cells = [f"{difference(each.mean_log_odds.as_dict())}; {each.n}" for each in results]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _changes(data: str) -> dict[str, Contrast]:
    """What captions that name more change on an image set, by what is asked."""
    pretrained = f"made-of-words-pretrained{SETS[data]}"
    second_word = f"second-word-scratch{SETS[data]}"
    return {
        "**rare images**": pooled(data).all_pairs,
        "common images": pooled(data, COMMON).all_pairs,
        "rare images, none removed from training": pooled(data, PRIMARY, 0.0).all_pairs,
        "rare images, read by a linear probe fitted on balanced images": pooled(
            data, PROBE
        ).all_pairs,
        f"rare images, {_LEFT_OUT}": cost(data, "place", LEFT_OUT),
        "rare images, captions that name the sky, not the background": cost(data, "sky", USUAL),
        f"the same, {_LEFT_OUT}": cost(data, "sky", LEFT_OUT),
        "rare images, captions “one horse” or “single horse” at random": published_contrast(
            second_word, SYNONYM_COST
        ),
        "rare images, pretrained image tower, captions as codes": published_contrast(
            pretrained, CODES_COST
        ),
        "the same, as means of random word vectors": published_contrast(pretrained, WORDS_COST),
        "the same, without function words (“horse desert”)": published_contrast(
            pretrained, PLAIN_COST
        ),
        "the same, as means of trained word vectors": published_contrast(
            pretrained, TRAINED_WORDS_COST
        ),
    }
