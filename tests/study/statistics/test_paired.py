"""Paired differences, against scipy, statsmodels and loops, and by how often they are right."""

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

from vlcore.study.statistics.paired import (
    MOST_BLOCKS,
    Status,
    blocks_to_decide,
    holm,
    paired,
    pigeonhole_interval,
    seeds_needed,
    sign_flip,
    smallest_p,
    t_interval,
)

SOME = st.lists(st.integers(-50, 50).map(lambda i: i / 100), min_size=2, max_size=9)


def noise(n: int, seed: int = 0, shift: float = 0.0, sd: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, sd, size=n)


@pytest.mark.parametrize("n", [2, 3, 6, 20])
def test_the_interval_and_p_are_those_of_a_paired_t_test(n: int) -> None:
    d = noise(n, seed=n, shift=0.05)
    found, reference = paired(d), stats.ttest_1samp(d, 0)
    low, high = reference.confidence_interval(0.95)
    assert (found.mean.value, found.mean.low, found.mean.high) == pytest.approx(
        (d.mean(), low, high)
    )
    assert (found.t_p, found.mean.n) == (pytest.approx(reference.pvalue), n)
    assert found.sd == pytest.approx(d.std(ddof=1))
    assert t_interval(d) == found.mean


@given(SOME)
def test_the_exact_test_counts_every_pattern_of_signs(d: list[float]) -> None:
    means = [
        sum(s * x for s, x in zip(signs, d, strict=True))
        for signs in itertools.product((1, -1), repeat=len(d))
    ]
    hits = sum(abs(mean) >= abs(sum(d)) - 1e-9 for mean in means)
    p, counted_on = sign_flip(d)
    assert counted_on == f"all {len(means)} sign patterns"
    assert p == pytest.approx(hits / len(means))
    assert smallest_p(len(d)) - 1e-12 <= p <= 1


def test_many_blocks_are_tested_on_random_patterns_from_a_seed() -> None:
    d = noise(22, seed=4, shift=0.05)
    p, counted_on = sign_flip(d)
    assert counted_on == "random 99,999 sign patterns"
    assert p == sign_flip(d)[0]
    halves = [
        np.array(list(itertools.product((1.0, -1.0), repeat=11))) @ part
        for part in (d[:11], d[11:])
    ]
    truth = (
        np.abs(halves[0][:, None] + halves[1][None]) >= abs(d.sum()) - 1e-12
    ).mean()  # all 2^22
    assert p == pytest.approx(truth, abs=0.004)


def test_the_smallest_p_of_each_number_of_blocks() -> None:
    for n in (2, 5, 6, 16):
        assert sign_flip(np.full(n, 0.1) + 0.01 * np.arange(n))[0] == pytest.approx(smallest_p(n))
    assert smallest_p(5) == 0.0625
    assert smallest_p(30) == sign_flip(np.ones(30))[0] == 1e-5


@pytest.mark.parametrize(
    ("value", "p"), [([0.0], 1), ([0.1 + 0.2, 0.3, 0.3], 1 / 32), ([0.3, 0.3000001], 1 / 32)]
)
def test_differences_but_for_rounding_have_no_spread_and_are_not_equivalent(
    value: list[float], p: float
) -> None:
    found = paired(np.resize(value, 6))
    assert found.p == p
    assert found.sd == 0
    assert (found.equivalence_p, found.equivalent) == (None, False)
    assert found.status(p) is (Status.NOT_DECIDED if p == 1 else Status.HIGHER)
    assert (found.mean.low, found.mean.high) == (found.mean.value, found.mean.value)
    assert (found.t_p, found.d_z) == (None, None)
    parts = ("t_p", "d_z", "equivalence_p")
    assert found.absent == dict.fromkeys(parts, "all seed pairs differ by the same")


@pytest.mark.parametrize("count", [0, 1, 2, 5, 9])
def test_holm_against_its_definition_and_statsmodels(count: int) -> None:
    p = np.random.default_rng(count).random(count) ** 3
    order = sorted(range(count), key=lambda i: p[i])
    slow = [0.0] * count
    for rank, i in enumerate(order):
        slow[i] = min(1.0, max((count - k) * p[j] for k, j in enumerate(order[: rank + 1])))
    assert holm(p.tolist()) == pytest.approx(slow)
    if count:
        assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1])


