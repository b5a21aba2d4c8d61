"""Influence of training images on a margin: TracIn over the checkpoints of a training.

Pruthi et al. (2020) follow a gradient descent: a step on image i, with rate eta, changes a quantity
m by about ``-eta <grad m, grad L_i>``. Summed over the checkpoints, each standing for the steps up
to the next one, that is what the image contributed. Here m is the margin of an object, and the
gradients are those of all parameters that are trained.

One directional derivative along ``grad m`` gives the products with all images at once, so that no
image needs a gradient of its own. Optimizers are ignored, as in the paper: Muon and AdamW take
other steps than gradient descent, so figures are ranks rather than amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from vlcore.experiment.condition import Condition
from vlcore.model.device import choose_device
from vlcore.model.dual_encoder import Encoder, to_input
from vlcore.model.loop import BatchLosses, TrainingData, train_encoder
from vlcore.model.losses import LossWeights
from vlcore.model.optimizers import relative_rate

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Replay:
    """A training done once more, for the weights at its checkpoints.

    Attributes:
        condition: what was trained.
        data: the training set.
        weights: of each checkpoint, by parameter.
        rates: sum of the learning rates of the steps that each checkpoint stands for, relative to
            the highest rate.
        final: the trained model.
    """

    condition: Condition
    data: TrainingData
    weights: tuple[Weights, ...]
    rates: tuple[float, ...]
    final: Encoder


def replay(condition: Condition, data: TrainingData) -> Replay:
    """Train a condition again for its checkpoints: the same weights as the first time on one
    machine and device."""
    by_step: dict[int, Weights] = {}

    def keep(step: int, model: Encoder) -> None:
        values = model.named_parameters()
        by_step[step] = {name: value.detach().cpu().clone() for name, value in values}

    trained = train_encoder(
        condition, data, device=choose_device(), on_step=lambda _: None, on_checkpoint=keep
    )
    model = trained.model.cpu().eval().requires_grad_(False)
    rate = partial(relative_rate, steps=condition.steps)
    steps = sorted(by_step)
    ends = [*steps[1:], condition.steps]
    rates = [sum(map(rate, range(start, end))) for start, end in zip(steps, ends, strict=True)]
    weights = tuple(by_step[step] for step in steps)
    return Replay(condition, data, weights, tuple(rates), model)


def object_margins(model: Encoder, images: Tensor, tokens: Tensor, is_named: Tensor) -> Tensor:
    """Log score of the object that an image is asked for, less that of the other one, (m,).

    Args:
        model: that scores captions by their embeddings.
        images: as models read them, (m, ...).
        tokens: of the captions, (K, L).
        is_named: whether a caption names that object, (m, K).
    """
    scores = model.logits(model.image(images), model.text(tokens))  # (m, K)
    named = scores.masked_fill(~is_named, -torch.inf).logsumexp(dim=1)
    others = scores.masked_fill(is_named, -torch.inf).logsumexp(dim=1)
    return named - others


class _Function(nn.Module):
    """A function of a model's parameters, for `functional_call`."""

    def __init__(self, model: Encoder, function: Callable[[], Tensor]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def at(self, weights: Weights) -> Tensor:
        named = {f"model.{name}": value for name, value in weights.items()}
        return functional_call(self, named, ())

    def forward(self) -> Tensor:
        return self.function()


def influences(
    replayed: Replay, images: NDArray[Any], is_named: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the influence of each training image on the mean margin of images, (n,).

    Above 0 the image raises the margin. The unit is that of gradient descent whose highest learning
    rate is 1.

    Args:
        replayed: the training.
        images: that are explained, as models read them, (m, ...).
        is_named: whether a caption names the object that an image is asked for, (m, K), of the
            first K captions of the training.
    """
    data = replayed.data
    count = len(data.caption_index)
    model = data.encoder(replayed.condition).eval()
    weigh = LossWeights(torch.ones(count), sampled=True)
    batch_losses = BatchLosses(replayed.condition, model, data, "cpu", weigh)
    trained = to_input(torch.from_numpy(data.images))
    loss = _Function(
        model, lambda: batch_losses(lambda: (trained, (0, 0)), torch.arange(count))
    )  # (n,)
    inputs = to_input(torch.from_numpy(images))
    tokens = torch.from_numpy(data.tokens[: is_named.shape[1]])
    named = torch.from_numpy(is_named)
    margin = _Function(model, lambda: object_margins(model, inputs, tokens, named).mean())
    total = torch.zeros(count, dtype=torch.float64)
    with sdpa_kernel(SDPBackend.MATH):  # the others have no forward derivative
        for values, rate in zip(replayed.weights, replayed.rates, strict=True):
            if rate:
                direction = grad(margin.at)(dict(values))
                change = jvp(loss.at, (dict(values),), (direction,))[1]
                total -= rate * change.double()
    return (total / count).numpy()
