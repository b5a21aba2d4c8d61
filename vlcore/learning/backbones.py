"""A torchvision network as a frozen image tower, under a projection that is trained.

The one idea: what a network learnt on millions of other pictures stays as it is, and only how it is read is learnt from
ours. Beside it belongs the same network with random weights (``@random``), which also stays as it is: what the two have
in common does not come from those pictures.
"""

from __future__ import annotations

from functools import lru_cache

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
    """A torchvision classifier without its last layer, always in evaluation mode, without gradients.

    Its weights are random until `load_weights`; they are saved with the model, and read back from there.

    Attributes:
        features: numbers that come out of a picture.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: str) -> None:
        super().__init__()
        self.network, self.features = _headless(name_in(architecture))
        self._side = _smallest_side(name_in(architecture))
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


def load_weights(backbone: Backbone, architecture: str) -> None:
    """Give a backbone torchvision's default weights, from the cache of `torch.hub` or downloaded; none to ``@random``.

    Raises:
        BackboneError: when they cannot be had.
    """
    if architecture.endswith(RANDOM):
        return
    name = name_in(architecture)
    from torchvision.models import get_model_weights

    try:
        state = get_model_weights(name).DEFAULT.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # a URLError is one; RuntimeError says that the checksum is wrong
        raise BackboneError(
            f"The weights of {name} are not on this machine and cannot be fetched; check the connection, or choose "
            f"architecture={PREFIX}{name}{RANDOM} for random ones."
        ) from error
    kept = backbone.network.state_dict()
    backbone.network.load_state_dict({key: value for key, value in state.items() if key in kept})


def name_in(architecture: str) -> str:
    """The name of a network in an architecture such as ``torchvision:resnet18@random``.

    Raises:
        BackboneError: when torchvision has no classifier of this name.
    """
    name = architecture.removeprefix(PREFIX).removesuffix(RANDOM)
    if name not in _known():
        raise BackboneError(
            f"torchvision has no classifier named {name!r}; choose one such as resnet18, convnext_tiny or vit_b_16."
        )
    return name


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    from torchvision import models

    return frozenset(models.list_models(module=models))


def _headless(name: str) -> tuple[nn.Module, int]:
    """A network with random weights whose last layer passes on what it gets, and how many numbers that is.

    Raises:
        BackboneError: when its last layer is of another kind than a linear one.
    """
    from torchvision.models import get_model

    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}  # they warn otherwise
    network: nn.Module = get_model(name, weights=None, **options)
    lasts = [(path, part) for path, part in network.named_modules() if getattr(part, "out_features", 0) == CLASSES]
    if not lasts:
        raise BackboneError(f"{name} does not end in a linear layer; choose another network, such as resnet18.")
    path, last = lasts[-1]
    parent, _, child = path.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())
    return network, int(last.in_features)


def _smallest_side(name: str) -> int:
    """The smallest side in pixels that a network reads, at least that of our pictures."""
    from torchvision.models import get_model_weights

    return max(TRAINING_SIZE, *get_model_weights(name).DEFAULT.meta["min_size"])
