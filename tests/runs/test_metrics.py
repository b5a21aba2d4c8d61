"""What is not defined stays away, with its reason."""

from __future__ import annotations

import pytest

from vlcore.measures.estimate import Estimate
from vlcore.runs.views import MetricsBuilder

HALF = Estimate(0.5, 0.4, 0.6, 100)


def undefined() -> Estimate:
    raise ValueError("there is nothing to count")


def test_numbers_and_numbers_by_name() -> None:
    metrics = MetricsBuilder()
    metrics.add("one", lambda: HALF)
    metrics.add("many", lambda: {"a": HALF, "b": HALF})
    assert metrics.document == {
        "absent": {}, "one": HALF.as_dict(), "many": {"a": HALF.as_dict(), "b": HALF.as_dict()},
    }  # fmt: skip


def test_what_is_not_defined_is_absent_with_its_reason() -> None:
    metrics = MetricsBuilder()
    metrics.add("one", undefined)
    metrics.skip("two", "no pictures")
    assert metrics.document == {"absent": {"one": "there is nothing to count", "two": "no pictures"}}


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(KeyError):
        MetricsBuilder().add("one", lambda: {}["missing"])
