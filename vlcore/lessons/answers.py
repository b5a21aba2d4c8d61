"""What was measured about a question of a lesson: in one run, over many, and what that decides.

The one idea: the same number is read from everything that is there, and each reading stands for itself: one run with an
interval over pictures, runs that differ in their seeds with one over runs. What decides nothing says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.compare.metrics_table import absence_reason, estimate_of
from vlcore.core.grouping import Grouping
from vlcore.core.wording import difference, number, points, rate
from vlcore.lessons.script import Choice, Lesson, Step
from vlcore.measures.estimate import Estimate
from vlcore.studies.claims import ledger
from vlcore.studies.evidence import ClaimResult
from vlcore.studies.statistics.paired import ENOUGH, t_interval

RESULTS = Path(__file__).parents[2] / "docs" / "results"
SEEDS = range(20)  # blocks that are looked for


@dataclass(frozen=True)
class Reading:
    """One measurement of a step's number.

    Attributes:
        where: what it was measured in, such as ``this run``.
        estimate: the number; its `n` counts runs where `runs`, else pictures.
        runs: whether the interval is over runs.
        decides: the answer that the whole interval is in; None where it decides nothing.
        open: the answers that it leaves open.
    """

    where: str
    estimate: Estimate
    runs: bool
    decides: Choice | None
    open: tuple[Choice, ...]


def reading(step: Step, where: str, estimate: Estimate, *, runs: bool) -> Reading:
    """A measurement with what it decides."""
    return Reading(where, estimate, runs, decided(step, estimate, runs=runs), tuple(spanned(step, estimate)))


def in_one_run(step: Step, left: Mapping[str, Any], right: Mapping[str, Any]) -> Estimate:
    """The number of a step from one run of each model, with its interval over scenes.

    Of a difference the interval is the widest that the two allow: both are of the same pictures, and what they share is
    not known here.

    Args:
        step: what is asked.
        left, right: metrics of the two models at the end of training.

    Raises:
        ValueError: when it is not defined; the message says why.
    """
    quantity = step.quantity
    value = _estimate(right, quantity.measure)
    if not (quantity.less or quantity.beside):
        return value
    other = _estimate(right, quantity.less) if quantity.less else _estimate(left, quantity.measure)
    return Estimate(value.value - other.value, value.low - other.high, value.high - other.low, value.n)


def over_runs(step: Step, values: Mapping[str, Mapping[str, float]], seeds: Sequence[int]) -> Estimate:
    """The number of a step over runs that differ in their seeds alone, with its t interval.

    Args:
        step: what is asked.
        values: key of a run to measure to value.
        seeds: blocks to look for.

    Raises:
        ValueError: when fewer than two blocks are there.
    """
    quantity, found = step.quantity, []
    for seed in seeds:
        left, right = (values.get(c.replace(data_seed=seed, init_seed=seed).key, {}) for c in step.conditions)
        parts = [right.get(quantity.measure)]
        parts += [right.get(quantity.less)] if quantity.less else []
        parts += [left.get(quantity.measure)] if quantity.beside else []
        there = [part for part in parts if part is not None]
        if len(there) == len(parts):
            found.append(there[0] - sum(there[1:]))
    if len(found) < 2:
        raise ValueError(f"an interval over runs needs two blocks of seeds, not {len(found)}")
    interval = t_interval(found)
    least, most = (-1.0 if quantity.beside else 0.0, 1.0) if quantity.share else (-math.inf, math.inf)
    return replace(interval, low=max(interval.low, least), high=min(interval.high, most))


def decided(step: Step, estimate: Estimate, *, runs: bool) -> Choice | None:
    """The answer whose range holds the whole interval; None where the interval spans two, or stands on too few runs.

    Args:
        step: with its answers.
        estimate: the step's number.
        runs: whether `estimate.n` counts runs; fewer than six decide nothing anywhere in the lab.
    """
    if runs and estimate.n < ENOUGH:
        return None
    return next((c for c in step.choices if c.low <= estimate.low and estimate.high < c.high), None)


def spanned(step: Step, estimate: Estimate) -> list[Choice]:
    """The answers that an interval leaves open, in the order that they are shown."""
    return [choice for choice in step.choices if choice.low <= estimate.high and estimate.low < choice.high]


def _estimate(metrics: Mapping[str, Any], measure: str) -> Estimate:
    found = estimate_of(metrics, measure)
    if found is None:
        raise ValueError(absence_reason(metrics, measure))
    return Estimate(found["value"], found["low"], found["high"], found["n"])


def measures_of(lesson: Lesson) -> set[str]:
    """Measures that the questions of a lesson are about."""
    return {name for step in lesson.steps for name in (step.quantity.measure, step.quantity.less) if name}


def values_of(frame: pd.DataFrame, measures: Iterable[str]) -> dict[str, dict[str, float]]:
    """Values at the end of training from a table of runs."""
    rows = frame[frame["measure"].isin(list(measures)) & (frame["moment"] == "end")].dropna(subset=["value"])
    found: dict[str, dict[str, float]] = {}
    for key, measure, value in zip(rows["key"], rows["measure"], rows["value"], strict=True):
        found.setdefault(key, {})[measure] = float(value)
    return found


def published_results(data: str, folder: Path = RESULTS) -> pd.DataFrame:
    """The runs on an image set that the lab publishes with itself, as `vlcore.studies.runs_table.runs_table` lays them
    out; no rows where there are none."""
    tables = [pd.read_parquet(path) for path in sorted(folder.glob(f"*/{data}/runs.parquet"))]
    if not tables:
        return pd.DataFrame(columns=["key", "moment", "measure", "value"])
    return pd.concat(tables, ignore_index=True).drop_duplicates(["key", "moment", "measure"], ignore_index=True)


def claims(frame: pd.DataFrame, lesson: Lesson, grouping: Grouping) -> dict[str, ClaimResult]:
    """The study's claims, put to those runs of a table that a lesson is about, by id; none where there are no runs.

    Raises:
        AnalysisError: when the runs do not compare.
    """
    keys = {
        c.replace(data_seed=seed, init_seed=seed).key
        for step in lesson.steps
        for c in step.conditions
        for seed in SEEDS
    }
    rows = frame[frame["key"].isin(keys)]
    return {result.claim.id: result for result in ledger(rows, grouping)} if len(rows) else {}


def number_words(step: Step, estimate: Estimate) -> str:
    """The step's number with its interval: ``-5 points (-18 to +7)``, ``61 % (50 to 72)``, ``+0.18 (+0.16 to +0.21)``
    of a difference, or ``0.062 (0.06 to 0.065)``."""
    quantity = step.quantity
    if quantity.share:
        return (points if quantity.beside else rate)(estimate.as_dict())
    return (difference if quantity.less else number)(estimate.as_dict())


def counted_words(one: Reading) -> str:
    """What a reading was counted on: ``n = 7 runs`` or ``1,000 pictures``."""
    return f"n = {one.estimate.n} runs" if one.runs else f"{one.estimate.n:,} pictures"


def decision_words(one: Reading) -> str:
    """What a reading decides, in a sentence."""
    if one.decides:
        return f"The answer is “{one.decides.text}”."
    if len(one.open) > 1:
        return f"Not decided: the interval leaves {_or(one.open)} open."
    return f"Not decided: fewer than {ENOUGH} runs decide nothing."


def reading_words(step: Step, one: Reading) -> str:
    """A reading in two sentences: the number with its interval and n, and what it decides."""
    said = f"{step.quantity.words}, {one.where}: {number_words(step, one.estimate)}, {counted_words(one)}."
    return f"{said} {decision_words(one)}"


def _or(choices: Sequence[Choice]) -> str:
    quoted = [f"“{choice.text}”" for choice in choices]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"
