"""The shape of the joint space: by what do images cluster, and is there anything left to cluster.

The one idea: all numbers are of the full space, on the same held-out images for every condition, and mean nothing
without the untrained encoder beside them: a random image tower already clusters by context.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import silhouette_samples
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vlcore.measures.estimate import Estimate, bootstrap, mean, rate

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]

COLLAPSED_VARIANCE, COLLAPSED_RANK = 1e-2, 1.5


def silhouette(z: Embeddings, labels: Labels, scenes: Labels) -> Estimate:
    """Mean cosine silhouette of images by a label (Rousseeuw 1987), -1 to 1; (n, E) and (n,).

    The interval is over scenes.
    """
    return mean(silhouette_samples(z, labels, metric="cosine"), scenes)


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


def probe(
    z_fit: Embeddings, labels_fit: Labels, z_test: Embeddings, labels_test: Labels, scenes_test: Labels
) -> Estimate:
    """Accuracy of a linear probe (logistic regression on standardised features), fitted on images of their own."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(z_fit, labels_fit)
    return rate(model.predict(z_test) == labels_test, scenes_test)


def is_collapsed(variance: float, rank: float) -> bool:
    """Whether a map of these embeddings would show residue blown up to fill the axes."""
    return variance < COLLAPSED_VARIANCE or rank < COLLAPSED_RANK


def _covariance(z: Embeddings, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = weights / weights.sum()
    centred = z - shares @ z
    return np.asarray((centred * shares[:, None]).T @ centred, dtype=np.float64)
