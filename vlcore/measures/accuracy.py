"""Accuracy, margin and calibration of the zero-shot readout of a model on held-out images.

The readout is one rule for every label style: the score of an object is the sum over all captions that speak of it,
``p(a | x) ~ sum over captions k of a of exp l(x, t_k)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from vlcore.core.grouping import Grouping
from vlcore.measures.estimate import Estimate, bootstrap, by_group, mean, rate

Labels = NDArray[np.str_]

TINY_SHARE = 1e-6  # the least probability of the affine logit, and one minus the greatest


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy of the zero-shot readout, overall and by group."""

    balanced: Estimate
    minority: Estimate
    majority: Estimate
    worst_group: str
    worst: Estimate
    groups: dict[str, Estimate]


def logits(
    z: NDArray[np.floating], t: NDArray[np.floating], scale: float, bias: float, kind: str = "learned"
) -> NDArray[np.float64]:
    """Scores of images with captions, (n, E) and (K, E) to (n, K).

    ``scale * cosine + bias``; for the kind ``affine`` the log odds of ``(1 + cosine) / 2``.
    """
    cosine = np.asarray(z, dtype=np.float64) @ np.asarray(t, dtype=np.float64).T
    if kind == "affine":
        share = np.clip((1 + cosine) / 2, TINY_SHARE, 1 - TINY_SHARE)
        return np.asarray(np.log(share) - np.log1p(-share))
    return np.asarray(scale * cosine + bias)


def spoken_of_each(spoken_of: Sequence[str], objects: Sequence[str]) -> Labels:
    """The object that each caption speaks of, (K,).

    Raises:
        ValueError: when no caption speaks of one of the objects.
    """
    for name in objects:
        if name not in spoken_of:
            raise ValueError(f"No caption speaks of {name!r}, so it cannot be predicted.")
    return np.asarray(spoken_of)


def object_scores(
    logits: NDArray[np.floating], spoken_of: Sequence[str], objects: Sequence[str]
) -> NDArray[np.float64]:
    """Log scores of the objects, (n, K) logits to (n, objects): logsumexp over the captions of each object.

    Args:
        logits: scores of n images with K captions.
        spoken_of: the object that each caption speaks of, K names.
        objects: the objects, in the order of the columns that come out.

    Raises:
        ValueError: when no caption speaks of an object.
    """
    about = spoken_of_each(spoken_of, objects)
    return np.stack([logsumexp(logits[:, about == name], axis=1) for name in objects], axis=1)


def predict_objects(logits: NDArray[np.floating], spoken_of: Sequence[str], objects: Sequence[str]) -> Labels:
    """The object with the highest score for each image, (n,)."""
    return np.asarray(objects)[object_scores(logits, spoken_of, objects).argmax(axis=1)]


def group_accuracy(
    predicted: Labels, objects: Labels, groups: Labels, scenes: Labels, grouping: Grouping
) -> GroupAccuracy:
    """Accuracy by group, on the same images for every condition.

    The worst of four groups is biased downwards: ``E[min] ~ p - 1.03 SE`` with ``SE = sqrt(p (1 - p) / n)`` of a group,
    6 points with 50 images a group of which 80 % are right. `cross_fitted_worst` is not.

    Balanced, minority and majority accuracy are means of group accuracies; with equally many images a group, as in the
    crossed test set, that is the rate over their images, whose interval is over scenes.

    Args:
        predicted: predicted object of each image, (n,).
        objects: true object, (n,).
        groups: group, (n,).
        scenes: scene that the image shows, (n,); twins share it.
        grouping: which groups are the majority.

    Raises:
        ValueError: when a group has no image.
    """
    right = predicted == objects
    found = by_group(rate, right, groups, scenes, grouping.names)
    worst = min(found, key=lambda name: found[name].value)
    return GroupAccuracy(
        balanced=_over(grouping.names, found, right, groups, scenes),
        minority=_over(grouping.minority, found, right, groups, scenes),
        majority=_over(grouping.majority, found, right, groups, scenes),
        worst_group=worst,
        worst=found[worst],
        groups=found,
    )


def _over(
    names: Sequence[str], found: Mapping[str, Estimate], right: NDArray[np.bool_], groups: Labels, scenes: Labels
) -> Estimate:
    """The mean accuracy of some groups, with the interval of the rate over their images."""
    here = np.isin(groups, names)
    pooled = rate(right[here], scenes[here])
    value = float(np.mean([found[name].value for name in names]))
    shift = value - pooled.value  # 0 where groups are equally large
    return Estimate(value, max(0.0, pooled.low + shift), min(1.0, pooled.high + shift), pooled.n)


