"""Weighted sums of arms, and means over crossed random factors."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.formula.api import ols

from benchmarks.results_beyond import crossed, slope_weights
from vlcore.study.statistics.paired import t_interval


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_slope_weights_are_those_of_least_squares(values: list[float]) -> None:
    x = {0.0: "a", 1.0: "b", 3.0: "c", 5.0: "d"}
    weights = slope_weights(x)
    assert sum(weights.values()) == pytest.approx(0)
    slope = sum(weight * value for weight, value in zip(weights.values(), values, strict=True))
    assert slope == pytest.approx(np.polyfit(list(x), values, 1)[0], abs=1e-9)


def test_crossed_factors_agree_with_an_analysis_of_variance() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(6, 1)) + 0.5 * random.normal(size=6) + random.normal(size=(6, 6))
    cells = [(row, column, table[row, column]) for row in range(6) for column in range(6)]
    frame = pd.DataFrame(cells, columns=["row", "column", "value"])
    anova = sm.stats.anova_lm(ols("value ~ C(row) + C(column)", frame).fit())
    rows, columns, residual = anova["sum_sq"] / anova["df"]
    result = crossed(table)
    assert result.residual**2 == pytest.approx(residual)
    assert result.by_images**2 == pytest.approx((rows - residual) / 6)
    assert result.by_initialisation**2 == pytest.approx(max(0, columns - residual) / 6)
    assert result.mean.value == pytest.approx(table.mean())


def test_rows_that_differ_are_as_few_as_they_are() -> None:
    """Where initialisations make no difference, the interval is that of the rows' means."""
    rows = np.array([0.1, 0.5, -0.2, 0.9, 0.3, 0.4])
    noise = 1e-6 * np.random.default_rng(0).normal(size=(6, 6))
    result = crossed(np.tile(rows[:, None], 6) + noise)
    assert vars(result.mean) | {"n": 6} == pytest.approx(vars(t_interval(rows)), rel=1e-3)


def test_the_interval_holds_the_mean_in_95_of_100_tables_or_more() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(1000):
        table = 0.3 * random.normal(size=(6, 1)) + 0.3 * random.normal(size=6)
        mean = crossed(table + random.normal(size=(6, 6))).mean
        held += mean.low <= 0 <= mean.high
    assert held / 1000 >= 0.94
