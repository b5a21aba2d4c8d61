"""Bias mitigation while training: how much the loss of each picture weighs, or which pictures a batch holds.

Of the others, ``subsample`` cuts the training set (`vlcore.datasets.subset.training_rows`) and ``dfr`` makes a new
readout (`vlcore.measures.last_layer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

GROUPDRO_RATE = 0.05  # eta; Sagawa et al. use 0.01 for far more steps
JTT_WEIGHT = 6.0  # lambda: how much more a picture weighs that the first training got wrong
JTT_WRONG = (0.02, 0.20)  # share of training pictures that the first training must still get wrong

Weigh = Callable[[Tensor, Tensor], Tensor]  # losses (B,) and the batch's image numbers (B,) to one number


def average(losses: Tensor, _batch: Tensor) -> Tensor:
    return losses.mean()


def weighted(weights: Tensor) -> Weigh:
    """Every image has a weight of its own, (n,); the weights are scaled to a mean of 1."""
    scaled = weights / weights.mean()
    return lambda losses, batch: (scaled[batch] * losses).mean()


class GroupDRO:
    """Group distributionally robust optimisation (Sagawa et al. 2020), online.

    ``q_g <- q_g exp(eta L_g)``, normalised, for the groups in the batch; the loss is ``sum_g q_g L_g``.
    """

    def __init__(self, groups: Tensor, count: int) -> None:
        self.groups, self.count = groups, count
        self.q = torch.full((count,), 1 / count, device=groups.device)

    def __call__(self, losses: Tensor, batch: Tensor) -> Tensor:
        member = torch.nn.functional.one_hot(self.groups[batch], self.count).to(losses.dtype)  # (B, G)
        by_group = member.T @ losses / member.sum(dim=0).clamp(min=1)  # (G,), 0 for a group that is not in the batch
        self.q = self.q * (GROUPDRO_RATE * by_group.detach()).exp()
        self.q = self.q / self.q.sum()
        return (self.q * by_group).sum()


def balanced_weights(groups: Tensor) -> Tensor:
    """One over the size of each image's group, (n,)."""
    return 1 / torch.bincount(groups)[groups].float()


def weigh_by(mitigation: str, groups: Tensor) -> Weigh:
    """How a mitigation weighs the losses; the plain mean for those that do something else."""
    if mitigation == "reweight":
        return weighted(balanced_weights(groups))
    if mitigation == "groupdro":
        return GroupDRO(groups, int(groups.max()) + 1)
    return average


def balanced_batches(groups: Tensor, size: int, random: torch.Generator) -> Iterator[Tensor]:
    """Endless batches in which every group is met equally often, images drawn with replacement, (B,) each."""
    weights = balanced_weights(groups.cpu())
    while True:
        yield torch.multinomial(weights, size, replacement=True, generator=random)


def jtt_weights(wrong: Tensor) -> Tensor:
    """Just train twice (Liu et al. 2021): `JTT_WEIGHT` for what the first training got wrong, 1 for the rest, (n,)."""
    return 1 + (JTT_WEIGHT - 1) * wrong.float()
