"""Tileable noise, made once, and its lookup at any coordinates.

Every texture, from clouds to fur to paper, is one of three fixed fields looked up at stretched and
shifted coordinates; nothing is drawn at random while an image is made."""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.raster import ONE, Floats, compiled

TILE = 256
# Seed, the power by which amplitude falls with frequency, and how far it is stretched upright.
TEXTURES = {
    "clouds": (1, 1.7, 1.0),  # billows of all sizes
    "grain": (2, 0.6, 1.0),  # sand, soil
    "blades": (3, 0.9, 4.0),  # upright strokes
}


def pixel_centres(size: int) -> Floats:
    """The centres of a row of pixels (size,), as fractions of the image's side."""
    return ((np.arange(size) + 0.5) / size).astype(np.float32)


@functools.cache
def noise(texture: str) -> Floats:
    """Tileable noise (TILE, TILE), mean 0 and deviation 1, read-only."""
    seed, fall, upright = TEXTURES[texture]
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((TILE, TILE)))
    cycles = np.fft.fftfreq(TILE) * TILE
    fy, fx = np.meshgrid(cycles * upright, cycles, indexing="ij")
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    field = np.fft.ifft2(white * frequency**-fall).real
    scaled: Floats = (field / field.std()).astype(np.float32)
    scaled.setflags(write=False)
    return scaled


def lookup(texture: str, x: NDArray[np.floating], y: NDArray[np.floating]) -> Floats:
    """Noise at coordinates that broadcast: bilinear between its points, wrapping round."""
    across, down = np.broadcast_arrays(x, y)
    values = np.empty(across.size, np.float32)
    xs, ys = (axis.ravel().astype(np.float64) for axis in (across, down))
    compiled(interpolate)(noise(texture), xs, ys, values)
    return values.reshape(across.shape)


def interpolate(
    field: Floats, xs: NDArray[np.float64], ys: NDArray[np.float64], values: Floats
) -> None:
    """Write into `values` (n,) what a field is at coordinates (n,)."""
    for i, (x, y) in enumerate(zip(xs, ys)):  # noqa: B905 (numba knows no strict)
        left, top = math.floor(x), math.floor(y)
        fx, fy = np.float32(x - left), np.float32(y - top)
        x0, y0 = int(left) & TILE - 1, int(top) & TILE - 1
        x1, y1 = x0 + 1 & TILE - 1, y0 + 1 & TILE - 1
        upper = field[y0, x0] * (ONE - fx) + field[y0, x1] * fx
        lower = field[y1, x0] * (ONE - fx) + field[y1, x1] * fx
        values[i] = upper + (lower - upper) * fy
