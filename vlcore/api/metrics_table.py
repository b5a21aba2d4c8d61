"""Tables of metrics, each beside its baselines.

No number about a space is shown alone: beside it are the untrained encoder's and, where they have
one, the pixels'.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_metrics import describe_measure, estimate_of
from vlcore.artifacts.store import Artifact
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.metrics import catalogue

TEXT_ONLY = "Matched pairs identified by the caption alone, chance 50%"


def measures_table(comparison: ComparedMaps) -> pd.DataFrame:
    """Every measure of the models beside their baselines, one row a measure: the untrained encoder,
    the pixels and, of a pretrained image tower, the same network with random weights."""
    columns: dict[str, Any] = {}
    text_only = {"": TEXT_ONLY}
    for name, model in comparison.named.items():
        metrics = model.artifact.metrics
        columns[name] = metrics["end"]
        columns[f"{name}, untrained"] = metrics["untrained"]
        if (match := metrics.get("text_only_match")) is not None:
            text_only[name] = f"{match * 100:.0f}%"
    first = comparison.models[0].artifact.metrics
    controls = {"Pixels": first.get("raw_pixels", {})}
    random_towers = [model.artifact.metrics.get("random_tower") for model in comparison.models]
    if any(random_towers):
        controls["Random network"] = next(filter(None, random_towers))
    rows = []
    for measure in catalogue.table_measures():
        name = measure.name
        if not any(estimate_of(metrics, name) for metrics in columns.values()):
            continue  # the image set does not have it
        counts = [_count(model.artifact.metrics["end"], name) for model in comparison.models]
        words = catalogue.words_of(name, comparison.images.grouping)
        row = {"": words, "Images": next(filter(None, counts), "")}
        row |= {column: describe_measure(metrics, name) for column, metrics in columns.items()}
        for column, metrics in controls.items():
            row[column] = describe_measure(metrics, name) if estimate_of(metrics, name) else ""
        rows.append(row)
    if len(text_only) > 1:
        rows.append(text_only)
    controls = {name: metrics for name, metrics in controls.items() if metrics}
    return pd.DataFrame(rows, columns=["", *columns, *controls, "Images"]).fillna("")


def measures_of(model: Artifact, grouping: Grouping) -> pd.DataFrame:
    """Every measure of one model, one row a measure: the number, or why there is none."""
    end = model.metrics["end"]
    rows = [
        (
            catalogue.words_of(measure.name, grouping),
            describe_measure(end, measure.name),
            _count(end, measure.name),
        )
        for measure in catalogue.table_measures()
    ]
    return pd.DataFrame(rows, columns=["", "Measured", "Images"])


def group_accuracy_rows(comparison: ComparedMaps) -> pd.DataFrame:
    """Group accuracies of the models, as charts draw them: a row a model and group; none where no
    label names an object."""
    rows = [
        {"pane": pane, "model": name, "group": group, **estimate}
        for pane, (name, model) in enumerate(comparison.named.items())
        for group, estimate in model.artifact.metrics["end"].get("group_accuracy", {}).items()
    ]
    columns = ["pane", "model", "group", "value", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns).rename(columns={"value": "accuracy"})


def group_accuracy_table(comparison: ComparedMaps) -> pd.DataFrame:
    """Group accuracies of the models in words, one row a group."""
    grouping = comparison.images.grouping
    measures = [f"group_accuracy.{group}" for group in grouping.names]
    table = pd.DataFrame({"Group": group_words(grouping).values()})
    counts = [""] * len(measures)
    for name, model in comparison.named.items():
        end = model.artifact.metrics["end"]
        table[name] = [describe_measure(end, measure) for measure in measures]
        if "group_accuracy" in end:
            counts = [_count(end, measure) for measure in measures]
    return table.assign(Images=counts)


def describe_map_quality(model: Artifact) -> str | None:
    """Trustworthiness and continuity of a model's map, in a sentence; None where they were not
    measured."""
    quality = model.metrics["end"].get("map_quality", {})
    trust, continuity = (
        quality.get(name, {}).get("k10") for name in ("trustworthiness", "continuity")
    )
    if trust is None or continuity is None:
        return None
    return (
        f"Of ten neighbours on the map, trustworthiness {trust:.2f}: 1 means that all are"
        f" neighbours in the full space; continuity {continuity:.2f}: 1 means that none is lost"
    )


def _count(metrics: Mapping[str, Any], measure: str) -> str:
    estimate = estimate_of(metrics, measure)
    return f"{estimate['n']:,}" if estimate else ""
