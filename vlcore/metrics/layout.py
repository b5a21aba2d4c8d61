"""Layout of groups in the embedding space, and displacement of pictures between the maps of two
models.

A map can move everything and change nothing. So beside each picture's displacement from one aligned
map to the other stands the share of its nearest pictures that both models agree on, which is of the
full space and needs no map.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.metrics.estimate import Embeddings, Estimate, bootstrap, by_group, mean

Floats = NDArray[np.float64]

NEIGHBOURS = 10
NOTHING = (
    1e-9  # radius of a map that is one point, or length of a mean of embeddings that cancel out
)


@dataclass(frozen=True, eq=False)
class Movement:
    """What became of the pictures from the first model to the second."""

    displacement: Floats  # on the aligned maps in radii of the first, see `displacement`, (n,)
    overlap: (
        Floats  # share of nearest pictures that both models agree on, see `neighbour_overlap`, (n,)
    )
    chance: float  # the overlap that two unrelated models have on average
    drift: dict[str, Estimate]  # mean displacement by group, with an interval over scenes
    kept: dict[str, Estimate]  # mean overlap by group, with an interval over scenes


def movement(
    points: tuple[Floats, Floats],
    spaces: tuple[Embeddings, Embeddings],
    groups: ArrayLike,
    scenes: ArrayLike,
    names: Sequence[str],
    k: int = NEIGHBOURS,
) -> Movement:
    """From the first to the second model, row by row the same pictures, with their groups and
    scenes. The second map, (n, 2), is aligned to the first; the embeddings, (n, E), may have
    different widths. ValueError when the rows do not fit, a group that is named has no picture, or
    as `displacement` and `neighbour_overlap` do."""
    if {len(array) for array in (*points, *spaces, np.asarray(groups), np.asarray(scenes))} != {
        len(spaces[0])
    }:
        raise ValueError(
            "Movement is of the pictures that both models show; give the same number of rows"
            " everywhere."
        )
    ways, overlap = displacement(*points), neighbour_overlap(*spaces, k)
    why_not = "No picture of {} is in both models, so its movement is not defined."
    drift, kept = (
        by_group(mean, values, groups, scenes, names, why_not) for values in (ways, overlap)
    )
    return Movement(ways, overlap, k / (len(ways) - 1), drift, kept)


def neighbour_overlap(one: Embeddings, other: Embeddings, k: int = NEIGHBOURS) -> Floats:
    """Share of each picture's k nearest others, by cosine, that two models agree on, 0 to 1; (n, E)
    each to (n,). ``|N_k(i) in the one and N_k(i) in the other| / k`` in the full spaces, whose
    widths may differ. Unrelated models agree on ``k / (n - 1)``. Of equally near pictures the first
    count, in both models alike. ValueError when the models show different numbers of pictures, or k
    is not below the number of others."""
    n = len(one)
    if len(other) != n:
        raise ValueError(
            "Neighbours are compared over the pictures that both models show; give the same number."
        )
    if not 1 <= k < n - 1:
        raise ValueError(
            f"Of {n} pictures, each has {max(n - 1, 0)} others; compare fewer than those, not {k}."
        )
    return (_are_near(one, k) & _are_near(other, k)).sum(axis=1) / k


def _are_near(z: Embeddings, k: int) -> NDArray[np.bool_]:
    """Whether the second is one of the k nearest of the first, (n, n)."""
    numbers = np.asarray(z, dtype=np.float64)
    lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError(
            "An embedding is zero and points nowhere, so it has no neighbours by cosine."
        )
    unit = numbers / lengths
    similar = (unit @ unit.T).round(12)  # equal pictures differ in the last bits
    np.fill_diagonal(similar, -np.inf)
    near = np.zeros(similar.shape, dtype=bool)
    np.put_along_axis(near, np.argsort(-similar, axis=1, kind="stable")[:, :k], True, axis=1)
    return near


def displacement(points: Floats, onto: Floats) -> Floats:
    """Each picture's way from the first map to the second, ``|q_i - p_i| / R``; (n, 2) each to
    (n,). R is the first map's root mean square distance from its centre, so 1 is the size of the
    map. The second must be aligned to the first; what an alignment cannot undo counts as a way.
    ValueError when the maps show different numbers of pictures, or the first is one point."""
    if points.shape != onto.shape:
        raise ValueError("Ways lead from one map to another; give the same number of points.")
    radius = (
        float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
        if len(points)
        else 0.0
    )
    if radius <= NOTHING:
        raise ValueError(
            "The first map is one point, so a way on it has nothing to be measured by."
        )
    return np.linalg.norm(onto - points, axis=1) / radius


@dataclass(frozen=True)
class Nearest:
    """The group whose centre is nearest to that of another."""

    name: str  # of equally near ones, the first
    distance: Estimate  # cosine distance of the two centres
    lead: Estimate | None  # how much farther the next group is; None where there is no other

    @property
    def decided(self) -> bool:
        """Whether another draw of scenes would hardly make another group the nearest one."""
        return self.lead is None or self.lead.low > 0


Placed = tuple[dict[tuple[str, str], Estimate], dict[str, Nearest]]  # what `layout` gives


def layout(z: Embeddings, groups: ArrayLike, scenes: ArrayLike, names: Sequence[str]) -> Placed:
    """Cosine distances ``1 - cos`` between the centres of every pair of groups, 0 (one direction)
    to 2 (opposite), and the nearest group of each. Intervals are bootstrapped over scenes; n is the
    number of pictures that a number rests on. The noise of a centre sets it apart too, so centres
    of few pictures look farther from one another than those of many. Of unit vectors, (n, E), with
    group and scene, (n,), those of the groups that are named, at least two. ValueError when one has
    no picture, or its pictures cancel out."""
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError("One group alone is far from nothing; name two groups or more, each once.")
    space, scene = np.asarray(z, dtype=np.float64), np.asarray(scenes)
    member = np.stack([np.asarray(groups) == name for name in names])  # (groups, n)
    for name, own in zip(names, member, strict=True):
        if not own.any():
            raise ValueError(f"No picture shows {name}, so it has no centre.")
        if np.linalg.norm(space[own].mean(axis=0)) < NOTHING:
            raise ValueError(f"The pictures of {name} cancel out, so their centre points nowhere.")

    def over_scenes(of: Sequence[str], read: Callable[[Floats], Floats]) -> Estimate:
        """A number that is read off the distances of some groups' centres."""
        here = np.isin(groups, of)
        among, theirs = space[here], np.stack([member[names.index(name)][here] for name in of])
        return bootstrap(
            lambda weights: read(_distances(among, theirs * weights[:, None])), scene[here]
        )

    apart = _distances(space, member.astype(float))
    pairs = {
        pair: over_scenes(pair, lambda found: found[:, 0, 1]) for pair in combinations(names, 2)
    }
    nearest = {}
    for row, name in enumerate(names):
        others = [names[other] for other in np.argsort(apart[row], kind="stable") if other != row]
        distance = next(
            pairs[pair] for pair in ((name, others[0]), (others[0], name)) if pair in pairs
        )
        lead = None
        if len(others) > 1:
            lead = over_scenes(
                [name, *others], lambda found: found[:, 0, 2:].min(axis=1) - found[:, 0, 1]
            )
        nearest[name] = Nearest(others[0], distance, lead)
    return pairs, nearest


def _distances(z: Floats, weights: Floats) -> Floats:
    """Cosine distances of the groups' weighted means, weights (..., groups, n) to (..., groups,
    groups); NaN of a group that has no direction."""
    means = weights @ z / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-12)
    lengths = np.linalg.norm(means, axis=-1, keepdims=True)
    directions = means / np.where(lengths < NOTHING, np.nan, lengths)
    similar = directions @ directions.swapaxes(-1, -2)
    return np.clip((1 - similar).round(12), 0, 2)  # equal directions differ in the last bits
