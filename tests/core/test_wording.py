"""How numbers are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vlcore.core import wording


def estimate(value: float, low: float, high: float, n: int = 1000) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


@pytest.mark.parametrize(
    ("write", "given", "said"),
    [
        (wording.share, estimate(0.951, 0.9349, 0.9601), "95\u00a0% (93 to 96)"),
        (wording.share, estimate(1.0, 0.996, 1.0), "100\u00a0% (100 to 100)"),
        (wording.share, estimate(0.75, 0.53, 0.89, wording.FEW - 1), "75\u00a0% (53 to 89) of only 19"),
        (wording.share, estimate(0.75, 0.53, 0.89, wording.FEW), "75\u00a0% (53 to 89)"),
        (wording.rate, estimate(0.75, 0.53, 0.89, 1), "75\u00a0% (53 to 89)"),
        (wording.number, estimate(0.7149, 0.682, 0.74), "0.71 (0.68 to 0.74)"),
        (wording.number, estimate(-0.031, -0.05, 0.0), "-0.031 (-0.05 to 0)"),
        (wording.difference, estimate(-0.001, -0.2, 0.2), "+0.00 (-0.20 to +0.20)"),
        (wording.points, estimate(-0.1, -0.13, 0.004), "-10 points (-13 to +0)"),
        (wording.percent, 0.404, "40\u00a0%"),
        (wording.decimal, -0.001, "0.00"),
    ],
)
def test_a_number_as_text(write: Callable[[Any], str], given: Any, said: str) -> None:
    assert write(given) == said
