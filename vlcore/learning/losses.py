"""Training losses, written as their formula: one number for each picture of a batch.

A batch is scored against the *distinct* captions, (B, K); two wordings of one meaning count as different, as they do
for CLIP. The pairwise loss sums the expectation over mismatched captions exactly instead of sampling it: the same
gradient on average, without the noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vlcore.core.captions import Caption

TEMPERATURE = 0.2  # of simclr, which learns none


def negative_weights(negatives: str, counts: Tensor, said: Sequence[Caption] = ()) -> Tensor:
    """q(k | own caption): the probability that a mismatched caption is drawn, (K, K), rows sum to 1 or to 0.

    ``filtered_marginal`` draws other captions with the frequency that they have in training; ``filtered_uniform`` each
    other caption equally often; ``product`` any caption with its frequency, the own one too; ``counterfactual``
    captions that differ from the own one in the object or in the context and not in both. A row
    without any candidate is 0. ``none`` draws nothing: the study's text taken literally.

    Args:
        negatives: one of `vlcore.core.options.NEGATIVES`, apart from ``shuffle_unfiltered``, which no table describes.
        counts: training images of each caption, (K,).
        said: what the captions speak of, K; read by ``counterfactual`` only.
    """
    captions = len(counts)
    if negatives == "none":
        return torch.zeros(captions, captions)
    if negatives == "counterfactual":
        weights = torch.tensor(
            [[float((a.object != b.object) != (a.context != b.context)) for b in said] for a in said]
        )
    else:
        weights = (counts > 0 if negatives == "filtered_uniform" else counts).float().repeat(captions, 1)
    if negatives.startswith("filtered"):
        weights.fill_diagonal_(0.0)
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)


def negative_shares(negatives: str, counts: NDArray[np.integer], said: Sequence[Caption] = ()) -> NDArray[np.float32]:
    """`negative_weights` for those who count with numpy, (K,) to (K, K)."""
    # A batch in another order draws captions as often as they occur, but for the noise of the batch.
    table = "product" if negatives == "shuffle_unfiltered" else negatives
    return negative_weights(table, torch.from_numpy(counts), said).numpy()


def pairwise_bce(logits: Tensor, own: Tensor, negatives: Tensor) -> Tensor:
    """Binary cross entropy of single (image, caption) pairs, one matched against one unit of mismatched, (B,).

    ``L_i = [ softplus(-l_i,own) + sum_k q_i(k) softplus(l_i,k) ] / 2``

    Its best score under unrestricted functions is ``log p(x,t) / q(x,t)``. Without negatives the best solution is the
    constant map: the embeddings collapse.

    Args:
        logits: scores, (B, K).
        own: index of each image's caption, (B,).
        negatives: q_i, (B, K): rows of `negative_weights`, or one mismatched caption each.
    """
    matched = F.softplus(-logits.gather(1, own[:, None]).squeeze(1))  # (B,)
    mismatched = (negatives * F.softplus(logits)).sum(dim=1)  # (B,)
    return 0.5 * (matched + mismatched)


def infonce(logits: Tensor, own: Tensor, *, identity: bool = False) -> Tensor:
    """CLIP's symmetric cross entropy over the batch (Radford et al. 2021), (B,).

    With p the softmax of image i over the batch's captions, and q that of its caption over the batch's images:
    ``L_i = -[ log sum_{j in P} p_j + log sum_{j in P} q_j ] / 2``. P is all that carry a caption equal to i's: any of
    them is a right answer (MIL-NCE, Miech et al. 2020). With `identity` it is i alone, CLIP to the letter, so that an
    equal caption of another image counts as wrong.

    (Sharing the target evenly among P instead, as UniCL does, adds up over a batch to the loss of `identity`, because
    equal captions have equal scores: it could not show what false negatives do.)

    Args:
        logits: scores, (B, K).
        own: index of each image's caption, (B,).
        identity: targets of CLIP to the letter.
    """
    scores = logits[:, own]  # (B, B)
    right = torch.eye(len(own), dtype=torch.bool, device=own.device) if identity else own[:, None] == own[None, :]
    found = [side.log_softmax(dim=1).masked_fill(~right, -torch.inf).logsumexp(dim=1) for side in (scores, scores.T)]
    return -0.5 * (found[0] + found[1])


def siglip(logits: Tensor, own: Tensor) -> Tensor:
    """The sigmoid loss over all pairs of the batch (Zhai et al. 2023), (B,): ``L_i = mean_j softplus(-y_ij l_ij)``.

    y is 1 where captions are equal and -1 elsewhere.
    """
    signs = 2 * (own[:, None] == own[None, :]).float() - 1
    return F.softplus(-signs * logits[:, own]).mean(dim=1)


def siglip_bias(counts: Tensor) -> float:
    """Where SigLIP's bias starts, ``-log(negatives / positives)``, for captions that occur so often, (K,)."""
    shares = counts.double() / counts.sum()
    positives = float((shares**2).sum())
    return -float(np.log((1 - positives) / positives)) if positives < 1 else 0.0


def nt_xent(one: Tensor, other: Tensor) -> Tensor:
    """SimCLR's loss of two views of each image (Chen et al. 2020), unit vectors (B, E) each, to (B,).

    Each view must find the other among all 2B - 1 others, by softmax of cosine / `TEMPERATURE`.
    """
    z, count = torch.cat([one, other]), len(one)
    scores = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)  # (2B, 2B)
    partner = torch.arange(2 * count, device=z.device).roll(count)
    losses = F.cross_entropy(scores, partner, reduction="none")
    return 0.5 * (losses[:count] + losses[count:])


def batch_loss(objective: str, logits: Tensor, own: Tensor, negatives: Tensor) -> Tensor:
    """The loss of each image under an objective that scores captions, (B,); arguments as in `pairwise_bce`. Of a
    classifier it is the softmax cross entropy over the classes."""
    if objective == "pairwise_bce":
        return pairwise_bce(logits, own, negatives)
    if objective in ("infonce", "infonce_identity"):
        return infonce(logits, own, identity=objective == "infonce_identity")
    if objective == "siglip":
        return siglip(logits, own)
    return F.cross_entropy(logits, own, reduction="none")
