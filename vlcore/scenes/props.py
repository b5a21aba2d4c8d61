"""Small things in a place: trees and scrub on the ridges, tufts, flowers and stones on the plain.

The one idea: everything is an ellipse or a fan of blades with an edge one pixel soft, painted into its own small
window; where things stand comes from the same chances in both contexts, what they are from the context.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.factors import Scene
from vlcore.scenes.raster import Floats, clamp

Chances = NDArray[np.float64]
Ellipse = tuple[float, float, float, float]  # middle x, y; half axes


def light(*colour: int) -> Floats:
    """An sRGB colour as light (gamma 2)."""
    return (np.array(colour, np.float32) / 255) ** 2


TREES = [light(44, 82, 40), light(58, 98, 44), light(36, 70, 44)]
SCRUB = [light(122, 112, 66), light(104, 98, 62), light(142, 116, 76)]
TUFTS = {"grass": [light(48, 92, 34), light(112, 158, 58)], "desert": [light(140, 116, 66), light(196, 166, 104)]}
FLOWERS = [light(250, 246, 236), light(248, 214, 72), light(226, 128, 164), light(150, 130, 214)]
STONES = [light(150, 126, 104), light(176, 150, 122), light(128, 112, 102)]
BARK = light(72, 54, 40)


def plant(scene: Scene, canvas: Floats, line: Floats, chances: Chances, haze: float, far: Floats) -> None:
    """Trees (grass) or low scrub and rocks (desert) along a ridge (size,), paler with `haze`."""
    size = len(line)
    veil = far * (haze * 0.7)
    for across, tall, kind, lean, wide in chances.tolist():
        x = (across + 0.74 * haze) % 1
        foot = float(line[int(x * size)]) + 0.004
        scale = (0.016 + 0.026 * tall) * (1.35 - haze)
        if scene.context == "grass":
            spread = scale * (0.6 + 0.5 * wide)
            trunk = [(x, foot - 0.5 * scale, 0.14 * scale, 0.7 * scale)]
            crown = [
                (x + dx * spread, foot - dy * scale, r * scale, r * scale)
                for dx, dy, r in ((-0.5, 1.15, 0.62), (0.5, 1.2, 0.6), (lean - 0.5, 1.7, 0.72))
            ]
            blobs(canvas, trunk, BARK * (1 - haze) + veil)
            blobs(canvas, crown, TREES[int(kind * 3)] * (1 - haze) + veil, scene.sun_azimuth)
        else:
            spread = scale * (0.7 + wide)
            low = [
                (x + dx * spread, foot - 0.3 * r * scale, 0.9 * r * scale, 0.7 * r * scale)
                for dx, r in ((-0.6, 0.4), (0.5, 0.5), (0.0, 0.62))
            ]
            kinds = SCRUB if lean < 0.6 else STONES
            blobs(canvas, low, kinds[int(kind * 3)] * (1 - haze) + veil, scene.sun_azimuth)


def scatter(scene: Scene, canvas: Floats, chances: Chances) -> None:
    """Tufts and flowers (grass) or tufts and stones (desert) on the plain, larger when nearer, far ones first."""
    for near, across, kind, tall, wide, hue in sorted(chances.tolist()):
        y = scene.horizon + 0.07 + (0.99 - scene.horizon - 0.07) * near
        scale = 0.10 * (y - scene.horizon)
        if kind < 0.5:
            dark, bright = TUFTS[scene.context]
            fan(canvas, across, y, scale * (0.5 + 0.5 * wide), scale * (0.5 + 0.8 * tall), dark + hue * (bright - dark))
        elif scene.context == "grass":
            r = 0.11 * scale * (1 + tall)
            turn = 2 * math.pi * kind * 4
            reach = scale * (0.4 + 0.5 * wide)
            heads = [
                (across + reach * math.cos(turn + k * k), y - 0.35 * scale * math.sin(turn + 2 * k), r, r)
                for k in range(4)
            ]
            blobs(canvas, heads, FLOWERS[int(hue * 4)])
        else:
            wide = scale * (0.22 + 0.3 * wide)
            below = [(across - 0.25 * scale * scene.sun_azimuth, y + 0.02 * scale, wide * 1.25, scale * 0.12)]
            blobs(canvas, below, light(96, 70, 48))
            stone = [(across, y - 0.08 * scale, wide, scale * (0.14 + 0.14 * tall))]
            blobs(canvas, stone, STONES[int(hue * 3)], scene.sun_azimuth)


def window(canvas: Floats, x0: float, x1: float, y0: float, y1: float) -> tuple[slice, slice, Floats, Floats]:
    """The pixels of a box (rows, columns) and the coordinates of their middles, (h, 1) and (1, w)."""
    size = len(canvas)
    rows = slice(max(0, int(y0 * size)), max(0, min(size, int(y1 * size) + 2)))
    columns = slice(max(0, int(x0 * size)), max(0, min(size, int(x1 * size) + 2)))
    ys = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5) / size
    xs = (np.arange(columns.start, columns.stop, dtype=np.float32)[None] + 0.5) / size
    return rows, columns, ys, xs


def blobs(canvas: Floats, ellipses: list[Ellipse], colour: Floats, sun: float | None = None) -> None:
    """A few ellipses in one colour; given the sun's azimuth they are shaded as one ball."""
    size = len(canvas)
    x, y, rx, ry = np.array(ellipses, np.float32).T[:, :, None, None]  # each (k, 1, 1)
    x0, x1, y0, y1 = float((x - rx).min()), float((x + rx).max()), float((y - ry).min()), float((y + ry).max())
    rows, columns, ys, xs = window(canvas, x0 - 1 / size, x1, y0 - 1 / size, y1)
    distance = np.sqrt(((xs - x) / rx) ** 2 + ((ys - y) / ry) ** 2)
    radius = np.minimum(rx, ry) * size  # in pixels; what is smaller than half of one only tints
    amount = clamp((1 - distance) * radius + 0.5) * np.minimum(1, 2 * radius)
    paint: Floats = colour
    if sun is not None:
        dx, dy = (2 * xs - x0 - x1) / (x1 - x0), (2 * ys - y0 - y1) / (y1 - y0)
        paint = colour * (1 - 0.4 * (dy - 0.6 * sun * dx))[..., None]
    behind = canvas[rows, columns]
    behind += amount.max(0)[..., None] * (paint - behind)


def fan(canvas: Floats, x: float, y: float, width: float, height: float, colour: Floats) -> None:
    """Five blades that spread from a foot at (x, y)."""
    size = len(canvas)
    rows, columns, ys, xs = window(canvas, x - 1.3 * width, x + 1.3 * width, y - height, y)
    up = clamp((y - ys) / height)  # 0 foot, 1 tip
    lean = np.linspace(-1, 1, 5, dtype=np.float32)[:, None, None]
    half = 0.14 * width * np.maximum(1 - up / (1 - 0.4 * np.abs(lean)), 0)
    middle = x + width * lean * (0.25 + up * up)
    blades = clamp((half - np.abs(xs - middle)) * size + 0.5) * (half > 0)
    amount = blades.max(0) * (ys <= y + 0.5 / size)
    behind = canvas[rows, columns]
    behind += amount[..., None] * (colour * (0.6 + 0.7 * up)[..., None] - behind)
