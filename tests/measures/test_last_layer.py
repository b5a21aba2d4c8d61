"""A last layer is a direction and a threshold: the answers of the model it was fitted as, and scores like captions'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from vlcore.measures.last_layer import LastLayer, of_standardised, probe_layer
from vlcore.measures.readouts import linear_probe

OBJECTS = np.array(["horse", "camel"])


def cloud(n: int, seed: int, bias: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings with a weak direction for the object and a strong one for the context; objects, contexts."""
    random = np.random.default_rng(seed)
    objects = np.resize(OBJECTS, n)
    own = objects == "horse"
    grass = np.where(random.random(n) < (1 + bias) / 2, own, ~own)
    z = random.normal(size=(n, 6)) * np.array([1, 5, 1, 0.2, 1, 1])
    z[:, 0] += 3 * own
    z[:, 1] += 20 * grass
    return z, objects, np.where(grass, "grass", "desert")


def test_a_layer_on_standardised_numbers_is_one_on_the_numbers_themselves() -> None:
    z, objects, _ = cloud(80, 0)
    scaler = StandardScaler().fit(z)
    model = LogisticRegression().fit(scaler.transform(z), objects)
    layer = of_standardised(model.classes_, scaler.mean_, scaler.scale_, model.coef_[0], model.intercept_[0])
    held_out = cloud(200, 1)[0]
    assert np.allclose(layer.log_odds(held_out), model.decision_function(scaler.transform(held_out)))
    assert np.allclose(layer.scores(held_out, model.classes_), model.predict_log_proba(scaler.transform(held_out)))
    assert (layer.names(held_out) == model.predict(scaler.transform(held_out))).all()


def test_the_probe_as_a_layer_says_what_the_probe_says() -> None:
    z, objects, _ = cloud(90, 2)
    held_out = cloud(300, 3)[0].astype(np.float32)
    assert (probe_layer(z, objects).names(held_out) == linear_probe(z, objects, held_out)).all()


def test_a_probe_of_biased_pictures_leans_on_the_context() -> None:
    held_out, objects, contexts = cloud(1000, 5)
    against = (objects == "horse") != (contexts == "grass")

    def wrong(bias: float) -> float:
        fit = cloud(90, 4, bias)
        return float((probe_layer(fit[0], fit[1]).names(held_out) != objects)[against].mean())

    assert wrong(1.0) > 0.5 > 0.15 > wrong(0.0)


@given(odds=st.floats(-50, 50), turned=st.booleans())
def test_scores_are_log_probabilities_in_the_order_that_is_asked(odds: float, turned: bool) -> None:
    layer = LastLayer(("camel", "horse"), np.zeros(3), odds)
    asked = ("horse", "camel") if turned else ("camel", "horse")
    scores = layer.scores(np.ones((2, 3)), asked)
    assert np.exp(scores).sum(axis=1) == pytest.approx(1)
    assert scores[0, asked.index("horse")] - scores[0, asked.index("camel")] == pytest.approx(odds, abs=1e-6)


def test_other_objects_and_one_object_are_refused() -> None:
    layer = LastLayer(("camel", "horse"), np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="tells camel from horse, not gull from crow"):
        layer.scores(np.ones((1, 3)), ("gull", "crow"))
    with pytest.raises(ValueError, match="do not show two"):
        probe_layer(np.ones((8, 3)), np.repeat("horse", 8))
    with pytest.raises(ValueError, match="at least 3 images each"):
        probe_layer(np.eye(8), np.repeat(["horse", "camel"], [6, 2]))
