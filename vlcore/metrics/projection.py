"""Projections of embeddings onto the plane: PCA, UMAP and t-SNE, their alignment and their
trustworthiness.

A map is fitted on a fixed balanced set of held-out images together with the captions, the same for
every condition, and then applied to everything else: fitted on the training images its axes would
change with the bias.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOBase

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, orthogonal_procrustes, svd

from vlcore.experiment.progress import Progress, silent
from vlcore.metrics.estimate import Embeddings
from vlcore.metrics.neighbours import cosines, nearest

Points = NDArray[np.float64]
TRUST_NEIGHBOURS = (5, 10, 15)
SAME_POINT = 1e-6  # what rounding leaves between equal directions, of float32
# Rows from which on nothing takes the square of them in memory, or a copy in twice their precision:
# planes are fitted in blocks, UMAP on `REDUCED` principal components.
MANY = 10_000
MOST_RANKED = 2_000  # rows that are all ranked for the quality of a map; 6,000 would take 15 s
BLOCK = 8_192  # rows
REDUCED = 50  # principal components that UMAP sees of many rows
WIDE = 2_048  # numbers of an embedding from which on a covariance matrix costs more than it saves
MOST_TSNE = 10_000  # rows; t-SNE of these takes minutes, and of ten times as many an hour
QUALITY_SAMPLE = 500  # rows, of many, whose neighbours are compared


@dataclass(frozen=True)
class Plane:
    """The first k principal components of a reference set; two of them make a map."""

    centre: NDArray[np.float64]  # mean of the reference set, (E,)
    components: NDArray[np.float64]  # (k, E), orthonormal
    shares: NDArray[np.float64]  # of the reference set's variance along each, (k,)
    variance: float  # of the reference set in all

    def place(self, z: Embeddings) -> Points:
        """Coordinates of embeddings, (..., E) to (..., k); exact for any new point."""
        points = np.empty((*np.shape(z)[:-1], len(self.components)))
        for rows in _blocks(len(z)):
            points[rows] = (np.asarray(z[rows], np.float64) - self.centre) @ self.components.T
        return points


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, n, BLOCK))


def fit_plane(reference: Embeddings, components: int = 2) -> Plane:
    """PCA of a reference set, (n, E); more components leave the first ones as they are. The sign of
    each component is fixed: its largest loading is positive (scikit-learn's convention, and of few
    rows its numbers to the last bit; to import it would take a page a second).
    """
    if len(reference) > MANY and reference.shape[1] <= WIDE:
        return _fit_by_covariance(reference, components)
    if len(reference) > MANY:
        from sklearn.decomposition import PCA

        pca = PCA(n_components=components, svd_solver="randomized", random_state=0).fit(reference)
        variance = float(reference.var(axis=0, dtype=np.float64).sum())
        return Plane(pca.mean_, pca.components_, pca.explained_variance_ratio_, variance)
    z = np.asarray(reference, dtype=np.float64)
    centre = z.mean(axis=0)
    _, singular, directions = svd(z - centre, full_matrices=False)
    largest = np.abs(directions).argmax(axis=1, keepdims=True)
    directions *= np.sign(np.take_along_axis(directions, largest, axis=1))
    variance = float(z.var(axis=0).sum())
    # A reference set of one point has no variance to share out.
    shares = np.zeros(components)
    if variance > 1e-12:
        explained = singular**2 / (len(z) - 1)
        shares = (explained / explained.sum())[:components]
    return Plane(centre, directions[:components].copy(), shares, variance)


def _fit_by_covariance(reference: Embeddings, components: int) -> Plane:
    """`fit_plane` from the covariance matrix, which is summed up in blocks."""
    width = reference.shape[1]
    centre = reference.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((width, width))
    for rows in _blocks(len(reference)):
        block = reference[rows] - centre
        scatter += block.T @ block
    count = min(components, width)
    values, vectors = eigh(scatter, subset_by_index=[width - count, width - 1])
    axes = vectors.T[::-1]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    variance = float(np.trace(scatter)) / len(reference)
    shares = np.zeros(count)
    if variance > 1e-12:
        shares = values[::-1] / len(reference) / variance
    return Plane(centre, axes * np.where(largest < 0, -1, 1), shares, variance)


@dataclass(frozen=True)
class RigidTransform:
    """A rotation or reflection of the plane with a shift, which carries one map onto another
    without scaling it."""

    before: NDArray[np.float64]
    rotation: NDArray[np.float64]
    after: NDArray[np.float64]

    def apply(self, points: Points) -> Points:
        return (points - self.before) @ self.rotation + self.after


def align(points: Points, onto: Points) -> RigidTransform:
    """The turn that brings points closest to others, row by row: orthogonal Procrustes after
    centring, (n, 2) each."""
    before, after = points.mean(axis=0), onto.mean(axis=0)
    rotation, _ = orthogonal_procrustes(points - before, onto - after)
    return RigidTransform(before, rotation, after)


class _Epochs(TextIOBase):
    """The file that UMAP's progress bar is written to, one number a time: tells `progress`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def write(self, text: str) -> int:
        done, _, total = text.strip().partition("/")
        if total.isdecimal():
            self._progress(int(done), int(total))
        return len(text)


