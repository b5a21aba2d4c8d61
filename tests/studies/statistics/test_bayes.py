"""The Bayes line, against the design's numbers and a simulation of the best guess."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from vlcore.studies.statistics.bayes import bayes_line


@pytest.mark.parametrize(("bias", "minority", "majority"), [(0.75, 0.87, 0.98), (0.9, 0.79, 0.99), (0, 0.94, 0.94)])
def test_the_numbers_of_the_design(bias: float, minority: float, majority: float) -> None:
    line = bayes_line(0.94, bias)
    assert (line.minority, line.majority) == pytest.approx((minority, majority), abs=0.005)


@pytest.mark.parametrize(("unbiased", "bias"), [(0.94, 0.75), (0.8, 0.5), (0.7, 0.9), (0.99, 0.99)])
def test_the_line_against_a_simulated_best_guess(unbiased: float, bias: float) -> None:
    """Draws evidence, adds the log odds that group sizes give a context, and counts."""
    random, n = np.random.default_rng(0), 400_000
    away = norm.ppf(unbiased)
    evidence = random.normal(away, 1, n)  # of the object that is there
    log_odds = norm.logpdf(evidence, away) - norm.logpdf(evidence, -away)
    prior = np.log(48) - np.log(48 * (1 - bias))
    line = bayes_line(unbiased, bias)
    assert line.majority == pytest.approx((log_odds + prior > 0).mean(), abs=0.004)
    assert line.minority == pytest.approx((log_odds - prior > 0).mean(), abs=0.004)


@given(st.floats(0.51, 0.999), st.floats(0, 0.98))
def test_bias_costs_the_minority_more_than_the_majority_gains(unbiased: float, bias: float) -> None:
    line = bayes_line(unbiased, bias)
    assert 0 <= line.minority <= unbiased + 1e-12
    assert unbiased - 1e-12 <= line.majority <= 1
    assert (line.minority + line.majority) / 2 <= unbiased + 1e-12
    assert bayes_line(unbiased, bias + 0.01).minority <= line.minority


@pytest.mark.parametrize("unbiased", [0.5, 0.3, 1.0, 1.2, float("nan")])
def test_evidence_of_nothing_and_of_everything_is_refused(unbiased: float) -> None:
    with pytest.raises(ValueError, match=r"balanced accuracy without bias between 0\.5 and 1, not"):
        bayes_line(unbiased, 0.5)


@pytest.mark.parametrize("bias", [1.0, 1.5, -0.1, float("nan")])
def test_a_bias_of_one_is_refused(bias: float) -> None:
    with pytest.raises(ValueError, match="defined for a bias from 0 to below 1, not"):
        bayes_line(0.9, bias)
