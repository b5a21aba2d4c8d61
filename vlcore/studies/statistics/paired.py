"""Paired differences between two arms of a study: an interval, an exact test, a size, and when there is no difference.

The unit is a block, one pair of seeds that both arms share, and not an image. Each block gives one
difference, and everything here is computed from these few numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import nctdtrinc, stdtr, stdtrit  # scipy.stats would cost a page 0.4 s

from vlcore.measures.estimate import Estimate

ALPHA = 0.05
MARGIN = 0.05  # five points: what counts as no difference that matters
ENOUGH = 6  # blocks; with five the smallest exact two-sided p is 0.0625
EXACT = 16  # blocks up to which all sign patterns are counted
RANDOM_PATTERNS = 99_999
NO_SPREAD = 1e-12  # rounding leaves differences of 1e-17 where all blocks agree; those are no spread

Differences = NDArray[np.float64]


class Status(StrEnum):
    """What numbers decide: of a difference higher, lower or equivalent; of a claim supported, contradicted or depends
    on; of either not decided."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUIVALENT = "equivalent"
    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    DEPENDS = "depends on"
    NOT_DECIDED = "not decided"


@dataclass(frozen=True)
class SignFlip:
    """Two-sided p of a sign-flip test, and the number of sign patterns that it was counted on."""

    p: float
    patterns: int
    exact: bool

    @property
    def words(self) -> str:
        return f"{'all' if self.exact else 'random'} {self.patterns:,} sign patterns"


@dataclass(frozen=True)
class Paired:
    """What n paired differences say.

    Attributes:
        mean: mean difference with its t interval; `n` counts blocks.
        sd: standard deviation between blocks.
        test: sign-flip test of no difference.
        t_p: p of the paired t test; None where it is not defined.
        d_z: mean over standard deviation, with its interval; None where it is not defined.
        margin: what counts as no difference that matters; None where nobody can say.
        equivalence_p: p of the two one-sided tests against the margin; None without a margin.
        absent: why something is None, by name.
    """

    mean: Estimate
    sd: float
    test: SignFlip
    t_p: float | None
    d_z: Estimate | None
    margin: float | None
    equivalence_p: float | None
    absent: dict[str, str] = field(default_factory=dict)

    @property
    def exploratory(self) -> bool:
        """Too few blocks to decide anything, whatever they say."""
        return self.mean.n < ENOUGH

    @property
    def equivalent(self) -> bool:
        """Whether the difference is shown to be smaller than the margin."""
        return self.equivalence_p is not None and self.equivalence_p <= ALPHA

    def status(self, p: float) -> Status:
        """What the difference decides at its p, adjusted or not; one that is shown counts before one that is shown to
        be small, and too few blocks decide nothing."""
        if self.exploratory:
            return Status.NOT_DECIDED
        if p <= ALPHA:
            return Status.HIGHER if self.mean.value > 0 else Status.LOWER
        return Status.EQUIVALENT if self.equivalent else Status.NOT_DECIDED

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.mean.as_dict(),
            "sd": self.sd,
            "p": self.test.p,
            "p_from": self.test.words,
            "t_p": self.t_p,
            "d_z": None if self.d_z is None else self.d_z.as_dict(),
            "margin": self.margin,
            "equivalence_p": self.equivalence_p,
            "equivalent": self.equivalent,
            "exploratory": self.exploratory,
            "absent": self.absent,
        }


def paired(differences: ArrayLike, margin: float | None = MARGIN) -> Paired:
    """Everything that the paired differences of n blocks, (n,), say.

    Raises:
        ValueError: with fewer than two blocks, on a value that is not a number, or a margin that is not positive.
    """
    d = _checked(differences)
    spread = _sd(d)
    same = "all blocks differ by the same" if spread == 0 else ""
    return Paired(
        mean=t_interval(d),
        sd=spread,
        test=sign_flip(d),
        t_p=None if same else float(2 * stdtr(len(d) - 1, -abs(float(d.mean())) / (spread / math.sqrt(len(d))))),
        d_z=None if same else effect_size(d),
        margin=margin,
        equivalence_p=None if margin is None else tost(d, margin),
        absent=dict.fromkeys(("t_p", "d_z"), same) if same else {},
    )


def t_interval(values: ArrayLike) -> Estimate:
    """Mean of the values of n blocks, (n,), with its 95 % t interval.

    Raises:
        ValueError: with fewer than two blocks, or on a value that is not a number.
    """
    d = _checked(values)
    n, mean = len(d), float(d.mean())
    half = float(stdtrit(n - 1, 1 - ALPHA / 2)) * _sd(d) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n)


