"""An estimate: a number with its confidence interval and the images that it comes from.

Images of one scene (its twins) are not independent, so every interval is built over *scenes*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Z95 = float(ndtri(0.975))  # scipy.stats would cost the first page 0.4 s


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval and the number of images that it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __repr__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g}), n = {self.n:,}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a rate (Wilson 1927); `n` may be an effective, fractional number.

    Raises:
        ValueError: when `n` is not positive.
    """
    if n <= 0:
        raise ValueError("A rate needs at least one image.")
    rate = successes / n
    centre = (rate + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(rate * (1 - rate) / n + Z95**2 / (4 * n**2))
    # At 0 and 1 the interval ends at the rate itself, but for the last bit.
    return min(rate, max(0.0, float(centre - half))), max(rate, min(1.0, float(centre + half)))


def rate(correct: ArrayLike, scenes: ArrayLike) -> Estimate:
    """A rate over images that belong to scenes, (n,) booleans and (n,) scene labels.

    The interval is Wilson's on the effective number of images ``p (1 - p) / SE^2``, SE taken between scenes
    (Korn and Graubard 1998); at most n, and the number of scenes where all images agree.
    """
    hits = np.asarray(correct, dtype=float)
    value, standard_error, clusters = _between(hits, scenes)
    n = len(hits)
    effective = float(clusters) if standard_error == 0 else min(float(n), value * (1 - value) / standard_error**2)
    low, high = wilson(value * effective, effective)
    return Estimate(value, low, high, n)


def mean(values: ArrayLike, scenes: ArrayLike) -> Estimate:
    """A mean over images that belong to scenes, with a normal interval from the spread between scenes."""
    numbers = np.asarray(values, dtype=float)
    value, standard_error, _ = _between(numbers, scenes)
    return Estimate(value, value - Z95 * standard_error, value + Z95 * standard_error, len(numbers))


def by_group(
    of: Callable[[ArrayLike, ArrayLike], Estimate],
    values: ArrayLike,
    groups: ArrayLike,
    scenes: ArrayLike,
    names: Sequence[str],
    why_not: str = "There is no held-out image of {}, so its accuracy is not defined.",
) -> dict[str, Estimate]:
    """The rate or mean of each group's images, (n,) each.

    Args:
        of: `rate` or `mean`.
        values: of the images.
        groups: group of each image.
        scenes: scene of each image.
        names: the groups, in this order.
        why_not: what is said of a group that no image shows, with ``{}`` for its name.

    Raises:
        ValueError: when a group has no image.
    """
    numbers, group, scene = (np.asarray(column) for column in (values, groups, scenes))
    for name in names:
        if not (group == name).any():
            raise ValueError(why_not.format(name))
    return {name: of(numbers[group == name], scene[group == name]) for name in names}


def bootstrap(
    statistic: Callable[[NDArray[np.float64]], float | None], scenes: ArrayLike, resamples: int = 200, seed: int = 0
) -> Estimate:
    """A statistic of weighted images with a percentile interval over resampled scenes.

    Args:
        statistic: takes one weight an image, (n,), that sum to n; None of a resample that says nothing, such as one of
            a few scenes that lacks a group. The value of the whole then stands for it.
        scenes: scene label of each image, (n,).
        resamples: number of resampled sets.
        seed: of the resampling.
    """
    _, index = np.unique(np.asarray(scenes), return_inverse=True)
    clusters, n = int(index.max()) + 1, len(index)
    random = np.random.default_rng(seed)
    value = statistic(np.ones(n))
    assert value is not None, "a statistic of the whole is checked before"
    drawn = [
        value if (found := statistic(weights[index] * n / weights[index].sum())) is None else found
        for weights in random.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(float)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    # Of a handful of scenes every resample repeats some, and a rank or variance falls short of that of the whole.
    return Estimate(value, min(float(low), value), max(float(high), value), n)


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
