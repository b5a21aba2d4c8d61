"""The zero-shot readout, its accuracies and calibration, against loops that count."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy.optimize import minimize_scalar

from tests.metrics import spaces
from tests.metrics.spaces import groups_of, interval, names, numbers
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import accuracy
from vlcore.metrics.estimate import Estimate, rate, wilson


@pytest.mark.parametrize(
    ("spoken_of", "objects", "images"),
    [
        (["horse", "camel"], ["horse", "camel"], 0),
        (["horse", "horse", "camel", "camel"], ["horse", "camel"], 1),
        (["camel", "horse", "camel"], ["camel", "horse"], 9),
        (["a", "b", "c", "b", "x"], ["c", "a", "b"], 9),
    ],
)
def test_scores_against_sums_of_exponentials(
    spoken_of: list[str], objects: list[str], images: int
) -> None:
    logits = np.random.default_rng(images).normal(scale=4, size=(images, len(spoken_of)))
    scores = accuracy.object_scores(logits, spoken_of, objects)
    predicted = accuracy.predict_objects(logits, spoken_of, objects)
    assert scores.shape == (images, len(objects))
    for image in range(images):
        own = [[k for k, about in enumerate(spoken_of) if about == name] for name in objects]
        sums = [sum(math.exp(logits[image, k]) for k in captions) for captions in own]
        assert scores[image] == pytest.approx([math.log(total) for total in sums])
        assert predicted[image] == objects[sums.index(max(sums))]
    large = accuracy.object_scores(
        np.array([[1000.0, 1000.0, -1000.0, -1000.0]]), ["a", "a", "b", "b"], ["a", "b"]
    )
    assert large[0] == pytest.approx([1000 + math.log(2), -1000 + math.log(2)]), (
        "neither overflow nor vanish"
    )


@settings(max_examples=50)
@given(st_numpy.arrays(np.float64, (3, 4), elements=st.floats(-30, 30)), st.floats(-10, 10))
def test_a_bias_of_all_logits_changes_no_decision(logits: np.ndarray, bias: float) -> None:
    spoken_of = [obj for obj, _ in SCENES.pairs]
    scores = accuracy.object_scores(logits, spoken_of, SCENES.objects)
    assert accuracy.object_scores(logits + bias, spoken_of, SCENES.objects) - bias == pytest.approx(
        scores, abs=1e-9
    )


def crossed(scenes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objects, groups and scenes of a crossed test set."""
    columns = spaces.crossed(scenes)
    return columns[0], groups_of(columns), columns[2]


@pytest.mark.parametrize(("scenes", "seed"), [(1, 0), (6, 1), (50, 2)])
def test_accuracies_against_counting(scenes: int, seed: int) -> None:
    objects, groups, names = crossed(scenes)
    predicted = np.random.default_rng(seed).choice(
        ["horse", "camel"], p=[0.7, 0.3], size=len(objects)
    )
    predictions = accuracy.Predictions(predicted == objects, groups, names, SCENES)
    by_group = accuracy.group_accuracy(predictions)
    share = {}
    for group in SCENES.names:
        hits = [
            guess == truth
            for guess, truth, own in zip(predicted, objects, groups, strict=True)
            if own == group
        ]
        share[group] = sum(hits) / len(hits)
        assert by_group[group].value == pytest.approx(share[group])
        assert by_group[group].n == len(hits)
    assert tuple(by_group) == SCENES.names
    worst = accuracy.worst_group_accuracy(predictions)
    assert worst == by_group[predictions.worst_first[0]]
    assert worst.value == min(share.values())
    of_all = (
        (accuracy.balanced_accuracy(predictions), SCENES.names),
        (accuracy.minority_accuracy(predictions), SCENES.minority),
        (accuracy.majority_accuracy(predictions), SCENES.majority),
    )
    for estimate, of in of_all:
        here = np.isin(groups, of)
        assert estimate.value == pytest.approx(sum(share[group] for group in of) / len(of))
        assert numbers(estimate) == interval(rate((predicted == objects)[here], names[here]))
        assert estimate.n == scenes * len(of)


@pytest.mark.parametrize("shared", [False, True])
def test_intervals_over_unequal_groups_hold_the_truth(shared: bool) -> None:
    sizes, truth = [300, 40, 280, 12], np.array([0.95, 0.6, 0.9, 0.7])
    groups = np.repeat(SCENES.names, sizes)
    scene = np.concatenate([np.arange(size) for size in sizes]) if shared else np.arange(sum(sizes))
    drawn = np.repeat(truth, sizes)
    held: dict[str, list[bool]] = {"balanced": [], "minority": []}
    measures = accuracy.balanced_accuracy, accuracy.minority_accuracy
    minority = np.isin(SCENES.names, SCENES.minority)
    expected = {"balanced": truth.mean(), "minority": truth[minority].mean()}
    for seed in range(200):
        right = np.random.default_rng(seed).random(scene.max() + 1)[scene] < drawn
        predictions = accuracy.Predictions(right, groups, scene.astype(str), SCENES)
        for name, measure in zip(held, measures, strict=True):
            interval_of = measure(predictions)
            held[name].append(interval_of.low <= expected[name] <= interval_of.high)
    for name, inside in held.items():
        assert 0.9 <= np.mean(inside) <= 0.99, name


