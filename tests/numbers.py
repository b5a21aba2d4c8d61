"""Estimates that a test chooses."""

from typing import Any

N = 1000  # images behind each number


def estimate(value: float, n: int = N) -> dict[str, Any]:
    return {"value": value, "low": value - 0.01, "high": value + 0.01, "n": n}
