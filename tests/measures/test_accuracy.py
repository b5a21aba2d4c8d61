"""The zero-shot readout, its accuracies, margins and calibration, against loops that count."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from statsmodels.stats.proportion import confint_proportions_2indep

from tests.measures import spaces
from tests.measures.spaces import groups_of, interval, names, numbers
from vlcore.core.grouping import SCENES
from vlcore.measures.accuracy import (
    blind_match_accuracy,
    confidence,
    cross_fitted_worst,
    difference,
    expected_calibration_error,
    group_accuracy,
    margins,
    minority_gap,
    object_scores,
    predict_objects,
    scene_correlation,
    train_weighted,
)
from vlcore.measures.estimate import Estimate, bootstrap, mean, rate, wilson


@pytest.mark.parametrize(
    ("spoken_of", "objects"),
    [
        (["horse", "camel"], ["horse", "camel"]),
        (["horse", "horse", "camel", "camel"], ["horse", "camel"]),
        (["camel", "horse", "camel"], ["camel", "horse"]),
        (["a", "b", "c", "b", "x"], ["c", "a", "b"]),
    ],
)
@pytest.mark.parametrize("images", [0, 1, 9])
def test_scores_against_sums_of_exponentials(spoken_of: list[str], objects: list[str], images: int) -> None:
    logits = np.random.default_rng(images).normal(scale=4, size=(images, len(spoken_of)))
    scores, predicted = object_scores(logits, spoken_of, objects), predict_objects(logits, spoken_of, objects)
    assert scores.shape == (images, len(objects))
    for image in range(images):
        own = [[k for k, about in enumerate(spoken_of) if about == name] for name in objects]
        sums = [sum(math.exp(logits[image, k]) for k in captions) for captions in own]
        assert scores[image] == pytest.approx([math.log(total) for total in sums])
        assert predicted[image] == objects[sums.index(max(sums))]


def test_scores_of_large_logits_neither_overflow_nor_vanish() -> None:
    scores = object_scores(np.array([[1000.0, 1000.0, -1000.0, -1000.0]]), ["a", "a", "b", "b"], ["a", "b"])
    assert scores[0] == pytest.approx([1000 + math.log(2), -1000 + math.log(2)])


@settings(max_examples=50)
@given(st_numpy.arrays(np.float64, (3, 4), elements=st.floats(-30, 30)), st.floats(-10, 10))
def test_a_bias_of_all_logits_changes_no_decision(logits: np.ndarray, bias: float) -> None:
    spoken_of = [obj for obj, _ in SCENES.pairs]
    scores = object_scores(logits, spoken_of, SCENES.objects)
    assert object_scores(logits + bias, spoken_of, SCENES.objects) - bias == pytest.approx(scores, abs=1e-9)


def test_an_object_that_no_caption_speaks_of_is_refused() -> None:
    for ask in (object_scores, predict_objects):
        with pytest.raises(ValueError, match="No caption speaks of 'zebra'"):
            ask(np.zeros((2, 2)), ["horse", "camel"], ["horse", "zebra"])


# --- by group


def crossed(scenes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objects, groups and scenes of a crossed test set."""
    columns = spaces.crossed(scenes)
    return columns[0], groups_of(columns), columns[2]


