"""The device that models run on: CUDA, MPS or the CPU, chosen by ``VLCORE_DEVICE``."""

import os

import torch

from vlcore.experiment.errors import LabError


class ModelError(LabError):
    """Weights that cannot be read, or a device that is not there."""


def choose_device() -> str:
    """The device that ``VLCORE_DEVICE`` names, if it is there; ``auto``, the default, takes a GPU
    if it can."""
    named = os.environ.get("VLCORE_DEVICE", "auto")
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if named == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if present[device])
    if not present.get(named):
        there = ", ".join(device for device, is_there in present.items() if is_there)
        raise ModelError(
            f"VLCORE_DEVICE={named!r} is not available here; use auto or one of {there}."
        )
    return named
