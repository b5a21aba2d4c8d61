"""Comparison of two arms of a study: every measure at every level of bias, and tests over all
levels.

One measure is primary and all others are secondary. Each level stands on the pairs that are
complete there, each test over levels on the blocks that are complete everywhere. Runs that differ
in anything but the factor, the bias and the seeds are refused, because a difference between them
could not be told from the factor's."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import pandas as pd

from vlcore.experiment.condition import Condition
from vlcore.metrics import catalogue
from vlcore.metrics.catalogue import PRIMARY, measure_of
from vlcore.metrics.estimate import Estimate
from vlcore.study import runs_table as runs
from vlcore.study.statistics import factorial
from vlcore.study.statistics import paired as pairs

DELTAS = (0.05, 0.1, 0.2)  # differences for which the number of seeds is said


@dataclass(frozen=True)
class Level:
    """The two arms at one level of bias; without numbers where fewer than two blocks have both."""

    arm: str  # the treatment's value
    share: bool  # whether the measure counts pictures, so that a difference is in points
    bias: float
    phi: float  # the bias as a correlation of object and context in training
    blocks: tuple[str, ...] = ()  # those that have both arms here
    baseline: Estimate | None = None  # mean over these blocks
    treatment: Estimate | None = None
    difference: pairs.Paired | None = None  # treatment minus baseline by block
    holm_p: float | None = (
        None  # its p, adjusted for the number of levels and of arms; unadjusted at bias 1
    )
    equivalence_p: float | None = None  # that of being smaller than the margin, adjusted alike
    seeds_needed: dict[float, pairs.SeedsNeeded] = field(
        default_factory=dict
    )  # to see a difference, by difference

    @property
    def apart(self) -> bool:
        """Whether nothing can tell object from context here, so that the level is in no average and
        no test."""
        return self.bias == runs.LIMIT

    @property
    def status(self) -> pairs.Status:
        """Higher, lower, equivalent, or not decided."""
        if self.difference is None or self.holm_p is None:
            return pairs.Status.NOT_DECIDED
        return self.difference.status(self.holm_p, self.equivalence_p)


@dataclass(frozen=True)
class ArmComparison:
    """All that two arms say of one measure."""

    measure: str
    levels: tuple[Level, ...]
    scale: str = "value"  # what slopes are fitted to, or ``logit``
    slope: factorial.SlopeTest | None = (
        None  # the difference of slopes on φ, by block, on the scale
    )
    slope_on_value: factorial.SlopeTest | None = (
        None  # near 0 and 1 the two can disagree, and both are said
    )
    slope_p: float | None = (
        None  # p of the difference of slopes on the scale, adjusted for the number of arms
    )
    anova: Sequence[dict[str, Any]] = ()
    components: dict[str, Any] | None = None
    overall: Estimate | None = None  # mean of the differences over blocks and levels
    absent: dict[str, str] = field(
        default_factory=dict
    )  # why a part is None, or some runs have no value, by name


@dataclass(frozen=True)
class Analysis:
    """A treatment compared with the baseline on every measure."""

    treatment: str
    moment: str
    comparisons: tuple[
        ArmComparison, ...
    ]  # the measure that the study is about first; none of the others decides
    missing: list[dict[str, Any]]  # arm, bias and seeds of the planned runs that are not there
    versions: int  # how many sets of package versions made the runs

    @property
    def primary(self) -> ArmComparison:
        return self.comparisons[0]


def analyse(
    frame: pd.DataFrame,
    factor: str = "labels",
    baseline: str | float = "undescriptive",
    treatment: str | float = "descriptive",
    measure: str = PRIMARY,
    moment: str = "end",
    secondary: Sequence[str] | None = None,
    planned: Sequence[Condition] = (),
    arm_of: Callable[[Condition], str | float] | None = None,
    free: Collection[str] = (),
) -> Analysis:
    """Compare two values of one setting over blocks of seeds, at every level of bias. `frame` is of
    `vlcore.study.runs_table.runs_table`; rows of other values of the factor are left aside. The
    factor is a column, usually a field of the condition; else `arm_of` gives its value, and arms
    differ in the fields that are `free`. The moment is ``end``, ``first_fit`` or ``untrained``.
    `measure` is the primary one, and `secondary` are others, the catalogue's unless given. What is
    missing is told from the `planned` conditions. AnalysisError when an arm has no run, a run is
    there twice, or the runs differ in anything else."""
    for value in (baseline, treatment):
        if not (frame[factor] == value).any():
            found = ", ".join(sorted(str(one) for one in frame[factor].unique())) or "none"
            raise runs.AnalysisError(f"No run has {factor}={value}; the runs have {found}.")
    frame = frame[frame[factor].isin([baseline, treatment])]
    runs.check_alike(frame, free=(factor, "bias", *free))
    biases = sorted(float(bias) for bias in frame["bias"].unique())
    of_moment = frame.loc[frame["moment"] == moment, [*runs.OF_A_NUMBER, factor]]
    first, second = (of_moment[of_moment[factor] == value] for value in (baseline, treatment))
    measures = dict.fromkeys(
        (measure, *(catalogue.secondary() if secondary is None else secondary))
    )
    comparisons = tuple(
        _compare(first, second, name, moment, str(treatment), biases) for name in measures
    )
    arm_of, there = arm_of or attrgetter(factor), set(frame["key"])
    gone = [(arm_of(one), one) for one in planned if one.key not in there]
    which, both = ("bias", *runs.SEEDS), (baseline, treatment)
    missing = [
        {"arm": str(arm), **{name: getattr(one, name) for name in which}}
        for arm, one in gone
        if arm in both
    ]
    return adjusted(
        [Analysis(str(treatment), moment, comparisons, missing, frame["versions"].nunique())]
    )[0]


def adjusted(analyses: Sequence[Analysis]) -> list[Analysis]:
    """The arms of one study with p values adjusted for all that are tested together, measure by
    measure: over levels and arms those of levels, over arms those of slopes (Holm 1979)."""
    by_measure = [
        _adjusted(same) for same in zip(*(one.comparisons for one in analyses), strict=True)
    ]
    by_arm = zip(analyses, zip(*by_measure, strict=True), strict=True)
    return [replace(one, comparisons=comparisons) for one, comparisons in by_arm]


def _adjusted(arms: Sequence[ArmComparison]) -> list[ArmComparison]:
    """One measure of all arms."""
    tested = [
        (level.difference, (number, level.bias))
        for number, arm in enumerate(arms)
        for level in arm.levels
        if level.difference is not None and not level.apart
    ]
    p = dict(zip([of for _, of in tested], pairs.holm([one.p for one, _ in tested]), strict=True))
    close = pairs.holm(
        [1.0 if one.equivalence_p is None else one.equivalence_p for one, _ in tested]
    )
    equivalence = dict(zip(p, close, strict=True))

    def level(number: int, one: Level) -> Level:
        if one.difference is None:
            return one
        of, difference = (number, one.bias), one.difference
        asked = DELTAS if one.share and of in p else ()
        seeds = {
            delta: pairs.seeds_needed(difference.sd, delta, difference.mean.n, len(tested))
            for delta in asked
        }
        p_values = p.get(of, difference.p), equivalence.get(of, difference.equivalence_p)
        return replace(one, holm_p=p_values[0], equivalence_p=p_values[1], seeds_needed=seeds)

    sloped = {
        number: arm.slope.difference.p for number, arm in enumerate(arms) if arm.slope is not None
    }
    slope_p = dict(zip(sloped, pairs.holm(list(sloped.values())), strict=True))
    return [
        replace(
            arm, levels=tuple(level(number, one) for one in arm.levels), slope_p=slope_p.get(number)
        )
        for number, arm in enumerate(arms)
    ]


def _compare(
    baseline: pd.DataFrame,
    treatment: pd.DataFrame,
    measure: str,
    moment: str,
    arm: str,
    biases: Sequence[float],
) -> ArmComparison:
    """Compare two arms on one measure; the levels are reported with or without runs."""
    baseline, treatment = (runs.rows_of(one, measure, moment) for one in (baseline, treatment))
    first, second = runs.by_block(baseline), runs.by_block(treatment)
    both = pd.concat([baseline, treatment])
    phis = dict(zip(both["bias"].astype(float), both["phi"], strict=True))
    share = measure_of(measure).is_share
    levels = tuple(
        _level(first, second, Level(arm, share, bias, phis.get(bias, math.nan))) for bias in biases
    )
    absent = {f"run {row.key}": row.reason for row in both[both["value"].isna()].itertuples()}
    if first.empty or second.empty:
        return ArmComparison(
            measure, levels, absent=absent | {"measure": runs.why_absent(both, moment, measure)}
        )
    scale = runs.slope_column(measure, both)
    parts, missing = _over_levels(
        phis, first, second, runs.by_block(baseline, scale), runs.by_block(treatment, scale)
    )
    return ArmComparison(measure, levels, scale, **parts, absent=absent | missing)


def _level(first: pd.DataFrame, second: pd.DataFrame, level: Level) -> Level:
    """A level with what the two arms say there."""
    if level.bias not in first.columns or level.bias not in second.columns:
        return level
    here, there = runs.align_blocks(first[[level.bias]], second[[level.bias]])
    level = replace(level, blocks=tuple(f"d{data}s{init}" for data, init in here.index))
    if len(here) < 2:
        return level
    margin = (
        pairs.EQUIVALENCE if level.share else None
    )  # of other measures nobody can say what is close
    arms = [pairs.t_interval(arm[level.bias]) for arm in (here, there)]
    difference = pairs.paired(there[level.bias] - here[level.bias], margin)
    return replace(level, baseline=arms[0], treatment=arms[1], difference=difference)


def _over_levels(
    phis: dict[float, float], *tables: pd.DataFrame
) -> tuple[dict[str, Any], dict[str, str]]:
    """What two arms say over all levels below 1, from their values and from these on the scale of
    slopes: the parts of an `ArmComparison` that are defined, and the reasons for the others."""
    names = ("slope", "slope_on_value", "components", "overall", "anova")
    kept = [table.loc[:, table.columns < runs.LIMIT] for table in tables]
    low, high = runs.align_blocks(*kept[:2])
    scaled = runs.align_blocks(*kept[2:])
    if low.shape[1] == 0:
        return {}, dict.fromkeys(names, "no level of bias below 1 has runs of both arms")
    if len(low) < 2:
        return {}, dict.fromkeys(
            names, f"blocks that are complete at every level below 1: {len(low)}, two needed"
        )
    data, init = (low.index.get_level_values(seed).tolist() for seed in runs.SEEDS)
    phi = [phis[bias] for bias in low.columns]
    asked = {
        "slope": lambda: factorial.slope_difference(phi, *scaled),
        "slope_on_value": lambda: factorial.slope_difference(phi, low, high),
        "anova": lambda: factorial.anova(low, high),
        "components": lambda: factorial.components(pd.concat([low, high], axis=1), data, init),
        "overall": lambda: pairs.t_interval((high - low).mean(axis=1)),
    }
    parts, absent = {}, {}
    for name, ask in asked.items():
        try:
            parts[name] = ask()
        except ValueError as error:
            absent[name] = str(error)
    return parts, absent
