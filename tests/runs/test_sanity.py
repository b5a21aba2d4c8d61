"""The validity gate: green only when every check holds in both label styles, and never a guess."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vlcore.core.condition import Condition
from vlcore.runs import sanity
from vlcore.runs.sanity import Light
from vlcore.store import artefacts
from vlcore.studies import plans

GOOD = {
    "text_only_match": 0.5,
    "untrained": {"probe_object": {"value": 0.55}, "collapsed": False},
    "end": {"train_caption_accuracy": 1.0, "balanced_accuracy": {"value": 0.95}},
}

# Each makes one check fail that is met at the edge of what is allowed.
FLIPS: dict[str, tuple[Callable[[dict[str, Any]], Any], Callable[[dict[str, Any]], Any], str]] = {
    "fit": (
        lambda m: m["end"].update(train_caption_accuracy=0.99),
        lambda m: m["end"].update(train_caption_accuracy=0.9899),
        "99 % of training captions fitted, at least 99 wanted",
    ),
    "accuracy": (
        lambda m: m["end"]["balanced_accuracy"].update(value=0.85),
        lambda m: m["end"]["balanced_accuracy"].update(value=0.8499),
        "right on 85 % of held-out pictures, at least 85 wanted",
    ),
    "a caption that gives away too much": (
        lambda m: m.update(text_only_match=0.529),
        lambda m: m.update(text_only_match=0.531),
        "caption alone tells matched pairs at 0.53, 0.50 wanted",
    ),
    "positives only": (
        lambda m: m.update(text_only_match=0.471),
        lambda m: m.update(text_only_match=1.0),
        "caption alone tells matched pairs at 1.00, 0.50 wanted",
    ),
    "an untrained encoder that knows the animal": (
        lambda m: m["untrained"]["probe_object"].update(value=0.65),
        lambda m: m["untrained"]["probe_object"].update(value=0.6501),
        "untrained encoder shows the object at 65 %, at most 65 wanted",
    ),
    "an untrained encoder of one point": (
        lambda m: m["untrained"].pop("probe_object"),  # a small set has nothing to fit a probe on
        lambda m: m.update(untrained={"collapsed": True}),
        "untrained encoder maps all pictures to one point",
    ),
}


def with_metrics(metrics: dict[str, Any]) -> artefacts.Artefact:
    artefact = artefacts.Artefact("a-key", Path("nowhere"), {})
    vars(artefact)["metrics"] = metrics
    return artefact


def good(_key: str) -> artefacts.Artefact:
    return with_metrics(copy.deepcopy(GOOD))


@pytest.mark.parametrize("condition", plans.find("paper").conditions)
def test_a_recipe_that_was_not_tried_is_unknown(empty_home: Path, condition: Condition) -> None:
    gate = sanity.gate(condition, lambda key: pytest.fail(f"read {key}"))
    assert gate.light is Light.UNKNOWN
    assert gate.title == "sanity check not run yet"
    assert gate.sentences == ["Train no bias with undescriptive labels and this seed to check it."]


def test_one_style_alone_is_not_enough(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    condition = Condition(bias=0.75)
    monkeypatch.setattr(artefacts, "published", lambda key: key == Condition(labels="undescriptive").key)
    gate = sanity.gate(condition, good)
    assert gate.light is Light.UNKNOWN
    assert gate.sentences == ["Train no bias with descriptive labels and this seed to check it."]


def test_a_dozen_steps_are_red(experiments: list[artefacts.Artefact]) -> None:
    for artefact in experiments:
        gate = sanity.gate(artefact.condition)
        assert gate.light is Light.RED
        assert gate.title == "sanity check failed"
        assert len(gate.sentences) == 8
        fitted = [experiment.metrics["end"]["train_caption_accuracy"] for experiment in experiments[:2]]
        for style, value in zip(("Undescriptive", "Descriptive"), fitted, strict=True):
            sentence = f"{style}: {value * 100:.0f} % of training captions fitted, at least 99 wanted"
            assert f"{sentence} (not as it should be)." in gate.sentences


def test_good_numbers_are_green_and_asked_of_the_two_unbiased_runs(experiments: list[artefacts.Artefact]) -> None:
    asked = []

    def read(key: str) -> artefacts.Artefact:
        asked.append(key)
        return good(key)

    gate = sanity.gate(experiments[3].condition, read)
    assert gate.light is Light.GREEN
    assert gate.title == "sanity check passed"
    assert asked == [artefact.key for artefact in experiments[:2]]
    assert len(gate.sentences) == 8
    assert all(sentence.endswith("(as it should be).") for sentence in gate.sentences)


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("style", [0, 1])
def test_every_check_turns_the_light_alone(experiments: list[artefacts.Artefact], flip: str, style: int) -> None:
    keeps, fails, words = FLIPS[flip]
    lights = {}
    for change in (keeps, fails):
        metrics = copy.deepcopy(GOOD)
        change(metrics)
        changed = experiments[style].key

        def read(key: str, changed: str = changed, metrics: dict[str, Any] = metrics) -> artefacts.Artefact:
            return with_metrics(metrics) if key == changed else good(key)

        lights[change] = sanity.gate(experiments[0].condition, read)
    assert lights[keeps].light is Light.GREEN
    assert lights[fails].light is Light.RED
    wrong = [sentence for sentence in lights[fails].sentences if "not as it should be" in sentence]
    assert wrong == [f"{('Undescriptive', 'Descriptive')[style]}: {words} (not as it should be)."]


def test_the_gate_is_of_the_same_seeds_and_settings(experiments: list[artefacts.Artefact]) -> None:
    other_seed = experiments[2].condition.replace(init_seed=7)
    assert sanity.gate(other_seed, good).light is Light.UNKNOWN
    assert sanity.gate(experiments[2].condition, good).light is Light.GREEN
