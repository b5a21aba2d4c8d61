"""Every readout against loops, and where they are bound to differ."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from tests.metrics.spaces import cloud, unit
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import readouts
from vlcore.metrics.accuracy import predict_objects

OBJECTS = ["horse", "camel"]
SPOKEN_OF = ["horse", "horse", "camel", "camel"]
PLACED_IN = ["grass", "desert", "desert", "grass"]
Fit = tuple[np.ndarray, np.ndarray, np.ndarray]


def logits_of(n: int, captions: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=3, size=(n, captions))


@pytest.mark.parametrize(
    ("spoken_of", "objects"),
    [(OBJECTS, OBJECTS), (SPOKEN_OF, OBJECTS), (["x", "b", "c", "b", "a", ""], ["c", "a", "b"])],
)
@pytest.mark.parametrize("n", [0, 1, 30])
def test_the_best_caption_against_a_loop(spoken_of: list[str], objects: list[str], n: int) -> None:
    logits = logits_of(n, len(spoken_of), n)
    said = readouts.best_caption(logits, spoken_of, objects)
    assert said.shape == (n,)
    for row in range(n):
        ranked = sorted(range(len(spoken_of)), key=lambda k, row=row: -logits[row, k])
        assert said[row] == next(spoken_of[k] for k in ranked if spoken_of[k] in objects)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(0.1, 50))
def test_with_one_caption_an_object_all_caption_readouts_agree(seed: int, scale: float) -> None:
    z, t = cloud(12, 5, seed), cloud(2, 5, seed + 1)
    logits = scale * z @ t.T
    primary = predict_objects(logits, OBJECTS, OBJECTS).tolist()
    assert readouts.best_caption(logits, OBJECTS, OBJECTS).tolist() == primary
    assert readouts.mean_caption(z, t, OBJECTS, OBJECTS).tolist() == primary


def test_adjusted_scores_lose_the_log_of_how_often_a_caption_occurs() -> None:
    logits, counts = logits_of(40, 4), np.array([48, 12, 48, 12])
    said = readouts.frequency_adjusted(logits, SPOKEN_OF, counts, OBJECTS)
    for row in range(40):
        odds = [math.exp(logits[row, k]) / (counts[k] / 120) for k in range(4)]
        assert said[row] == ("horse" if odds[0] + odds[1] > odds[2] + odds[3] else "camel")
    even = readouts.frequency_adjusted(logits, SPOKEN_OF, np.full(4, 30), OBJECTS)
    assert even.tolist() == predict_objects(logits, SPOKEN_OF, OBJECTS).tolist()
    assert even.tolist() != said.tolist()
    with pytest.raises(ValueError, match="no training image"):
        readouts.frequency_adjusted(logits, SPOKEN_OF, counts * [1, 0, 1, 0], OBJECTS)


@pytest.mark.parametrize(("n", "size"), [(1, 2), (20, 8), (50, 32)])
def test_the_mean_caption_against_a_loop(n: int, size: int) -> None:
    """Captions of an object that are far apart have a short mean; it counts by its direction."""
    z, t = cloud(n, size, 1), cloud(4, size, 2)
    said = readouts.mean_caption(z.astype(np.float32), t.astype(np.float32), SPOKEN_OF, OBJECTS)
    for row in range(n):
        cosines = {}
        for name in OBJECTS:
            own = [t[k] for k in range(4) if SPOKEN_OF[k] == name]
            centre = [sum(vector[d] for vector in own) / len(own) for d in range(size)]
            length = math.sqrt(sum(value * value for value in centre))
            cosines[name] = sum(z[row, d] * centre[d] for d in range(size)) / length
        assert said[row] == max(cosines, key=lambda name: cosines[name])


@pytest.mark.parametrize("n", [1, 25])
def test_given_the_context_only_its_captions_count_and_several_are_summed(n: int) -> None:
    several = np.log(np.array([[0.3, 0.3, 0.4, 9.0]]))
    said = readouts.given_context(
        several, SPOKEN_OF, ["grass", "grass", "grass", None], np.array(["grass"]), OBJECTS
    )
    assert said.tolist() == ["horse"]
    assert readouts.best_caption(several[:, :3], SPOKEN_OF[:3], OBJECTS).tolist() == ["camel"]
    logits = logits_of(n, 4, 5)
    contexts = np.random.default_rng(6).choice(["grass", "desert"], n)
    said = readouts.given_context(logits, SPOKEN_OF, PLACED_IN, contexts, OBJECTS)
    for row in range(n):
        among = {SPOKEN_OF[k]: logits[row, k] for k in range(4) if PLACED_IN[k] == contexts[row]}
        assert said[row] == max(among, key=lambda name: among[name])


def noisy(n: int, seed: int, size: int = 6, noise: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array(OBJECTS)[np.arange(n) % 2]
    away = np.where(labels == "horse", 1.0, -1.0)[:, None] * np.eye(size)[:1]
    return unit(away + noise * np.random.default_rng(seed).normal(size=(n, size))), labels


def test_neighbours_against_sorting_and_counting() -> None:
    (z_fit, labels), (z, _) = noisy(31, 1), noisy(17, 2)
    said = readouts.nearest_neighbours(z_fit.astype(np.float32), labels, z.astype(np.float32))
    for row in range(17):
        order = sorted(range(31), key=lambda j, row=row: -float(z[row] @ z_fit[j]))[:5]
        assert said[row] == Counter(labels[order].tolist()).most_common(1)[0][0]


def slow_probe(z_fit: np.ndarray, labels: np.ndarray, z: np.ndarray) -> tuple[float, np.ndarray]:
    """Every strength in every fold, by hand."""

    def fitted(rows: np.ndarray, strength: float, on: np.ndarray) -> np.ndarray:
        centre, spread = z_fit[rows].mean(axis=0), z_fit[rows].std(axis=0)
        model = LogisticRegression(C=strength, max_iter=2000).fit(
            (z_fit[rows] - centre) / spread, labels[rows]
        )
        return model.predict((on - centre) / spread)

    folds = list(StratifiedKFold(readouts.FOLDS, shuffle=True, random_state=0).split(z_fit, labels))
    scores = []
    for strength in readouts.PROBE_STRENGTHS:
        shares = [
            float((fitted(rows, strength, z_fit[out]) == labels[out]).mean()) for rows, out in folds
        ]
        scores.append(sum(shares) / len(shares))
    best = readouts.PROBE_STRENGTHS[scores.index(max(scores))]
    return best, fitted(np.arange(len(z_fit)), best, z)


def test_a_probe_against_every_strength_in_every_fold() -> None:
    chosen = set()
    for seed in range(3):
        (z_fit, labels), (z, _) = noisy(60, seed, 12, 1.5), noisy(40, seed + 10, 12, 1.5)
        strength, said = slow_probe(z_fit, labels, z)
        chosen.add(strength)
        assert (readouts.linear_probe(z_fit, labels, z) == said).all()
    assert len(chosen) > 1, "else the choice could not be seen to be made"


def grouped(per_group: list[int], seed: int, strength: float = 3.0) -> Fit:
    """Embeddings with a weak direction for the object and a strong one for the context; objects,
    groups."""
    groups = np.repeat(SCENES.names, per_group)
    objects = np.array([name.split("_")[0] for name in groups])
    z = np.random.default_rng(seed).normal(size=(len(groups), 16))
    z[:, 2] += strength * (objects == "horse")
    z[:, 5] += 10 * np.array([name.endswith("grass") for name in groups])
    return z, objects, groups


def log_odds(layer: readouts.LastLayer, z: np.ndarray) -> np.ndarray:
    first, second = layer.scores(z, layer.objects).T
    return second - first


def named(layer: readouts.LastLayer, z: np.ndarray) -> np.ndarray:
    return np.asarray(layer.objects)[(log_odds(layer, z) > 0).astype(int)]


@given(odds=st.floats(-50, 50), turned=st.booleans())
def test_scores_are_log_probabilities_in_the_order_that_is_asked(odds: float, turned: bool) -> None:
    layer = readouts.LastLayer(("camel", "horse"), np.zeros(3), odds)
    asked = ("horse", "camel") if turned else ("camel", "horse")
    scores = layer.scores(np.ones((2, 3)), asked)
    assert np.exp(scores).sum(axis=1) == pytest.approx(1)
    assert scores[0, asked.index("horse")] - scores[0, asked.index("camel")] == pytest.approx(
        odds, abs=1e-6
    )


def test_dfr_reads_the_object_and_not_the_context() -> None:
    fit, (z, objects, groups) = grouped([48, 6, 48, 6], 0, 4.0), grouped([200] * 4, 1, 4.0)
    layer = readouts.dfr(*fit)
    assert 1 <= np.count_nonzero(layer.direction) < 16  # the penalty is the sparse one
    right = named(layer, z) == objects
    assert right.mean() > 0.93
    by_group = [right[groups == name].mean() for name in SCENES.names]
    assert max(by_group) - min(by_group) < 0.1


def test_what_cannot_be_read_is_refused() -> None:
    few = np.array(["horse"] * 16 + ["camel"] * (readouts.FOLDS - 1))
    z, objects, groups = grouped([20, 20, 20, 3], 0)
    for reason, ask in (
        ("'zebra'", lambda: readouts.best_caption(np.zeros((2, 2)), OBJECTS, ["horse", "zebra"])),
        ("at least 3 images each", lambda: readouts.fitted_probe(cloud(18, 3), few)),
        ("four validation images", lambda: readouts.dfr(z, objects, groups)),
    ):
        with pytest.raises(ValueError, match=reason):
            ask()
