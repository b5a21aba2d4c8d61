"""Evidence for claims: readings of a claim in the runs of a study, and one status out of all readings.

A claim is one number a block, in a direction, with nulls that it must beat. The number has to differ from 0 in its
direction (exact sign-flip test over blocks, p at most 0.05, six blocks or more), and so has its difference to every
null; a null that nobody ran is not beaten, and the claim stays "not decided". The other readings (first fit, each bias,
other label styles, measures and scales) can only withhold support: where they contradict it, the claim depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.core.errors import LabError
from vlcore.measures.catalogue import whole_of
from vlcore.measures.estimate import Estimate
from vlcore.studies.plans import PLACEBO
from vlcore.studies.runs_table import (
    LIMIT,
    align_blocks,
    by_block,
    check_alike,
    check_once,
    measured,
    rows_of,
    slope_column,
    to_array,
    why_absent,
)
from vlcore.studies.statistics.design import phi, slopes
from vlcore.studies.statistics.paired import ALPHA, MARGIN, Paired, Status, holm, paired, t_interval

STYLES = ("undescriptive", "descriptive", PLACEBO)
PLAIN = {"size_mode": "shrink", "mitigation": "none"}  # the study's own runs


class MissingRunsError(LabError):
    """What a reading needs was not run or not measured; the message says what."""


@dataclass(frozen=True)
class Query:
    """Which numbers a reading takes.

    Attributes:
        measure, moment: as in the table of runs.
        groups: those whose own values of the measure are averaged; none for a measure that is not one of groups.
        labels: label style.
        size_mode, mitigation: how the training set was made.
        scale: ``value``, or ``logit`` for shares as log odds.
        bias: one level of bias; None for all below 1.
    """

    measure: str
    moment: str = "end"
    groups: tuple[str, ...] = ()
    labels: str = "undescriptive"
    size_mode: str = PLAIN["size_mode"]
    mitigation: str = PLAIN["mitigation"]
    scale: str = "value"
    bias: float | None = None


Changes = Mapping[str, Any]  # fields of a query that another query has otherwise


class Evidence:
    """The runs that claims are put to.

    Attributes:
        biases: levels of bias below 1 that the study's own runs have.
        mitigations: those that some run has, without ``none``.
        used: keys of the runs that were queried since it was last cleared.

    Raises:
        AnalysisError: when runs differ in more than label style, size mode, mitigation, bias and seeds, or are twice.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        frame = frame[frame["labels"].isin(STYLES) & (frame["bias"] < LIMIT)]
        check_alike(frame, free=("labels", "bias", *PLAIN))
        check_once(frame)
        plain = (frame[list(PLAIN)] == list(PLAIN.values())).all(axis=1)
        self.biases = sorted(float(bias) for bias in frame.loc[plain, "bias"].unique())
        self.mitigations = sorted(set(frame["mitigation"]) - {PLAIN["mitigation"]})
        self.used: set[str] = set()
        # A table of a study has a hundred thousand rows, and each query is for a few dozen of them.
        self._made = frame[["labels", *PLAIN]].drop_duplicates()
        self._rows = dict(iter(frame.groupby(["measure", "moment"])))

    def arm(self, query: Query) -> pd.DataFrame:
        """One arm as blocks by levels of bias below 1; with groups, complete blocks only.

        At bias 0 no image is removed, so every size mode has the study's own runs there.

        Raises:
            MissingRunsError: when no run or no value is there.
        """
        if query.groups:
            names = [f"{query.measure}.{group}" for group in query.groups]
            arms = [self.arm(replace(query, measure=name, groups=())) for name in names]
            return reduce(pd.DataFrame.add, arms).dropna(axis="columns", how="all").dropna() / len(arms)
        rows = self._runs(query)
        if query.size_mode != PLAIN["size_mode"]:
            own = self._runs(replace(query, size_mode=PLAIN["size_mode"]))
            there = rows.loc[rows["bias"] == 0, "block"]
            rows = pd.concat([rows, own[(own["bias"] == 0) & ~own["block"].isin(there)]])
        if query.bias is not None:
            rows = rows[rows["bias"] == query.bias]
        kept = measured(rows)
        if kept.empty:
            raise MissingRunsError(why_absent(rows, query.moment, query.measure))
        self.used |= set(kept["key"])
        return by_block(kept, slope_column(query.measure, kept) if query.scale == "logit" else "value")

    def _runs(self, query: Query) -> pd.DataFrame:
        names = [(name, query.moment) for name in (query.measure, whole_of(query.measure))]
        tables = [self._rows[name] for name in names if name in self._rows]
        if not tables:
            raise MissingRunsError(f"no run has {query.measure} at the moment {query.moment}")
        made, rows = self._made, rows_of(pd.concat(tables), query.measure, query.moment)
        for name in ("labels", *PLAIN):
            made, rows = (table[table[name] == getattr(query, name)] for table in (made, rows))
            if made.empty:
                raise MissingRunsError(f"no run has {name}={getattr(query, name)}")
        return rows


