"""Distances between the centroids of groups in the full space, and the nearest group of each.

The one idea: what an eye reads off a map are the centres of four clouds. Their cosine distances say the same in
numbers, with an interval over scenes, for the paragraph and the table beside a map and for those who do not see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.measures.estimate import Estimate, bootstrap

Embeddings = NDArray[np.floating]
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
