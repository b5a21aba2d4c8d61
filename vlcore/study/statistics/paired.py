"""Paired differences between two arms of a study: an interval, an exact test, a size, and when
there is no difference.

The unit is a block, one pair of seeds that both arms share, and not an image. Each block gives one
difference, and everything here is computed from these few numbers."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, nctdtrinc, stdtr, stdtrit  # scipy.stats would cost a page 0.4 s

from vlcore.metrics.estimate import Estimate

ALPHA = 0.05
EQUIVALENCE = 0.05  # five points: what counts as no difference that matters
ENOUGH = 6  # blocks; with five the smallest exact two-sided p is 0.0625
EXACT = 20  # blocks up to which all sign patterns are counted
RANDOM_PATTERNS = 99_999
RESAMPLES = 2000  # of seed pairs and scenes
SIMULATED = 1000  # sets of blocks, of which the power of the exact test is counted
POWER = 0.8
MOST_BLOCKS = 2000  # that are looked at for a power; one more stands for more than that
NO_SPREAD = 1e-12  # rounding leaves 1e-17 where all blocks agree, which is no spread
ALIKE = 1e-6  # and rounding to the seven digits of a table of runs leaves less than this
# a t from which on the noncentral t distribution is taken for its limit; scipy never returns from
# 1e6
FAR = 1e3

Differences = NDArray[np.float64]


class Status(StrEnum):
    """What is decided of a difference (higher, lower, equivalent), a claim (supported and so on),
    or either."""

    HIGHER = "higher"
    LOWER = "lower"
    EQUIVALENT = "equivalent"
    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    DEPENDS = "depends on"
    NOT_DECIDED = "not decided"


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
        t_p: of the paired t test; None where it is not defined.
        d_z: mean over standard deviation; None where it is not defined.
        margin: what counts as no difference that matters; None where nobody can say.
        equivalence_p: of the two one-sided tests against the margin; None where it is not defined.
        equivalent: whether the difference is shown to be smaller than the margin.
        exploratory: whether the blocks are too few to decide anything.
        absent: why something is None, by name.
    """

    mean: Estimate
    sd: float
    p: float
    p_from: str
    exact: Estimate | None
    t_p: float | None
    d_z: Estimate | None
    margin: float | None
    equivalence_p: float | None
    equivalent: bool
    exploratory: bool
    absent: dict[str, str]

    def status(self, p: float, equivalence_p: float | None = None) -> Status:
        """What the difference decides at its p values, adjusted or not; too few blocks decide
        nothing."""
        if self.exploratory:
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

    The interval of ``d_z`` inverts the noncentral t distribution (Cumming and Finch 2001);
    equivalence is two one-sided t tests of ``|mean| >= margin`` (Schuirmann 1987), small where the
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
    error = spread / math.sqrt(n)
    t_p = d_z = equivalence_p = None
    absent = {}
    if spread > 0:
        t_p = float(2 * stdtr(n - 1, -abs(mean) / error))
        size = mean / spread
        t, ends = size * math.sqrt(n), (1 - ALPHA / 2, ALPHA / 2)
        low, high = (_noncentrality(n - 1, end, t) / math.sqrt(n) for end in ends)
        d_z = Estimate(size, low, high, n)
        if margin is not None:
            equivalence_p = float(stdtr(n - 1, (abs(mean) - margin) / error))
    else:
        # Nothing then says how far other seed pairs would differ.
        absent = dict.fromkeys(("t_p", "d_z", "equivalence_p"), "all seed pairs differ by the same")
    return Paired(
        mean=t_interval(d),
        sd=spread,
        p=p,
        p_from=p_from,
        exact=_exact(d),
        t_p=t_p,
        d_z=d_z,
        margin=margin,
        equivalence_p=equivalence_p,
        equivalent=equivalence_p is not None and equivalence_p <= ALPHA,
        exploratory=n < ENOUGH,
        absent=absent,
    )


def t_interval(values: ArrayLike) -> Estimate:
    """Mean of n blocks, (n,), with its 95 % t interval; ValueError with fewer than two, or one that
    is no number."""
    d = _checked(values)
    n, mean = len(d), float(d.mean())
    half = half_width(_sd(d), n)
    return Estimate(mean, mean - half, mean + half, n)


