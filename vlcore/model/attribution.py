"""Explanations of an embedding by regions of its picture: attention says where a model mixes from,
ablation what it would answer without a patch. Only that is about the answer, and it works for every
model of pixels.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from vlcore.model.dual_encoder import Block, Encoder, to_input

Pixels = NDArray[np.uint8]
Embed = Callable[[Pixels], NDArray[np.floating]]  # uint8 (k, S, S, 3) to (k, E)
Score = Callable[[NDArray[np.floating]], NDArray[np.floating]]  # (k, E) to (k,)

GRID = 8


@torch.inference_mode()
def attention_rollout(model: Encoder, pixels: Pixels) -> NDArray[np.float64]:
    """How much of each patch reaches the embedding if attention is all that counts (Abnar and
    Zuidema 2020).

    ``R = prod over blocks of (A + I) / 2``, A the mean over heads, whose rows add up to 1. The
    embedding is the mean of the tokens, so the map is the mean of R's rows; it adds up to 1. A
    token of the convolutional stem sees more than its own patch, so that map is coarse and its
    borders are not the picture's.

    The model is walked through block by block rather than hooked: other threads may be using it.

    Pictures in the size that the model reads, uint8 (m, S, S, 3), become maps in the tower's own
    grid, (m, h, w): 4 x 4 of the convolutional stem at 64 px, 8 x 8 of linear patches. ValueError
    where they have another size, or the model has no attention."""
    tower, size = model.image, model.config.image_size
    if tower.frozen:
        raise ValueError(
            "The attention of a frozen network is not read; look at the ablation instead."
        )
    if pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3):
        raise ValueError(f"This model reads pictures of {size} x {size} pixels in three colours.")
    patches = tower.stem(to_input(torch.from_numpy(pixels).to(model.device)))  # (m, W, h, w)
    x = patches.flatten(2).transpose(1, 2) + tower.position  # (m, T, W)
    mixed = torch.eye(x.shape[1], dtype=torch.float64, device=x.device).expand(len(x), -1, -1)
    for block in tower.blocks:
        assert isinstance(block, Block)  # a ModuleList does not say what is in it
        # What `scaled_dot_product_attention` weighs values by and does not return.
        q, k, _ = block.attention.by_head(block.norm1(x))  # (m, H, T, W/H) each
        weights = (
            (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1).double().mean(dim=1)
        )  # (m, T, T)
        mixed = (weights @ mixed + mixed) / 2
        x = block(x)
    return mixed.mean(dim=1).unflatten(1, patches.shape[2:]).cpu().numpy()


def patch_ablation(
    embed: Embed, pixels: Pixels, score: Score, grid: int = GRID
) -> NDArray[np.float64]:
    """How much a score falls without each patch of a picture: ``score(picture) - score(picture
    without the patch)``. Above 0 the patch speaks for the score, below 0 against it. A patch is
    painted in the picture's mean colour, which makes a picture that no camera took; what a model
    makes of its edges counts too. Of two patches that say the same, each alone counts for little.
    Of pictures, uint8 (m, H, W, 3), with so many patches along each side; `embed` is of any model,
    `score` finite, such as the margin of one caption over another. Falls are in the unit of the
    score, (m, grid, grid), the first axis downwards; ValueError where pixels, grid or scores are
    not like that.
    """
    height, width = pixels.shape[1:3]
    if not 1 <= grid <= min(height, width):
        raise ValueError(
            f"A picture of {width} x {height} pixels cannot be cut into {grid} x {grid} patches."
        )
    rows, columns = (np.linspace(0, side, grid + 1).round().astype(int) for side in (height, width))
    falls = np.zeros((len(pixels), grid, grid))
    for picture, fall in zip(pixels, falls, strict=True):
        variants = np.repeat(picture[None], 1 + grid * grid, axis=0)
        mean = picture.mean(axis=(0, 1)).round().astype(np.uint8)
        for number, variant in enumerate(variants[1:]):
            row, column = divmod(number, grid)
            variant[rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = mean
        scores = np.asarray(score(embed(variants)), dtype=np.float64)
        if scores.shape != (len(variants),) or not np.isfinite(scores).all():
            raise ValueError(
                "What patches are worth is measured by one finite score for each picture."
            )
        fall[:] = scores[0] - scores[1:].reshape(grid, grid)
    return falls
