"""The measures of a run in the words of a table, each beside what it must be compared with.

The one idea: no number about a space stands alone. Beside every one are the same number of the encoder before its first
step and, where it is about pictures only, of the pixels themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vlcore.compare.comparison import Comparison
from vlcore.core.grouping import Grouping
from vlcore.core.wording import number, share
from vlcore.measures import catalogue
from vlcore.store.artefacts import Artefact


def find(metrics: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    """A measure of a moment by its name, with dots for what stands inside another; None where it is not there."""
    found: Any = metrics
    for name in measure.split("."):
        if name not in found:
            return None
        found = found[name]
    return dict(found)


def cell(metrics: Mapping[str, Any], measure: str) -> str:
    """A number of a moment in words, or why it is not defined."""
    found = find(metrics, measure)
    if found is None:
        return f"not defined: {reason_of(metrics, measure)}"
    return share(found) if catalogue.measure_of(measure).in_percent else number(found)


def reason_of(metrics: Mapping[str, Any], measure: str) -> str:
    """Why a measure is not defined; a model of an older version has not measured what is new."""
    if "absent" not in metrics:  # the first version left out what is not defined in one point, and nothing else
        return "one point"
    absent = metrics["absent"]
    return str(absent.get(measure, absent.get(catalogue.whole_of(measure), "not measured by this version")))


def measures_table(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """What was measured of some models, beside the untrained encoder that each started from and the pixels; one row a
    measure that any has."""
    models = {
        name.capitalize(): model.artefact for name, model in zip(comparison.names, comparison.models, strict=True)
    }
    first = next(iter(models.values()))
    pixels = first.metrics.get("raw_pixels", {})
    rows = []
    for one in catalogue.listed():
        if not any(find(model.metrics[when], one.name) for model in models.values() for when in ("end", "untrained")):
            continue  # measures that an image set does not have; what a model lacks is said in its cell
        row = {"": catalogue.words_of(one.name, grouping)}
        for name, model in models.items():
            row[name] = cell(model.metrics["end"], one.name)
            row[f"{name}, untrained"] = cell(model.metrics["untrained"], one.name)
        row["Pixels"] = cell(pixels, one.name) if one.of_pixels and find(pixels, one.name) is not None else ""
        row["Images"] = _count(first.metrics["end"], one.name)
        rows.append(row)
    return pd.DataFrame(rows)


def measures_of(model: Artefact, grouping: Grouping) -> pd.DataFrame:
    """What was measured of one model, one row a measure: the number, or why there is none."""
    end = model.metrics["end"]
    return pd.DataFrame(
        [
            {
                "": catalogue.words_of(one.name, grouping),
                "Measured": cell(end, one.name),
                "Images": _count(end, one.name),
            }
            for one in catalogue.listed()
        ]
    )


def _count(metrics: Mapping[str, Any], measure: str) -> str:
    found = find(metrics, measure)
    return "" if found is None else f"{found['n']:,}"


def map_quality(model: Artefact) -> str | None:
    """How far to believe the map of a model, in a sentence; None where it was not measured."""
    quality = model.metrics["end"].get("map_quality", {})
    trust, kept = (quality.get(name, {}).get("k10") for name in ("trustworthiness", "continuity"))
    if trust is None or kept is None:
        return None
    return (
        f"Of ten neighbours on the map, trustworthiness {trust:.2f}: 1 means that all are neighbours in the full "
        f"space; continuity {kept:.2f}: 1 means that none is lost"
    )