@pytest.mark.parametrize("n", [2, 6, 12, 40])
@pytest.mark.parametrize("shift", [0.0, 0.05, -0.3])
def test_the_interval_of_d_z_inverts_the_noncentral_t(n: int, shift: float) -> None:
    d = noise(n, seed=n + 1, shift=shift)
    found = paired(d).d_z
    assert found.value == pytest.approx(d.mean() / d.std(ddof=1))
    assert found.low < found.value < found.high
    t = stats.ttest_1samp(d, 0).statistic
    assert stats.nct.cdf(t, n - 1, found.low * math.sqrt(n)) == pytest.approx(0.975, abs=1e-5)
    assert stats.nct.cdf(t, n - 1, found.high * math.sqrt(n)) == pytest.approx(0.025, abs=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_far_out_the_interval_of_d_z_goes_on(sign: int) -> None:
    d = np.resize([-0.01, 0.0, 0.02], 6)  # t is 900 with a mean of 5, and 180,000
    near, far = (paired(sign * (d + shift)).d_z for shift in (5, 1000))
    ratios = [[one.low / one.value, one.high / one.value] for one in (near, far)]
    assert ratios[1] == pytest.approx(ratios[0], rel=1e-3)


@settings(max_examples=30)
@given(SOME.filter(lambda d: np.std(d) > 1e-3))
def test_the_signs_of_a_difference_only_mirror(d: list[float]) -> None:
    one, other = paired(d), paired([-x for x in d])
    assert other.mean.low == pytest.approx(-one.mean.high)
    assert (other.p, other.p_from, other.sd) == (one.p, one.p_from, pytest.approx(one.sd))
    assert other.equivalence_p == pytest.approx(one.equivalence_p)
    assert other.d_z.low == pytest.approx(-one.d_z.high, abs=1e-4)
    # The interval excludes 0 exactly where the t test's p is below 0.05.
    assert (one.mean.low > 0 or one.mean.high < 0) == (one.t_p is not None and one.t_p < 0.05)


@pytest.mark.parametrize(("shift", "sd", "n"), [(0.0, 0.02, 8), (0.04, 0.02, 12), (-0.1, 0.03, 6)])
def test_equivalence_against_statsmodels(shift: float, sd: float, n: int) -> None:
    d = noise(n, seed=n, shift=shift, sd=sd)
    p, *_ = DescrStatsW(d).ttost_mean(-0.05, 0.05)
    assert (paired(d, 0.05).equivalence_p, paired(d).equivalent) == (pytest.approx(p), p <= 0.05)
    without = paired(d, margin=None)
    assert (without.equivalence_p, without.equivalent) == (None, False)


@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan])
def test_a_margin_is_positive(margin: float) -> None:
    with pytest.raises(ValueError, match="The margin of equivalence is"):
        paired(noise(6), margin=margin)


@pytest.mark.parametrize("n", [6, 7, 12, 20])
def test_the_exact_interval_holds_what_the_exact_test_does_not_reject(n: int) -> None:
    d = noise(n)
    found = paired(d).exact
    assert found is not None
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(d.mean())
    for end, inwards in ((found.low, 1e-9), (found.high, -1e-9)):
        assert sign_flip(d - (end + inwards))[0] > 0.05 >= sign_flip(d - (end - inwards))[0]
    assert paired(noise(5)).exact is None  # nothing is rejected by five blocks


@pytest.mark.parametrize(("delta", "tests"), [(0.1, 1), (0.12, 2), (0.06, 1)])
def test_the_promised_seeds_see_the_difference_four_times_in_five(delta: float, tests: int) -> None:
    """By the rule that is used: sign flips, adjusted for the number of levels, not fewer blocks
    than can decide."""
    random, n = np.random.default_rng(6), seeds_needed(0.1, delta, 8, tests).value
    seen = [sign_flip(random.normal(delta, 0.1, size=n))[0] * tests <= 0.05 for _ in range(200)]
    assert 0.7 <= np.mean(seen) <= 0.92
    assert n >= blocks_to_decide(tests)


