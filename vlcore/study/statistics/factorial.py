"""Analysis of a whole study: two arms, several levels of bias, several blocks.

Every block holds every cell, so a contrast between cells is one number a block, and what is left
between blocks is the uncertainty. Arrays are (blocks, levels) for one arm, and φ is the bias as a
correlation.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtrc

from vlcore.metrics.estimate import Estimate
from vlcore.study.statistics.paired import NO_SPREAD, Paired, paired, t_interval

Cells = NDArray[np.float64]


def phi(bias: ArrayLike) -> Any:
    """Correlation of object and context at a bias level: ``bias / (2 - bias)``."""
    share = np.asarray(bias, dtype=float)
    return share / (2 - share)


def logit_share(value: ArrayLike, n: ArrayLike) -> Cells:
    """Log odds of a share of n images, ``logit((k + 1/2) / (n + 1))`` with ``k = value n``;
    ValueError for no share."""
    share, count = np.asarray(value, dtype=float), np.asarray(n, dtype=float)
    if not ((share >= 0) & (share <= 1) & (count > 0)).all():
        raise ValueError("Log odds are of a share from 0 to 1 of at least one image.")
    hits = share * count
    return np.asarray(np.log((hits + 0.5) / (count - hits + 0.5)))


def slopes(levels: ArrayLike, values: ArrayLike) -> Cells:
    """Least-squares slope of each block, (n, levels) to (n,), on φ, (levels,); ValueError with
    fewer than two φ."""
    x, y = np.asarray(levels, dtype=float), np.asarray(values, dtype=float)
    if len(np.unique(x)) < 2:
        raise ValueError("A slope needs at least two levels of bias.")
    centred = x - x.mean()
    return np.asarray(y @ centred / (centred @ centred))


@dataclass(frozen=True)
class SlopeTest:
    """Slopes on φ in two arms, and their difference by block."""

    baseline: Estimate  # mean slope, with its t interval over blocks
    treatment: Estimate
    difference: Paired  # without a margin, for nobody can say which slopes are alike
    blocks: list[float]  # the difference of each

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"difference": self.difference.as_dict()}


def slope_difference(levels: ArrayLike, baseline: ArrayLike, treatment: ArrayLike) -> SlopeTest:
    """Test whether a measure changes with bias in one arm as in the other, one slope difference a
    block.

    Args:
        levels: φ of each level, (levels,).
        baseline: (blocks, levels).
        treatment: (blocks, levels), in the same order of blocks.

    Raises:
        ValueError: with fewer than two blocks or levels.
    """
    first, second = slopes(levels, baseline), slopes(levels, treatment)
    difference = second - first
    return SlopeTest(
        t_interval(first), t_interval(second), paired(difference, margin=None), difference.tolist()
    )


def anova(baseline: ArrayLike, treatment: ArrayLike) -> list[dict[str, Any]]:
    """Repeated-measures analysis of variance, arm by level within blocks.

    Balanced, so it equals the mixed model's answer. With more than two levels the tests of ``bias``
    and of the interaction assume sphericity; the sign-flip test of the slopes does not.

    Args:
        baseline: (blocks, levels).
        treatment: (blocks, levels).

    Returns:
        For ``arm``, ``bias`` and ``arm x bias`` the `name`, `f`, `df`, `df_error`, `p`, and
        `partial_eta_squared`, which is ``F df / (F df + df_error)``.

    Raises:
        ValueError: with fewer than two blocks or levels, or no spread between blocks.
    """
    # Sums depend on the order of the memory.
    arms = [np.array(values, dtype=float, order="C") for values in (baseline, treatment)]
    cells = np.stack(arms, axis=1)  # (n, 2, levels)
    n, _, levels = cells.shape
    if n < 2 or levels < 2:
        raise ValueError(
            f"An analysis of variance needs two seed pairs and two levels; there are {n} and"
            f" {levels}."
        )
    means = cells.mean(axis=0)
    centred, off = cells - means, means - means.mean()
    by_arm, by_level = centred.mean(axis=2, keepdims=True), centred.mean(axis=1, keepdims=True)
    by_block = centred.mean(axis=(1, 2), keepdims=True)
    arm, level = off.mean(axis=1, keepdims=True), off.mean(axis=0, keepdims=True)
    # Each effect beside what it is tested against: block by arm, block by level, and block by both.
    effects = {
        "arm": (1, arm, by_arm - by_block),
        "bias": (levels - 1, level, by_level - by_block),
        "arm x bias": (levels - 1, off - arm - level, centred - by_arm - by_level + by_block),
    }
    if min((part**2).mean() for _, _, part in effects.values()) <= NO_SPREAD:
        raise ValueError(
            "The seed pairs leave no spread to test against, so an analysis of variance is not"
            " defined."
        )
    tests = []
    for name, (df, effect, error) in effects.items():
        df_error = df * (n - 1)
        f = float((effect**2).mean() * df_error / (df * (error**2).mean()))
        tests.append(
            {
                "name": name,
                "f": f,
                "df": float(df),
                "df_error": float(df_error),
                "p": float(fdtrc(df, df_error, f)),
                "partial_eta_squared": f * df / (f * df + df_error),
            }
        )
    return tests


def components(
    values: ArrayLike, data_seeds: Sequence[int], init_seeds: Sequence[int]
) -> dict[str, Any]:
    """Variance components of the balanced design, from its mean squares, at least 0 each (Searle,
    Casella and McCulloch 1992, 3.5).

    Args:
        values: (blocks, cells); a cell is an arm at a level.
        data_seeds: of each block.
        init_seeds: of each block.

    Returns:
        `block`, the variance of what all cells of a block share; `residual`, that of a run around
        it; by seed `data`, `init` and `data_x_init`, None where seeds are not crossed, and
        `reason`, why.

    Raises:
        ValueError: with fewer than two blocks or cells.
    """
    y = np.asarray(values, dtype=float)
    n, cells = y.shape
    if n < 2 or cells < 2:
        raise ValueError(
            f"Variance components need two seed pairs and two cells; there are {n} and {cells}."
        )
    y = y - y.mean(axis=0)
    blocks = y.mean(axis=1)
    residual = float(((y - blocks[:, None]) ** 2).sum() / ((n - 1) * (cells - 1)))
    block = max(0.0, float((blocks**2).sum() / (n - 1)) - residual / cells)
    names = ("data", "init", "data_x_init")
    variances = {"block": block, "residual": residual}
    seeds = pd.MultiIndex.from_arrays([data_seeds, init_seeds])
    data, init = (len(values) for values in seeds.levels)
    if min(data, init) < 2 or seeds.has_duplicates or n != data * init:
        reason = (
            "not separable: every data seed needs runs with the same two or more initialisation"
            " seeds"
        )
        return {**variances, **dict.fromkeys(names), "reason": reason}
    table = pd.Series(blocks, seeds).unstack().to_numpy()  # (data seeds, initialisation seeds)
    by_data, by_init = table.mean(axis=1), table.mean(axis=0)
    interaction = table - by_data[:, None] - by_init + table.mean()
    both = (interaction**2).sum() / ((data - 1) * (init - 1))
    parts = (
        by_data.var(ddof=1) - both / init,
        by_init.var(ddof=1) - both / data,
        both - residual / cells,
    )
    by_seed = {name: max(0.0, float(part)) for name, part in zip(names, parts, strict=True)}
    return {**variances, **by_seed, "reason": ""}
