"""Stacks of seeds and their spread."""

from typing import Any

import pytest

from vlcore.api.tried_settings import SeedStack, stack_seeds
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


def test_a_typed_template_is_not_shown() -> None:
    typed = SHORT.replace(labels="own", template="a {object} and my neighbour")
    stacks = stacks_of((typed, 0.5), (SHORT, 0.5))
    assert "neighbour" not in " ".join(stack.words for stack in stacks)
