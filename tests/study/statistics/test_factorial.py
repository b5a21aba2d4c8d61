"""Designs of studies, against statsmodels, numpy and sums written out."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.anova import AnovaRM

from vlcore.experiment.condition import Condition
from vlcore.study.statistics import factorial

PHI = factorial.phi([0.0, 0.5, 0.75, 0.9])


def study(
    n: int = 8, *, interaction: float = 0.0, seed: int = 0, sd: float = 0.03
) -> tuple[np.ndarray, np.ndarray]:
    """Two arms of n blocks at the levels of `PHI`; the second one's slope is larger by
    `interaction`."""
    random = np.random.default_rng(seed)
    block = random.normal(0, 0.05, size=(n, 1))
    first, second = (
        0.9 - 0.3 * PHI + block + random.normal(0, sd, size=(n, len(PHI))) for _ in range(2)
    )
    return first, second + interaction * PHI


@pytest.mark.parametrize(
    ("bias", "phi"), [(0, 0), (0.25, 0.143), (0.5, 0.333), (0.75, 0.6), (0.95, 0.905), (1, 1)]
)
def test_phi_of_a_bias(bias: float, phi: float) -> None:
    assert factorial.phi(bias) == pytest.approx(phi, abs=5e-4)
    # The correlation of a table of 100 and 100 (1 - bias) images, where no image is rounded away.
    assert factorial.phi(bias) == pytest.approx(Condition(bias=bias, n_per_group=100).phi)


@given(st.integers(1, 5000), st.data())
def test_log_odds_of_a_share(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    p = (k + 0.5) / (n + 1)
    found = float(factorial.logit_share(k / n, n))
    assert found == pytest.approx(math.log(p / (1 - p)), abs=1e-6)
    assert found == pytest.approx(-float(factorial.logit_share((n - k) / n, n)), abs=1e-6)


def test_what_is_no_share_has_no_log_odds_and_one_level_no_slope() -> None:
    for value, n in ((1.01, 10), (-0.01, 10), (0.5, 0), (math.nan, 10)):
        with pytest.raises(ValueError, match="a share from 0 to 1 of at least one image"):
            factorial.logit_share([0.5, value], [10, n])
    for levels in ([0.0], [0.6, 0.6]):
        with pytest.raises(ValueError, match="A slope needs at least two levels of bias"):
            factorial.slopes(levels, np.ones((3, len(levels))))


@pytest.mark.parametrize("levels", [2, 3, 6])
def test_slopes_are_those_of_a_straight_line(levels: int) -> None:
    random = np.random.default_rng(levels)
    x, y = random.random(levels), random.normal(size=(5, levels))
    assert factorial.slopes(x, y) == pytest.approx([np.polyfit(x, row, 1)[0] for row in y])


def test_the_slope_difference_is_one_number_a_block() -> None:
    first, second = study(interaction=0.2)
    shared = np.arange(8.0)[:, None]  # what a block's levels share is no slope
    found = factorial.slope_difference(PHI, first + shared, second + shared)
    expected = [
        np.polyfit(PHI, b, 1)[0] - np.polyfit(PHI, a, 1)[0]
        for a, b in zip(first, second, strict=True)
    ]
    assert found.blocks == pytest.approx(expected)
    assert found.difference.t_p == pytest.approx(stats.ttest_1samp(expected, 0).pvalue)
    assert found.difference.mean.value == pytest.approx(
        found.treatment.value - found.baseline.value
    )
    assert found.difference.mean.value == pytest.approx(0.2, abs=0.08)
    assert found.difference.p < 0.05
    assert found.difference.equivalence_p is None
    assert found.as_dict()["blocks"] == found.blocks


def test_how_often_the_slope_test_errs_and_finds() -> None:
    tests = [
        [factorial.slope_difference(PHI, *study(interaction=i, seed=s)) for s in range(150)]
        for i in (0.0, 0.15)
    ]
    errs, finds = (np.mean([one.difference.p <= 0.05 for one in some]) for some in tests)
    assert errs <= 0.1
    assert finds >= 0.8


def test_the_analysis_of_variance_against_statsmodels_and_a_paired_t_test() -> None:
    first, second = study(interaction=0.2)
    effects = arm, _, both = factorial.anova(first, second)
    assert [effect["name"] for effect in effects] == ["arm", "bias", "arm x bias"]
    rows = [(i, a, j, v) for a, y in enumerate((first, second)) for (i, j), v in np.ndenumerate(y)]
    table = pd.DataFrame(rows, columns=["block", "arm", "level", "value"])
    reference = AnovaRM(table, "value", "block", within=["arm", "level"]).fit().anova_table
    assert [effect["f"] for effect in effects] == pytest.approx(reference["F Value"].tolist())
    assert [effect["p"] for effect in effects] == pytest.approx(reference["Pr > F"].tolist())
    # With two arms, F of the arm is the square of t over the blocks' means.
    t = stats.ttest_rel(second.mean(axis=1), first.mean(axis=1)).statistic
    assert arm["f"] == pytest.approx(t**2)
    assert arm["df"] == 1
    assert arm["df_error"] == 7
    assert both["df"] == 3
    assert both["df_error"] == 21
    assert both["p"] < 0.05


def test_partial_eta_squared_is_a_share_of_sums_of_squares() -> None:
    first, second = study(interaction=0.3, seed=3)
    arm, *_ = factorial.anova(first, second)
    cells = np.stack([first, second])  # (arms, blocks, levels)
    by_arm, by_block = cells.mean(axis=(1, 2)), cells.mean(axis=(0, 2))
    explained = len(first) * len(PHI) * ((by_arm - cells.mean()) ** 2).sum()
    left = (
        len(PHI)
        * ((cells.mean(axis=2) - by_arm[:, None] - by_block[None] + cells.mean()) ** 2).sum()
    )
    assert arm["partial_eta_squared"] == pytest.approx(explained / (explained + left))


@pytest.mark.parametrize(("blocks", "levels"), [(1, 4), (8, 1)])
def test_variance_needs_two_of_each_and_spread(blocks: int, levels: int) -> None:
    y = np.random.default_rng(0).random((blocks, levels))
    with pytest.raises(ValueError, match="needs two seed pairs and two levels"):
        factorial.anova(y, y + 1)
    with pytest.raises(ValueError, match="Variance components need two seed pairs and two cells"):
        factorial.components(y, range(blocks), range(blocks))
    alike = np.tile([0.9, 0.8, 0.7], (6, 1))
    with pytest.raises(ValueError, match="The seed pairs leave no spread to test against"):
        factorial.anova(alike, alike - 0.1)


def crossed(data: int, init: int) -> tuple[list[int], list[int]]:
    return [d for d in range(data) for _ in range(init)], [
        i for _ in range(data) for i in range(init)
    ]


def test_variance_of_blocks_against_a_mixed_model() -> None:
    first, second = study(12, seed=1)
    cells = np.concatenate([first, second], axis=1)
    found = factorial.components(cells, range(12), range(12))
    block, cell = (axis.ravel() for axis in np.indices(cells.shape))
    fixed = np.eye(cells.shape[1])[cell]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of statsmodels, about how it converged
        fit = MixedLM(cells.ravel(), fixed, groups=block).fit(reml=True)
    assert found["block"] == pytest.approx(float(np.asarray(fit.cov_re)[0, 0]), rel=1e-3)
    assert found["residual"] == pytest.approx(fit.scale, rel=1e-3)
    assert (found["data"], found["init"], found["data_x_init"]) == (None, None, None)
    assert found["reason"].startswith("not separable")
    alike = np.array([[0.1, 0.2], [0.2, 0.1], [0.1, 0.2], [0.2, 0.1]])
    assert factorial.components(alike, range(4), range(4))["block"] == 0


def test_variance_of_seeds_is_found_where_they_are_crossed() -> None:
    random = np.random.default_rng(0)
    data, init = crossed(30, 30)
    of_data, of_init = random.normal(0, 0.3, size=30), random.normal(0, 0.1, size=30)
    blocks = of_data[data] + of_init[init] + random.normal(0, 0.05, size=900)
    found = factorial.components(
        blocks[:, None] + random.normal(0, 0.02, size=(900, 6)), data, init
    )
    assert found["data"] == pytest.approx(of_data.var(ddof=1), rel=0.05)
    assert found["init"] == pytest.approx(of_init.var(ddof=1), rel=0.1)
    assert found["data_x_init"] == pytest.approx(0.05**2, rel=0.15)
    assert (found["residual"], found["reason"]) == (pytest.approx(0.02**2, rel=0.05), "")


def test_components_of_seeds_solve_the_expected_mean_squares() -> None:
    data, init = crossed(3, 4)
    cells = np.random.default_rng(2).normal(size=(12, 5)) + 3 * np.array(data)[:, None]
    found = factorial.components(cells, data, init)
    y = (cells - cells.mean(axis=0)).reshape(3, 4, 5)
    ms_data = 4 * 5 * ((y.mean(axis=(1, 2)) - y.mean()) ** 2).sum() / 2
    spread = y.mean(axis=2) - y.mean(axis=(1, 2))[:, None] - y.mean(axis=(0, 2))[None] + y.mean()
    ms_both = 5 * (spread**2).sum() / 6
    assert found["data"] == pytest.approx((ms_data - ms_both) / (4 * 5))
    assert found["data_x_init"] == pytest.approx(max(0, (ms_both - found["residual"]) / 5))
    shuffled = np.random.default_rng(0).permutation(12)
    again = factorial.components(
        cells[shuffled], np.array(data)[shuffled], np.array(init)[shuffled]
    )
    assert again["data"] == pytest.approx(found["data"])


@pytest.mark.parametrize(
    ("data", "init"),
    [
        ([0, 0, 1, 1], [0, 1, 2, 3]),
        ([0, 0, 1], [0, 1, 0]),
        ([0, 1, 2, 3], [0, 0, 0, 0]),
        ([0, 0, 1, 1], [0, 1, 0, 0]),
    ],
)
def test_seeds_that_are_not_crossed_are_not_separated(data: list[int], init: list[int]) -> None:
    found = factorial.components(np.random.default_rng(0).random((len(data), 4)), data, init)
    assert (found["data"], found["init"], found["data_x_init"]) == (None, None, None)
    assert "not separable" in found["reason"]
