"""Analysis of a whole study: two arms, several levels of bias, several blocks.

Every block holds every cell, so a contrast between cells is one number a block, and what is left between
blocks is the uncertainty. Arrays are (blocks, levels) for one arm, and φ is the bias as a correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.measures.estimate import Estimate
from vlcore.studies.statistics.paired import NO_SPREAD, Paired, paired, t_interval

Cells = NDArray[np.float64]


def phi(bias: ArrayLike) -> Any:
    """Correlation of object and context where a share `bias` of the minority is removed: ``bias / (2 - bias)``."""
    share = np.asarray(bias, dtype=float)
    return share / (2 - share)


def logit_share(value: ArrayLike, n: ArrayLike) -> Cells:
    """Log odds of a share of n images, finite at 0 and 1: ``logit((k + 1/2) / (n + 1))`` with ``k = value n``.

    Raises:
        ValueError: when the value is no share, or no image was counted.
    """
    share, count = np.asarray(value, dtype=float), np.asarray(n, dtype=float)
    if not ((share >= 0) & (share <= 1) & (count > 0)).all():
        raise ValueError("Log odds are of a share from 0 to 1 of at least one image.")
    hits = share * count
    return np.asarray(np.log((hits + 0.5) / (count - hits + 0.5)))


def slopes(levels: ArrayLike, values: ArrayLike) -> Cells:
    """Least-squares slope of each block, (n, levels) to (n,).

    Args:
        levels: φ of each level, (levels,).
        values: what was measured, (n, levels).

    Raises:
        ValueError: with fewer than two different levels.
    """
    x, y = np.asarray(levels, dtype=float), np.asarray(values, dtype=float)
    if len(np.unique(x)) < 2:
        raise ValueError("A slope needs at least two levels of bias.")
    centred = x - x.mean()
    return np.asarray(y @ centred / (centred @ centred))


@dataclass(frozen=True)
class SlopeTest:
    """Slopes on φ in two arms, and their difference by block.

    Attributes:
        baseline, treatment: mean slope of each arm, with its t interval over blocks.
        difference: treatment minus baseline; without a margin, for nobody can say which slopes are alike.
        blocks: the difference of each block.
    """

    baseline: Estimate
    treatment: Estimate
    difference: Paired
    blocks: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "baseline": self.baseline.as_dict(),
            "treatment": self.treatment.as_dict(),
            "difference": self.difference.as_dict(),
            "blocks": list(self.blocks),
        }


def slope_difference(levels: ArrayLike, baseline: ArrayLike, treatment: ArrayLike) -> SlopeTest:
    """Does the measure change with bias in one arm as it does in the other? One slope difference a block.

    Args:
        levels: φ of each level, (levels,).
        baseline, treatment: what was measured in each arm, (n, levels), blocks in the same order.

    Raises:
        ValueError: with fewer than two levels or blocks.
    """
    first, second = slopes(levels, baseline), slopes(levels, treatment)
    return SlopeTest(
        t_interval(first), t_interval(second), paired(second - first, margin=None), tuple((second - first).tolist())
    )


@dataclass(frozen=True)
class Effect:
    """One line of an analysis of variance."""

    name: str
    f: float
    df: float
    df_error: float
    p: float
    partial_eta_squared: float


def anova(baseline: ArrayLike, treatment: ArrayLike) -> tuple[Effect, Effect, Effect]:
    """Repeated-measures analysis of variance, arm by level within blocks; (n, levels) each.

    Balanced, so it equals the mixed model's answer. With more than two levels the tests of ``bias`` and of the
    interaction assume sphericity; the sign-flip test of the slopes does not.

    Returns:
        The effects ``arm``, ``bias`` and ``arm x bias``; partial eta squared is ``F df / (F df + df_error)``.

    Raises:
        ValueError: with fewer than two blocks or levels, or where the blocks leave no spread to test against.
    """
    import pandas as pd
    from statsmodels.stats.anova import AnovaRM

    cells = np.stack([np.asarray(baseline, dtype=float), np.asarray(treatment, dtype=float)], axis=1)  # (n, 2, levels)
    n, _, levels = cells.shape
    if n < 2 or levels < 2:
        raise ValueError(f"An analysis of variance needs two blocks and two levels; there are {n} and {levels}.")
    if min(_error_terms(cells)) <= NO_SPREAD:
        raise ValueError("The blocks leave no spread to test against, so an analysis of variance is not defined.")
    block, arm, level = (axis.ravel() for axis in np.indices(cells.shape))
    table = pd.DataFrame({"block": block, "arm": arm, "bias": level, "value": cells.ravel()})
    rows = AnovaRM(table, "value", "block", within=["arm", "bias"]).fit().anova_table
    return (
        _effect("arm", rows.loc["arm"]),
        _effect("bias", rows.loc["bias"]),
        _effect("arm x bias", rows.loc["arm:bias"]),
    )


def _effect(name: str, row: Any) -> Effect:
    f, df, df_error = float(row["F Value"]), float(row["Num DF"]), float(row["Den DF"])
    return Effect(name, f, df, df_error, float(row["Pr > F"]), f * df / (f * df + df_error))


def _error_terms(cells: Cells) -> tuple[float, float, float]:
    """Mean squares of block by arm, block by level, and block by both: what the three effects are tested against."""
    centred = cells - cells.mean(axis=0)
    arm = centred.mean(axis=2, keepdims=True)
    level = centred.mean(axis=1, keepdims=True)
    block = centred.mean(axis=(1, 2), keepdims=True)
    parts = (arm - block, level - block, centred - arm - level + block)
    return tuple(float((part**2).mean()) for part in parts)  # type: ignore[return-value]  # three parts, three numbers


@dataclass(frozen=True)
class Components:
    """Variance between runs by where it comes from, after the means of the cells are taken out.

    Attributes:
        block: variance of what all cells of a block share; 0 where the blocks differ less than chance would make them.
        residual: variance of a single run around that.
        data, init, data_x_init: the block's variance by seed; None where the seeds were not crossed.
        reason: why they are None, or empty.
    """

    block: float
    residual: float
    data: float | None
    init: float | None
    data_x_init: float | None
    reason: str


def components(values: ArrayLike, data_seeds: Sequence[int], init_seeds: Sequence[int]) -> Components:
    """Variance components of blocks by cells, (n, cells), from the mean squares of the balanced design.

    A component whose estimate is negative is reported as 0 (Searle, Casella and McCulloch 1992, section 3.5).

    Args:
        values: what was measured; a cell is an arm at a level.
        data_seeds, init_seeds: the seeds of each block, n each.

    Raises:
        ValueError: with fewer than two blocks or two cells.
    """
    y = np.asarray(values, dtype=float)
    n, cells = y.shape
    if n < 2 or cells < 2:
        raise ValueError(f"Variance components need two blocks and two cells; there are {n} and {cells}.")
    y = y - y.mean(axis=0)
    blocks = y.mean(axis=1)
    residual = float(((y - blocks[:, None]) ** 2).sum() / ((n - 1) * (cells - 1)))
    block = max(0.0, float((blocks**2).sum() / (n - 1)) - residual / cells)
    crossed = _crossed(blocks, data_seeds, init_seeds)
    if crossed is None:
        why = "not separable: every data seed needs runs with the same two or more initialisation seeds"
        return Components(block, residual, None, None, None, why)
    return Components(block, residual, *_by_seed(crossed, residual / cells), "")


def _crossed(blocks: Cells, data_seeds: Sequence[int], init_seeds: Sequence[int]) -> Cells | None:
    """Blocks as a table of data by initialisation seeds; None unless each pair of at least two by two is there once."""
    data, row = np.unique(np.asarray(data_seeds), return_inverse=True)
    init, column = np.unique(np.asarray(init_seeds), return_inverse=True)
    pairs = len(set(zip(row.tolist(), column.tolist(), strict=True)))
    if min(len(data), len(init)) < 2 or not pairs == len(blocks) == len(data) * len(init):
        return None
    table = np.empty((len(data), len(init)))
    table[row, column] = blocks
    return table


def _by_seed(table: Cells, within: float) -> tuple[float, float, float]:
    """Variance of data seeds, initialisation seeds and both together; `within` is the variance of a block's mean."""
    data, init = table.shape
    rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    both = ((table - rows - columns + table.mean()) ** 2).sum() / ((data - 1) * (init - 1))
    of_data, of_init = table.mean(axis=1).var(ddof=1) - both / init, table.mean(axis=0).var(ddof=1) - both / data
    return max(0.0, float(of_data)), max(0.0, float(of_init)), max(0.0, float(both) - within)
