"""Losses, written as their formula.

The one idea: the distribution q that mismatched captions are drawn from is a table of weights, one row a caption, one
column a candidate. There are two to four distinct captions, so the expectation over q is summed exactly instead of
sampled: the same gradient on average, without the noise.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F


def negative_weights(negatives: str, counts: Tensor) -> Tensor:
    """q(k | own caption): the probability that a mismatched caption is drawn, (K, K), rows sum to 1 or to 0.

    ``filtered_marginal`` draws other captions with the frequency that they have in training; a row without any other
    caption is 0. ``none`` draws nothing: the study's text taken literally, which has only matched pairs.

    Args:
        negatives: one of `vlcore.conditions.NEGATIVES`.
        counts: training images of each caption, (K,).
    """
    captions = len(counts)
    if negatives == "none":
        return torch.zeros(captions, captions)
    weights = counts.float().repeat(captions, 1)
    weights.fill_diagonal_(0.0)
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)


def negative_shares(negatives: str, counts: NDArray[np.integer]) -> NDArray[np.float32]:
    """`negative_weights` for those who count with numpy, (K,) to (K, K)."""
    return negative_weights(negatives, torch.from_numpy(counts)).numpy()


def pairwise_bce(logits: Tensor, own: Tensor, weights: Tensor) -> Tensor:
    """Binary cross entropy of single (image, caption) pairs, one matched against one unit of mismatched.

    ``L = mean_i [ softplus(-l_i,own) + sum_k q(k | own) softplus(l_i,k) ] / 2`` (design/science.md section 3.2)

    Its best score under unrestricted functions is ``log p(x,t) / q(x,t)``. Without negatives the best solution is the
    constant map: the embeddings collapse.

    Args:
        logits: scores, (B, K).
        own: index of each image's caption, (B,).
        weights: q, (K, K), as `negative_weights` gives it.
    """
    matched = F.softplus(-logits.gather(1, own[:, None]).squeeze(1))  # (B,)
    mismatched = (weights[own] * F.softplus(logits)).sum(dim=1)  # (B,)
    return 0.5 * (matched + mismatched).mean()


OBJECTIVES = {"pairwise_bce": pairwise_bce}
