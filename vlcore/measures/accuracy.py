"""What a model says of held-out images: zero-shot readout and accuracy by group.

The one idea: the same rule for every label style. The score of an object is the sum over all captions that speak of
it, ``p(a | x) ~ sum over captions k of a of exp l(x, t_k)``, so a style with a caption for each group is marginalised
over contexts (design/science.md section 2.1). Primary number: minority accuracy on the balanced test set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from vlcore.images.groups import Grouping
from vlcore.measures.estimate import Estimate, rate


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy of the zero-shot readout, overall and by group."""

    balanced: Estimate
    minority: Estimate
    majority: Estimate
    worst_group: str
    worst: Estimate
    groups: dict[str, Estimate]


def object_scores(
    logits: NDArray[np.floating], spoken_of: Sequence[str], objects: Sequence[str]
) -> NDArray[np.float64]:
    """Log scores of the objects, (n, K) logits to (n, objects): logsumexp over the captions of each object.

    Args:
        logits: scores of n images with K captions.
        spoken_of: the object that each caption speaks of, K names.
        objects: the objects, in the order of the columns that come out.

    Raises:
        ValueError: when no caption speaks of an object.
    """
    about = np.asarray(spoken_of)
    for name in objects:
        if name not in spoken_of:
            raise ValueError(f"No caption speaks of {name!r}, so it cannot be predicted.")
    return np.stack([logsumexp(logits[:, about == name], axis=1) for name in objects], axis=1)


def predict_objects(logits: NDArray[np.floating], spoken_of: Sequence[str], objects: Sequence[str]) -> NDArray[np.str_]:
    """The object with the highest score for each image, (n,)."""
    return np.asarray(objects)[object_scores(logits, spoken_of, objects).argmax(axis=1)]


def group_accuracy(
    predicted: NDArray[np.str_],
    objects: NDArray[np.str_],
    groups: NDArray[np.str_],
    scenes: NDArray[np.str_],
    grouping: Grouping,
) -> GroupAccuracy:
    """Accuracy by group, on the same images for every condition.

    Balanced, minority and majority accuracy are means of group accuracies; with equally many images a group, as in the
    crossed test set, that is the rate over their images, whose interval is over scenes.

    Args:
        predicted: predicted object of each image, (n,).
        objects: true object, (n,).
        groups: group, (n,).
        scenes: scene that the image shows, (n,); twins share it.
        grouping: which groups are the majority.

    Raises:
        ValueError: when a group has no image.
    """
    right = predicted == objects
    by_group = {}
    for name in grouping.names:
        here = groups == name
        if not here.any():
            raise ValueError(f"There is no held-out image of {name}, so its accuracy is not defined.")
        by_group[name] = rate(right[here], scenes[here])
    worst = min(by_group, key=lambda name: by_group[name].value)
    return GroupAccuracy(
        balanced=_over(grouping.names, by_group, right, groups, scenes),
        minority=_over(grouping.minority, by_group, right, groups, scenes),
        majority=_over(grouping.majority, by_group, right, groups, scenes),
        worst_group=worst,
        worst=by_group[worst],
        groups=by_group,
    )


def _over(
    names: Sequence[str],
    by_group: dict[str, Estimate],
    right: NDArray[np.bool_],
    groups: NDArray[np.str_],
    scenes: NDArray[np.str_],
) -> Estimate:
    here = np.isin(groups, names)
    pooled = rate(right[here], scenes[here])
    value = float(np.mean([by_group[name].value for name in names]))
    shift = value - pooled.value  # 0 where groups are equally large
    return Estimate(value, max(0.0, pooled.low + shift), min(1.0, pooled.high + shift), pooled.n)


def blind_match_accuracy(frequencies: NDArray[np.floating], weights: NDArray[np.floating]) -> float:
    """How well matched pairs are told from mismatched ones by the caption alone, 0.5 where negatives leak no prior.

    Exact, for the best classifier of that kind: ``sum_k max(p_k, n_k) / 2`` with p the captions' frequencies in matched
    and n in mismatched pairs; 1 where there are no mismatched pairs.

    Args:
        frequencies: share of training images of each caption, (K,).
        weights: q(k | own), (K, K), rows sum to 1 or to 0.
    """
    mismatched = frequencies @ weights
    if mismatched.sum() == 0:
        return 1.0
    return float(np.maximum(frequencies, mismatched).sum() / 2)
