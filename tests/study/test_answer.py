"""The chain of the answer stops where it says, and each row of its table is its own function's."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.wording import difference
from vlcore.study import answer, published, telling_apart
from vlcore.study.answer import (
    CHAIN,
    PLAIN_COST,
    TRAINED_WORDS_COST,
    WORDS_COST,
    StepOutcome,
    answer_table,
)
from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.pooled import SETS, pooled
from vlcore.study.runs_table import AnalysisError
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
        return [(step.outcome, step.confirmatory) for step in answer.run_chain()]

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
    words = answer.run_chain()[1]
    assert words.outcome_with("scratch") is StepOutcome.NOT_REJECTED
    assert words.outcome_with("pretrained") is StepOutcome.REJECTED
    for pairs in (1, 19):
        publish(runs(COSTS, pairs=pairs))
        assert {step.outcome for step in answer.run_chain()} == {StepOutcome.INCOMPLETE}


def test_p_is_adjusted_over_towers_and_differences_have_their_sign(
    publish: Callable[[pd.DataFrame], None],
) -> None:
    publish(runs(COSTS))
    h1, words, sky = answer.run_chain()
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


def test_the_sky_is_the_place_within_half_of_what_the_place_costs(
    publish: Callable[[pd.DataFrame], None],
) -> None:
    random = np.random.default_rng(0)
    table = runs(COSTS | everywhere(sky=0.1))
    table["value"] = (table["value"] + random.normal(0, 0.002, len(table))).clip(0, 1)
    publish(table)
    alike = answer.place_or_sky("scenes")
    assert alike.log_odds.margin is not None
    cost = math.log(0.9035 / 0.0965) - math.log(0.8035 / 0.1965)
    assert alike.log_odds.margin == pytest.approx(cost / 2, abs=0.02)
    assert alike.log_odds.equivalent
    publish(runs(COSTS))
    assert not answer.place_or_sky("scenes").log_odds.equivalent
    publish(runs(COSTS, pairs=1))
    with pytest.raises(AnalysisError):
        answer.place_or_sky("scenes")


def words_of(result: Contrast) -> str:
    return f"{difference(result.mean_log_odds.as_dict())}; {result.n}"


@pytest.mark.parametrize("data", SETS)
def test_every_row_has_an_interval_and_pairs_on_each_set(data: str) -> None:
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in answer_table().splitlines()
    )
    column = head.index(f"`{data}`")
    cells = {row[0]: row[column] for row in rows}
    assert len(cells) == len(rows), "no two rows ask the same"
    assert words_of(pooled(data).all_pairs) == cells["**rare images**"]
    assert words_of(telling_apart.cost(data, "sky", "")) in cells.values()
    of_words = [
        words_of(published_contrast(f"made-of-words-pretrained{SETS[data]}", weights))
        for weights in (WORDS_COST, PLAIN_COST, TRAINED_WORDS_COST)
    ]
    assert list(cells.values())[-3:] == of_words
    assert len(set(cells.values())) == len(rows)
