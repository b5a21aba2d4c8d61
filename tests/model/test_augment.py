"""Augmentation, picture by picture; and what a window of a picture is to the image tower."""

import numpy as np
import pytest
import torch

from vlcore.experiment.condition import Condition
from vlcore.model import augment
from vlcore.model.dual_encoder import build


def slow_augment(
    pixels: np.ndarray, batch: list[int], random: torch.Generator, window: int
) -> np.ndarray:
    """One picture after the other: zoom, shift with reflection, flip, one brightness and contrast a
    picture, and the window of the batch cut out."""
    count, size = len(batch), pixels.shape[1]
    flips = torch.rand(count, generator=random) < 0.5
    shifts = torch.randint(-augment.SHIFT, augment.SHIFT + 1, (2, count, 1), generator=random)
    gains, offsets = torch.empty(2, count, 1, 1, 1).uniform_(
        -augment.JITTER, augment.JITTER, generator=random
    )
    zooms = torch.empty(count, 1).uniform_(1 / augment.ZOOM, augment.ZOOM, generator=random)
    out, pad, middle = [], size - 1, (size - 1) / 2
    for place, index in enumerate(batch):
        down, right = int(shifts[0, place]), int(shifts[1, place])
        wide = np.pad(pixels[index], ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
        zoom = zooms[place].numpy()[0]
        seen = [
            round(float(np.float32(along - middle) * zoom + np.float32(middle)))
            for along in range(size)
        ]
        moved = np.stack([[wide[pad + y + down, pad + x + right] for x in seen] for y in seen])
        if flips[place]:
            moved = moved[:, ::-1]
        light = (moved.astype(np.float64) / 127.5 - 1) * (1 + gains[place].item()) + offsets[
            place
        ].item()
        out.append(light.transpose(2, 0, 1))
    whole = np.stack(out)
    if window == size:
        return whole
    top, left = (16 * torch.randint((size - window) // 16 + 1, (2,), generator=random)).tolist()
    return whole[:, :, top : top + window, left : left + window]


@pytest.mark.parametrize(
    ("n", "size", "window", "batch"),
    [
        (3, 64, 64, [0, 1, 2, 1]),
        (9, 16, 16, list(range(9)) * 3),
        (1, 8, 8, [0]),
        (3, 64, 48, [2, 0]),
        (2, 48, 16, [1]),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_augmentation_against_a_loop(
    n: int, size: int, window: int, batch: list[int], seed: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    packed, one, other = (
        augment.pack_pixels(torch.from_numpy(pixels)),
        *(torch.Generator().manual_seed(seed) for _ in range(2)),
    )
    found, (top, left) = augment.augment(packed, torch.tensor(batch), one, window)
    assert found.shape == (len(batch), 3, window, window)
    assert found.numpy() == pytest.approx(slow_augment(pixels, batch, other, window), abs=1e-5)
    assert {top % 16, left % 16} == {0}
    assert 0 <= min(top, left) <= max(top, left) <= size - window


@pytest.mark.parametrize("architecture", ["conv_stem", "seed_faithful"])
def test_a_window_keeps_the_positions_of_what_it_shows(architecture: str) -> None:
    """A tower whose stem gives nothing shows the positions alone: a window has a part of those of a
    picture."""
    tower = build(Condition(architecture=architecture), words=5).image
    tower.blocks, tower.norm = torch.nn.ModuleList(), torch.nn.Identity()
    images = torch.zeros(1, 3, 64, 64)
    for layer in tower.stem:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.zeros_(layer.weight), torch.nn.init.zeros_(layer.bias)
    side = 64 // tower.patch
    whole = tower.tokens(images).view(side, side, -1)
    seen = tower.tokens(images[..., :48, :48], (16, 0))
    start, of = 16 // tower.patch, 48 // tower.patch
    assert torch.equal(seen.view(of, of, -1), whole[start : start + of, :of])


def test_dropped_features_keep_their_mean() -> None:
    features = torch.from_numpy(np.random.default_rng(0).normal(2, 1, (3, 5)).astype(np.float32))
    batch, random = torch.tensor([2, 0] * 5000), torch.Generator().manual_seed(0)
    before = torch.get_rng_state()
    dropped, corner = augment.drop(features, batch, random)
    assert torch.equal(torch.get_rng_state(), before), "only the given generator is used"
    assert (dropped.shape, corner) == ((10_000, 5), (0, 0))
    zeros = dropped == 0
    assert zeros.float().mean().item() == pytest.approx(augment.DROPPED, abs=0.01)
    assert torch.allclose(dropped[~zeros], (features[batch] / (1 - augment.DROPPED))[~zeros])
    for place, row in ((0, 2), (1, 0)):
        assert dropped[place::2].mean(dim=0).numpy() == pytest.approx(
            features[row].numpy(), rel=0.05
        )
    again, _ = augment.drop(features, batch, torch.Generator().manual_seed(0))
    assert torch.equal(again, dropped)
    assert not torch.equal(augment.drop(features, batch, random)[0], dropped)
