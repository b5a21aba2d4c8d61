"""Numbers with their uncertainty, against the equations they come from and against plain loops."""

import math
from collections import defaultdict

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from vlcore.metrics.estimate import (
    bootstrap,
    bootstrap_each,
    by_group,
    jackknife,
    mean,
    rate,
    wilson,
)

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


def test_no_image_has_no_rate_and_no_estimate() -> None:
    for ask in (
        lambda: wilson(0, 0),
        lambda: wilson(0, -1),
        lambda: rate([], []),
        lambda: mean([], []),
    ):
        with pytest.raises(ValueError, match="at least one image"):
            ask()


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


def test_without_spread_between_scenes_scenes_count_and_never_more_than_images() -> None:
    for hits, right in (([False] * 40, 0), ([True] * 40, 20), ([True, False] * 20, 10)):
        estimate = rate(hits, np.repeat(np.arange(20), 2))
        assert (estimate.low, estimate.high) == wilson(right, 20)
    mixed = rate([True, False] * 20 + [True, True], np.repeat(np.arange(21), 2))
    assert (mixed.low, mixed.high) == pytest.approx(wilson(22, 42))


@given(st.lists(st.tuples(st.floats(-100, 100), st.integers(0, 5)), min_size=1, max_size=30))
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
    values, groups, scenes = [1.0, 3.0, 5.0, 2.0], ["a", "b", "a", "c"], [0, 1, 2, 3]
    found = by_group(mean, values, groups, scenes, ["b", "a"])
    assert list(found.items()) == [("b", mean([3.0], [1])), ("a", mean([1.0, 5.0], [0, 2]))]
    with pytest.raises(ValueError, match="at least one image"):
        by_group(rate, values, groups, scenes, ["a", "d"], "no {} here")


def slow_bootstrap(
    values: list[float], scenes: list[str], resamples: int, seed: int
) -> tuple[float, float]:
    """Draws scenes with replacement and pools their images, one by one."""
    names = sorted(set(scenes))
    drawn = []
    counts = np.random.default_rng(seed).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=resamples
    )
    for row in counts:
        pooled = []
        for name, times in zip(names, row, strict=True):
            pooled += [
                value for value, scene in zip(values, scenes, strict=True) if scene == name
            ] * int(times)
        drawn.append(sum(pooled) / len(pooled))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize(("scenes", "seed", "resamples"), [(1, 0, 20), (3, 1, 50), (12, 5, 100)])
def test_a_bootstrap_against_pooled_resamples(scenes: int, seed: int, resamples: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"s{number}" for number in range(scenes)] + [
        f"s{random.integers(scenes)}" for _ in range(2 * scenes)
    ]
    values = random.normal(size=len(names))
    estimate = bootstrap(lambda w: w @ values / w.sum(axis=1), names, resamples, seed)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.n == len(values)
    assert (estimate.low, estimate.high) == pytest.approx(
        slow_bootstrap(values.tolist(), names, resamples, seed)
    )


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


def test_bootstrap_weights_sum_to_the_images_and_are_equal_within_a_scene() -> None:
    scenes = np.array(["b", "a", "b", "c", "a"])
    seen: list[np.ndarray] = []

    def look(weights: np.ndarray) -> np.ndarray:
        seen.append(weights)
        return weights @ np.arange(5.0)

    first, second = (
        bootstrap(look, scenes, 30),
        bootstrap_each(lambda w: np.stack([look(w), look(-w)], 1), scenes, 30),
    )
    assert (second[0], second[1].value) == (first, -first.value)
    for weights in seen[:2]:
        assert weights.shape == (31, 5)
        assert weights.sum(axis=1) == pytest.approx(np.full(31, 5))
        assert (weights[:, [0, 1]] == weights[:, [2, 4]]).all()


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_a_bootstrap_depends_on_its_seed_alone(seed: int) -> None:
    values = np.arange(12.0)
    one, two = (bootstrap(lambda w: w @ values, np.arange(12), 20, seed) for _ in range(2))
    assert one == two
    assert one.low < one.value < one.high


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


def test_a_jackknife_of_one_scene_has_no_width_and_may_miss_a_group() -> None:
    alone = jackknife(lambda weights: weights.sum(axis=1), ["s0"] * 3)
    assert (alone.value, alone.low, alone.high, alone.n) == (3, 3, 3, 3)
    whole = jackknife(lambda weights: np.where((weights > 0).all(axis=1), 2.0, np.nan), range(30))
    assert (whole.value, whole.low, whole.high) == (2, 2, 2)