def train_weighted(groups: Mapping[str, Estimate], counts: Mapping[str, int]) -> Estimate:
    """Accuracy weighted by the groups' shares of the training images, ``sum_g pi_g Acc_g``: what papers on Waterbirds
    call "average", which balanced accuracy is not.

    The variance adds over groups, recovered from their intervals l to h (MOVER, Zou and Donner 2008): from
    ``value - sqrt(sum (pi_g (Acc_g - l_g))^2)`` to ``value + sqrt(sum (pi_g (h_g - Acc_g))^2)``. That takes groups for
    independent, which in a crossed test set they are not quite.

    Args:
        groups: accuracy of each group on held-out images.
        counts: number of training images of each group.

    Raises:
        ValueError: when there is no training image, or a group that was trained on has no accuracy.
    """
    total = sum(counts.values())
    if total <= 0:
        raise ValueError("There is no training image to weight groups by.")
    shares = {name: count / total for name, count in counts.items() if count > 0}
    for name in shares:
        if name not in groups:
            raise ValueError(f"There is no held-out image of {name}, so an accuracy that weights it is not defined.")
    value = sum(share * groups[name].value for name, share in shares.items())
    below = sum((share * (groups[name].value - groups[name].low)) ** 2 for name, share in shares.items())
    above = sum((share * (groups[name].high - groups[name].value)) ** 2 for name, share in shares.items())
    n = sum(groups[name].n for name in shares)
    return Estimate(value, max(0.0, value - below**0.5), min(1.0, value + above**0.5), n)


def minority_gap(right: NDArray[np.bool_], groups: Labels, scenes: Labels, grouping: Grouping) -> Estimate:
    """Majority accuracy minus minority accuracy, -1 to 1, with the interval of `difference`; (n,) each.

    Raises:
        ValueError: when a group has no image.
    """
    found = by_group(rate, right, groups, scenes, grouping.names)
    deviations = np.zeros(len(groups))  # of each image from its group, as it weighs in the accuracy
    for name, estimate in found.items():
        here = groups == name
        deviations[here] = (right[here] - estimate.value) / here.sum()
    in_majority = np.isin(groups, grouping.majority)
    majority, minority = (_over(of, found, right, groups, scenes) for of in (grouping.majority, grouping.minority))
    together = scene_correlation(deviations * in_majority, deviations * ~in_majority, scenes)
    return difference(majority, minority, together, len(groups))


def difference(first: Estimate, second: Estimate, correlation: float, n: int) -> Estimate:
    """The first rate minus the second, with the interval of paired rates (Newcombe 1998, method 10): distances to the
    ends of both intervals, added as correlated errors. It has a width where all images agree, as a normal one has not.

    Args:
        first: a rate.
        second: another one, on the same scenes or on others.
        correlation: of the two, -1 to 1, see `scene_correlation`.
        n: number of images that the difference rests on.
    """
    value = first.value - second.value

    def error(one: float, other: float) -> float:
        return float(np.sqrt(max(0.0, one**2 - 2 * correlation * one * other + other**2)))

    low = value - error(first.value - first.low, second.high - second.value)
    high = value + error(first.high - first.value, second.value - second.low)
    return Estimate(value, max(-1.0, low), min(1.0, high), n)


def scene_correlation(one: NDArray[np.floating], other: NDArray[np.floating], scenes: Labels) -> float:
    """Correlation of two means over images whose deviations are given, (n,) each: that of their sums over scenes; 0 of
    means without spread."""
    _, scene = np.unique(scenes, return_inverse=True)
    first, second = np.bincount(scene, weights=one), np.bincount(scene, weights=other)
    spread = np.sqrt((first @ first) * (second @ second))
    return float(np.clip(first @ second / spread, -1, 1)) if spread > 1e-12 else 0.0


def cross_fitted_worst(validation: Mapping[str, Estimate], test: Mapping[str, Estimate]) -> tuple[str, Estimate]:
    """The group that is worst on validation images, with its accuracy on test images: the name and the number.

    Which group it is and how good it is come from different images, so chance does not lower the number as it lowers
    a minimum; on few validation images the group may be the wrong one, and the number then is too high.

    Raises:
        ValueError: when there is no group, or no test image of the worst one.
    """
    if not validation:
        raise ValueError("There are no validation images to pick the worst group on.")
    worst = min(validation, key=lambda name: validation[name].value)
    if worst not in test:
        raise ValueError(f"There is no held-out image of {worst}, so its accuracy is not defined.")
    return worst, test[worst]


def blind_match_accuracy(frequencies: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    """How well matched pairs are told from mismatched ones by the caption alone, 0.5 where negatives leak no prior.

    Exact, for the best classifier of that kind: ``sum_k max(p_k, n_k) / 2`` with p the captions' frequencies in matched
    and n in mismatched pairs; 1 where there are no mismatched pairs.

    Args:
        frequencies: share of training images of each caption, (K,).
        weights: q(k | own), (K, K), rows sum to 1 or to 0.
    """
    mismatched = frequencies @ weights
    return float(np.maximum(frequencies, mismatched).sum() / 2) if mismatched.sum() else 1.0


def margins(
    scores: NDArray[np.floating], objects: Labels, groups: Labels, scenes: Labels, grouping: Grouping
) -> dict[str, Estimate]:
    """Mean margin of each group: log score of the true object minus that of the other, positive where right.

    Args:
        scores: log scores of the grouping's objects in their order, (n, 2), see `object_scores`.
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
    why_not = "There is no held-out image of {}, so its margin is not defined."
    return by_group(mean, margin, groups, scenes, grouping.names, why_not)


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
