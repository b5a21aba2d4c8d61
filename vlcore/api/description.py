"""Description of a comparison in words: differences of conditions, what the maps sort by, layouts,
displacements."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.metrics_table import absence_reason, cell
from vlcore.api.model_map import ModelMap
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.options import TOWERS
from vlcore.experiment.wording import FEW, describe_bias, label_words, number, share
from vlcore.metrics.layout import Placed, layout, movement

TOGETHER = 0.1  # cosine distance of centres below which two groups are said to lie together
SETTINGS = {field.name: field.name.replace("_", " ") for field in fields(Condition)} | {
    "data": "image set",
    "data_version": "version of the image set",
    "template": "caption template",
    "negatives": "mismatched captions",
    "logit": "score",
    "size_mode": "size of the biased set",
    "architecture": "image tower",
    "text": "text tower",
    "n_per_group": "pictures of a group",
    "data_seed": "choice of pictures",
    "init_seed": "first weights and order",
    "edits": "changes of the training set",
}
# By the control of another setting.
_SET_WITH = {
    "data_version": "data",
    "template": "labels",
    "init_seed": "data_seed",
    "batch_size": "recipe",
}
# What the twin of a condition sets back, and what the twin then has; the first field that is not
# the usual one.
TWINS = {
    "edits": "no changes of the training set",
    "mitigation": "no mitigation",
    "size_mode": "a set that shrinks",
    "objective": "the pairwise objective",
    "negatives": "the usual mismatched captions",
    "logit": "the usual score",
    "architecture": "the usual image tower",
    "text": "the usual text tower",
    "recipe": "the usual recipe",
    "labels": "short labels",
    "bias": "no bias",
}


def _same_towers(one: Condition, other: Condition) -> bool:
    return (one.architecture, one.text) == (other.architecture, other.text)


def twin_of(condition: Condition) -> tuple[Condition, str] | None:
    """What a trained model is shown beside, as it says little alone: the same seeds, pictures and
    steps, and one choice set back to the usual one, which is named; None for the plainest of
    all."""
    plainest = next(
        (one for one in map(Condition().with_towers, TOWERS) if _same_towers(one, condition)),
        Condition(),
    )
    for field, what in TWINS.items():
        usual = getattr(plainest, field)
        if getattr(condition, field) != usual:
            return (
                condition.with_labels(usual)
                if field == "labels"
                else condition.replace(**{field: usual})
            ), what
    return None


def differing_settings(conditions: Sequence[Condition]) -> list[str]:
    """The settings in which not all conditions are alike, in words; those of one control count
    once."""
    apart = [
        name for name in SETTINGS if len({getattr(condition, name) for condition in conditions}) > 1
    ]
    words = {name: SETTINGS[name] for name in apart if _SET_WITH.get(name) not in apart}
    if "init_seed" in apart and "data_seed" in apart:
        words["data_seed"] = "seed"
    return list(words.values())


def differences_in_words(conditions: Mapping[str, Condition]) -> str:
    """What a difference between models can be put down to, in words, from their conditions by what
    they are called."""
    apart = differing_settings(list(conditions.values()))
    if not apart:
        return "The models are one and the same condition, so their maps are the same map."
    if len(apart) == 1:
        return (
            f"**Twins**: they differ in one thing, the {apart[0]}; what differs between the maps"
            " comes from that."
        )
    said = f"They differ in {len(apart)} things: {', '.join(apart[:-1])} and {apart[-1]}."
    pairs = [
        f"{one} and {other} ({settings[0]})"
        for (one, first), (other, second) in combinations(conditions.items(), 2)
        if len(settings := differing_settings([first, second])) == 1
    ]
    if not pairs:
        return f"{said} What differs between the maps cannot be put down to one of them."
    return f"{said} **Twins**, which differ in one: {', '.join(pairs)}."


def summary(comparison: ComparedMaps, grouping: Grouping) -> str:
    """Two sentences, from the numbers alone, that say what the maps show."""
    ends = {name: model.artifact.metrics["end"] for name, model in comparison.named.items()}
    sorts, rights, n, primary = [], [], None, "minority_accuracy"
    for name, end in ends.items():
        sorts.append(
            f"the {name} model's held-out pictures sort {_sorting(end, grouping.object_word)}"
        )
        if primary in end:
            n = n or end[primary]["n"]
            rights.append(f"the {name} model is right {share(end[primary])}")
        else:
            rights.append(f"the {name} model cannot be ({absence_reason(end, primary)})")
    said = "; ".join(sorts)
    sentence = (
        f"{said[0].upper()}{said[1:]} (cosine silhouettes in the full space, not on the map)."
    )
    if n is None:
        return (
            f"{sentence} No model's labels name the {grouping.object_word}, so none can be right or"
            " wrong."
        )
    return f"{sentence} On {n:,} held-out minority pictures {', '.join(rights)}."


def _sorting(end: Mapping[str, Any], animal: str) -> str:
    if "silhouette_object" not in end:
        reason = absence_reason(end, "silhouette_object")
        known = reason == "one point"
        return (
            "by nothing: all lie in one point"
            if known
            else f"in no way that was measured ({reason})"
        )
    by_object, by_context = end["silhouette_object"]["value"], end["silhouette_context"]["value"]
    more = f"more by {animal}" if by_object > by_context else "more by background"
    if max(by_object, by_context) < 0.1:
        more = "hardly by either"
    elif abs(by_object - by_context) < 0.1:
        more = f"by {animal} and background alike"
    return f"{more} ({by_object:.2f} by {animal}, {by_context:.2f} by background)"


def small_sample_warning(model: Artifact, grouping: Grouping) -> str | None:
    """A sentence that names the groups with too few held-out pictures for their numbers to say
    much; None without."""
    names = group_words(grouping)
    counts = {
        group: estimate["n"]
        for group, estimate in model.metrics["end"].get("group_accuracy", {}).items()
    }
    short = [f"{names[group]} ({n})" for group, n in counts.items() if n < FEW]
    said = (
        f"Fewer than {FEW} held-out pictures: {', '.join(short)}. Numbers that rest on them say"
        " little."
    )
    return said if short else None


def first_fit(model: Artifact) -> str:
    """When a model had learnt its training captions, and what it was worth then."""
    step = model.metrics["first_fit_step"]
    if step is None:
        return "its training captions were never fitted."
    then = cell(model.metrics["first_fit"], "minority_accuracy")
    return (
        f"its training captions were first fitted at step {step:,}, with minority pictures right"
        f" {then}."
    )


def how_tested(images: ImageSet) -> str:
    """What the held-out pictures of a set are to its models."""
    if not images.has_pictures:
        return "What these encoders were trained on is not known here."
    how = "No held-out picture, nor one much like it, was in training."
    if images.folds:
        how = (
            f"{images.folds} models were trained in turn, each judging the pictures that it has not"
            " seen."
        )
    elif images.about.get("recipe"):
        how = "Each of the 500 test scenes is drawn with both animals and both backgrounds."
    return f"{how} One run: another seed gives other numbers."


def answer(biased: Sequence[Artifact], grouping: Grouping) -> str:
    """What two models with one bias and the two label styles were measured at, and no more than
    that."""
    ends = [
        (share(one.metrics["end"]["minority_accuracy"]), label_words(one.condition))
        for one in biased
    ]
    rights = [f"**{right}** with {labels}" for right, labels in ends]
    below = (
        f"Below 50\u00a0% a model goes by the background more than by the {grouping.object_word}."
    )
    once = (
        "This is one run of each, and another seed gives other numbers: it is a measurement, not"
        " yet an answer."
    )
    given = f"With {describe_bias(biased[0].condition)}, minority pictures are named right"
    return f"{given} {' and '.join(rights)}. {below} {once}"


class LayoutDescription(NamedTuple):
    """The layouts of a comparison: a sentence a model, a row a pair of groups, and what the numbers
    rest on."""

    sentences: tuple[str, ...]
    table: pd.DataFrame
    note: str


def placed_groups(model: ModelMap, images: ImageSet) -> Placed:
    """Where the groups of a model's held-out pictures lie, as `vlcore.metrics.layout.layout`, and
    raises as that does, or where the model has collapsed."""
    if model.artifact.metrics["end"]["collapsed"]:
        raise ValueError("all lie in one point.")
    of = _groups_and_scenes(images, model.rows[: model.held_out])
    return layout(model.z[: model.held_out], *of, images.grouping.names)


def describe_layouts(
    comparison: ComparedMaps,
    images: ImageSet,
    placed: Callable[[ModelMap, ImageSet], Placed] = placed_groups,
) -> LayoutDescription:
    """Who is near whom in each model; `placed` gives that of one."""
    names = group_words(images.grouping)
    sentences, columns = [], {}
    for name, model in comparison.named.items():
        try:
            distances, centres = placed(model, images)
        except ValueError as error:
            sentences.append(f"The {name} model's groups cannot be placed: {error}")
            continue
        said = []
        for group, near in centres.items():
            how = "lies with" if near.distance.value < TOGETHER else "is nearest to"
            nearest = f"{how} {names[near.name]} ({number(near.distance.as_dict())})"
            said.append(
                f"{names[group]}"
                f" {nearest if near.decided else 'has no nearest group that is decided'}"
            )
        sentences.append(f"In the {name} model {'; '.join(said)}.")
        apart = {pair: number(distance.as_dict()) for pair, distance in distances.items()}
        columns[name.capitalize()] = {
            f"{names[one]} and {names[other]}": apart[one, other] for one, other in apart
        }
    table = pd.DataFrame(columns).rename_axis("Distance of centres").reset_index()
    distance = (
        "Cosine distances between the centres of groups in the full space, 0 (one direction) to 2"
        " (opposite)"
    )
    shown = f"the {comparison.models[0].held_out:,} held-out pictures that a map shows"
    return LayoutDescription(
        tuple(sentences), table, f"{distance}, with 95 % intervals over scenes, of {shown}."
    )


def _groups_and_scenes(
    images: ImageSet, rows: NDArray[np.int64]
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    table = images.table.iloc[rows]
    return table["group"].to_numpy().astype(str), table["scene"].to_numpy().astype(str)


class Displacements(NamedTuple):
    """What moved from the first model to another: `table` has one row a group (movement on the
    maps, share of neighbours kept, pictures), `chance` is the share of neighbours that unrelated
    models have in common, and `largest` the pictures that moved most, farthest first (``row``,
    ``way`` in radii of the first map, share ``kept``).
    """

    table: pd.DataFrame
    chance: float
    largest: pd.DataFrame


def largest_displacements(
    comparison: ComparedMaps, images: ImageSet, count: int = 10
) -> dict[str, Displacements]:
    """From the first model to each other one, by its name, over the held-out pictures that both
    maps show; raises as `vlcore.metrics.layout.movement`."""
    (_, first), *others = comparison.named.items()
    found = {}
    for name, model in others:
        rows = np.intersect1d(first.rows[: first.held_out], model.rows[: model.held_out])
        here, there = first.index(rows), model.index(rows)
        places, vectors = (first.points[here], model.points[there]), (first.z[here], model.z[there])
        moved = movement(places, vectors, *_groups_and_scenes(images, rows), images.grouping.names)
        words = group_words(images.grouping)
        lines = (
            (words[group], drift, share(moved.kept[group].as_dict()))
            for group, drift in moved.drift.items()
        )
        columns = ["Group", "Moved, in radii of the first map", "Ten nearest kept", "Pictures"]
        table = pd.DataFrame(
            [(name, number(by.as_dict()), kept, by.n) for name, by, kept in lines], columns=columns
        )
        pictures = pd.DataFrame({"row": rows, "way": moved.displacement, "kept": moved.overlap})
        found[name] = Displacements(table, moved.chance, pictures.nlargest(count, "way"))
    return found
