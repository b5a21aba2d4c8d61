"""Description of a comparison in words: clusters, accuracies, layouts and displacements."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap
from vlcore.api.model_metrics import absence_reason, describe_measure
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import describe_sample, limit
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.options import MITIGATIONS
from vlcore.experiment.wording import FEW, number, share
from vlcore.metrics.layout import Placed, group_movement, layout

MOST_IMAGES = 1_000  # from which words about a map are computed; a sample where it shows more
CLOSE = 0.1  # cosine distance of centres below which two groups are close
SMALL = 0.1  # silhouette, or difference of two, below which there is no clear cluster


def describe_comparison(comparison: ComparedMaps) -> str:
    """Clusters and minority-group accuracy of the models, in two sentences made of numbers
    alone."""
    animal = comparison.images.grouping.object_word
    clusters, accuracies, counts = [], [], []
    for name, model in comparison.named.items():
        end = model.artifact.metrics["end"]
        clusters.append(f"the {name} model's {_clusters(end, animal)}")
        accuracies.append(f"{name} model {describe_measure(end, 'minority_accuracy')}")
        if "minority_accuracy" in end:
            counts.append(end["minority_accuracy"]["n"])
    joined = "; ".join(clusters)
    sentence = (
        f"{joined[0].upper()}{joined[1:]} (cosine silhouettes in the full space, not on the map)."
    )
    if not counts:
        return f"{sentence} No model's labels name the {animal}, so none has an accuracy."
    return (
        f"{sentence} Accuracy on {counts[0]:,} held-out minority images: {', '.join(accuracies)}."
    )


def _clusters(end: Mapping[str, Any], animal: str) -> str:
    if "silhouette_object" not in end:
        reason = absence_reason(end, "silhouette_object")
        if reason == "one point":
            return "held-out images do not cluster: all are one point"
        return f"clusters were not measured ({reason})"
    by_object, by_context = (
        end[f"silhouette_{factor}"]["value"] for factor in ("object", "context")
    )
    if max(by_object, by_context) < SMALL:
        by = "by neither"
    elif abs(by_object - by_context) < SMALL:
        by = f"by {animal} and background alike"
    else:
        by = f"more by {animal if by_object > by_context else 'background'}"
    values = f"{by_object:.2f} by {animal}, {by_context:.2f} by background"
    return f"held-out images cluster {by} ({values})"


def describe_shown(comparison: ComparedMaps) -> str:
    """Which images of an imported set are on its maps, where some are not, and which of its models
    the maps are of; empty of sets that the lab draws, of which nobody misses any."""
    images = comparison.images
    if images.about.get("recipe"):
        return ""
    sentences = []
    every = len(images.table)
    for name, model in comparison.named.items():
        if len(model.rows) == every:
            continue
        why = "models of older versions show fewer: delete it and train it again to see all"
        if MITIGATIONS[model.artifact.condition.mitigation].new_layer:
            why = "its last layer was fitted on the others"
        which = f"The {name} map" if len(comparison.models) > 1 else "The map"
        sentences.append(f"{which} shows {len(model.rows):,} of the set's {every:,} images; {why}.")
    if images.folds and images.has_pictures:
        sentences.append(
            f"The maps are of the first of {images.folds} models, each of which holds out other"
            " images. Accuracies are over all held-out images."
        )
    if len({tuple(np.sort(model.rows[model.n_held_out :])) for model in comparison.models}) > 1:
        sentences.append(
            "The models were trained on different images: marks, colours and filters call training"
            " what any of them was trained on."
        )
    return " ".join(sentences)


def small_sample_warning(model: Artifact, grouping: Grouping) -> str | None:
    """A sentence that names the groups with too few held-out images; None without."""
    names = group_words(grouping)
    accuracies = model.metrics["end"].get("group_accuracy", {})
    small = [
        f"{names[group]} ({accuracy['n']})"
        for group, accuracy in accuracies.items()
        if accuracy["n"] < FEW
    ]
    if not small:
        return None
    return f"Fewer than {FEW} held-out images: {', '.join(small)}. Their numbers say little."


def describe_fit_step(model: Artifact) -> str:
    """The step at which a model first fitted its training captions, and its accuracy then."""
    step = model.metrics["first_fit_step"]
    if step is None:
        return "its training captions were never fitted."
    accuracy = describe_measure(model.metrics["first_fit"], "minority_accuracy")
    return (
        f"its training captions were first fitted at step {step:,}, with a minority-group accuracy"
        f" of {accuracy}."
    )


def describe_evaluation(images: ImageSet) -> str:
    """How the models of an image set are tested on held-out images, in two or three sentences."""
    sample = describe_sample(images)
    if not images.has_pictures:
        return " ".join(filter(None, ["What these encoders were trained on is not known.", sample]))
    if images.folds:
        sentence = (
            f"{images.folds} models were trained, each tested on the images that it has not seen."
        )
    elif (scenes := set(images.table["scene"].iloc[images.rows("test")])) <= images.twin_scenes:
        sentence = (
            f"Each of the {len(scenes):,} test scenes is shown with both"
            f" {images.grouping.object_word}s and both backgrounds."
        )
    else:
        sentence = "No held-out image, nor one much like it, was in training."
    last = "One run: another seed gives other numbers."
    return " ".join(filter(None, [sentence, sample, last]))


class LayoutDescription(NamedTuple):
    """Layouts of a comparison: a sentence a model, a row a pair of groups, and a note on method."""

    sentences: tuple[str, ...]
    table: pd.DataFrame
    note: str


def place_groups(model: ModelMap, images: ImageSet) -> Placed:
    """Distances between the groups of a model's held-out images, and the nearest of each.

    Raises:
        ValueError: as `vlcore.metrics.layout.layout`, and when the model has collapsed.
    """
    if model.artifact.metrics["end"]["collapsed"]:
        raise ValueError("all images are one point.")
    chosen = _sample(images, model.rows[: model.n_held_out])
    groups, scenes = _groups_and_scenes(images, model.rows[chosen])
    return layout(model.z[chosen], groups, scenes, images.grouping.names)


def _sample(images: ImageSet, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the rows that words rest on: all, or by chance as many of each group."""
    if len(rows) <= MOST_IMAGES:
        return np.arange(len(rows))
    groups, scenes = _groups_and_scenes(images, rows)
    group, scene = (pd.factorize(labels, sort=True)[0] for labels in (groups, scenes))
    return limit(group, scene, MOST_IMAGES // len(images.grouping.names), seed=0)


def describe_layouts(
    comparison: ComparedMaps, place: Callable[[ModelMap, ImageSet], Placed] = place_groups
) -> LayoutDescription:
    """Which groups are near which in each model.

    Args:
        comparison: the models.
        place: as `place_groups`, such as a cached one.
    """
    images = comparison.images
    names = group_words(images.grouping)
    sentences, columns = [], {}
    for model_name, model in comparison.named.items():
        try:
            distances, nearest_groups = place(model, images)
        except ValueError as error:
            sentences.append(f"The {model_name} model's groups cannot be placed: {error}")
            continue
        phrases = []
        for group, nearest in nearest_groups.items():
            distance = nearest.distance
            relation = "is close to" if distance.value < CLOSE else "is nearest to"
            phrase = f"{relation} {names[nearest.name]} ({number(distance.as_dict())})"
            if not nearest.decided:
                phrase = "has no clear nearest group"
            phrases.append(f"{names[group]} {phrase}")
        sentences.append(f"In the {model_name} model {'; '.join(phrases)}.")
        columns[model_name.capitalize()] = {
            f"{names[group]} and {names[second]}": number(distance.as_dict())
            for (group, second), distance in distances.items()
        }
    table = pd.DataFrame(columns).rename_axis("Distance of centres").reset_index()
    first = comparison.models[0]
    count = len(_sample(images, first.rows[: first.n_held_out]))
    subject = f"the {first.n_held_out:,} held-out images that a map shows"
    if count < first.n_held_out:
        subject = f"{count:,} of {subject}, chosen by chance"
    note = (
        "Cosine distances between the centres of groups in the full space, 0 (one direction) to 2"
        f" (opposite), with 95 % intervals over scenes, of {subject}."
    )
    return LayoutDescription(tuple(sentences), table, note)


def _groups_and_scenes(
    images: ImageSet, rows: NDArray[np.int64]
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    table = images.table.iloc[rows]
    return table["group"].to_numpy(str), table["scene"].to_numpy(str)


class Displacements(NamedTuple):
    """Displacement of images from the first map to another.

    Attributes:
        table: a row a group: movement on the maps, share of nearest neighbours kept, images.
        chance: the share of neighbours that unrelated models have in common.
        largest: the images that moved most, farthest first: ``row``, ``way`` in radii of the first
            map, share of neighbours ``kept``.
    """

    table: pd.DataFrame
    chance: float
    largest: pd.DataFrame


def largest_displacements(comparison: ComparedMaps, count: int = 10) -> dict[str, Displacements]:
    """Displacements from the first model to each of the others, by its name, over the held-out
    images that both maps show; raises as `vlcore.metrics.layout.group_movement`."""
    images = comparison.images
    (_, first), *others = comparison.named.items()
    words = group_words(images.grouping)
    displacements = {}
    for name, model in others:
        rows = np.intersect1d(first.rows[: first.n_held_out], model.rows[: model.n_held_out])
        rows = rows[_sample(images, rows)]
        before, after = first.index(rows), model.index(rows)
        moved = group_movement(
            (first.points[before], model.points[after]),
            (first.z[before], model.z[after]),
            *_groups_and_scenes(images, rows),
            images.grouping.names,
        )
        table = pd.DataFrame(
            {
                "Group": words[group],
                "Moved, in radii of the first map": number(drift.as_dict()),
                "Ten nearest kept": share(moved.overlap_by_group[group].as_dict()),
                "Images": drift.n,
            }
            for group, drift in moved.drift.items()
        )
        paths = pd.DataFrame({"row": rows, "way": moved.displacement, "kept": moved.overlap})
        displacements[name] = Displacements(table, moved.chance, paths.nlargest(count, "way"))
    return displacements
