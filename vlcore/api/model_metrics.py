"""Metrics of a model as stored: estimates by name, in words, and why one is absent."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vlcore.experiment.wording import number, share
from vlcore.metrics import catalogue
from vlcore.metrics.estimate import Estimate


def estimate_of(metrics: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    """A measure in a metrics document, by its name with dots for nesting; None where it is
    absent."""
    value: Any = metrics
    for name in measure.split("."):
        if name not in value:
            return None
        value = value[name]
    return dict(value)


def absence_reason(metrics: Mapping[str, Any], measure: str) -> str:
    """Why a measure is not defined."""
    absent = metrics["absent"]
    for name in (measure, catalogue.parent_of(measure)):
        if name in absent:
            return str(absent[name])
    return "not measured by this version"


def describe_measure(metrics: Mapping[str, Any], measure: str) -> str:
    """A measure with its interval in words, or why it is not defined."""
    estimate = estimate_of(metrics, measure)
    if estimate is None:
        return f"not defined: {absence_reason(metrics, measure)}"
    return share(estimate) if catalogue.measure_of(measure).in_percent else number(estimate)


class Metrics(dict[str, Estimate]):
    """Estimates of one checkpoint by name (``"group_accuracy.horse_desert"``); else a KeyError with
    the reason."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        for name, value in document.items():
            values = {name: value}
            if isinstance(value, dict):
                values |= {f"{name}.{part}": nested for part, nested in value.items()}
            for full_name, estimate in values.items():
                if isinstance(estimate, dict) and "value" in estimate:
                    self[full_name] = Estimate(**estimate)

    def __missing__(self, name: str) -> Estimate:
        raise KeyError(f"{name} is not defined here: {absence_reason(self._document, name)}")

    def table(self) -> pd.DataFrame:
        """One row a measure: value, ends of the interval, n."""
        return pd.DataFrame(list(self.values()), index=pd.Index(self, name="measure"))

    def _repr_html_(self) -> str:
        return str(self.table().to_html(float_format="{:.3g}".format))