@pytest.mark.parametrize("scenes", [1, 6, 50])
@pytest.mark.parametrize("seed", range(3))
def test_accuracies_against_counting(scenes: int, seed: int) -> None:
    objects, groups, names = crossed(scenes)
    predicted = np.random.default_rng(seed).choice(["horse", "camel"], p=[0.7, 0.3], size=len(objects))
    found = group_accuracy(predicted, objects, groups, names, SCENES)
    share = {}
    for group in SCENES.names:
        hits = [guess == truth for guess, truth, own in zip(predicted, objects, groups, strict=True) if own == group]
        share[group] = sum(hits) / len(hits)
        assert (found.groups[group].value, found.groups[group].n) == (pytest.approx(share[group]), len(hits))
    assert tuple(found.groups) == SCENES.names
    assert found.worst == found.groups[found.worst_group]
    assert found.worst.value == min(share.values())
    for estimate, of in (
        (found.balanced, SCENES.names),
        (found.minority, ("horse_desert", "camel_grass")),
        (found.majority, ("horse_grass", "camel_desert")),
    ):
        here = np.isin(groups, of)
        assert estimate.value == pytest.approx(sum(share[group] for group in of) / len(of))
        assert numbers(estimate) == interval(rate((predicted == objects)[here], names[here]))
        assert estimate.n == scenes * len(of)


def test_a_model_that_sees_only_the_context() -> None:
    objects, groups, names = crossed(100)
    guess = np.array(["horse" if group.endswith("grass") else "camel" for group in groups])
    found = group_accuracy(guess, objects, groups, names, SCENES)
    assert (found.majority.value, found.minority.value, found.balanced.value) == (1, 0, 0.5)
    assert (found.worst.value, found.worst_group in SCENES.minority) == (0, True)
    assert (found.majority.low, found.majority.high) == pytest.approx(wilson(100, 100))  # 200 images of 100 scenes
    assert (found.balanced.low, found.balanced.high) == pytest.approx(wilson(50, 100))


def test_with_unequal_groups_accuracies_are_means_of_groups() -> None:
    groups = np.repeat(SCENES.names, [1, 2, 30, 10])
    objects = np.array([group.split("_")[0] for group in groups])
    found = group_accuracy(np.array(["horse"] * 43), objects, groups, names(43), SCENES)
    for estimate in (found.balanced, found.majority, found.minority):
        assert 0 <= estimate.low <= 0.5 == estimate.value <= estimate.high <= 1
    assert found.balanced.n == 43


def test_a_group_without_images_is_refused() -> None:
    objects, groups, names = crossed(3)
    here = groups != "camel_grass"
    for ask in (
        lambda: group_accuracy(objects[here], objects[here], groups[here], names[here], SCENES),
        lambda: minority_gap(np.ones(9, bool), groups[here], names[here], SCENES),
        lambda: margins(np.zeros((9, 2)), objects[here], groups[here], names[here], SCENES),
    ):
        with pytest.raises(ValueError, match="There is no held-out image of camel_grass, so its"):
            ask()


# --- captions alone


def best_blind_guess(frequencies: np.ndarray, weights: np.ndarray) -> float:
    """Tries every rule "say matched for these captions" on half matched and half mismatched pairs."""
    captions = range(len(frequencies))
    mismatched = [sum(frequencies[i] * weights[i, k] for i in captions) for k in captions]
    rules = itertools.product([True, False], repeat=len(frequencies))
    return max(sum(frequencies[k] if says else mismatched[k] for k, says in enumerate(rule)) for rule in rules) / 2


