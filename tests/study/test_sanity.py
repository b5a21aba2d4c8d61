"""The sanity check: passed only when every check holds in both label styles, and never a guess."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.study.frames import run
from vlcore.artifacts import store
from vlcore.experiment.condition import Condition
from vlcore.study import plans, sanity
from vlcore.study.sanity import SanityStatus

GOOD = {
    "text_only_match": 0.5,
    "untrained": {"probe_object": {"value": 0.55}, "collapsed": False},
    "end": {"train_caption_accuracy": 1.0, "balanced_accuracy": {"value": 0.95}},
}

# Where a number stands in the document, what passes at the edge of what is allowed, what fails, and
# a word about it.
FLIPS: dict[str, tuple[tuple[str, ...], Any, Any, str]] = {
    "fit": (("end", "train_caption_accuracy"), 0.99, 0.9899, "captions fitted"),
    "accuracy": (("end", "balanced_accuracy", "value"), 0.85, 0.8499, "balanced accuracy"),
    "a caption that gives away too much": (("text_only_match",), 0.529, 0.531, "caption alone"),
    "positives only": (("text_only_match",), 0.471, 1.0, "caption alone"),
    "an untrained encoder that knows the animal": (
        ("untrained", "probe_object", "value"),
        0.65,
        0.6501,
        "65.01 %",
    ),
    # A small set has nothing to fit a probe on.
    "an untrained encoder of one point": (
        ("untrained",),
        {"collapsed": False},
        {"collapsed": True},
        "one point",
    ),
}


def test_what_was_not_tried_in_both_styles_is_not_run(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for condition in plans.find("paper").conditions:
        check = sanity.sanity_check(condition, lambda key: pytest.fail(f"read {key}"))
        assert check.status is SanityStatus.NOT_RUN
        assert "with short labels" in check.sentences[0]
    monkeypatch.setattr(
        store, "published", lambda key: key == Condition(labels="undescriptive").key
    )
    check = sanity.sanity_check(Condition(bias=0.75), lambda key: run(Condition(), GOOD))
    assert check.status is SanityStatus.NOT_RUN
    assert " descriptive" in check.sentences[0]


def test_a_frozen_network_may_know_the_animal_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "published", lambda key: True)
    knows = {**GOOD, "untrained": {"probe_object": {"value": 0.99}, "collapsed": False}}
    scratch, pretrained = Condition(), Condition().with_towers("pretrained")
    assert sanity.sanity_check(scratch, lambda _: run(scratch, knows)).status is SanityStatus.FAILED
    assert (
        sanity.sanity_check(pretrained, lambda _: run(pretrained, knows)).status
        is SanityStatus.PASSED
    )


def test_a_dozen_steps_fail(experiments: list[store.Artifact]) -> None:
    for artifact in experiments:
        check = sanity.sanity_check(artifact.condition)
        assert check.status is SanityStatus.FAILED
        assert len(check.sentences) == 8
        fitted = [sentence for sentence in check.sentences if "captions fitted" in sentence]
        assert len(fitted) == 2
        assert all("not as it should be" in sentence for sentence in fitted)


def test_good_numbers_pass_and_are_asked_of_the_two_unbiased_runs(
    experiments: list[store.Artifact],
) -> None:
    asked = []
    check = sanity.sanity_check(
        experiments[3].condition, lambda key: asked.append(key) or run(Condition(), GOOD)
    )
    assert check.status is SanityStatus.PASSED
    assert asked == [artifact.key for artifact in experiments[:2]]
    assert len(check.sentences) == 8
    other_seed = experiments[2].condition.replace(init_seed=7)
    assert (
        sanity.sanity_check(other_seed, lambda key: run(Condition(), GOOD)).status
        is SanityStatus.NOT_RUN
    )


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("style", [0, 1])
def test_every_check_fails_it_alone(
    experiments: list[store.Artifact], flip: str, style: int
) -> None:
    path, passes, fails, words = FLIPS[flip]
    for value, status in ((passes, SanityStatus.PASSED), (fails, SanityStatus.FAILED)):
        metrics = inner = copy.deepcopy(GOOD)
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = value
        given = {experiments[1 - style].key: GOOD, experiments[style].key: metrics}
        check = sanity.sanity_check(
            experiments[0].condition, lambda key, of=given: run(Condition(), of[key])
        )
        assert check.status is status
        wrong = [sentence for sentence in check.sentences if "not as it should be" in sentence]
        assert len(wrong) == (status is SanityStatus.FAILED)
        assert all(
            words in sentence and ("Short", "Descriptive")[style] in sentence for sentence in wrong
        )
