"""Means over crossed random factors agree with an analysis of variance."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from benchmarks.results_images import crossed_mean
from vlcore.study.statistics.paired import t_interval


def test_crossed_factors_agree_with_an_analysis_of_variance() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(6, 1)) + 0.5 * random.normal(size=6) + random.normal(size=(6, 6))
    cells = [(row, column, table[row, column]) for row in range(6) for column in range(6)]
    frame = pd.DataFrame(cells, columns=["row", "column", "value"])
    anova = sm.stats.anova_lm(ols("value ~ C(row) + C(column)", frame).fit())
    rows, columns, residual = anova["sum_sq"] / anova["df"]
    result = crossed_mean(table)
    assert result.residual**2 == pytest.approx(residual)
    assert result.by_images**2 == pytest.approx((rows - residual) / 6)
    assert result.by_initialisation**2 == pytest.approx(max(0, columns - residual) / 6)
    assert result.mean.value == pytest.approx(table.mean())


def test_rows_that_differ_are_as_few_as_they_are() -> None:
    """Where initialisations make no difference, the interval is that of the rows' means."""
    rows = np.array([0.1, 0.5, -0.2, 0.9, 0.3, 0.4])
    noise = 1e-6 * np.random.default_rng(0).normal(size=(6, 6))
    result = crossed_mean(np.tile(rows[:, None], 6) + noise)
    assert vars(result.mean) | {"n": 6} == pytest.approx(vars(t_interval(rows)), rel=1e-3)


def test_the_interval_holds_the_mean_in_95_of_100_tables_or_more() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        table = 0.3 * random.normal(size=(6, 1)) + 0.3 * random.normal(size=6)
        mean = crossed_mean(table + random.normal(size=(6, 6))).mean
        held += mean.low <= 0 <= mean.high
    assert held / 1000 >= 0.94
