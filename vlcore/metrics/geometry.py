"""Geometry of image embeddings: silhouettes, variance, effective rank, probes, uniformity.

All numbers are of the full space, on the same held-out images for every condition, and mean nothing
without the untrained encoder beside them: a random image tower already clusters by context."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from sklearn import config_context
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vlcore.metrics.estimate import (
    Embeddings,
    Estimate,
    Labels,
    bootstrap,
    bounded,
    jackknife,
    mean,
)

COLLAPSED_VARIANCE, COLLAPSED_RANK, LINE_VARIANCE = 1e-2, 1.5, 0.25
BLOCK = 256  # images whose distances to all others are looked at together


def silhouette(z: Embeddings, labels: Labels, scenes: Labels) -> Estimate:
    """Mean cosine silhouette of images by a label (Rousseeuw 1987), -1 to 1; (n, E) and (n,). From
    each image's cosine with the sum of a label's images, which needs no distances of pairs. That of
    each image depends on all others, so the spread between images is about half of what it should
    be: the interval is a jackknife's. There have to be two labels or more, and more images than
    labels."""
    names, label = np.unique(labels, return_inverse=True)
    label_cells = (slice(None), np.arange(len(z)), label)  # of (R, n, labels)
    points = np.asarray(z, dtype=np.float64)
    points = points / np.linalg.norm(points, axis=1, keepdims=True).clip(1e-9)
    members = (label == np.arange(len(names))[:, None]).astype(float)  # (labels, n)

    def average(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        included = (weights > 0).astype(float)
        counts = included @ members.T  # (R, labels)
        sums = (included[:, None] * members) @ points
        # Sums of distances, (R, n, labels), with that of 0 to the image itself.
        far = counts[:, None] - points @ sums.swapaxes(1, 2)
        inside = far[label_cells] / np.maximum(counts[:, label] - 1, 1)
        far[label_cells] = np.inf
        outside = (far / np.maximum(counts, 1)[:, None]).min(axis=2)
        larger = np.where(counts[:, label] > 1, np.maximum(inside, outside), 0)
        zeros = np.zeros(included.shape)
        widths = np.divide(outside - inside, larger, out=zeros, where=larger > 1e-12)
        means = (widths * included).sum(axis=1) / included.sum(axis=1)
        return np.where(counts.all(axis=1), means, np.nan)

    return jackknife(average, scenes)


def total_variance(z: Embeddings, scenes: Labels) -> Estimate:
    """``sum_d Var z_d`` of unit vectors, 0 (all in one point) to 1; (n, E)."""
    centred = _centred(z)
    lengths = (centred**2).sum(axis=1)
    return bounded(
        bootstrap,
        lambda weights: weights @ lengths / len(z) - ((weights @ centred / len(z)) ** 2).sum(1),
        scenes,
        0,
        1,
    )


def effective_rank(z: Embeddings, scenes: Labels) -> Estimate:
    """``exp(H(s / sum s))``, s the eigenvalues of the covariance (Roy and Vetterli 2007); 1 to E;
    (n, E). Not defined where all embeddings are one point: a covariance of zero has no rank of this
    kind."""
    centred = _centred(z)

    def spectrum(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        middle = weights @ centred / len(z)
        covariance = (weights * centred.T) @ centred / len(z) - np.outer(middle, middle)
        return np.asarray(np.linalg.eigvalsh(covariance), np.float64)

    def rank(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        spectra = np.clip([spectrum(row) for row in weights], 0, None)  # (R, E)
        totals = spectra.sum(axis=1, keepdims=True)
        shares = spectra / np.maximum(totals, 1e-12)
        ranks = np.exp(-xlogy(shares, shares).sum(axis=1))
        # A resample of a few scenes can be one point; there is no lower rank.
        return np.where(totals[:, 0] > 1e-12, ranks, 1.0)

    return bounded(jackknife, rank, scenes, 1, z.shape[1])


def probe(z_fit: Embeddings, labels_fit: Labels, z: Embeddings) -> Labels:
    """Labels predicted by a linear probe (logistic regression on standardised features) that was
    fitted on other images; (m, E), (m,), (n, E) to (n,)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    with config_context(skip_parameter_validation=True):  # a training fits thirty of these
        return np.asarray(model.fit(z_fit, labels_fit).predict(z))


def is_collapsed(variance: float, rank: float) -> bool:
    """Whether embeddings are one point, or nearly so along a line: a map would magnify residue to
    fill the axes. Two tight groups far from each other are a line too and not collapsed: their
    variance is near 1.
    """
    return variance < COLLAPSED_VARIANCE or (rank < COLLAPSED_RANK and variance < LINE_VARIANCE)


def alignment(z: Embeddings, t_own: Embeddings, scenes: Labels) -> Estimate:
    """Mean squared distance of images and their own captions, 0 (one point) to 4 (Wang and Isola
    2020, alpha = 2); unit vectors (n, E) each, row by row."""
    return mean(((np.asarray(z, dtype=np.float64) - t_own) ** 2).sum(axis=1), scenes)


def uniformity(z: Embeddings, scenes: Labels) -> Estimate:
    """``log E exp(-2 ||z_i - z_j||^2)`` over pairs of different images, 0 (one point) down to about
    -4 (spread evenly over the sphere; Wang and Isola 2020); unit vectors (n, E).
    ValueError of fewer than two images."""
    points = np.asarray(z, dtype=np.float64)
    lengths = (points**2).sum(axis=1)
    sums = []
    for start in range(0, len(z), BLOCK):  # all pairs take a gigabyte for 10,000 images
        rows = slice(start, start + BLOCK)
        squared = lengths[rows, None] + lengths - 2 * points[rows] @ points.T
        sums.append(np.exp(-2 * squared.clip(0)).sum(axis=1))
    potential = _over_pairs(np.concatenate(sums) - 1, scenes)
    half = (potential.high - potential.value) / potential.value  # of the logarithm
    value = float(np.log(potential.value))
    return Estimate(value, value - half, min(0.0, value + half), potential.n)


def modality_gap(z: Embeddings, t: Embeddings, weights: ArrayLike, scenes: Labels) -> Estimate:
    """Distance between the mean image and the mean caption, 0 to 2 (Liang et al. 2022). Of images,
    (n, E), and distinct captions, (K, E), weighted by how many of the images have each, (K,): of
    two to four captions, a rare one should not count like a common one."""
    shares = np.asarray(weights, dtype=np.float64)
    points = np.asarray(z, dtype=np.float64)
    caption = shares / shares.sum() @ np.asarray(t, dtype=np.float64)
    return jackknife(
        lambda weights: np.linalg.norm(weights @ points / len(z) - caption, axis=1), scenes
    ).within(0, 2)


def _over_pairs(sums: NDArray[np.float64], scenes: Labels) -> Estimate:
    """Mean over pairs of different images, from each one's sum over all others, (n,); a normal
    interval over scenes. Every image is in n - 1 pairs on either side, so the error is twice that
    of the mean of the images' own means (Hoeffding 1948)."""
    if len(sums) < 2:
        raise ValueError("Pairs of images need at least two images.")
    of_images = mean(sums / (len(sums) - 1), scenes)
    half = 2 * (of_images.high - of_images.value)
    return Estimate(of_images.value, of_images.value - half, of_images.value + half, of_images.n)


def _centred(z: Embeddings) -> NDArray[np.float64]:
    points = np.asarray(z, dtype=np.float64)
    return points - points.mean(axis=0)
