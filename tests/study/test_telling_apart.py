"""What it changes that captions of one animal need not be told apart, and what may be said."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from vlcore.study import telling_apart
from vlcore.study.contrasts import ArmRates, Contrast, contrast
from vlcore.study.pooled import SETS
from vlcore.study.telling_apart import APART, LEFT_OUT, USUAL, apart_found, change, cost

IMAGES = 10_000_000  # so many that the half image of a logit changes nothing
ARMS = ("short", *(named + end for named in ("place", "sky") for end in (USUAL, LEFT_OUT, APART)))
PAIRS = pd.MultiIndex.from_tuples([(seed, seed) for seed in range(20)])
Measured = Callable[..., None]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Make twenty seed pairs have these log odds in each arm, on both image sets or on one."""
    rates_of: dict[str, ArmRates] = {}

    def measure(*log_odds: float, spread: float = 0.05, on: tuple[str, ...] = tuple(SETS)) -> None:
        random = np.random.default_rng(0)
        noise = spread * random.standard_normal((len(PAIRS), len(ARMS)))
        rates = 1 / (1 + np.exp(-(np.array(log_odds) + noise)))
        table = pd.DataFrame(rates, PAIRS, ARMS)
        rates_of.update(dict.fromkeys(on, ArmRates(table, table * 0 + IMAGES)))

    def published_contrast(
        study: str, weights: dict[str, float], margin: float | None = None
    ) -> Contrast:
        data = "balanced-cues" if study.endswith("-cues") else "scenes"
        return contrast(rates_of[data], weights, margin)

    monkeypatch.setattr(telling_apart, "published_contrast", published_contrast)
    return measure


def test_costs_are_less_short_labels_and_changes_less_what_was_before(measured: Measured) -> None:
    measured(2, 1, 1.7, 1.8, 0.5, 1.5, 1.1, spread=1e-6)
    costs = [
        cost("scenes", named, negatives).mean_log_odds.value
        for named in ("place", "sky")
        for negatives in (USUAL, LEFT_OUT, APART)
    ]
    assert costs == pytest.approx([-1, -0.3, -0.2, -1.5, -0.5, -0.9], abs=1e-3)
    assert change("scenes", "sky", LEFT_OUT).mean_log_odds.value == pytest.approx(1, abs=1e-3)
    further = change("scenes", "sky", APART, LEFT_OUT)
    assert further.mean_log_odds.value == pytest.approx(-0.4, abs=1e-3)


def test_a_cost_is_gone_where_what_is_left_is_equivalent_to_nothing(measured: Measured) -> None:
    measured(2, 1, 1.5, 1.9, 0.5, 1, 1)
    assert telling_apart.is_gone("scenes", "place"), "0.1 of 1 is left"
    assert not telling_apart.is_gone("scenes", "sky"), "1 of 1.5 is left"


GAINS = (2, 1, 1.5, 1.6, 0.5, 1, 1)  # both
SAME = (2, 1, 1, 1.9, 0.5, 0.5, 1.9)  # all gain only where the other animal is met more often


@pytest.mark.parametrize(
    ("scenes", "cues", "said"),
    [
        (GAINS, GAINS, {"the background and the sky": "`scenes` and `balanced-cues`"}),
        (SAME, GAINS, {"the background and the sky": "`balanced-cues`"}),
        (
            (2, 1, 1, 1, 0.5, 1, 1),
            GAINS,
            {"the background": "`balanced-cues`", "the sky": "`scenes` and `balanced-cues`"},
        ),
        (SAME, SAME, {}),
        ((2, 1, 0.5, 2, 0.5, 0, 2), SAME, {}),
    ],
)
def test_no_more_is_said_than_the_plan_allows(
    measured: Measured, scenes: tuple[float, ...], cues: tuple[float, ...], said: dict[str, str]
) -> None:
    measured(*scenes, on=("scenes",))
    measured(*cues, on=("balanced-cues",))
    conclusion = apart_found().partition(" To meet")[0]
    for named, where in said.items():
        verb = "cost" if " and " in named else "costs"
        assert f"of what {named} {verb} on {where}" in conclusion
    assert conclusion.count("of what") == len(said)
    assert ("costs nothing" in conclusion) is (not said)
