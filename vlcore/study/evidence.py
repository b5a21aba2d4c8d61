"""Tests of claims in the runs of a study, and one status out of all tests of a claim.

A claim is one number a block, in a direction, with controls. The number has to differ from 0 in its
direction (exact sign-flip test over blocks, p at most 0.05, six blocks or more), and so has its
difference from every control; without the runs of a control the claim stays "not decided". Tests of
its variations (fit step, each bias level, other label styles, measures and scales) can only
withhold
support: where they contradict it, the claim depends on what they vary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import pandas as pd

from vlcore.experiment.errors import LabError
from vlcore.metrics.catalogue import measure_of, parent_of
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
PLAIN = {"size_mode": "shrink", "mitigation": "none"}  # the study's runs, without its controls
_SHRINK = PLAIN["size_mode"]


class MissingRunsError(LabError):
    """What a test of a claim needs was not run or not measured; the message says what."""


@dataclass(frozen=True)
class Query:
    """Which numbers of the table of runs a test takes.

    Attributes:
        measure: name of a measure, or of a kind that has one for each group.
        moment: of training.
        groups: those whose values are averaged; empty for a measure that is not one of groups.
        labels: label style.
        size_mode: what happens to the size of the training set.
        scale: ``value``, or ``logit`` for shares as log odds.
        bias: one level; None for all below 1.
    """

    measure: str
    moment: str = "end"
    groups: tuple[str, ...] = ()
    labels: str = "undescriptive"
    size_mode: str = _SHRINK
    scale: str = "value"
    bias: float | None = None


Changes = Mapping[str, Any]  # fields in which another query differs


class Evidence:
    """The runs that claims are put to; AnalysisError when they differ in more than label style,
    size mode, mitigation, bias and seeds, or are there twice."""

    def __init__(self, frame: pd.DataFrame) -> None:
        frame = frame[frame["labels"].isin(STYLES) & (frame["bias"] < runs.LIMIT)]
        runs.check_comparable(frame, free=("labels", "bias", *PLAIN))
        frame = frame[frame["mitigation"] == PLAIN["mitigation"]]
        levels = frame.loc[frame["size_mode"] == _SHRINK, "bias"].unique()
        self.biases = sorted(float(bias) for bias in levels)
        self.phi = dict(zip(frame["bias"].astype(float), frame["phi"], strict=True))
        self.used: set[str] = set()  # keys of the runs that were queried since it was last cleared
        # A table of a study has a hundred thousand rows, and each query is for a few dozen of them.
        arms = ["labels", "size_mode"]
        self._arms = [*frame[arms].drop_duplicates().itertuples(index=False, name=None)]
        tables = frame[[*runs.NUMBER_COLUMNS, "block"]].groupby(
            [frame[name] for name in ("measure", "moment", *arms)]
        )
        self._rows = dict(iter(tables))
        self._measured = {name[:2] for name in self._rows}
        self._none = frame.head(0)

    def arm(self, query: Query) -> pd.DataFrame:
        """One arm, (blocks, bias levels below 1); with groups, complete blocks only.

        At bias 0 no image is removed, so every size mode has the study's runs there.
        MissingRunsError when there is no run or no value.
        """
        if query.groups:
            names = [f"{query.measure}.{group}" for group in query.groups]
            arms = [self.arm(replace(query, measure=name, groups=())) for name in names]
            total = reduce(pd.DataFrame.add, arms)
            return total.dropna(axis="columns", how="all").dropna() / len(arms)
        rows = self._runs(query)
        if query.size_mode != _SHRINK:
            plain = self._runs(replace(query, size_mode=_SHRINK))
            unbiased = rows.loc[rows["bias"] == 0, "block"]
            rows = pd.concat([rows, plain[(plain["bias"] == 0) & ~plain["block"].isin(unbiased)]])
        if query.bias is not None:
            rows = rows[rows["bias"] == query.bias]
        measured = runs.with_value(rows)
        if measured.empty:
            raise MissingRunsError(runs.why_absent(rows, query.moment, query.measure))
        self.used |= set(measured["key"])
        logit = query.scale == "logit"
        column = runs.slope_column(query.measure, measured) if logit else "value"
        return runs.by_block(measured, column)

    def _runs(self, query: Query) -> pd.DataFrame:
        names = [(name, query.moment) for name in (query.measure, parent_of(query.measure))]
        if not self._measured & {*names}:
            raise MissingRunsError(f"no run has {query.measure} at the moment {query.moment}")
        arms = self._arms
        for place, name in enumerate(("labels", "size_mode")):
            value = getattr(query, name)
            arms = [arm for arm in arms if arm[place] == value]
            if not arms:
                raise MissingRunsError(f"no run has {name}={value}")
        rows, kind = (
            self._rows.get((*name, query.labels, query.size_mode), self._none) for name in names
        )
        return runs.with_kind(rows, kind)


@dataclass(frozen=True)
class Claim:
    """A claim of the study, made testable: in words, and by the numbers that decide.

    Attributes:
        id: C1 to C8.
        says: the study's words.
        test: the operational test, in words.
        control: the controls, in words.
        what: what the estimate is, in words.
        query: the numbers of the claim.
        controls: words of each control, and in what its numbers differ from those of the claim.
        variations: axis, words, and in what both sides differ.
        reference: in what the numbers compared with differ; None where that is 0.
        slope: whether it is about the slope of each block on φ, and not its mean over levels.
        sign: of the difference that it speaks of.
        by_level: whether each bias level is a variation too.
        small: whether the difference may be smaller than `EQUIVALENCE`.
    """

    id: str
    says: str
    test: str
    control: str
    what: str
    query: Query
    controls: tuple[tuple[str, Changes], ...]
    variations: tuple[tuple[str, str, Changes], ...]
    reference: Changes | None = None
    slope: bool = False
    sign: int = 1
    by_level: bool = False
    small: bool = False


@dataclass(frozen=True)
class ClaimTest:
    """One test of a claim.

    Attributes:
        axis: what it varies, such as ``moment``; ``claim`` or ``control`` where it varies nothing.
        words: which one, such as ``at the fit step``.
        difference: by block, in the claim's direction of counting.
        reference: mean of what it is compared with; None where that is 0.
        reason: why there is no difference.
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
    """What runs say of a claim: its main test, those against each control, and the variations.

    Attributes:
        claim: the claim.
        status: supported, contradicted, not decided, or depends on what the tests vary.
        main: the test of the claim itself.
        controls: tests against each control.
        variations: the other tests.
        runs: keys of the runs that were used.
    """

    claim: Claim
    status: Status
    main: ClaimTest
    controls: tuple[ClaimTest, ...]
    variations: tuple[ClaimTest, ...]
    runs: tuple[str, ...]

    @property
    def estimate(self) -> Estimate | None:
        """The claim's number with its interval over blocks; None where it was not measured."""
        return None if self.main.difference is None else self.main.difference.mean

    @property
    def n(self) -> int:
        """The number of blocks."""
        return 0 if self.estimate is None else self.estimate.n


