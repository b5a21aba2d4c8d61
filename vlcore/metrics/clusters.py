"""Clusters of positions on a map, and which value of which column tells each of them apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 10  # images of a cluster, and what HDBSCAN calls `min_samples`
SMALLEST = 0.02  # of all images: more names than some twenty would cover a map
NO_CLUSTER = -1


@dataclass(frozen=True)
class Distinction:
    """A value of a column, and how well it tells a cluster apart.

    Attributes:
        column: its number among the columns.
        code: of the value in the column.
        phi: correlation of having the value with being in the cluster, 1 at best.
    """

    column: int
    code: int
    phi: float


def find_clusters(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """The cluster of each position, (n, 2) to (n,), from 0 for the largest; `NO_CLUSTER` for those
    between clusters.

    HDBSCAN (Campello et al. 2013), which takes no number of clusters: what is dense against its
    surroundings is one, from `SMALLEST` of all images on. The time grows as n squared.
    """
    from sklearn.cluster import HDBSCAN  # a page without clusters need not wait for it

    least = max(LEAST, math.ceil(SMALLEST * len(points)))
    if len(points) < 2 * least:
        return np.full(len(points), NO_CLUSTER)
    labels = HDBSCAN(min_cluster_size=least, min_samples=LEAST, copy=True).fit_predict(points)
    sizes = np.bincount(labels[labels >= 0])
    numbers = np.empty(len(sizes) + 1, dtype=np.int64)
    numbers[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    numbers[-1] = NO_CLUSTER  # which is where an index of -1 leads
    return numbers[labels]


def distinctions(
    clusters: NDArray[np.int64], columns: Sequence[NDArray[np.integer]]
) -> list[Distinction | None]:
    """What tells each cluster apart from all other images: of the values that at least half of its
    images have, the one with the highest phi coefficient, the first of equals; None where none is
    more frequent inside than outside.

    Args:
        clusters: of each image as `find_clusters` numbers them, (n,).
        columns: a code for the value of each image, (n,) each; negative for none.
    """
    count = int(clusters.max(initial=NO_CLUSTER)) + 1
    best: list[Distinction | None] = [None] * count
    for column, codes in enumerate(columns):
        phi = _phi_coefficients(clusters, codes, count)
        if not phi.size:
            continue
        for cluster, code in enumerate(phi.argmax(axis=1)):
            former = best[cluster]
            value = float(phi[cluster, code])
            if value > (former.phi if former else 0) + 1e-9:  # equal but for rounding
                best[cluster] = Distinction(column, int(code), value)
    return best


def _phi_coefficients(
    clusters: NDArray[np.int64], codes: NDArray[np.integer], count: int
) -> NDArray[np.float64]:
    """Phi of being in each of `count` clusters and having each value, (clusters, values); 0 where
    less than half of a cluster has the value."""
    values = int(codes.max(initial=-1)) + 1
    cells = (clusters.astype(np.int64) + 1) * (values + 1) + codes + 1
    table = np.bincount(cells, minlength=(count + 1) * (values + 1)).reshape(count + 1, -1)
    both = table[1:, 1:].astype(float)
    n = float(len(clusters))
    inside = table[1:].sum(axis=1, keepdims=True).astype(float)
    having = table[:, 1:].sum(axis=0, keepdims=True).astype(float)
    variance = inside * (n - inside) * having * (n - having)
    covariance = n * both - inside * having
    phi = np.where(variance > 0, covariance / np.sqrt(np.maximum(variance, 1)), 0)
    return np.where(2 * both >= inside, phi, 0)