def half_width(sd: float, n: int) -> float:
    """Half the width of the 95 % t interval of a mean of n blocks, two or more, with a spread `sd`
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
    """The means of all subsets of n blocks but the empty one, (..., n) to (..., 2^n - 1)."""
    sums, sizes = np.zeros((*d.shape[:-1], 1)), np.zeros(1)
    for block in range(d.shape[-1]):
        sums = np.concatenate([sums, sums + d[..., block, None]], axis=-1)
        sizes = np.concatenate([sizes, sizes + 1])
    return np.asarray(sums[..., 1:] / sizes[1:])


@lru_cache(2)  # of 200 blocks they take 160 MB, and a room comes by every number of blocks
def _random_signs(n: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).choice([-1.0, 1.0], size=(RANDOM_PATTERNS, n))


@lru_cache(2)
def _flipped(n: int) -> NDArray[np.int64]:
    """How many differences each random pattern flips."""
    return (_random_signs(n) < 0).sum(axis=1)


def smallest_p(n: int) -> float:
    """The smallest two-sided p that a sign-flip test of n blocks can give."""
    return 2.0 / 2**n if n <= EXACT else 1 / (1 + RANDOM_PATTERNS)


def blocks_to_decide(tests: int) -> int:
    """Blocks with which Holm's adjustment over so many tests can leave a p significant, at least
    `ENOUGH`."""
    return max(ENOUGH, math.ceil(math.log2(2 * tests / ALPHA)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number (Holm 1979), in the order given."""
    # statsmodels has this too, and empties Python's garbage on every call, which takes longer than
    # a whole analysis.
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]).clip(max=1.0)
    return adjusted.tolist()


@dataclass(frozen=True)
class SeedsNeeded:
    """Blocks that see a difference with power `POWER`, and how many if the spread between blocks,
    which is known from few, is that of either end of its 95 % interval."""

    value: int
    low: int
    high: int


def seeds_needed(sd: float, delta: float, blocks: int, tests: int = 1) -> SeedsNeeded:
    """Blocks with which the sign-flip test, adjusted for so many tests, sees a difference of
    `delta`; `sd`, above 0, is the standard deviation of the paired differences of so many
    blocks."""
    ends = (
        sd * math.sqrt((blocks - 1) / float(chdtri(blocks - 1, end)))
        for end in (ALPHA / 2, 1 - ALPHA / 2)
    )
    effects = _smallest_effects(tests)
    seen = (np.append(effects, 0.0) <= delta / spread for spread in (sd, *ends))
    return SeedsNeeded(*(int(np.argmax(enough)) + ENOUGH for enough in seen))


@cache
def _smallest_effects(tests: int) -> NDArray[np.float64]:
    """The difference in standard deviations that the test sees with power `POWER`, from `ENOUGH`
    blocks on to `MOST_BLOCKS`; infinite where its smallest p is too large. Up to 12 blocks it is
    simulated, for there the test is coarser than the t test, whose power stands for it from there
    on."""
    alpha, simulated = ALPHA / tests, []
    for n in range(ENOUGH, 13):
        beyond = int(alpha * 2 ** (n - 1))
        if beyond < 1:
            simulated.append(math.inf)
            continue
        sets = np.random.default_rng(0).normal(size=(SIMULATED, n))
        # A set is rejected once its lower end is above 0.
        lower = np.partition(_subset_means(sets), beyond - 1, axis=1)[:, beyond - 1]
        simulated.append(float(np.quantile(-lower, POWER)))
    many = np.arange(13, MOST_BLOCKS + 1)
    of_t = nctdtrinc(many - 1, 1 - POWER, stdtrit(many - 1, 1 - alpha / 2)) / np.sqrt(many)
    return np.concatenate([simulated, of_t])


def _noncentrality(freedom: int, p: float, t: float) -> float:
    """The noncentrality under which a share p of noncentral t values is below t; far out they are
    it over the root of a mean square, whose distribution is that of chi squared over its degrees of
    freedom."""
    if abs(t) < FAR:
        return float(nctdtrinc(freedom, p, t))
    upper = p if t > 0 else 1 - p
    return t * math.sqrt(float(chdtri(freedom, upper)) / freedom)


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


def pigeonhole_interval(differences: NDArray[np.floating]) -> Estimate:
    """Mean over blocks and scenes, with the interval of the pigeonhole bootstrap (Owen 2007).

    Args:
        differences: (blocks, scenes).

    Returns:
        The mean with a percentile interval that draws blocks and scenes anew at once, a little too
        wide where neither matters alone; `n` is the number of blocks.

    Raises:
        ValueError: with fewer than two blocks or scenes.
    """
    blocks, scenes = differences.shape
    if min(blocks, scenes) < 2:
        raise ValueError(
            f"An interval over seed pairs and scenes needs two of each; there are {blocks} and"
            f" {scenes}."
        )
    random = np.random.default_rng(0)
    # (resamples, blocks) and (resamples, scenes)
    block_weights = random.multinomial(blocks, np.full(blocks, 1 / blocks), RESAMPLES) / blocks
    scene_weights = random.multinomial(scenes, np.full(scenes, 1 / scenes), RESAMPLES) / scenes
    means = ((block_weights @ differences) * scene_weights).sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(differences.mean()), float(low), float(high), blocks)
