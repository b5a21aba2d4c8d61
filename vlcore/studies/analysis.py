"""Comparison of two arms of a study: every measure at every level of bias, and tests over all levels.

One measure is primary and all others are secondary. Each level stands on the pairs that are complete there, each test
over levels on the blocks that are complete everywhere. Runs that differ in anything but the factor, the bias and the
seeds are refused, because a difference between them could not be told from the factor's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
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
from vlcore.studies.statistics.paired import MARGIN, Paired, Status, holm, iqm, paired, seeds_needed

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

    @property
    def words(self) -> str:
        """The status as it is written: ``higher with descriptive``, ``equivalent within ±5 points``."""
        if self.status is Status.EQUIVALENT:
            return f"{self.status} within ±{f'{MARGIN * 100:g} points' if self.share else f'{MARGIN:g}'}"
        return self.status if self.status is Status.NOT_DECIDED else f"{self.status} with {self.arm}"

    @property
    def verdict(self) -> str:
        """The status as tables give it: with the number of blocks where nothing is decided."""
        return not_decided(len(self.blocks)) if self.status is Status.NOT_DECIDED else self.words

    def as_dict(self) -> dict[str, Any]:
        parts = {"baseline": self.baseline, "treatment": self.treatment, "difference": self.difference}
        return {
            "bias": self.bias,
            "phi": float(design.phi(self.bias)),
            "apart": self.apart,
            "n": len(self.blocks),
            "blocks": list(self.blocks),
            **{name: None if part is None else part.as_dict() for name, part in parts.items()},
            "holm_p": self.holm_p,
            "seeds_needed": {f"{delta:g}": seeds for delta, seeds in self.seeds_needed.items()},
            "verdict": self.verdict,
        }


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
    """A finished analysis.

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

    def tables(self) -> dict[str, pd.DataFrame]:
        """The analysis as tables, by the names of `TABLES`.

        One row a comparison, slope test, mean over all, effect, measure, run or reason; parts of an estimate have
        columns of their own, such as ``difference.low``. What is not defined is empty, with its row in ``absent``.
        """
        lines: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        for role, one in (("primary", self.primary), *(("secondary", one) for one in self.secondary)):
            start = {"role": role, "measure": one.measure, "moment": self.moment}
            lines["comparisons"] += [{**start, **_flat(level.as_dict())} for level in one.levels]
            lines["anova"] += [{**start, **effect.as_dict()} for effect in one.anova]
            lines["absent"] += [{**start, "part": part, "reason": reason} for part, reason in one.absent.items()]
            for scale, slope in {"value": one.slope_on_value, one.scale: one.slope}.items():
                if slope is not None:
                    lines["slopes"].append({**start, "scale": scale, **_flat(slope.as_dict())})
            if one.overall is not None:
                lines["overall"].append({**start, **one.overall.as_dict()})
            if one.components is not None:
                lines["components"].append({**start, **one.components.as_dict()})
        lines["missing"] = [asdict(one) for one in self.missing]
        return {name: pd.DataFrame(rows, columns=None if rows else _FIRST[name]) for name, rows in lines.items()}


_TABLES = ("comparisons", "slopes", "overall", "anova", "components", "absent")
_FIRST = dict.fromkeys(_TABLES, ("role", "measure", "moment")) | {"missing": ("arm", "bias", *SEEDS)}
TABLES = tuple(_FIRST)


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
    frame, biases = _arms(frame, factor, baseline, treatment)
    first, second = (frame[frame[factor] == value] for value in (baseline, treatment))
    if factor == "bias":  # one comparison, at the treatment's level
        biases = [float(treatment)]
        first, second = first.assign(bias=biases[0]), second.assign(bias=biases[0])
    others = catalogue.secondary() if secondary is None else secondary
    results = [
        compare_arms(rows_of(first, name, moment), rows_of(second, name, moment), name, moment, str(treatment), biases)
        for name in (measure, *(name for name in others if name != measure))
    ]
    return Analysis(
        treatment=str(treatment),
        moment=moment,
        primary=results[0],
        secondary=tuple(results[1:]),
        missing=missing_runs(frame, factor, (baseline, treatment), planned),
        versions=frame["versions"].nunique(),
    )


def _arms(
    frame: pd.DataFrame, factor: str, baseline: str | float, treatment: str | float
) -> tuple[pd.DataFrame, list[float]]:
    """The rows of the two arms, seen to be comparable, and their levels of bias."""
    if factor not in settings_of(frame) or factor in SEEDS:
        known = ", ".join(name for name in settings_of(frame) if name not in SEEDS)
        raise AnalysisError(f"Runs are not compared by {factor!r}; choose one of {known}.")
    if baseline == treatment:
        raise AnalysisError(f"Both arms are {factor}={baseline}; choose two different values.")
    for value in (baseline, treatment):
        if not (frame[factor] == value).any():
            found = ", ".join(sorted(str(one) for one in frame[factor].unique())) or "none"
            raise AnalysisError(f"No run has {factor}={value}; the runs have {found}.")
    kept = frame[frame[factor].isin([baseline, treatment])]
    check_alike(kept, free=(factor, "bias"))
    return kept, sorted(float(bias) for bias in kept["bias"].unique())


def compare_arms(
    baseline: pd.DataFrame, treatment: pd.DataFrame, measure: str, moment: str, name: str, biases: Sequence[float]
) -> ArmComparison:
    """Compare two arms on one measure.

    Args:
        baseline, treatment: rows of one measure at one moment, of each arm; both on the same levels of bias.
        measure: name of the measure.
        moment: when it was measured.
        name: the treatment, in words.
        biases: the levels to report, with or without runs.
    """
    first, second = by_block(baseline), by_block(treatment)
    both = pd.concat([baseline, treatment])
    levels = _adjusted([_level(first, second, Level(name, measure_of(measure).is_share, bias)) for bias in biases])
    absent = {f"run {row.key}": row.reason for row in both[both["value"].isna()].itertuples()}
    if first.empty or second.empty:
        reason = why_absent(both, moment, measure)
        return ArmComparison(measure, "value", levels, None, None, (), None, None, absent | {"measure": reason})
    scale = slope_column(measure, both)
    scaled = [by_block(rows, scale) for rows in (baseline, treatment)]
    parts, missing = _over_levels(first, second, *scaled)
    return ArmComparison(measure, scale, levels, **parts, absent=absent | missing)


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


def _adjusted(levels: list[Level]) -> tuple[Level, ...]:
    """Levels with Holm's adjustment over those that are tested together."""
    p = {level.bias: level.holm_p for level in levels if level.holm_p is not None and not level.apart}
    adjusted = dict(zip(p, holm(list(p.values())), strict=True))
    return tuple(replace(level, holm_p=adjusted.get(level.bias, level.holm_p)) for level in levels)


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


def _flat(document: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values by their dotted names; a list is its items in one text, and what is None has no column."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            flat[f"{before}{name}"] = " ".join(str(item) for item in value)
        elif value is not None:
            flat[f"{before}{name}"] = value
    return flat


def not_decided(n: int) -> str:
    """``not decided (n = 5)``: too few blocks, or an interval that leaves both signs open."""
    return f"{Status.NOT_DECIDED} (n = {n})"
