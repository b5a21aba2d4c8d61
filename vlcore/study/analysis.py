"""Comparison of two arms of a study: every measure at every bias level, and tests over all levels.

One measure is primary and all others are secondary. Each level rests on the pairs that are complete
there, each test over levels on the blocks that are complete everywhere. Runs that differ in
anything but the factor, the bias and the seeds are refused, because a difference between them could
not be told from the factor's."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import pandas as pd

from vlcore.experiment.condition import Condition
from vlcore.metrics import catalogue
from vlcore.metrics.catalogue import PRIMARY, measure_of, parent_of
from vlcore.metrics.estimate import Estimate
from vlcore.study import runs_table as runs
from vlcore.study.statistics import factorial
from vlcore.study.statistics import paired as pairs

DELTAS = (0.05, 0.1, 0.2)  # differences for which the number of seeds is computed


@dataclass(frozen=True)
class Level:
    """The two arms at one bias level; without numbers where fewer than two blocks have both.

    Attributes:
        arm: the treatment's value.
        share: whether the measure counts images, so that a difference is in points.
        bias: the level.
        phi: the bias as a correlation of object and context in training.
        blocks: those that have both arms here.
        baseline: mean over these blocks.
        treatment: the same of the treatment.
        difference: treatment minus baseline by block.
        log_odds: the same in log odds, where the measure is a share of images.
        holm_p: p adjusted for the number of levels and of arms; not adjusted at bias 1.
        equivalence_p: p of being smaller than the margin, adjusted alike.
        seeds_needed: blocks that it takes to see a difference, by the difference; empty where all
            blocks differ by the same.
        images: the fewest that a rate was counted on; None of a measure that counts none.
    """

    arm: str
    share: bool
    bias: float
    phi: float
    blocks: tuple[str, ...] = ()
    baseline: Estimate | None = None
    treatment: Estimate | None = None
    difference: pairs.Paired | None = None
    log_odds: Estimate | None = None
    holm_p: float | None = None
    equivalence_p: float | None = None
    seeds_needed: dict[float, pairs.SeedsNeeded] = field(default_factory=dict)
    images: int | None = None

    @property
    def is_coarse(self) -> bool:
        """Whether one image is more than the margin: too few images to call two arms equal."""
        return self.images is not None and 1 / self.images > pairs.EQUIVALENCE

    @property
    def apart(self) -> bool:
        """Whether nothing can tell object from context here: it is in no average and no test."""
        return self.bias == runs.LIMIT

    @property
    def status(self) -> pairs.Status:
        """Higher, lower, equivalent, or not decided."""
        if self.difference is None or self.holm_p is None:
            return pairs.Status.NOT_DECIDED
        return self.difference.status(self.holm_p, self.equivalence_p)


@dataclass(frozen=True)
class ArmComparison:
    """Two arms on one measure.

    Attributes:
        measure: its name.
        levels: each bias level.
        scale: what slopes are fitted to, ``value`` or ``logit``.
        slope: the difference of slopes on φ, by block, on that scale.
        slope_on_value: the same on the value; near 0 and 1 the two can disagree.
        slope_p: p of `slope`, adjusted for the number of arms.
        anova: effects of arm and bias.
        components: variance components.
        overall: mean of the differences over blocks and levels.
        absent: why a part is None, or some runs have no value, by name.
        tests: how many differences the p values of levels are adjusted for.
        smallest_p: the smallest that `Level.holm_p` could be with as many blocks as each of these
            has; None where no level is tested.
    """

    measure: str
    levels: tuple[Level, ...]
    scale: str = "value"
    slope: factorial.SlopeTest | None = None
    slope_on_value: factorial.SlopeTest | None = None
    slope_p: float | None = None
    anova: Sequence[dict[str, Any]] = ()
    components: dict[str, Any] | None = None
    overall: Estimate | None = None
    absent: dict[str, str] = field(default_factory=dict)
    tests: int = 0
    smallest_p: float | None = None


@dataclass(frozen=True)
class Analysis:
    """A treatment compared with the baseline on every measure.

    Attributes:
        treatment: the arm.
        moment: of training.
        comparisons: the primary measure first; none of the others decides.
        missing: arm, bias and seeds of planned runs without results.
        versions: how many sets of package versions made the runs.
    """

    treatment: str
    moment: str
    comparisons: tuple[ArmComparison, ...]
    missing: list[dict[str, Any]]
    versions: int

    @property
    def primary(self) -> ArmComparison:
        return self.comparisons[0]


def compare_arms(
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
    """Compare two values of one setting over blocks of seeds, at every bias level.

    Args:
        frame: of `vlcore.study.runs_table.runs_table`; other values of the factor are ignored.
        factor: a column, usually a field of the condition.
        baseline: a value of the factor.
        treatment: the value that is compared with it.
        measure: the primary measure.
        moment: ``end``, ``first_fit`` or ``untrained``.
        secondary: other measures, those of the catalogue when absent.
        planned: the conditions that the study has, to tell what is missing.
        arm_of: the value of the factor of a condition, where it is no field.
        free: the fields in which arms may differ.

    Raises:
        AnalysisError: when an arm has no run, a run is there twice, or runs differ in anything
        else.
    """
    for value in (baseline, treatment):
        if not (frame[factor] == value).any():
            known = ", ".join(sorted(map(str, frame[factor].unique()))) or "none"
            raise runs.AnalysisError(f"No run has {factor}={value}; the runs have {known}.")
    frame = frame[frame[factor].isin([baseline, treatment])]
    runs.check_comparable(frame, free=(factor, "bias", *free))

    at_moment = frame.loc[frame["moment"] == moment, [*runs.NUMBER_COLUMNS, factor]]
    first, second = (at_moment[at_moment[factor] == value] for value in (baseline, treatment))
    biases = sorted(float(bias) for bias in frame["bias"].unique())
    if secondary is None:
        secondary = catalogue.secondary()
    before, after = _by_measure(first), _by_measure(second)
    comparisons = tuple(
        _compare(before(name), after(name), name, moment, str(treatment), biases)
        for name in dict.fromkeys((measure, *secondary))
    )

    arm_of = arm_of or attrgetter(factor)
    trained = set(frame["key"])
    missing = []
    for condition in planned:
        arm = arm_of(condition)
        if condition.key not in trained and arm in (baseline, treatment):
            seeds = {seed: getattr(condition, seed) for seed in runs.SEEDS}
            missing.append({"arm": str(arm), "bias": condition.bias, **seeds})
    versions = frame["versions"].nunique()
    return adjusted([Analysis(str(treatment), moment, comparisons, missing, versions)])[0]


def adjusted(analyses: Sequence[Analysis]) -> list[Analysis]:
    """Adjust the p values of a study's arms for all that are tested together, measure by measure.

    Those of levels are adjusted over levels and arms, those of slopes over arms (Holm 1979).
    """
    arms_of_measures = zip(*(analysis.comparisons for analysis in analyses), strict=True)
    by_measure = [_adjusted(arms) for arms in arms_of_measures]
    by_arm = zip(*by_measure, strict=True)
    return [
        replace(analysis, comparisons=comparisons)
        for analysis, comparisons in zip(analyses, by_arm, strict=True)
    ]


def _adjusted(arms: Sequence[ArmComparison]) -> list[ArmComparison]:
    """The arms of one measure, adjusted for each other."""
    tested = {
        (number, level.bias): level.difference
        for number, arm in enumerate(arms)
        for level in arm.levels
        if level.difference is not None and not level.apart
    }
    p_values = pairs.holm([difference.p for difference in tested.values()])
    equivalence = pairs.holm(
        [
            1.0 if difference.equivalence_p is None else difference.equivalence_p
            for difference in tested.values()
        ]
    )
    adjusted_p = dict(zip(tested, zip(p_values, equivalence, strict=True), strict=True))
    smallest = pairs.holm([pairs.smallest_p(difference.mean.n) for difference in tested.values()])
    smallest_by_arm = {
        number: min(p for (arm, _), p in zip(tested, smallest, strict=True) if arm == number)
        for number, _ in tested
    }

    def with_p(number: int, level: Level) -> Level:
        difference = level.difference
        if difference is None:
            return level
        cell = number, level.bias
        if cell not in adjusted_p:
            return replace(level, holm_p=difference.p, equivalence_p=difference.equivalence_p)
        seeds_needed = {}
        if level.share and difference.sd > 0:
            sd, n = difference.sd, difference.mean.n
            seeds_needed = {
                delta: pairs.seeds_needed(sd, delta, n, len(tested)) for delta in DELTAS
            }
        holm_p, close = adjusted_p[cell]
        equivalence_p = None if difference.equivalence_p is None else close
        return replace(level, holm_p=holm_p, equivalence_p=equivalence_p, seeds_needed=seeds_needed)

    slopes = {number: arm.slope for number, arm in enumerate(arms) if arm.slope is not None}
    slope_p = pairs.holm([slope.difference.p for slope in slopes.values()])
    slope_ps = dict(zip(slopes, slope_p, strict=True))
    return [
        replace(
            arm,
            levels=tuple(with_p(number, level) for level in arm.levels),
            slope_p=slope_ps.get(number),
            tests=len(tested),
            smallest_p=smallest_by_arm.get(number),
        )
        for number, arm in enumerate(arms)
    ]


def _by_measure(rows: pd.DataFrame) -> Callable[[str], pd.DataFrame]:
    """What gives the rows of a measure: to look through all rows for each takes a second."""
    tables, none = dict(iter(rows.groupby("measure"))), rows.head(0)

    def rows_of(measure: str) -> pd.DataFrame:
        numbers, kind = (tables.get(name, none) for name in (measure, parent_of(measure)))
        return runs.with_kind(numbers, kind)

    return rows_of


def _compare(
    baseline: pd.DataFrame,
    treatment: pd.DataFrame,
    measure: str,
    moment: str,
    arm: str,
    biases: Sequence[float],
) -> ArmComparison:
    """Compare two arms on one measure, whose rows they are; every level is reported, with or
    without runs."""
    first, second = runs.by_block(baseline), runs.by_block(treatment)
    rows = pd.concat([baseline, treatment])
    phi = dict(zip(rows["bias"].astype(float), rows["phi"], strict=True))
    share = measure_of(measure).is_share
    counted = runs.with_value(rows) if share else rows.head(0)
    fewest = counted.groupby("bias")["n"].min().dropna().astype(int).to_dict()
    levels = tuple(
        _level(
            first, second, Level(arm, share, bias, phi.get(bias, math.nan), images=fewest.get(bias))
        )
        for bias in biases
    )
    absent = {f"run {row.key}": row.reason for row in rows[rows["value"].isna()].itertuples()}
    if first.empty or second.empty:
        absent["measure"] = runs.why_absent(rows, moment, measure)
        return ArmComparison(measure, levels, absent=absent)
    scale = runs.slope_column(measure, rows)
    scaled = runs.by_block(baseline, scale), runs.by_block(treatment, scale)
    if scale == "logit":
        levels = tuple(_with_log_odds(level, *scaled) for level in levels)
    parts, reasons = _over_levels(phi, (first, second), scaled)
    return ArmComparison(measure, levels, scale, **parts, absent=absent | reasons)


def _level(first: pd.DataFrame, second: pd.DataFrame, level: Level) -> Level:
    """Fill in a level with the two arms there."""
    bias = level.bias
    if bias not in first.columns or bias not in second.columns:
        return level
    first, second = runs.align_blocks(first[[bias]], second[[bias]])
    level = replace(level, blocks=tuple(f"d{data}s{init}" for data, init in first.index))
    if len(first) < 2:
        return level
    # Of a measure that counts no images, or few, nobody can say what is close.
    margin = pairs.EQUIVALENCE if level.share and not level.is_coarse else None
    return replace(
        level,
        baseline=pairs.t_interval(first[bias]),
        treatment=pairs.t_interval(second[bias]),
        difference=pairs.paired(second[bias] - first[bias], margin),
    )


def _with_log_odds(level: Level, first: pd.DataFrame, second: pd.DataFrame) -> Level:
    """Fill in the difference in log odds of the two arms at a level that was compared."""
    if level.difference is None:
        return level
    before, after = runs.align_blocks(first[[level.bias]], second[[level.bias]])
    return replace(level, log_odds=pairs.t_interval((after - before)[level.bias]))


_Arms = tuple[pd.DataFrame, pd.DataFrame]


def _over_levels(
    phi: dict[float, float], values: _Arms, scaled: _Arms
) -> tuple[dict[str, Any], dict[str, str]]:
    """Compare two arms over all levels below 1.

    Args:
        phi: of each bias level.
        values: (blocks, levels) of each arm.
        scaled: the same on the scale of slopes.

    Returns:
        The parts of an `ArmComparison` that are defined, and the reasons for the others.
    """
    names = ("slope", "slope_on_value", "components", "overall", "anova")
    below = [table.loc[:, table.columns < runs.LIMIT] for table in (*values, *scaled)]
    low, high = runs.align_blocks(*below[:2])
    scaled = runs.align_blocks(*below[2:])
    if low.shape[1] == 0:
        return {}, dict.fromkeys(names, "no level of bias below 1 has runs of both arms")
    if len(low) < 2:
        reason = f"seed pairs that are complete at every level below 1: {len(low)}, two needed"
        return {}, dict.fromkeys(names, reason)
    data, init = (low.index.get_level_values(seed).tolist() for seed in runs.SEEDS)
    levels = [phi[bias] for bias in low.columns]
    parts_by_name: dict[str, Callable[[], Any]] = {
        "slope": lambda: factorial.slope_difference(levels, *scaled),
        "slope_on_value": lambda: factorial.slope_difference(levels, low, high),
        "anova": lambda: factorial.anova(low, high),
        "components": lambda: factorial.components(pd.concat([low, high], axis=1), data, init),
        "overall": lambda: pairs.t_interval((high - low).mean(axis=1)),
    }
    parts, reasons = {}, {}
    for name, compute in parts_by_name.items():
        try:
            parts[name] = compute()
        except ValueError as error:
            reasons[name] = str(error)
    return parts, reasons
