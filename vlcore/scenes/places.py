"""Sky and ground: everything behind the animal, from factors that both objects share.

The one idea: a few tileable noise fields, made once, are looked up at stretched and shifted coordinates; a ground
plane in perspective, ridges whose edges are computed per column, and small props do the rest. Grass and desert read
the same factors, so a change of context keeps the lie of the land.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.factors import Scene
from vlcore.scenes.props import light, plant, scatter
from vlcore.scenes.raster import Floats, clamp

TILE = 256


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


# Zenith, horizon, cloud.
SKIES = {
    "clear": (light(62, 126, 204), light(186, 214, 236), light(255, 255, 255)),
    "deep": (light(38, 88, 168), light(150, 190, 226), light(250, 250, 252)),
    "pale": (light(132, 176, 216), light(222, 232, 238), light(255, 255, 255)),
    "dawn": (light(96, 122, 180), light(244, 208, 176), light(255, 226, 204)),
    "overcast": (light(138, 152, 168), light(208, 214, 218), light(228, 232, 236)),
}
# A walk through the greens and through the sands as `tint` goes from 0 to 1.
TINTS = {
    "grass": [light(64, 118, 44), light(92, 140, 46), light(122, 152, 62), light(86, 148, 70), light(70, 128, 76)],
    "desert": [
        light(224, 186, 128),
        light(214, 164, 102),
        light(206, 142, 92),
        light(228, 200, 152),
        light(196, 160, 118),
    ],
}


def place(scene: Scene, size: int) -> Floats:
    """The whole place as light (size, size, 3), without the animal and without its shadow."""
    rng = np.random.default_rng(scene.ground_seed)
    shape, trees, props = rng.random((3, 12)), rng.random((7, 5)), rng.random((24, 6))  # the same for both contexts
    us = ((np.arange(size) + 0.5) / size).astype(np.float32)
    canvas = np.zeros((size, size, 3), np.float32)
    ridges = [ridge(scene, us, layer, shape[layer]) for layer in range(3)]
    skyline = min(size, int(max(line.max() for line in ridges) * size) + 2)
    front = max(0, int(ridges[2].min() * size) - 1)
    canvas[:skyline] = sky(scene, us, us[:skyline])
    base, far = tint(scene), SKIES[scene.sky][1]
    for layer, haze in ((0, 0.55), (1, 0.22)):
        colour = base * (1 - haze) + far * (0.8 * haze)
        hill(scene, canvas, us, ridges[layer], colour, 0.18 + 0.1 * layer)
        plant(scene, canvas, ridges[layer], trees[: int(len(trees) * scene.props)], haze, far)
    cover(canvas[front:], ground(scene, us, us[front:], base), edge(us[front:], ridges[2], size))
    scatter(scene, canvas, props[: int(len(props) * scene.props)])
    return canvas


def tint(scene: Scene) -> Floats:
    stops = np.stack(TINTS[scene.context])  # (5, 3)
    at = np.linspace(0, 1, len(stops))
    return np.array([np.interp(scene.tint, at, stops[:, i]) for i in range(3)], np.float32)


def sky(scene: Scene, us: Floats, vs: Floats) -> Floats:
    """Rows of sky (rows, size, 3): a gradient, and clouds that flatten towards the horizon."""
    zenith, low, white = SKIES[scene.sky]
    height = np.clip(vs / scene.horizon, 0, 1)[:, None, None]  # 0 top, 1 horizon
    air = zenith + (low - zenith) * height**1.5
    lift = 1.15 - np.clip(vs / scene.horizon, 0, 1)[:, None]
    shift = scene.cloud_seed % 65536
    x = shift + (us[None] - 0.5) * 34 / (lift + 0.35)
    y = shift // 256 + 58 / (lift + 0.35) + 0 * us[None]
    billow = lookup(fields().clouds, x, y)
    lit = lookup(fields().clouds, x - 4 * math.sin(scene.sun_azimuth), y - 4)
    amount = np.clip((billow + 1.6 * scene.clouds - 1.25) * 1.3, 0, 1) * np.clip(lift * 3 - 0.4, 0, 1)
    tone = white * (0.86 + 0.10 * np.clip(billow - lit, -1, 1))[..., None]
    mixed: Floats = air + (amount * amount * (3 - 2 * amount))[..., None] * (tone - air)
    return mixed


def ridge(scene: Scene, us: Floats, layer: int, chance: NDArray[np.float64]) -> Floats:
    """Height of a ridge (size,) as a fraction from the top: 0 far, 1 middle, 2 where the plain begins. Hills are
    round; dunes come to a crest."""
    line = np.zeros_like(us)
    for k in range(4):
        wave = (1.1 + 1.3 * k + chance[k]) * us * 2 * math.pi * 0.6 + chance[k + 4] * 2 * math.pi
        crest = 1 - np.abs(np.sin(wave / 2)) if scene.context == "desert" else 0.5 + 0.5 * np.sin(wave)
        line += crest * (0.5 + chance[k + 8]) / (1 + 1.6 * k)
    reach = (0.13, 0.09, 0.02)[layer] * (0.25 + scene.relief)
    base = scene.horizon + (0.0, 0.012, 0.03)[layer]
    return (base - reach * line / 1.6).astype(np.float32)


def edge(vs: Floats, line: Floats, size: int) -> Floats:
    """Coverage (rows, size) of what lies under a line, exact to a pixel's height."""
    return clamp((vs[:, None] - line[None]) * size + 0.5)


