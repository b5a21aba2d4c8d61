"""What it changes that captions of one animal need not be told apart, and what may be said."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from vlcore.study import telling_apart
from vlcore.study.contrasts import ArmRates
from vlcore.study.telling_apart import animals_apart, apart_found, apart_table

IMAGES = 10_000_000  # so many that the half image of a logit changes nothing
ARMS = ("short", "place", "place, animals apart", "sky", "sky, animals apart")
PAIRS = pd.MultiIndex.from_tuples([(seed, seed) for seed in range(20)])
Measured = Callable[..., None]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """Make twenty seed pairs have these log odds in each arm, on both image sets."""

    def measure(*log_odds: float, spread: float = 0.05) -> None:
        random = np.random.default_rng(0)
        noise = spread * random.standard_normal((len(PAIRS), len(ARMS)))
        rates = 1 / (1 + np.exp(-(np.array(log_odds) + noise)))
        table = pd.DataFrame(rates, PAIRS, ARMS)
        arms = ArmRates(table, table * 0 + IMAGES)
        monkeypatch.setattr(telling_apart, "_rates", lambda *_: arms)

    return measure


def test_costs_are_less_short_labels_and_the_change_is_between_them(measured: Measured) -> None:
    measured(2, 1, 1.7, 0.5, 1.5, spread=1e-6)
    place, sky = (animals_apart("scenes", named) for named in ("place", "sky"))
    found = [
        part.mean_log_odds.value
        for cost in (place, sky)
        for part in (cost.usual, cost.apart, cost.change)
    ]
    assert found == pytest.approx([-1, -0.3, 0.7, -1.5, -0.5, 1], abs=1e-3)
    assert place.apart.margin == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("log_odds", "gone", "less"),
    [
        ((2, 1, 2, 0.5, 2), ("the place", "the sky"), ()),
        ((2, 1, 2, 0.5, 1), ("the place",), ("the sky",)),
        ((2, 1, 1.2, 0.5, 0.8), (), ("the place", "the sky")),
        ((2, 1, 1.2, 0.5, 0.5), (), ("the place",)),
        # The sky is asked only where the place was rejected.
        ((2, 1, 1, 0.5, 2), (), ()),
        ((2, 1, 0.5, 0.5, 0.5), (), ()),
    ],
)
def test_no_more_is_said_than_the_plan_allows(
    measured: Measured, log_odds: tuple[float, ...], gone: tuple[str, ...], less: tuple[str, ...]
) -> None:
    measured(*log_odds)
    sentences = re.findall(r"[^.]+\.", apart_found().partition("Where")[0])
    of_less = [sentence for sentence in sentences if "A part of" in sentence]
    of_gone = [
        sentence for sentence in sentences if "apart" in sentence and "A part" not in sentence
    ]
    for named in ("the place", "the sky"):
        assert any(named in sentence for sentence in of_gone) is (named in gone)
        assert any(named in sentence for sentence in of_less) is (named in less)
    assert ("costs nothing" in sentences[0]) is (not gone and not less)


def test_the_table_has_the_share_of_each_arm_on_each_set(measured: Measured) -> None:
    measured(2, 1, 1.5, 0, 1, spread=1e-6)
    cells = [line.split("|")[2:4] for line in apart_table().splitlines()[2:]]
    shares = [[int(cell.split()[0]) for cell in row] for row in cells]
    assert shares == [[88, 88], [73, 73], [82, 82], [50, 50], [73, 73]]
