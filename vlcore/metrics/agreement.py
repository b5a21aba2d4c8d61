"""Agreement of two models on who is near whom: the neighbours that each image has in both.

Neighbours are of the full spaces, so no map and no alignment matters, and the widths may differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.estimate import Embeddings, Estimate, Labels, jackknife
from vlcore.metrics.neighbours import Floats, Rows, cosines, nearest

NEIGHBOURS = 10
# Times k: how many neighbours are known, so that k are left without a part of the images.
_DEPTH = 4
_SMALL = 500  # images up to which all others are known
_BLOCK = 512  # images whose similarities to all others are looked at together


@dataclass(frozen=True, eq=False)
class SharedNeighbours:
    """The same images in two models, row by row, and the neighbours of each, nearest first.

    Attributes:
        first: neighbours in the first model, (n, depth); as many as are needed, and more.
        second: those in the second model.
        scenes: of the images, (n,).
        k: how many neighbours are compared.
    """

    first: Rows
    second: Rows
    scenes: Labels
    k: int = NEIGHBOURS

    @property
    def overlap(self) -> Floats:
        """Share of each image's k nearest others that both models agree on, 0 to 1, (n,)."""
        return _count_shared(self.first[:, : self.k], self.second[:, : self.k]) / self.k

    @property
    def chance(self) -> float:
        """What unrelated models share on average."""
        return self.k / (len(self.first) - 1)

    def mean_overlap(self) -> Estimate:
        """The mean overlap of all images, with an interval.

        An image is in the neighbourhoods of others too, so the spread of overlaps between images is
        about half of what it should be, and an interval from it covers 73 to 80%. This one is from
        a jackknife's values without groups of scenes, around the mean of all images: an overlap
        depends on the number of images, which is no error of it.
        """

        def means(weights: Floats) -> Floats:
            values = []
            for included in weights > 0:
                rows = np.flatnonzero(included)
                first = _first_included(self.first[rows], included, self.k, -1)
                second = _first_included(self.second[rows], included, self.k, -2)
                values.append((_count_shared(first, second) / self.k).mean())
            return np.array(values)

        estimate = jackknife(means, self.scenes)
        half = (estimate.high - estimate.low) / 2
        value = estimate.value
        return Estimate(value, value - half, value + half, len(self.first)).within(0, 1)


def shared_neighbours(
    first: Embeddings, second: Embeddings, scenes: Labels, k: int = NEIGHBOURS
) -> SharedNeighbours:
    """The neighbours of the same images in two models, (n, E) each, row by row. Unrelated models
    agree on ``k / (n - 1)``. Ties are broken alike in both models.
    ValueError when k is not below the number of others."""
    n = len(first)
    if k >= n - 1:
        raise ValueError(
            f"Of {n} images, each has {max(n - 1, 0)} others; compare fewer than those, not {k}."
        )
    depth = n - 1 if n <= _SMALL else min(n - 1, _DEPTH * k)
    itself = np.arange(n)
    in_first, _ = nearest(first, first, depth, apart_from=itself)
    in_second, _ = nearest(second, second, depth, apart_from=itself)
    return SharedNeighbours(in_first, in_second, scenes, k)


def mean_ranks(z: Embeddings, rows: Rows, others: Rows) -> Floats:
    """How near some others of each of m rows are in a model, as their mean rank among all images,
    1 for the nearest; (n, E), (m,), (m, k) to (m,)."""
    ranks = np.empty(others.shape)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        similar = cosines(z[rows[block]], z, rows[block])
        for column, other in enumerate(others[block].T):
            values = similar[np.arange(len(similar)), other]
            ranks[block, column] = 1 + (similar > values[:, None]).sum(axis=1)
    return np.asarray(ranks.mean(axis=1))


def _count_shared(first: Rows, second: Rows) -> Floats:
    """How many of two sets of numbers are the same, row by row, (m, k) each to (m,)."""
    return np.asarray((first[:, :, None] == second[:, None, :]).sum(axis=(1, 2)), dtype=np.float64)


def _first_included(neighbours: Rows, included: NDArray[np.bool_], k: int, absent: int) -> Rows:
    """The first k of each row's neighbours that are included, (m, k); `absent` where fewer are."""
    result = np.full((len(neighbours), k), absent, dtype=neighbours.dtype)
    lacking = np.arange(len(neighbours))
    for depth in (_DEPTH * k, neighbours.shape[1]):  # few rows need more than the nearest
        near = neighbours[lacking, :depth]
        is_in = included[near]
        ranks = is_in.cumsum(axis=1)
        rows, columns = np.nonzero(is_in & (ranks <= k))
        result[lacking[rows], ranks[rows, columns] - 1] = near[rows, columns]
        lacking = lacking[ranks[:, -1] < k]
    return result
