"""Displacement of pictures between the maps of two models, and overlap of their nearest neighbours.

The one idea: a map can move everything and change nothing. So beside each picture's way from one aligned map to the
other stands the share of its nearest pictures that both models agree on, which is of the full space and needs no map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.measures.estimate import Estimate, mean

Embeddings = NDArray[np.floating]
Points = NDArray[np.float64]

NEIGHBOURS = 10
NO_RADIUS = 1e-9  # of a map that is one point, but for rounding


@dataclass(frozen=True, eq=False)
class Movement:
    """What became of the pictures from the first model to the second.

    Attributes:
        moved: way on the aligned maps in radii of the first, see `moved`, (n,).
        overlap: share of nearest pictures that both models agree on, see `neighbour_overlap`, (n,).
        chance: the overlap that two unrelated models have on average.
        drift: mean way by group, with an interval over scenes.
        kept: mean overlap by group, with an interval over scenes.
    """

    moved: NDArray[np.float64]
    overlap: NDArray[np.float64]
    chance: float
    drift: dict[str, Estimate]
    kept: dict[str, Estimate]

    def most(self, count: int = 10) -> NDArray[np.int64]:
        """The pictures that moved most, farthest first; of equal ways, in their own order. Row numbers, (count,)."""
        return np.argsort(-self.moved, kind="stable")[:count]


def movement(
    points: tuple[Points, Points],
    spaces: tuple[Embeddings, Embeddings],
    groups: ArrayLike,
    scenes: ArrayLike,
    names: Sequence[str],
    k: int = NEIGHBOURS,
) -> Movement:
    """From the first to the second model, row by row the same pictures.

    Args:
        points: places on the first map and on the second, which is aligned to it, (n, 2) each.
        spaces: embeddings in both models, (n, E) each; E may differ.
        groups: group of each picture, (n,).
        scenes: scene of each picture, (n,).
        names: the groups to report, in this order.
        k: number of nearest pictures.

    Raises:
        ValueError: when the rows do not fit, a group has no picture, or as `moved` and `neighbour_overlap` do.
    """
    if {len(array) for array in (*points, *spaces, np.asarray(groups), np.asarray(scenes))} != {len(spaces[0])}:
        raise ValueError("Movement is of the pictures that both models show; give the same number of rows everywhere.")
    ways, overlap = moved(*points), neighbour_overlap(*spaces, k)
    return Movement(
        ways,
        overlap,
        k / (len(ways) - 1),
        by_group(ways, groups, scenes, names),
        by_group(overlap, groups, scenes, names),
    )


def neighbour_overlap(one: Embeddings, other: Embeddings, k: int = NEIGHBOURS) -> NDArray[np.float64]:
    """Share of each picture's k nearest others, by cosine, that two models agree on, 0 to 1; (n, E) each to (n,).

    ``|N_k(i) in the one and N_k(i) in the other| / k`` in the full spaces, whose widths may differ. Unrelated models
    agree on ``k / (n - 1)``. Of equally near pictures the first count, in both models alike.

    Raises:
        ValueError: when the models show different numbers of pictures, or k is not below the number of others.
    """
    n = len(one)
    if len(other) != n:
        raise ValueError("Neighbours are compared over the pictures that both models show; give the same number.")
    if not 1 <= k < n - 1:
        raise ValueError(f"Of {n} pictures, each has {max(n - 1, 0)} others; compare fewer than those, not {k}.")
    near_one, near_other = _neighbours(one, k), _neighbours(other, k)
    return np.asarray((near_one & near_other).sum(axis=1) / k, dtype=np.float64)


def moved(points: Points, onto: Points) -> NDArray[np.float64]:
    """Each picture's way from the first map to the second, ``|q_i - p_i| / R``; (n, 2) each to (n,).

    R is the first map's root mean square distance from its centre, so 1 is the size of the map. The second must be
    aligned to the first; what an alignment cannot undo counts as a way.

    Raises:
        ValueError: when the maps show different numbers of pictures, or the first is one point.
    """
    if points.shape != onto.shape:
        raise ValueError("Ways lead from one map to another; give the same number of points.")
    radius = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())) if len(points) else 0.0
    if radius <= NO_RADIUS:
        raise ValueError("The first map is one point, so a way on it has nothing to be measured by.")
    return np.asarray(np.linalg.norm(onto - points, axis=1) / radius, dtype=np.float64)


def by_group(values: ArrayLike, groups: ArrayLike, scenes: ArrayLike, names: Sequence[str]) -> dict[str, Estimate]:
    """The mean of pictures' values by group, with a normal interval over scenes, (n,) each.

    Raises:
        ValueError: when a group has no picture.
    """
    numbers, group, scene = (np.asarray(column) for column in (values, groups, scenes))
    for name in names:
        if not (group == name).any():
            raise ValueError(f"No picture of {name} is in both models, so its movement is not defined.")
    return {name: mean(numbers[group == name], scene[group == name]) for name in names}


def _neighbours(z: Embeddings, k: int) -> NDArray[np.bool_]:
    """Whether the second is one of the k nearest of the first, (n, n)."""
    numbers = np.asarray(z, dtype=np.float64)
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError("An embedding is zero and points nowhere, so it has no neighbours by cosine.")
    unit = numbers / lengths
    similar = (unit @ unit.T).round(12)  # equal pictures differ in the last bits
    np.fill_diagonal(similar, -np.inf)
    near = np.zeros(similar.shape, dtype=bool)
    np.put_along_axis(near, np.argsort(-similar, axis=1, kind="stable")[:, :k], True, axis=1)
    return near
