"""Places look like what they are called, at every size, and fade to one bare land."""

import numpy as np
import pytest

from vlcore.scenes import CONTEXTS, sample
from vlcore.scenes.draw import place


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("size", [16, 50, 128])
def test_every_pixel_is_painted_with_light(size: int, context: str) -> None:
    for index in range(8):
        light = place(sample("horse", context, split="test", index=index), size)
        assert light.shape == (size, size, 3)
        assert light.dtype == np.float32
        assert np.isfinite(light).all()
        assert (light.max(-1) > 0.003).all()


def ground(context: str, index: int) -> np.ndarray:
    """Mean colour of the lowest quarter under a clear sky."""
    scene = sample("horse", context, split="test", index=index).replace(sky="clear")
    return place(scene, 32)[24:].mean((0, 1))


def test_grass_is_green_sand_is_not_and_snow_is_nearly_white() -> None:
    for index in range(30):
        red, green, blue = ground("grass", index)
        assert green > 1.05 * red
        assert blue < 0.8 * green
        for sandy in ("desert", "beach"):
            red, green, blue = ground(sandy, index)
            assert red > green > blue
        assert ground("snow", index).min() > 0.6


@pytest.mark.parametrize("context", CONTEXTS)
def test_grounds_and_skies_vary_and_sizes_show_the_same_place(context: str) -> None:
    places = [place(sample("horse", context, split="test", index=i), 32) for i in range(30)]
    assert np.std([p[:4].mean((0, 1)) for p in places], axis=0).min() > 0.02
    assert np.std([p[28:].mean((0, 1)) for p in places], axis=0)[:2].min() > 0.015
    scene = sample("horse", context, split="test", index=5)
    large = place(scene, 128).reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(large - place(scene, 32)).mean() < 0.03


@pytest.mark.parametrize("context", tuple(context for context in CONTEXTS if context != "room"))
def test_the_sky_over_the_highest_ridge_belongs_to_no_context(context: str) -> None:
    for index in range(30):
        scene = sample("horse", "grass", split="test", index=index)
        top = slice(0, max(0, int(64 * (scene.horizon - 0.38))))
        assert (place(scene, 64)[top] == place(scene.replace(context=context), 64)[top]).all()


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_context_fades_evenly(context: str) -> None:
    """The distance to one bare land is the contrast times the distance at full contrast."""
    scene = sample("horse", context, split="test", index=3)
    bare, full = place(scene.replace(context_contrast=0.0), 64), place(scene, 64)
    assert (place(scene.replace(context="grass", context_contrast=0.0), 64) == bare).all()
    for contrast in (0.1, 0.25, 0.5, 0.75):
        faded = place(scene.replace(context_contrast=contrast), 64)
        np.testing.assert_allclose(faded - bare, contrast * (full - bare), atol=1e-5)
    assert np.abs(full - bare).mean() > 0.02