def umap(
    z: Embeddings,
    neighbours: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    progress: Progress = silent,
) -> Points:
    """UMAP of embeddings under cosine distance, (n, E) to (n, 2). Call it in a worker only. Few
    neighbours show detail, many the whole; of fewer points than that, all others are neighbours.
    `min_dist` is how close points may come on the map; another seed shows what of it is noise.
    Embeddings that are all one point stay one point, the origin: UMAP would spread them out by
    chance alone.

    Of more than `MANY` rows UMAP sees the `REDUCED` first principal components, and starts from the
    first two: between unit vectors, Euclidean distances sort as cosines do. `progress` is told the
    epochs of the layout."""
    if is_one_point(z):
        return np.zeros((len(z), 2))
    from numba.core.dispatcher import Dispatcher
    from tqdm.auto import tqdm
    from umap import UMAP, layouts, umap_

    # What the first fit compiles, for ten seconds, is kept for the next process, where a folder for
    # it can be written.
    for function in (*vars(umap_).values(), *vars(layouts).values()):
        if isinstance(function, Dispatcher) and not function.signatures:
            with suppress(RuntimeError):
                function.enable_caching()
    settings = {"metric": "cosine", "random_state": seed, "n_jobs": 1}
    settings["disconnection_distance"] = np.inf  # else a point opposite to all others gets no place
    bar = {"file": _Epochs(progress), "disable": False, "bar_format": "{n}/{total}"}
    space = np.asarray(z, dtype=np.float32)
    if len(z) > MANY:
        space = fit_plane(z, min(REDUCED, z.shape[1])).place(z).astype(np.float32)
        settings |= {"metric": "euclidean", "init": "pca"}
    count = min(neighbours, len(z) - 1)
    model = UMAP(n_neighbors=count, min_dist=min_dist, tqdm_kwds=bar, **settings)
    try:
        return np.asarray(model.fit_transform(space), dtype=np.float64)
    except BaseException:
        # A bar whose file raises, as `progress` of a cancelled job does, keeps tqdm's lock, and
        # every bar of another thread would wait for it.
        with suppress(RuntimeError):
            tqdm.get_lock().release()
        raise


def tsne(z: Embeddings, perplexity: float = 30.0, seed: int = 0) -> Points:
    """t-SNE of embeddings under cosine distance (van der Maaten and Hinton 2008), (n, E) to (n, 2).
    Worker only. Starts from random places, so that another seed shows what of the map is noise. The
    perplexity, about the number of neighbours that are kept, is at most a third of the other
    points. Embeddings that are all one point stay one point, the origin."""
    if is_one_point(z):
        return np.zeros((len(z), 2))
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(perplexity, (len(z) - 1) / 3)
    model = TSNE(perplexity=perplexity, metric="cosine", init="random", random_state=seed, n_jobs=1)
    # OpenMP heeds no n_jobs: threads would spin for each other at every step.
    with threadpool_limits(1):
        return np.asarray(model.fit_transform(np.asarray(z, dtype=np.float64)), dtype=np.float64)


def is_one_point(z: Embeddings) -> bool:
    """Whether all embeddings have one direction; cosine distances see no more of them."""
    low, high = np.inf, -np.inf
    for rows in _blocks(len(z)):
        numbers = np.asarray(z[rows], dtype=np.float64)
        directions = numbers / np.linalg.norm(numbers, axis=1, keepdims=True).clip(SAME_POINT)
        low = np.minimum(low, directions.min(axis=0))
        high = np.maximum(high, directions.max(axis=0))
        if np.max(high - low) > SAME_POINT:
            return False
    return True


