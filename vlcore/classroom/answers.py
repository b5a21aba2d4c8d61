"""Measurements that answer the questions of a lesson: in one run, over seed pairs, and by the
claims. What descriptive labels change is the study's one answer (`vlcore.study.pooled`).

Each has its own interval, over images or over seed pairs, and says where it decides nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vlcore.api.model_metrics import absence_reason, estimate_of
from vlcore.classroom.lessons import Choice, Lesson, LessonStep, Quantity
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import difference, number, percent, points, rate_words
from vlcore.metrics.estimate import Estimate
from vlcore.study import pooled, published
from vlcore.study.claims import evaluate_claims
from vlcore.study.evidence import STYLES, ClaimResult
from vlcore.study.plans import StudyError
from vlcore.study.published import made_once_per_table
from vlcore.study.runs_table import matching_runs, runs_table
from vlcore.study.statistics.paired import ENOUGH, t_interval
from vlcore.study.text import claim_words, estimate_words, not_run

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
        """The number with its interval: ``-5 points (-18 to +7)``, ``61 % (50 to 72)``, ``+0.18
        (+0.16 to +0.21)`` of a difference, or ``0.062 (0.06 to 0.065)``."""
        quantity = self.step.quantity
        if quantity.share:
            if quantity.less_left:
                return points(self.estimate.as_dict(), pooled.DIGITS if self.runs else 0)
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


@dataclass(frozen=True)
class Answer:
    """The measurements of a question, the study's claims about it, and why this run's number is
    `missing`."""

    step: LessonStep
    measurements: Sequence[Measurement]
    claims: Sequence[ClaimResult] = ()
    missing: str = ""

    @property
    def sentences(self) -> list[str]:
        """All of it on paper."""
        words = self.step.quantity.words
        sentences = [
            f"{words}, {measurement.where}: {measurement.number}, {measurement.counted}."
            f" {measurement.decision}"
            for measurement in self.measurements
        ]
        for result in self.claims:
            measured = measured_of(result, self.step.right.data)
            verdict = f"{claim_words(result)}. {not_run(result)}".rstrip()
            sentences.append(
                f"{result.claim.id}, the study says: {result.claim.says} {measured} {verdict}"
            )
        if not sentences:
            sentences = ["Nothing was measured yet: train the models of this question."]
        return [*sentences, ANOTHER]


def measured_of(result: ClaimResult, data: str) -> str:
    """What was measured of a claim on an image set: where the claim is about what descriptive
    labels change, the one answer first."""
    claim = result.claim
    number = f"{claim.what}: {estimate_words(result.estimate)}, n = {result.n} seed pairs."
    if pooled.asks(claim):
        with suppress(StudyError):  # none was published
            answer = pooled.pooled(data)
            return (
                f"With {percent(STUDY_BIAS)} removed, descriptive minus short labels:"
                f" {answer.words}, n = {answer.n} seed pairs. {number}"
            )
    return number


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


def lesson_runs(lesson: Lesson) -> pd.DataFrame:
    """The published runs that the study's claims are put to in a lesson, with the claims' controls,
    as a `vlcore.study.runs_table.runs_table`: at its bias levels, in the seed pairs of the one
    answer. Empty where there are none."""
    usual = lesson.trained[0]
    try:
        runs = published.measured_runs(
            data=usual.data,
            labels=list(STYLES),
            bias=sorted({condition.bias for condition in lesson.trained}),
            init_seed=list(pooled.pooled(usual.data).seeds),
        )
    except StudyError:
        return runs_table([])
    return matching_runs(runs, usual, ("labels", "bias", "size_mode", "data_seed", "init_seed"))


@made_once_per_table(50)
def estimate_published(quantity: Quantity, conditions: tuple[Condition, Condition]) -> Estimate:
    """A quantity over the seed pairs of the one answer; ValueError with fewer than two that were
    measured."""
    data = conditions[1].data
    try:
        seeds = pooled.pooled(data).seeds
        measures = sorted({quantity.measure, quantity.less} - {""})
        runs = published.measured_runs(
            data=data, moment="end", measure=measures, init_seed=list(seeds)
        )
    except StudyError as error:
        raise ValueError(str(error)) from error
    return estimate_over_runs(quantity, conditions, values_of(runs, [quantity]), seeds)


@made_once_per_table(8)
def published_claims(lesson: Lesson, grouping: Grouping) -> dict[str, ClaimResult]:
    """The study's claims, put to `lesson_runs`; errors are those of `lesson_claims`."""
    return lesson_claims(lesson_runs(lesson), grouping)


def lesson_claims(runs: pd.DataFrame, grouping: Grouping) -> dict[str, ClaimResult]:
    """The study's claims, put to runs, by id; AnalysisError where they do not compare."""
    results = evaluate_claims(runs, grouping) if len(runs) else []
    return {result.claim.id: result for result in results}
