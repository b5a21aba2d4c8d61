"""Displacement of pictures between the maps of two models, and overlap of their nearest neighbours.

The one idea: a map can move everything and change nothing. So beside each picture's way from one aligned map to the
other stands the share of its nearest pictures that both models agree on, which is of the full space and needs no map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.measures.estimate import Estimate, bootstrap, mean

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


Floats = NDArray[np.float64]

NOWHERE = 1e-9  # length of a mean of embeddings that cancel out


@dataclass(frozen=True)
class Nearest:
    """The group whose centre is nearest to that of another.

    Attributes:
        name: the nearest group; of equally near ones, the first.
        distance: cosine distance of the two centres.
        lead: how much farther the next group is; None where there is no other.
    """

    name: str
    distance: Estimate
    lead: Estimate | None

    @property
    def decided(self) -> bool:
        """Whether another draw of scenes would hardly make another group the nearest one."""
        return self.lead is None or self.lead.low > 0


@dataclass(frozen=True)
class Layout:
    """How groups lie in the full space.

    Attributes:
        distances: cosine distance of the centres of every pair of groups, in the order of their names.
        nearest: the nearest group of each group.
    """

    distances: dict[tuple[str, str], Estimate]
    nearest: dict[str, Nearest]


def centroids(z: Embeddings, groups: ArrayLike, names: Sequence[str]) -> Floats:
    """Directions of the groups' centres, unit vectors (groups, E): the mean of each group's embeddings, (n, E).

    Raises:
        ValueError: when a group has no picture, or its pictures cancel out.
    """
    return _directions(np.asarray(z, dtype=np.float64), _members(groups, names), names)


def layout(z: Embeddings, groups: ArrayLike, scenes: ArrayLike, names: Sequence[str]) -> Layout:
    """Cosine distances ``1 - cos`` between the centres of groups, 0 (one direction) to 2 (opposite).

    Intervals are bootstrapped over scenes; n is the number of pictures that a number rests on. The noise of a centre
    sets it apart too, so centres of few pictures look farther from one another than those of many.

    Args:
        z: embeddings of pictures, unit vectors, (n, E).
        groups: group of each picture, (n,).
        scenes: scene of each picture, (n,).
        names: the groups, at least two, in the order that is reported; pictures of others are left out.

    Raises:
        ValueError: when there are fewer than two groups, one has no picture, or its pictures cancel out.
    """
    if len(names) < 2:
        raise ValueError("One group alone is far from nothing; name two groups or more.")
    space, scene, member = np.asarray(z, dtype=np.float64), np.asarray(scenes), _members(groups, names)
    apart = _apart(_directions(space, member, names))
    every = list(combinations(range(len(names)), 2))
    pairs = {pair: _over_scenes(space, member[list(pair)], scene, _first) for pair in every}
    found = {}
    for row, name in enumerate(names):
        others = [other for other in np.argsort(apart[row], kind="stable").tolist() if other != row]
        lead = _over_scenes(space, member[[row, *others]], scene, _lead) if len(others) > 1 else None
        found[name] = Nearest(names[others[0]], pairs[min(row, others[0]), max(row, others[0])], lead)
    return Layout({(names[one], names[other]): distance for (one, other), distance in pairs.items()}, found)


def _members(groups: ArrayLike, names: Sequence[str]) -> NDArray[np.bool_]:
    """Who belongs to each group, (groups, n)."""
    if len(set(names)) < len(names):
        raise ValueError("A group is named twice; name each once.")
    member = np.stack([np.asarray(groups) == name for name in names])
    for name, own in zip(names, member, strict=True):
        if not own.any():
            raise ValueError(f"No picture shows {name}, so it has no centre.")
    return member


def _directions(z: Floats, member: NDArray[np.bool_], names: Sequence[str]) -> Floats:
    means = _means(z, member.astype(float))
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    for name, length in zip(names, lengths[:, 0], strict=True):
        if length < NOWHERE:
            raise ValueError(f"The pictures of {name} cancel out, so their centre points nowhere.")
    return means / lengths


def _means(z: Floats, weights: Floats) -> Floats:
    """Weighted means, (groups, n) weights to (groups, E); zero where all weights are."""
    return weights @ z / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def _apart(directions: Floats) -> Floats:
    return _rounded(1 - directions @ directions.T)


def _rounded(distances: Floats) -> Floats:
    return np.clip(distances.round(12), 0, 2)  # equal directions differ in the last bits


def _first(apart: Floats) -> float:
    return float(apart[0, 1])


def _lead(apart: Floats) -> float:
    """How much farther from the first group the nearest of the rest is than the second group."""
    return float(apart[0, 2:].min() - apart[0, 1])


def _over_scenes(
    z: Floats, member: NDArray[np.bool_], scenes: NDArray[np.str_], read: Callable[[Floats], float]
) -> Estimate:
    """A number read off the distances of some groups' centres, with a bootstrap interval over their scenes."""
    here = member.any(axis=0)
    z, member, scenes = z[here], member[:, here], scenes[here]

    def statistic(weights: Floats) -> float:
        means = _means(z, member * weights)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        if (lengths < NOWHERE).any():  # a resample of a few scenes can lack a group, and then says nothing
            return whole
        return read(_apart(means / lengths))

    whole = 0.0
    whole = statistic(np.ones(len(z)))
    return bootstrap(statistic, scenes)
