"""Paired differences between two arms of a study: an interval, an exact test, and equivalence.

The unit is a block, one pair of seeds that both arms share, and not an image. Each block gives one
difference, and everything here is computed from these few numbers."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit  # scipy.stats would cost a page 0.4 s

from vlcore.metrics.estimate import Estimate

ALPHA = 0.05
EQUIVALENCE = 0.05  # five points: what counts as no difference that matters
ENOUGH = 6  # blocks; with five the smallest exact two-sided p is 0.0625
EXACT = 20  # blocks up to which all sign patterns are counted
RANDOM_PATTERNS = 99_999
NO_SPREAD = 1e-12  # rounding leaves 1e-17 where all blocks agree, which is no spread
ALIKE = 1e-6  # and rounding to the seven digits of a table of runs leaves less than this

Differences = NDArray[np.float64]


class Status(StrEnum):
    """What is decided of a difference."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUIVALENT = "equivalent"
    NOT_DECIDED = "inconclusive"


@dataclass(frozen=True)
class Paired:
    """Statistics of n paired differences.

    Attributes:
        mean: with its t interval; `n` counts blocks.
        sd: between blocks.
        p: of the sign-flip test of no difference.
        p_from: the sign patterns that it was counted on.
        exact: the mean, with the interval of what that test does not reject; None where it has no
            ends.
        margin: what counts as no difference that matters; None where nobody can say.
        equivalence_p: of the two one-sided tests against the margin; None without a margin, or
            where all blocks differ by the same, so that nothing says how far others would.
    """

    mean: Estimate
    sd: float
    p: float
    p_from: str
    exact: Estimate | None
    margin: float | None
    equivalence_p: float | None

    def status(self, p: float, equivalence_p: float | None = None) -> Status:
        """What the difference decides at its p values, adjusted or not; too few blocks decide
        nothing."""
        if self.mean.n < ENOUGH:
            return Status.NOT_DECIDED
        if p <= ALPHA:
            return Status.HIGHER if self.mean.value > 0 else Status.LOWER
        close = self.equivalence_p if equivalence_p is None else equivalence_p
        return Status.EQUIVALENT if close is not None and close <= ALPHA else Status.NOT_DECIDED

    def as_dict(self) -> dict[str, Any]:
        """Everything, with the parts of the mean beside the rest."""
        document = asdict(self)
        mean: dict[str, Any] = document.pop("mean")
        return mean | document


def paired(differences: ArrayLike, margin: float | None = EQUIVALENCE) -> Paired:
    """Compute all statistics of the paired differences of n blocks, (n,).

    Equivalence is two one-sided t tests of ``|mean| >= margin`` (Schuirmann 1987), small where the
    difference is small.

    Raises:
        ValueError: with fewer than two blocks, on a value that is not a number, or a margin that is
            not positive.
    """
    if margin is not None and not margin > 0:
        raise ValueError(f"The margin of equivalence is {margin!r}; give a positive number.")
    d = _checked(differences)
    n, mean, spread = len(d), float(d.mean()), _sd(d)
    p, p_from = sign_flip(d)
    equivalence_p = None
    if margin is not None and spread > 0:
        equivalence_p = float(stdtr(n - 1, (abs(mean) - margin) / (spread / math.sqrt(n))))
    return Paired(t_interval(d), spread, p, p_from, _exact(d), margin, equivalence_p)


def t_interval(values: ArrayLike) -> Estimate:
    """Mean of n blocks, (n,), with its 95% t interval; ValueError with fewer than two, or one that
    is no number."""
    d = _checked(values)
    n, mean = len(d), float(d.mean())
    half = half_width(_sd(d), n)
    return Estimate(mean, mean - half, mean + half, n)


def half_width(sd: float, n: int) -> float:
    """Half the width of the 95% t interval of a mean of n blocks, two or more, with a spread `sd`
    between them."""
    return float(stdtrit(n - 1, 1 - ALPHA / 2)) * sd / math.sqrt(n)


