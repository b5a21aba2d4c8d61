"""An estimate: a number with its confidence interval and the images that it comes from.

Images of one scene (its twins) are not independent, so every interval is built over *scenes*."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

Z95 = float(ndtri(0.975))  # scipy.stats would cost the first page 0.4 s
RESAMPLES = 200  # of a bootstrap
GROUPS = 20  # of scenes, each of which a jackknife leaves out once
Embeddings = NDArray[np.floating]
Labels = NDArray[np.str_]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # of weighted images


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval and the number of images that it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __repr__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g}), n = {self.n:,}"

    def within(self, least: float, most: float) -> "Estimate":
        """The same with an interval that excludes impossible values."""
        low, high = (min(max(end, least), most) for end in (self.low, self.high))
        return Estimate(self.value, low, high, self.n)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95% score interval of a rate (Wilson 1927); `n` may be an effective, fractional number,
    but not 0."""
    rate = successes / n
    centre = (rate + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(rate * (1 - rate) / n + Z95**2 / (4 * n**2))
    # At 0 and 1 the interval ends at the rate itself, but for the last bit.
    return min(rate, max(0.0, float(centre - half))), max(rate, min(1.0, float(centre + half)))


def rate(correct: ArrayLike, scenes: ArrayLike) -> Estimate:
    """A rate over images that belong to scenes, (n,) booleans and (n,) scene labels. The interval
    is Wilson's on the effective number of images ``p (1 - p) / SE^2``, SE taken between scenes
    (Korn and Graubard 1998); at most n, and the number of scenes where all images agree."""
    hits = np.asarray(correct, dtype=float)
    value, standard_error, clusters = _between(hits, scenes)
    n = len(hits)
    effective = float(clusters)
    if standard_error > 0:
        effective = min(float(n), value * (1 - value) / standard_error**2)
    low, high = wilson(value * effective, effective)
    return Estimate(value, low, high, n)


def mean(values: ArrayLike, scenes: ArrayLike) -> Estimate:
    """A mean over images that belong to scenes, with a normal interval from the spread between
    scenes; ValueError of one scene."""
    numbers = np.asarray(values, dtype=float)
    value, standard_error, clusters = _between(numbers, scenes)
    _check_spread(clusters)
    return Estimate(value, value - Z95 * standard_error, value + Z95 * standard_error, len(numbers))


def by_group(
    estimator: Callable[[ArrayLike, ArrayLike], Estimate],
    values: ArrayLike,
    groups: ArrayLike,
    scenes: ArrayLike,
    names: Sequence[str],
    why_not: str = "There is no held-out image of {}, so its accuracy is not defined.",
) -> dict[str, Estimate]:
    """The `rate` or `mean` of each group's images, (n,) each, in the order of the names. ValueError
    when a group has no image, which `why_not` says with ``{}`` for its name."""
    values, groups, scenes = np.asarray(values), np.asarray(groups), np.asarray(scenes)
    estimates = {}
    for name in names:
        inside = groups == name
        if not inside.any():
            raise ValueError(why_not.format(name))
        estimates[name] = estimator(values[inside], scenes[inside])
    return estimates


def bootstrap(statistic: Statistic, scenes: ArrayLike) -> Estimate:
    """A statistic of weighted images with a percentile interval over resampled scenes, (n,) labels.
    The statistic takes weights, (R, n), a row a resample, each of which sums to n, and returns (R,)
    numbers. It is NaN for a resample that it is not defined on, such as one of a few scenes that
    lacks a group; the value of all images then replaces it. ValueError of one scene.
    """
    return bootstrap_each(lambda weights: statistic(weights)[:, None], scenes)[0]


def bootstrap_each(statistics: Statistic, scenes: ArrayLike) -> list[Estimate]:
    """Several statistics of the same resamples, each as `bootstrap` makes it: weights (R, n) to
    numbers (R, k)."""
    _, index = np.unique(np.asarray(scenes), return_inverse=True)
    n, clusters = len(index), int(index.max()) + 1
    _check_spread(clusters)
    counts = _resampled(clusters)[:, index]
    weights = counts * n / counts.sum(axis=1, keepdims=True)
    values, *drawn = statistics(np.concatenate([np.ones((1, n)), weights]))
    assert not np.isnan(values).any(), "a statistic of all images is checked before"
    lows, highs = np.quantile(np.where(np.isnan(drawn), values, drawn), [0.025, 0.975], axis=0)
    # Every resample of a handful of scenes repeats some, and a rank or variance falls short of that
    # of all images.
    lows, highs = np.minimum(lows, values), np.maximum(highs, values)
    return _estimates(values, lows, highs, n)


def jackknife(statistic: Statistic, scenes: ArrayLike) -> Estimate:
    """A statistic with an interval from its values without each of `GROUPS` groups of scenes, whose
    twins stay together (Busing, Meijer and van der Leeden 1999): for statistics that are no mean
    over images, such as a silhouette, which of each image depends on all others. The interval is
    free of the bias that a variance or a rank has in small sets, so its middle is not the value,
    which it may even exclude. The statistic takes weights, (R, n), a row 0 for excluded images,
    which sums to n, and returns (R,) numbers. NaN says that without a group it is not defined; the
    value of all images then replaces it. ValueError of one scene."""
    return jackknife_each(lambda weights: statistic(weights)[:, None], scenes)[0]


def jackknife_each(statistics: Statistic, scenes: ArrayLike) -> list[Estimate]:
    """Several statistics of the same groups, each as `jackknife` makes it: weights (R, n) to
    numbers (R, k)."""
    _, index = np.unique(np.asarray(scenes), return_inverse=True)
    n, clusters = len(index), int(index.max()) + 1
    _check_spread(clusters)
    groups = min(GROUPS, clusters)
    group = (np.random.default_rng(0).permutation(clusters) % groups)[index]
    included = group != np.arange(groups)[:, None]  # (R, n)
    share = 1 - included.mean(axis=1, keepdims=True)  # of the images, in each group
    values, *without = statistics(np.concatenate([np.ones((1, n)), included / (1 - share)]))
    assert not np.isnan(values).any(), "a statistic of all images is checked before"
    partial = np.reshape(without, (-1, len(values)))
    partial = np.where(np.isnan(partial), values, partial)
    pseudo = (values - partial) * (1 - share) / share  # pseudovalues, less the value itself
    bias = -(pseudo * share).sum(axis=0)
    error = np.sqrt(((pseudo + bias) ** 2 * share / (1 - share)).sum(axis=0) / groups)
    half = stdtrit(groups - 1, 0.975) * error
    return _estimates(values, values - bias - half, values - bias + half, n)


def bounded(
    estimator: Callable[[Statistic, ArrayLike], Estimate],
    statistic: Statistic,
    scenes: ArrayLike,
    least: float,
    most: float,
) -> Estimate:
    """A statistic that has bounds, as `bootstrap` or `jackknife` estimates it; its interval goes
    from bound to bound where all images are of one scene."""
    n = len(np.asarray(scenes))
    if len(np.unique(scenes)) > 1:
        return estimator(statistic, scenes).within(least, most)
    return Estimate(float(statistic(np.ones((1, n)))[0]), least, most, n)


def _check_spread(clusters: int) -> None:
    if clusters == 1:
        raise ValueError("All images are of one scene, which says nothing of others.")


def _estimates(
    values: NDArray[np.float64], lows: NDArray[np.float64], highs: NDArray[np.float64], n: int
) -> list[Estimate]:
    ends = zip(values.tolist(), lows.tolist(), highs.tolist(), strict=True)
    return [Estimate(value, low, high, n) for value, low, high in ends]


@lru_cache(maxsize=4)  # most measures of a model are of the same scenes
def _resampled(clusters: int) -> NDArray[np.float64]:
    """How often each scene is drawn, (RESAMPLES, clusters)."""
    shares = np.full(clusters, 1 / clusters)
    return np.random.default_rng(0).multinomial(clusters, shares, RESAMPLES).astype(float)


def _between(values: NDArray[np.float64], scenes: ArrayLike) -> tuple[float, float, int]:
    """Mean, its standard error between scenes (ratio estimator), and the number of scenes."""
    if len(values) == 0:
        raise ValueError("A rate needs at least one image.")
    _, index = np.unique(np.asarray(scenes), return_inverse=True)
    clusters = int(index.max()) + 1
    value = float(values.mean())
    residuals = np.bincount(index, weights=values - value, minlength=clusters)
    if clusters == 1:
        return value, 0.0, 1
    # Rounding leaves residuals of 1e-17 where all images agree; those are no spread.
    residuals[np.abs(residuals) < 1e-12] = 0.0
    error = np.sqrt(clusters / (clusters - 1) * (residuals**2).sum()) / len(values)
    return value, float(error), clusters
