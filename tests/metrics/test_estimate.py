"""Numbers with their uncertainty, against the equations they come from and against plain loops."""

import math
from collections import defaultdict

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from vlcore.metrics.estimate import bootstrap, bounded, by_group, jackknife, mean, rate, wilson

# Images with the scene that each shows.
OUTCOMES = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40)


def standard_error(values: list[float], scenes: list[int]) -> float:
    """Standard error of a mean over clusters (ratio estimator), the long way."""
    centre = sum(values) / len(values)
    residuals: dict[int, float] = defaultdict(float)
    for value, scene in zip(values, scenes, strict=True):
        residuals[scene] += value - centre
    clusters = len(residuals)
    if clusters == 1:
        return 0.0
    return math.sqrt(clusters / (clusters - 1) * sum(r * r for r in residuals.values())) / len(
        values
    )


@pytest.mark.parametrize("n", [1, 2, 7, 48, 500, 2000, 12.5])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.99, 1.0])
def test_the_ends_of_wilsons_interval_solve_the_score_equation(n: float, share: float) -> None:
    low, high = wilson(share * n, n)

    def score(p: float) -> float:
        return (share - p) ** 2 - 1.959963984540054**2 * p * (1 - p) / n

    # The rate itself lies between the two roots; at 0 and 1 it is one of them.
    assert low == pytest.approx(
        brentq(score, 0, share - 1e-9, xtol=1e-14) if share > 0 else 0, abs=1e-8
    )
    assert high == pytest.approx(
        brentq(score, share + 1e-9, 1, xtol=1e-14) if share < 1 else 1, abs=1e-8
    )


@given(st.integers(1, 10_000), st.data())
def test_a_rate_is_inside_its_interval_and_both_are_inside_0_to_1(
    n: int, data: st.DataObject
) -> None:
    successes = data.draw(st.integers(0, n) | st.sampled_from([0, n]))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)
    wider = wilson(successes / 2, n / 2)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12


@given(OUTCOMES)
def test_a_rate_against_a_loop(outcomes: list[tuple[bool, int]]) -> None:
    right, scenes = [hit for hit, _ in outcomes], [scene for _, scene in outcomes]
    estimate = rate(right, [f"scene {scene}" for scene in scenes])
    share = sum(right) / len(right)
    error = standard_error([float(hit) for hit in right], scenes)
    effective = (
        len(set(scenes)) if error < 1e-12 else min(len(right), share * (1 - share) / error**2)
    )
    low, high = wilson(share * effective, effective)
    assert estimate.n == len(right)
    assert estimate.value == share
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-9)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 5)), min_size=2, max_size=30).filter(
        lambda pairs: len({scene for _, scene in pairs}) > 1
    )
)
def test_a_mean_against_a_loop(pairs: list[tuple[float, int]]) -> None:
    values, scenes = [value for value, _ in pairs], [scene for _, scene in pairs]
    estimate = mean(values, scenes)
    centre, error = sum(values) / len(values), standard_error(values, scenes)
    assert estimate.n == len(values)
    assert estimate.value == pytest.approx(centre, abs=1e-9)
    assert estimate.low == pytest.approx(centre - 1.959963984540054 * error, abs=1e-9)
    assert estimate.high == pytest.approx(centre + 1.959963984540054 * error, abs=1e-9)
    assert estimate.low <= estimate.value <= estimate.high


def test_groups_are_estimated_apart_in_the_order_of_their_names() -> None:
    values, groups, scenes = [1.0, 3.0, 5.0, 2.0, 7.0], ["a", "b", "a", "c", "b"], [0, 1, 2, 3, 4]
    found = by_group(mean, values, groups, scenes, ["b", "a"])
    assert list(found.items()) == [("b", mean([3.0, 7.0], [1, 4])), ("a", mean([1.0, 5.0], [0, 2]))]
    with pytest.raises(ValueError, match="no d here"):
        by_group(mean, values, groups, scenes, ["a", "d"], "no {} here")


