"""Optimizers of the training loop: Muon for matrices, AdamW for all else; schedules."""

import inspect
import math
import re
from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor, nn

from vlcore.experiment.options import TrainingRecipe

MATRIX_RATE, OTHER_RATE, WEIGHT_DECAY = 0.02, 2e-3, 0.05
WARM_UP = 30  # steps


def optimizers_of(
    model: nn.Module, recipe: TrainingRecipe, steps: int
) -> tuple[list[torch.optim.Optimizer], list[torch.optim.lr_scheduler.LambdaLR]]:
    """Optimizers and their schedules: warm-up, then a cosine to zero."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, value in model.named_parameters():
        (matrices if value.ndim >= 2 and re.search(recipe.matrices, name) else others).append(value)
    muon = torch.optim.Muon if recipe.stock else Muon
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:  # a frozen image tower without a text tower has none
        optimizers.append(muon(matrices, lr=MATRIX_RATE, weight_decay=WEIGHT_DECAY))
    adam = torch.optim.AdamW if recipe.stock else AdamW
    is_fused = not recipe.stock
    optimizers.append(adam(others, lr=OTHER_RATE, weight_decay=WEIGHT_DECAY, fused=is_fused))
    rate = partial(relative_rate, steps=steps)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, rate) for optimizer in optimizers]
    return optimizers, schedules


def relative_rate(step: int, steps: int) -> float:
    """The learning rate of a step, from 0, as a share of the highest one."""
    decay = 0.5 * (1 + math.cos(math.pi * step / max(steps, 1)))
    return min(1.0, (step + 1) / WARM_UP) * decay


class _Uncompiled(torch.optim.Optimizer):
    """An optimizer without the guards against torch.compile, which import the compiler in 3 s."""

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


class AdamW(_Uncompiled, torch.optim.AdamW):
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class Muon(_Uncompiled):
    """Muon (Jordan et al. 2024): momentum of each matrix, orthogonalised by Newton-Schulz steps.

    It computes in float32, with equal shapes at once, where `torch.optim.Muon` takes one after the
    other in bfloat16; a convolution is the matrix of its filters.
    """

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for value in group["params"]:
                if value.grad is not None:  # as a matrix of no more rows than columns
                    gradient = value.grad.flatten(1)
                    gradient = gradient.mT if gradient.shape[0] > gradient.shape[1] else gradient
                    by_shape.setdefault(gradient.shape, []).append((value, gradient))
            for pairs in by_shape.values():
                values = [value for value, _ in pairs]
                gradients = torch.stack([gradient for _, gradient in pairs])  # (n, rows, columns)
                state = self.state[values[0]]
                momentum = state.setdefault("momentum", torch.zeros_like(gradients))
                momentum.lerp_(gradients, 1 - group["momentum"])
                updates = orthogonal(gradients.lerp_(momentum, group["momentum"]))
                for value, update in zip(values, updates, strict=True):
                    rows, columns = value.flatten(1).shape
                    rate = group["lr"] * math.sqrt(max(1, rows / columns))
                    update = update.mT if rows > columns else update
                    value.mul_(1 - group["lr"] * group["weight_decay"])
                    value.sub_(update.reshape(value.shape), alpha=rate)


def orthogonal(x: Tensor, steps: int = 5) -> Tensor:
    """Orthogonalise matrices, (n, rows, columns) with no more rows than columns.

    The quintic iteration of Jordan et al. (2024) keeps about the singular vectors, and brings
    singular values near 1.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
