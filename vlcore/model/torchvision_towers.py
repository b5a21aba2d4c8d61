"""A torchvision network as the frozen image tower of models that older versions trained: they hold
its weights. What is trained now has a network of timm (`vlcore.model.frozen_towers`)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlcore.data.imageset import TRAINING_SIZE
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import RANDOM

PREFIX = "torchvision:"
CLASSES = 1000  # of ImageNet, which the last layer of every network names
MEAN, DEVIATION = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # of ImageNet, per channel, of values from 0 to 1


class BackboneError(LabError):
    """A network that is unknown; the message says what to do."""


class Backbone(nn.Module):
    """A torchvision classifier without its last layer, always in evaluation mode, without
    gradients. Its weights are read from the model's file. BackboneError where torchvision has no
    such network, or its last layer is not a linear one."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: str) -> None:
        from torchvision import models

        super().__init__()
        self.architecture, name = (
            architecture,
            architecture.removeprefix(PREFIX).removesuffix(RANDOM),
        )
        if name not in models.list_models(module=models):
            raise BackboneError(
                f"torchvision has no classifier named {name!r}; choose one such as resnet18."
            )
        least = models.get_model_weights(name).DEFAULT.meta["min_size"]
        options = (
            {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        )  # they warn otherwise
        self.network: nn.Module = models.get_model(name, weights=None, **options)
        lasts = [
            path
            for path, part in self.network.named_modules()
            if getattr(part, "out_features", 0) == CLASSES
        ]
        if not lasts:
            raise BackboneError(
                f"{name} does not end in a linear layer; choose another network, such as resnet18."
            )
        self.features = int(
            self.network.get_submodule(lasts[-1]).in_features
        )  # numbers that come out of a picture
        self.network.set_submodule(lasts[-1], nn.Identity())
        self._side = max(TRAINING_SIZE, *least)  # the least that it reads
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Backbone:
        return super().train(False)  # statistics of batches are not those of ImageNet

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Pictures between -1 and 1, (B, 3, S, S) to (B, features)."""
        x = ((images + 1) / 2 - self.mean) / self.deviation
        if x.shape[-1] < self._side:  # some read pictures of one size only
            x = F.interpolate(x, size=(self._side, self._side), mode="bilinear")
        return self.network(x)
