"""Places look like what they are called, at every size."""

import numpy as np
import pytest

from vlcore.scenes import sample
from vlcore.scenes.places import TILE, fields, lookup, place


@pytest.mark.parametrize("size", [16, 50, 128])
def test_every_pixel_is_painted_with_light(size: int) -> None:
    for index in range(8):
        for context in ("grass", "desert"):
            light = place(sample("horse", context, split="test", index=index), size)
            assert light.shape == (size, size, 3)
            assert np.isfinite(light).all()
            assert (light.max(-1) > 0.005).all()


def test_grass_is_green_and_desert_is_not() -> None:
    for index in range(30):
        greens = []
        for context in ("grass", "desert"):
            red, green, blue = place(sample("horse", context, split="test", index=index), 32)[24:].mean((0, 1))
            greens.append(green > 1.05 * red)
            assert blue < 0.8 * max(red, green)
        assert greens == [True, False]


def test_grounds_and_skies_vary() -> None:
    places = [place(sample("horse", "grass", split="test", index=i), 32) for i in range(30)]
    assert np.std([p[:4].mean((0, 1)) for p in places], axis=0).min() > 0.03
    assert np.std([p[28:].mean((0, 1)) for p in places], axis=0)[:2].min() > 0.015


def test_noise_is_read_only_wraps_round_and_is_found_between_its_points() -> None:
    field = fields().clouds
    with pytest.raises(ValueError, match="read-only"):
        field[0, 0] = 1
    x, y = np.array([3.0, 3.5, TILE + 3.0, -1.0]), np.full(4, 7.0)
    expected = [field[7, 3], (field[7, 3] + field[7, 4]) / 2, field[7, 3], field[7, -1]]
    np.testing.assert_allclose(lookup(field, x, y), expected, rtol=1e-5, atol=1e-6)


def test_sizes_show_the_same_place() -> None:
    scene = sample("horse", "desert", split="test", index=5)
    large = place(scene, 128).reshape(32, 4, 32, 4, 3).mean((1, 3))
    assert np.abs(large - place(scene, 32)).mean() < 0.03