def evaluate_claim(claim: Claim, evidence: Evidence) -> ClaimResult:
    """Put a claim to the runs; `evidence.used` then names the runs that it took."""
    evidence.used.clear()

    def test(
        axis: str, words: str, changes: Changes, against: Changes | None = claim.reference
    ) -> ClaimTest:
        query = replace(claim.query, **changes)
        reference = None if against is None else replace(query, **against)
        return _measured(ClaimTest(axis, words), evidence, query, reference, claim)

    (main,) = with_status([test("claim", "at the end", {})], claim.sign)
    controls = [test("control", words, {}, differs) for words, differs in claim.controls]
    controls = with_status(controls, claim.sign, adjust=True)
    axes = [("moment", "at the fit step", {"moment": "first_fit"}), *claim.variations]
    if claim.by_level and len(evidence.biases) > 1:
        axes += [("bias", f"at bias {100 * bias:g} %", {"bias": bias}) for bias in evidence.biases]
    variations = with_status([test(*axis) for axis in axes], claim.sign)
    return ClaimResult(
        claim,
        claim_status(main, controls, variations),
        main,
        tuple(controls),
        tuple(variations),
        tuple(sorted(evidence.used)),
    )


def _measured(
    blank: ClaimTest, evidence: Evidence, query: Query, reference: Query | None, claim: Claim
) -> ClaimTest:
    """A test with its difference, or with the reason why there is none; without its status."""
    try:
        arms = [evidence.arm(query)]
        if reference is None:
            arms = [arms[0].dropna()]
        else:
            arms = list(runs.align_blocks(arms[0], evidence.arm(reference)))
        blocks, levels = arms[0].shape
        if levels == 0 and reference is not None:
            raise MissingRunsError("the two arms share no level of bias")
        if claim.slope and levels < 2:
            raise MissingRunsError(f"levels of bias: {levels}, two needed for a slope")
        if blocks < 2:
            raise MissingRunsError(f"complete seed pairs: {blocks}, two needed")
    except MissingRunsError as error:
        return replace(blank, reason=str(error))

    # One number a block: its slope on φ, or its mean over levels.
    if claim.slope:
        numbers = [slopes([evidence.phi[bias] for bias in arm.columns], arm) for arm in arms]
    else:
        numbers = [arm.mean(axis=1).to_numpy() for arm in arms]
    # Of a slope, or of a measure that counts no images, nobody can say what is close.
    counts = query.scale == "value" and measure_of(query.measure).is_share
    margin = EQUIVALENCE if counts and not (claim.slope or claim.small) else None
    if reference is None:
        return replace(blank, difference=paired(numbers[0], margin))
    difference = paired(numbers[0] - numbers[1], margin)
    return replace(blank, difference=difference, reference=t_interval(numbers[1]))


