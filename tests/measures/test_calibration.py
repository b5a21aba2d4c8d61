"""Margins and calibration, against loops and models that are calibrated by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.measures.spaces import names
from vlcore.core.grouping import SCENES
from vlcore.measures.accuracy import confidence, expected_calibration_error, margins
from vlcore.measures.estimate import bootstrap, mean


def images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log scores, objects and groups of n images, some of each group."""
    random = np.random.default_rng(seed)
    picked = random.permutation(np.arange(n) % 4)
    objects, groups = np.array([SCENES.pairs[i][0] for i in picked]), np.array([SCENES.names[i] for i in picked])
    return random.normal(scale=3, size=(n, 2)), objects, groups


@pytest.mark.parametrize("n", [4, 50])
def test_margins_against_a_loop(n: int) -> None:
    scores, objects, groups = images(n)
    scenes = np.repeat(names(n // 2), 2)
    found = margins(scores, objects, groups, scenes, SCENES)
    assert tuple(found) == SCENES.names
    for group in SCENES.names:
        here = [row for row in range(n) if groups[row] == group]
        by_hand = [scores[row, 0] - scores[row, 1] if objects[row] == "horse" else scores[row, 1] - scores[row, 0]
                   for row in here]  # fmt: skip
        assert found[group] == mean(by_hand, scenes[here])


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(-20, 20))
def test_a_margin_is_positive_where_the_model_is_right_and_has_no_zero_of_its_own(seed: int, shift: float) -> None:
    scores, objects, groups = images(4, seed)
    found = margins(scores, objects, groups, names(4), SCENES)
    moved = margins(scores + shift, objects, groups, names(4), SCENES)
    for row in range(4):
        right = SCENES.objects[int(scores[row].argmax())] == objects[row]
        assert (found[groups[row]].value > 0) == right
        assert moved[groups[row]].value == pytest.approx(found[groups[row]].value, abs=1e-9)


def test_margins_that_are_not_defined_are_refused() -> None:
    scores, objects, groups = images(8)
    with pytest.raises(ValueError, match="There is no held-out image of camel_grass, so its margin is not defined"):
        margins(scores, objects, np.where(groups == "camel_grass", "horse_grass", groups), names(8), SCENES)
    with pytest.raises(ValueError, match="An image shows something else than horse or camel"):
        margins(scores, np.where(objects == "camel", "zebra", objects), groups, names(8), SCENES)
    with pytest.raises(ValueError, match="A score is not finite, so its margin is not defined"):
        margins(np.where(scores == scores[0, 0], -np.inf, scores), objects, groups, names(8), SCENES)


@pytest.mark.parametrize("columns", [2, 3])
def test_confidence_is_the_share_of_the_best_score(columns: int) -> None:
    scores = np.random.default_rng(1).normal(scale=3, size=(20, columns))
    for row, sure in zip(scores, confidence(scores.astype(np.float32)), strict=True):
        assert sure == pytest.approx(math.exp(max(row)) / sum(math.exp(score) for score in row), rel=1e-5)
    assert confidence(np.array([[1000.0, -1000.0]]))[0] == 1


def slow_error(sure: np.ndarray, right: np.ndarray, bins: int) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        here = [i for i, p in enumerate(sure) if low < p <= high or (b == 0 and p == 0)]
        if here:
            share, mean_sure = sum(right[i] for i in here) / len(here), sum(sure[i] for i in here) / len(here)
            total += len(here) / len(sure) * abs(share - mean_sure)
    return total


@pytest.mark.parametrize(("n", "bins"), [(1, 15), (60, 15), (300, 4)])
def test_the_calibration_error_against_its_formula(n: int, bins: int) -> None:
    random = np.random.default_rng(n)
    sure, right = random.uniform(0.5, 1, n), random.random(n) < 0.8
    found = expected_calibration_error(sure, right, names(n), bins)
    assert found.value == pytest.approx(slow_error(sure, right, bins))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.n == n


def test_the_interval_of_the_calibration_error_is_over_scenes() -> None:
    random = np.random.default_rng(5)
    sure, right = random.uniform(0.5, 1, 80), random.random(80) < 0.7
    scenes = np.repeat(names(20), 4)
    found = expected_calibration_error(sure, right, scenes)

    def by_copies(weights: np.ndarray) -> float:
        counts = weights.astype(int)
        return slow_error(np.repeat(sure, counts), np.repeat(right, counts), 15)

    again = bootstrap(by_copies, scenes)
    assert (found.low, found.high) == pytest.approx((again.low, again.high))


def test_the_ends_of_the_scale_have_bins() -> None:
    sure, right = np.array([0.0, 1.0, 1.0, 0.2]), np.array([False, True, False, True])
    assert expected_calibration_error(sure, right, names(4), bins=5).value == pytest.approx(slow_error(sure, right, 5))
    assert expected_calibration_error(np.ones(10), np.ones(10, bool), names(10)).value == 0
    assert expected_calibration_error(np.ones(10), np.zeros(10, bool), names(10)).value == 1


def test_a_calibrated_model_has_little_error_and_an_overconfident_one_much() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 5_000)
    right = random.random(5_000) < sure
    assert expected_calibration_error(sure, right, names(5_000)).value < 0.03
    assert expected_calibration_error(0.5 + sure / 2, right, names(5_000)).value > 0.1


@pytest.mark.parametrize("sure", [[], [0.5, 1.1], [0.5, -0.1], [0.5, np.nan]])
def test_what_is_no_probability_is_refused(sure: list[float]) -> None:
    with pytest.raises(ValueError, match="Calibration needs images, each with a probability from 0 to 1"):
        expected_calibration_error(np.array(sure), np.ones(len(sure), bool), names(len(sure)))