def test_seeds_needed_have_the_range_of_the_spread() -> None:
    few, many = seeds_needed(0.1, 0.1, 4), seeds_needed(0.1, 0.1, 100)
    assert few.value == many.value
    assert few.low <= many.low <= many.value <= many.high < few.high
    spread = 0.1 * math.sqrt(3 / stats.chi2.ppf(0.025, 3))
    assert few.high == seeds_needed(spread, 0.1, 4).value
    flat = seeds_needed(1e-3, 0.1, 8)
    assert (flat.low, flat.value, flat.high) == (6, 6, 6)
    assert seeds_needed(9.0, 0.01, 8).value == MOST_BLOCKS + 1


@pytest.mark.parametrize("ask", [paired, t_interval, sign_flip])
def test_too_few_blocks_and_missing_numbers_are_refused(
    ask: Callable[[list[float]], object],
) -> None:
    with pytest.raises(ValueError, match="needs at least two of them, and there is 1"):
        ask([0.1])
    with pytest.raises(ValueError, match="and there is none"):
        ask([])
    with pytest.raises(ValueError, match="The value of a seed pair is not a number"):
        ask([0.1, math.nan, 0.2])


@pytest.mark.parametrize(("n", "exploratory"), [(2, True), (5, True), (6, False)])
def test_five_blocks_explore_and_six_can_decide(n: int, exploratory: bool) -> None:
    assert paired(noise(n)).exploratory is exploratory
    assert (smallest_p(n) > 0.05) is exploratory


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
        rejected += sign_flip(null)[0] <= 0.05
        found = paired(null + 0.05)  # at the margin: equivalence would be an error
        covered += found.mean.low <= 0.05 <= found.mean.high
        equivalent += found.equivalent
        sized += found.d_z is not None and found.d_z.low <= 0.05 / 0.06 <= found.d_z.high
    assert 0.92 <= covered / 400 <= 0.98
    assert 0.92 <= sized / 400 <= 0.98
    assert 0.02 <= rejected / 400 <= 0.08
    assert equivalent / 400 <= 0.08


def test_everything_becomes_a_dict() -> None:
    found = paired(noise(6))
    document = found.as_dict()
    assert list(document)[:4] == ["value", "low", "high", "n"]
    assert document["n"] == 6
    assert document["p"] == found.p
    assert document["p_from"] == "all 64 sign patterns"
    assert set(document["d_z"]) == {"value", "low", "high", "n"}


def standard_error(table: np.ndarray) -> float:
    found = pigeonhole_interval(table)
    return (found.high - found.low) / 2 / 1.96


def test_what_varies_between_blocks_alone_or_scenes_alone_gives_their_own_error() -> None:
    random = np.random.default_rng(3)
    blocks, scenes = random.normal(0.1, 0.2, 40), random.normal(0.1, 0.5, 300)
    for table, values in (
        (np.tile(blocks[:, None], 50), blocks),
        (np.tile(scenes, (12, 1)), scenes),
    ):
        expected = values.std() / np.sqrt(len(values))
        assert standard_error(table) == pytest.approx(expected, rel=0.08)
        assert pigeonhole_interval(table).value == pytest.approx(values.mean())
    both = standard_error(blocks[:, None] + scenes[None, :])
    expected = np.hypot(blocks.std() / np.sqrt(40), scenes.std() / np.sqrt(300))
    assert both == pytest.approx(expected, rel=0.08)


def test_the_interval_holds_the_mean_of_all_blocks_and_scenes() -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(100):
        blocks, scenes = random.normal(0.05, 0.04, (10, 1)), random.normal(0, 0.3, (1, 200))
        found = pigeonhole_interval(blocks + scenes + random.normal(0, 0.3, (10, 200)))
        held += found.low <= 0.05 <= found.high
    assert 0.86 <= held / 100 <= 0.995, "percentiles over ten blocks are a little narrow"


def test_one_of_either_is_too_few() -> None:
    for shape in ((1, 5), (5, 1)):
        with pytest.raises(ValueError, match="two of each"):
            pigeonhole_interval(np.zeros(shape))
