"""The zero-shot readout and its accuracies, against loops that count."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from statsmodels.stats.proportion import confint_proportions_2indep

from vlcore.core.grouping import SCENES
from vlcore.measures.accuracy import (
    blind_match_accuracy,
    cross_fitted_worst,
    difference,
    group_accuracy,
    minority_gap,
    object_scores,
    predict_objects,
    scene_correlation,
    train_weighted,
)
from vlcore.measures.estimate import Estimate, rate, wilson


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
    scores = object_scores(logits, spoken_of, objects)
    predicted = predict_objects(logits, spoken_of, objects)
    assert scores.shape == (images, len(objects))
    for image in range(images):
        sums = []
        for name in objects:
            total = 0.0
            for caption, about in enumerate(spoken_of):
                if about == name:
                    total += math.exp(logits[image, caption])
            sums.append(total)
        assert scores[image] == pytest.approx([math.log(total) for total in sums])
        assert predicted[image] == objects[sums.index(max(sums))]


def test_scores_of_large_logits_neither_overflow_nor_vanish() -> None:
    scores = object_scores(np.array([[1000.0, 1000.0, -1000.0, -1000.0]]), ["a", "a", "b", "b"], ["a", "b"])
    assert scores[0] == pytest.approx([1000 + math.log(2), -1000 + math.log(2)])


def test_two_fair_captions_outweigh_one_slightly_better() -> None:
    """The sum decides, not the best caption."""
    logits = np.log(np.array([[0.3, 0.3, 0.4, 0.0001]]))
    assert predict_objects(logits, ["horse", "horse", "camel", "camel"], ["horse", "camel"]).tolist() == ["horse"]


@settings(max_examples=50)
@given(st_numpy.arrays(np.float64, (3, 4), elements=st.floats(-30, 30)), st.floats(-10, 10))
def test_a_bias_of_all_logits_changes_no_decision(logits: np.ndarray, bias: float) -> None:
    spoken_of = [obj for obj, _ in SCENES.pairs]
    scores = object_scores(logits, spoken_of, SCENES.objects)
    shifted = object_scores(logits + bias, spoken_of, SCENES.objects)
    assert shifted - bias == pytest.approx(scores, abs=1e-9)


def test_an_object_that_no_caption_speaks_of_is_refused() -> None:
    for ask in (object_scores, predict_objects):
        with pytest.raises(ValueError, match="No caption speaks of 'zebra', so it cannot be predicted"):
            ask(np.zeros((2, 2)), ["horse", "camel"], ["horse", "zebra"])


def crossed(scenes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objects, groups and scenes of a crossed test set."""
    cells = [(obj, f"{obj}_{context}", f"s{i}") for obj, context in SCENES.pairs for i in range(scenes)]
    return tuple(np.array(column) for column in zip(*cells, strict=True))  # type: ignore[return-value]


@pytest.mark.parametrize("scenes", [1, 6, 50])
@pytest.mark.parametrize("seed", range(3))
def test_accuracies_against_counting(scenes: int, seed: int) -> None:
    objects, groups, names = crossed(scenes)
    predicted = np.random.default_rng(seed).choice(["horse", "camel"], p=[0.7, 0.3], size=len(objects))
    found = group_accuracy(predicted, objects, groups, names, SCENES)
    share = {}
    for group in SCENES.names:
        hits = total = 0
        for guess, truth, where in zip(predicted, objects, groups, strict=True):
            if where == group:
                total += 1
                hits += guess == truth
        share[group] = hits / total
        assert found.groups[group].value == pytest.approx(share[group])
        assert found.groups[group].n == total
    assert tuple(found.groups) == SCENES.names
    assert found.worst.value == min(share.values())
    assert found.worst == found.groups[found.worst_group]
    for estimate, of in (
        (found.balanced, SCENES.names),
        (found.minority, ("horse_desert", "camel_grass")),
        (found.majority, ("horse_grass", "camel_desert")),
    ):
        assert estimate.value == pytest.approx(sum(share[group] for group in of) / len(of))
        assert estimate.n == scenes * len(of)
        assert 0 <= estimate.low <= estimate.value + 1e-12
        assert estimate.value <= estimate.high + 1e-12 <= 1 + 2e-12
        here = np.isin(groups, of)
        pooled = rate((predicted == objects)[here], names[here])
        assert (estimate.low, estimate.high) == pytest.approx((pooled.low, pooled.high))


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
    predicted = np.array(["horse"] * len(groups))
    found = group_accuracy(predicted, objects, groups, np.arange(len(groups)).astype(str), SCENES)
    assert found.balanced.value == found.majority.value == found.minority.value == 0.5
    for estimate in (found.balanced, found.majority, found.minority):
        assert 0 <= estimate.low <= 0.5 <= estimate.high <= 1
    assert found.balanced.n == 43


