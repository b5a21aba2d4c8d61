"""Measures that are newer than a model, from its stored predictions."""

import json
from pathlib import Path

import pytest

from vlcore.artifacts import store
from vlcore.artifacts.new_measures import MOMENTS, NOT_STORED, with_missing
from vlcore.metrics.accuracy import Predictions
from vlcore.metrics.catalogue import MEASURES, Measure, of_predictions
from vlcore.metrics.estimate import Estimate, rate

ROOT = Path(__file__).parents[2]
ONE_PER_SET = (
    "balanced-cues-b75-descriptive-bce-s0-a4abb4aa",
    "renders-b75-descriptive-bce-s0-2c287d15",
    "scenes-b75-descriptive-bce-s0-5ce2b34c",
)


@pytest.fixture(autouse=True)
def _bundled(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLCORE_SHIPPED", str(ROOT / "models" / "shipped"))


@pytest.mark.parametrize("key", ONE_PER_SET)
def test_stored_predictions_give_the_accuracies_of_the_training(key: str) -> None:
    artifact = store.read(key)
    stored = artifact.json("metrics.json")
    older = json.loads(json.dumps(stored))
    at_training = [name for name in of_predictions() if name in stored["end"]]
    for name in at_training:
        for moment in MOMENTS:
            older[moment].pop(name, None)
    completed = with_missing(older, artifact.condition, artifact.embeddings)
    assert at_training, "the test would compare nothing"
    for name in at_training:
        assert completed["end"][name] == stored["end"][name]
    absent = completed["untrained"]["absent"]
    assert {absent[name] for name in of_predictions()} == {NOT_STORED}


def test_a_new_measure_is_computed_when_metrics_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = store.read(ONE_PER_SET[0])
    stored = artifact.json("metrics.json")

    def share_correct(predictions: Predictions) -> Estimate:
        return rate(predictions.correct, predictions.scenes)

    def undefined(predictions: Predictions) -> Estimate:
        raise ValueError("no reason")

    for name, function in (("share_correct", share_correct), ("undefined", undefined)):
        monkeypatch.setitem(MEASURES, name, Measure(name, name, of_predictions=function))
    end = artifact.metrics["end"]
    assert end["share_correct"]["n"] == end["balanced_accuracy"]["n"]
    assert end["share_correct"]["value"] == pytest.approx(end["balanced_accuracy"]["value"])
    assert end["absent"] == stored["end"]["absent"] | {"undefined": "no reason"}
    assert {name: end[name] for name in stored["end"] if name != "absent"} == {
        name: value for name, value in stored["end"].items() if name != "absent"
    }


def test_a_new_measure_of_a_model_whose_set_is_gone_has_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    artifact = store.read(ONE_PER_SET[0])
    older = artifact.json("metrics.json")
    del older["end"]["balanced_accuracy"]
    gone = artifact.condition.replace(data="gone")
    completed = with_missing(older, gone, artifact.embeddings)
    assert "no usable image set named 'gone'" in completed["end"]["absent"]["balanced_accuracy"]
