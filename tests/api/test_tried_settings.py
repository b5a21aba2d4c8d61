"""Stacks of seeds, their spread, and the settings to choose by."""

from typing import Any

import pytest

from vlcore.api.tried_settings import SeedStack, filter_stacks, setting_choices, stack_seeds
from vlcore.experiment.condition import Condition
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.paired import t_interval

SHORT = Condition(bias=0.75, labels="undescriptive")
PRIMARY = "minority_accuracy"


def seeded(seed: int) -> Condition:
    return SHORT.replace(data_seed=seed, init_seed=seed)


def stacks_of(*runs: tuple[Condition, float | None]) -> list[SeedStack]:
    models: dict[str, tuple[Condition, dict[str, Any]]] = {}
    for condition, value in runs:
        end = {}
        if value is not None:
            end[PRIMARY] = Estimate(value, value - 0.1, value + 0.1, 40).as_dict()
        models[condition.key] = condition, end
    return stack_seeds(models)


def test_seeds_are_stacked_with_their_spread() -> None:
    no_bias = SHORT.replace(bias=0.0)
    single, stack = stacks_of((SHORT, 0.7), (seeded(7), 0.9), (seeded(3), 0.8), (no_bias, 1.0))
    assert stack.keys == tuple(seeded(seed).key for seed in (0, 3, 7))
    assert stack.estimate(PRIMARY) == t_interval([0.7, 0.8, 0.9])
    assert single.estimate(PRIMARY) == Estimate(1.0, 0.9, 1.1, 40)
    assert single.estimate("balanced_accuracy") is None


def test_a_run_without_a_measure_does_not_count() -> None:
    (stack,) = stacks_of((SHORT, 0.5), (seeded(1), None), (seeded(2), 0.7))
    estimate = stack.estimate(PRIMARY)
    assert estimate is not None
    assert (estimate.value, estimate.n, len(stack.keys)) == (pytest.approx(0.6), 2, 3)


def test_stacks_are_filtered_by_settings_that_differ() -> None:
    conditions = [
        SHORT.replace(bias=bias, steps=steps) for bias in (0.0, 0.5, 0.75) for steps in (350, 700)
    ]
    stacks = stacks_of(*((condition, 0.5) for condition in conditions))
    choices = setting_choices(stacks)
    assert set(choices) == {"bias: 0.0", "bias: 0.5", "bias: 0.75", "steps: 350", "steps: 700"}
    settings = [choices[name] for name in ("bias: 0.0", "bias: 0.5", "steps: 700")]
    chosen = [stack.condition for stack in filter_stacks(stacks, settings)]
    assert [(condition.bias, condition.steps) for condition in chosen] == [(0.0, 700), (0.5, 700)]
    assert filter_stacks(stacks, []) == stacks


def test_settings_have_their_names_on_pages() -> None:
    other = SHORT.replace(
        labels="descriptive", negatives="none", architecture="seed_faithful", text="words"
    )
    assert set(setting_choices(stacks_of((SHORT, 0.5), (other, 0.5)))) == {
        "labels: short",
        "labels: descriptive",
        "negatives: matched-and-mismatched",
        "negatives: matched-only",
        "image tower: convolutions-first",
        "image tower: linear-patches",
        "text tower: transformer",
        "text tower: words",
    }


def test_a_typed_template_is_not_shown() -> None:
    typed = SHORT.replace(labels="own", template="a {object} and my neighbour")
    stacks = stacks_of((typed, 0.5), (SHORT, 0.5))
    words = [*(stack.words for stack in stacks), *setting_choices(stacks)]
    assert "neighbour" not in " ".join(words)
