"""Layout of groups in the embedding space, and displacement of images between the maps of two
models.

A map can move everything and change nothing. So beside each image's displacement from one aligned
map to the other stands the share of its nearest images that both models agree on, which is of the
full space and needs no map.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vlcore.metrics.agreement import shared_neighbours
from vlcore.metrics.estimate import Embeddings, Estimate, bootstrap, by_group, mean

Floats = NDArray[np.float64]

# Radius of a map that is one point, or length of a mean of embeddings that cancel out.
NOTHING = 1e-9


@dataclass(frozen=True, eq=False)
class Movement:
    """What became of the images from the first model to the second."""

    displacement: Floats  # on the aligned maps in radii of the first, see `displacement`, (n,)
    overlap: Floats  # share of nearest images that both models agree on, `SharedNeighbours`, (n,)
    chance: float  # the overlap that two unrelated models have on average
    drift: dict[str, Estimate]  # mean displacement by group, with an interval over scenes
    overlap_by_group: dict[str, Estimate]  # mean overlap by group, with an interval over scenes


def group_movement(
    points: tuple[Floats, Floats],
    spaces: tuple[Embeddings, Embeddings],
    groups: ArrayLike,
    scenes: ArrayLike,
    names: Sequence[str],
) -> Movement:
    """From the first to the second model, row by row the same images, with their groups and
    scenes. The second map, (n, 2), is aligned to the first; the embeddings, (n, E), may have
    different widths. ValueError when a group that is named has no image, or as `displacement` and
    `shared_neighbours` do."""
    distances = displacement(*points)
    shared = shared_neighbours(*spaces, np.asarray(scenes))
    why_not = "No image of {} is in both models, so its movement is not defined."
    return Movement(
        displacement=distances,
        overlap=shared.overlap,
        chance=shared.k / (len(distances) - 1),
        drift=by_group(mean, distances, groups, scenes, names, why_not),
        overlap_by_group={name: shared.mean_overlap(np.asarray(groups) == name) for name in names},
    )


def displacement(points: Floats, onto: Floats) -> Floats:
    """Each image's displacement between two maps, ``|q_i - p_i| / R``; (n, 2) each to (n,).

    R is the first map's root mean square distance from its centre, so 1 is the size of the map. The
    second must be aligned to the first; what an alignment cannot undo counts as displacement.

    Raises:
        ValueError: The first map is one point.
    """
    radius = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
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
    lead: Estimate  # how much farther the next group is

    @property
    def decided(self) -> bool:
        """Whether another draw of scenes would hardly make another group the nearest one."""
        return self.lead.low > 0


Placed = tuple[dict[tuple[str, str], Estimate], dict[str, Nearest]]  # what `layout` gives


def layout(z: Embeddings, groups: ArrayLike, scenes: ArrayLike, names: Sequence[str]) -> Placed:
    """Cosine distances ``1 - cos`` between the centres of every pair of groups, 0 (one direction)
    to 2 (opposite), and the nearest group of each. Intervals are bootstrapped over scenes, and hold
    the truth in 91 to 96 % of simulated sets; n is the number of images that
    a number rests on. The noise of a centre sets it apart too, so centres
    of few images look farther from one another than those of many. Of unit vectors, (n, E), with
    group and scene, (n,), those of the groups that are named, at least three. ValueError when one
    has no image."""
    space, scene = np.asarray(z, dtype=np.float64), np.asarray(scenes)
    member = np.stack([np.asarray(groups) == name for name in names])  # (groups, n)
    for name, inside in zip(names, member, strict=True):
        if not inside.any():
            raise ValueError(f"No image shows {name}, so it has no centre.")

    def over_scenes(chosen: Sequence[str], read: Callable[[Floats], Floats]) -> Estimate:
        """A number that is read from the distances of the chosen groups' centres."""
        inside = np.isin(groups, chosen)
        points = space[inside]
        members = np.stack([member[names.index(name)][inside] for name in chosen])
        return bootstrap(
            lambda weights: read(_distances(points, members * weights[:, None])), scene[inside]
        )

    apart = _distances(space, member.astype(float))
    pairs = {
        pair: over_scenes(pair, lambda distances: distances[:, 0, 1])
        for pair in combinations(names, 2)
    }
    nearest = {}
    for row, name in enumerate(names):
        others = [names[i] for i in np.argsort(apart[row], kind="stable") if i != row]
        distance = pairs.get((name, others[0])) or pairs[others[0], name]
        lead = over_scenes(
            [name, *others], lambda distances: distances[:, 0, 2:].min(axis=1) - distances[:, 0, 1]
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
