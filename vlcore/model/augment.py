"""Augmentation of training images: moves, brightness, contrast and a random window."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vlcore.data.imageset import TRAINING_SIZE

SHIFT = 4  # pixels, reflected at the border: 6% of 64
STRIDE = 16  # pixels between positions of the window: those of a token
ZOOM = 1.2  # in and out, about the middle
DROPPED = 0.2  # share of features
# Brightness and contrast, the same for all three channels: colour is the context cue and stays.
JITTER = 0.15

View = tuple[Tensor, tuple[int, int]]  # images, (B, 3, S, S), and the corner of their window


def pack_pixels(pixels: Tensor) -> Tensor:
    """Pack each pixel into one number, which one gather moves: uint8 (n, S, S, 3) to int32
    (n, S * S)."""
    return F.pad(pixels, (0, 1)).view(torch.int32).flatten(1)


def augment(
    packed: Tensor, batch: Tensor, random: torch.Generator, window: int = TRAINING_SIZE
) -> View:
    """Flip, zoom, shift, and change brightness and contrast of a batch, never colour; cut a window.

    Args:
        packed: images of `pack`, int32 (n, S * S).
        batch: numbers of the images, (B,).
        random: on the processor whatever the device, so that all devices see the same images.
        window: side of the window in pixels; it has one position for the whole batch.

    Returns:
        `to_input` of the moved pixels, times ``1 + gain``, plus ``offset``, (B, 3, window, window),
        and row and column of the window's corner.
    """
    count, size, device = len(batch), math.isqrt(packed.shape[1]), packed.device
    flip = torch.rand(count, generator=random).to(device) < 0.5
    shift = torch.randint(-SHIFT, SHIFT + 1, (2, count, 1), generator=random).to(device)
    gain, offset = (
        torch.empty(2, count, 1, 1, 1).uniform_(-JITTER, JITTER, generator=random).to(device)
    )
    zoom = torch.empty(count, 1).uniform_(1 / ZOOM, ZOOM, generator=random).to(device)
    middle = (size - 1) / 2
    zoomed = ((torch.arange(size, device=device) - middle) * zoom + middle).round().long()  # (B, S)
    rows = _reflect(zoomed + shift[0], size)
    columns = _reflect(torch.where(flip[:, None], zoomed.flip(1), zoomed) + shift[1], size)
    top = left = 0
    if window < size:
        corner = torch.randint((size - window) // STRIDE + 1, (2,), generator=random) * STRIDE
        top, left = corner.tolist()
        rows, columns = rows[:, top : top + window], columns[:, left : left + window]
    positions = (rows[:, :, None] * size + columns[:, None, :]).flatten(1)  # (B, window * window)
    moved = packed[batch].gather(1, positions).view(torch.uint8).view(count, window, window, 4)
    # One pass each over a large array.
    images = moved[..., :3].float().mul_((1 + gain) / 127.5).add_(offset - (1 + gain))
    return images.permute(0, 3, 1, 2), (top, left)


def drop(features: Tensor, batch: Tensor, random: torch.Generator, share: float = DROPPED) -> View:
    """Dropout of features (Srivastava et al. 2014), the augmentation for frozen towers.

    A random share is set to 0 and the others are scaled up: (n, F) and (B,) to (B, F).
    There is no window.
    """
    mask = torch.rand(len(batch), features.shape[1], generator=random) >= share
    return features[batch] * mask.to(features.device) / (1 - share), (0, 0)


def _reflect(index: Tensor, size: int) -> Tensor:
    """Indices beyond the border, reflected at it."""
    index = index.abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)
