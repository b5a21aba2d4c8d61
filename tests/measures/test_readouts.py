"""Every readout against loops, and where they are bound to differ."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from tests.measures.spaces import cloud, unit
from vlcore.measures.accuracy import predict_objects
from vlcore.measures.readouts import (
    FOLDS,
    STRENGTHS,
    best_caption,
    given_context,
    linear_probe,
    mean_caption,
    nearest_neighbours,
)

OBJECTS = ["horse", "camel"]
SPOKEN_OF = ["horse", "horse", "camel", "camel"]
PLACED_IN = ["grass", "desert", "desert", "grass"]


def logits_of(n: int, captions: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=3, size=(n, captions))


# --- captions


@pytest.mark.parametrize(
    ("spoken_of", "objects"),
    [(OBJECTS, OBJECTS), (SPOKEN_OF, OBJECTS), (["x", "b", "c", "b", "a", ""], ["c", "a", "b"])],
)
@pytest.mark.parametrize("n", [0, 1, 30])
def test_the_best_caption_against_a_loop(spoken_of: list[str], objects: list[str], n: int) -> None:
    logits = logits_of(n, len(spoken_of), n)
    said = best_caption(logits, spoken_of, objects)
    assert said.shape == (n,)
    for row in range(n):
        ranked = sorted(range(len(spoken_of)), key=lambda k, row=row: -logits[row, k])
        assert said[row] == next(spoken_of[k] for k in ranked if spoken_of[k] in objects)


def test_the_best_caption_is_not_the_best_sum() -> None:
    logits = np.log(np.array([[0.3, 0.3, 0.4, 0.0001]]))
    assert best_caption(logits, SPOKEN_OF, OBJECTS).tolist() == ["camel"]
    assert predict_objects(logits, SPOKEN_OF, OBJECTS).tolist() == ["horse"]


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(0.1, 50))
def test_with_one_caption_an_object_all_caption_readouts_agree(seed: int, scale: float) -> None:
    z, t = cloud(12, 5, seed), cloud(2, 5, seed + 1)
    logits = scale * z @ t.T
    primary = predict_objects(logits, OBJECTS, OBJECTS).tolist()
    assert best_caption(logits, OBJECTS, OBJECTS).tolist() == primary
    assert mean_caption(z, t, OBJECTS, OBJECTS).tolist() == primary


@pytest.mark.parametrize(("n", "size"), [(1, 2), (20, 8), (50, 32)])
def test_the_mean_caption_against_a_loop(n: int, size: int) -> None:
    z, t = cloud(n, size, 1), cloud(4, size, 2)
    said = mean_caption(z.astype(np.float32), t.astype(np.float32), SPOKEN_OF, OBJECTS)
    for row in range(n):
        cosines = {}
        for name in OBJECTS:
            own = [t[k] for k in range(4) if SPOKEN_OF[k] == name]
            centre = [sum(vector[d] for vector in own) / len(own) for d in range(size)]
            length = math.sqrt(sum(value * value for value in centre))
            cosines[name] = sum(z[row, d] * centre[d] for d in range(size)) / length
        assert said[row] == max(cosines, key=lambda name: cosines[name])


def test_the_mean_caption_is_brought_back_to_length_one() -> None:
    """Two horse captions far apart have a short mean; it counts by its direction."""
    t = np.array([[0.8, 0.6, 0], [0.8, -0.6, 0], [0.0, 0, 1]])
    z = unit(np.array([[0.95, 0, 0.9]]))
    assert z[0] @ t[:2].mean(axis=0) < z[0] @ t[2]
    assert mean_caption(z, t, ["horse", "horse", "camel"], OBJECTS).tolist() == ["horse"]


def test_captions_that_cancel_out_or_speak_of_nothing_are_refused() -> None:
    t = np.array([[1.0, 0], [-1, 0], [0, 1]])
    for reason, ask in (
        ("captions of 'horse' cancel out", lambda: mean_caption(cloud(3, 2), t, ["horse", "horse", "camel"], OBJECTS)),
        ("'zebra'", lambda: best_caption(np.zeros((2, 2)), OBJECTS, ["horse", "zebra"])),
        ("'zebra'", lambda: mean_caption(cloud(2, 3), cloud(2, 3), OBJECTS, ["horse", "zebra"])),
    ):
        with pytest.raises(ValueError, match=reason):
            ask()


@pytest.mark.parametrize("n", [1, 25])
def test_given_the_context_only_its_captions_count(n: int) -> None:
    logits = logits_of(n, 4, 5)
    contexts = np.random.default_rng(6).choice(["grass", "desert"], n)
    said = given_context(logits, SPOKEN_OF, PLACED_IN, contexts, OBJECTS)
    for row in range(n):
        among = {SPOKEN_OF[k]: logits[row, k] for k in range(4) if PLACED_IN[k] == contexts[row]}
        assert said[row] == max(among, key=lambda name: among[name])


def test_given_the_context_several_captions_of_it_are_summed() -> None:
    logits = np.log(np.array([[0.3, 0.3, 0.4, 9.0]]))
    said = given_context(logits, SPOKEN_OF, ["grass", "grass", "grass", None], np.array(["grass"]), OBJECTS)
    assert said.tolist() == ["horse"]


def test_a_model_that_sees_only_the_context_is_told_nothing_by_it() -> None:
    """Adding the same to every caption of a context changes no decision: its score cancels out."""
    logits = logits_of(40, 4)
    contexts = np.repeat(["grass", "desert"], 20)
    shift = np.where(np.array(PLACED_IN) == "grass", 7.0, -7.0)
    plain = given_context(logits, SPOKEN_OF, PLACED_IN, contexts, OBJECTS)
    assert (given_context(logits + shift, SPOKEN_OF, PLACED_IN, contexts, OBJECTS) == plain).all()
    assert (predict_objects(logits + shift, SPOKEN_OF, OBJECTS) != predict_objects(logits, SPOKEN_OF, OBJECTS)).any()


@pytest.mark.parametrize("placed_in", [[None] * 4, ["grass", "desert", "desert", None]])
def test_captions_without_the_context_are_refused(placed_in: list[str | None]) -> None:
    contexts = np.array(["grass", "desert"])
    with pytest.raises(ValueError, match=r"No caption puts '\w+' in '\w+'"):
        given_context(np.zeros((2, 4)), SPOKEN_OF, placed_in, contexts, OBJECTS)


# --- images


def noisy(n: int, seed: int, size: int = 6, noise: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array(OBJECTS)[np.arange(n) % 2]
    away = np.where(labels == "horse", 1.0, -1.0)[:, None] * np.eye(size)[:1]
    return unit(away + noise * np.random.default_rng(seed).normal(size=(n, size))), labels


@pytest.mark.parametrize("k", [1, 3, 5])
def test_neighbours_against_sorting_and_counting(k: int) -> None:
    (z_fit, labels), (z, _) = noisy(31, 1), noisy(17, 2)
    said = nearest_neighbours(z_fit.astype(np.float32), labels, z.astype(np.float32), k)
    for row in range(17):
        order = sorted(range(31), key=lambda j, row=row: -float(z[row] @ z_fit[j]))[:k]
        assert said[row] == Counter(labels[order].tolist()).most_common(1)[0][0]


def test_neighbours_are_near_by_angle_not_by_distance() -> None:
    z_fit, labels = np.array([[10.0, 0.5], [0.2, 1.0]]), np.array(["long", "close"])
    assert nearest_neighbours(z_fit, labels, np.array([[1.0, 0.1]]), k=1).tolist() == ["long"]


def test_too_few_neighbours_are_refused() -> None:
    with pytest.raises(ValueError, match="5 neighbours are looked for among 4 images"):
        nearest_neighbours(cloud(4, 3), np.array(OBJECTS * 2), cloud(2, 3))


def slow_probe(z_fit: np.ndarray, labels: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray]:
    """Every strength in every fold, by hand."""

    def fitted(rows: np.ndarray, strength: float, on: np.ndarray) -> np.ndarray:
        centre, spread = z_fit[rows].mean(axis=0), z_fit[rows].std(axis=0)
        model = LogisticRegression(C=strength, max_iter=2000).fit((z_fit[rows] - centre) / spread, labels[rows])
        return model.predict((on - centre) / spread)

    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(z_fit, labels))
    scores = []
    for strength in STRENGTHS:
        shares = [float((fitted(rows, strength, z_fit[out]) == labels[out]).mean()) for rows, out in folds]
        scores.append(sum(shares) / len(shares))
    best = STRENGTHS[scores.index(max(scores))]
    return best, fitted(np.arange(len(z_fit)), best, z)


def test_a_probe_against_every_strength_in_every_fold() -> None:
    chosen = set()
    for seed in range(3):
        (z_fit, labels), (z, _) = noisy(60, seed, 12, 1.5), noisy(40, seed + 10, 12, 1.5)
        strength, said = slow_probe(z_fit, labels, z)
        chosen.add(strength)
        assert (linear_probe(z_fit, labels, z) == said).all()
    assert len(chosen) > 1, "else the choice could not be seen to be made"


def test_images_sorted_by_label_and_features_of_any_scale_are_probed_alike() -> None:
    (z_fit, labels), (z, truth) = noisy(80, 1, noise=0.5), noisy(60, 2, noise=0.5)
    order = np.argsort(labels, kind="stable")
    said = linear_probe(z_fit[order], labels[order], z)
    assert (said == truth).mean() > 0.85
    scale = np.array([1e-3, 1, 1, 1e3, 1, 1])
    assert (linear_probe((z_fit * scale)[order], labels[order], z * scale) == said).all()


@pytest.mark.parametrize("labels", [["horse"] * 20, ["horse"] * 16 + ["camel"] * (FOLDS - 1)])
def test_a_probe_of_too_little_is_refused(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="fitted on two labels or more with at least 3 images each"):
        linear_probe(cloud(20, 3), np.array(labels), cloud(2, 3))
