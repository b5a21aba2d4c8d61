"""Numbers with their uncertainty, against the equations they come from and against plain loops."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from vlcore.measures.estimate import Estimate, bootstrap, by_group, mean, rate, wilson

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
    return math.sqrt(clusters / (clusters - 1) * sum(r * r for r in residuals.values())) / len(values)


@pytest.mark.parametrize("n", [1, 2, 7, 48, 500, 2000, 12.5])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.99, 1.0])
def test_the_ends_of_wilsons_interval_solve_the_score_equation(n: float, share: float) -> None:
    low, high = wilson(share * n, n)

    def score(p: float) -> float:
        return (share - p) ** 2 - 1.959963984540054**2 * p * (1 - p) / n

    # The rate itself lies between the two roots; at 0 and 1 it is one of them.
    assert low == pytest.approx(brentq(score, 0, share - 1e-9, xtol=1e-14) if share > 0 else 0, abs=1e-8)
    assert high == pytest.approx(brentq(score, share + 1e-9, 1, xtol=1e-14) if share < 1 else 1, abs=1e-8)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_known_intervals(successes: int, n: int, low: float, high: float) -> None:
    """The last is an example of Newcombe (1998), the others follow from n / (n + z^2) and symmetry."""
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_a_rate_is_inside_its_interval_and_both_are_inside_0_to_1(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n) | st.sampled_from([0, n]))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)
    wider = wilson(successes / 2, n / 2)
    assert wider[0] <= low + 1e-12
    assert wider[1] >= high - 1e-12


def test_no_image_has_no_rate_and_no_estimate() -> None:
    for ask in (lambda: wilson(0, 0), lambda: wilson(0, -1), lambda: rate([], []), lambda: mean([], [])):
        with pytest.raises(ValueError, match="at least one image"):
            ask()


@given(OUTCOMES)
def test_a_rate_against_a_loop(outcomes: list[tuple[bool, int]]) -> None:
    right, scenes = [hit for hit, _ in outcomes], [scene for _, scene in outcomes]
    estimate = rate(right, [f"scene {scene}" for scene in scenes])
    share = sum(right) / len(right)
    error = standard_error([float(hit) for hit in right], scenes)
    effective = len(set(scenes)) if error < 1e-12 else min(len(right), share * (1 - share) / error**2)
    low, high = wilson(share * effective, effective)
    assert estimate.n == len(right)
    assert estimate.value == share
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-9)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@pytest.mark.parametrize(("scenes", "right"), [(50, 20), (400, 380), (2000, 1000), (500, 499)])
@pytest.mark.parametrize("twins", [1, 2, 4])
def test_twins_that_always_agree_count_one_a_scene(scenes: int, right: int, twins: int) -> None:
    hits = np.repeat(np.random.default_rng(0).permutation(np.arange(scenes) < right), twins)
    estimate = rate(hits, np.repeat(np.arange(scenes), twins))
    # The spread between scenes divides by one less than their number.
    assert (estimate.low, estimate.high) == pytest.approx(wilson(right * (scenes - 1) / scenes, scenes - 1), abs=1e-9)
    assert (estimate.low, estimate.high) == pytest.approx(wilson(right, scenes), abs=0.01)
    assert estimate.n == scenes * twins


@pytest.mark.parametrize("hit", [False, True])
def test_where_all_images_agree_scenes_count(hit: bool) -> None:
    estimate = rate([hit] * 60, np.repeat(np.arange(20), 3))
    assert (estimate.low, estimate.high) == wilson(20 * hit, 20)


def test_twins_that_disagree_count_no_more_than_one_each() -> None:
    """Scenes that are right in exactly one of two images have no spread at all between them."""
    estimate = rate([True, False] * 20, np.repeat(np.arange(20), 2))
    assert (estimate.low, estimate.high) == wilson(10, 20)
    mixed = rate([True, False] * 20 + [True, True], np.repeat(np.arange(21), 2))
    assert (mixed.low, mixed.high) == pytest.approx(wilson(22, 42))


def test_wilson_intervals_cover_at_their_rate() -> None:
    """Of 1000 experiments with 100 scenes of two equal twins, about 95 % have the truth in their interval."""
    random = np.random.default_rng(1)
    truth, covered = 0.8, 0
    for _ in range(1000):
        estimate = rate(np.repeat(random.random(100) < truth, 2), np.repeat(np.arange(100), 2))
        covered += estimate.low <= truth <= estimate.high
    assert 920 <= covered <= 975


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
    with pytest.raises(ValueError, match="no d here"):
        by_group(rate, values, groups, scenes, ["a", "d"], "no {} here")


def slow_bootstrap(values: list[float], scenes: list[str], resamples: int, seed: int) -> tuple[float, float]:
    """Draws scenes with replacement and pools their images, one by one."""
    names = sorted(set(scenes))
    drawn = []
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    for row in counts:
        pooled = []
        for name, times in zip(names, row, strict=True):
            pooled += [value for value, scene in zip(values, scenes, strict=True) if scene == name] * int(times)
        drawn.append(sum(pooled) / len(pooled))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize(("scenes", "seed", "resamples"), [(1, 0, 20), (3, 1, 50), (12, 5, 100)])
def test_a_bootstrap_against_pooled_resamples(scenes: int, seed: int, resamples: int) -> None:
    random = np.random.default_rng(seed)
    names = [f"s{number}" for number in range(scenes)] + [f"s{random.integers(scenes)}" for _ in range(2 * scenes)]
    values = random.normal(size=len(names))
    estimate = bootstrap(lambda w: float((w * values).sum() / w.sum()), names, resamples, seed)
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.n == len(values)
    assert (estimate.low, estimate.high) == pytest.approx(slow_bootstrap(values.tolist(), names, resamples, seed))


def test_the_whole_stands_for_a_resample_that_says_nothing() -> None:
    values = np.arange(4.0)

    def of_first(weights: np.ndarray) -> float | None:
        return float(weights @ values) if weights[0] else None

    found = bootstrap(of_first, np.arange(4))
    missed = bootstrap(lambda weights: 6.0 if weights[0] == 0 else float(weights @ values), np.arange(4))
    assert (found.value, found) == (6, missed)


def test_bootstrap_weights_sum_to_the_images_and_are_equal_within_a_scene() -> None:
    scenes = np.array(["b", "a", "b", "c", "a"])
    seen: list[np.ndarray] = []

    def look(weights: np.ndarray) -> float:
        seen.append(weights.copy())
        return 0.0

    bootstrap(look, scenes, resamples=30)
    assert len(seen) == 31
    assert any((weights == 1).all() for weights in seen)
    for weights in seen:
        assert weights.sum() == pytest.approx(5)
        assert weights[0] == weights[2]
        assert weights[1] == weights[4]


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_a_bootstrap_depends_on_its_seed_alone(seed: int) -> None:
    values = np.arange(12.0)
    one, two = (bootstrap(lambda w: float(w @ values), np.arange(12), 20, seed) for _ in range(2))
    assert one == two
    assert one.low < one.value < one.high


def test_an_estimate_becomes_a_dict() -> None:
    assert Estimate(0.5, 0.25, 0.75, 8).as_dict() == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}
