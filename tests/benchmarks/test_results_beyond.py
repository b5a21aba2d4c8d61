"""Weighted sums of arms, and means over crossed random factors."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.formula.api import ols

from benchmarks import results_beyond as beyond
from benchmarks import results_data
from benchmarks.results_beyond import crossed_mean, slope_weights
from benchmarks.results_beyond_page import beyond_page
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.study import published
from vlcore.study.answer import run_chain
from vlcore.study.contrasts import ArmRates, Contrast, contrast
from vlcore.study.statistics.paired import t_interval

IMAGES = 10_000_000  # so many that the half image of a logit changes nothing
PAIRS = pd.MultiIndex.from_tuples([(n, n) for n in range(4)], names=["data_seed", "init_seed"])


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_slope_weights_are_those_of_least_squares(values: list[float]) -> None:
    x = {0.0: "a", 1.0: "b", 3.0: "c", 5.0: "d"}
    weights = slope_weights(x)
    assert sum(weights.values()) == pytest.approx(0)
    slope = sum(weight * value for weight, value in zip(weights.values(), values, strict=True))
    assert slope == pytest.approx(np.polyfit(list(x), values, 1)[0], abs=1e-9)


@pytest.fixture
def log_odds(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Log odds by arm, which every published study is made to have in four seed pairs that differ
    by a constant."""
    known: dict[str, float] = {}

    def published_contrast(
        _study: str, weights: dict[str, float], bias: float = STUDY_BIAS
    ) -> Contrast:
        spread = pd.Series(np.linspace(-0.5, 0.5, len(PAIRS)), PAIRS)
        columns = {
            arm: spread + known.get(f"{arm} at {bias}", known.get(arm, 0.0)) for arm in weights
        }
        rates = 1 / (1 + np.exp(-pd.DataFrame(columns)))
        return contrast(ArmRates(rates, rates * 0 + IMAGES), weights)

    for module in (beyond, results_data):
        monkeypatch.setattr(module, "published_contrast", published_contrast)
    beyond.words_less_codes.cache_clear()
    return known


def test_what_a_size_changes_of_a_cost_is_its_slope_on_doublings(
    log_odds: dict[str, float],
) -> None:
    for doublings, images in enumerate((24, 48, 96, 192, 384)):
        log_odds[f"short of {images} images"] = 2.0
        log_odds[f"place of {images} images"] = 1.0 + 0.2 * doublings
        log_odds[f"place of {images} images in 2800 steps"] = 1.0 + 0.2 * doublings - 0.6
        log_odds[f"short of {images} images in 2800 steps"] = 2.0
    log_odds |= {"place of width 32": 0.9, "short of width 32": 2.0}
    log_odds |= {"place of width 128": 1.5, "short of width 128": 2.0}
    cost = beyond.cost_of_size("place", beyond.SIZES[24]).mean_log_odds.value
    assert cost == pytest.approx(-1, abs=1e-3)
    assert beyond.images_slope("place").mean_log_odds.value == pytest.approx(0.2, abs=1e-3)
    assert beyond.width_slope("place").mean_log_odds.value == pytest.approx(0.3, abs=1e-3)
    assert beyond.steps_slope("place").mean_log_odds.value == pytest.approx(-0.3, abs=1e-3)


def test_words_less_codes_grow_with_the_doublings_of_the_contrast(
    log_odds: dict[str, float],
) -> None:
    for percentage in (8, 12, 25, 40, 70):
        name = f"words@random place at {percentage:02d}"
        log_odds[name] = 0.1 * np.log2(percentage / 8)
    result = beyond.words_less_codes("scratch")[25].mean_log_odds.value
    assert result == pytest.approx(0.1 * np.log2(25 / 8), abs=1e-3)
    values = [0.1 * np.log2(percentage / 8) for percentage in (8, 12, 25, 40, 70)] + [0.0, 0.0]
    slope = np.polyfit(np.log2([8, 12, 25, 40, 70, 17, 100]), values, 1)[0]
    mean = beyond.contrast_slope("scratch").mean_log_odds.value
    assert mean == pytest.approx(slope, abs=1e-3)


def test_the_slope_on_bias_is_taken_pair_by_pair(log_odds: dict[str, float]) -> None:
    for bias, cost in {0.0: 0.0, 0.75: -0.3, 0.9: -0.5}.items():
        log_odds[f"transformer descriptive at {bias}"] = cost
    phi = [0.0, 0.6, 9 / 11]  # share of the majority less that of the minority
    result = beyond.levels_slope("made-of-words-scratch")
    assert result.n == len(PAIRS)
    slope = np.polyfit(phi, [0.0, -0.3, -0.5], 1)[0]
    assert result.mean_log_odds.value == pytest.approx(slope, abs=1e-3)


def test_the_page_of_results_beyond_the_answer_is_that_of_its_script() -> None:
    page = (published.FOLDER / "beyond.md").read_text(encoding="utf-8")
    assert page == beyond_page()
    assert "The chain ended at its second step" in page
    assert [step.confirmatory for step in run_chain()] == [True, True, False]


def test_what_helps_is_said_with_its_price_and_of_both_sets() -> None:
    """The one change that helps on both sets lets captions alone tell more."""
    helping = beyond_page().partition("Rare images gain on both image sets by: ")[2]
    assert helping.startswith("mismatched captions that all name the image's own background. ")
    for study, data in beyond.CHANGED.items():
        plan = published.published_plan(study)
        assert plan.conditions[0].data == data
        assert beyond.gain(study, "same place").mean_log_odds.low > 0
        assert beyond.gain(study, "same place", "majority_accuracy").mean_log_odds.high < 0
    told = beyond.told_by_captions(beyond.CHANGED)
    usual = told["filtered_marginal", "descriptive"]
    assert told["same_place_100", "descriptive"] > usual > told["product", "descriptive"] == 50


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
