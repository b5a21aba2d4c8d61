"""Metrics in words and in tables, each beside what it must be compared with.

No number about a space stands alone: beside it are the untrained encoder's and, where it can have
one, the pixels'.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vlcore.api.compared_maps import ComparedMaps
from vlcore.artifacts.store import Artifact
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import number, share
from vlcore.metrics import catalogue
from vlcore.metrics.estimate import Estimate

TEXT_ONLY = "Matched pairs told by the caption alone, by chance 50 %"


def estimate_of(metrics: Mapping[str, Any], measure: str) -> Mapping[str, Any] | None:
    """A measure of a snapshot by its name, with dots for what stands inside another; None where it
    is not there."""
    found: Any = metrics
    for name in measure.split("."):
        if name not in found:
            return None
        found = found[name]
    return dict(found)


def absence_reason(metrics: Mapping[str, Any], measure: str) -> str:
    """Why a measure is not defined; a model of an older version has not measured what is new."""
    if (
        "absent" not in metrics
    ):  # the first version left out what is not defined in one point, and nothing else
        return "one point"
    absent = metrics["absent"]
    return str(
        absent.get(measure, absent.get(catalogue.whole_of(measure), "not measured by this version"))
    )


def cell(metrics: Mapping[str, Any], measure: str) -> str:
    """A number of a snapshot in words, or why it is not defined."""
    found = estimate_of(metrics, measure)
    if found is None:
        return f"not defined: {absence_reason(metrics, measure)}"
    return share(found) if catalogue.measure_of(measure).in_percent else number(found)


def _count(metrics: Mapping[str, Any], measure: str) -> str:
    found = estimate_of(metrics, measure)
    return "" if found is None else f"{found['n']:,}"


class Metrics(dict[str, Estimate]):
    """What was measured at one moment, by name (``"group_accuracy.horse_desert"``); else a KeyError
    with the reason."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        for name, value in document.items():
            parts = (
                {f"{name}.{part}": found for part, found in value.items()}
                if isinstance(value, dict)
                else {}
            )
            for full_name, found in {name: value, **parts}.items():
                if isinstance(found, dict) and "value" in found:
                    self[full_name] = Estimate(
                        *(found[part] for part in ("value", "low", "high", "n"))
                    )

    def __missing__(self, name: str) -> Estimate:
        raise KeyError(f"{name} is not defined here: {absence_reason(self._document, name)}")

    def table(self) -> pd.DataFrame:
        """One row a measure: value, ends of the interval, n."""
        return pd.DataFrame(
            [estimate_of(self._document, name) for name in self],
            index=pd.Index(self, name="measure"),
        )

    def _repr_html_(self) -> str:
        return str(self.table().to_html(float_format="{:.3g}".format))


def measures_table(comparison: ComparedMaps, grouping: Grouping) -> pd.DataFrame:
    """What was measured of models, beside their untrained encoders, the pixels and, of a pretrained
    image tower, the same network with random weights; one row a measure."""
    moments: dict[str, Any] = {}
    for name, model in comparison.named.items():
        metrics = model.artifact.metrics
        moments |= {
            name.capitalize(): metrics["end"],
            f"{name.capitalize()}, untrained": metrics["untrained"],
        }
    first = comparison.models[0].artifact.metrics
    controls = {"Pixels": first.get("raw_pixels", {})}
    random_towers = [model.artifact.metrics.get("random_tower") for model in comparison.models]
    if measured_tower := next(filter(None, random_towers), None):
        controls["Random network"] = measured_tower
    rows = []
    for one in catalogue.listed():
        if any(
            estimate_of(measured, one.name) for measured in moments.values()
        ):  # else the image set has it not
            row = {"": catalogue.words_of(one.name, grouping)}
            row |= {name: cell(measured, one.name) for name, measured in moments.items()}
            for name, control in controls.items():
                row[name] = cell(control, one.name) if estimate_of(control, one.name) else ""
            row["Images"] = _count(first["end"], one.name)
            rows.append(row)
    told = {
        name: model.artifact.metrics.get("text_only_match")
        for name, model in comparison.named.items()
    }
    if told := {
        name.capitalize(): f"{match * 100:.0f} %"
        for name, match in told.items()
        if match is not None
    }:
        rows.append({"": TEXT_ONLY} | told)
    return pd.DataFrame(rows).fillna("")


def measures_of(model: Artifact, grouping: Grouping) -> pd.DataFrame:
    """What was measured of one model, one row a measure: the number, or why there is none."""
    end = model.metrics["end"]
    every = {one.name: catalogue.words_of(one.name, grouping) for one in catalogue.listed()}
    rows = [(words, cell(end, name), _count(end, name)) for name, words in every.items()]
    return pd.DataFrame(rows, columns=["", "Measured", "Images"])


def group_rows(comparison: ComparedMaps) -> pd.DataFrame:
    """Group accuracies of the models, as charts draw them: a row a model and group, none where no
    label names one."""
    rows = [
        (
            pane,
            name.capitalize(),
            group,
            *(estimate[part] for part in ("value", "low", "high", "n")),
        )
        for pane, (name, model) in enumerate(comparison.named.items())
        for group, estimate in model.artifact.metrics["end"].get("group_accuracy", {}).items()
    ]
    return pd.DataFrame(rows, columns=["pane", "model", "group", "accuracy", "low", "high", "n"])


def group_table(comparison: ComparedMaps, grouping: Grouping) -> pd.DataFrame:
    """Group accuracies of the models in words, one row a group."""
    measures = [f"group_accuracy.{group}" for group in grouping.names]
    table, pictures = pd.DataFrame({"Group": group_words(grouping).values()}), [""] * len(measures)
    for name, model in comparison.named.items():
        end = model.artifact.metrics["end"]
        table[name.capitalize()] = [cell(end, measure) for measure in measures]
        if "group_accuracy" in end:
            pictures = [_count(end, measure) for measure in measures]
    return table.assign(Pictures=pictures)


def marked_table(
    comparison: ComparedMaps, grouping: Grouping, chosen: pd.DataFrame
) -> pd.DataFrame:
    """How many of some points are of each group, and how many of them each model names right; one
    row a group."""
    rows = []
    for group, words in group_words(grouping).items():
        here = chosen[chosen["group"] == group]
        line: dict[str, object] = {"Group": words, "Marked": len(here)}
        for pane, name in enumerate(comparison.named):
            said = here[f"right_{pane}"].value_counts().reindex(["right", "wrong"], fill_value=0)
            line[f"Named right, {name}"] = (
                f"{said['right']} of {said.sum()}" if said.any() else "none"
            )
        rows.append(line)
    return pd.DataFrame(rows)


def map_quality(model: Artifact) -> str | None:
    """How far to believe the map of a model, in a sentence; None where it was not measured."""
    quality = model.metrics["end"].get("map_quality", {})
    trust, kept = (quality.get(name, {}).get("k10") for name in ("trustworthiness", "continuity"))
    if trust is None or kept is None:
        return None
    all_near = f"trustworthiness {trust:.2f}: 1 means that all are neighbours in the full space"
    return (
        f"Of ten neighbours on the map, {all_near}; continuity {kept:.2f}: 1 means that none is"
        " lost"
    )
