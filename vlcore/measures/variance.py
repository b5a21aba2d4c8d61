"""Variance explained by object and context in the embedding space, and the angle between their axes.

Every group weighs the same: the contrasts of object, context and interaction are then orthogonal whatever the data set,
so their shares of the variance add up and neither factor borrows from the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vlcore.core.grouping import Grouping
from vlcore.measures.estimate import Estimate, bootstrap

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]
Numbers = NDArray[np.float64]

PERMUTATIONS = 999
FACTORS = ("object", "context", "interaction")
_SIGNS = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 4  # of the factors, by group


def variance_shares(z: Embeddings, objects: Labels, contexts: Labels, scenes: Labels) -> dict[str, Estimate]:
    """By what do images cluster: eta squared of each of the `FACTORS` and the ``residual``, which add up to 1; (n, E)
    and (n,) labels each.

    ``sum ||mu_a - mu||^2 / sum ||z - mu||^2`` with every group weighing the same; intervals are over scenes. Of one
    column, such as a margin (n, 1), the shares of the factors are its Sobol indices.

    Raises:
        ValueError: when these are not two objects in two contexts with images of all four groups, or all embeddings
            are one point.
    """
    cells = _cells(objects, contexts, np.unique(objects).tolist(), np.unique(contexts).tolist())
    points = np.asarray(z, dtype=np.float64)

    def share(part: int, weights: Numbers) -> float | None:
        balanced = _balanced(cells, weights)
        means = balanced @ points
        variance = float((balanced.mean(axis=0)[:, None] * (points - means.mean(axis=0)) ** 2).sum())
        if variance <= 1e-12:
            return None
        explained = ((_SIGNS @ means) ** 2).sum(axis=1) / variance
        return float(np.append(explained, 1 - explained.sum())[part])

    if share(0, np.ones(len(z))) is None:
        raise ValueError("All embeddings are one point, so there is no variance to share out.")
    return {name: bootstrap(partial(share, part), scenes) for part, name in enumerate((*FACTORS, "residual"))}


def p_values(
    z: Embeddings, objects: Labels, contexts: Labels, scenes: Labels, permutations: int = PERMUTATIONS, seed: int = 0
) -> dict[str, float]:
    """How often chance makes the contrast of each of the `FACTORS` as long as it is; (n, E) and (n,) labels each.

    What chance exchanges: the signs of whole scenes' contributions to a contrast are flipped. Where a scene shows both
    objects in both contexts, that swaps the two objects (or contexts) of the scene and leaves together what twins
    share: exact when these are exchangeable, and for the interaction when a scene's contrast is as likely of either
    sign. Elsewhere contributions are residuals of the other effects, and the test holds for many scenes (sign-flipping
    score test, Hemerik, Goeman and Finos 2020).

    Raises:
        ValueError: when these are not two objects in two contexts with images of all four groups.
    """
    cells = _cells(objects, contexts, np.unique(objects).tolist(), np.unique(contexts).tolist())
    _, scene = np.unique(scenes, return_inverse=True)
    order = np.argsort(scene, kind="stable")
    starts = np.flatnonzero(np.diff(scene[order], prepend=-1))
    points, balanced = np.asarray(z, dtype=np.float64), _balanced(cells, np.ones(len(z)))
    means = balanced @ points
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(permutations, len(starts)))
    found = {}
    for name, sign, contrast in zip(FACTORS, _SIGNS, _SIGNS @ means, strict=True):
        others = means - 4 * np.outer(sign, contrast)  # what the other effects explain of each group
        pull = (sign @ balanced)[:, None] * (points - cells.T.astype(float) @ others)  # adds up to the contrast
        flipped = ((signs @ np.add.reduceat(pull[order], starts)) ** 2).sum(axis=1)
        reached = flipped >= (contrast @ contrast) * (1 - 1e-9)  # equal but for rounding counts
        found[name] = float((1 + reached.sum()) / (1 + permutations))
    return found


def axis_angle(z: Embeddings, objects: Labels, contexts: Labels, scenes: Labels, grouping: Grouping) -> Estimate:
    """Angle in degrees between the axis of the objects (first minus second) and that of the contexts, 0 to 180; (n, E).

    90 is independent concepts; less says that the space takes the first object for more at home in the first context,
    as the bias does.

    Raises:
        ValueError: when one of the four groups has no image, or the means of a factor's two values coincide.
    """
    cells = _cells(objects, contexts, grouping.objects, grouping.contexts)
    points = np.asarray(z, dtype=np.float64)

    def angle(weights: Numbers) -> float | None:
        along, across, _ = _SIGNS @ (_balanced(cells, weights) @ points)
        lengths = np.linalg.norm(along) * np.linalg.norm(across)
        return float(np.degrees(np.arccos(np.clip(along @ across / lengths, -1, 1)))) if lengths > 1e-12 else None

    if angle(np.ones(len(z))) is None:
        raise ValueError("The mean images of both objects, or of both contexts, coincide, so there is no axis.")
    return bootstrap(angle, scenes)


def _cells(objects: Labels, contexts: Labels, two: Sequence[str], places: Sequence[str]) -> NDArray[np.bool_]:
    """Which images are in each of the four groups, (4, n)."""
    cells = np.stack([(objects == obj) & (contexts == context) for obj in two for context in places])
    if len(cells) != 4 or not cells.any(axis=1).all() or not cells.any(axis=0).all():
        raise ValueError("Two factors need images of two objects in two contexts, some of each of the four groups.")
    return cells


def _balanced(cells: NDArray[np.bool_], weights: Numbers) -> Numbers:
    """Weights of images that add up to 1 in every group, (4, n)."""
    inside = cells * weights
    # A resample of scenes without twins can miss a group; that group then stays as it is.
    inside = np.where(inside.sum(axis=1, keepdims=True) > 0, inside, cells)
    return np.asarray(inside / inside.sum(axis=1, keepdims=True))