@dataclass(frozen=True)
class Claim:
    """A claim of the study, made testable.

    Attributes:
        id: ``C1`` to ``C8``.
        says: the study's words.
        test: the operational test, in words.
        null: what it must beat, in words.
        what: what the estimate is, in words.
        query: the numbers that it is about.
        reference: in what the numbers differ that they are compared with, by blocks; None where that is 0.
        slope: whether it is about the slope of each block on φ, and not about its mean over levels.
        sign: of the difference that it speaks of.
        measures: names of the measures to chart.
        nulls: what it must beat: words, and in what that differs from the query; None where no run can show it.
        variations: other ways to read it: axis, words, and in what both sides differ.
        by_level: whether each bias is a variation too.
        margin: what counts as no difference that matters, on the value itself; None where the claim is of a small one.
        mitigated: whether what mitigations give on the same number is shown beside it; that decides nothing.
    """

    id: str
    says: str
    test: str
    null: str
    what: str
    query: Query
    reference: Changes | None
    slope: bool
    sign: int
    measures: tuple[str, ...]
    nulls: tuple[tuple[str, Changes | None], ...]
    variations: tuple[tuple[str, str, Changes], ...]
    by_level: bool = False
    margin: float | None = MARGIN
    mitigated: bool = False


@dataclass(frozen=True)
class Reading:
    """One way to read a claim.

    Attributes:
        axis: what it varies, such as ``moment``; ``claim`` for the claim itself, ``null`` for what it must beat.
        words: which one, such as ``at first fit``.
        difference: by block, in the claim's own direction of counting; None where it cannot be had.
        reference: mean of what it is compared with; None where that is 0.
        reason: why there is no difference, or empty.
        status: supported, contradicted or not decided.
    """

    axis: str
    words: str
    difference: Paired | None = None
    reference: Estimate | None = None
    reason: str = ""
    status: Status = Status.NOT_DECIDED


@dataclass(frozen=True)
class ClaimResult:
    """What runs say of a claim.

    Attributes:
        claim: the claim.
        status: supported, contradicted, not decided, or depends on what the readings vary.
        own: the claim's own reading, with the value that it is compared with.
        nulls: the claim read against what it must beat, with the null's value.
        readings: the other readings.
        beside: what mitigations give on the same number; they decide nothing.
        runs: keys of the runs that were used.
    """

    claim: Claim
    status: Status
    own: Reading
    nulls: tuple[Reading, ...]
    readings: tuple[Reading, ...]
    beside: tuple[Reading, ...]
    runs: tuple[str, ...]

    @property
    def estimate(self) -> Estimate | None:
        """The claim's number with its interval over blocks; None where it was not measured."""
        return None if self.own.difference is None else self.own.difference.mean

    @property
    def n(self) -> int:
        """The number of blocks."""
        return 0 if self.estimate is None else self.estimate.n


