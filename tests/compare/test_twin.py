"""What a model is shown beside differs from it in one thing."""

from __future__ import annotations

from typing import Any

import pytest

from vlcore.compare.twin import twin_of
from vlcore.core.condition import Condition


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"bias": 0.75}, "no bias"),
        ({"bias": 0.75, "labels": "partial_25"}, "short labels"),
        ({"labels": "own", "template": "one {object}"}, "short labels"),
        ({"labels": "descriptive", "negatives": "product"}, "the usual mismatched captions"),
        ({"labels": "descriptive", "objective": "infonce"}, "the pairwise objective"),
        ({"objective": "siglip", "mitigation": "dfr"}, "no mitigation"),
        ({"bias": 0.5, "size_mode": "fixed_total"}, "a set that shrinks"),
        ({"logit": "affine"}, "the usual score"),
        ({"architecture": "seed_faithful"}, "the usual encoder"),
    ],
)
def test_a_twin_differs_in_one_thing(changes: dict[str, Any], what: str) -> None:
    condition = Condition(**changes)
    found = twin_of(condition)
    assert found is not None
    twin, words = found
    assert words == what
    differs = [name for name in vars(condition) if getattr(condition, name) != getattr(twin, name)]
    assert differs in ([list(changes)[-1]], ["labels", "template"], ["labels"])
    assert twin_of(Condition()) is None
