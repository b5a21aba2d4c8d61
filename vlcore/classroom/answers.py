"""Measurements that answer the questions of a lesson: in one run, over seed pairs, and published.

Each has its own interval, over images or over seed pairs, and says if it decides nothing. Published
numbers and the sentence to take home come from the published answer (`vlcore.study.answer_file`).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vlcore.api.model_metrics import absence_reason, estimate_of
from vlcore.classroom.lessons import Choice, Lesson, LessonStep, Quantity
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import difference, number, points, rate_words
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import ENOUGH, t_interval
from vlcore.study.answer_file import DIGITS, published_answer

SEEDS = range(20)  # of the seed pairs of this server that are looked for
ANOTHER = "This is one run of each model; another seed gives other numbers."


@dataclass(frozen=True)
class Measurement:
    """One measurement of a step's number.

    Attributes:
        step: the step.
        where: such as ``in this run``.
        estimate: the number.
        runs: whether its interval is over seed pairs, and not over images.
    """

    step: LessonStep
    where: str
    estimate: Estimate
    runs: bool

    @property
    def open(self) -> list[Choice]:
        """The answers that the interval leaves open, in their order."""
        low, high = self.estimate.low, self.estimate.high
        return [choice for choice in self.step.choices if choice.low <= high and low < choice.high]

    @property
    def decides(self) -> Choice | None:
        """The answer that contains the whole interval; None where it spans two, or is over fewer
        than six seed pairs."""
        too_few = self.runs and self.estimate.n < ENOUGH
        return None if too_few or len(self.open) > 1 else self.open[0]

    @property
    def number(self) -> str:
        """The number with its interval: ``-5 points (-18 to +7)``, ``61% (50 to 72)``, ``+0.18
        (+0.16 to +0.21)`` of a difference, or ``0.062 (0.06 to 0.065)``."""
        quantity = self.step.quantity
        if quantity.share:
            if quantity.less_left:
                return points(self.estimate.as_dict(), DIGITS if self.runs else 0)
            return rate_words(self.estimate.as_dict())
        return (difference if quantity.less else number)(self.estimate.as_dict())

    @property
    def counted(self) -> str:
        """The sample size: ``n = 7 seed pairs`` or ``1,000 images``."""
        n = self.estimate.n
        return f"n = {n} seed pairs" if self.runs else f"{n:,} images"

    @property
    def decision(self) -> str:
        """What it decides, in a sentence."""
        if self.decides:
            return f"The answer is “{self.decides.text}”."
        if len(self.open) == 1:
            return f"Inconclusive: fewer than {ENOUGH} seed pairs decide nothing."
        *first, last = (f"“{choice.text}”" for choice in self.open)
        return f"Inconclusive: the interval leaves {', '.join(first)} and {last} open."

    @property
    def sentence(self) -> str:
        """Where it was measured and what it decides, in one sentence.

        Only a share of images stands there as a number; a silhouette means nothing to most.
        """
        where = f"{self.where[0].upper()}{self.where[1:]}"
        answer = f"the answer is “{self.decides.text}”" if self.decides else "that stays open"
        if not self.step.quantity.share:
            return f"{where}: {answer}."
        return f"{where}: {self.number}, {'so ' if self.decides else ''}{answer}."


@dataclass(frozen=True)
class Answer:
    """The measurements of a question, and why this run's number is `missing`.

    Attributes:
        step: the question.
        measurements: of this run, of other runs of this server, and of published runs.
        missing: why this run has no number; empty if it has one.
        unreadable: why no published number is shown; empty if the published answer can be read.
    """

    step: LessonStep
    measurements: Sequence[Measurement]
    missing: str = ""
    unreadable: str = ""

    @property
    def verdict(self) -> Measurement | None:
        """The measurement that answers: the published one, else of runs here, else of this run."""
        return self.measurements[-1] if self.measurements else None

    @property
    def sentences(self) -> list[str]:
        """All of it on paper."""
        words = self.step.quantity.words
        sentences = [
            f"{words}, {measurement.where}: {measurement.number}, {measurement.counted}."
            f" {measurement.decision}"
            for measurement in self.measurements
        ]
        if self.unreadable:
            sentences.append(self.unreadable)
        if not sentences:
            sentences = ["Nothing was measured yet: train the models of this question."]
        return [*sentences, ANOTHER]


def estimate_in_run(
    quantity: Quantity, left: Mapping[str, Any], right: Mapping[str, Any]
) -> Estimate:
    """A quantity from one run of each model, with its interval over images.

    The interval of a difference is the widest that both allow. ValueError, which says why, where
    the number is not defined.
    """
    terms = []
    for metrics, measure in quantity.terms(left, right):
        estimate = estimate_of(metrics, measure)
        if estimate is None:
            raise ValueError(absence_reason(metrics, measure))
        terms.append(Estimate(**estimate))
    if len(terms) == 1:
        return terms[0]
    value, less = terms
    return Estimate(value.value - less.value, value.low - less.high, value.high - less.low, value.n)


def estimate_over_runs(
    quantity: Quantity,
    conditions: tuple[Condition, Condition],
    values: Mapping[str, Mapping[str, float]],
    seeds: Iterable[int] = SEEDS,
) -> Estimate:
    """A quantity over seed pairs, in runs that differ in their seeds alone, with its t interval.

    Args:
        quantity: the number.
        conditions: of the models on the left and on the right.
        values: of `values_of`.
        seeds: of the seed pairs that are looked for.

    Raises:
        ValueError: with fewer than two seed pairs.
    """
    numbers = []
    for seed in seeds:
        left, right = (values.get(with_seed(model, seed).key, {}) for model in conditions)
        terms = [metrics.get(measure, math.nan) for metrics, measure in quantity.terms(left, right)]
        value = terms[0] - sum(terms[1:])
        if not math.isnan(value):
            numbers.append(value)
    interval = t_interval(numbers)
    return interval.within(-1.0 if quantity.less_left else 0.0, 1.0) if quantity.share else interval


def with_seed(condition: Condition, seed: int) -> Condition:
    """The same condition in another seed pair."""
    return condition.replace(data_seed=seed, init_seed=seed)


def values_of(frame: pd.DataFrame, quantities: Sequence[Quantity]) -> dict[str, dict[str, float]]:
    """The measures of quantities at the end of training: key of a run to measure to value."""
    measures = {name for quantity in quantities for name in (quantity.measure, quantity.less)}
    rows = frame[frame["measure"].isin(measures) & (frame["moment"] == "end")]
    rows = rows.dropna(subset=["value"])
    return {
        key: dict(zip(run["measure"], run["value"], strict=True))
        for key, run in rows.groupby("key")
    }


def published_measurement(lesson: Lesson, step: LessonStep) -> Measurement | None:
    """Return the published number that answers a question; None if none is published.

    Raises:
        AnswerError: the published answer is missing or damaged.
    """
    told = published_answer().lessons.get(lesson.name)
    number = told.steps.get(step.name, {}).get(step.right.data) if told else None
    if number is None:
        return None
    estimate = Estimate(number.value, number.low, number.high, number.n)
    return Measurement(step, "in published runs", estimate, runs=True)


def take_home(lesson: str, data: str) -> str:
    """Return what a class takes home from a lesson, in one sentence.

    Args:
        lesson: its name.
        data: the image set of the class; a sentence about numbers of other sets is not for it.

    Returns:
        The sentence; empty if there is none.

    Raises:
        AnswerError: the published answer is missing or damaged.
    """
    answer = published_answer()
    told = answer.lessons.get(lesson)
    if told is None or (told.published and data not in answer.sets):
        return ""
    return told.take_home
