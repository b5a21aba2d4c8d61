"""One measure in two arms: a comparison at every level of bias, and the tests over all levels.

The one idea: each level stands on the pairs that are complete there, each test over levels on the blocks that are
complete everywhere; a verdict is one of four phrases, and fewer than six blocks give none but "not decided".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from vlcore.measures import design
from vlcore.measures.catalogue import find
from vlcore.measures.estimate import Estimate
from vlcore.measures.paired import ALPHA, MARGIN, Paired, holm, iqm, paired, seeds_needed
from vlcore.runs.table import LIMIT, align_blocks, block_names, by_block, slope_column, to_array, why_absent

DELTAS = (0.05, 0.1, 0.2)  # differences for which the number of seeds is said


@dataclass(frozen=True)
class Level:
    """The two arms at one level of bias.

    Attributes:
        bias: the level; of a study of bias itself, the treatment's.
        blocks: names of the blocks that have both arms here.
        baseline, treatment: interquartile mean of each arm over these blocks; None with fewer than two.
        difference: treatment minus baseline by block; None with fewer than two.
        holm_p: its p, adjusted for the number of levels; unadjusted at bias 1, which is reported apart.
        seeds_needed: blocks that would see a difference, by difference.
        verdict: ``higher with ...``, ``lower with ...``, ``equivalent within ...`` or ``not decided (n = ...)``.
    """

    bias: float
    blocks: tuple[str, ...]
    baseline: Estimate | None
    treatment: Estimate | None
    difference: Paired | None
    holm_p: float | None
    seeds_needed: dict[float, int]
    verdict: str

    @property
    def apart(self) -> bool:
        """Whether nothing can tell object from context here, so that the level is in no average and no test."""
        return self.bias == LIMIT

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
class Compared:
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

    def as_dict(self) -> dict[str, Any]:
        parts = {
            "slope": self.slope,
            "slope_on_value": self.slope_on_value,
            "components": self.components,
            "overall": self.overall,
        }
        return {
            "measure": self.measure,
            "scale": self.scale,
            "levels": [level.as_dict() for level in self.levels],
            **{name: None if part is None else part.as_dict() for name, part in parts.items()},
            "anova": [effect.as_dict() for effect in self.anova],
            "absent": self.absent,
        }


def compared(
    baseline: pd.DataFrame, treatment: pd.DataFrame, measure: str, moment: str, name: str, biases: Sequence[float]
) -> Compared:
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
    absent = {f"run {row.key}": row.reason for row in both[both["value"].isna()].itertuples()}
    if first.empty or second.empty:
        reason = why_absent(both, moment, measure)
        levels = tuple(_level(first, second, bias, measure, name) for bias in biases)
        return Compared(measure, "value", levels, None, None, (), None, None, absent | {"measure": reason})
    levels = _adjusted([_level(first, second, bias, measure, name) for bias in biases], name, measure)
    scale = slope_column(measure, both)
    scaled = [by_block(rows, scale) for rows in (baseline, treatment)]
    parts, missing = _over_levels(first, second, *scaled)
    return Compared(measure, scale, levels, **parts, absent=absent | missing)


def _level(first: pd.DataFrame, second: pd.DataFrame, bias: float, measure: str, name: str) -> Level:
    if bias not in first.columns or bias not in second.columns:
        return Level(bias, (), None, None, None, None, {}, not_decided(0))
    here, there = align_blocks(first[[bias]], second[[bias]])
    blocks = tuple(block_names(here.index))
    if len(blocks) < 2:
        return Level(bias, blocks, None, None, None, None, {}, not_decided(len(blocks)))
    difference = paired(to_array(there)[:, 0] - to_array(here)[:, 0])
    p, share = difference.test.p, find(measure).is_share
    needed = {delta: seeds_needed(difference.sd, delta) for delta in DELTAS} if share else {}
    verdict = verdict_of(difference, p, name, share)
    return Level(bias, blocks, iqm(here), iqm(there), difference, p, needed, verdict)


def _adjusted(levels: list[Level], name: str, measure: str) -> tuple[Level, ...]:
    """Levels with Holm's adjustment over those that are tested together."""
    tested = [level for level in levels if level.difference is not None and not level.apart]
    adjusted = holm([level.difference.test.p for level in tested if level.difference is not None])
    by_bias = {level.bias: p for level, p in zip(tested, adjusted, strict=True)}
    return tuple(
        replace(level, holm_p=p, verdict=verdict_of(level.difference, p, name, find(measure).is_share))
        if level.difference is not None and (p := by_bias.get(level.bias)) is not None
        else level
        for level in levels
    )


def _over_levels(
    first: pd.DataFrame, second: pd.DataFrame, first_scaled: pd.DataFrame, second_scaled: pd.DataFrame
) -> tuple[dict[str, Any], dict[str, str]]:
    """Slope test, analysis of variance, components and the mean over levels, with the reasons for those not there."""
    parts: dict[str, Any] = dict.fromkeys(("slope", "slope_on_value", "components", "overall")) | {"anova": ()}
    kept = [below_limit(table) for table in (first, second, first_scaled, second_scaled)]
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


def below_limit(table: pd.DataFrame) -> pd.DataFrame:
    """A table without the level at which nothing tells object from context."""
    return table[[bias for bias in table.columns if bias < LIMIT]]


def verdict_of(difference: Paired, p: float, name: str, share: bool) -> str:
    """One of four phrases; a difference that is shown counts before one that is shown to be small."""
    if difference.exploratory:
        return not_decided(difference.mean.n)
    if p <= ALPHA:
        return f"{'higher' if difference.mean.value > 0 else 'lower'} with {name}"
    if difference.equivalent:
        return f"equivalent within ±{MARGIN * 100:g} points" if share else f"equivalent within ±{MARGIN:g}"
    return not_decided(difference.mean.n)


def not_decided(n: int) -> str:
    return f"not decided (n = {n})"
