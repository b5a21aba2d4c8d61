"""Small things of a background: trees and scrub on the ridges, tufts, flowers, stones and shells
on the plain.

Everything is an ellipse, a cone, a box or a fan of blades with an edge one pixel soft, painted into
its own small window; where things stand comes from the same chances in every context, what they are
from the context.
"""

import dataclasses
import math

import numpy as np

from vlcore.scenes.backgrounds.landscape import cover, light, lights
from vlcore.scenes.raster import Floats, clamp, soft_edge

Ellipse = tuple[float, float, float, float]  # middle x, y; half axes

BARK = light(72, 54, 40)
FLOWERS = lights((250, 246, 236), (248, 214, 72), (226, 128, 164), (150, 130, 214))
LEAVES = lights((44, 82, 40), (58, 98, 44), (36, 70, 44))
NEEDLES = lights((34, 62, 50), (44, 74, 56), (28, 54, 46))
ROCKS = lights((150, 126, 104), (176, 150, 122), (128, 112, 102))
SCRUB = lights((122, 112, 66), (104, 98, 62), (142, 116, 76))
SHELLS = lights((244, 228, 208), (230, 186, 160), (206, 196, 190), (250, 240, 230))


@dataclasses.dataclass(frozen=True)
class Spot:
    """Where a thing stands, how large it is, and the chances that decide the rest of it."""

    x: float
    y: float  # of its foot
    scale: float
    sun: float  # azimuth
    chance: list[float]  # of its kind, its height, its width and so on, each 0 to 1


@dataclasses.dataclass(frozen=True)
class Veil:
    """The air in front of what is distant."""

    light: Floats  # (3,), that it adds
    share: np.float32  # of the light behind it, that it leaves

    def before(self, colour: Floats) -> Floats:
        """The colour as it is seen through the air."""
        return colour * self.share + self.light


def tree(canvas: Floats, spot: Spot, veil: Veil) -> None:
    """A broad-leaved tree."""
    x, foot, tall = spot.x, spot.y, spot.scale
    kind, lean, wide = spot.chance
    spread = tall * (0.6 + 0.5 * wide)
    trunk = (x, foot - 0.5 * tall, 0.12 * tall, 0.7 * tall)
    leaves = (
        (-0.75, 1.05, 0.42),
        (0.75, 1.1, 0.4),
        (-0.2, 1.1, 0.55),
        (0.35, 1.5, 0.5),
        (lean - 0.7, 1.6, 0.5),
        (0.6 * lean - 0.3, 1.95, 0.42),
    )
    crown = [(x + dx * spread, foot - dy * tall, r * tall, r * tall) for dx, dy, r in leaves]
    blobs(canvas, [trunk], veil.before(BARK))
    blobs(canvas, crown, veil.before(LEAVES[int(kind * 3)]), spot.sun)


def conifer(canvas: Floats, spot: Spot, veil: Veil) -> None:
    """A spruce in three skirts with snow on them."""
    x, foot, tall = spot.x, spot.y, spot.scale
    kind, lean, wide = spot.chance
    needles = veil.before(NEEDLES[int(kind * 3)])
    snow = veil.before(light(226, 234, 244))
    for low, high, half in ((0.1, 1.5, 0.62), (0.8, 2.1, 0.5), (1.5, 2.7, 0.36)):
        half *= tall * (0.7 + 0.5 * wide)
        top = foot - high * tall
        cone(canvas, x, top, foot - low * tall, half, needles, spot.sun)
        edge = foot - (low + 0.75 * (high - low)) * tall
        lit = x - 0.25 * half * spot.sun
        cone(canvas, lit, top, edge, 0.45 * half * (0.6 + 0.6 * lean), snow, spot.sun)


def bush(canvas: Floats, spot: Spot, veil: Veil) -> None:
    """Low scrub, or a heap of rocks."""
    tall = spot.scale
    kind, lean, wide = spot.chance
    spread = tall * (0.7 + wide)
    lumps = [
        (spot.x + dx * spread, spot.y - 0.3 * r * tall, 0.9 * r * tall, 0.7 * r * tall)
        for dx, r in ((-0.6, 0.4), (0.5, 0.5), (0.0, 0.62))
    ]
    colours = SCRUB if lean < 0.6 else ROCKS
    blobs(canvas, lumps, veil.before(colours[int(kind * 3)]), spot.sun)


def flowers(canvas: Floats, spot: Spot) -> None:
    """Four heads of one colour around a point."""
    scale = spot.scale
    kind, tall, wide, hue = spot.chance
    r = 0.1 * scale * (1 + tall)
    turn = 2 * math.pi * kind * 4
    reach = scale * (0.4 + 0.5 * wide)
    heads = []
    for k in range(4):
        x = spot.x + reach * math.cos(turn + k * k)
        y = spot.y - 0.35 * scale * math.sin(turn + 2 * k)
        heads.append((x, y, r, 0.8 * r))
    blobs(canvas, heads, FLOWERS[int(hue * 4)])


def stone(canvas: Floats, spot: Spot, shadow: Floats, colours: list[Floats]) -> None:
    """A stone or shell that sits on the ground, and its shadow."""
    x, y, scale = spot.x, spot.y, spot.scale
    _, tall, wide, hue = spot.chance
    half = scale * (0.22 + 0.3 * wide)
    flat = (x - 0.25 * scale * spot.sun, y + 0.02 * scale, half * 1.25, scale * 0.12)
    blobs(canvas, [flat], shadow)
    lump = (x, y - 0.08 * scale, half, scale * (0.14 + 0.14 * tall))
    blobs(canvas, [lump], colours[int(hue * len(colours))], spot.sun)


