"""Description of a comparison in words: differences of conditions, what the maps sort by, layouts, displacements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.compare.comparison import Comparison
from vlcore.compare.metrics_table import absence_reason, cell
from vlcore.core.condition import Condition
from vlcore.core.grouping import Grouping, group_words
from vlcore.core.wording import FEW, describe_bias, label_words, number, share
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.layout import Layout, layout, movement
from vlcore.store.artefacts import Artefact

_SETTINGS = {
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
_SET_WITH = {"data_version": "data", "template": "labels", "init_seed": "data_seed"}  # by the control of another


def differing_settings(conditions: Sequence[Condition]) -> list[str]:
    """The settings in which not all conditions are alike, in words; those of one control count once."""
    apart = [name for name in _SETTINGS if len({getattr(condition, name) for condition in conditions}) > 1]
    words = {name: _SETTINGS[name] for name in apart if _SET_WITH.get(name) not in apart}
    if "init_seed" in apart and "data_seed" in apart:
        words["data_seed"] = "seed"
    return list(words.values())


def differences_in_words(conditions: Mapping[str, Condition]) -> str:
    """What a difference between models can be put down to, in words, from their conditions by what they are called."""
    apart = differing_settings(list(conditions.values()))
    if not apart:
        return "The models are one and the same condition, so their maps are the same map."
    if len(apart) == 1:
        return f"**Twins**: they differ in one thing, the {apart[0]}; what differs between the maps comes from that."
    said = f"They differ in {len(apart)} things: {', '.join(apart[:-1])} and {apart[-1]}."
    pairs = [
        f"{one} and {other} ({settings[0]})"
        for (one, first), (other, second) in combinations(conditions.items(), 2)
        if len(settings := differing_settings([first, second])) == 1
    ]
    if not pairs:
        return f"{said} What differs between the maps cannot be put down to one of them."
    return f"{said} **Twins**, which differ in one: {', '.join(pairs)}."


def summary(comparison: Comparison, grouping: Grouping) -> str:
    """Two sentences, from the numbers alone, that say what the maps show."""
    ends = {name: model.artefact.metrics["end"] for name, model in comparison.named.items()}
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
        else f"the {name} model cannot be ({absence_reason(metrics, 'minority_accuracy')})"
        for name, metrics in ends.items()
    ]
    return f"{sentence} On {n:,} held-out minority pictures {', '.join(rights)}."


def _sorting(metrics: Mapping[str, Any], animal: str) -> str:
    if "silhouette_object" not in metrics:
        reason = absence_reason(metrics, "silhouette_object")
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


def small_sample_warning(model: Artefact, grouping: Grouping) -> str | None:
    """A sentence that names the groups with too few held-out pictures for their numbers to say much; None without."""
    names = group_words(grouping)
    counts = {group: estimate["n"] for group, estimate in model.metrics["end"].get("group_accuracy", {}).items()}
    short = [f"{names[group]} ({n})" for group, n in counts.items() if n < FEW]
    if not short:
        return None
    return f"Fewer than {FEW} held-out pictures: {', '.join(short)}. Numbers that rest on them say little."


def first_fit(model: Artefact) -> str:
    """When a model had learnt its training captions, and what it was worth then."""
    step = model.metrics["first_fit_step"]
    if step is None:
        return "its training captions were never fitted."
    then = cell(model.metrics["first_fit"], "minority_accuracy")
    return f"its training captions were first fitted at step {step:,}, with minority pictures right {then}."


def how_tested(images: ImageSet) -> str:
    """What the held-out pictures of a set are to its models."""
    if not images.has_pictures:
        return "What these encoders were trained on is not known here."
    again = "One run: another seed gives other numbers."
    if images.folds:
        return f"{images.folds} models were trained in turn, each judging the pictures that it has not seen. {again}"
    if images.about.get("recipe"):
        return f"Each of the 500 test scenes is drawn with both animals and both backgrounds. {again}"
    return f"No held-out picture, nor one much like it, was in training. {again}"


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


TOGETHER = 0.1  # cosine distance of centres below which two groups are said to lie together


@dataclass(frozen=True, eq=False)
class LayoutDescription:
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


def describe_layouts(comparison: Comparison, images: ImageSet) -> LayoutDescription:
    """Who is near whom in each model."""
    names = group_words(images.grouping)
    sentences, columns = [], {}
    for name, model in comparison.named.items():
        rows = model.rows[: model.held_out]
        try:
            if model.artefact.metrics["end"]["collapsed"]:
                raise ValueError("all lie in one point.")
            found = layout(model.z[: model.held_out], *_groups_and_scenes(images, rows), images.grouping.names)
        except ValueError as error:
            sentences.append(f"The {name} model's groups cannot be placed: {error}")
            continue
        sentences.append(f"In the {name} model {_nearest_in_words(found, names)}.")
        columns[name.capitalize()] = {
            f"{names[one]} and {names[other]}": number(distance.as_dict())
            for (one, other), distance in found.distances.items()
        }
    table = pd.DataFrame(columns).rename_axis("Distance of centres").reset_index()
    return LayoutDescription(tuple(sentences), table, comparison.models[0].held_out)


def _groups_and_scenes(images: ImageSet, rows: NDArray[np.int64]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    table = images.table.iloc[rows]
    return table["group"].to_numpy().astype(str), table["scene"].to_numpy().astype(str)


def _nearest_in_words(found: Layout, names: dict[str, str]) -> str:
    """For each group the nearest one, with the distance, and whether that could be chance."""
    parts = []
    for group, near in found.nearest.items():
        if not near.decided:
            parts.append(f"{names[group]} has no nearest group that is decided")
            continue
        how = "lies with" if near.distance.value < TOGETHER else "is nearest to"
        parts.append(f"{names[group]} {how} {names[near.name]} ({number(near.distance.as_dict())})")
    return "; ".join(parts)


@dataclass(frozen=True)
class PictureDisplacement:
    """How far a picture moved on the maps, in radii of the first, and which share of its neighbours it kept."""

    row: int
    way: float
    kept: float


@dataclass(frozen=True, eq=False)
class Displacements:
    """What moved from the first model to another.

    Attributes:
        table: one row a group: movement on the maps, share of neighbours kept, pictures.
        chance: share of neighbours that unrelated models have in common.
        largest: the pictures that moved most, farthest first.
    """

    table: pd.DataFrame
    chance: float
    largest: tuple[PictureDisplacement, ...]


def largest_displacements(comparison: Comparison, images: ImageSet, count: int = 10) -> dict[str, Displacements]:
    """From the first model to each other one, by its name, over the held-out pictures that both maps show.

    Raises:
        ValueError: when a map is one point, or too few pictures are shared.
    """
    (_, first), *others = comparison.named.items()
    found = {}
    for name, model in others:
        rows = np.intersect1d(first.rows[: first.held_out], model.rows[: model.held_out])
        here, there = first.index(rows), model.index(rows)
        moved = movement(
            (first.points[here], model.points[there]),
            (first.z[here], model.z[there]),
            *_groups_and_scenes(images, rows),
            images.grouping.names,
        )
        table = pd.DataFrame(
            {
                "Group": group_words(images.grouping)[group],
                "Moved, in radii of the first map": number(moved.drift[group].as_dict()),
                "Ten nearest kept": share(moved.kept[group].as_dict()),
                "Pictures": moved.drift[group].n,
            }
            for group in moved.drift
        )
        largest = (
            PictureDisplacement(int(rows[k]), float(moved.displacement[k]), float(moved.overlap[k]))
            for k in moved.largest_displacements(count)
        )
        found[name] = Displacements(table, moved.chance, tuple(largest))
    return found
