"""The twin of a condition: the model that a trained one is shown beside, for it says little alone.

A twin has the same seeds, pictures and steps, and one choice set back to the usual one, so that what differs has one
cause.
"""

from __future__ import annotations

from vlcore.core.condition import Condition

# A field that its twin sets back to the usual value, what it then has, and in this order which field that is.
TWINS = {
    "mitigation": "no mitigation",
    "size_mode": "a set that shrinks",
    "objective": "the pairwise objective",
    "negatives": "the usual mismatched captions",
    "logit": "the usual score",
    "architecture": "the usual encoder",
    "labels": "short labels",
    "bias": "no bias",
}


def twin_of(condition: Condition) -> tuple[Condition, str] | None:
    """What a condition is shown beside, and the one thing in which the two differ: the first of `TWINS` that is not
    the usual one; None for the plainest of all."""
    usual = Condition()
    for field, what in TWINS.items():
        value = getattr(usual, field)
        if getattr(condition, field) != value:
            return condition.with_labels(value) if field == "labels" else condition.replace(**{field: value}), what
    return None