@settings(max_examples=60)
@given(st.integers(2, 5), st.integers(0, 10**6))
def test_blind_matching_is_the_best_of_all_rules(captions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    frequencies, weights = random.dirichlet(np.ones(captions)), random.dirichlet(np.ones(captions), size=captions)
    found = blind_match_accuracy(frequencies, weights)
    assert found == pytest.approx(best_blind_guess(frequencies, weights))
    assert 0.5 - 1e-12 <= found <= 1 + 1e-12
    others = np.full((captions, captions), 1 / (captions - 1))
    np.fill_diagonal(others, 0)
    assert blind_match_accuracy(np.full(captions, 1 / captions), others) == pytest.approx(0.5), "equally often"
    assert blind_match_accuracy(frequencies, np.zeros((captions, captions))) == 1, "no mismatched pair"


# --- weighted, gap, worst


def estimates(*values: float, n: int = 100) -> dict[str, Estimate]:
    return {name: Estimate(value, *wilson(value * n, n), n) for name, value in zip(SCENES.names, values, strict=True)}


@pytest.mark.parametrize("counts", [[48, 12, 48, 12], [1, 1, 1, 1], [3498, 184, 1057, 56]])
def test_train_weighted_accuracy_against_the_formula(counts: list[int]) -> None:
    groups = estimates(0.95, 0.7, 0.9, 0.6)
    found = train_weighted(groups, dict(zip(SCENES.names, counts, strict=True)))
    value = below = above = 0.0
    for name, count in zip(SCENES.names, counts, strict=True):
        share = count / sum(counts)
        value += share * groups[name].value
        below += (share * (groups[name].value - groups[name].low)) ** 2
        above += (share * (groups[name].high - groups[name].value)) ** 2
    assert numbers(found) == pytest.approx((value, value - math.sqrt(below), value + math.sqrt(above)))
    assert found.n == 400


def test_the_interval_of_train_weighted_accuracy_holds_what_it_promises() -> None:
    random = np.random.default_rng(0)
    shares, truth = np.array([0.4, 0.1, 0.4, 0.1]), np.array([0.95, 0.7, 0.9, 0.6])
    held = []
    for _ in range(500):
        groups = estimates(*(random.binomial(50, truth) / 50), n=50)
        found = train_weighted(groups, dict(zip(SCENES.names, (10 * shares).astype(int), strict=True)))
        held.append(found.low <= shares @ truth <= found.high)
    assert 0.92 < np.mean(held) < 0.985


def test_a_group_that_was_not_trained_on_does_not_weigh() -> None:
    groups = estimates(1.0, 0.0, 1.0, 0.0)
    found = train_weighted(groups, dict(zip(SCENES.names, [48, 0, 48, 0], strict=True)))
    assert (found.value, found.high, found.n) == (1, 1, 200)
    assert 0.95 < found.low < 1  # and all right is not certainty
    del groups["horse_desert"]
    assert train_weighted(groups, {"horse_grass": 48, "horse_desert": 0, "camel_desert": 48}).value == 1
    for counts, reason in (({"horse_grass": 48, "horse_desert": 1}, "horse_desert"), ({"horse_grass": 0}, "training")):
        with pytest.raises(ValueError, match=reason):
            train_weighted(groups, counts)


@pytest.mark.parametrize("scenes", [2, 9, 60])
@pytest.mark.parametrize("seed", range(2))
def test_the_gap_against_its_formula(scenes: int, seed: int) -> None:
    _, groups, names = crossed(scenes)
    majority = np.isin(groups, SCENES.majority)
    right = np.random.default_rng(seed).random(4 * scenes) < np.where(majority, 0.9, 0.6)
    found = minority_gap(right, groups, names, SCENES)
    one, other = rate(right[majority], names[majority]), rate(right[~majority], names[~majority])
    sums = [
        [float((right[(names == scene) & of] - p.value).sum()) for scene in sorted(set(names.tolist()))]
        for of, p in ((majority, one), (~majority, other))
    ]
    both = sum(a * b for a, b in zip(*sums, strict=True))
    size = math.sqrt(math.prod(sum(a * a for a in side) for side in sums))
    r, value = both / size if size > 0 else 0.0, one.value - other.value
    down, up, other_down, other_up = (
        abs(end - p.value) for p in (one, other) for end in (p.low, p.high)
    )  # of both intervals
    low = value - math.sqrt(down**2 - 2 * r * down * other_up + other_up**2)
    high = value + math.sqrt(up**2 - 2 * r * up * other_down + other_down**2)
    assert numbers(found) == pytest.approx((value, max(-1, low), min(1, high)))
    assert found.n == 4 * scenes


def test_the_interval_of_the_gap_holds_what_it_promises_and_is_narrower_where_twins_are_alike() -> None:
    width = {}
    _, groups, names = crossed(40)
    for shared in (0.0, 0.8):  # how much of what makes a scene hard or easy its twins share
        found = []
        for seed in range(300):
            random = np.random.default_rng(seed)
            ease = random.normal(size=40)[np.char.strip(names, "s").astype(int)]
            score = math.sqrt(shared) * ease + math.sqrt(1 - shared) * random.normal(size=len(names))
            right = score > np.where(np.isin(groups, SCENES.majority), -1.2816, -0.2533)  # 90 and 60 in 100
            found.append(minority_gap(right, groups, names, SCENES))
        assert 0.91 < np.mean([gap.low <= 0.3 <= gap.high for gap in found]) < 0.99
        width[shared] = np.mean([gap.high - gap.low for gap in found])
    assert width[0.8] < 0.95 * width[0.0]  # what a scene does to all four images cancels out


def test_a_gap_of_images_without_twins_against_statsmodels() -> None:
    """Each image is a scene: two independent rates, of which `rate` counts one image less."""
    groups = np.repeat(SCENES.names, 50)
    right = np.concatenate([np.arange(50) < k for k in (45, 30, 45, 30)])
    found = minority_gap(right, groups, np.arange(200).astype(str), SCENES)
    low, high = confint_proportions_2indep(0.9 * 99, 99, 0.6 * 99, 99, method="newcomb", compare="diff")
    assert numbers(found) == pytest.approx((0.3, low, high))


def test_the_gap_of_a_model_that_sees_only_the_context_is_one_but_not_for_certain() -> None:
    _, groups, names = crossed(30)
    found = minority_gap(np.isin(groups, SCENES.majority), groups, names, SCENES)
    assert (found.value, found.high) == (1, 1)
    assert 0.8 < found.low < 1


@settings(max_examples=60)
@given(st.integers(0, 30), st.integers(0, 30), st.floats(-1, 1))
def test_a_difference_is_inside_its_interval_and_turns_with_its_sides(a: int, b: int, r: float) -> None:
    one, other = (Estimate(k / 30, *wilson(k, 30), 30) for k in (a, b))
    found, turned = difference(one, other, r, 60), difference(other, one, r, 60)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert found.n == 60


def test_the_correlation_of_means_is_that_of_sums_over_scenes() -> None:
    names = np.repeat(np.arange(50), 4).astype(str)
    one, other = np.random.default_rng(0).normal(size=(2, 200))
    a, b = one.reshape(50, 4).sum(axis=1), other.reshape(50, 4).sum(axis=1)
    assert scene_correlation(one, other, names) == pytest.approx((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
    assert scene_correlation(one, -2 * one, names) == pytest.approx(-1)
    assert scene_correlation(one, np.zeros(200), names) == 0


def test_the_worst_group_is_picked_on_other_images_than_it_is_scored_on() -> None:
    validation, test = estimates(0.9, 0.5, 0.8, 0.6), estimates(0.9, 0.7, 0.8, 0.6)
    assert cross_fitted_worst(validation, test) == ("horse_desert", test["horse_desert"])
    del test["horse_desert"]
    for on, reason in ((validation, "no held-out image of horse_desert"), ({}, "no validation images")):
        with pytest.raises(ValueError, match=reason):
            cross_fitted_worst(on, test)


def test_a_minimum_is_biased_as_documented_and_the_cross_fitted_one_is_not() -> None:
    random = np.random.default_rng(0)
    minima, fitted = [], []
    for _ in range(3000):
        values = random.binomial(50, 0.8, size=(2, 4)) / 50
        validation, test = (estimates(*row.tolist(), n=50) for row in values)
        minima.append(values[1].min())
        fitted.append(cross_fitted_worst(validation, test)[1].value)
    assert np.mean(minima) == pytest.approx(0.8 - 1.03 * math.sqrt(0.8 * 0.2 / 50), abs=0.004)
    assert np.mean(fitted) == pytest.approx(0.8, abs=0.004)


# --- margins and calibration


@settings(max_examples=40)
@given(st.sampled_from([4, 48]), st.integers(0, 10**6), st.floats(-20, 20))
def test_margins_against_a_loop_have_no_zero_of_their_own(n: int, seed: int, shift: float) -> None:
    objects, groups, _ = crossed(n // 4)
    scores, scenes = np.random.default_rng(seed).normal(scale=3, size=(n, 2)), np.repeat(names(n // 2), 2)
    found = margins(scores, objects, groups, scenes, SCENES)
    moved = margins(scores + shift, objects, groups, scenes, SCENES)
    assert tuple(found) == SCENES.names
    for group in SCENES.names:
        here = [row for row in range(n) if groups[row] == group]
        by_hand = [(scores[row, 0] - scores[row, 1]) * (1 if objects[row] == "horse" else -1) for row in here]
        assert found[group] == mean(by_hand, scenes[here])
        assert moved[group].value == pytest.approx(found[group].value, abs=1e-9)


def test_margins_that_are_not_defined_are_refused() -> None:
    objects, groups, scenes = crossed(2)
    scores = np.ones((8, 2))
    with pytest.raises(ValueError, match="something else than horse or camel"):
        margins(scores, np.where(objects == "camel", "zebra", objects), groups, scenes, SCENES)
    with pytest.raises(ValueError, match="A score is not finite"):
        margins(np.where(np.eye(8, 2) > 0, -np.inf, scores), objects, groups, scenes, SCENES)


@pytest.mark.parametrize("columns", [2, 3])
def test_confidence_is_the_share_of_the_best_score(columns: int) -> None:
    scores = np.random.default_rng(1).normal(scale=3, size=(20, columns))
    for row, sure in zip(scores, confidence(scores.astype(np.float32)), strict=True):
        assert sure == pytest.approx(math.exp(max(row)) / sum(math.exp(score) for score in row), rel=1e-5)
    assert confidence(np.array([[1000.0, -1000.0]]))[0] == 1


def slow_error(sure: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        here = [i for i, p in enumerate(sure) if low < p <= high or (b == 0 and p == 0)]
        if here:
            total += abs(sum(float(right[i]) - sure[i] for i in here)) / len(sure)
    return total


@pytest.mark.parametrize(("n", "bins"), [(4, 15), (60, 15), (300, 4)])
def test_the_calibration_error_against_its_formula(n: int, bins: int) -> None:
    """The interval is over scenes of four; 0 and 1, the ends of the scale, have bins too."""
    random = np.random.default_rng(n)
    sure, right, scenes = random.uniform(0.2, 1, n), random.random(n) < 0.8, np.repeat(names(n // 4), 4)
    sure[:3] = 0, 1, 0.2
    found = expected_calibration_error(sure, right, scenes, bins)
    again = bootstrap(lambda w: slow_error(*(np.repeat(x, w.astype(int)) for x in (sure, right)), bins), scenes)
    assert numbers(found) == interval(again)
    assert found.n == n


def test_a_calibrated_model_has_little_error_and_an_overconfident_one_much() -> None:
    random = np.random.default_rng(0)
    sure = random.uniform(0.5, 1, 5_000)
    right = random.random(5_000) < sure
    assert expected_calibration_error(sure, right, names(5_000)).value < 0.03
    assert expected_calibration_error(0.5 + sure / 2, right, names(5_000)).value > 0.1
    for hit in (True, False):
        assert expected_calibration_error(np.ones(10), np.full(10, hit), names(10)).value == 1 - hit


@pytest.mark.parametrize("sure", [[], [0.5, 1.1], [0.5, -0.1], [0.5, np.nan]])
def test_what_is_no_probability_is_refused(sure: list[float]) -> None:
    with pytest.raises(ValueError, match="a probability from 0 to 1"):
        expected_calibration_error(np.array(sure), np.ones(len(sure), bool), names(len(sure)))
