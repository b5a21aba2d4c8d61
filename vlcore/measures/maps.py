"""Maps: two-dimensional projections of the joint space.

The one idea: a map is fitted on a fixed balanced reference set of held-out images together with the captions, the same
images for every condition, and then applied to everything else. Fitting on the training images would change the axes
with the bias, and the eye would compare axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

Points = NDArray[np.float64]
Embeddings = NDArray[np.floating]

UMAP_NEIGHBOURS, UMAP_MIN_DIST, UMAP_SEED = 15, 0.1, 0
TRUST_NEIGHBOURS = (5, 10, 15)


@dataclass(frozen=True)
class Plane:
    """The first two principal components of a reference set.

    Attributes:
        centre: mean of the reference set, (E,).
        components: (2, E), orthonormal.
        shares: share of the reference set's variance along each, (2,).
        variance: total variance of the reference set.
    """

    centre: NDArray[np.float64]
    components: NDArray[np.float64]
    shares: NDArray[np.float64]
    variance: float

    def place(self, z: Embeddings) -> Points:
        """Coordinates of embeddings, (n, E) to (n, 2); exact for any new point."""
        return (np.asarray(z, dtype=np.float64) - self.centre) @ self.components.T


def fit_plane(reference: Embeddings) -> Plane:
    """PCA of a reference set, (n, E), n of at least 2.

    The sign of each component is fixed: its largest loading is positive (scikit-learn's convention).
    """
    from sklearn.decomposition import PCA  # here, because pages place points and never fit

    z = np.asarray(reference, dtype=np.float64)
    with np.errstate(invalid="ignore"):  # a reference set of one point has no variance to share out: 0 / 0
        pca = PCA(n_components=2, svd_solver="full").fit(z)
    variance = float(z.var(axis=0).sum())
    shares = pca.explained_variance_ratio_ if variance > 1e-12 else np.zeros(2)
    return Plane(pca.mean_, pca.components_, shares, variance)


@dataclass(frozen=True)
class Turn:
    """A rotation or reflection of the plane with a shift, which carries one map onto another without scaling it."""

    before: NDArray[np.float64]
    rotation: NDArray[np.float64]
    after: NDArray[np.float64]

    def apply(self, points: Points) -> Points:
        return (points - self.before) @ self.rotation + self.after


def align(points: Points, onto: Points) -> Turn:
    """The turn that brings points closest to others, row by row: orthogonal Procrustes after centring, (n, 2) each.

    Raises:
        ValueError: when the two do not have the same shape.
    """
    if points.shape != onto.shape:
        raise ValueError("Two maps are aligned over the images that both show; give the same number of points.")
    before, after = points.mean(axis=0), onto.mean(axis=0)
    rotation, _ = orthogonal_procrustes(points - before, onto - after)
    return Turn(before, rotation, after)


def umap(z: Embeddings) -> Points:
    """UMAP of embeddings under cosine distance, (n, E) to (n, 2), with a fixed seed. Call it in a worker only.

    Raises:
        ValueError: when there are too few points for a neighbourhood.
    """
    if len(z) < 4:
        raise ValueError("UMAP needs at least four images.")
    from umap import UMAP

    neighbours = min(UMAP_NEIGHBOURS, len(z) - 1)
    model = UMAP(n_neighbors=neighbours, min_dist=UMAP_MIN_DIST, metric="cosine", random_state=UMAP_SEED, n_jobs=1)
    return np.asarray(model.fit_transform(np.asarray(z, dtype=np.float32)), dtype=np.float64)


def place_among_neighbours(z: Embeddings, known: Embeddings, points: Points, k: int = 5) -> Points:
    """A place on a map that cannot place new points exactly: the average of the k nearest known ones.

    Weighted by cosine similarity above that of the farthest of the k + 1 nearest; (m, E), (n, E), (n, 2) to (m, 2).

    Raises:
        ValueError: when fewer than two points are known.
    """
    if len(known) < 2:
        raise ValueError("A place among neighbours needs at least two known points.")
    indices, similarities = nearest(z, known, k + 1)
    weights = similarities[:, :-1] - similarities[:, -1:] + 1e-9
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkd->md", weights, points[indices[:, :-1]])


def nearest(z: Embeddings, known: Embeddings, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The k most similar of the known unit vectors, nearest first: indices and cosines, (m, k) each."""
    similarities = np.asarray(z, dtype=np.float64) @ np.asarray(known, dtype=np.float64).T
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(similarities, order, axis=1)


def trustworthiness(z: Embeddings, points: Points, k: Sequence[int] = TRUST_NEIGHBOURS) -> dict[int, float]:
    """How far neighbours on a map are neighbours in the full space too, by number of neighbours: 1 is all of them.

    ``1 - 2 / (n k (2n - 3k - 1)) sum_i sum_j max(0, rank(i, j) - k)`` over the k nearest j on the map, ranks by cosine
    in the full space (Venna and Kaski 2001); (n, E) and (n, 2).

    Raises:
        ValueError: when a k is not below half the number of points.
    """
    from sklearn.manifold import trustworthiness as trust  # here, because pages place points and never judge maps

    return {number: float(trust(z, points, n_neighbors=number, metric="cosine")) for number in _few(k, len(z))}


def continuity(z: Embeddings, points: Points, k: Sequence[int] = TRUST_NEIGHBOURS) -> dict[int, float]:
    """How far neighbours in the full space are neighbours on the map too: `trustworthiness` with the spaces swapped.

    Raises:
        ValueError: when a k is not below half the number of points.
    """
    from sklearn.manifold import trustworthiness as trust

    unit = z / np.linalg.norm(z, axis=1, keepdims=True)  # whose distances sort as cosines do
    return {number: float(trust(points, unit, n_neighbors=number)) for number in _few(k, len(z))}


def point_trustworthiness(z: Embeddings, points: Points, k: int = TRUST_NEIGHBOURS[0]) -> NDArray[np.float64]:
    """Which places on a map to believe: each point's part in `trustworthiness`, (n,), whose mean that is.

    Raises:
        ValueError: when k is not below half the number of points.
    """
    from sklearn.metrics.pairwise import cosine_distances
    from sklearn.neighbors import NearestNeighbors

    _few((k,), n := len(z))
    far = cosine_distances(z)
    np.fill_diagonal(far, np.inf)
    near = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    ranks = np.empty((n, n), dtype=np.int64)
    np.put_along_axis(ranks, far.argsort(axis=1), np.arange(1, n + 1)[None, :], axis=1)
    beyond = np.clip(np.take_along_axis(ranks, near, axis=1) - k, 0, None)
    return 1 - beyond.sum(axis=1) * (2 / (k * (2 * n - 3 * k - 1)))


def _few(k: Sequence[int], n: int) -> Sequence[int]:
    for number in k:
        if not 1 <= number < n / 2:
            raise ValueError(f"A map of {n} points is judged by 1 to fewer than {n / 2:g} neighbours, not {number}.")
    return k
