"""The cost of naming the background on image sets that are drawn again, with images and
initialisations as two random factors."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from vlcore.metrics.estimate import Estimate
from vlcore.study.contrasts import published_contrast
from vlcore.study.statistics.paired import ALPHA

SETS_OF_IMAGES = range(1, 7)


@dataclass(frozen=True)
class CrossedMean:
    """A mean over images and initialisations as crossed random factors.

    Attributes:
        mean: with a 95 % interval.
        by_images: the standard deviation between sets of images.
        by_initialisation: the same between initialisations.
        residual: the same of what is left.
    """

    mean: Estimate
    by_images: float
    by_initialisation: float
    residual: float


def crossed_images(study: str, *, shares: bool = False) -> CrossedMean:
    """The cost of naming the background over sets of images and initialisations, in log odds or as
    a difference of shares."""
    costs = {}
    for number in SETS_OF_IMAGES:
        weights = {f"place of images {number}": 1, f"short of images {number}": -1}
        result = published_contrast(study, weights)
        costs[number] = result.points_by_pair if shares else result.log_odds_by_pair
    return crossed_mean(pd.DataFrame(costs).dropna().to_numpy().T)


def crossed_mean(table: NDArray[np.float64]) -> CrossedMean:
    """The mean of differences, (images, initialisations), and what they vary by.

    The variance of the mean is (mean square of rows + that of columns - the residual's) / cells,
    with the degrees of freedom of Satterthwaite (1946).
    """
    n_rows, n_columns = table.shape
    mean = table.mean()
    row_effects, column_effects = table.mean(axis=1) - mean, table.mean(axis=0) - mean
    interaction = table - mean - row_effects[:, None] - column_effects
    freedoms = (n_rows - 1, n_columns - 1, (n_rows - 1) * (n_columns - 1))
    sums = (
        n_columns * (row_effects**2).sum(),
        n_rows * (column_effects**2).sum(),
        (interaction**2).sum(),
    )
    rows, columns, residual = (
        total / freedom for total, freedom in zip(sums, freedoms, strict=True)
    )
    of_mean = max(rows + columns - residual, residual)
    parts = zip((rows, columns, residual), freedoms, strict=True)
    freedom = of_mean**2 / sum(square**2 / freedom for square, freedom in parts)
    half = float(stdtrit(freedom, 1 - ALPHA / 2)) * sqrt(of_mean / table.size)
    return CrossedMean(
        Estimate(float(mean), float(mean - half), float(mean + half), table.size),
        sqrt(max(0.0, rows - residual) / n_columns),
        sqrt(max(0.0, columns - residual) / n_rows),
        sqrt(residual),
    )