def evaluate_claim(claim: Claim, evidence: Evidence) -> ClaimResult:
    """Put a claim to the runs; `evidence` then knows which runs it took."""
    evidence.used.clear()

    def read(axis: str, words: str, changes: Changes, against: Changes | None = claim.reference) -> Reading:
        query = replace(claim.query, **changes)
        reference = None if against is None else replace(query, **against)
        return _reading(Reading(axis, words), evidence, query, reference, claim)

    (own,) = with_status([read("claim", "at the end", {})], claim.sign)
    asked = [
        Reading("null", words, reason="no run can show it") if against is None else read("null", words, {}, against)
        for words, against in claim.nulls
    ]
    nulls = with_status(asked, claim.sign, adjust=True)
    levels = [("bias", f"at bias {bias * 100:g} %", {"bias": bias}) for bias in evidence.biases]
    variations = [*claim.variations, *(levels if claim.by_level and len(levels) > 1 else [])]
    others = with_status([read(*one) for one in variations], claim.sign)
    short = {"labels": STYLES[0]}
    beside = [
        read("beside", f"{name} with {STYLES[0]} labels", short | {"mitigation": name}, PLAIN)
        for name in evidence.mitigations
        if claim.mitigated
    ]
    return ClaimResult(
        claim=claim,
        status=claim_status(own, nulls, others),
        own=own,
        nulls=tuple(nulls),
        readings=tuple(others),
        beside=tuple(beside),
        runs=tuple(sorted(evidence.used)),
    )


def _reading(blank: Reading, evidence: Evidence, query: Query, reference: Query | None, claim: Claim) -> Reading:
    """A reading with its difference, or with the reason why there is none; without its status."""
    try:
        here, there = evidence.arm(query), None
        if reference is None:
            here = here.dropna()
        else:
            here, there = align_blocks(here, evidence.arm(reference))
            if here.shape[1] == 0:
                raise MissingRunsError("the two arms share no level of bias")
        if claim.slope and here.shape[1] < 2:
            raise MissingRunsError(f"levels of bias: {here.shape[1]}, two needed for a slope")
        if len(here) < 2:
            raise MissingRunsError(f"complete blocks: {len(here)}, two needed")
    except MissingRunsError as error:
        return replace(blank, reason=str(error))
    numbers, margin = _of_each(here, claim.slope), claim.margin if query.scale == "value" else None
    if there is None:
        return replace(blank, difference=paired(numbers, margin))
    against = _of_each(there, claim.slope)
    return replace(blank, difference=paired(numbers - against, margin), reference=t_interval(against))


def _of_each(blocks: pd.DataFrame, slope: bool) -> NDArray[np.float64]:
    """One number a block: its slope on φ, or its mean over levels."""
    if slope:
        return slopes(phi(blocks.columns.to_numpy(dtype=float)), to_array(blocks))
    return blocks.mean(axis=1).to_numpy(dtype=np.float64)


def with_status(readings: Sequence[Reading], sign: int, *, adjust: bool = False) -> list[Reading]:
    """Readings with their status.

    Args:
        readings: what was read.
        sign: of the difference that the claim speaks of, 1 or -1.
        adjust: whether any one of them can contradict the claim; its p is then adjusted for their number (Holm).
            Support needs none where all have to support, nor do readings that can only withhold support.
    """
    there = [reading.difference.test.p for reading in readings if reading.difference is not None]
    against = iter(holm(there) if adjust else there)
    return [
        reading
        if reading.difference is None
        else replace(reading, status=_status(reading.difference, sign, next(against)))
        for reading in readings
    ]


def _status(difference: Paired, sign: int, p_against: float) -> Status:
    if difference.exploratory:
        return Status.NOT_DECIDED
    agrees = difference.mean.value * sign > 0
    if agrees and difference.test.p <= ALPHA:
        return Status.SUPPORTED
    # A difference that is shown to be smaller than the margin is not what the claim speaks of.
    return Status.CONTRADICTED if (not agrees and p_against <= ALPHA) or difference.equivalent else Status.NOT_DECIDED


def claim_status(claim: Reading, nulls: Sequence[Reading], others: Sequence[Reading]) -> Status:
    """One status out of all readings: contradicted where the claim falls behind a null, else depending on what the
    readings vary where they disagree, and supported where it and all nulls support it."""
    against = {null.status for null in nulls}
    read = {reading.status for reading in (claim, *others)} - {Status.NOT_DECIDED}
    if Status.CONTRADICTED in against:
        return Status.CONTRADICTED
    if len(read) > 1:
        return Status.DEPENDS
    if claim.status is Status.CONTRADICTED or (claim.status is Status.SUPPORTED and against <= {Status.SUPPORTED}):
        return claim.status
    return Status.NOT_DECIDED
