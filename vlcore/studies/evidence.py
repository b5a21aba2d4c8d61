"""Evidence for the claims of a study: contrasts by block, readings of them, and one status out of all readings.

A claim is one number a block, in a direction, with nulls that it must beat. The number has to differ from 0 in its
direction (exact sign-flip test over blocks, p at most 0.05, six blocks or more), and so has its difference to every
null; a null that nobody ran is not beaten, and the claim stays "not decided". The other readings (first fit, each bias,
other label styles, measures and scales) can only withhold support: where they contradict it, the claim depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from vlcore.core.errors import LabError
from vlcore.core.grouping import Grouping
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
        labels: label style, where the claim is about one.
        size_mode, mitigation: how the training set was made.
        scale: ``value``, or ``logit`` for shares as log odds.
        bias: one level of bias; None for all below 1.
    """

    measure: str
    moment: str = "end"
    labels: str = "undescriptive"
    size_mode: str = PLAIN["size_mode"]
    mitigation: str = PLAIN["mitigation"]
    scale: str = "value"
    bias: float | None = None


class Evidence:
    """The runs that claims are put to.

    Attributes:
        grouping: which groups are the majority.
        biases: levels of bias below 1 that the study's own runs have.
        mitigations: those that some run has, without ``none``.
        used: keys of the runs that were queried since it was last cleared.

    Raises:
        AnalysisError: when runs differ in more than label style, size mode, mitigation, bias and seeds, or are twice.
    """

    def __init__(self, frame: pd.DataFrame, grouping: Grouping) -> None:
        frame = frame[frame["labels"].isin(STYLES) & (frame["bias"] < LIMIT)]
        check_alike(frame, free=("labels", "bias", *PLAIN))
        check_once(frame)
        plain = (frame[list(PLAIN)] == list(PLAIN.values())).all(axis=1)
        self.grouping = grouping
        self.biases = sorted(float(bias) for bias in frame.loc[plain, "bias"].unique())
        self.mitigations = sorted(set(frame["mitigation"]) - {PLAIN["mitigation"]})
        self.used: set[str] = set()
        # A table of a study has a hundred thousand rows, and each query is for a few dozen of them.
        self._made = frame[["labels", *PLAIN]].drop_duplicates()
        self._rows = dict(iter(frame.groupby(["measure", "moment"])))

    def arm(self, query: Query) -> pd.DataFrame:
        """One arm as blocks by levels of bias below 1.

        At bias 0 no image is removed, so every size mode has the study's own runs there.

        Raises:
            MissingRunsError: when no run or no value is there.
        """
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
class Contrast:
    """One number a block, and one that it is compared with; 0 where that is None."""

    treated: pd.Series
    reference: pd.Series | None = None


ContrastOf = Callable[[Evidence, Query], Contrast]


def means_of(table: pd.DataFrame) -> pd.Series:
    """The mean over levels of each block."""
    return table.mean(axis=1)


def slopes_of(table: pd.DataFrame) -> pd.Series:
    """The slope on φ of each block.

    Raises:
        MissingRunsError: with fewer than two levels.
    """
    if table.shape[1] < 2:
        raise MissingRunsError(f"levels of bias: {table.shape[1]}, two needed for a slope")
    return pd.Series(slopes(phi(table.columns.to_numpy(dtype=float)), to_array(table)), index=table.index)


def paired_contrast(
    treated: pd.DataFrame, reference: pd.DataFrame, of: Callable[[pd.DataFrame], pd.Series]
) -> Contrast:
    """Two arms on the levels and blocks that both have."""
    here, there = align_blocks(treated, reference)
    if here.shape[1] == 0:
        raise MissingRunsError("the two arms share no level of bias")
    return Contrast(of(here), of(there))


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


Variation = tuple[str, str, Query]  # axis, words, what to read


@dataclass(frozen=True)
class Claim:
    """A claim of the study, made testable.

    Attributes:
        id: ``C1`` to ``C8``.
        says: the study's words.
        test: the operational test, in words.
        null: what it must beat, in words.
        what: what the estimate is, in words.
        contrast: one number a block.
        query: where to take it.
        sign: of the difference that the claim speaks of.
        measures: names of the measures to chart.
        nulls: words and contrast of each null; one with no contrast cannot be had from runs.
        variations: other ways to read it.
        by_level: whether each bias is a variation too.
        margin: what counts as no difference that matters, on the value itself; None where the claim is of a small one.
        beside: contrast that is shown for each mitigation beside it, and decides nothing.
    """

    id: str
    says: str
    test: str
    null: str
    what: str
    contrast: ContrastOf
    query: Query
    sign: int
    measures: tuple[str, ...]
    nulls: tuple[tuple[str, ContrastOf | None], ...] = ()
    variations: tuple[Variation, ...] = ()
    by_level: bool = False
    margin: float | None = MARGIN
    beside: ContrastOf | None = None


@dataclass(frozen=True)
class ClaimResult:
    """What runs say of a claim.

    Attributes:
        claim: the claim.
        status: supported, contradicted, not decided, or depends on what the readings vary.
        own: the claim's own reading, with the value that it is compared with.
        nulls: the claim read against what it must beat, with the null's value.
        readings: the other readings.
        beside: what other interventions give on the same number; they decide nothing.
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

    def reading(axis: str, words: str, contrast: ContrastOf | None, query: Query = claim.query) -> Reading:
        return _read(axis, words, contrast, evidence, query, claim.margin)

    (own,) = with_status([reading("claim", "at the end", claim.contrast)], claim.sign)
    nulls = with_status([reading("null", words, ask) for words, ask in claim.nulls], claim.sign, adjust=True)
    levels = [("bias", f"at bias {bias * 100:g} %", replace(claim.query, bias=bias)) for bias in evidence.biases]
    variations = [*claim.variations, *(levels if claim.by_level and len(levels) > 1 else [])]
    others = with_status([reading(axis, words, claim.contrast, query) for axis, words, query in variations], claim.sign)
    beside = [
        reading(
            "beside", f"{name} with {claim.query.labels} labels", claim.beside, replace(claim.query, mitigation=name)
        )
        for name in evidence.mitigations
        if claim.beside
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


def _read(
    axis: str, words: str, contrast_of: ContrastOf | None, evidence: Evidence, query: Query, margin: float | None
) -> Reading:
    """One reading, without its status."""
    if contrast_of is None:
        return Reading(axis, words, reason="no run can show it")
    try:
        contrast = contrast_of(evidence, query)
        treated, reference = contrast.treated.dropna(), contrast.reference
        if reference is not None:
            blocks = treated.index.intersection(reference.dropna().index)
            treated, reference = treated.loc[blocks], reference.loc[blocks]
        if len(treated) < 2:
            raise MissingRunsError(f"complete blocks: {len(treated)}, two needed")
    except MissingRunsError as error:
        return Reading(axis, words, reason=str(error))
    first = treated.to_numpy(dtype=float)
    second = None if reference is None else reference.to_numpy(dtype=float)
    difference = paired(first if second is None else first - second, margin if query.scale == "value" else None)
    return Reading(axis, words, difference, None if second is None else t_interval(second))


def with_status(readings: Sequence[Reading], sign: int, *, adjust: bool = False) -> list[Reading]:
    """Readings with their status.

    Args:
        readings: what was read.
        sign: of the difference that the claim speaks of, 1 or -1.
        adjust: whether any one of them can contradict the claim; its p is then adjusted for their number (Holm).
            Support needs none where all have to support, nor do readings that can only withhold a verdict.
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
