"""Training losses, written as their formula: one number for each picture of a batch, and how much
each weighs.

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
JTT_WEIGHT = 6.0  # lambda: how much more a picture weighs that the first training got wrong


def counted(
    own: NDArray[np.int64],
    captions: int,
    mitigation: str,
    groups: NDArray[np.str_],
    wrong: NDArray[np.bool_] | None,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Training images of each caption, (K,), as often as a mitigation counts each: by the index of
    their captions, their groups, which jtt's first training got wrong, and the weights that edits
    gave them, (n,) each. Those of groupdro are of its first step."""
    numbers = torch.from_numpy(np.unique(groups, return_inverse=True)[1])
    more = (None if one is None else torch.from_numpy(one) for one in (wrong, weights))
    weigh = weigh_by(mitigation, numbers, *more)
    return np.asarray(np.bincount(own, weigh.images.numpy(), captions), dtype=np.float64)


def pairwise_bce(logits: Tensor, own: Tensor, negatives: Tensor) -> Tensor:
    """Binary cross entropy of single (image, caption) pairs, one matched against one unit of
    mismatched, (B,).

    ``L_i = [ softplus(-l_i,own) + sum_k q_i(k) softplus(l_i,k) ] / 2``

    Its best score under unrestricted functions is ``log p(x,t) / q(x,t)``. Without negatives the
    best solution is the constant map: the embeddings collapse.

    Of scores, (B, K), the index of each image's caption, (B,), and q_i, (B, K): rows of
    `vlcore.metrics.negatives.negative_shares`, or one mismatched caption each."""
    matched = F.softplus(-logits.gather(1, own[:, None]).squeeze(1))  # (B,)
    return 0.5 * (matched + (negatives * F.softplus(logits)).sum(dim=1))


def infonce(logits: Tensor, own: Tensor, *, identity: bool = False) -> Tensor:
    """CLIP's symmetric cross entropy over the batch (Radford et al. 2021), (B,).

    With p the softmax of image i over the batch's captions, and q that of its caption over the
    batch's images: ``L_i = -[ log sum_{j in P} p_j + log sum_{j in P} q_j ] / 2``. P is all that
    carry a caption equal to i's: any of them is a right answer (MIL-NCE, Miech et al. 2020). With
    `identity` it is i alone, CLIP to the letter, so that an equal caption of another image counts
    as wrong.

    (Sharing the target evenly among P instead, as UniCL does, adds up over a batch to the loss of
    `identity`, because equal captions have equal scores: it could not show what false negatives
    do.)"""
    scores = logits[:, own]  # (B, B)
    right = (
        torch.eye(len(own), dtype=torch.bool, device=own.device)
        if identity
        else own[:, None] == own[None, :]
    )
    found = [
        side.log_softmax(dim=1).masked_fill(~right, -torch.inf).logsumexp(dim=1)
        for side in (scores, scores.T)
    ]
    return -0.5 * (found[0] + found[1])


def siglip(logits: Tensor, own: Tensor) -> Tensor:
    """The sigmoid loss over all pairs of the batch (Zhai et al. 2023), (B,): ``L_i = mean_j
    softplus(-y_ij l_ij)``, y 1 where captions are equal and -1 elsewhere."""
    signs = 2 * (own[:, None] == own[None, :]).float() - 1
    return F.softplus(-signs * logits[:, own]).mean(dim=1)


def siglip_bias(counts: Tensor) -> float:
    """Where SigLIP's bias starts, ``-log(negatives / positives)``, for captions that occur so
    often, (K,)."""
    positives = float(((counts.double() / counts.sum()) ** 2).sum())
    return -float(np.log((1 - positives) / positives)) if positives < 1 else 0.0


def nt_xent(one: Tensor, other: Tensor) -> Tensor:
    """SimCLR's loss of two views of each image (Chen et al. 2020), unit vectors (B, E) each, to
    (B,): each view must find the other among all 2B - 1 others, by softmax of cosine /
    `TEMPERATURE`."""
    z, count = torch.cat([one, other]), len(one)
    scores = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)  # (2B, 2B)
    losses = F.cross_entropy(
        scores, torch.arange(2 * count, device=z.device).roll(count), reduction="none"
    )
    return 0.5 * (losses[:count] + losses[count:])


def batch_loss(objective: str, logits: Tensor, own: Tensor, negatives: Tensor) -> Tensor:
    """The loss of each image under an objective that scores captions, (B,); arguments as in
    `pairwise_bce`. Of a classifier it is the softmax cross entropy over the classes."""
    if objective in ("pairwise_bce", "two_part"):
        return pairwise_bce(logits, own, negatives)
    if objective in ("infonce", "infonce_identity"):
        return infonce(logits, own, identity=objective == "infonce_identity")
    if objective == "siglip":
        return siglip(logits, own)
    return F.cross_entropy(logits, own, reduction="none")


# --- mitigations that weigh the losses; of the others, ``subsample`` cuts the training set
# (`vlcore.data.subset`), ``resample`` the batches, and ``dfr`` is a new readout
# (`vlcore.metrics.readouts`)


class Weigh:
    """How much each training picture counts, `images` (n,). Of the losses of a batch (B,) and the
    pictures' numbers (B,) it makes the loss that is minimised: their mean, weighed unless weights
    only say how often each is drawn.
    """

    def __init__(self, images: Tensor, *, drawn: bool = False) -> None:
        self.images, self.drawn = images, drawn

    def __call__(self, losses: Tensor, batch: Tensor) -> Tensor:
        return (losses if self.drawn else self.images[batch] * losses).mean()


class GroupDRO(Weigh):
    """Group distributionally robust optimisation (Sagawa et al. 2020), online. ``q_g <- q_g exp(eta
    L_g)``, normalised, for the groups in the batch; the loss is ``sum_g q_g L_g``."""

    def __init__(self, groups: Tensor) -> None:
        super().__init__(balanced_weights(groups))
        self.groups, self.count = groups, int(groups.max()) + 1
        self.q = torch.full((self.count,), 1 / self.count, device=groups.device)

    def __call__(self, losses: Tensor, batch: Tensor) -> Tensor:
        member = F.one_hot(self.groups[batch], self.count).to(losses.dtype)  # (B, G)
        by_group = (
            member.T @ losses / member.sum(dim=0).clamp(min=1)
        )  # (G,), 0 for a group that is not in the batch
        self.q = self.q * (GROUPDRO_RATE * by_group.detach()).exp()
        self.q = self.q / self.q.sum()
        self.images = self.q[self.groups] * balanced_weights(self.groups)
        return (self.q * by_group).sum()


def balanced_weights(groups: Tensor) -> Tensor:
    """One over the size of each image's group, (n,)."""
    return 1 / torch.bincount(groups)[groups].float()


def weigh_by(
    mitigation: str, groups: Tensor, wrong: Tensor | None = None, weights: Tensor | None = None
) -> Weigh:
    """How a mitigation weighs pictures of such groups, (n,); by given `weights`, (n,), or alike,
    for those that do something else. Just train twice (Liu et al. 2021) weighs those `JTT_WEIGHT`
    times that the first training got `wrong`, (n,)."""
    if mitigation == "groupdro":
        return GroupDRO(groups)
    if mitigation == "resample":
        return Weigh(balanced_weights(groups), drawn=True)
    if mitigation == "reweight":
        weights = balanced_weights(groups)
    elif wrong is not None:
        weights = 1 + (JTT_WEIGHT - 1) * wrong.float()
    elif weights is None:
        return Weigh(torch.ones(len(groups), device=groups.device), drawn=True)
    return Weigh(weights.float() / weights.float().mean())
