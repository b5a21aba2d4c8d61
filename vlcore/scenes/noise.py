"""Tileable noise, made once, and its lookup at any coordinates.

Every texture, from clouds to fur to paper, is one of three fixed fields looked up at stretched and shifted
coordinates; nothing is drawn at random while a picture is made.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.raster import Floats

TILE = 256


def middles(size: int) -> Floats:
    """Where the middles of a row of pixels are, (size,), as fractions of the picture's side."""
    return ((np.arange(size) + 0.5) / size).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Fields:
    """Tileable noise (TILE, TILE), mean 0 and deviation 1, read-only."""

    clouds: Floats  # billows of all sizes
    grain: Floats  # sand, soil
    blades: Floats  # upright strokes


@functools.lru_cache(maxsize=1)
def fields() -> Fields:
    return Fields(noise(1, 1.7, 1.0), noise(2, 0.6, 1.0), noise(3, 0.9, 4.0))


def noise(seed: int, fall: float, upright: float) -> Floats:
    """Tileable noise whose amplitude falls as frequency to the power `fall`, stretched upright by a factor."""
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((TILE, TILE)))
    fy, fx = np.meshgrid(np.fft.fftfreq(TILE) * TILE * upright, np.fft.fftfreq(TILE) * TILE, indexing="ij")
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    field = np.fft.ifft2(white * frequency**-fall).real
    scaled: Floats = (field / field.std()).astype(np.float32)
    scaled.setflags(write=False)
    return scaled


def lookup(field: Floats, x: NDArray[np.floating], y: NDArray[np.floating]) -> Floats:
    """The field between its points (bilinear, wrapping round) at coordinates that broadcast."""
    left, top = np.floor(x), np.floor(y)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    x0, y0 = left.astype(np.int32) & TILE - 1, top.astype(np.int32) & TILE - 1
    x1, y1 = x0 + 1 & TILE - 1, y0 + 1 & TILE - 1
    flat, y0, y1 = field.ravel(), y0 * TILE, y1 * TILE
    upper = flat[y0 + x0] * (1 - fx) + flat[y0 + x1] * fx
    lower = flat[y1 + x0] * (1 - fx) + flat[y1 + x1] * fx
    mixed: Floats = upper + (lower - upper) * fy
    return mixed
