"""Evidence for claims: readings of a claim in the runs of a study, and one status out of all
readings.

A claim is one number a block, in a direction, with nulls that it must beat. The number has to
differ from 0 in its direction (exact sign-flip test over blocks, p at most 0.05, six blocks or
more), and so has its difference to every null; a null that nobody ran is not beaten, and the claim
stays "not decided". The other readings (first fit, each bias, other label styles, measures and
scales) can only withhold support: where they contradict it, the claim depends on them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import pandas as pd

from vlcore.experiment.errors import LabError
from vlcore.metrics.catalogue import measure_of, whole_of
from vlcore.metrics.estimate import Estimate
from vlcore.study import runs_table as runs
from vlcore.study.plans import PLACEBO
from vlcore.study.statistics.factorial import slopes
from vlcore.study.statistics.paired import (
    ALPHA,
    EQUIVALENCE,
    Paired,
    Status,
    holm,
    paired,
    t_interval,
)

STYLES = ("undescriptive", "descriptive", PLACEBO)
PLAIN = {"size_mode": "shrink", "mitigation": "none"}  # the study's own runs
_SHRINK = PLAIN["size_mode"]


class MissingRunsError(LabError):
    """What a reading needs was not run or not measured; the message says what."""


@dataclass(frozen=True)
class Query:
    """Which numbers of the table of runs a reading takes."""

    measure: str
    moment: str = "end"
    groups: tuple[
        str, ...
    ] = ()  # those whose own values are averaged; none for a measure that is not one of groups
    labels: str = "undescriptive"
    size_mode: str = _SHRINK
    scale: str = "value"  # or ``logit`` for shares as log odds
    bias: float | None = None  # one level; None for all below 1


Changes = Mapping[str, Any]  # fields of a query that another query has otherwise


class Evidence:
    """The runs that claims are put to; AnalysisError when they differ in more than label style,
    size mode, mitigation, bias and seeds, or are there twice."""

    def __init__(self, frame: pd.DataFrame) -> None:
        frame = frame[frame["labels"].isin(STYLES) & (frame["bias"] < runs.LIMIT)]
        runs.check_alike(frame, free=("labels", "bias", *PLAIN))
        frame = frame[frame["mitigation"] == PLAIN["mitigation"]]
        self.biases = sorted(
            float(bias) for bias in frame.loc[frame["size_mode"] == _SHRINK, "bias"].unique()
        )
        self.phi = dict(zip(frame["bias"].astype(float), frame["phi"], strict=True))
        self.used: set[str] = set()  # keys of the runs that were queried since it was last cleared
        # A table of a study has a hundred thousand rows, and each query is for a few dozen of them.
        self._made = frame[["labels", "size_mode"]].drop_duplicates()
        rows = frame[[*runs.OF_A_NUMBER, "block", "labels", "size_mode"]]
        self._rows = dict(iter(rows.groupby(["measure", "moment"])))

    def arm(self, query: Query) -> pd.DataFrame:
        """One arm as blocks by levels of bias below 1; with groups, complete blocks only. At bias 0
        no image is removed, so every size mode has the study's own runs there. MissingRunsError
        when no run or no value is there.
        """
        if query.groups:
            names = [f"{query.measure}.{group}" for group in query.groups]
            arms = [self.arm(replace(query, measure=name, groups=())) for name in names]
            return reduce(pd.DataFrame.add, arms).dropna(axis="columns", how="all").dropna() / len(
                arms
            )
        rows = self._runs(query)
        if query.size_mode != _SHRINK:
            own = self._runs(replace(query, size_mode=_SHRINK))
            there = rows.loc[rows["bias"] == 0, "block"]
            rows = pd.concat([rows, own[(own["bias"] == 0) & ~own["block"].isin(there)]])
        if query.bias is not None:
            rows = rows[rows["bias"] == query.bias]
        kept = runs.measured(rows)
        if kept.empty:
            raise MissingRunsError(runs.why_absent(rows, query.moment, query.measure))
        self.used |= set(kept["key"])
        return runs.by_block(
            kept, runs.slope_column(query.measure, kept) if query.scale == "logit" else "value"
        )

    def _runs(self, query: Query) -> pd.DataFrame:
        names = [(name, query.moment) for name in (query.measure, whole_of(query.measure))]
        tables = [self._rows[name] for name in names if name in self._rows]
        if not tables:
            raise MissingRunsError(f"no run has {query.measure} at the moment {query.moment}")
        made, rows = self._made, runs.rows_of(pd.concat(tables), query.measure, query.moment)
        for name in ("labels", "size_mode"):
            made, rows = (table[table[name] == getattr(query, name)] for table in (made, rows))
            if made.empty:
                raise MissingRunsError(f"no run has {name}={getattr(query, name)}")
        return rows


@dataclass(frozen=True)
class Claim:
    """A claim of the study, made testable: in words, and by the numbers that decide."""

    id: str  # C1 to C8
    says: str  # the study's words
    test: str  # the operational test, in words
    null: str  # what it must beat, in words
    what: str  # what the estimate is, in words
    query: Query
    nulls: tuple[tuple[str, Changes], ...]  # words, and in what that differs
    variations: tuple[tuple[str, str, Changes], ...]  # axis, words, and in what both sides differ
    reference: Changes | None = (
        None  # in what the numbers compared with differ; None where that is 0
    )
    slope: bool = False  # about the slope of each block on φ, and not about its mean over levels
    sign: int = 1  # of the difference that it speaks of
    by_level: bool = False  # whether each bias is a variation too
    small: bool = False  # whether it speaks of a difference that may be smaller than `EQUIVALENCE`


@dataclass(frozen=True)
class Reading:
    """One way to read a claim."""

    # what it varies, such as ``moment``; ``claim`` for the claim itself, ``null`` for what it must
    # beat
    axis: str
    words: str  # which one, such as ``at first fit``
    difference: Paired | None = None  # by block, in the claim's own direction of counting
    reference: Estimate | None = None  # mean of what it is compared with; None where that is 0
    reason: str = ""  # why there is no difference
    status: Status = Status.NOT_DECIDED  # or supported, or contradicted


@dataclass(frozen=True)
class ClaimResult:
    """What runs say of a claim: its own reading, that against each null, and the others."""

    claim: Claim
    status: Status  # supported, contradicted, not decided, or depends on what the readings vary
    own: Reading
    nulls: tuple[Reading, ...]
    readings: tuple[Reading, ...]
    runs: tuple[str, ...]  # keys of those that were used

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

    def read(
        axis: str, words: str, changes: Changes, against: Changes | None = claim.reference
    ) -> Reading:
        query = replace(claim.query, **changes)
        reference = None if against is None else replace(query, **against)
        return _reading(Reading(axis, words), evidence, query, reference, claim)

    (own,) = with_status([read("claim", "at the end", {})], claim.sign)
    nulls = with_status(
        [read("null", words, {}, against) for words, against in claim.nulls],
        claim.sign,
        adjust=True,
    )
    levels = [("bias", f"at bias {bias * 100:g} %", {"bias": bias}) for bias in evidence.biases]
    variations = [("moment", "at first fit", {"moment": "first_fit"}), *claim.variations]
    variations += levels if claim.by_level and len(levels) > 1 else []
    others = with_status([read(*one) for one in variations], claim.sign)
    status = claim_status(own, nulls, others)
    return ClaimResult(
        claim, status, own, tuple(nulls), tuple(others), tuple(sorted(evidence.used))
    )


def _reading(
    blank: Reading, evidence: Evidence, query: Query, reference: Query | None, claim: Claim
) -> Reading:
    """A reading with its difference, or with the reason why there is none; without its status."""
    try:
        here = evidence.arm(query)
        arms = (
            [here.dropna()]
            if reference is None
            else list(runs.align_blocks(here, evidence.arm(reference)))
        )
        blocks, levels = arms[0].shape
        if levels == 0 and reference is not None:
            raise MissingRunsError("the two arms share no level of bias")
        if claim.slope and levels < 2:
            raise MissingRunsError(f"levels of bias: {levels}, two needed for a slope")
        if blocks < 2:
            raise MissingRunsError(f"complete blocks: {blocks}, two needed")
    except MissingRunsError as error:
        return replace(blank, reason=str(error))
    # One number a block: its slope on φ, or its mean over levels.
    numbers, *against = (
        (
            slopes([evidence.phi[bias] for bias in arm.columns], arm)
            if claim.slope
            else arm.mean(axis=1).to_numpy()
        )
        for arm in arms
    )
    # Of a slope, or of a measure that counts no pictures, nobody can say what is close.
    counts = query.scale == "value" and measure_of(query.measure).is_share
    margin = EQUIVALENCE if counts and not (claim.slope or claim.small) else None
    if not against:
        return replace(blank, difference=paired(numbers, margin))
    return replace(
        blank, difference=paired(numbers - against[0], margin), reference=t_interval(against[0])
    )


def with_status(readings: Sequence[Reading], sign: int, *, adjust: bool = False) -> list[Reading]:
    """Readings with their status; `sign` is that of the difference that the claim speaks of. With
    `adjust` any one of them can contradict the claim, so that its p against it is adjusted for
    their number (Holm). Support needs none where all have to support, nor do readings that can only
    withhold support."""
    there = [reading.difference.p for reading in readings if reading.difference is not None]
    against, found = iter(holm(there) if adjust else there), []
    for reading in readings:
        if (difference := reading.difference) is not None:
            p_against, agrees, status = (
                next(against),
                difference.mean.value * sign > 0,
                Status.NOT_DECIDED,
            )
            if agrees and difference.p <= ALPHA:
                status = Status.SUPPORTED
            # A difference that is shown to be smaller than the margin is not what the claim speaks
            # of.
            elif (not agrees and p_against <= ALPHA) or difference.equivalent:
                status = Status.CONTRADICTED
            reading = replace(
                reading, status=Status.NOT_DECIDED if difference.exploratory else status
            )
        found.append(reading)
    return found


def claim_status(claim: Reading, nulls: Sequence[Reading], others: Sequence[Reading]) -> Status:
    """One status out of all readings: contradicted where the claim falls behind a null, else
    depending on what the readings vary where they disagree, the claim's own undecided one included,
    and supported where it and all nulls support it."""
    against = {null.status for null in nulls}
    read = {reading.status for reading in (claim, *others)} - {Status.NOT_DECIDED}
    if Status.CONTRADICTED in against:
        return Status.CONTRADICTED
    if len(read) > 1 or (read and claim.status is Status.NOT_DECIDED):
        return Status.DEPENDS
    if claim.status is Status.CONTRADICTED or (
        claim.status is Status.SUPPORTED and against <= {Status.SUPPORTED}
    ):
        return claim.status
    return Status.NOT_DECIDED
