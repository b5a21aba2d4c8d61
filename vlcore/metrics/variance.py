"""Variance explained by object and context in the embedding space.

Every group weighs the same: the contrasts of object, context and interaction are then orthogonal
whatever the data set, so their shares of the variance add up and neither factor borrows from the
other."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.estimate import Embeddings, Estimate, Labels, jackknife_each

Numbers = NDArray[np.float64]

FACTORS = ("object", "context", "interaction")
_SIGNS = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 4  # of the factors, by group


def variance_shares(
    z: Embeddings, objects: Labels, contexts: Labels, scenes: Labels
) -> dict[str, Estimate]:
    """By what do images cluster: eta squared of each of the `FACTORS` and the ``residual``, which
    add up to 1; (n, E) and (n,) labels each. ``sum ||mu_a - mu||^2 / sum ||z - mu||^2`` with every
    group weighing the same; intervals are over scenes. Of one column, such as a margin (n, 1), the
    shares of the factors are its Sobol indices. All four groups need images, that are not all one
    point.
    """
    pairs = product(np.unique(objects), np.unique(contexts))
    cells = np.stack([(objects == obj) & (contexts == context) for obj, context in pairs])
    points = np.asarray(z, dtype=np.float64)
    points = points - points.mean(axis=0)  # small numbers, whose squares lose no digits
    with_length = np.column_stack([points, (points**2).sum(axis=1)])

    def shares(weights: Numbers) -> Numbers:
        means, lengths = np.split(_means(cells, with_length, weights), [-1], axis=2)
        variance = lengths.mean(axis=1) - (means.mean(axis=1) ** 2).sum(axis=1, keepdims=True)
        total = np.where(variance > 1e-12, variance, np.nan)
        explained = ((_SIGNS @ means) ** 2).sum(axis=2) / total
        return np.column_stack([explained, 1 - explained.sum(axis=1)])

    estimates = [estimate.within(0, 1) for estimate in jackknife_each(shares, scenes)]
    return dict(zip((*FACTORS, "residual"), estimates, strict=True))


def _means(cells: NDArray[np.bool_], points: Numbers, weights: Numbers) -> Numbers:
    """Weighted means of the four groups' points, (4, n), (n, E) and (R, n) to (R, 4, E)."""
    means = []
    for cell in cells:
        inside = weights[:, cell]
        # A resample of scenes without twins can miss a group, which then has all its images.
        inside[inside.sum(axis=1) == 0] = 1
        means.append(inside @ points[cell] / inside.sum(axis=1, keepdims=True))
    return np.stack(means, axis=1)
