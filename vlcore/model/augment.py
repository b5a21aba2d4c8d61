"""Augmentation of training pictures: each is moved and lit another way each time, and seen through
a window."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vlcore.data.imageset import TRAINING_SIZE

SHIFT = 4  # pixels, reflected at the border: 6 % of 64
STRIDE = 16  # pixels between places of the window: those of a token
ZOOM = 1.2  # in and out, about the middle
DROPPED = 0.2  # share of features
# brightness and contrast, the same for all three channels: colour is the context cue and stays
JITTER = 0.15

View = tuple[
    Tensor, tuple[int, int]
]  # pictures, (B, 3, S, S), and where the window lies that is seen of them


def pack(pixels: Tensor) -> Tensor:
    """Each pixel as one number, so that a gather moves whole pixels: uint8 (n, S, S, 3) to int32
    (n, S * S)."""
    return F.pad(pixels, (0, 1)).view(torch.int32).flatten(1)


def augment(
    packed: Tensor, batch: Tensor, random: torch.Generator, window: int = TRAINING_SIZE
) -> View:
    """Flip, zoom, shift, brightness and contrast of a batch, never colour; then a window of so many
    pixels, at one place for the whole batch. int32 (n, S * S) and (B,) to (B, 3, window, window),
    and its corner's row and column. What comes out is `to_input` of the moved pixels, times ``1 +
    gain``, plus ``offset``. The draws come from the processor's generator whatever the device, so
    that devices see the same pictures."""
    count, size, device = len(batch), math.isqrt(packed.shape[1]), packed.device
    flip = torch.rand(count, generator=random).to(device) < 0.5
    shift = torch.randint(-SHIFT, SHIFT + 1, (2, count, 1), generator=random).to(device)
    gain, offset = (
        torch.empty(2, count, 1, 1, 1).uniform_(-JITTER, JITTER, generator=random).to(device)
    )
    zoom = torch.empty(count, 1).uniform_(1 / ZOOM, ZOOM, generator=random).to(device)
    middle = (size - 1) / 2
    along = ((torch.arange(size, device=device) - middle) * zoom + middle).round().long()  # (B, S)
    rows = _reflect(along + shift[0], size)
    columns = _reflect(torch.where(flip[:, None], along.flip(1), along) + shift[1], size)
    top = left = 0
    if window < size:
        top, left = (
            torch.randint((size - window) // STRIDE + 1, (2,), generator=random) * STRIDE
        ).tolist()
        rows, columns = rows[:, top : top + window], columns[:, left : left + window]
    places = (rows[:, :, None] * size + columns[:, None, :]).flatten(1)  # (B, window * window)
    moved = (
        packed[batch].gather(1, places).view(torch.uint8).view(count, window, window, 4)[..., :3]
    )
    images = (
        moved.float().mul_((1 + gain) / 127.5).add_(offset - (1 + gain))
    )  # one pass each over a large array
    return images.permute(0, 3, 1, 2), (top, left)


def drop(features: Tensor, batch: Tensor, random: torch.Generator) -> View:
    """Features of a batch of which a random share `DROPPED` is set to 0 and the rest scaled up
    (dropout, Srivastava et al. 2014): what a frozen tower has instead of moved images. (n, F) and
    (B,) to (B, F); there is no window.
    """
    kept = torch.rand(len(batch), features.shape[1], generator=random) >= DROPPED
    return features[batch] * kept.to(features.device) / (1 - DROPPED), (0, 0)


def _reflect(index: Tensor, size: int) -> Tensor:
    """Indices beyond the border, reflected at it."""
    index = index.abs()
    return torch.where(index >= size, 2 * (size - 1) - index, index)
