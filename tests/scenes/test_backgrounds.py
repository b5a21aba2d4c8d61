"""Backgrounds look like what they are called, at every size, and fade to one bare land."""

import numpy as np
import pytest

from vlcore.scenes import CONTEXTS, Scene, sample
from vlcore.scenes.draw import paint_background


def scene(context: str, index: int) -> Scene:
    return sample("horse", context, split="test", index=index)


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("size", [16, 50, 128])
def test_every_pixel_is_painted_with_light(size: int, context: str) -> None:
    for index in range(8):
        light = paint_background(scene(context, index), size)
        assert light.shape == (size, size, 3)
        assert light.dtype == np.float32
        assert np.isfinite(light).all()
        assert (light.max(-1) > 0.003).all()


def test_grass_is_green_sand_is_not_and_snow_is_nearly_white() -> None:
    def ground(context: str, index: int) -> np.ndarray:
        """Mean colour of the lowest quarter under a clear sky."""
        clear = scene(context, index).replace(sky="clear")
        return paint_background(clear, 32)[24:].mean((0, 1))

    for index in range(30):
        red, green, blue = ground("grass", index)
        assert green > 1.05 * red
        assert blue < 0.8 * green
        for sandy in ("desert", "beach"):
            red, green, blue = ground(sandy, index)
            assert red > green > blue
        assert ground("snow", index).min() > 0.6


@pytest.mark.parametrize("context", CONTEXTS)
def test_grounds_and_skies_vary_and_sizes_show_the_same_background(context: str) -> None:
    lights = np.stack([paint_background(scene(context, index), 32) for index in range(30)])
    assert lights[:, :4].mean((1, 2)).std(0).min() > 0.02
    assert lights[:, 28:].mean((1, 2)).std(0)[:2].min() > 0.015
    large = paint_background(scene(context, 5), 128).reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(large - lights[5]).mean() < 0.03


@pytest.mark.parametrize("context", [context for context in CONTEXTS if context != "room"])
def test_the_sky_over_the_highest_ridge_belongs_to_no_context(context: str) -> None:
    for index in range(30):
        top = max(0, int(64 * (scene("grass", index).horizon - 0.38)))
        grass, twin = (paint_background(scene(name, index), 64) for name in ("grass", context))
        assert (grass[:top] == twin[:top]).all()


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_context_fades_evenly(context: str) -> None:
    """The distance to one bare land is the contrast times the distance at full contrast."""

    def light(name: str, contrast: float) -> np.ndarray:
        return paint_background(scene(name, 3).replace(context_contrast=contrast), 64)

    bare, full = light(context, 0.0), light(context, 1.0)
    assert (light("grass", 0.0) == bare).all()
    for contrast in (0.1, 0.25, 0.5, 0.75):
        faded = light(context, contrast)
        np.testing.assert_allclose(faded - bare, contrast * (full - bare), atol=1e-5)
    assert np.abs(full - bare).mean() > 0.02