def with_status(tests: Sequence[ClaimTest], sign: int, *, adjust: bool = False) -> list[ClaimTest]:
    """Give tests of a claim their status.

    Args:
        tests: each with its difference, if it has one.
        sign: of the difference that the claim speaks of.
        adjust: whether any one of them can contradict the claim, so that its p against it is
            adjusted for their number (Holm). Support needs none where all have to support, nor do
            tests that can only withhold support.
    """
    p_values = [test.difference.p for test in tests if test.difference is not None]
    against = iter(holm(p_values) if adjust else p_values)
    decided = []
    for test in tests:
        if (difference := test.difference) is not None:
            p_against = next(against)
            agrees = difference.mean.value * sign > 0
            status = Status.NOT_DECIDED
            if difference.exploratory:
                pass
            elif agrees and difference.p <= ALPHA:
                status = Status.SUPPORTED
            # The claim does not speak of a difference that is shown to be below the margin.
            elif (not agrees and p_against <= ALPHA) or difference.equivalent:
                status = Status.CONTRADICTED
            test = replace(test, status=status)
        decided.append(test)
    return decided


def claim_status(
    main: ClaimTest, controls: Sequence[ClaimTest], variations: Sequence[ClaimTest]
) -> Status:
    """One status out of all tests of a claim.

    Contradicted where the claim falls behind a control; else depending on what the tests vary where
    they disagree, an undecided main test included; supported where the main test and all controls
    support it.
    """
    against = {control.status for control in controls}
    decided = {test.status for test in (main, *variations)} - {Status.NOT_DECIDED}
    if Status.CONTRADICTED in against:
        return Status.CONTRADICTED
    if len(decided) > 1 or (decided and main.status is Status.NOT_DECIDED):
        return Status.DEPENDS
    if main.status is Status.SUPPORTED and against <= {Status.SUPPORTED}:
        return Status.SUPPORTED
    if main.status is Status.CONTRADICTED:
        return Status.CONTRADICTED
    return Status.NOT_DECIDED