def place_among_neighbours(z: Embeddings, known: Embeddings, points: Points, k: int = 5) -> Points:
    """A place on a map that cannot place new points exactly: the average of the k nearest known
    ones. Weighted by cosine above that of the farthest of the k + 1 nearest; (m, E), (n, E), (n, 2)
    to (m, 2).
    """
    indices, similarities = nearest(z, known, k + 1)
    weights = similarities[:, :-1] - similarities[:, -1:] + 1e-9
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkd->md", weights, points[indices[:, :-1]])


def map_quality(z: Embeddings, points: Points) -> dict[str, dict[str, float]]:
    """Trustworthiness and continuity of a map, by number of neighbours, ``k5`` and so on, as far as
    that is below n / 2.

    Trustworthiness is how far neighbours on a map are neighbours in the full space too, 1 is all of
    them: ``1 - 2 / (n k (2n - 3k - 1)) sum_i sum_j max(0, rank(i, j) - k)`` over the k nearest j on
    the map, ranks by cosine in the full space (Venna and Kaski 2001); (n, E) and (n, 2). Continuity
    is the same with the spaces swapped. Of more than `MOST_RANKED` rows, the sum over i is
    estimated from `QUALITY_SAMPLE` of them, by chance.
    """
    from sklearn.manifold import trustworthiness  # pages place points and never judge maps

    if len(z) > MOST_RANKED:
        return _sampled_quality(z, points)
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)  # whose distances sort as cosines do
    trust, continuity = {}, {}
    for k in TRUST_NEIGHBOURS:
        if k < len(z) / 2:
            trust[f"k{k}"] = float(trustworthiness(z, points, n_neighbors=k, metric="cosine"))
            continuity[f"k{k}"] = float(trustworthiness(points, unit, n_neighbors=k))
    return {"trustworthiness": trust, "continuity": continuity}


def _sampled_quality(z: Embeddings, points: Points) -> dict[str, dict[str, float]]:
    """`map_quality` of unit vectors from the neighbours of some of the rows."""
    n, most = len(z), max(TRUST_NEIGHBOURS)
    rows = np.sort(np.random.default_rng(0).choice(n, QUALITY_SAMPLE, replace=False))
    beyond = {name: dict.fromkeys(TRUST_NEIGHBOURS, 0.0) for name in ("trust", "continuity")}
    for row in rows:
        in_full = 1 - z @ z[row]
        on_map = ((points - points[row]) ** 2).sum(axis=1)
        in_full[row] = on_map[row] = np.inf  # no point is its own neighbour
        for name, near, far in (("trust", on_map, in_full), ("continuity", in_full, on_map)):
            nearest_first = np.argpartition(near, most)[:most]
            nearest_first = nearest_first[np.argsort(near[nearest_first], kind="stable")]
            ranks = np.array([1 + np.count_nonzero(far < far[index]) for index in nearest_first])
            for k in TRUST_NEIGHBOURS:
                beyond[name][k] += np.clip(ranks[:k] - k, 0, None).sum()
    quality = {
        name: {
            f"k{k}": float(1 - 2 * total / (len(rows) * k * (2 * n - 3 * k - 1)))
            for k, total in totals.items()
        }
        for name, totals in beyond.items()
    }
    return {"trustworthiness": quality["trust"], "continuity": quality["continuity"]}


def point_trustworthiness(
    z: Embeddings, points: Points, k: int = TRUST_NEIGHBOURS[0]
) -> NDArray[np.float64]:
    """Which places on a map to believe: each point's part in its trustworthiness, (n,), whose mean
    that is. Embeddings that are equally far from a point share the best of their ranks, so that a
    map is not blamed for the order in which it shows equal images; scikit-learn ranks those by
    chance. There have to be more than 2k points.
    """
    from scipy.stats import rankdata
    from sklearn.neighbors import NearestNeighbors

    n = len(z)
    far = -cosines(z, z, apart_from=np.arange(n))
    near = NearestNeighbors(n_neighbors=k).fit(points).kneighbors(return_distance=False)
    ranks = rankdata(far, method="min", axis=1)
    beyond = np.clip(np.take_along_axis(ranks, near, axis=1) - k, 0, None)
    return 1 - beyond.sum(axis=1) * (2 / (k * (2 * n - 3 * k - 1)))
