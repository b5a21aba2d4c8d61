"""Mismatched captions: how often a loss draws each beside an image's caption."""

import numpy as np
from numpy.typing import NDArray


def negative_shares(negatives: str, counts: NDArray[np.number]) -> NDArray[np.float32]:
    """q(k | caption): how much a mismatched caption weighs beside a matched one, (K, K): the
    probability that it is drawn, so that rows sum to 1 or to 0.

    ``filtered_marginal`` draws other captions with the frequency that they have in training; a row
    without any candidate is 0. ``none`` draws nothing: the study's text taken literally.

    Args:
        negatives: One of `vlcore.experiment.options.NEGATIVES`.
        counts: Training images of each caption, (K,), as often as each image counts: a mitigation
            that weighs matched pairs weighs the mismatched alike, or it would bring a prior back.
    """
    weights = np.tile(np.asarray(counts, dtype=np.float32), (len(counts), 1))
    if negatives == "none":
        weights[:] = 0
    np.fill_diagonal(weights, 0)
    return weights / weights.sum(axis=1, keepdims=True).clip(min=1e-12)
