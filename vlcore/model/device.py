"""The device that models run on: CUDA, MPS or the CPU, chosen by ``VLCORE_DEVICE``."""

import os

import torch

from vlcore.experiment.errors import LabError


class ModelError(LabError):
    """Weights that cannot be read, or a device that is not there."""


def choose_device() -> str:
    """The device that ``VLCORE_DEVICE`` names; ``auto``, the default, takes a GPU if it can."""
    devices = ["cpu"]
    if torch.backends.mps.is_available():
        devices.insert(0, "mps")
    if torch.cuda.is_available():
        devices.insert(0, "cuda")
    choice = os.environ.get("VLCORE_DEVICE", "auto")
    if choice == "auto":
        return devices[0]
    if choice not in devices:
        raise ModelError(
            f"VLCORE_DEVICE={choice!r} is not available here; use auto or one of"
            f" {', '.join(devices)}."
        )
    return choice