def best_blind_guess(frequencies: np.ndarray, weights: np.ndarray) -> float:
    """Tries every rule "say matched for these captions" on half matched and half mismatched
    pairs."""
    captions = range(len(frequencies))
    mismatched = [sum(frequencies[i] * weights[i, k] for i in captions) for k in captions]
    rules = itertools.product([True, False], repeat=len(frequencies))
    return (
        max(
            sum(frequencies[k] if says else mismatched[k] for k, says in enumerate(rule))
            for rule in rules
        )
        / 2
    )


@settings(max_examples=60)
@given(st.integers(2, 5), st.integers(0, 10**6))
def test_blind_matching_is_the_best_of_all_rules(captions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    frequencies = random.dirichlet(np.ones(captions))
    weights = random.dirichlet(np.ones(captions), size=captions)
    found = accuracy.blind_match_accuracy(frequencies, weights)
    assert found == pytest.approx(best_blind_guess(frequencies, weights))
    assert 0.5 - 1e-12 <= found <= 1 + 1e-12
    others = np.full((captions, captions), 1 / (captions - 1))
    np.fill_diagonal(others, 0)
    assert accuracy.blind_match_accuracy(np.full(captions, 1 / captions), others) == pytest.approx(
        0.5
    ), "equally often"
    assert accuracy.blind_match_accuracy(frequencies, np.zeros((captions, captions))) == 1, (
        "no mismatched pair"
    )


@settings(max_examples=60)
@given(st.integers(0, 30), st.integers(0, 30), st.floats(-1, 1))
def test_a_difference_is_inside_its_interval_and_turns_with_its_sides(
    a: int, b: int, r: float
) -> None:
    one, other = (Estimate(k / 30, *wilson(k, 30), 30) for k in (a, b))
    found = accuracy.paired_difference(one, other, r, 60)
    turned = accuracy.paired_difference(other, one, r, 60)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert found.n == 60


def slow_error(sure: np.ndarray, right: np.ndarray) -> float:
    total = 0.0
    for b in range(15):
        low, high = b / 15, (b + 1) / 15
        here = [i for i, p in enumerate(sure) if low < p <= high or (b == 0 and p == 0)]
        if here:
            total += abs(sum(float(right[i]) - sure[i] for i in here)) / len(sure)
    return total


@pytest.mark.parametrize("n", [4, 300])
def test_the_calibration_error_against_its_formula(n: int) -> None:
    """0 and 1, the ends of the scale, have bins too."""
    random = np.random.default_rng(n)
    sure, right = random.uniform(0.2, 1, n), random.random(n) < 0.8
    sure[:3] = 0, 1, 0.2
    found = accuracy.expected_calibration_error(sure, right)
    assert found == pytest.approx(slow_error(sure, right))


def slow_loss(log_temperature: float, margin: np.ndarray) -> float:
    sure = 1 - 1 / (len(margin) + 2)
    by = margin / math.exp(log_temperature)
    return float(
        np.mean(
            [sure * math.log1p(math.exp(-m)) + (1 - sure) * math.log1p(math.exp(m)) for m in by]
        )
    )


@pytest.mark.parametrize(("scenes", "noise"), [(3, 0.0), (48, 1.0), (48, 3.0)])
def test_a_temperature_has_the_greatest_likelihood(scenes: int, noise: float) -> None:
    """Also where every picture is right (no noise)."""
    objects, _, names = crossed(scenes)
    scores = np.random.default_rng(1).normal(scale=noise, size=(len(objects), 2))
    scores[np.arange(len(objects)), (objects != "horse").astype(int)] += 4
    margin = np.where(objects == "horse", 1, -1) * (scores[:, 0] - scores[:, 1])
    best = minimize_scalar(
        slow_loss, args=(margin,), bounds=(-4, 6), method="bounded", options={"xatol": 1e-9}
    )
    found = accuracy.temperature(scores, objects, names, SCENES)
    assert found.value == pytest.approx(math.exp(best.x), rel=1e-5)
    assert found.low <= found.value <= found.high
    hotter = accuracy.temperature(scores * 7, objects, names, SCENES)
    assert hotter.value == pytest.approx(7 * found.value)


def test_scores_that_are_twice_the_log_odds_are_calibrated() -> None:
    """What the best dual encoder of two captions scores: without a temperature its confidence is
    far too high."""
    random, n = np.random.default_rng(0), 20_000
    odds = random.normal(scale=1.5, size=n)  # logarithms of the first object's
    objects = np.where(random.random(n) < 1 / (1 + np.exp(-odds)), "horse", "camel")
    scores, right = np.stack([odds, -odds], axis=1), (odds > 0) == (objects == "horse")
    found = accuracy.temperature(scores, objects, names(n), SCENES)
    assert found.low < 2 < found.high

    def error(divisor: float) -> float:
        sure = accuracy.confidence(scores / divisor)
        return accuracy.expected_calibration_error(sure, right)

    assert error(found.value) < 0.01 < 0.08 < error(1)


def test_what_is_not_defined_is_refused() -> None:
    objects, groups, names = crossed(3)
    here, scores = groups != "camel_grass", np.ones((12, 2))
    predictions = accuracy.Predictions(np.ones(9, bool), groups[here], names[here], SCENES)
    for reason, ask, *asked in (
        ("'zebra'", accuracy.object_scores, scores, ["horse", "camel"], ["horse", "zebra"]),
        ("camel_grass", accuracy.group_accuracy, predictions),
        ("tell the objects", accuracy.temperature, scores, objects, names, SCENES),
    ):
        with pytest.raises(ValueError, match=reason):
            ask(*asked)
