"""Paired differences, against scipy, statsmodels and plain loops, and by how often they are right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from vlcore.studies.statistics import paired as module
from vlcore.studies.statistics.paired import (
    blocks_to_decide,
    effect_size,
    holm,
    iqm,
    paired,
    seeds_needed,
    sign_flip,
    smallest_p,
    t_interval,
    tost,
)

SOME = st.lists(st.integers(-50, 50).map(lambda i: i / 100), min_size=2, max_size=9)


def noise(n: int, seed: int = 0, shift: float = 0.0, sd: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, sd, size=n)


@pytest.mark.parametrize("n", [2, 3, 6, 20])
def test_the_interval_and_p_are_those_of_a_paired_t_test(n: int) -> None:
    d = noise(n, seed=n, shift=0.05)
    found, reference = paired(d), stats.ttest_1samp(d, 0)
    low, high = reference.confidence_interval(0.95)
    assert (found.mean.value, found.mean.low, found.mean.high) == pytest.approx((d.mean(), low, high))
    assert found.t_p == pytest.approx(reference.pvalue)
    assert found.mean.n == n
    assert found.sd == pytest.approx(d.std(ddof=1))
    assert t_interval(d) == found.mean


@settings(max_examples=40)
@given(SOME)
def test_the_exact_test_counts_every_pattern_of_signs(d: list[float]) -> None:
    means = [sum(s * x for s, x in zip(signs, d, strict=True)) for signs in itertools.product((1, -1), repeat=len(d))]
    hits = sum(abs(mean) >= abs(sum(d)) - 1e-9 for mean in means)
    found = sign_flip(d)
    assert found.exact
    assert found.patterns == len(means)
    assert found.p == pytest.approx(hits / len(means))
    assert smallest_p(len(d)) - 1e-12 <= found.p <= 1


@pytest.mark.parametrize("n", [4, 8, 10])
def test_the_exact_test_against_scipy(n: int) -> None:
    d = noise(n, seed=n, shift=0.08)
    reference = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(d).p == pytest.approx(reference.pvalue)


def test_many_blocks_are_tested_on_random_patterns_from_a_seed() -> None:
    d = noise(18, seed=4, shift=0.05)
    found = sign_flip(d)
    assert not found.exact
    assert found.words == "random 99,999 sign patterns"
    assert found == sign_flip(d)
    assert found != sign_flip(d, seed=1)
    halves = [np.array(list(itertools.product((1.0, -1.0), repeat=9))) @ part for part in (d[:9], d[9:])]
    truth = (np.abs(halves[0][:, None] + halves[1][None]) >= abs(d.sum()) - 1e-12).mean()  # all 2^18
    assert found.p == pytest.approx(truth, abs=0.004)


def test_the_smallest_p_of_each_number_of_blocks() -> None:
    for n in (2, 5, 6, 16):
        assert sign_flip(np.full(n, 0.1) + 0.01 * np.arange(n)).p == pytest.approx(smallest_p(n))
    assert smallest_p(5) == 0.0625
    assert smallest_p(30) == sign_flip(np.ones(30)).p == 1e-5


def test_no_difference_at_all_has_p_1() -> None:
    found = paired(np.zeros(6))
    assert found.test.p == 1
    assert (found.mean.low, found.mean.high, found.sd) == (0, 0, 0)
    assert found.equivalence_p == 0
    assert found.equivalent
    assert found.d_z is None
    assert found.t_p is None
    assert found.absent == dict.fromkeys(("t_p", "d_z"), "all blocks differ by the same")


def test_rounding_is_no_spread() -> None:
    found = paired([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.3, 0.3])
    assert found.sd == 0
    assert found.d_z is None
    assert found.equivalence_p == 1
    with pytest.raises(ValueError, match="All blocks differ by the same"):
        effect_size([0.3] * 5)


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_holm_against_its_definition_and_statsmodels(count: int) -> None:
    p = np.random.default_rng(count).random(count) ** 3
    order = sorted(range(count), key=lambda i: p[i])
    slow = [0.0] * count
    for rank, i in enumerate(order):
        slow[i] = min(1.0, max((count - k) * p[j] for k, j in enumerate(order[: rank + 1])))
    assert holm(p.tolist()) == pytest.approx(slow)
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1])


def test_no_p_values_are_none_adjusted() -> None:
    assert holm([]) == []


@pytest.mark.parametrize("n", [2, 6, 12, 40])
@pytest.mark.parametrize("shift", [0.0, 0.05, -0.3])
def test_the_interval_of_d_z_inverts_the_noncentral_t(n: int, shift: float) -> None:
    d = noise(n, seed=n + 1, shift=shift)
    found = effect_size(d)
    assert found.value == pytest.approx(d.mean() / d.std(ddof=1))
    assert found.low < found.value < found.high
    t = stats.ttest_1samp(d, 0).statistic
    assert stats.nct.cdf(t, n - 1, found.low * math.sqrt(n)) == pytest.approx(0.975, abs=1e-5)
    assert stats.nct.cdf(t, n - 1, found.high * math.sqrt(n)) == pytest.approx(0.025, abs=1e-5)


@settings(max_examples=30)
@given(SOME.filter(lambda d: np.std(d) > 1e-3))
def test_the_signs_of_a_difference_only_mirror(d: list[float]) -> None:
    one, other = paired(d), paired([-x for x in d])
    assert other.mean.low == pytest.approx(-one.mean.high)
    assert (other.test, other.sd) == (one.test, pytest.approx(one.sd))
    assert other.equivalence_p == pytest.approx(one.equivalence_p)
    assert one.d_z is not None
    assert other.d_z is not None
    assert other.d_z.low == pytest.approx(-one.d_z.high, abs=1e-4)
    # The interval excludes 0 exactly where the t test's p is below 0.05.
    assert (one.mean.low > 0 or one.mean.high < 0) == (one.t_p is not None and one.t_p < 0.05)


@pytest.mark.parametrize(("shift", "sd", "n"), [(0.0, 0.02, 8), (0.04, 0.02, 12), (-0.1, 0.03, 6)])
def test_equivalence_against_statsmodels(shift: float, sd: float, n: int) -> None:
    d = noise(n, seed=n, shift=shift, sd=sd)
    p, *_ = DescrStatsW(d).ttost_mean(-0.05, 0.05)
    assert tost(d, 0.05) == pytest.approx(p)
    assert paired(d).equivalent == (p <= 0.05)


def test_without_a_margin_there_is_no_equivalence() -> None:
    found = paired(noise(8), margin=None)
    assert found.equivalence_p is None
    assert not found.equivalent


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan])
def test_a_margin_is_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="The margin of equivalence is"):
        paired(noise(6), margin=margin)


@pytest.mark.parametrize(
    ("sd", "delta", "seeds"),
    [
        (0.157, 0.05, 80), (0.157, 0.10, 22), (0.157, 0.20, 7), (0.052, 0.05, 11), (0.052, 0.10, 5), (0.052, 0.20, 4),
        (0.194, 0.05, 121), (0.063, 0.05, 15), (0.026, 0.05, 5), (0.0, 0.05, 4),
    ],
)  # fmt: skip
def test_seeds_needed_as_in_the_design(sd: float, delta: float, seeds: int) -> None:
    assert seeds_needed(sd, delta) == seeds


@pytest.mark.parametrize(("sd", "delta"), [(-0.1, 0.05), (0.1, 0.0), (math.nan, 0.1)])
def test_no_number_of_seeds_for_nonsense(sd: float, delta: float) -> None:
    with pytest.raises(ValueError, match="ask for no number of seeds"):
        seeds_needed(sd, delta)


@pytest.mark.parametrize("shape", [(8,), (6, 4), (5, 3)])
def test_the_interquartile_mean_drops_a_quarter_at_each_end(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    ordered = sorted(values.ravel())
    cut = len(ordered) // 4
    found = iqm(values)
    assert found.value == pytest.approx(sum(ordered[cut : len(ordered) - cut]) / (len(ordered) - 2 * cut))
    assert found.low < found.value < found.high
    assert found.n == shape[0]


def test_the_interquartile_mean_resamples_whole_blocks() -> None:
    """Levels that repeat each other add no information: the interval stays as wide as that of one."""
    column = np.random.default_rng(2).normal(size=12)
    alone, repeated = iqm(column), iqm(np.repeat(column[:, None], 4, axis=1))
    assert (repeated.value, repeated.low, repeated.high) == pytest.approx((alone.value, alone.low, alone.high))


def test_one_wild_run_hardly_moves_the_interquartile_mean() -> None:
    tame = np.linspace(0.7, 0.8, 8)
    wild = tame.copy()
    wild[-1] = 0.0
    assert abs(iqm(wild).value - iqm(tame).value) < 0.03 < tame.mean() - wild.mean()


@pytest.mark.parametrize("ask", [paired, t_interval, sign_flip, effect_size, tost, iqm])
def test_too_few_blocks_and_missing_numbers_are_refused(ask: Callable[[list[float]], object]) -> None:
    with pytest.raises(ValueError, match="needs at least two blocks, and there is 1"):
        ask([0.1])
    with pytest.raises(ValueError, match="and there is none"):
        ask([])
    with pytest.raises(ValueError, match="The value of a block is not a number"):
        ask([0.1, math.nan, 0.2])


@pytest.mark.parametrize(("n", "exploratory"), [(2, True), (5, True), (6, False)])
def test_five_blocks_explore_and_six_can_decide(n: int, exploratory: bool) -> None:
    assert paired(noise(n)).exploratory is exploratory
    assert (smallest_p(n) > module.ALPHA) is exploratory


@pytest.mark.parametrize("tests", [1, 2, 4, 5, 7])
def test_blocks_to_decide_are_as_few_as_can_be(tests: int) -> None:
    n = blocks_to_decide(tests)
    assert smallest_p(n) * tests <= 0.05
    assert n == 6 or smallest_p(n - 1) * tests > 0.05


def test_how_often_the_intervals_hold_and_the_tests_err() -> None:
    """Of 400 studies with 8 blocks and a true difference of 0 or of 0.05."""
    random = np.random.default_rng(5)
    covered = rejected = equivalent = sized = 0
    for _ in range(400):
        null = random.normal(0, 0.06, size=8)
        rejected += sign_flip(null).p <= 0.05
        found = paired(null + 0.05)  # at the margin: equivalence would be an error
        covered += found.mean.low <= 0.05 <= found.mean.high
        equivalent += found.equivalent
        sized += found.d_z is not None and found.d_z.low <= 0.05 / 0.06 <= found.d_z.high
    assert 0.92 <= covered / 400 <= 0.98
    assert 0.92 <= sized / 400 <= 0.98
    assert 0.02 <= rejected / 400 <= 0.08
    assert equivalent / 400 <= 0.08


def test_the_promised_seeds_see_the_difference_four_times_in_five() -> None:
    random, n = np.random.default_rng(6), seeds_needed(0.1, 0.1)
    seen = [stats.ttest_1samp(random.normal(0.1, 0.1, size=n), 0).pvalue <= 0.05 for _ in range(400)]
    assert 0.72 <= np.mean(seen) <= 0.9


def test_everything_becomes_a_dict() -> None:
    document = paired(noise(6)).as_dict()
    assert document["p_from"] == "all 64 sign patterns"
    assert document["n"] == 6
    assert set(document["d_z"]) == {"value", "low", "high", "n"}
    assert paired([0.5, 0.5]).as_dict()["d_z"] is None