def sign_flip(differences: ArrayLike, seed: int = 0) -> SignFlip:
    """Sign-flip permutation test of a mean difference of 0, two-sided, (n,).

    Under no difference each block could as well have had the other sign. Up to `EXACT` blocks all 2^n patterns are
    counted; with more, `RANDOM_PATTERNS` seeded ones, and p is ``(1 + hits) / (1 + patterns)``.

    Raises:
        ValueError: with fewer than two blocks, or on a value that is not a number.
    """
    d = _checked(differences)
    exact = len(d) <= EXACT
    signs = (
        _all_signs(len(d)) if exact else np.random.default_rng(seed).choice([-1.0, 1.0], size=(RANDOM_PATTERNS, len(d)))
    )
    # A pattern that gives the same mean but for the order of summation is a hit.
    hits = int((np.abs(signs @ d) >= abs(d.sum()) - NO_SPREAD * max(1.0, float(np.abs(d).sum()))).sum())
    if exact:
        return SignFlip(hits / len(signs), 2 * len(signs), True)
    return SignFlip((1 + hits) / (1 + len(signs)), len(signs), False)


@cache
def _all_signs(n: int) -> NDArray[np.float64]:
    """Half of all sign patterns, (2^(n-1), n); the other half are their opposites, with the same absolute means."""
    patterns = np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1
    return np.asarray(1 - 2 * patterns, dtype=np.float64)


def smallest_p(n: int) -> float:
    """The smallest two-sided p that a sign-flip test of n blocks can give."""
    return 2.0 / 2**n if n <= EXACT else 1 / (1 + RANDOM_PATTERNS)


def blocks_to_decide(tests: int) -> int:
    """Blocks with which Holm's adjustment over so many tests can leave a p significant, at least `ENOUGH`."""
    return max(ENOUGH, math.ceil(math.log2(2 * tests / ALPHA)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979), in the order given."""
    # statsmodels has this too, and empties Python's garbage on every call, which takes longer than a whole analysis.
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]).clip(max=1.0)
    return [float(one) for one in adjusted]


def effect_size(differences: ArrayLike) -> Estimate:
    """``d_z``, the mean over the standard deviation of n differences, with its 95 % interval.

    The interval inverts the noncentral t distribution (Cumming and Finch 2001).

    Raises:
        ValueError: with fewer than two blocks, or where all blocks differ by the same.
    """
    d = _checked(differences)
    n, spread = len(d), _sd(d)
    if spread == 0:
        raise ValueError("All blocks differ by the same, so the size of the effect in their spread is not defined.")
    value = float(d.mean()) / spread
    t = value * math.sqrt(n)
    low, high = (float(nctdtrinc(n - 1, p, t)) / math.sqrt(n) for p in (1 - ALPHA / 2, ALPHA / 2))
    return Estimate(value, low, high, n)


def tost(differences: ArrayLike, margin: float = MARGIN) -> float:
    """p of two one-sided t tests of ``|mean| >= margin`` (Schuirmann 1987): small where the difference is small.

    Raises:
        ValueError: with fewer than two blocks, or a margin that is not positive.
    """
    if not margin > 0:
        raise ValueError(f"The margin of equivalence is {margin!r}; give a positive number.")
    d = _checked(differences)
    n, spread, mean = len(d), _sd(d), float(d.mean())
    if spread == 0:
        return 0.0 if abs(mean) < margin else 1.0
    return float(stdtr(n - 1, (abs(mean) - margin) / (spread / math.sqrt(n))))


def seeds_needed(sd: float, delta: float) -> int:
    """Blocks that see a difference of `delta` with power 0.8 at 0.05: ``(2.8 sd / delta)^2 + 2``, at least 4.

    Args:
        sd: standard deviation of the paired differences.
        delta: difference to be seen, in the same unit.

    Raises:
        ValueError: when `sd` is negative or `delta` not positive.
    """
    if not (sd >= 0 and delta > 0):
        raise ValueError(f"A spread of {sd!r} and a difference of {delta!r} ask for no number of seeds.")
    return max(4, math.ceil((2.8 * sd / delta) ** 2 + 2))


def iqm(values: ArrayLike, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Interquartile mean of blocks by levels, (n, levels) or (n,), with a bootstrap interval (Agarwal et al. 2021).

    The mean of the middle half of all values. Whole blocks are resampled: each level keeps its n values, as in a
    stratified bootstrap, and the levels of a block stay together, because they share their seeds.

    Raises:
        ValueError: with fewer than two blocks, or on a value that is not a number.
    """
    from scipy.stats import trim_mean

    table = _checked(values)
    table = table.reshape(len(table), -1)
    n = len(table)
    drawn = table[np.random.default_rng(seed).integers(n, size=(resamples, n))].reshape(resamples, -1)
    low, high = np.quantile(trim_mean(drawn, 0.25, axis=1), [ALPHA / 2, 1 - ALPHA / 2])
    value = float(trim_mean(table, 0.25, axis=None))
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def _sd(d: Differences) -> float:
    spread = float(d.std(ddof=1))
    return 0.0 if spread <= NO_SPREAD * max(1.0, float(np.abs(d).max())) else spread


def _checked(values: ArrayLike) -> Differences:
    d = np.asarray(values, dtype=float)
    if len(d) < 2:
        raise ValueError(f"Uncertainty between blocks needs at least two blocks, and there is {len(d) or 'none'}.")
    if not np.isfinite(d).all():
        raise ValueError("The value of a block is not a number; leave out the blocks that were not measured.")
    return d
