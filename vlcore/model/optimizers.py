"""Optimizers of the training loop: Muon for matrices, AdamW for all else, and how their rates rise
and fall."""

import inspect
import math
import re
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vlcore.experiment.options import TrainingRecipe

MATRIX_RATE, OTHER_RATE, WEIGHT_DECAY = 0.02, 2e-3, 0.05
WARM_UP = 30  # steps


def optimizers_of(
    model: nn.Module, recipe: TrainingRecipe, steps: int, schedule: str = "cosine"
) -> tuple[list[torch.optim.Optimizer], list[torch.optim.lr_scheduler.LambdaLR]]:
    """Muon for the matrices of a recipe, AdamW for all else; warm-up, then a cosine to zero, or a
    constant rate."""
    matrices: list[Tensor] = []
    others: list[Tensor] = []
    for name, value in model.named_parameters():
        (matrices if value.ndim >= 2 and re.search(recipe.matrices, name) else others).append(value)
    muon = torch.optim.Muon if recipe.stock else Muon
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:  # a frozen image tower without a text tower has none
        optimizers.append(muon(matrices, lr=MATRIX_RATE, weight_decay=WEIGHT_DECAY))
    adam = torch.optim.AdamW if recipe.stock else AdamW
    optimizers.append(
        adam(others, lr=OTHER_RATE, weight_decay=WEIGHT_DECAY, fused=not recipe.stock)
    )

    def rate(step: int) -> float:
        falling = (
            0.5 * (1 + math.cos(math.pi * step / max(steps, 1))) if schedule == "cosine" else 1.0
        )
        return min(1.0, (step + 1) / WARM_UP) * falling

    return optimizers, [
        torch.optim.lr_scheduler.LambdaLR(optimizer, rate) for optimizer in optimizers
    ]


class _Uncompiled(torch.optim.Optimizer):
    """Without the guards against torch.compile, which import the compiler: 3 s of every process for
    nothing."""

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


class AdamW(_Uncompiled, torch.optim.AdamW):
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class Muon(_Uncompiled):
    """Muon (Jordan et al. 2024): the momentum of each matrix, made orthogonal by a Newton-Schulz
    iteration. In float32, and equal shapes at once, where `torch.optim.Muon` takes one after the
    other in bfloat16; a convolution is the matrix of its filters."""

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for value in group["params"]:
                if value.grad is not None:  # as a matrix of no more rows than columns
                    gradient = value.grad.flatten(1)
                    gradient = gradient.mT if gradient.shape[0] > gradient.shape[1] else gradient
                    alike.setdefault(gradient.shape, []).append((value, gradient))
            for pairs in alike.values():
                values = [value for value, _ in pairs]
                gradients = torch.stack([gradient for _, gradient in pairs])  # (n, rows, columns)
                state = self.state[values[0]]
                state.setdefault("momentum", torch.zeros_like(gradients)).lerp_(
                    gradients, 1 - group["momentum"]
                )
                update = orthogonal(gradients.lerp_(state["momentum"], group["momentum"]))
                for value, change in zip(values, update, strict=True):
                    rows, columns = value.flatten(1).shape
                    rate = group["lr"] * math.sqrt(max(1, rows / columns))
                    change = change.mT if rows > columns else change
                    value.mul_(1 - group["lr"] * group["weight_decay"]).sub_(
                        change.reshape(value.shape), alpha=rate
                    )


def orthogonal(x: Tensor, steps: int = 5) -> Tensor:
    """Matrices with about the same singular vectors and singular values near 1, (n, rows, columns)
    of no more rows than columns, by the quintic iteration of Jordan et al. (2024)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
