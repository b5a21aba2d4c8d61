"""Metrics as a document: what is not defined has its reason, and a new measure is a line."""

from typing import Any
from unittest.mock import Mock

import pytest

from vlcore.metrics.catalogue import Need
from vlcore.metrics.document import add_all, skip
from vlcore.metrics.estimate import Estimate

HALF = Estimate(0.5, 0.4, 0.6, 100)


def test_a_measure_is_there_or_absent_with_its_reason() -> None:
    document: dict[str, Any] = {"absent": {}}
    undefined = Mock(side_effect=ValueError("there is nothing to count"))
    add_all(
        document,
        {},
        {"one": lambda _: HALF, "many": lambda _: {"a": HALF, "b": HALF}, "none": undefined},
        None,
    )
    skip(document, "other", "no pictures")
    assert document == {
        "absent": {"none": "there is nothing to count", "other": "no pictures"},
        "one": HALF.as_dict(),
        "many": {"a": HALF.as_dict(), "b": HALF.as_dict()},
    }
    with pytest.raises(KeyError):  # other errors are not swallowed
        add_all(document, {}, {"one": lambda given: given["missing"]}, {})


def test_of_what_is_lacking_the_first_need_gives_the_reason() -> None:
    document: dict[str, Any] = {"absent": {}}
    table = dict.fromkeys(
        ("probe_object", "probe_object_minority", "variance_object", "margin"), lambda given: given
    )
    add_all(document, {Need.HELD_OUT: "too few", Need.PROBE: "nothing to fit it on"}, table, HALF)
    assert document == {
        "absent": {
            "probe_object": "nothing to fit it on",
            "variance": "too few",
            "probe_object_minority": "too few",
        },
        "margin": HALF.as_dict(),
    }
