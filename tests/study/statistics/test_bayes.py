"""The Bayes line, against the design's numbers and a simulation of the best model of each loss."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.study.statistics.bayes import bayes_line, prior_shift

SHORT, LONG = {"labels": "undescriptive"}, {"labels": "descriptive"}
FULL = float(np.log(4))  # of a prior of 4 to 1, bias 0.75
# What the best model of the loss asks for at bias 0.75, worked out by hand; 48 and 12 pictures a
# group.
SHIFTS: list[tuple[dict[str, Any], float]] = [
    (SHORT, FULL),
    (SHORT | {"negatives": "product"}, FULL),
    (LONG, (FULL + np.log(108 / 72)) / 2),
    (LONG | {"negatives": "product"}, 0),
    (LONG | {"negatives": "counterfactual"}, FULL),
    (LONG | {"negatives": "filtered_uniform"}, FULL),
    ({"labels": "descriptive", "objective": "ce_group"}, FULL),
]


@pytest.mark.parametrize(("settings", "shift"), SHIFTS)
def test_the_shift_of_a_loss(settings: dict[str, Any], shift: float) -> None:
    assert prior_shift(Condition(**settings), SCENES, 0.75) == pytest.approx(shift, abs=1e-6)
    assert prior_shift(Condition(**settings), SCENES, 0) == pytest.approx(0, abs=1e-6)


def test_the_prior_is_that_of_the_images_that_are_kept() -> None:
    assert prior_shift(Condition(**SHORT), SCENES, 0.9) == pytest.approx(np.log(48 / 5))


@pytest.mark.parametrize("negatives", ["filtered_marginal", "product", "filtered_uniform"])
@pytest.mark.parametrize(("unbiased", "bias"), [(0.94, 0.75), (0.8, 0.5), (0.7, 0.9)])
def test_the_line_against_a_simulated_best_model(
    negatives: str, unbiased: float, bias: float
) -> None:
    """Draws evidence of rare pictures, scores all four captions as the pairwise loss would have it,
    and counts."""
    away = norm.ppf(unbiased)
    # On the grass, and the reverse in the desert.
    sizes = {"horse": 48, "camel": round(48 * (1 - bias))}
    seen = np.random.default_rng(0).normal(-away, 1, 200_000)  # evidence for a horse, of a camel
    likely = {
        name: sizes[name] * norm.pdf(seen, at) for name, at in (("horse", away), ("camel", -away))
    }
    total = 2 * sum(sizes.values())

    def drawn(of: str, beside: str) -> float:
        """How often the caption of one on the grass is drawn beside that of the other on the
        grass."""
        if negatives == "product":
            return sizes[of] / total
        if of == beside:
            return 0.0
        return 1 / 3 if negatives == "filtered_uniform" else sizes[of] / (total - sizes[beside])

    odds = {
        of: likely[of] / sum(likely[beside] * drawn(of, beside) for beside in sizes) for of in sizes
    }
    line = bayes_line(unbiased, prior_shift(Condition(**LONG, negatives=negatives), SCENES, bias))
    assert line == pytest.approx((odds["camel"] > odds["horse"]).mean(), abs=0.004)


@given(st.floats(0.51, 0.999), st.floats(0, 0.97))
def test_more_bias_costs_the_minority_more(unbiased: float, bias: float) -> None:
    less, more = (
        bayes_line(unbiased, prior_shift(Condition(), SCENES, at)) for at in (bias, bias + 0.01)
    )
    assert 0 <= more <= less <= unbiased + 1e-6


def test_evidence_of_nothing_or_everything_a_bias_of_one_and_another_optimum_are_refused() -> None:
    for unbiased in (0.5, 0.3, 1.0, float("nan")):
        with pytest.raises(ValueError, match="The Bayes line"):
            bayes_line(unbiased, 0.5)
    others: list[dict[str, Any]] = [
        {"negatives": "none"},
        {"objective": "infonce"},
        {"labels": "context"},
    ]
    for settings, bias in (
        ({}, 1.0),
        ({}, -0.1),
        ({}, float("nan")),
        *((one, 0.5) for one in others),
    ):
        with pytest.raises(ValueError, match="The Bayes line"):
            prior_shift(Condition(**settings), SCENES, bias)
