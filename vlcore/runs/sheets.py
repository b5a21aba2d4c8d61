"""Metrics of one snapshot by name, or why there are none.

The one idea: missing state is never a zero. A measure that is not defined for a run raises ValueError with a sentence;
the builder keeps that sentence under ``absent``, where every table and page finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vlcore.measures.estimate import Estimate

FEWEST = 5  # held-out or probe images of each group without which geometry is not measured


class MetricsBuilder:
    """Metrics of one snapshot by name; what is not defined is absent, with its reason."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {"absent": {}}

    def add(self, name: str, compute: Callable[[], Estimate | Mapping[str, Estimate]]) -> None:
        """Write down a number, or numbers by name, unless it raises ValueError, whose sentence is the reason."""
        try:
            found = compute()
        except ValueError as error:
            self.skip(name, str(error))
            return
        if isinstance(found, Estimate):
            self.document[name] = found.as_dict()
        else:
            self.document[name] = {inner: estimate.as_dict() for inner, estimate in found.items()}

    def skip(self, name: str, reason: str) -> None:
        self.document["absent"][name] = reason
