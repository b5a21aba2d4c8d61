"""Metrics of one snapshot as a document: each measure by its name, or the reason why it is not defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from vlcore.measures.catalogue import Need, measure_of, needs_of
from vlcore.measures.estimate import Estimate

Given = TypeVar("Given")
Found = Estimate | Mapping[str, Estimate]

# Of the measures that lack something, `absent` lists these last: files of all versions are the same to the byte.
_LAST = {
    Need.READOUT: (
        "context_flip_rate", "object_flip_rate", "margin", "calibration_error", "worst_group_cross_fitted", "panel",
        "background_gap", "background_reliance_z",
    ),
    Need.HELD_OUT: ("probe_object_minority", "similarity_to"),
    Need.OWN_CAPTIONS: ("modality_gap",),
}  # fmt: skip


class MetricsBuilder:
    """A document of metrics that grows.

    Args:
        lacking: of what is not there, why it is not.
    """

    def __init__(self, lacking: Mapping[Need, str] | None = None) -> None:
        self.document: dict[str, Any] = {"absent": {}}
        self.lacking = lacking or {}

    def add(self, name: str, compute: Callable[[], Found]) -> None:
        """Write down a number, or numbers by name, unless it raises ValueError, whose sentence is the reason."""
        try:
            found = compute()
        except ValueError as error:
            self.skip(name, str(error))
            return
        if isinstance(found, Mapping):
            self.document[name] = {inner: estimate.as_dict() for inner, estimate in found.items()}
        else:
            self.document[name] = found.as_dict()

    def skip(self, name: str, reason: str) -> None:
        self.document["absent"][measure_of(name).whole or name] = reason

    def add_all(self, measures: Mapping[str, Callable[[Given], Found]], given: Given) -> None:
        """Write down measures of something, in their order; of those whose needs are not there, the reason."""
        last = [name for need, names in _LAST.items() if need in self.lacking for name in names]
        for name in sorted(measures, key=lambda name: last.index(name) if name in last else -1):
            if reasons := [self.lacking[need] for need in needs_of(name) if need in self.lacking]:
                self.skip(name, reasons[0])
            else:
                self.add(name, partial(measures[name], given))
