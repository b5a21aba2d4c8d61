"""Margins, confidence and expected calibration error.

The one idea: accuracy counts decisions, the margin weighs them. It moves before a decision flips, so that differences
show with fewer images; and a model can be as accurate as another and much too sure (design/science.md section 2.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from vlcore.images.groups import Grouping
from vlcore.measures.estimate import Estimate, bootstrap, mean

Labels = NDArray[np.str_]


def margins(
    scores: NDArray[np.floating], objects: Labels, groups: Labels, scenes: Labels, grouping: Grouping
) -> dict[str, Estimate]:
    """Mean margin of each group: log score of the true object minus that of the other, positive where right.

    Args:
        scores: log scores of the grouping's objects in their order, (n, 2), see `accuracy.object_scores`.
        objects: true object, (n,).
        groups: group, (n,).
        scenes: scene of each image, (n,).
        grouping: names of objects and groups.

    Raises:
        ValueError: when a group has no image, an object is not of the grouping, or a score is not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError("A score is not finite, so its margin is not defined.")
    true = np.asarray(objects)[:, None] == np.asarray(grouping.objects)
    if not true.any(axis=1).all():
        raise ValueError(f"An image shows something else than {' or '.join(grouping.objects)}.")
    margin = scores[true] - np.where(true, -np.inf, scores).max(axis=1)
    found = {}
    for name in grouping.names:
        here = groups == name
        if not here.any():
            raise ValueError(f"There is no held-out image of {name}, so its margin is not defined.")
        found[name] = mean(margin[here], scenes[here])
    return found


def confidence(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability that a model gives to the object that it says, from log scores (n, objects) to (n,)."""
    return np.asarray(softmax(np.asarray(scores, dtype=np.float64), axis=1).max(axis=1))


def expected_calibration_error(
    sure: NDArray[np.floating], right: NDArray[np.bool_], scenes: Labels, bins: int = 15
) -> Estimate:
    """``sum_b n_b / n |share right - mean confidence|`` over bins of equal width (Naeini et al. 2015; Guo et al. 2017).

    0 is calibrated. Chance alone puts it above 0, and a resample further: its interval lies high, so compare models on
    the same images, not one with 0.

    Args:
        sure: probability of the predicted object, 0 to 1, (n,), see `confidence`.
        right: whether it was the true one, (n,).
        scenes: scene of each image, (n,).
        bins: number of bins.

    Raises:
        ValueError: when there is no image, or a probability is outside 0 to 1.
    """
    sure = np.asarray(sure, dtype=np.float64)
    if len(sure) == 0 or not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError("Calibration needs images, each with a probability from 0 to 1.")
    bin_of = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)  # bins are open below, as Guo's are
    excess = right - sure
    return bootstrap(
        lambda weights: float(np.abs(np.bincount(bin_of, weights=weights * excess)).sum() / len(sure)), scenes
    )
