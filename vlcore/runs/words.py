"""Numbers in words, the same on every page: a value, its interval, and what it was counted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from vlcore.conditions import describe_bias
from vlcore.core.wording import FEW, share
from vlcore.figures.theme import group_words
from vlcore.images.groups import Grouping
from vlcore.runs.compare import Comparison
from vlcore.runs.measured import cell, reason_of
from vlcore.runs.model_maps import ModelMap
from vlcore.runs.store import Artefact
from vlcore.runs.titles import label_words


def small_sample_warning(model: Artefact, grouping: Grouping) -> str | None:
    """A sentence that names the groups with too few held-out pictures for their numbers to say much; None without."""
    names = group_words(grouping)
    counts = {group: estimate["n"] for group, estimate in model.metrics["end"].get("group_accuracy", {}).items()}
    short = [f"{names[group]} ({n})" for group, n in counts.items() if n < FEW]
    if not short:
        return None
    return f"Fewer than {FEW} held-out pictures: {', '.join(short)}. Numbers that rest on them say little."


def group_rows(comparison: Comparison) -> pd.DataFrame:
    """Group accuracies of the models, as charts draw them: one row a model and group, none where no label names the
    object."""
    return pd.DataFrame(
        [
            {
                "pane": pane,
                "model": name.capitalize(),
                "group": group,
                "accuracy": estimate["value"],
                "low": estimate["low"],
                "high": estimate["high"],
                "n": estimate["n"],
            }
            for pane, (name, model) in enumerate(zip(comparison.names, comparison.models, strict=True))
            for group, estimate in model.artefact.metrics["end"].get("group_accuracy", {}).items()
        ],
        columns=["pane", "model", "group", "accuracy", "low", "high", "n"],
    )


def in_words(comparison: Comparison, grouping: Grouping) -> str:
    """Two sentences, from the numbers alone, that say what the maps show."""
    ends = {
        name: model.artefact.metrics["end"] for name, model in zip(comparison.names, comparison.models, strict=True)
    }
    sorts = "; ".join(
        f"the {name} model's held-out pictures sort {_sorting(metrics, grouping.object_word)}"
        for name, metrics in ends.items()
    )
    sentence = f"{sorts[0].upper()}{sorts[1:]} (cosine silhouettes in the full space, not on the map)."
    n = next((metrics["minority_accuracy"]["n"] for metrics in ends.values() if "minority_accuracy" in metrics), None)
    if n is None:
        return f"{sentence} No model's labels name the {grouping.object_word}, so none can be right or wrong."
    rights = [
        f"the {name} model is right {share(metrics['minority_accuracy'])}"
        if "minority_accuracy" in metrics
        else f"the {name} model cannot be ({reason_of(metrics, 'minority_accuracy')})"
        for name, metrics in ends.items()
    ]
    return f"{sentence} On {n:,} held-out minority pictures {', '.join(rights)}."


def _sorting(metrics: Mapping[str, Any], animal: str) -> str:
    if "silhouette_object" not in metrics:
        reason = reason_of(metrics, "silhouette_object")
        return (
            "by nothing: all lie in one point" if reason == "one point" else f"in no way that was measured ({reason})"
        )
    by_object, by_context = metrics["silhouette_object"]["value"], metrics["silhouette_context"]["value"]
    if max(by_object, by_context) < 0.1:
        more = "hardly by either"
    elif abs(by_object - by_context) < 0.1:
        more = f"by {animal} and background alike"
    else:
        more = f"more by {animal}" if by_object > by_context else "more by background"
    return f"{more} ({by_object:.2f} by {animal}, {by_context:.2f} by background)"


def group_table(comparison: Comparison, grouping: Grouping) -> pd.DataFrame:
    """Group accuracies of the models in words, one row a group."""
    ends = [model.artefact.metrics["end"] for model in comparison.models]
    words = {
        name.capitalize(): [_group_cell(metrics, group) for group in grouping.names]
        for name, metrics in zip(comparison.names, ends, strict=True)
    }
    measured: Mapping[str, Any] = next((end["group_accuracy"] for end in ends if "group_accuracy" in end), {})
    pictures = [f"{measured[group]['n']:,}" if measured else "" for group in grouping.names]
    return pd.DataFrame({"Group": list(group_words(grouping).values()), **words, "Pictures": pictures})


def _group_cell(metrics: Mapping[str, Any], group: str) -> str:
    if "group_accuracy" not in metrics:
        return f"not defined: {reason_of(metrics, 'group_accuracy')}"
    return share(metrics["group_accuracy"][group])


def first_fit(model: ModelMap) -> str:
    """When a model had learnt its training captions, and what it was worth then."""
    metrics = model.artefact.metrics
    step = metrics["first_fit_step"]
    if step is None:
        return "its training captions were never fitted."
    then = cell(metrics["first_fit"], "minority_accuracy")
    return f"its training captions were first fitted at step {step:,}, with minority pictures right {then}."


def answer(biased: Sequence[Artefact], grouping: Grouping) -> str:
    """What two models with one bias and the two label styles were measured at, and no more than that."""
    shares = " and ".join(
        f"**{share(model.metrics['end']['minority_accuracy'])}** with {label_words(model.condition)}"
        for model in biased
    )
    return (
        f"With {describe_bias(biased[0].condition)}, minority pictures are named right {shares}. Below 50\u00a0% a "
        f"model goes by the background more than by the {grouping.object_word}. This is one run of each, and another "
        "seed gives other numbers: it is a measurement, not yet an answer."
    )
