"""Metrics of one snapshot as a document: each measure by its name, or the reason why it is not
defined."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from vlcore.metrics.catalogue import Need, measure_of, needs_of
from vlcore.metrics.estimate import Estimate

Given = TypeVar("Given")
Found = Estimate | Mapping[str, Estimate] | float
Document = dict[str, Any]

# Of the measures that lack something, `absent` lists these last: files of all versions are the same
# to the byte.
_LAST = {
    Need.READOUT: (
        "context_flip_rate",
        "object_flip_rate",
        "margin",
        "calibration_error",
        "worst_group_cross_fitted",
        "panel",
        "background_gap",
        "background_reliance_z",
    ),
    Need.HELD_OUT: ("probe_object_minority", "similarity_to"),
    Need.OWN_CAPTIONS: ("modality_gap",),
}


def skip(document: Document, name: str, reason: str) -> None:
    """Write down why a measure is not defined."""
    document["absent"][measure_of(name).whole or name] = reason


def add_all(
    document: Document,
    lacking: Mapping[Need, str],
    measures: Mapping[str, Callable[[Given], Found]],
    given: Given,
) -> None:
    """Write down measures of something, in their order: numbers, with an interval or without one,
    or numbers by name. Of those whose needs are `lacking` the reason is written, and of those that
    raise ValueError its sentence.
    """
    last = [name for need, names in _LAST.items() if need in lacking for name in names]
    for name in sorted(measures, key=lambda name: last.index(name) if name in last else -1):
        if reasons := [lacking[need] for need in needs_of(name) if need in lacking]:
            skip(document, name, reasons[0])
            continue
        try:
            found = measures[name](given)
        except ValueError as error:
            skip(document, name, str(error))
            continue
        if isinstance(found, Mapping):
            document[name] = {key: one.as_dict() for key, one in found.items()}
        else:
            document[name] = found.as_dict() if isinstance(found, Estimate) else found
