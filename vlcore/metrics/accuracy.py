"""Accuracy, margin and calibration of the zero-shot readout of a model on held-out images.

The readout is one rule for every label style: the score of an object is the sum over all captions
that name it, ``p(a | x) ~ sum over captions k of a of exp l(x, t_k)``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp, softmax

from vlcore.experiment.grouping import Grouping
from vlcore.metrics.estimate import Estimate, Labels, by_group, jackknife, mean, rate

BLOCK = 8_192  # images whose scores are computed together
BINS = 15  # of confidence


@dataclass(frozen=True, eq=False)
class Predictions:
    """The held-out images of a model, and which of them it predicts correctly.

    Attributes:
        correct: whether the object is predicted, (n,).
        groups: of the images, (n,).
        scenes: of the images, (n,).
        grouping: of the image set.
    """

    correct: NDArray[np.bool_]
    groups: Labels
    scenes: Labels
    grouping: Grouping

    @cached_property
    def by_group(self) -> dict[str, Estimate]:
        """Accuracy of each group; ValueError when a group has no image."""
        return by_group(rate, self.correct, self.groups, self.scenes, self.grouping.names)

    @property
    def worst_first(self) -> list[str]:
        """The groups by their accuracy."""
        return sorted(self.by_group, key=lambda name: self.by_group[name].value)

    def correlation(self, first: str, second: str) -> float:
        """Correlation of the accuracies of two groups, as far as they share scenes."""
        return scene_correlation(self._deviations(first), self._deviations(second), self.scenes)

    def _deviations(self, group: str) -> NDArray[np.float64]:
        """Each image's distance from the accuracy of a group; 0 outside that group, (n,)."""
        return np.where(self.groups == group, self.correct - self.by_group[group].value, 0.0)

    def mean_of(self, names: Sequence[str]) -> Estimate:
        """The mean accuracy of the named groups.

        Its interval is that of the rate over their images where they are equally large. Of unequal
        groups it is recovered from theirs (MOVER, Zou and Donner 2008), whose errors correlate as
        far as the groups share scenes.
        """
        accuracies = [self.by_group[name] for name in names]
        inside = np.isin(self.groups, names)
        value = float(np.mean([accuracy.value for accuracy in accuracies]))
        if len({accuracy.n for accuracy in accuracies}) == 1:
            pooled = rate(self.correct[inside], self.scenes[inside])
            low, high = (end + (value - pooled.value) for end in (pooled.low, pooled.high))
            return Estimate(value, max(0.0, low), min(1.0, high), pooled.n)
        correlations = np.eye(len(names))
        for first, second in combinations(range(len(names)), 2):
            correlation = self.correlation(names[first], names[second])
            correlations[first, second] = correlations[second, first] = correlation

        def error(distances: NDArray[np.float64]) -> float:
            variance = float(distances @ correlations @ distances)
            return max(0.0, variance) ** 0.5 / len(names)

        values, lows, highs = np.array(
            [(accuracy.value, accuracy.low, accuracy.high) for accuracy in accuracies]
        ).T
        below, above = error(values - lows), error(highs - values)
        return Estimate(value, max(0.0, value - below), min(1.0, value + above), int(inside.sum()))


def group_accuracy(predictions: Predictions) -> dict[str, Estimate]:
    """Accuracy of each group, on the same images for every condition."""
    return predictions.by_group


def balanced_accuracy(predictions: Predictions) -> Estimate:
    """Mean accuracy of the groups.

    With equally many images per group, as in the crossed test set, that is the rate over all
    images.
    """
    return predictions.mean_of(predictions.grouping.names)


def minority_accuracy(predictions: Predictions) -> Estimate:
    """Mean accuracy of the groups of rare images."""
    return predictions.mean_of(predictions.grouping.minority)


def majority_accuracy(predictions: Predictions) -> Estimate:
    """Mean accuracy of the groups of common images."""
    return predictions.mean_of(predictions.grouping.majority)


def worst_group_accuracy(predictions: Predictions) -> Estimate:
    """Accuracy of the worst group.

    The worst of four groups is biased downwards: ``E[min] ~ p - 1.03 SE`` with ``SE = sqrt(p (1 -
    p) / n)`` of a group, 6 points with 50 images per group of which 80% are predicted correctly.
    """
    return predictions.by_group[predictions.worst_first[0]]


def logits(
    z: NDArray[np.floating], t: NDArray[np.floating], scale: float, bias: float
) -> NDArray[np.float64]:
    """Scores of images with captions, (n, E) and (K, E) to (n, K): ``scale * cosine + bias``."""
    captions = np.asarray(t, dtype=np.float64).T
    cosine = np.empty((len(z), captions.shape[1]))
    for start in range(0, len(z), BLOCK):  # a copy of all in this precision may be large
        rows = slice(start, start + BLOCK)
        cosine[rows] = np.asarray(z[rows], dtype=np.float64) @ captions
    return scale * cosine + bias


def named_objects(caption_objects: Sequence[str], objects: Sequence[str]) -> Labels:
    """The object that each caption names, (K,); ValueError when none names one of the
    objects."""
    if missing := [name for name in objects if name not in caption_objects]:
        raise ValueError(f"No caption names {missing[0]!r}, so it cannot be predicted.")
    return np.asarray(caption_objects)