def sign_flip(differences: ArrayLike) -> tuple[float, str]:
    """Sign-flip permutation test of a mean difference of 0, (n,): its two-sided p, and what that
    was counted on. Under no difference each block could have had the other sign. Up to `EXACT`
    blocks all 2^n patterns are counted; with more, `RANDOM_PATTERNS` seeded ones, and p is ``(1 +
    hits) / (1 + patterns)``. ValueError as `t_interval`.
    """
    d = _checked(differences)
    n = len(d)
    sums = _signed_sums(d) if n <= EXACT else _random_signs(n) @ d
    # A pattern that gives the same mean but for the order of summation is a hit.
    hits = int((np.abs(sums) >= abs(d.sum()) - NO_SPREAD * max(1.0, float(np.abs(d).sum()))).sum())
    if n <= EXACT:
        return hits / len(sums), f"all {2 * len(sums):,} sign patterns"
    return (1 + hits) / (1 + len(sums)), f"random {len(sums):,} sign patterns"


def _signed_sums(d: Differences) -> Differences:
    """The sums of n differences under half of all sign patterns, (2^(n-1),); the other half are
    their opposites."""
    sums = d[:1]
    for difference in d[1:]:
        sums = np.concatenate([sums + difference, sums - difference])
    return sums


def _exact(d: Differences) -> Estimate | None:
    """Mean with the interval of those differences that `sign_flip` does not reject at `ALPHA`: its
    ends are ordered means of subsets of blocks (Hartigan 1969)."""
    n = len(d)
    if n <= EXACT:
        means = _subset_means(d)
        beyond = int(ALPHA * 2 ** (n - 1))
    else:
        sizes = _flipped(n)
        proper = (sizes > 0) & (sizes < n)
        total, sizes = d.sum(), sizes[proper]
        sums = (total - _random_signs(n) @ d)[proper] / 2  # of the differences that are flipped
        means = np.concatenate([sums / sizes, (total - sums) / (n - sizes)])
        beyond = int(ALPHA * (1 + RANDOM_PATTERNS))
    if beyond < 1:
        return None
    ends = [beyond - 1, len(means) - beyond]
    low, high = np.partition(means, ends)[ends]
    return Estimate(float(d.mean()), float(low), float(high), n)


def _subset_means(d: Differences) -> Differences:
    """The means of all subsets of n blocks but the empty one, (n,) to (2^n - 1,)."""
    sums, sizes = np.zeros(1), np.zeros(1)
    for difference in d:
        sums = np.concatenate([sums, sums + difference])
        sizes = np.concatenate([sizes, sizes + 1])
    return np.asarray(sums[1:] / sizes[1:])


@lru_cache(2)  # of 200 blocks they take 160 MB, and a room comes by every number of blocks
def _random_signs(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).choice([-1.0, 1.0], size=(RANDOM_PATTERNS, n))


@lru_cache(2)
def _flipped(n: int) -> NDArray[np.int64]:
    """How many differences each random pattern flips."""
    return (_random_signs(n) < 0).sum(axis=1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979), in the order given."""
    # statsmodels has this too, and empties Python's garbage on every call, which takes longer than
    # a whole analysis.
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]).clip(max=1.0)
    return adjusted.tolist()


def _sd(d: Differences) -> float:
    spread = float(d.std(ddof=1))
    return 0.0 if spread <= ALIKE * max(1.0, float(np.abs(d).max())) else spread


def _checked(values: ArrayLike) -> Differences:
    d = np.asarray(values, dtype=float)
    if len(d) < 2:
        raise ValueError(
            "Uncertainty between seed pairs needs at least two of them, and there is"
            f" {len(d) or 'none'}."
        )
    if not np.isfinite(d).all():
        raise ValueError(
            "The value of a seed pair is not a number; leave out those that were not measured."
        )
    return d
