"""Every readout against loops, and where they are bound to differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from tests.metrics.spaces import cloud, unit
from vlcore.experiment.grouping import SCENES
from vlcore.metrics import readouts

OBJECTS = ["horse", "camel"]
Fit = tuple[np.ndarray, np.ndarray, np.ndarray]


def noisy(n: int, seed: int, size: int = 6, noise: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array(OBJECTS)[np.arange(n) % 2]
    away = np.where(labels == "horse", 1.0, -1.0)[:, None] * np.eye(size)[:1]
    return unit(away + noise * np.random.default_rng(seed).normal(size=(n, size))), labels


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
        ("at least 3 images each", lambda: readouts.fitted_probe(cloud(18, 3), few)),
        ("four validation images", lambda: readouts.dfr(z, objects, groups)),
    ):
        with pytest.raises(ValueError, match=reason):
            ask()