def object_scores(
    logits: NDArray[np.floating], caption_objects: Sequence[str], objects: Sequence[str]
) -> NDArray[np.float64]:
    """Log scores of the objects in their order, (n, K) logits to (n, objects): logsumexp over the
    captions of each. `caption_objects` is the object that each of the K captions names; ValueError
    when none names one of them.
    """
    about = named_objects(caption_objects, objects)
    return np.stack([logsumexp(logits[:, about == name], axis=1) for name in objects], axis=1)


def predict_objects(
    logits: NDArray[np.floating], caption_objects: Sequence[str], objects: Sequence[str]
) -> Labels:
    """The object with the highest score for each image, (n,)."""
    return np.asarray(objects)[object_scores(logits, caption_objects, objects).argmax(axis=1)]


def paired_difference(first: Estimate, second: Estimate, correlation: float, n: int) -> Estimate:
    """The first rate minus the second, with the interval of paired rates (Newcombe 1998, method
    10): distances to the ends of both intervals, added as errors with the `scene_correlation` of
    the two, -1 to 1. It has a width where all images agree, as a normal one has not. `n` is the
    number of images that the difference rests on.
    """
    value = first.value - second.value

    def error(a: float, b: float) -> float:
        return float(np.sqrt(max(0.0, a**2 - 2 * correlation * a * b + b**2)))

    low = value - error(first.value - first.low, second.high - second.value)
    high = value + error(first.high - first.value, second.value - second.low)
    return Estimate(value, max(-1.0, low), min(1.0, high), n)


def scene_correlation(
    first_deviations: NDArray[np.floating], second_deviations: NDArray[np.floating], scenes: Labels
) -> float:
    """Correlation of two means over images, by deviations, (n,) each: that of sums over scenes; 0
    without spread."""
    _, scene = np.unique(scenes, return_inverse=True)
    first = np.bincount(scene, weights=first_deviations)
    second = np.bincount(scene, weights=second_deviations)
    spread = np.sqrt((first @ first) * (second @ second))
    return float(np.clip(first @ second / spread, -1, 1)) if spread > 1e-12 else 0.0


def blind_match_accuracy(frequencies: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    """How well matched pairs are told from mismatched ones by the caption alone, 0.5 where
    negatives leak no prior. Exact, for the best classifier of that kind: ``sum_k max(p_k, n_k) /
    sum_k (p_k + n_k)`` with p the captions' frequencies in matched pairs, (K,), and n in mismatched
    ones, of `weights` q(k | own), (K, K); 1 without any.
    """
    mismatched = frequencies @ weights
    return float(np.maximum(frequencies, mismatched).sum() / (frequencies + mismatched).sum())


def temperature(
    scores: NDArray[np.floating], objects: Labels, scenes: Labels, grouping: Grouping
) -> Estimate:
    """What log scores are divided by to be log probabilities (Guo et al. 2017): fitted on
    validation images, whose `object_scores`, (n, 2), true object and scene, (n,), are given; with
    a jackknife interval of its logarithm. Contrastive scores are no log posteriors: with two
    captions the best ones are twice the log odds. One number makes up for the scale of a loss and
    not for its form, so compare what is calibrated within one loss. The likelihood is of Platt's
    targets (1999), ``1 - 1 / (n + 2)`` for the true object, so that it has a greatest value where
    all are right. ValueError where a score is not finite, or those of true objects are not clearly
    higher: any would do.
    """
    first = (scores[:, 0] - scores[:, 1]).astype(np.float64)
    margin = np.where(objects == grouping.objects[0], first, -first)
    if not np.isfinite(margin).all() or mean(margin, scenes).low <= 1e-9:
        raise ValueError(
            "Scores don't tell the objects of validation images apart, so no temperature fits them."
        )
    target = 1 - 1 / (len(margin) + 2)

    def fitted(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithms of the temperature with the greatest likelihood, by bisection."""
        low, high = np.log(np.abs(margin).mean()) + np.outer((-12.0, 12.0), np.ones(len(weights)))
        for _ in range(40):
            middle = (low + high) / 2
            slope = margin * (expit(margin / np.exp(middle)[:, None]) - target)
            colder = (weights * slope).sum(axis=1) < 0
            low, high = np.where(colder, low, middle), np.where(colder, middle, high)
        return np.where(weights @ margin > 0, middle, np.nan)

    logarithm = jackknife(fitted, scenes)
    value, low, high = np.exp([logarithm.value, logarithm.low, logarithm.high]).tolist()
    return Estimate(value, low, high, logarithm.n)


def confidence(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of the predicted object, from log scores (n, objects) to (n,)."""
    return softmax(np.asarray(scores, dtype=np.float64), axis=1).max(axis=1)


def expected_calibration_error(sure: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """``sum_b n_b / n |share right - mean confidence|`` over bins of equal width (Naeini et al.
    2015; Guo et al. 2017). 0 is calibrated. Chance alone puts it above 0, more so of few images, so
    compare models on the same images, not one with 0. It has no interval: that of resamples holds
    the truth never to 40 times in 100, and freed of its bias 80 to 91 times. Of the `confidence` of
    each image and whether it was right, (n,) each."""
    # Bins are open below, as Guo's are.
    bin_index = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    return float(np.abs(np.bincount(bin_index, weights=right - sure)).sum() / len(sure))
