"""Metrics in words and in tables, each beside what it must be compared with.

No number about a space stands alone. Beside every one are the same number of the encoder before its first step and,
where it is about pictures only, of the pixels themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from vlcore.compare.comparison import Comparison
from vlcore.core.grouping import Grouping, group_words
from vlcore.core.wording import number, share
from vlcore.measures import catalogue
from vlcore.measures.estimate import Estimate
from vlcore.store.artefacts import Artefact


def estimate_of(metrics: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    """A measure of a snapshot by its name, with dots for what stands inside another; None where it is not there."""
    found: Any = metrics
    for name in measure.split("."):
        if name not in found:
            return None
        found = found[name]
    return dict(found)


def absence_reason(metrics: Mapping[str, Any], measure: str) -> str:
    """Why a measure is not defined; a model of an older version has not measured what is new."""
    if "absent" not in metrics:  # the first version left out what is not defined in one point, and nothing else
        return "one point"
    absent = metrics["absent"]
    return str(absent.get(measure, absent.get(catalogue.whole_of(measure), "not measured by this version")))


def cell(metrics: Mapping[str, Any], measure: str) -> str:
    """A number of a snapshot in words, or why it is not defined."""
    found = estimate_of(metrics, measure)
    if found is None:
        return f"not defined: {absence_reason(metrics, measure)}"
    return share(found) if catalogue.measure_of(measure).in_percent else number(found)


def _count(metrics: Mapping[str, Any], measure: str) -> str:
    found = estimate_of(metrics, measure)
    return "" if found is None else f"{found['n']:,}"


class Metrics(Mapping[str, Estimate]):
    """What was measured of a model at one moment, by name; dots lead into a group: ``"group_accuracy.horse_desert"``.

    Raises:
        KeyError: on a name that was not measured, with the reason.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def __getitem__(self, name: str) -> Estimate:
        found = estimate_of(self._document, name)
        if found is None or "value" not in found:
            raise KeyError(f"{name} is not defined here: {absence_reason(self._document, name)}")
        return Estimate(*(found[part] for part in ("value", "low", "high", "n")))

    def __iter__(self) -> Iterator[str]:
        for name, value in self._document.items():
            inner = value if isinstance(value, dict) else {}
            if "value" in inner:
                yield name
            else:
                yield from (f"{name}.{part}" for part, of in inner.items() if isinstance(of, dict) and "value" in of)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def table(self) -> pd.DataFrame:
        """One row a measure: value, ends of the interval, n, and p where a permutation test belongs to it."""
        return pd.DataFrame([estimate_of(self._document, name) for name in self], index=pd.Index(self, name="measure"))

    def _repr_html_(self) -> str:
        return str(self.table().to_html(float_format="{:.3g}".format))


def measures_table(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """What was measured of some models, beside the untrained encoder that each started from and the pixels; one row a
    measure that any has."""
    models = {name.capitalize(): model.artefact.metrics for name, model in comparison.named.items()}
    first = comparison.models[0].artefact.metrics
    pixels = first.get("raw_pixels", {})
    rows = []
    for one in catalogue.listed():
        if not any(
            estimate_of(metrics[when], one.name) for metrics in models.values() for when in ("end", "untrained")
        ):
            continue  # measures that an image set does not have; what a model lacks is said in its cell
        row = {"": catalogue.words_of(one.name, grouping)}
        for name, metrics in models.items():
            row[name] = cell(metrics["end"], one.name)
            row[f"{name}, untrained"] = cell(metrics["untrained"], one.name)
        row["Pixels"] = cell(pixels, one.name) if one.of_pixels and estimate_of(pixels, one.name) else ""
        row["Images"] = _count(first["end"], one.name)
        rows.append(row)
    return pd.DataFrame(rows)


def measures_of(model: Artefact, grouping: Grouping) -> pd.DataFrame:
    """What was measured of one model, one row a measure: the number, or why there is none."""
    end = model.metrics["end"]
    rows = [
        (catalogue.words_of(one.name, grouping), cell(end, one.name), _count(end, one.name))
        for one in catalogue.listed()
    ]
    return pd.DataFrame(rows, columns=["", "Measured", "Images"])


def group_rows(comparison: Comparison) -> pd.DataFrame:
    """Group accuracies of the models, as charts draw them: one row a model and group, none where no label names the
    object."""
    rows = [
        (pane, name.capitalize(), group, *(estimate[part] for part in ("value", "low", "high", "n")))
        for pane, (name, model) in enumerate(comparison.named.items())
        for group, estimate in model.artefact.metrics["end"].get("group_accuracy", {}).items()
    ]
    return pd.DataFrame(rows, columns=["pane", "model", "group", "accuracy", "low", "high", "n"])


def group_table(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """Group accuracies of the models in words, one row a group."""
    measures = [f"group_accuracy.{group}" for group in grouping.names]
    ends = {name.capitalize(): model.artefact.metrics["end"] for name, model in comparison.named.items()}
    words = {name: [cell(end, measure) for measure in measures] for name, end in ends.items()}
    measured: Mapping[str, Any] = next((end for end in ends.values() if "group_accuracy" in end), {})
    pictures = [_count(measured, measure) for measure in measures]
    return pd.DataFrame({"Group": list(group_words(grouping).values()), **words, "Pictures": pictures})


def marked_table(comparison: Comparison, grouping: Grouping, chosen: pd.DataFrame) -> pd.DataFrame:
    """How many of some points are of each group, and how many of them each model names right; one row a group."""
    rows = []
    for group, words in group_words(grouping).items():
        here = chosen[chosen["group"] == group]
        line: dict[str, object] = {"Group": words, "Marked": len(here)}
        for pane, name in enumerate(comparison.named):
            said = here[f"right_{pane}"].isin(["right", "wrong"])
            right = (here[f"right_{pane}"] == "right").sum()
            line[f"Named right, {name}"] = f"{right} of {said.sum()}" if said.any() else "none"
        rows.append(line)
    return pd.DataFrame(rows)


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
