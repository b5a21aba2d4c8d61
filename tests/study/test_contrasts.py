"""Contrasts of arms are those of a plain loop over seed pairs, and count complete pairs alone."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vlcore.study import plans, published
from vlcore.study.contrasts import arm_rates, contrast, published_contrast
from vlcore.study.plans import StudyPlan
from vlcore.study.runs_table import AnalysisError
from vlcore.study.statistics.paired import t_interval

MEASURE = "accuracy.minority"
PLAN = """
name: four
baseline: codes short
arms:
  codes short: {text: codes}
  codes long: {text: codes, labels: descriptive}
  words short: {text: words@random}
  words long: {text: words@random, labels: descriptive}
bias: [0, 0.75]
seeds: 6
"""


@pytest.fixture
def plan(tmp_path: Path) -> StudyPlan:
    file = tmp_path / "four.yaml"
    file.write_text(PLAN)
    return plans.find(str(file))


def runs_of(plan: StudyPlan) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        {
            "key": condition.key,
            "data_seed": condition.data_seed,
            "init_seed": condition.init_seed,
            "moment": moment,
            "measure": measure,
            "value": random.integers(0, 101) / 100,
            "n": 100,
        }
        for condition in plan.conditions
        for moment in ("first_fit", "end")
        for measure in (MEASURE, "accuracy.majority")
    ]
    return pd.DataFrame(rows)


def test_an_interaction_is_that_of_a_plain_loop(plan: StudyPlan) -> None:
    runs = runs_of(plan)
    weights = {"words long": 1.0, "words short": -1.0, "codes long": -1.0, "codes short": 1.0}
    interaction = contrast(arm_rates(runs, plan, MEASURE, 0.75, *weights), weights)
    log_odds, points = [], []
    for seed in range(6):
        odds = rate = 0.0
        for condition in plan.conditions:
            if (condition.bias, condition.init_seed) != (0.75, seed):
                continue
            is_run = (runs["key"] == condition.key) & (runs["moment"] == "end")
            value = float(runs[is_run & (runs["measure"] == MEASURE)]["value"].item())
            weight = weights[str(plan.arm_of(condition))]
            odds += weight * math.log((value * 100 + 0.5) / (100 - value * 100 + 0.5))
            rate += weight * value
        log_odds.append(odds)
        points.append(rate)
    assert vars(interaction.mean_log_odds) == pytest.approx(vars(t_interval(log_odds)))
    assert vars(interaction.mean_points) == pytest.approx(vars(t_interval(points)))


def test_a_pair_that_lacks_an_arm_is_not_counted(plan: StudyPlan) -> None:
    runs = runs_of(plan)
    lost = next(
        condition
        for condition in plan.conditions
        if (plan.arm_of(condition), condition.bias, condition.init_seed) == ("words long", 0.75, 2)
    )
    runs = runs[runs["key"] != lost.key]
    every = arm_rates(runs, plan, MEASURE, 0.75, *plan.arm_settings)
    assert contrast(every, {"codes long": 1, "codes short": -1}).n == 5
    two = arm_rates(runs, plan, MEASURE, 0.75, "codes short", "codes long")
    assert len(two.rates) == 6
    with pytest.raises(ValueError, match="add up to 0"):
        contrast(two, {"codes long": 1})
    with pytest.raises(AnalysisError):
        arm_rates(runs, plan, "accuracy.balanced", 0.75, "codes long")


def test_published_rates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # A table of its own time, which no other test has read.
    monkeypatch.setattr(published, "newest", lambda: 1.0)
    first = published_contrast("apart-why", {"sky": 1, "short": -1})
    monkeypatch.delattr(published, "read_rows")
    again = published_contrast("apart-why", {"sky": 2, "short": -2})
    pd.testing.assert_series_equal(again.log_odds_by_pair, 2 * first.log_odds_by_pair)
    with pytest.raises(AttributeError):
        published_contrast("apart-why", {"place": 1, "short": -1})
