"""A torchvision network as a frozen image tower, under a projection that is trained. Beside it belongs the same network
with random weights (``@random``): what the two have in common does not come from what it was trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vlcore.core.errors import LabError
from vlcore.datasets.imageset import TRAINING_SIZE

PREFIX, RANDOM = "torchvision:", "@random"
CLASSES = 1000  # of ImageNet, which the last layer of every network names
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, per channel, of values from 0 to 1


class BackboneError(LabError):
    """A network that is unknown, or whose weights cannot be had; the message says what to do."""


class Backbone(nn.Module):
    """A torchvision classifier without its last layer, always in evaluation mode, without gradients. Its weights are
    random until `load_weights`; they are saved with the model, and read back from there. BackboneError where
    torchvision has no such network, its last layer is not a linear one, or its weights cannot be had."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: str) -> None:
        from torchvision import models

        super().__init__()
        self.architecture, name = architecture, architecture.removeprefix(PREFIX).removesuffix(RANDOM)
        if name not in models.list_models(module=models):
            raise BackboneError(f"torchvision has no classifier named {name!r}; choose one such as resnet18.")
        self.weights = models.get_model_weights(name).DEFAULT
        options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}  # they warn otherwise
        self.network: nn.Module = models.get_model(name, weights=None, **options)
        lasts = [path for path, part in self.network.named_modules() if getattr(part, "out_features", 0) == CLASSES]
        if not lasts:
            raise BackboneError(f"{name} does not end in a linear layer; choose another network, such as resnet18.")
        self.features = int(self.network.get_submodule(lasts[-1]).in_features)  # numbers that come out of a picture
        self.network.set_submodule(lasts[-1], nn.Identity())
        self._side = max(TRAINING_SIZE, *self.weights.meta["min_size"])  # the least that it reads
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

    def load_weights(self) -> None:
        """Take torchvision's default weights, from the cache of `torch.hub` or downloaded; none for ``@random``."""
        if self.architecture.endswith(RANDOM):
            return
        try:
            state = self.weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        except (OSError, RuntimeError) as error:  # a URLError is one; RuntimeError says that the checksum is wrong
            other = f"{self.architecture}{RANDOM}"
            message = f"The weights of {self.architecture} cannot be fetched; check the connection, or choose {other}."
            raise BackboneError(message) from error
        kept = self.network.state_dict()
        self.network.load_state_dict({key: value for key, value in state.items() if key in kept})
