"""A last layer is a direction and a threshold: the answers of the model it was fitted as, and scores like captions'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from vlcore.core.grouping import SCENES
from vlcore.measures.last_layer import LastLayer, dfr, of_standardised, probe_layer
from vlcore.measures.readouts import linear_probe

Fit = tuple[np.ndarray, np.ndarray, np.ndarray]


def cloud(per_group: list[int], seed: int, strength: float = 3.0) -> Fit:
    """Embeddings with a weak direction for the object and a strong one for the context; objects, groups."""
    groups = np.repeat(SCENES.names, per_group)
    objects = np.array([name.split("_")[0] for name in groups])
    z = np.random.default_rng(seed).normal(size=(len(groups), 16))
    z[:, 2] += strength * (objects == "horse")
    z[:, 5] += 10 * np.array([name.endswith("grass") for name in groups])
    return z, objects, groups


def test_a_layer_on_standardised_numbers_is_one_on_the_numbers_themselves() -> None:
    (z, objects, _), held_out = cloud([20] * 4, 0), cloud([50] * 4, 1)[0]
    scaler = StandardScaler().fit(z)
    model, scaled = LogisticRegression().fit(scaler.transform(z), objects), scaler.transform(held_out)
    layer = of_standardised(model.classes_, scaler.mean_, scaler.scale_, model.coef_[0], model.intercept_[0])
    assert np.allclose(layer.log_odds(held_out), model.decision_function(scaled))
    assert np.allclose(layer.scores(held_out, model.classes_), model.predict_log_proba(scaled))
    assert (layer.names(held_out) == model.predict(scaled)).all()


def test_the_probe_as_a_layer_says_what_the_probe_says() -> None:
    (z, objects, _), held_out = cloud([22] * 4, 2), cloud([75] * 4, 3)[0].astype(np.float32)
    assert (probe_layer(z, objects).names(held_out) == linear_probe(z, objects, held_out)).all()


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


@pytest.mark.parametrize(("per_group", "low", "high"), [([45, 0, 45, 0], 0, 0.5), ([23] * 4, 0.85, 1)])
def test_a_probe_of_biased_pictures_leans_on_the_context(per_group: list[int], low: float, high: float) -> None:
    z, objects, groups = cloud([250] * 4, 5)
    right = probe_layer(*cloud(per_group, 4)[:2]).names(z) == objects
    assert low <= right[np.isin(groups, SCENES.minority)].mean() <= high


def test_dfr_reads_the_object_and_not_the_context() -> None:
    fit, (z, objects, groups) = cloud([48, 6, 48, 6], 0, 4.0), cloud([200] * 4, 1, 4.0)
    right = dfr(*fit).names(z) == objects
    assert right.mean() > 0.93
    by_group = [right[groups == name].mean() for name in SCENES.names]
    assert max(by_group) - min(by_group) < 0.1


def test_the_same_pictures_give_the_same_readout_on_any_scale() -> None:
    (z, *labels), held_out = cloud([20] * 4, 0), cloud([30] * 4, 1)[0]
    one = dfr(z, *labels)
    assert (one.log_odds(held_out) == dfr(z, *labels).log_odds(held_out)).all()
    assert (dfr(z * 7 + 3, *labels).names(held_out * 7 + 3) == one.names(held_out)).mean() > 0.99


def test_nothing_to_see_is_chance() -> None:
    fit, held_out = cloud([48] * 4, 0, 0.0), cloud([300] * 4, 1, 0.0)
    assert (dfr(*fit).names(held_out[0]) == held_out[1]).mean() == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("per_group", [[3, 9, 9, 9], [9, 9, 0, 0]])
def test_too_few_pictures_are_refused(per_group: list[int]) -> None:
    with pytest.raises(ValueError, match="at least four validation pictures"):
        dfr(*cloud(per_group, 0))
