"""Deep feature reweighting: a new last layer on frozen embeddings, fitted on group-balanced validation images.

The one idea (Kirichenko et al. 2023): a biased model often *holds* the object and only reads it out badly. So the
towers stay, and a sparse linear readout is fitted on a few images of which every group has equally many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vlcore.measures.last_layer import LastLayer, of_standardised

Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]

STRENGTHS = (1.0, 0.7, 0.3, 0.1, 0.07, 0.03, 0.01)  # C of scikit-learn, the grid of the paper
SUBSAMPLES = 20  # balanced ones, whose coefficients are averaged


def dfr(z_fit: Embeddings, labels_fit: Labels, groups_fit: Labels, seed: int = 0) -> LastLayer:
    """A readout that is fitted on images of which all groups count alike: (m, E), (m,), (m,).

    C is that of `STRENGTHS` with the best worst-group accuracy on one half of the fitting images when fitted on the
    other; then the coefficients of `SUBSAMPLES` fits on balanced subsamples of all of them are averaged.

    Raises:
        ValueError: when a group has fewer than four images, or there are not two labels.
    """
    from sklearn.preprocessing import StandardScaler

    names, counts = np.unique(groups_fit, return_counts=True)
    if len(np.unique(labels_fit)) != 2 or counts.min() < 4:
        raise ValueError("A new last layer needs two objects and at least four validation pictures of each group.")
    random = np.random.default_rng(seed)
    scaler = StandardScaler().fit(z_fit)
    features = scaler.transform(z_fit)
    halves = [np.concatenate(part) for part in zip(*(_halves(groups_fit, name, random) for name in names), strict=True)]
    best = max(STRENGTHS, key=lambda c: _worst(features, labels_fit, groups_fit, halves[0], halves[1], c))
    everything = np.arange(len(z_fit))
    fits = [_fit(features, labels_fit, _balanced(groups_fit, everything, random), best) for _ in range(SUBSAMPLES)]
    coefficients = np.mean([direction for direction, _ in fits], axis=0)
    intercept = np.mean([shift for _, shift in fits])
    return of_standardised(np.unique(labels_fit).tolist(), scaler.mean_, scaler.scale_, coefficients, float(intercept))


def _halves(groups: Labels, name: str, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    members = random.permutation(np.flatnonzero(groups == name))
    return members[: len(members) // 2], members[len(members) // 2 :]


def _balanced(groups: Labels, among: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """As many of each group as the smallest has."""
    members = [among[groups[among] == name] for name in np.unique(groups)]
    fewest = min(map(len, members))
    return np.concatenate([random.permutation(rows)[:fewest] for rows in members])


def _fit(
    features: NDArray[np.float64], labels: Labels, rows: NDArray[np.int64], c: float
) -> tuple[NDArray[np.float64], float]:
    from sklearn.linear_model import LogisticRegression

    # l1_ratio of 1 is the sparse penalty of the paper; liblinear is its solver, and it draws a coordinate order.
    model = LogisticRegression(C=c, l1_ratio=1.0, solver="liblinear", random_state=0, max_iter=1000)
    model.fit(features[rows], labels[rows])
    return model.coef_[0], float(model.intercept_[0])


def _worst(
    features: NDArray[np.float64],
    labels: Labels,
    groups: Labels,
    fit: NDArray[np.int64],
    judged: NDArray[np.int64],
    c: float,
) -> float:
    coefficients, intercept = _fit(features, labels, fit, c)
    said = np.unique(labels)[(features[judged] @ coefficients + intercept > 0).astype(int)]
    right = said == labels[judged]
    return min(float(right[groups[judged] == name].mean()) for name in np.unique(groups))
