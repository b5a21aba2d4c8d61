"""Training losses, written as their formula: one number for each image of a batch, and its weight.

A batch is scored against the *distinct* captions, (B, K); two wordings of one meaning count as
different, as they do for CLIP. The pairwise loss sums the expectation over mismatched captions
exactly instead of sampling it: the same gradient on average, without the noise."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.2  # of simclr, which learns none
GROUPDRO_RATE = 0.05  # eta; Sagawa et al. use 0.01 for far more steps


def caption_counts(
    caption_index: NDArray[np.int64], captions: int, mitigation: str, groups: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Training images of each caption, weighted as a mitigation does, (K,).

    Args:
        caption_index: of each image's caption, (n,).
        captions: number of captions, K.
        mitigation: that weighs images; the weights of groupdro are those of its first step.
        groups: of the images, (n,).
    """
    numbers = torch.from_numpy(np.unique(groups, return_inverse=True)[1])
    weigh = weigh_by(mitigation, numbers)
    counts = np.bincount(caption_index, weigh.images.numpy(), captions)
    return np.asarray(counts, dtype=np.float64)


def pairwise_bce(logits: Tensor, index: Tensor, negatives: Tensor) -> Tensor:
    """Binary cross entropy of single (image, caption) pairs, one matched against one unit of
    mismatched, (B,).

    ``L_i = [ softplus(-l_i,c(i)) + sum_k q_i(k) softplus(l_i,k) ] / 2``

    Its best score under unrestricted functions is ``log p(x,t) / q(x,t)``. Without negatives the
    best solution is the constant map: the embeddings collapse.

    Args:
        logits: scores, (B, K).
        index: of each image's caption, (B,).
        negatives: q_i, (B, K): rows of `vlcore.metrics.negatives.negative_shares`, or one
            mismatched caption each.
    """
    matched = F.softplus(-logits.gather(1, index[:, None]).squeeze(1))  # (B,)
    return 0.5 * (matched + (negatives * F.softplus(logits)).sum(dim=1))


def infonce(logits: Tensor, index: Tensor) -> Tensor:
    """CLIP's symmetric cross entropy over the batch (Radford et al. 2021), (B,).

    With p the softmax of image i over the batch's captions, and q that of its caption over the
    batch's images: ``L_i = -[ log sum_{j in P} p_j + log sum_{j in P} q_j ] / 2``. P is all images
    with a caption equal to i's: any of them is right (MIL-NCE, Miech et al. 2020).
    """
    scores = logits[:, index]  # (B, B)
    is_right = index[:, None] == index[None, :]
    by_image, by_caption = (
        side.log_softmax(dim=1).masked_fill(~is_right, -torch.inf).logsumexp(dim=1)
        for side in (scores, scores.T)
    )
    return -0.5 * (by_image + by_caption)


def siglip(logits: Tensor, index: Tensor) -> Tensor:
    """The sigmoid loss over all pairs of the batch (Zhai et al. 2023), (B,): ``L_i = mean_j
    softplus(-y_ij l_ij)``, y 1 where captions are equal and -1 elsewhere."""
    signs = 2 * (index[:, None] == index[None, :]).float() - 1
    return F.softplus(-signs * logits[:, index]).mean(dim=1)


def siglip_bias(counts: Tensor) -> float:
    """Initial bias of SigLIP, ``-log(negatives / positives)``, from counts of captions, (K,)."""
    positives = float(((counts.double() / counts.sum()) ** 2).sum())
    return -float(np.log((1 - positives) / positives)) if positives < 1 else 0.0


def nt_xent(first: Tensor, second: Tensor) -> Tensor:
    """SimCLR's loss of two views of each image (Chen et al. 2020), unit vectors (B, E) each, (B,).

    Each view must be matched with its counterpart among 2B - 1, by softmax of cosine /
    `TEMPERATURE`.
    """
    z, count = torch.cat([first, second]), len(first)
    scores = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)  # (2B, 2B)
    counterparts = torch.arange(2 * count, device=z.device).roll(count)
    losses = F.cross_entropy(scores, counterparts, reduction="none")
    return 0.5 * (losses[:count] + losses[count:])


def batch_loss(objective: str, logits: Tensor, index: Tensor, negatives: Tensor) -> Tensor:
    """The loss of each image under an objective that scores captions, (B,); arguments as in
    `pairwise_bce`. Of a classifier it is the softmax cross entropy over the classes."""
    if objective == "pairwise_bce":
        return pairwise_bce(logits, index, negatives)
    if objective == "infonce":
        return infonce(logits, index)
    if objective == "siglip":
        return siglip(logits, index)
    return F.cross_entropy(logits, index, reduction="none")


# Mitigations that weigh the losses. Of the others, ``resample`` draws the batches, and ``dfr`` is
# another readout (`vlcore.metrics.readouts`).


class LossWeights:
    """Weights of the training images, `images` (n,).

    Called with losses and image numbers of a batch, (B,) each, it returns the loss to minimise: the
    mean, weighted unless the weights are `sampled`, that is, only tell how often each image is
    drawn.
    """

    def __init__(self, images: Tensor, *, sampled: bool = False) -> None:
        self.images, self.sampled = images, sampled

    def __call__(self, losses: Tensor, batch: Tensor) -> Tensor:
        return (losses if self.sampled else self.images[batch] * losses).mean()


class GroupDRO(LossWeights):
    """Group distributionally robust optimisation (Sagawa et al. 2020), online. ``q_g <- q_g exp(eta
    L_g)``, normalised, for the groups in the batch; the loss is ``sum_g q_g L_g``."""

    def __init__(self, groups: Tensor) -> None:
        super().__init__(balanced_weights(groups))
        self.groups, self.count = groups, int(groups.max()) + 1
        self.q = torch.full((self.count,), 1 / self.count, device=groups.device)

    def __call__(self, losses: Tensor, batch: Tensor) -> Tensor:
        member = F.one_hot(self.groups[batch], self.count).to(losses.dtype)  # (B, G)
        # (G,), 0 for a group that is not in the batch
        by_group = member.T @ losses / member.sum(dim=0).clamp(min=1)
        self.q = self.q * (GROUPDRO_RATE * by_group.detach()).exp()
        self.q = self.q / self.q.sum()
        self.images = self.q[self.groups] * balanced_weights(self.groups)
        return (self.q * by_group).sum()


def balanced_weights(groups: Tensor) -> Tensor:
    """One over the size of each image's group, (n,)."""
    return 1 / torch.bincount(groups)[groups].float()


def weigh_by(mitigation: str, groups: Tensor) -> LossWeights:
    """Weights of training images under a mitigation.

    Args:
        mitigation: that may weigh images.
        groups: of the images, (n,).
    """
    if mitigation == "groupdro":
        return GroupDRO(groups)
    if mitigation == "resample":
        return LossWeights(balanced_weights(groups), sampled=True)
    if mitigation == "reweight":
        weights = balanced_weights(groups)
        return LossWeights(weights / weights.mean())
    return LossWeights(torch.ones(len(groups), device=groups.device), sampled=True)
