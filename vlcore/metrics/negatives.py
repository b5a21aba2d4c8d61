"""Mismatched captions: how often a loss draws each beside an image's caption."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.captions import Caption
from vlcore.experiment.options import NEGATIVES


def negative_shares(
    negatives: str, counts: NDArray[np.number], captions: Sequence[Caption] = ()
) -> NDArray[np.float32]:
    """q(k | caption): how much a mismatched caption weighs beside a matched one, (K, K): the
    probability that it is drawn, so that rows sum to 1 or to 0, but for ``own_object_left_out``.

    ``filtered_marginal`` draws other captions with the frequency that they have in training;
    ``filtered_uniform`` each other caption equally often; ``product`` any caption with its
    frequency, the image's too; ``counterfactual`` captions that differ from the image's in the
    object or in the context and not in both; ``same_place_25`` the others with a quarter for those
    that name the same context, and within each part by frequency; one part has all where the other
    is empty; ``other_object`` the captions of other objects, by frequency. A row without any
    candidate is 0. ``own_object_left_out`` is ``filtered_marginal`` without the weights of captions
    of the same object, which go to no other caption. ``none`` draws nothing: the study's text taken
    literally.
    ``shuffle_unfiltered`` takes a batch in another order, which draws captions as ``product`` does,
    but for the noise of the batch.

    Args:
        negatives: One of `vlcore.experiment.options.NEGATIVES`.
        counts: Training images of each caption, (K,), as often as each image counts: a mitigation
            that weighs matched pairs weighs the mismatched alike, or it would bring a prior back.
        captions: The K captions, where the choice depends on what they name.
    """
    weights = np.tile(np.asarray(counts, dtype=np.float32), (len(counts), 1))
    if negatives == "none":
        weights[:] = 0
    elif negatives == "counterfactual":
        differ = [
            [(a.object != b.object) != (a.context != b.context) for b in captions] for a in captions
        ]
        weights = np.array(differ, dtype=np.float32)
    elif negatives == "other_object":
        weights *= _of_other_objects(captions)
    elif negatives == "filtered_uniform":
        weights = (weights > 0).astype(np.float32)
    if negatives.startswith(("filtered", "same_place", "own_object")):
        np.fill_diagonal(weights, 0)
    if not math.isnan(share := NEGATIVES[negatives].same_place):
        near = np.array([[a.context == b.context for b in captions] for a in captions])
        weights = share * _by_row(weights * near) + (1 - share) * _by_row(weights * ~near)
    weights = _by_row(weights)
    if negatives == "own_object_left_out":
        weights *= _of_other_objects(captions)
    return weights


def _of_other_objects(captions: Sequence[Caption]) -> NDArray[np.bool_]:
    return np.array([[a.object != b.object for b in captions] for a in captions])


def _by_row(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    return weights / weights.sum(axis=1, keepdims=True).clip(min=1e-12)
