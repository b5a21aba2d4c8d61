"""The zero-shot readout and its accuracies, against loops that count."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from vlcore.images.captions import objects_of
from vlcore.images.groups import SCENES
from vlcore.measures.accuracy import blind_match_accuracy, group_accuracy, object_scores, predict_objects
from vlcore.measures.estimate import rate, wilson


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
    spoken_of = list(objects_of("descriptive", SCENES).values())
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
