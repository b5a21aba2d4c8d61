"""Numbers as text: a rate, a difference, a value, each with its interval.

The one idea: a reader meets one way to write a number, whatever page, chart, report or command it stands in. An
estimate is given by its parts, `value`, `low`, `high` and `n`, as `metrics.json` holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

FEW = 20  # pictures below which a rate says little: its interval is wider than 40 points


def percent(value: float) -> str:
    """``95 %`` of a fraction, the space before the sign unbreakable."""
    return f"{100 * value:.0f}\u00a0%"


def decimal(value: float, digits: int = 2) -> str:
    """``0.62``, never -0.00"""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def signed(value: float, digits: int) -> str:
    """A difference with its sign, never -0."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def interval(estimate: Mapping[str, Any], write: Callable[[float], str], unit: str = "") -> str:
    """The value of an estimate, the unit, and the ends of its interval: ``0.71 (0.68 to 0.74)``"""
    value, low, high = (write(estimate[name]) for name in ("value", "low", "high"))
    return f"{value}{unit} ({low} to {high})"


def rate(estimate: Mapping[str, Any]) -> str:
    """``95 % (93 to 96)`` of a fraction."""
    return interval(estimate, lambda value: f"{100 * value:.0f}", "\u00a0%")


def share(estimate: Mapping[str, Any]) -> str:
    """``95 % (93 to 96)`` of a fraction that was counted on pictures; one of few pictures says of how few."""
    return rate(estimate) if estimate["n"] >= FEW else f"{rate(estimate)} of only {estimate['n']}"


def number(estimate: Mapping[str, Any]) -> str:
    """``0.71 (0.68 to 0.74)``, two digits that count."""
    return interval(estimate, lambda value: f"{value:.2g}")


def difference(estimate: Mapping[str, Any], digits: int = 2) -> str:
    """``-0.12 (-0.20 to -0.04)``"""
    return interval(estimate, lambda value: signed(value, digits))


def points(estimate: Mapping[str, Any]) -> str:
    """``-10 points (-13 to -7)`` of a difference of fractions."""
    return interval(estimate, lambda value: signed(100 * value, 0), " points")
