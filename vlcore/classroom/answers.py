"""Answers to the questions of a lesson: what was measured in one run and over many, and what that
decides.

Each reading stands for itself, with an interval over pictures or over runs. What decides nothing
says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.api.model_metrics import absence_reason, estimate_of
from vlcore.classroom.lessons import Choice, Lesson, Step
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.wording import difference, number, points, rate
from vlcore.metrics.estimate import Estimate
from vlcore.study.claims import evaluate_claims
from vlcore.study.evidence import ClaimResult
from vlcore.study.statistics.paired import ENOUGH, t_interval
from vlcore.study.text import claim_words, estimate_words, not_run

RESULTS = Path(__file__).parents[2] / "docs" / "results"
SEEDS = range(20)  # blocks that are looked for
ANOTHER = "This is one run of each model; another seed gives other numbers."


@dataclass(frozen=True)
class Measurement:
    """One measurement of a step's number: `where`, such as ``in this run``; its interval is over
    `runs` or pictures."""

    step: Step
    where: str
    estimate: Estimate
    runs: bool

    @property
    def open(self) -> list[Choice]:
        """The answers that the interval leaves open, in the order that they are shown."""
        low, high = self.estimate.low, self.estimate.high
        return [choice for choice in self.step.choices if choice.low <= high and low < choice.high]

    @property
    def decides(self) -> Choice | None:
        """The answer that the whole interval is in; none where it spans two, or stands on fewer
        than six runs."""
        return (
            None if (self.runs and self.estimate.n < ENOUGH) or len(self.open) > 1 else self.open[0]
        )

    @property
    def number(self) -> str:
        """The number with its interval: ``-5 points (-18 to +7)``, ``61 % (50 to 72)``, ``+0.18
        (+0.16 to +0.21)`` of a difference, or ``0.062 (0.06 to 0.065)``."""
        quantity = self.step.quantity
        if quantity.share:
            return (points if quantity.beside else rate)(self.estimate.as_dict())
        return (difference if quantity.less else number)(self.estimate.as_dict())

    @property
    def counted(self) -> str:
        """What it was counted on: ``n = 7 runs`` or ``1,000 pictures``."""
        return f"n = {self.estimate.n} runs" if self.runs else f"{self.estimate.n:,} pictures"

    @property
    def decision(self) -> str:
        """What it decides, in a sentence."""
        if self.decides:
            return f"The answer is “{self.decides.text}”."
        if len(self.open) == 1:
            return f"Not decided: fewer than {ENOUGH} runs decide nothing."
        *first, last = (f"“{choice.text}”" for choice in self.open)
        return f"Not decided: the interval leaves {', '.join(first)} and {last} open."


@dataclass(frozen=True)
class Answer:
    """All that is known of a question, of the study's claims about it, and why this run's number is
    `missing`."""

    step: Step
    readings: Sequence[Measurement]
    claims: Sequence[ClaimResult] = ()
    missing: str = ""

    @property
    def sentences(self) -> list[str]:
        """All of it on paper."""
        words, said = self.step.quantity.words, []
        for one in self.readings:
            said.append(f"{words}, {one.where}: {one.number}, {one.counted}. {one.decision}")
        for claim in self.claims:
            measured = f"{claim.claim.what}: {estimate_words(claim.estimate)}, n = {claim.n}"
            verdict = f"{claim_words(claim)}. {not_run(claim)}".rstrip()
            said.append(
                f"{claim.claim.id}, the study says: {claim.claim.says} {measured}. {verdict}"
            )
        return [
            *(said or ["Nothing was measured yet: train the models of this question."]),
            ANOTHER,
        ]


def estimate_in_run(step: Step, left: Mapping[str, Any], right: Mapping[str, Any]) -> Estimate:
    """The number of a step from one run of each model, with its interval over scenes, of a
    difference the widest; ValueError, which says why, where it is not defined."""
    terms = []
    for metrics, measure in step.quantity.terms(left, right):
        found = estimate_of(metrics, measure)
        if found is None:
            raise ValueError(absence_reason(metrics, measure))
        terms.append(Estimate(found["value"], found["low"], found["high"], found["n"]))
    if len(terms) == 1:
        return terms[0]
    value, off = terms
    return Estimate(value.value - off.value, value.low - off.high, value.high - off.low, value.n)


def estimate_over_runs(step: Step, values: Mapping[str, Mapping[str, float]]) -> Estimate:
    """The number of a step over runs that differ in their seeds alone, with its t interval;
    ValueError when `values`, as of `values_of`, has fewer than two blocks."""
    quantity, found = step.quantity, []
    for seed in SEEDS:
        left, right = (
            values.get(with_seed(condition, seed).key, {}) for condition in step.conditions
        )
        value, *off = (of.get(measure, math.nan) for of, measure in quantity.terms(left, right))
        found += [] if math.isnan(value - sum(off)) else [value - sum(off)]
    if len(found) < 2:
        raise ValueError(f"an interval over runs needs two blocks of seeds, not {len(found)}")
    interval = t_interval(found)
    if not quantity.share:
        return interval
    return replace(
        interval,
        low=max(interval.low, -1.0 if quantity.beside else 0.0),
        high=min(interval.high, 1.0),
    )


def estimate_over_seeds(frame: pd.DataFrame, condition: Condition, measure: str) -> Estimate:
    """A measure at the end of training over the runs of a table that differ from a condition in
    their seeds alone, with its t interval; ValueError of fewer than two."""
    keys = {with_seed(condition, seed).key for seed in SEEDS}
    rows = frame[
        frame["key"].isin(keys) & (frame["measure"] == measure) & (frame["moment"] == "end")
    ]
    values = rows["value"].dropna().to_numpy(dtype=float)
    if len(values) < 2:
        raise ValueError(f"an interval over runs needs two of them, not {len(values)}")
    return t_interval(values)


def with_seed(condition: Condition, seed: int) -> Condition:
    """The same in another block of seeds."""
    return condition.replace(data_seed=seed, init_seed=seed)


def values_of(frame: pd.DataFrame, lesson: Lesson) -> dict[str, dict[str, float]]:
    """What the questions of a lesson are about, at the end of training: key of a run to measure to
    value."""
    measures = {
        name for step in lesson.steps for name in (step.quantity.measure, step.quantity.less)
    }
    rows = frame[frame["measure"].isin(measures) & (frame["moment"] == "end")].dropna(
        subset=["value"]
    )
    return {
        key: dict(zip(part["measure"], part["value"], strict=True))
        for key, part in rows.groupby("key")
    }


def published_lesson_runs(data: str, folder: Path = RESULTS) -> pd.DataFrame:
    """The runs on an image set that the lab publishes with itself, as a
    `vlcore.study.runs_table.runs_table`."""
    tables = [pd.read_parquet(path) for path in sorted(folder.glob(f"*/{data}/runs.parquet"))]
    if not tables:
        return pd.DataFrame(columns=["key", "moment", "measure", "value"])
    return pd.concat(tables, ignore_index=True).drop_duplicates(
        ["key", "moment", "measure"], ignore_index=True
    )


def lesson_claims(
    frame: pd.DataFrame, lesson: Lesson, grouping: Grouping
) -> dict[str, ClaimResult]:
    """The study's claims, put to a lesson's runs of a table, by id; AnalysisError where they do not
    compare."""
    keys = {
        with_seed(one, seed).key
        for step in lesson.steps
        for one in step.conditions
        for seed in SEEDS
    }
    rows = frame[frame["key"].isin(keys)]
    return (
        {result.claim.id: result for result in evaluate_claims(rows, grouping)} if len(rows) else {}
    )
