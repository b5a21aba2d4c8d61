"""Shortcuts of an image set: what simple properties of an image tell about its object and context.

A cue is a view of images so poor that the object cannot be seen (their mean colour, their rim, the
background without the animal). If a *linear* model predicts the object from such a view, then what
any model learns need not be the object.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vlcore.metrics.estimate import Estimate, Labels, mean

Pixels = NDArray[np.uint8]
Features = NDArray[np.float64]

FOLDS = 5
BINS = 8  # of a continuous factor
COMPONENTS = 32  # that stand for an image in the space of pixels
COARSE = 16  # pixels a side of the views that a linear model gets


@dataclass(frozen=True)
class Association:
    """Cramer's V of two labels, 0 to 1, with the p-value of independence and the number of rows."""

    v: float
    p: float
    n: int


def cramers_v(first: NDArray[np.generic], second: NDArray[np.generic]) -> Association:
    """Association of two columns, (n,) each; more than `BINS` different numbers are cut into bins
    of equal counts, and equal numbers share a bin. V is ``sqrt(chi2 / n / (min(rows, columns) -
    1))`` (Cramer 1946), p that of Pearson's test without correction; ValueError when a column has
    only one value."""
    from scipy.stats import chi2_contingency, rankdata
    from scipy.stats.contingency import crosstab

    columns = []
    for column in (first, second):
        binned = np.issubdtype(column.dtype, np.number) and len(np.unique(column)) > BINS
        columns.append((rankdata(column) - 0.5) * BINS // len(column) if binned else column)
    table = crosstab(*columns).count
    if min(table.shape) < 2:
        raise ValueError("A column with one value is associated with nothing.")
    chi2, p, _, _ = chi2_contingency(table, correction=False)
    v = np.sqrt(chi2 / len(first) / (min(table.shape) - 1))
    return Association(float(v), float(p), len(first))


def cross_validated_probe(
    features: Features, labels: Labels, groups: Labels, scenes: Labels
) -> NDArray[np.bool_]:
    """Whether a linear model (logistic regression on standardised features) is right on each image,
    (n,), when it was not fitted on its scene: cross-validation over `FOLDS` folds; (n, d), (n,),
    (n,), (n,).
    Every group weighs the same in each fit: folds are balanced as nearly as
    scenes allow, but a label that is rarer in one is commoner in the others, and a model that has
    learnt nothing would be wrong more often than not. ValueError when there is one label only, or
    fewer scenes than folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils.class_weight import compute_sample_weight

    if len(np.unique(labels)) < 2 or len(np.unique(scenes)) < FOLDS:
        raise ValueError(f"A probe needs two labels and at least {FOLDS} scenes.")
    predicted = np.empty_like(labels)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for fit, test in folds.split(features, groups, scenes):
        if len(np.unique(labels[fit])) < 2:
            predicted[test] = labels[fit][0]
            continue
        # Standardised features are many and alike (neighbouring pixels): C is small so that the fit
        # is not to noise.
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        weights = compute_sample_weight("balanced", groups[fit])
        model.fit(features[fit], labels[fit], logisticregression__sample_weight=weights)
        predicted[test] = model.predict(features[test])
    return predicted == labels


def compare_probes(
    first: NDArray[np.bool_], second: NDArray[np.bool_], scenes: Labels
) -> tuple[Estimate, float]:
    """Accuracy of the first of two probes less that of the second on the same images, (n,) each,
    and the p-value of no difference: the exact sign test over scenes, McNemar's where each scene is
    one image."""
    from scipy.stats import binomtest

    differences = first.astype(float) - second
    _, index = np.unique(scenes, return_inverse=True)
    by_scene = np.bincount(index, weights=differences)
    ahead, behind = int((by_scene > 0).sum()), int((by_scene < 0).sum())
    p = binomtest(ahead, ahead + behind).pvalue if ahead + behind else 1.0
    return mean(differences, scenes).within(-1, 1), float(p)


def mean_colour(pixels: Pixels) -> Features:
    """Mean red, green and blue of images, 0 to 1: uint8 (n, S, S, 3) to (n, 3)."""
    return pixels.mean(axis=(1, 2)) / 255


def coarse(pixels: Pixels) -> Features:
    """Images averaged to `COARSE` x `COARSE`, 0 to 1: uint8 (n, S, S, 3) with S a multiple of it
    to (n, 768)."""
    n, side, _, channels = pixels.shape
    box = side // COARSE
    # One axis at a time: over both it is slow.
    rows = pixels.reshape(n, COARSE, box, -1).sum(axis=2, dtype=np.uint32)
    return rows.reshape(n, COARSE, COARSE, box, channels).sum(axis=3).reshape(n, -1) / box**2 / 255


def rim(pixels: Pixels) -> Features:
    """The outer eighth of images on each side, coarse: uint8 (n, S, S, 3) to (n, d)."""
    width = COARSE // 8
    inside = np.zeros((COARSE, COARSE), bool)
    inside[width:-width, width:-width] = True
    views = coarse(pixels).reshape(len(pixels), COARSE, COARSE, -1)
    return views[:, ~inside].reshape(len(pixels), -1)


def painted_over(pixels: Pixels, hidden: NDArray[np.bool_]) -> Pixels:
    """Images with some pixels made grey: (n, S, S, 3) and (n, S, S)."""
    return np.where(hidden[..., None], np.uint8(128), pixels)


def is_chance(accuracy: Estimate) -> bool:
    """Whether an accuracy is no higher than guessing one of two, at three standard errors, because
    several are tested."""
    return bool(accuracy.value - 0.5 <= 3 * 0.5 / np.sqrt(accuracy.n))


def pixel_space(pixels: Mapping[str, Pixels]) -> dict[str, Features]:
    """The space of the pixels of held-out images and of images that probes are fitted on: the
    baseline that measures compare a model's space with.

    Images, uint8 (n, S, S, 3) for ``test`` and ``probe``, are averaged to 16 x 16 and reduced to as
    many numbers as an embedding has, so that the space differs from a model's in its origin alone.
    """
    probe = coarse(pixels["probe"]) if len(pixels["probe"]) else None
    return reduced_spaces(coarse(pixels["test"]), probe)


def reduced_spaces(
    test: NDArray[np.floating], probe: NDArray[np.floating] | None
) -> dict[str, NDArray[np.float64]]:
    """Held-out images and images that probes are fitted on, (n, d) and (p, d) or None, by the first
    principal components of the former, as unit vectors: (n, COMPONENTS) and (p, COMPONENTS),
    ``test`` and ``probe``.
    """
    from sklearn.decomposition import PCA  # takes 0.8 s, for which the first page does not wait

    plane = PCA(min(COMPONENTS, *test.shape), svd_solver="covariance_eigh").fit(test)
    spaces = {"test": plane.transform(test), "probe": np.empty((0, plane.n_components_))}
    if probe is not None:
        spaces["probe"] = plane.transform(probe)
    return {
        name: space / np.linalg.norm(space, axis=1, keepdims=True).clip(1e-9)
        for name, space in spaces.items()
    }
