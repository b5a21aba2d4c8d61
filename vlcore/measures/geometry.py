"""Geometry of image embeddings: silhouettes, variance, effective rank, probes, spread, and distance to captions.

All numbers are of the full space, on the same held-out images for every condition, and mean nothing without the
untrained encoder beside them: a random image tower already clusters by context.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances_chunked, silhouette_samples
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vlcore.core.grouping import Grouping
from vlcore.measures.estimate import Estimate, bootstrap, mean, rate
from vlcore.measures.readouts import nearest_neighbours

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]

COLLAPSED_VARIANCE, COLLAPSED_RANK = 1e-2, 1.5


def silhouette(z: Embeddings, labels: Labels, scenes: Labels) -> Estimate:
    """Mean cosine silhouette of images by a label (Rousseeuw 1987), -1 to 1; (n, E) and (n,)."""
    return mean(silhouette_samples(z, labels, metric="cosine"), scenes)


def majority_silhouette(z: Embeddings, groups: Labels, scenes: Labels, grouping: Grouping) -> Estimate:
    """Mean cosine silhouette of the two majority groups, each other's only neighbours, -1 to 1; (n, E), (n,), (n,).

    Of the same held-out images in every condition: the pair would look better apart if the minority groups between
    them were left out of a plot of the training images.

    Raises:
        ValueError: when one of the two has no image, or there are only two images.
    """
    here = np.isin(groups, grouping.majority)
    if len(np.unique(groups[here])) < 2 or here.sum() < 3:
        raise ValueError("Only one of the majority groups has held-out images, or both have one: nothing to compare.")
    return silhouette(z[here], groups[here], scenes[here])


def total_variance(z: Embeddings, scenes: Labels) -> Estimate:
    """``sum_d Var z_d`` of unit vectors, 0 (all in one point) to 1; (n, E)."""
    return bootstrap(lambda weights: float(np.trace(_covariance(z, weights))), scenes)


def effective_rank(z: Embeddings, scenes: Labels) -> Estimate:
    """``exp(H(s / sum s))``, s the eigenvalues of the covariance (Roy and Vetterli 2007); 1 to E; (n, E).

    Raises:
        ValueError: when all embeddings are one point: a covariance of zero has no rank of this kind.
    """
    if np.trace(_covariance(z, np.ones(len(z)))) <= 1e-12:
        raise ValueError("All embeddings are one point, so their effective rank is not defined.")

    def rank(weights: NDArray[np.float64]) -> float:
        spectrum = np.clip(np.linalg.eigvalsh(_covariance(z, weights)), 0, None)
        if spectrum.sum() <= 1e-12:
            return 1.0  # a resample of a few scenes can be one scene over and over; there is no lower rank
        shares = spectrum[spectrum > 0] / spectrum.sum()
        return float(np.exp(-(shares * np.log(shares)).sum()))

    return bootstrap(rank, scenes)


def probe_accuracy(
    z_fit: Embeddings, labels_fit: Labels, z_test: Embeddings, labels_test: Labels, scenes_test: Labels
) -> Estimate:
    """Accuracy of a linear probe (logistic regression on standardised features), fitted on images of their own."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(z_fit, labels_fit)
    return rate(model.predict(z_test) == labels_test, scenes_test)


def neighbour_accuracy(
    z_fit: Embeddings, labels_fit: Labels, z_test: Embeddings, labels_test: Labels, scenes_test: Labels, k: int = 5
) -> Estimate:
    """Accuracy of the majority vote of the k nearest of other images, by cosine."""
    return rate(nearest_neighbours(z_fit, labels_fit, z_test, k) == labels_test, scenes_test)


def is_collapsed(variance: float, rank: float) -> bool:
    """Whether a map of these embeddings would show residue blown up to fill the axes."""
    return variance < COLLAPSED_VARIANCE or rank < COLLAPSED_RANK


def dispersion(z: Embeddings, scenes: Labels) -> Estimate:
    """How far the images of a group lie from one another: ``1 - mean cosine of two different ones``; unit vectors.

    0 is one point, 1 all directions. Unbiased in n, as ``1 - ||mean||`` is not: by that, 12 points look tighter
    than 48.
    The interval is over scenes, each of which should show the group once.

    Raises:
        ValueError: when there are fewer than two images.
    """
    z = np.asarray(z, dtype=np.float64)
    similar = _over_pairs(z @ z.sum(axis=0) - (z**2).sum(axis=1), scenes)
    return Estimate(1 - similar.value, max(0.0, 1 - similar.high), min(2.0, 1 - similar.low), similar.n)


def alignment(z: Embeddings, t_own: Embeddings, scenes: Labels) -> Estimate:
    """Mean squared distance of images and their own captions, 0 (one point) to 4 (Wang and Isola 2020, alpha = 2);
    unit vectors (n, E) each, row by row."""
    return mean(((np.asarray(z, dtype=np.float64) - t_own) ** 2).sum(axis=1), scenes)


def uniformity(z: Embeddings, scenes: Labels) -> Estimate:
    """``log E exp(-2 ||z_i - z_j||^2)`` over pairs of different images, 0 (one point) down to about -4 (spread evenly
    over the sphere; Wang and Isola 2020); unit vectors (n, E). Of captions, give each distinct one as a scene.

    Raises:
        ValueError: when there are fewer than two images.
    """
    near = pairwise_distances_chunked(  # all pairs at once would take a gigabyte for 10,000 images
        np.asarray(z, dtype=np.float64), metric="sqeuclidean", reduce_func=lambda rows, _: np.exp(-2 * rows).sum(axis=1)
    )
    found = _over_pairs(np.concatenate(list(near)) - 1, scenes)
    half = (found.high - found.value) / found.value  # of the logarithm
    value = float(np.log(found.value))
    return Estimate(value, value - half, min(0.0, value + half), found.n)


def modality_gap(z: Embeddings, t: Embeddings, weights: ArrayLike, scenes: Labels) -> Estimate:
    """Distance between the mean image and the mean caption, 0 to 2 (Liang et al. 2022).

    Args:
        z: embeddings of images, (n, E).
        t: embeddings of the distinct captions, (K, E).
        weights: how many of the images have each caption, (K,): of two to four captions, a rare one should not count
            like a common one.
        scenes: scene of each image, (n,).

    Raises:
        ValueError: when the weights are negative or add up to nothing.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if (shares < 0).any() or shares.sum() <= 0:
        raise ValueError("Captions are weighted by how many images have them; give numbers of which some are above 0.")
    z, caption = np.asarray(z, dtype=np.float64), shares / shares.sum() @ np.asarray(t, dtype=np.float64)
    return bootstrap(lambda weight: float(np.linalg.norm(weight @ z / len(z) - caption)), scenes)


def _over_pairs(sums: NDArray[np.float64], scenes: Labels) -> Estimate:
    """Mean over pairs of different images, from each one's sum over all others, (n,); a normal interval over scenes.

    Every image is in n - 1 pairs on either side, so the error is twice that of the mean of the images' own means
    (Hoeffding 1948).
    """
    if len(sums) < 2:
        raise ValueError("Pairs of images need at least two images.")
    once = mean(sums / (len(sums) - 1), scenes)
    half = 2 * (once.high - once.value)
    return Estimate(once.value, once.value - half, once.value + half, once.n)


def _covariance(z: Embeddings, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = weights / weights.sum()
    centred = z - shares @ z
    return np.asarray((centred * shares[:, None]).T @ centred, dtype=np.float64)
