"""Attribution of an embedding to regions of its image: attention rollout and patch ablation.

Attention tells which tokens a model mixes, ablation how the prediction changes without a patch.
Only ablation is about the prediction, and it works for every model of pixels.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from vlcore.model.dual_encoder import Encoder, TransformerBlock, to_input

Pixels = NDArray[np.uint8]
Embed = Callable[[Pixels], NDArray[np.floating]]  # uint8 (k, S, S, 3) to (k, E)
Score = Callable[[NDArray[np.floating]], NDArray[np.floating]]  # (k, E) to (k,)

GRID = 8  # patches along each side


@torch.inference_mode()
def attention_rollout(model: Encoder, pixels: Pixels) -> NDArray[np.float64]:
    """Attention rollout (Abnar and Zuidema 2020): the share of each patch in the embedding.

    ``R = prod over blocks of (A + I) / 2``, A the mean over heads, whose rows add up to 1. The
    embedding is the mean of the tokens, so the map is the mean of R's rows; it adds up to 1. A
    token of the convolutional stem covers more than its patch, so that map is coarse.

    Blocks are called one by one rather than hooked: other threads may use the model.

    Args:
        model: trained from scratch: reads pixels, and has attention.
        pixels: images in the size that the model reads, uint8 (m, S, S, 3).

    Returns:
        Maps in the tower's grid, (m, h, w): 4 x 4 of the convolutional stem at 64 px, 8 x 8 of
        linear patches.
    """
    tower = model.image
    patches = tower.stem(to_input(torch.from_numpy(pixels).to(model.device)))  # (m, W, h, w)
    x = patches.flatten(2).transpose(1, 2) + tower.position  # (m, T, W)
    mixed = torch.eye(x.shape[1], dtype=torch.float64, device=x.device).expand(len(x), -1, -1)
    for block in tower.blocks:
        assert isinstance(block, TransformerBlock)  # for mypy
        # `scaled_dot_product_attention` does not return its weights.
        q, k, _ = block.attention.by_head(block.norm1(x))  # (m, H, T, W/H) each
        by_head = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
        weights = by_head.double().mean(dim=1)  # (m, T, T)
        mixed = (weights @ mixed + mixed) / 2
        x = block(x)
    return mixed.mean(dim=1).unflatten(1, patches.shape[2:]).cpu().numpy()


def patch_ablation(embed: Embed, pixels: Pixels, score: Score) -> NDArray[np.float64]:
    """Patch ablation: ``score(image) - score(image without the patch)`` for each patch.

    Above 0 the patch supports the score, below 0 it opposes it. A patch is painted in the image's
    mean colour, and the edges of the paint count too. Of two redundant patches, each alone counts
    for little.

    Args:
        embed: of any model.
        pixels: images, uint8 (m, H, W, 3).
        score: such as the margin of one caption over another.

    Returns:
        Differences in the unit of the score, (m, GRID, GRID), the first axis downwards.
    """
    rows, columns = (
        np.linspace(0, side, GRID + 1).round().astype(int) for side in pixels.shape[1:3]
    )
    differences = np.zeros((len(pixels), GRID, GRID))
    for image, difference in zip(pixels, differences, strict=True):
        variants = np.repeat(image[None], 1 + GRID * GRID, axis=0)
        mean = image.mean(axis=(0, 1)).round().astype(np.uint8)
        for number, variant in enumerate(variants[1:]):
            row, column = divmod(number, GRID)
            variant[rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = mean
        scores = np.asarray(score(embed(variants)), dtype=np.float64)
        difference[:] = scores[0] - scores[1:].reshape(GRID, GRID)
    return differences