def cover(canvas: Floats, colour: Floats, amount: Floats) -> None:
    canvas += amount[..., None] * (colour - canvas)


def hill(scene: Scene, canvas: Floats, us: Floats, line: Floats, colour: Floats, contrast: float) -> None:
    """Paint a hill or dune under a line: its slopes catch or miss the sun."""
    size = len(us)
    top, bottom = max(0, int(line.min() * size) - 1), min(size, int(line.max() * size + 0.12 * size))
    vs = us[top:bottom]
    slope = np.gradient(line, us)
    facing = 1 - contrast * np.tanh(2.5 * slope) * (-1 if scene.sun_azimuth > 0 else 1)
    grain = lookup(fields().grain, us[None] * 190 + line[None] * 50, vs[:, None] * 420)
    texture = facing[None] * (1.04 + 0.05 * grain) - 0.6 * np.clip(vs[:, None] - line[None], 0, 0.12)
    cover(canvas[top:bottom], texture[..., None] * colour, edge(vs, line, size))


def ground(scene: Scene, us: Floats, vs: Floats, base: Floats) -> Floats:
    """Rows of the plain (rows, size, 3) in perspective."""
    below = np.maximum(vs - scene.horizon, 0) + 0.05
    depth = (0.35 / below)[:, None]
    shift = scene.ground_seed % 65536
    x = shift + (us[None] - 0.5) * depth * 60
    y = shift // 256 + depth * 60 + 0 * us[None]
    patches = lookup(fields().clouds, x, y)
    fade = np.clip(below[:, None] * 4, 0.25, 1)
    if scene.context == "grass":
        texture = 0.95 + 0.10 * patches + 0.2 * fade * upright(us, vs, depth, shift)
    else:
        ripple = np.sin(y * 1.9 + 2.2 * patches + x * 0.25)
        fine = lookup(fields().grain, x * 4, y * 4)
        texture = 1.0 + 0.05 * patches + 0.055 * fade * ripple + 0.045 * fade * fine
    dry = light(150, 146, 72) if scene.context == "grass" else light(190, 130, 88)
    mix = np.clip(0.18 + 0.2 * patches, 0, 0.6)[..., None]
    plain: Floats = (base + mix * (dry - base)) * np.maximum(texture, 0.3)[..., None]
    return plain


def upright(us: Floats, vs: Floats, depth: Floats, shift: int) -> Floats:
    """Blades of grass (rows, size): they stand up on the screen, and halve with every doubling of the distance."""
    level = np.log2(np.maximum(depth, 1e-3)) + 2
    whole = np.floor(level)
    layers = [
        lookup(fields().blades, us[None] * 48 * 2.0**k + shift, vs[:, None] * 48 * 2.0**k) for k in (whole, whole + 1)
    ]
    mixed: Floats = layers[0] + (level - whole) * (layers[1] - layers[0])
    return mixed
