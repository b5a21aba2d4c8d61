"""Torchvision networks as frozen image towers of models that older versions trained.

These models hold the weights; new ones have a network of timm (`vlcore.model.frozen_towers`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlcore.data.imageset import TRAINING_SIZE
from vlcore.experiment.options import RANDOM

PREFIX = "torchvision:"
CLASSES = 1000  # of ImageNet, in the last layer of every network
# Of ImageNet, per channel, of values from 0 to 1.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """A torchvision classifier without its last layer, always in evaluation mode; its weights are
    read from the model's file."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: str) -> None:
        from torchvision import models

        super().__init__()
        self.architecture = architecture
        name = architecture.removeprefix(PREFIX).removesuffix(RANDOM)
        min_size = models.get_model_weights(name).DEFAULT.meta["min_size"]
        self.network: nn.Module = models.get_model(name, weights=None)
        *_, last = (
            path
            for path, module in self.network.named_modules()
            if getattr(module, "out_features", 0) == CLASSES
        )
        self.features = int(self.network.get_submodule(last).in_features)
        self.network.set_submodule(last, nn.Identity())
        self._min_side = max(TRAINING_SIZE, *min_size)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Backbone:
        return super().train(False)  # statistics of batches are not those of ImageNet

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features of images between -1 and 1, (B, 3, S, S) to (B, features)."""
        x = ((images + 1) / 2 - self.mean) / self.deviation
        if x.shape[-1] < self._min_side:  # some networks read images of one size only
            x = F.interpolate(x, size=(self._min_side, self._min_side), mode="bilinear")
        return self.network(x)
