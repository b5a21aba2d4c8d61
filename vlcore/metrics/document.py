"""Metrics of one checkpoint as a document: each measure by its name, or the reason why it is not
defined."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from vlcore.metrics.catalogue import Need, measure_of, needs_of
from vlcore.metrics.estimate import Estimate

Subject = TypeVar("Subject")
Value = Estimate | Mapping[str, Estimate] | float
Document = dict[str, Any]


def skip(document: Document, name: str, reason: str) -> None:
    """Write down why a measure is not defined."""
    document["absent"][measure_of(name).parent or name] = reason


def add_all(
    document: Document,
    lacking: Mapping[Need, str],
    measures: Mapping[str, Callable[[Subject], Value]],
    subject: Subject,
) -> None:
    """Write down measures of a subject, in their order.

    Args:
        document: Metrics by name, changed in place: numbers, with an interval or without one, or
            numbers by name.
        lacking: Reasons why needs are not met; a measure with such a need is not computed.
        measures: Functions by the name of the measure; a ValueError is the reason why it is not
            defined.
        subject: The argument of each function.
    """
    for name, measure in measures.items():
        if reasons := [lacking[need] for need in needs_of(name) if need in lacking]:
            skip(document, name, reasons[0])
            continue
        try:
            value = measure(subject)
        except ValueError as error:
            skip(document, name, str(error))
            continue
        if isinstance(value, Mapping):
            document[name] = {key: estimate.as_dict() for key, estimate in value.items()}
        else:
            document[name] = value.as_dict() if isinstance(value, Estimate) else value