def test_the_whole_stands_for_a_resample_that_says_nothing() -> None:
    values = np.arange(4.0)

    found, missed = (
        bootstrap(
            lambda weights, else_=else_: np.where(weights[:, 0] > 0, weights @ values, else_),
            np.arange(4),
        )
        for else_ in (np.nan, 6.0)
    )
    assert (found.value, found) == (6, missed)


@pytest.mark.parametrize(("scenes", "twins"), [(20, 1), (100, 4), (7, 3), (33, 2)])
def test_a_jackknife_against_its_formula(scenes: int, twins: int) -> None:
    """Of values to the fourth, group after group left out; the weights say which scenes are in a
    group."""
    names, seen = np.repeat([f"s{i}" for i in range(scenes)], twins), []
    values = np.random.default_rng(scenes).gamma(2.0, size=scenes)[
        np.arange(scenes * twins) // twins
    ]

    def fourth(weights: np.ndarray) -> np.ndarray:
        seen.append(weights)
        return (weights @ values / len(values)) ** 4

    found = jackknife(fourth, names)
    _, *without = seen[0]
    assert len(without) == min(scenes, 20)
    assert ((np.array(without) == 0).sum(axis=0) == 1).all()
    pseudo, sizes = [], []
    for weights in without:
        out = weights == 0
        assert weights[~out] == pytest.approx(len(values) / (~out).sum())
        assert not set(names[out]) & set(names[~out])
        times = len(values) / out.sum()
        pseudo.append(times * found.value - (times - 1) * values[~out].mean() ** 4)
        sizes.append(times)
    centre = sum(one / times for one, times in zip(pseudo, sizes, strict=True))
    error = math.sqrt(
        np.mean(
            [(one - centre) ** 2 / (times - 1) for one, times in zip(pseudo, sizes, strict=True)]
        )
    )
    half = scipy.stats.t.ppf(0.975, len(pseudo) - 1) * error
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_one_scene_has_no_interval_but_between_bounds() -> None:
    def total(weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights.sum(axis=1))

    scenes = ["s0"] * 3
    for estimator in (jackknife, bootstrap):
        with pytest.raises(ValueError, match="one scene"):
            estimator(total, scenes)
        alone = bounded(estimator, total, scenes, 0, 9)
        assert (alone.value, alone.low, alone.high, alone.n) == (3, 0, 9, 3)
        assert bounded(estimator, total, [0, 0, 1], 0, 9) == estimator(total, [0, 0, 1])
    with pytest.raises(ValueError, match="one scene"):
        mean([1.0, 2.0], ["s0", "s0"])
    rated = rate([True, True], ["s0", "s0"])
    assert (rated.low, rated.high) == wilson(1, 1), "as of one image"


def test_a_jackknife_may_miss_a_group() -> None:
    whole = jackknife(lambda weights: np.where((weights > 0).all(axis=1), 2.0, np.nan), range(30))
    assert (whole.value, whole.low, whole.high) == (2, 2, 2)


def test_a_bootstrap_pools_the_images_of_the_scenes_that_are_drawn() -> None:
    random = np.random.default_rng(5)
    scenes = [*range(12), *random.integers(12, size=24)]
    values = random.normal(size=len(scenes))
    drawn = []
    for counts in np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=200):
        drawn.append(np.mean(np.repeat(values, counts[scenes])))
    seen: list[np.ndarray] = []

    def average(weights: np.ndarray) -> np.ndarray:
        seen.append(weights)
        return weights @ values / len(values)

    estimate = bootstrap(average, scenes)
    assert (estimate.value, estimate.n) == (pytest.approx(values.mean()), len(values))
    expected = tuple(np.quantile(drawn, [0.025, 0.975]))
    assert (estimate.low, estimate.high) == pytest.approx(expected)
    assert seen[0].sum(axis=1) == pytest.approx(np.full(201, len(values)))


def test_no_image_has_no_estimate() -> None:
    for estimator in (rate, mean):
        with pytest.raises(ValueError, match="at least one image"):
            estimator([], [])
