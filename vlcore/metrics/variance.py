"""Variance explained by object and context in the embedding space, and the angle between their
axes.

Every group weighs the same: the contrasts of object, context and interaction are then orthogonal
whatever the data set, so their shares of the variance add up and neither factor borrows from the
other."""

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.metrics.estimate import Embeddings, Estimate, Labels, bootstrap, jackknife_each

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
    cells = _cells(objects, contexts, np.unique(objects), np.unique(contexts))
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


def axis_angle(
    z: Embeddings, objects: Labels, contexts: Labels, scenes: Labels, grouping: Grouping
) -> Estimate:
    """Angle in degrees between the axis of the objects (first minus second) and that of the
    contexts, 0 to 180; (n, E). 90 is independent concepts; less says that the space takes the first
    object for more at home in the first context, as the bias does. Its bootstrap interval holds the
    truth in 93 to 95 % of simulated sets. ValueError when the means of a
    factor's two values coincide.
    """
    cells = _cells(objects, contexts, grouping.objects, grouping.contexts)
    points = np.asarray(z, dtype=np.float64)

    def angle(weights: Numbers) -> Numbers:
        along, across, _ = (_SIGNS @ _means(cells, points, weights)).swapaxes(0, 1)  # (R, E) each
        lengths = np.linalg.norm(along, axis=1) * np.linalg.norm(across, axis=1)
        cosine = (along * across).sum(axis=1) / np.where(lengths > 1e-12, lengths, np.nan)
        return np.degrees(np.arccos(np.clip(cosine, -1, 1)))

    if np.isnan(angle(np.ones((1, len(z))))).any():
        raise ValueError(
            "The mean images of both objects, or of both contexts, coincide, so there is no axis."
        )
    return bootstrap(angle, scenes)


def _cells(
    objects: Labels, contexts: Labels, object_names: Iterable[str], context_names: Iterable[str]
) -> NDArray[np.bool_]:
    """Which images are in each of the four groups, (4, n)."""
    pairs = product(object_names, context_names)
    return np.stack([(objects == obj) & (contexts == context) for obj, context in pairs])


def _means(cells: NDArray[np.bool_], points: Numbers, weights: Numbers) -> Numbers:
    """Weighted means of the four groups' points, (4, n), (n, E) and (R, n) to (R, 4, E)."""
    means = []
    for cell in cells:
        inside = weights[:, cell]
        # A resample of scenes without twins can miss a group, which then has all its images.
        inside[inside.sum(axis=1) == 0] = 1
        means.append(inside @ points[cell] / inside.sum(axis=1, keepdims=True))
    return np.stack(means, axis=1)
