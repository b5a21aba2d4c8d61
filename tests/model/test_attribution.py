"""Heat maps, against products written out, and on models whose answer hangs on one known patch."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.model.builders import WORDS, pictures
from vlcore.experiment.condition import Condition
from vlcore.model import inference
from vlcore.model.attribution import attention_rollout, patch_ablation
from vlcore.model.dual_encoder import Encoder, build, to_input

PICTURES = pictures(3)
GRIDS = {"conv_stem": (4, 2), "seed_faithful": (8, 4)}  # tokens a side, blocks


def made(architecture: str, seed: int = 0) -> Encoder:
    """An encoder whose attention is far from even, as no untrained one's is."""
    model = build(Condition(architecture=architecture, init_seed=seed), len(WORDS)).eval()
    with torch.no_grad():
        for block in model.image.blocks:
            block.attention.qkv.weight *= 4
    return model


def slow_rollout(model: Encoder, picture: np.ndarray, side: int) -> np.ndarray:
    """Abnar and Zuidema's product, head by head and token by token, from what each block
    receives."""
    received: list[torch.Tensor] = []
    hooks = [
        block.attention.register_forward_pre_hook(
            lambda _, given: received.append(given[0][0].double())
        )
        for block in model.image.blocks
    ]
    with torch.no_grad():
        model.image(to_input(torch.from_numpy(picture[None])))
    for hook in hooks:
        hook.remove()
    tokens, product = side * side, np.eye(side * side)
    for block, x in zip(model.image.blocks, received, strict=True):
        projected = (
            F.linear(x, block.attention.qkv.weight.double(), block.attention.qkv.bias.double())
            .detach()
            .numpy()
        )
        mean = np.zeros((tokens, tokens))
        for head in range(4):
            q, k = (
                projected[:, part * 64 + head * 16 : part * 64 + (head + 1) * 16] for part in (0, 1)
            )
            for i in range(tokens):
                weights = np.exp([q[i] @ k[j] / 4 for j in range(tokens)])
                mean[i] += weights / weights.sum() / 4
        mixed = mean + np.eye(tokens)
        product = mixed / mixed.sum(axis=1, keepdims=True) @ product
    return product.mean(axis=0).reshape(side, side)


@pytest.mark.parametrize(
    ("architecture", "side", "blocks"), [(name, *shape) for name, shape in GRIDS.items()]
)
def test_rollout_against_the_product_written_out(architecture: str, side: int, blocks: int) -> None:
    model = made(architecture)
    assert len(model.image.blocks) == blocks
    before = inference.embed_images(model, PICTURES)
    maps = attention_rollout(model, PICTURES)
    assert (inference.embed_images(model, PICTURES) == before).all(), "the model is left as it was"
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert maps.shape == (3, side, side)
    assert maps.sum(axis=(1, 2)) == pytest.approx(np.ones(3), abs=1e-5)
    assert (maps > 0).all()
    for row in range(2):
        assert maps[row] == pytest.approx(slow_rollout(model, PICTURES[row], side), abs=1e-6)
    assert maps[0].max() > 1.2 * maps[0].min()


def first(z: np.ndarray) -> np.ndarray:
    return z[:, 0]


def test_ablation_against_pictures_painted_by_hand() -> None:
    """A side of 20 pixels is cut into eighths of 2 or 3."""
    random = np.random.default_rng(2)
    picture = random.integers(0, 256, (20, 16, 3), dtype=np.uint8)
    weights = random.normal(size=(20, 16, 3))

    def embedding(pixels: np.ndarray) -> np.ndarray:
        return np.einsum("khwc,hwc->k", pixels.astype(float), weights)[:, None]

    before = picture.copy()
    colour = [round(float(picture[..., c].mean())) for c in range(3)]
    (falls,) = patch_ablation(embedding, picture[None], first)
    for row, (top, bottom) in enumerate(pairwise([0, 2, 5, 8, 10, 12, 15, 18, 20])):
        for column in range(8):
            painted = picture.copy()
            painted[top:bottom, 2 * column : 2 * column + 2] = colour
            by_hand = embedding(picture[None])[0, 0] - embedding(painted[None])[0, 0]
            assert falls[row, column] == pytest.approx(by_hand)
    assert (before == picture).all()
