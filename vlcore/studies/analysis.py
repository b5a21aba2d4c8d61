"""Comparison of two arms of a study: every measure at every level of bias, and tests over all levels.

One measure is primary and all others are secondary. Each level stands on the pairs that are complete there, each test
over levels on the blocks that are complete everywhere. Runs that differ in anything but the factor, the bias and the
seeds are refused, because a difference between them could not be told from the factor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from vlcore.core.condition import Condition
from vlcore.measures import catalogue
from vlcore.measures.catalogue import PRIMARY, measure_of
from vlcore.measures.estimate import Estimate
from vlcore.studies.runs_table import (
    LIMIT,
    SEEDS,
    AnalysisError,
    MissingRun,
    align_blocks,
    block_names,
    by_block,
    check_alike,
    missing_runs,
    rows_of,
    settings_of,
    slope_column,
    to_array,
    why_absent,
)
from vlcore.studies.statistics import design
from vlcore.studies.statistics.paired import Paired, Status, holm, iqm, paired, seeds_needed

DELTAS = (0.05, 0.1, 0.2)  # differences for which the number of seeds is said


@dataclass(frozen=True)
class Level:
    """The two arms at one level of bias.

    Attributes:
        arm: the treatment's value.
        share: whether the measure counts pictures, so that a difference is in points.
        bias: the level; of a study of bias itself, the treatment's.
        blocks: names of the blocks that have both arms here.
        baseline, treatment: interquartile mean of each arm over these blocks; None with fewer than two.
        difference: treatment minus baseline by block; None with fewer than two.
        holm_p: its p, adjusted for the number of levels; unadjusted at bias 1, which is reported apart.
        seeds_needed: blocks that would see a difference, by difference.
    """

    arm: str
    share: bool
    bias: float
    blocks: tuple[str, ...] = ()
    baseline: Estimate | None = None
    treatment: Estimate | None = None
    difference: Paired | None = None
    holm_p: float | None = None
    seeds_needed: dict[float, int] = field(default_factory=dict)

    @property
    def apart(self) -> bool:
        """Whether nothing can tell object from context here, so that the level is in no average and no test."""
        return self.bias == LIMIT

    @property
    def status(self) -> Status:
        """Higher, lower, equivalent, or not decided."""
        if self.difference is None or self.holm_p is None:
            return Status.NOT_DECIDED
        return self.difference.status(self.holm_p)


@dataclass(frozen=True)
class ArmComparison:
    """All that two arms say of one measure.

    Attributes:
        measure: its name.
        scale: what slopes are fitted to, ``logit`` or ``value``.
        levels: one comparison a level of bias.
        slope: the difference of slopes on φ, by block, on that scale.
        slope_on_value: the same on the value itself; near 0 and 1 the two can disagree, and then both are said.
        anova: arm by bias, repeated measures.
        components: variance between runs by source.
        overall: interquartile mean of the differences over blocks and levels.
        absent: why a part is None, or why some runs have no value, by name.
    """

    measure: str
    scale: str
    levels: tuple[Level, ...]
    slope: design.SlopeTest | None
    slope_on_value: design.SlopeTest | None
    anova: tuple[design.Effect, ...]
    components: design.Components | None
    overall: Estimate | None
    absent: dict[str, str]

    @property
    def scales_disagree(self) -> bool:
        """Whether the slope difference has opposite signs on its scale and on the value itself."""
        both = (self.slope, self.slope_on_value)
        first, second = (0.0 if one is None else one.difference.mean.value for one in both)
        return first * second < 0


@dataclass(frozen=True)
class Analysis:
    """Two arms compared on every measure.

    Attributes:
        treatment: the value that is compared with the baseline.
        moment: when the measures were taken.
        primary: the one measure that the study is about.
        secondary: the others, each analysed the same way; none of them decides.
        missing: runs that would complete the design.
        versions: how many sets of package versions made the runs.
    """

    treatment: str
    moment: str
    primary: ArmComparison
    secondary: tuple[ArmComparison, ...]
    missing: tuple[MissingRun, ...]
    versions: int

    @property
    def comparisons(self) -> tuple[ArmComparison, ...]:
        """Of every measure, the primary one first."""
        return (self.primary, *self.secondary)


def analyse(
    frame: pd.DataFrame,
    factor: str = "labels",
    baseline: str | float = "undescriptive",
    treatment: str | float = "descriptive",
    measure: str = PRIMARY,
    moment: str = "end",
    secondary: Sequence[str] | None = None,
    planned: Sequence[Condition] = (),
) -> Analysis:
    """Compare two values of one setting over blocks of seeds, at every level of bias.

    Args:
        frame: of `vlcore.studies.runs_table.runs_table`; rows of other values of the factor are left aside.
        factor: a field of the condition; ``bias`` compares two levels of bias.
        baseline, treatment: its two values.
        measure: the primary one.
        moment: ``end``, ``first_fit`` or ``untrained``.
        secondary: other measures, analysed the same way; None for those that the catalogue of measures names.
        planned: the conditions of the study; without them, what is missing is told from the runs that are there.

    Raises:
        AnalysisError: when an arm has no run, a run is there twice, or the runs differ in anything else.
    """
    if factor not in settings_of(frame) or factor in SEEDS:
        known = ", ".join(name for name in settings_of(frame) if name not in SEEDS)
        raise AnalysisError(f"Runs are not compared by {factor!r}; choose one of {known}.")
    if baseline == treatment:
        raise AnalysisError(f"Both arms are {factor}={baseline}; choose two different values.")
    for value in (baseline, treatment):
        if not (frame[factor] == value).any():
            found = ", ".join(sorted(str(one) for one in frame[factor].unique())) or "none"
            raise AnalysisError(f"No run has {factor}={value}; the runs have {found}.")
    frame = frame[frame[factor].isin([baseline, treatment])]
    check_alike(frame, free=(factor, "bias"))
    biases = sorted(float(bias) for bias in frame["bias"].unique())
    first, second = (frame[frame[factor] == value] for value in (baseline, treatment))
    if factor == "bias":  # one comparison, at the treatment's level
        biases = [float(treatment)]
        first, second = first.assign(bias=biases[0]), second.assign(bias=biases[0])
    others = catalogue.secondary() if secondary is None else secondary
    primary, *rest = (
        _compare(rows_of(first, name, moment), rows_of(second, name, moment), name, moment, str(treatment), biases)
        for name in (measure, *(name for name in others if name != measure))
    )
    return Analysis(
        treatment=str(treatment),
        moment=moment,
        primary=primary,
        secondary=tuple(rest),
        missing=missing_runs(frame, factor, (baseline, treatment), planned),
        versions=frame["versions"].nunique(),
    )


def _compare(
    baseline: pd.DataFrame, treatment: pd.DataFrame, measure: str, moment: str, arm: str, biases: Sequence[float]
) -> ArmComparison:
    """Compare two arms on one measure; both have rows of it alone, and the levels are reported with or without runs."""
    first, second = by_block(baseline), by_block(treatment)
    both = pd.concat([baseline, treatment])
    levels = [_level(first, second, Level(arm, measure_of(measure).is_share, bias)) for bias in biases]
    # Holm's adjustment is over those that are tested together.
    p = {level.bias: level.holm_p for level in levels if level.holm_p is not None and not level.apart}
    adjusted = dict(zip(p, holm(list(p.values())), strict=True))
    levels = [replace(level, holm_p=adjusted.get(level.bias, level.holm_p)) for level in levels]
    absent = {f"run {row.key}": row.reason for row in both[both["value"].isna()].itertuples()}
    if first.empty or second.empty:
        absent["measure"] = why_absent(both, moment, measure)
        return ArmComparison(measure, "value", tuple(levels), None, None, (), None, None, absent)
    scale = slope_column(measure, both)
    parts, missing = _over_levels(first, second, *(by_block(rows, scale) for rows in (baseline, treatment)))
    return ArmComparison(measure, scale, tuple(levels), **parts, absent=absent | missing)


def _level(first: pd.DataFrame, second: pd.DataFrame, level: Level) -> Level:
    """A level with what the two arms say there."""
    if level.bias not in first.columns or level.bias not in second.columns:
        return level
    here, there = align_blocks(first[[level.bias]], second[[level.bias]])
    level = replace(level, blocks=tuple(block_names(here.index)))
    if len(here) < 2:
        return level
    difference = paired(to_array(there)[:, 0] - to_array(here)[:, 0])
    return replace(
        level,
        baseline=iqm(here),
        treatment=iqm(there),
        difference=difference,
        holm_p=difference.test.p,
        seeds_needed={delta: seeds_needed(difference.sd, delta) for delta in DELTAS} if level.share else {},
    )


def _over_levels(
    first: pd.DataFrame, second: pd.DataFrame, first_scaled: pd.DataFrame, second_scaled: pd.DataFrame
) -> tuple[dict[str, Any], dict[str, str]]:
    """Slope test, analysis of variance, components and the mean over levels, with the reasons for those not there."""
    parts: dict[str, Any] = dict.fromkeys(("slope", "slope_on_value", "components", "overall")) | {"anova": ()}
    kept = [table.loc[:, table.columns < LIMIT] for table in (first, second, first_scaled, second_scaled)]
    low, high = align_blocks(kept[0], kept[1])
    if low.shape[1] == 0:
        return parts, dict.fromkeys(parts, "no level of bias below 1 has runs of both arms")
    if len(low) < 2:
        return parts, dict.fromkeys(parts, f"blocks that are complete at every level below 1: {len(low)}, two needed")
    data, init = (low.index.get_level_values(seed).tolist() for seed in ("data_seed", "init_seed"))
    phi = design.phi(low.columns.to_numpy(dtype=float))
    scaled = align_blocks(kept[2], kept[3])
    asked = {
        "slope": lambda: design.slope_difference(phi, *(to_array(table) for table in scaled)),
        "slope_on_value": lambda: design.slope_difference(phi, to_array(low), to_array(high)),
        "anova": lambda: design.anova(to_array(low), to_array(high)),
        "components": lambda: design.components(to_array(pd.concat([low, high], axis=1)), data, init),
        "overall": lambda: iqm(to_array(high) - to_array(low)),
    }
    absent = {}
    for name, ask in asked.items():
        try:
            parts[name] = ask()
        except ValueError as error:
            absent[name] = str(error)
    return parts, absent
