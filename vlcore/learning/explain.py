"""Explanations of an embedding by regions of its picture: attention rollout and patch ablation.

Attention says where a model mixes from, ablation what it would answer without a patch. Only the second is about the
answer, and it works for every model that maps pixels to embeddings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from vlcore.learning.model import Attention, Block, Encoder, ImageTower, to_input

Pixels = NDArray[np.uint8]
Embed = Callable[[Pixels], NDArray[np.floating]]  # uint8 (k, S, S, 3) to (k, E)
Score = Callable[[NDArray[np.floating]], NDArray[np.floating]]  # (k, E) to (k,)
Fill = Literal["mean", "blur"]

GRID = 8
BATCH = 64


@torch.inference_mode()
def attention_rollout(model: Encoder, pixels: Pixels) -> NDArray[np.float64]:
    """How much of each patch reaches the embedding if attention is all that counts (Abnar and Zuidema 2020).

    ``R = prod over blocks of (A + I) / 2``, A the mean over heads, whose rows add up to 1. The embedding is the mean of
    the tokens, so the map is the mean of R's rows; it adds up to 1. A token of the convolutional stem sees more than
    its own patch, so that map is coarse and its borders are not the picture's.

    The model is walked through block by block rather than hooked: other threads may be using it.

    Args:
        model: a model of ours.
        pixels: pictures in the size that it reads, uint8 (m, S, S, 3).

    Returns:
        Maps in the tower's own grid, (m, h, w): 4 x 4 of the convolutional stem at 64 px, 8 x 8 of linear patches.

    Raises:
        ValueError: when the pictures have another size, or the model has no attention.
    """
    tower, size = model.image, model.config.image_size
    if not isinstance(tower, ImageTower):
        raise ValueError(
            "This model's image tower is a frozen network, and its attention is not read; look at the ablation instead."
        )
    if pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3):
        raise ValueError(f"This model reads pictures of {size} x {size} pixels in three colours.")
    patches = tower.stem(to_input(torch.from_numpy(pixels).to(model.device)))  # (m, W, h, w)
    x = patches.flatten(2).transpose(1, 2) + tower.position  # (m, T, W)
    mixed = torch.eye(x.shape[1], dtype=torch.float64, device=x.device).expand(len(x), -1, -1)
    for block in tower.blocks:
        assert isinstance(block, Block)  # a ModuleList does not say what is in it
        weights = attention_weights(block.attention, block.norm1(x)).double().mean(dim=1)  # (m, T, T)
        mixed = (weights @ mixed + mixed) / 2
        x = block(x)
    return mixed.mean(dim=1).unflatten(1, patches.shape[2:]).cpu().numpy()


def attention_weights(attention: Attention, x: Tensor) -> Tensor:
    """What `scaled_dot_product_attention` weighs values by and does not return: (B, T, W) to (B, heads, T, T)."""
    batch, tokens, width = x.shape
    head = width // attention.heads
    q, k, _ = attention.qkv(x).view(batch, tokens, 3, attention.heads, head).permute(2, 0, 3, 1, 4)
    return (q @ k.transpose(-1, -2) / head**0.5).softmax(dim=-1)


def patch_ablation(
    embed: Embed, pixels: Pixels, score: Score, grid: int = GRID, fill: Fill = "mean", batch: int = BATCH
) -> NDArray[np.float64]:
    """How much a score falls without each patch of a picture: ``score(picture) - score(picture without the patch)``.

    Above 0 the patch speaks for the score, below 0 against it. A patch is taken away by painting it in the picture's
    mean colour, or by blurring it; either makes a picture that no camera took, and what a model makes of its edges
    counts too. Of two patches that say the same, each alone counts for little.

    Args:
        embed: pixels to embeddings, of any model.
        pixels: pictures, uint8 (m, H, W, 3).
        score: embeddings to numbers, such as the margin of one caption over another.
        grid: number of patches along each side.
        fill: ``mean`` for the picture's mean colour, ``blur`` for the picture out of focus.
        batch: pictures that are embedded at a time.

    Returns:
        Falls of the score in its own unit, (m, grid, grid), the first axis downwards.

    Raises:
        ValueError: when a picture has fewer pixels than patches along a side, the fill is unknown, or a score is not a
            finite number for each picture.
    """
    height, width = pixels.shape[1:3]
    if not 1 <= grid <= min(height, width):
        raise ValueError(f"A picture of {width} x {height} pixels cannot be cut into {grid} x {grid} patches.")
    if fill not in ("mean", "blur"):
        raise ValueError(f"A patch is replaced by the mean colour or by a blur, not by {fill!r}.")
    falls = []
    for picture in pixels:
        variants, scores = np.concatenate([picture[None], _without_each_patch(picture, grid, fill)]), []
        for start in range(0, len(variants), batch):
            part = variants[start : start + batch]
            scores.append(np.asarray(score(embed(part)), dtype=np.float64))
            if scores[-1].shape != (len(part),) or not np.isfinite(scores[-1]).all():
                raise ValueError("What patches are worth is measured by one finite score for each picture.")
        whole, *without = np.concatenate(scores)
        falls.append(whole - np.reshape(without, (grid, grid)))
    return np.array(falls, dtype=np.float64).reshape(-1, grid, grid)


def _without_each_patch(picture: Pixels, grid: int, fill: Fill) -> Pixels:
    """The picture without each of its patches, row by row, (grid * grid, H, W, 3)."""
    if fill == "mean":
        instead = np.broadcast_to(picture.mean(axis=(0, 1)).round().astype(np.uint8), picture.shape)
    else:  # out of focus by about a patch, so that nothing of a patch's size is left
        blur = ImageFilter.GaussianBlur(max(picture.shape[:2]) / grid)
        instead = np.asarray(Image.fromarray(picture).filter(blur))
    rows, columns = (np.linspace(0, side, grid + 1).round().astype(int) for side in picture.shape[:2])
    variants = np.repeat(picture[None], grid * grid, axis=0)
    for number, variant in enumerate(variants):
        row, column = divmod(number, grid)
        patch = np.s_[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
        variant[patch] = instead[patch]
    return variants
