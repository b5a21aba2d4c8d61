"""What was tried on a server: stacks of seeds, their spread, and what can be chosen by."""

from typing import Any

import pytest

from vlcore.api.tried_settings import chosen, settings, stacked
from vlcore.experiment.condition import Condition
from vlcore.metrics.estimate import Estimate
from vlcore.study.statistics.paired import t_interval

SHORT = Condition(bias=0.75, labels="undescriptive")
PRIMARY = "minority_accuracy"


def seeded(condition: Condition, seed: int) -> Condition:
    return condition.replace(data_seed=seed, init_seed=seed)


def end(value: float | None) -> dict[str, Any]:
    return (
        {}
        if value is None
        else {PRIMARY: {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 40}}
    )


def tried(*runs: tuple[Condition, float | None]) -> dict[str, tuple[Condition, dict[str, Any]]]:
    return {condition.key: (condition, end(value)) for condition, value in runs}


def test_equal_settings_are_one_row_with_the_spread_of_their_seeds() -> None:
    values = {7: 0.9, 0: 0.7, 3: 0.8}
    every = stacked(
        tried(
            (SHORT.replace(bias=0.0), 1.0),
            *((seeded(SHORT, seed), values[seed]) for seed in values),
        )
    )
    alone, stack = sorted(every, key=lambda one: len(one.keys))
    assert stack.keys == tuple(seeded(SHORT, seed).key for seed in (0, 3, 7))
    assert stack.estimate(PRIMARY) == t_interval([0.7, 0.8, 0.9])
    assert alone.estimate(PRIMARY) == Estimate(1.0, 0.9, 1.1, 40)
    assert alone.estimate("balanced_accuracy") is None


def test_a_run_without_a_measure_is_not_counted_in_it() -> None:
    (stack,) = stacked(tried((SHORT, 0.5), (seeded(SHORT, 1), None), (seeded(SHORT, 2), 0.7)))
    found = stack.estimate(PRIMARY)
    assert found is not None
    assert (found.value, found.n, len(stack.keys)) == (pytest.approx(0.6), 2, 3)


def test_one_chooses_by_what_differs_or_of_one_setting_among_several() -> None:
    conditions = [
        SHORT.replace(bias=bias, steps=steps) for bias in (0.0, 0.5, 0.75) for steps in (350, 700)
    ]
    every = stacked(tried(*((condition, 0.5) for condition in conditions)))
    offered = settings(every)
    assert set(offered) == {"bias: 0.0", "bias: 0.5", "bias: 0.75", "steps: 350", "steps: 700"}
    kept = chosen(every, [offered["bias: 0.0"], offered["bias: 0.5"], offered["steps: 700"]])
    assert [(one.condition.bias, one.condition.steps) for one in kept] == [(0.0, 700), (0.5, 700)]
    assert chosen(every, []) == every


def test_a_template_that_somebody_wrote_is_not_shown_to_others() -> None:
    mine = SHORT.replace(labels="own", template="a {object} and my neighbour")
    every = stacked(tried((mine, 0.5), (SHORT, 0.5)))
    assert "neighbour" not in " ".join([*(one.words for one in every), *settings(every)])
