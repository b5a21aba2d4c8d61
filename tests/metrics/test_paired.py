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

from vlcore.metrics.paired import ENOUGH, Status, holm, paired, sign_flip, t_interval

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
    assert found.mean.n == n
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


@pytest.mark.parametrize(
    ("value", "p"), [([0.0], 1), ([0.1 + 0.2, 0.3, 0.3], 1 / 32), ([0.3, 0.3000001], 1 / 32)]
)
def test_differences_but_for_rounding_have_no_spread_and_are_not_equivalent(
    value: list[float], p: float
) -> None:
    found = paired(np.resize(value, 6))
    assert found.p == p
    assert found.sd == 0
    assert found.equivalence_p is None
    assert found.status(p) is (Status.NOT_DECIDED if p == 1 else Status.HIGHER)
    assert (found.mean.low, found.mean.high) == (found.mean.value, found.mean.value)


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


@settings(max_examples=30)
@given(SOME.filter(lambda d: np.std(d) > 1e-3))
def test_the_signs_of_a_difference_only_mirror(d: list[float]) -> None:
    one, other = paired(d), paired([-x for x in d])
    assert other.mean.low == pytest.approx(-one.mean.high)
    assert (other.p, other.p_from, other.sd) == (one.p, one.p_from, pytest.approx(one.sd))
    assert other.equivalence_p == pytest.approx(one.equivalence_p)


@pytest.mark.parametrize(("shift", "sd", "n"), [(0.0, 0.02, 8), (0.04, 0.02, 12), (-0.1, 0.03, 6)])
def test_equivalence_against_statsmodels(shift: float, sd: float, n: int) -> None:
    d = noise(n, seed=n, shift=shift, sd=sd)
    p, *_ = DescrStatsW(d).ttost_mean(-0.05, 0.05)
    assert paired(d, 0.05).equivalence_p == pytest.approx(p)
    assert paired(d, margin=None).equivalence_p is None


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


def test_five_blocks_decide_nothing_and_six_can() -> None:
    few, enough = (paired(noise(n, shift=1.0)) for n in (ENOUGH - 1, ENOUGH))
    assert (few.p, few.status(few.p)) == (0.0625, Status.NOT_DECIDED)
    assert few.status(0.001) is Status.NOT_DECIDED
    assert enough.status(enough.p) is Status.HIGHER


def test_how_often_the_intervals_hold_and_the_tests_err() -> None:
    """Of 400 studies with 8 blocks and a true difference of 0 or of 0.05."""
    random = np.random.default_rng(5)
    covered = rejected = equivalent = 0
    for _ in range(400):
        null = random.normal(0, 0.06, size=8)
        rejected += sign_flip(null)[0] <= 0.05
        found = paired(null + 0.05)  # at the margin: equivalence would be an error
        covered += found.mean.low <= 0.05 <= found.mean.high
        equivalent += found.equivalence_p <= 0.05
    assert 0.92 <= covered / 400 <= 0.98
    assert 0.02 <= rejected / 400 <= 0.08
    assert equivalent / 400 <= 0.08


def test_everything_becomes_a_dict() -> None:
    found = paired(noise(6))
    document = found.as_dict()
    assert list(document)[:4] == ["value", "low", "high", "n"]
    assert document["n"] == 6
    assert document["p"] == found.p
    assert document["p_from"] == "all 64 sign patterns"
    assert set(document["exact"]) == {"value", "low", "high", "n"}