@dataclasses.dataclass(frozen=True)
class Patch:
    """A window of a canvas."""

    pixels: Floats  # (h, w, 3), a view of the canvas
    xs: Floats  # (1, w), pixel centres
    ys: Floats  # (h, 1)
    size: int  # pixels of the canvas's side

    def inside(self, x0: float, x1: float, y0: float, y1: float) -> Floats:
        """Coverage (h, w) by a rectangle."""
        across = soft_edge(self.xs - x0, self.size) * soft_edge(x1 - self.xs, self.size)
        down = soft_edge(self.ys - y0, self.size) * soft_edge(y1 - self.ys, self.size)
        return down * across


def patch(canvas: Floats, x0: float, x1: float, y0: float, y1: float) -> Patch:
    """The pixels of a canvas (size, size, 3) that a rectangle may touch."""
    size = len(canvas)
    top, bottom = max(0, int(y0 * size)), max(0, min(size, int(y1 * size) + 2))
    left, right = max(0, int(x0 * size)), max(0, min(size, int(x1 * size) + 2))
    ys = (np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5) / size
    xs = (np.arange(left, right, dtype=np.float32)[None] + 0.5) / size
    return Patch(canvas[top:bottom, left:right], xs, ys, size)


def blobs(
    canvas: Floats, ellipses: list[Ellipse], colour: Floats, sun: float | None = None
) -> None:
    """A few ellipses in one colour; given the sun's azimuth they are shaded as the lobes of one
    ball."""
    size = len(canvas)
    x, y, rx, ry = np.array(ellipses, np.float32).T[:, :, None, None]  # each (k, 1, 1)
    x0, x1 = float((x - rx).min()), float((x + rx).max())
    y0, y1 = float((y - ry).min()), float((y + ry).max())
    area = patch(canvas, x0 - 1 / size, x1, y0 - 1 / size, y1)
    xs, ys = area.xs, area.ys
    distance = np.sqrt(((xs - x) / rx) ** 2 + ((ys - y) / ry) ** 2)
    radius = np.minimum(rx, ry) * size  # in pixels; what is smaller than half of one only tints
    amount = soft_edge(1 - distance, radius) * np.minimum(1, 2 * radius)
    paint: Floats = colour
    if sun is not None:
        dx = (2 * xs - x0 - x1) / (x1 - x0)
        dy = (2 * ys - y0 - y1) / (y1 - y0)
        shade = dy - 0.6 * sun * dx
        if len(ellipses) > 1:  # each lobe by itself, where it lies in front
            near = amount * np.maximum(1.05 - distance, 0.05) ** 2
            lobes = near * ((ys - y) / ry - 0.6 * sun * (xs - x) / rx)
            shade = 0.5 * shade + 0.6 * (lobes.sum(0) / (near.sum(0) + 1e-6))
        paint = colour * np.maximum(1 - 0.42 * shade, 0.3)[..., None]
    cover(area.pixels, paint, amount.max(0))


def cone(
    canvas: Floats, x: float, top: float, bottom: float, half: float, colour: Floats, sun: float
) -> None:
    """A triangle that stands upright, lighter on the sun's side."""
    size = len(canvas)
    area = patch(canvas, x - half - 1 / size, x + half, top, bottom)
    xs, ys = area.xs, area.ys
    down = clamp((ys - top) / (bottom - top))
    sides = soft_edge(down * half - np.abs(xs - x), size)
    amount = sides * soft_edge(bottom - ys, size) * (ys > top)
    paint = colour * (1 + 0.35 * sun * (xs - x) / half)[..., None]
    cover(area.pixels, paint, amount)


def box(
    canvas: Floats, x0: float, x1: float, y0: float, y1: float, colour: Floats, share: float = 1.0
) -> None:
    """A rectangle with edges exact to a part of a pixel, that covers by a `share`."""
    size = len(canvas)
    area = patch(canvas, x0 - 1 / size, x1, y0 - 1 / size, y1)
    cover(area.pixels, colour, share * area.inside(x0, x1, y0, y1))


def post(
    canvas: Floats,
    x: float,
    half: float,
    top: float,
    bottom: float,
    colour: Floats,
    share: float = 1.0,
) -> None:
    """A box that reaches `half` to both sides of x."""
    box(canvas, x - half, x + half, top, bottom, colour, share)


def fan(canvas: Floats, x: float, y: float, width: float, height: float, colour: Floats) -> None:
    """Five blades that spread from a foot at (x, y)."""
    size = len(canvas)
    area = patch(canvas, x - 1.3 * width, x + 1.3 * width, y - height, y)
    up = clamp((y - area.ys) / height)  # 0 foot, 1 tip
    lean = np.linspace(-1, 1, 5, dtype=np.float32)[:, None, None]
    half = 0.14 * width * np.maximum(1 - up / (1 - 0.4 * np.abs(lean)), 0)
    middle = x + width * lean * (0.25 + up * up)
    blades = soft_edge(half - np.abs(area.xs - middle), size) * (half > 0)
    amount = blades.max(0) * (area.ys <= y + 0.5 / size)
    cover(area.pixels, colour * (0.6 + 0.7 * up)[..., None], amount)
