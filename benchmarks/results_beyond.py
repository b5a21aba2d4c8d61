"""What the plans beyond the answer (docs/results/plans/beyond.md) ask, as weighted sums of arms."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from benchmarks.results_data import arms_of
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.estimate import Estimate
from vlcore.study.contrasts import Contrast, contrast
from vlcore.study.statistics.factorial import logit_share
from vlcore.study.statistics.paired import ALPHA

Weights = Mapping[str, float]

# Arms by how many attributes their captions name beside the object.
ATTRIBUTES = {0: "short", 1: "sky", 3: "3 attributes", 5: "5 attributes"}
WITH_PLACE = {0: "short", 1: "place", 3: "place and 2", 5: "place and 4"}
SETS_OF_IMAGES = range(1, 7)


def weighted(study: str, weights: Weights, measure: str = PRIMARY) -> Contrast:
    """A weighted sum of a study's arms, over the seed pairs that have all of them."""
    return contrast(arms_of(study, measure, STUDY_BIAS, *weights), weights)


def slope_weights(arms: Mapping[float, str]) -> dict[str, float]:
    """The weights that give the least-squares slope of arms on a number."""
    x = np.array(list(arms))
    centred = x - x.mean()
    return dict(zip(arms.values(), (centred / (centred**2).sum()).tolist(), strict=True))


def attributes_slope(study: str, with_place: bool, measure: str = PRIMARY) -> Contrast:
    """Log odds a further attribute, captions in one wording."""
    return weighted(study, slope_weights(WITH_PLACE if with_place else ATTRIBUTES), measure)


@dataclass(frozen=True)
class Crossed:
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


def crossed_images(study: str) -> Crossed:
    """What naming the place costs, in log odds, over sets of images and initialisations."""
    costs = {}
    for number in SETS_OF_IMAGES:
        names = [f"{arm} of images {number}" for arm in ("short", "place")]
        arms = arms_of(study, PRIMARY, STUDY_BIAS, *names)
        short, place = (logit_share(arms.rates[name], arms.images[name]) for name in names)
        costs[number] = pd.Series(place - short, arms.rates.index)
    return crossed(pd.DataFrame(costs).dropna().to_numpy().T)


def crossed(table: NDArray[np.float64]) -> Crossed:
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
    return Crossed(
        Estimate(float(mean), float(mean - half), float(mean + half), table.size),
        sqrt(max(0.0, rows - residual) / n_columns),
        sqrt(max(0.0, columns - residual) / n_rows),
        sqrt(residual),
    )