def test_a_group_without_images_is_refused() -> None:
    objects, groups, names = crossed(3)
    here = groups != "camel_grass"
    with pytest.raises(ValueError, match="There is no held-out image of camel_grass, so its accuracy is not defined"):
        group_accuracy(objects[here], objects[here], groups[here], names[here], SCENES)


def best_blind_guess(frequencies: np.ndarray, weights: np.ndarray) -> float:
    """Tries every rule "say matched for these captions" on half matched and half mismatched pairs."""
    captions = len(frequencies)
    mismatched = [sum(frequencies[i] * weights[i, k] for i in range(captions)) for k in range(captions)]
    best = 0.0
    for rule in itertools.product([True, False], repeat=captions):
        right = sum(frequencies[k] if says else mismatched[k] for k, says in enumerate(rule))
        best = max(best, right / 2)
    return best


@settings(max_examples=60)
@given(st.integers(2, 5), st.integers(0, 10**6))
def test_blind_matching_is_the_best_of_all_rules(captions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    frequencies = random.dirichlet(np.ones(captions))
    weights = random.dirichlet(np.ones(captions), size=captions)
    found = blind_match_accuracy(frequencies, weights)
    assert found == pytest.approx(best_blind_guess(frequencies, weights))
    assert 0.5 - 1e-12 <= found <= 1 + 1e-12


def others(frequencies: np.ndarray) -> np.ndarray:
    weights = np.tile(frequencies, (len(frequencies), 1))
    np.fill_diagonal(weights, 0)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("captions", [2, 3, 4])
def test_equal_captions_tell_nothing(captions: int) -> None:
    frequencies = np.full(captions, 1 / captions)
    assert blind_match_accuracy(frequencies, others(frequencies)) == pytest.approx(0.5)


def test_rare_captions_tell_something() -> None:
    frequencies = np.array([48, 12, 48, 12]) / 120
    assert blind_match_accuracy(frequencies, others(frequencies)) > 0.52


def test_blind_matching_against_simulated_pairs() -> None:
    random = np.random.default_rng(3)
    frequencies = np.array([0.5, 0.3, 0.2])
    weights = others(frequencies)
    images = random.choice(3, p=frequencies, size=20_000)
    wrong = np.array([random.choice(3, p=weights[image]) for image in images])
    says = frequencies >= frequencies @ weights
    simulated = (says[images].mean() + (~says[wrong]).mean()) / 2
    assert blind_match_accuracy(frequencies, weights) == pytest.approx(simulated, abs=0.01)


@pytest.mark.parametrize("frequencies", [[0.25, 0.25, 0.5], [1.0, 0.0]])
def test_without_mismatched_pairs_every_pair_is_matched(frequencies: list[float]) -> None:
    assert blind_match_accuracy(np.array(frequencies), np.zeros((len(frequencies),) * 2)) == 1.0


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
    assert (found.value, found.n) == (pytest.approx(value), 400)
    assert (found.low, found.high) == pytest.approx((value - math.sqrt(below), value + math.sqrt(above)))


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
    with pytest.raises(ValueError, match="no held-out image of horse_desert, so an accuracy that weights it"):
        train_weighted(groups, {"horse_grass": 48, "horse_desert": 1})
    with pytest.raises(ValueError, match="There is no training image to weight groups by"):
        train_weighted(groups, {"horse_grass": 0})


@pytest.mark.parametrize("scenes", [2, 9, 60])
@pytest.mark.parametrize("seed", range(2))
def test_the_gap_against_its_formula(scenes: int, seed: int) -> None:
    _, groups, names = crossed(scenes)
    majority = np.isin(groups, SCENES.majority)
    right = np.random.default_rng(seed).random(4 * scenes) < np.where(majority, 0.9, 0.6)
    found = minority_gap(right, groups, names, SCENES)
    p = {True: rate(right[majority], names[majority]), False: rate(right[~majority], names[~majority])}
    sums: dict[bool, list[float]] = {True: [], False: []}
    for of in (True, False):
        for scene in sorted(set(names.tolist())):
            here = (names == scene) & (majority == of)
            sums[of].append(float((right[here] - p[of].value).sum()))
    both = sum(a * b for a, b in zip(sums[True], sums[False], strict=True))
    size = math.sqrt(sum(a * a for a in sums[True]) * sum(b * b for b in sums[False]))
    r = both / size if size > 0 else 0.0
    value = p[True].value - p[False].value
    down, up = p[True].value - p[True].low, p[True].high - p[True].value
    other_down, other_up = p[False].value - p[False].low, p[False].high - p[False].value
    assert found.value == pytest.approx(value)
    assert found.low == pytest.approx(max(-1, value - math.sqrt(down**2 - 2 * r * down * other_up + other_up**2)))
    assert found.high == pytest.approx(min(1, value + math.sqrt(up**2 - 2 * r * up * other_down + other_down**2)))
    assert found.n == 4 * scenes


def gaps(scenes: int, shared: float) -> list[Estimate]:
    """Gaps of many test sets whose scenes are hard or easy, as much as is shared."""
    found = []
    for seed in range(300):
        random = np.random.default_rng(seed)
        _, groups, names = crossed(scenes)
        ease = random.normal(size=scenes)[np.char.strip(names, "s").astype(int)]
        score = math.sqrt(shared) * ease + math.sqrt(1 - shared) * random.normal(size=len(names))
        right = score > np.where(np.isin(groups, SCENES.majority), -1.2816, -0.2533)  # 90 and 60 in 100
        found.append(minority_gap(right, groups, names, SCENES))
    return found


def test_the_interval_of_the_gap_holds_what_it_promises_and_is_narrower_where_twins_are_alike() -> None:
    width = {}
    for shared in (0.0, 0.8):
        found = gaps(40, shared)
        assert 0.91 < np.mean([gap.low <= 0.3 <= gap.high for gap in found]) < 0.99
        width[shared] = np.mean([gap.high - gap.low for gap in found])
    assert width[0.8] < 0.95 * width[0.0]  # what a scene does to all four images cancels out


def test_a_gap_of_images_without_twins_against_statsmodels() -> None:
    """Each image is a scene: two independent rates, of which `rate` counts one image less."""
    groups = np.repeat(SCENES.names, 50)
    right = np.concatenate([np.arange(50) < k for k in (45, 30, 45, 30)])
    found = minority_gap(right, groups, np.arange(200).astype(str), SCENES)
    low, high = confint_proportions_2indep(0.9 * 99, 99, 0.6 * 99, 99, method="newcomb", compare="diff")
    assert (found.value, found.low, found.high) == pytest.approx((0.3, low, high))


def test_the_gap_of_a_model_that_sees_only_the_context_is_one_but_not_for_certain() -> None:
    _, groups, names = crossed(30)
    found = minority_gap(np.isin(groups, SCENES.majority), groups, names, SCENES)
    assert (found.value, found.high) == (1, 1)
    assert 0.8 < found.low < 1
    with pytest.raises(ValueError, match="There is no held-out image of horse_desert"):
        minority_gap(np.ones(3, bool), np.repeat("horse_grass", 3), names[:3], SCENES)


@settings(max_examples=60)
@given(st.integers(0, 30), st.integers(0, 30), st.floats(-1, 1))
def test_a_difference_is_inside_its_interval_and_turns_with_its_sides(a: int, b: int, r: float) -> None:
    one, other = (Estimate(k / 30, *wilson(k, 30), 30) for k in (a, b))
    found, turned = difference(one, other, r, 60), difference(other, one, r, 60)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    assert found.n == 60


def test_the_correlation_of_means_is_that_of_sums_over_scenes() -> None:
    random = np.random.default_rng(0)
    names = np.repeat(np.arange(50), 4).astype(str)
    one, other = random.normal(size=(2, 200))
    sums = np.stack([one.reshape(50, 4).sum(axis=1), other.reshape(50, 4).sum(axis=1)])
    by_hand = (sums[0] * sums[1]).sum() / np.sqrt((sums[0] ** 2).sum() * (sums[1] ** 2).sum())
    assert scene_correlation(one, other, names) == pytest.approx(by_hand)
    assert scene_correlation(one, -2 * one, names) == pytest.approx(-1)
    assert scene_correlation(one, np.zeros(200), names) == 0


def test_the_worst_group_is_picked_on_other_images_than_it_is_scored_on() -> None:
    validation, test = estimates(0.9, 0.5, 0.8, 0.6), estimates(0.9, 0.7, 0.8, 0.6)
    assert cross_fitted_worst(validation, test) == ("horse_desert", test["horse_desert"])
    del test["horse_desert"]
    with pytest.raises(ValueError, match="There is no held-out image of horse_desert"):
        cross_fitted_worst(validation, test)
    with pytest.raises(ValueError, match="no validation images to pick the worst group on"):
        cross_fitted_worst({}, test)


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
