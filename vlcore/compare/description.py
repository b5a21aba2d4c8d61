"""Numbers in words, the same on every page: a value, its interval, and what it was counted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from vlcore.compare.comparison import Comparison
from vlcore.compare.metrics_table import cell, reason_of
from vlcore.compare.model_map import ModelMap
from vlcore.core.condition import Condition
from vlcore.core.grouping import Grouping, group_words
from vlcore.core.wording import FEW, describe_bias, label_words, number, share
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.layout import Layout, Movement, layout, movement
from vlcore.store.artefacts import Artefact


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


_WORDS = {
    "data": "image set",
    "data_version": "version of the image set",
    "bias": "bias",
    "labels": "labels",
    "template": "caption template",
    "objective": "objective",
    "negatives": "mismatched captions",
    "logit": "score",
    "mitigation": "mitigation",
    "size_mode": "size of the biased set",
    "architecture": "image encoder",
    "n_per_group": "pictures of a group",
    "steps": "steps",
    "batch_size": "batch size",
    "data_seed": "choice of pictures",
    "init_seed": "first weights and order",
}
# Turned together by one control: the first, and what it sets as well.
_ONE_KNOB = (("data", "data_version"), ("data_seed", "init_seed"), ("labels", "template"))
_TOGETHER = {"data_seed": "seed"}  # what a control is called that has a name of its own


def differing(conditions: Sequence[Condition]) -> list[str]:
    """The knobs in which not all conditions are alike, in words; those of one control count once."""
    apart = [
        field.name
        for field in fields(Condition)
        if len({getattr(condition, field.name) for condition in conditions}) > 1
    ]
    words = {name: _WORDS[name] for name in apart}
    for first, second in _ONE_KNOB:
        if first in words and second in words:
            words[first] = _TOGETHER.get(first, words[first])
            del words[second]
    return list(words.values())


def differences_in_words(conditions: Sequence[Condition], names: Sequence[str]) -> str:
    """What a difference between the models can be put down to, in words; `names` is what they are called."""
    apart = differing(conditions)
    if not apart:
        return "The models are one and the same condition, so their maps are the same map."
    if len(apart) == 1:
        return f"**Twins**: they differ in one thing, the {apart[0]}; what differs between the maps comes from that."
    said = f"They differ in {len(apart)} things: {', '.join(apart[:-1])} and {apart[-1]}."
    pairs = [
        f"{names[one]} and {names[other]} ({knobs[0]})"
        for one, other in combinations(range(len(conditions)), 2)
        if len(knobs := differing([conditions[one], conditions[other]])) == 1
    ]
    if not pairs:
        return f"{said} What differs between the maps cannot be put down to one of them."
    return f"{said} **Twins**, which differ in one: {', '.join(pairs)}."


TOGETHER = 0.1  # cosine distance of centres below which two groups are said to lie together


@dataclass(frozen=True, eq=False)
class Described:
    """The layouts of a comparison: a sentence a model, a table with one row a pair of groups, and the number of
    held-out pictures that they rest on."""

    sentences: tuple[str, ...]
    table: pd.DataFrame
    n: int

    @property
    def note(self) -> str:
        """What the numbers are and rest on."""
        return (
            "Cosine distances between the centres of groups in the full space, 0 (one direction) to 2 (opposite), with "
            f"95 % intervals over scenes, of the {self.n:,} held-out pictures that a map shows."
        )

    @property
    def words(self) -> str:
        return " ".join(self.sentences)


def described(comparison: Comparison, images: ImageSet) -> Described:
    """Who is near whom in each model."""
    names = group_words(images.grouping)
    sentences, columns = [], {}
    for name, model in zip(comparison.names, comparison.models, strict=True):
        found = _layout(model, images)
        if isinstance(found, str):
            sentences.append(f"The {name} model's groups cannot be placed: {found}")
            continue
        sentences.append(f"In the {name} model {_said(found, names)}.")
        columns[name.capitalize()] = {
            f"{names[one]} and {names[other]}": number(distance.as_dict())
            for (one, other), distance in found.distances.items()
        }
    table = pd.DataFrame(columns).rename_axis("Distance of centres").reset_index()
    return Described(tuple(sentences), table, comparison.models[0].held_out)


def _layout(model: ModelMap, images: ImageSet) -> Layout | str:
    """The layout of a model's held-out pictures, or why there is none."""
    table = images.table.iloc[model.rows[: model.held_out]]
    groups, scenes = (table[column].to_numpy().astype(str) for column in ("group", "scene"))
    if model.artefact.metrics["end"]["collapsed"]:
        return "all lie in one point."
    try:
        return layout(model.z[: model.held_out], groups, scenes, images.grouping.names)
    except ValueError as error:
        return str(error)


def _said(found: Layout, names: dict[str, str]) -> str:
    """For each group the nearest one, with the distance, and whether that could be chance."""
    parts = []
    for group, near in found.nearest.items():
        if not near.decided:
            parts.append(f"{names[group]} has no nearest group that is decided")
            continue
        how = "lies with" if near.distance.value < TOGETHER else "is nearest to"
        parts.append(f"{names[group]} {how} {names[near.name]} ({number(near.distance.as_dict())})")
    return "; ".join(parts)


@dataclass(frozen=True, eq=False)
class Moved:
    """What moved from the first model to another.

    Attributes:
        name: of the other model.
        table: one row a group: movement on the maps, share of neighbours kept, pictures.
        chance: share of neighbours that unrelated models have in common.
        most: row numbers of the pictures that moved most, farthest first, with movement and share kept.
    """

    name: str
    table: pd.DataFrame
    chance: float
    most: tuple[tuple[int, float, float], ...]


def moved(comparison: Comparison, images: ImageSet, count: int = 10) -> list[Moved]:
    """From the first model to each other one, over the held-out pictures that both maps show.

    Raises:
        ValueError: when a map is one point, or too few pictures are shared.
    """
    first, names = comparison.models[0], group_words(images.grouping)
    found = []
    for name, model, turn in list(zip(comparison.names, comparison.models, comparison.turns, strict=True))[1:]:
        rows = np.intersect1d(first.rows[: first.held_out], model.rows[: model.held_out])
        here, there = ([one.where(int(row)) for row in rows] for one in (first, model))
        table = images.table.iloc[rows]
        groups, scenes = (table[column].to_numpy().astype(str) for column in ("group", "scene"))
        result = movement(
            (comparison.turns[0].apply(first.points[here]), turn.apply(model.points[there])),
            (first.z[here], model.z[there]),
            groups,
            scenes,
            images.grouping.names,
        )
        most = tuple(
            (int(rows[k]), float(result.displacement[k]), float(result.overlap[k]))
            for k in result.largest_displacements(count)
        )
        found.append(Moved(name, _movement_table(result, names), result.chance, most))
    return found


def _movement_table(result: Movement, names: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Group": names[group],
                "Moved, in radii of the first map": number(result.drift[group].as_dict()),
                "Ten nearest kept": share(result.kept[group].as_dict()),
                "Pictures": result.drift[group].n,
            }
            for group in result.drift
        ]
    )
