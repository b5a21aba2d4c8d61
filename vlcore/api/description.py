"""Sentences about maps, for screen readers and beside the maps."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_metrics import absence_reason, describe_measure
from vlcore.artifacts.store import Artifact
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import describe_sample
from vlcore.experiment.grouping import Grouping, group_words
from vlcore.experiment.wording import FEW

SMALL = 0.1  # silhouette, or difference of two, below which there is no clear cluster


def describe_comparison(comparison: ComparedMaps) -> str:
    """One sentence per map: by what its images cluster, and the accuracy on rare images."""
    animal = comparison.images.grouping.object_word
    sentences = []
    for name, model in comparison.named.items():
        end = model.artifact.metrics["end"]
        place = f"the map of {name}" if len(comparison.models) > 1 else "the map"
        accuracy = describe_measure(end, "minority_accuracy")
        sentences.append(
            f"On {place}, {_clusters(end, animal)}; the accuracy on rare images is {accuracy}."
        )
    return " ".join(sentences)


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
    values = f"separation {by_object:.2f} by {animal}, {by_context:.2f} by background"
    return f"held-out images cluster {by} ({values})"


def describe_shown(comparison: ComparedMaps) -> str:
    """Which images of an imported set are on its maps, where that is not plain; else empty."""
    images = comparison.images
    if images.about.get("recipe"):  # sets that the lab draws are shown whole
        return ""
    if images.folds:
        return (
            f"The maps are of the first of {images.folds} models, each of which holds out other"
            " images. Accuracies are over all held-out images."
        )
    if len({tuple(np.sort(model.rows[model.n_held_out :])) for model in comparison.models}) > 1:
        return (
            "The models were trained on different images. Points, colours and filters call an image"
            " a training image if any model was trained on it."
        )
    return ""


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


def describe_evaluation(images: ImageSet) -> str:
    """How the models of an image set are tested on held-out images, in two or three sentences."""
    sample = describe_sample(images)
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
