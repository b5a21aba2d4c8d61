"""How a claim is put to runs: contrasts by block, readings of them, and one status out of all readings.

The one idea: a claim becomes one number a block, and is read several ways. It is supported only where it also beats
every null that it has to beat; a null that nobody ran is not beaten. Readings that contradict each other make the
status "depends on".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from vlcore.core.errors import LabError
from vlcore.images.groups import Grouping
from vlcore.measures.catalogue import whole_of
from vlcore.measures.design import phi, slopes
from vlcore.measures.estimate import Estimate
from vlcore.measures.paired import ALPHA, ENOUGH, Paired, holm, paired, t_interval
from vlcore.runs.compared import not_decided
from vlcore.runs.table import (
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

SUPPORTED, CONTRADICTED, NOT_DECIDED, DEPENDS = "supported", "contradicted", "not decided", "depends on"
PLACEBO = "shuffled_context"
STYLES = ("undescriptive", "descriptive", PLACEBO)
PLAIN = {"size_mode": "shrink", "mitigation": "none"}  # the study's own runs


class MissingRunsError(LabError):
    """What a reading needs was not run or not measured; the message says what."""


@dataclass(frozen=True)
class Look:
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
        used: keys of the runs that were looked at since it was last cleared.

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
        # A table of a study has a hundred thousand rows, and each look is for a few dozen of them.
        self._made = frame[["labels", *PLAIN]].drop_duplicates()
        self._rows = dict(iter(frame.groupby(["measure", "moment"])))

    def arm(self, look: Look) -> pd.DataFrame:
        """One arm as blocks by levels of bias below 1.

        At bias 0 no image is removed, so every size mode has the study's own runs there.

        Raises:
            MissingRunsError: when no run or no value is there.
        """
        rows = self._runs(look)
        if look.size_mode != PLAIN["size_mode"]:
            own = self._runs(replace(look, size_mode=PLAIN["size_mode"]))
            there = rows.loc[rows["bias"] == 0, "block"]
            rows = pd.concat([rows, own[(own["bias"] == 0) & ~own["block"].isin(there)]])
        if look.bias is not None:
            rows = rows[rows["bias"] == look.bias]
        kept = measured(rows)
        if kept.empty:
            raise MissingRunsError(why_absent(rows, look.moment, look.measure))
        self.used |= set(kept["key"])
        return by_block(kept, slope_column(look.measure, kept) if look.scale == "logit" else "value")

    def _runs(self, look: Look) -> pd.DataFrame:
        made, rows = self._made, self._measured(look)
        for name in ("labels", *PLAIN):
            made, rows = (table[table[name] == getattr(look, name)] for table in (made, rows))
            if made.empty:
                raise MissingRunsError(f"no run has {name}={getattr(look, name)}")
        return rows

    def _measured(self, look: Look) -> pd.DataFrame:
        """As `vlcore.runs.table.rows_of`, from the rows by measure."""
        names = [(name, look.moment) for name in (look.measure, whole_of(look.measure))]
        rows = [self._rows[name] for name in names if name in self._rows]
        if not rows:
            raise MissingRunsError(f"no run has {look.measure} at the moment {look.moment}")
        return rows_of(pd.concat(rows), look.measure, look.moment)


@dataclass(frozen=True)
class Contrast:
    """One number a block, and one that it is compared with; 0 where that is None."""

    treated: pd.Series
    reference: pd.Series | None = None


Ask = Callable[[Evidence, Look], Contrast]


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


def against(treated: pd.DataFrame, reference: pd.DataFrame, of: Callable[[pd.DataFrame], pd.Series]) -> Contrast:
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
        status: supported, contradicted or not decided.
        reason: why there is no difference, or empty.
    """

    axis: str
    words: str
    difference: Paired | None
    reference: Estimate | None
    status: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        document = {**asdict(self), "difference": None, "reference": None}
        if self.difference is not None:
            document["difference"] = self.difference.as_dict()
        if self.reference is not None:
            document["reference"] = self.reference.as_dict()
        return document


def read(axis: str, words: str, ask: Ask, evidence: Evidence, look: Look, margin: float | None) -> Reading:
    """Put one question to the runs; a status is given by `decided`."""
    try:
        contrast = ask(evidence, look)
        treated, reference = contrast.treated.dropna(), contrast.reference
        if reference is not None:
            blocks = treated.index.intersection(reference.dropna().index)
            treated, reference = treated.loc[blocks], reference.loc[blocks]
        if len(treated) < 2:
            raise MissingRunsError(f"complete blocks: {len(treated)}, two needed")
    except MissingRunsError as error:
        return Reading(axis, words, None, None, NOT_DECIDED, str(error))
    first = treated.to_numpy(dtype=float)
    second = None if reference is None else reference.to_numpy(dtype=float)
    difference = paired(first if second is None else first - second, margin if look.scale == "value" else None)
    return Reading(axis, words, difference, None if second is None else t_interval(second), NOT_DECIDED, "")


def decided(readings: Sequence[Reading], sign: int, *, adjust: bool = False) -> list[Reading]:
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


def _status(difference: Paired, sign: int, p_against: float) -> str:
    if difference.exploratory:
        return NOT_DECIDED
    agrees = difference.mean.value * sign > 0
    if agrees and difference.test.p <= ALPHA:
        return SUPPORTED
    # A difference that is shown to be smaller than the margin is not what the claim speaks of.
    return CONTRADICTED if (not agrees and p_against <= ALPHA) or difference.equivalent else NOT_DECIDED


def status_of(claim: Reading, nulls: Sequence[Reading], others: Sequence[Reading]) -> tuple[str, str, str]:
    """One status out of all readings: itself, in words, and why it is not more than that.

    A claim that falls behind a null is contradicted. Otherwise, readings that support and readings that contradict
    make it depend on what they vary. It is supported where it and all nulls support it.
    """
    n = claim.difference.mean.n if claim.difference is not None else 0
    if CONTRADICTED in {null.status for null in nulls}:
        behind = "; ".join(null.words for null in nulls if null.status == CONTRADICTED)
        why = "" if claim.status == CONTRADICTED else f"It does not stand out {behind}."
        return CONTRADICTED, CONTRADICTED, why
    readings = [reading for reading in (claim, *others) if reading.status != NOT_DECIDED]
    if len({reading.status for reading in readings}) > 1:
        odd = [one for one in others if one.status != NOT_DECIDED and one.status != claim.status]
        axes = " and the ".join(dict.fromkeys(one.axis for one in odd))
        spoken = ", ".join(f"{one.status} {one.words}" for one in readings)
        return DEPENDS, f"depends on the {axes}: {spoken}", ""
    if claim.status == CONTRADICTED:
        return CONTRADICTED, CONTRADICTED, ""
    if claim.status == SUPPORTED and all(null.status == SUPPORTED for null in nulls):
        return SUPPORTED, SUPPORTED, ""
    return NOT_DECIDED, not_decided(n), _why_open(claim, nulls, n)


def _why_open(claim: Reading, nulls: Sequence[Reading], n: int) -> str:
    if claim.difference is None:
        return f"It was not read: {claim.reason}."
    if n < ENOUGH:
        return f"Fewer than {ENOUGH} blocks decide nothing."
    if claim.status == NOT_DECIDED:
        return "The interval leaves both signs open."
    missing = [null for null in nulls if null.difference is None]
    if missing:
        return "The null was not run: " + "; ".join(f"{null.words} ({null.reason})" for null in missing) + "."
    return "It is not shown to stand out " + "; ".join(n.words for n in nulls if n.status != SUPPORTED) + "."
