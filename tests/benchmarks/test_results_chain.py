"""The planned chain of tests stops at the first hypothesis that is not rejected."""

import itertools
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from benchmarks import results_chain
from benchmarks.results_chain import CHAIN, SETS, StepOutcome
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.study import published
from vlcore.study.statistics.paired import smallest_p

Costs = dict[tuple[str, str], float]


def runs(costs: Costs, pairs: int = 20) -> pd.DataFrame:
    """Published runs with this minority-group accuracy in every arm of the chain's studies: 90 %
    less what the arm costs on a set, or with an image tower."""
    rows: dict[str, dict[str, Any]] = {}
    for step in CHAIN:
        for tower in step.towers:
            for data in SETS:
                study = f"{step.study}-{tower}{SETS[data]}"
                plan = published.published_plan(study)
                for condition in plan.conditions:
                    pair = condition.init_seed - 200
                    if condition.bias != STUDY_BIAS or pair >= pairs:
                        continue
                    arm = str(plan.arm_of(condition))
                    cost = costs.get((data, arm), 0.0) + costs.get((tower, arm), 0.0)
                    value = 0.9 - cost + 0.0005 * pair
                    known = rows.get(condition.key, {"studies": ""})
                    rows[condition.key] = {
                        "key": condition.key,
                        "studies": f"{known['studies']} {study}",
                        "data_seed": condition.data_seed,
                        "init_seed": condition.init_seed,
                        "moment": "end",
                        "measure": "minority_accuracy",
                        "value": round(value, 4),
                        "n": 10_000,
                    }
    return pd.DataFrame(list(rows.values()))


def everywhere(**costs: float) -> Costs:
    return {(data, arm.replace("_", " ")): cost for data in SETS for arm, cost in costs.items()}


MOMENTS = itertools.count(1e12)  # of tables that tests publish
COSTS = everywhere(transformer_descriptive=0.1, codes_descriptive=0.1, descriptive=0.1)


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Callable[[pd.DataFrame], None]:
    """Make these the published runs, newer than any before."""

    def replace(table: pd.DataFrame) -> None:
        moment = next(MOMENTS)
        monkeypatch.setattr(published, "read_rows", lambda **_: table)
        monkeypatch.setattr(published, "newest", lambda: moment)

    return replace


def test_a_step_is_confirmatory_until_one_before_it_was_not_rejected(
    publish: Callable[[pd.DataFrame], None],
) -> None:
    def outcomes(costs: Costs) -> list[tuple[StepOutcome, bool]]:
        publish(runs(costs))
        return [(step.outcome, step.confirmatory) for step in results_chain.run_chain()]

    assert outcomes(COSTS) == [(StepOutcome.REJECTED, True)] * 3
    no_words = COSTS | {("scenes", "codes descriptive"): 0.0}
    assert outcomes(no_words) == [
        (StepOutcome.REJECTED, True),
        (StepOutcome.MIXED, True),
        (StepOutcome.REJECTED, False),
    ]
    assert outcomes({})[0] == (StepOutcome.NOT_REJECTED, True)
    with_one_tower = everywhere(transformer_descriptive=0.1, descriptive=0.1) | {
        ("pretrained", "codes descriptive"): 0.1
    }
    assert outcomes(with_one_tower)[1:] == [
        (StepOutcome.TOWERS_DIFFER, True),
        (StepOutcome.REJECTED, False),
    ]
    words = results_chain.run_chain()[1]
    assert words.outcome_with("scratch") is StepOutcome.NOT_REJECTED
    assert words.outcome_with("pretrained") is StepOutcome.REJECTED
    for pairs in (1, 19):
        publish(runs(COSTS, pairs=pairs))
        assert {step.outcome for step in results_chain.run_chain()} == {StepOutcome.INCOMPLETE}


def test_p_is_adjusted_over_towers_and_differences_have_their_sign(
    publish: Callable[[pd.DataFrame], None],
) -> None:
    publish(runs(COSTS))
    h1, words, sky = results_chain.run_chain()
    assert {(test.data, test.tower) for test in words.tests} == {
        (data, tower) for data in SETS for tower in ("scratch", "pretrained")
    }
    smallest = smallest_p(20)
    assert [test.p for test in h1.tests] == pytest.approx([smallest] * 2)
    assert [test.p for test in words.tests] == pytest.approx([2 * smallest] * 4)
    for test in h1.tests:
        assert test.contrast is not None
        assert test.contrast.mean_points.value == pytest.approx(-0.1)
    for test in (*words.tests, *sky.tests):
        assert test.contrast is not None
        assert test.contrast.mean_log_odds.value > 0
