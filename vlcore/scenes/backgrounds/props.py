"""Small things of a place: trees and scrub on the ridges, tufts, flowers, stones and shells on the
plain.

Everything is an ellipse, a cone, a box or a fan of blades with an edge one pixel soft, painted into
its own small window; where things stand comes from the same chances in every context, what they are
from the context.
"""

import math

import numpy as np

from vlcore.scenes.backgrounds.skies import light, lights
from vlcore.scenes.backgrounds.terrain import cover
from vlcore.scenes.raster import Floats, clamp

Ellipse = tuple[float, float, float, float]  # middle x, y; half axes

BARK = light(72, 54, 40)
FLOWERS = lights((250, 246, 236), (248, 214, 72), (226, 128, 164), (150, 130, 214))
LEAVES = lights((44, 82, 40), (58, 98, 44), (36, 70, 44))
NEEDLES = lights((34, 62, 50), (44, 74, 56), (28, 54, 46))
ROCKS = lights((150, 126, 104), (176, 150, 122), (128, 112, 102))
SCRUB = lights((122, 112, 66), (104, 98, 62), (142, 116, 76))
SHELLS = lights((244, 228, 208), (230, 186, 160), (206, 196, 190), (250, 240, 230))


def tree(
    canvas: Floats,
    x: float,
    foot: float,
    tall: float,
    sun: float,
    chance: list[float],
    veil: Floats,
) -> None:
    """A broad-leaved tree; `veil` is the (3, 2) air in front of it, by which everything distant is
    paled: light that it adds, and the share that it leaves."""
    kind, lean, wide = chance
    spread = tall * (0.6 + 0.5 * wide)
    trunk = [(x, foot - 0.5 * tall, 0.12 * tall, 0.7 * tall)]
    leaves = (
        (-0.75, 1.05, 0.42),
        (0.75, 1.1, 0.4),
        (-0.2, 1.1, 0.55),
        (0.35, 1.5, 0.5),
        (lean - 0.7, 1.6, 0.5),
        (0.6 * lean - 0.3, 1.95, 0.42),
    )
    crown = [(x + dx * spread, foot - dy * tall, r * tall, r * tall) for dx, dy, r in leaves]
    blobs(canvas, trunk, BARK * veil[1] + veil[0])
    blobs(canvas, crown, LEAVES[int(kind * 3)] * veil[1] + veil[0], sun)


def conifer(
    canvas: Floats,
    x: float,
    foot: float,
    tall: float,
    sun: float,
    chance: list[float],
    veil: Floats,
) -> None:
    """A spruce in three skirts with snow on them."""
    kind, lean, wide = chance
    colour = NEEDLES[int(kind * 3)] * veil[1] + veil[0]
    white = light(226, 234, 244) * veil[1] + veil[0]
    for low, high, half in ((0.1, 1.5, 0.62), (0.8, 2.1, 0.5), (1.5, 2.7, 0.36)):
        half *= tall * (0.7 + 0.5 * wide)
        cone(canvas, x, foot - high * tall, foot - low * tall, half, colour, sun)
        snow = foot - (low + 0.75 * (high - low)) * tall
        cone(
            canvas,
            x - 0.25 * half * sun,
            foot - high * tall,
            snow,
            0.45 * half * (0.6 + 0.6 * lean),
            white,
            sun,
        )


def bush(
    canvas: Floats,
    x: float,
    foot: float,
    tall: float,
    sun: float,
    chance: list[float],
    veil: Floats,
) -> None:
    """Low scrub, or a heap of rocks."""
    kind, lean, wide = chance
    spread = tall * (0.7 + wide)
    lumps = ((-0.6, 0.4), (0.5, 0.5), (0.0, 0.62))
    low = [
        (x + dx * spread, foot - 0.3 * r * tall, 0.9 * r * tall, 0.7 * r * tall) for dx, r in lumps
    ]
    blobs(canvas, low, (SCRUB if lean < 0.6 else ROCKS)[int(kind * 3)] * veil[1] + veil[0], sun)


def flowers(canvas: Floats, x: float, y: float, scale: float, chance: list[float]) -> None:
    """Four heads of one colour around a point."""
    kind, tall, wide, hue = chance
    r, turn, reach = 0.1 * scale * (1 + tall), 2 * math.pi * kind * 4, scale * (0.4 + 0.5 * wide)
    heads = [
        (x + reach * math.cos(turn + k * k), y - 0.35 * scale * math.sin(turn + 2 * k), r, 0.8 * r)
        for k in range(4)
    ]
    blobs(canvas, heads, FLOWERS[int(hue * 4)])


def stone(
    canvas: Floats,
    x: float,
    y: float,
    scale: float,
    sun: float,
    chance: list[float],
    dark: Floats,
    colours: list[Floats],
) -> None:
    """A stone or shell that sits on the ground, with a shadow that darkens it to `dark`."""
    _, tall, wide, hue = chance
    wide = scale * (0.22 + 0.3 * wide)
    blobs(canvas, [(x - 0.25 * scale * sun, y + 0.02 * scale, wide * 1.25, scale * 0.12)], dark)
    blobs(
        canvas,
        [(x, y - 0.08 * scale, wide, scale * (0.14 + 0.14 * tall))],
        colours[int(hue * len(colours))],
        sun,
    )


def window(
    canvas: Floats, x0: float, x1: float, y0: float, y1: float
) -> tuple[slice, slice, Floats, Floats]:
    """The pixels of a box (rows, columns) and the coordinates of their middles, (h, 1) and (1,
    w)."""
    size = len(canvas)
    rows = slice(max(0, int(y0 * size)), max(0, min(size, int(y1 * size) + 2)))
    columns = slice(max(0, int(x0 * size)), max(0, min(size, int(x1 * size) + 2)))
    ys = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5) / size
    xs = (np.arange(columns.start, columns.stop, dtype=np.float32)[None] + 0.5) / size
    return rows, columns, ys, xs


def blobs(
    canvas: Floats, ellipses: list[Ellipse], colour: Floats, sun: float | None = None
) -> None:
    """A few ellipses in one colour; given the sun's azimuth they are shaded as the lobes of one
    ball."""
    size = len(canvas)
    x, y, rx, ry = np.array(ellipses, np.float32).T[:, :, None, None]  # each (k, 1, 1)
    x0, x1, y0, y1 = (
        float((x - rx).min()),
        float((x + rx).max()),
        float((y - ry).min()),
        float((y + ry).max()),
    )
    rows, columns, ys, xs = window(canvas, x0 - 1 / size, x1, y0 - 1 / size, y1)
    distance = np.sqrt(((xs - x) / rx) ** 2 + ((ys - y) / ry) ** 2)
    radius = np.minimum(rx, ry) * size  # in pixels; what is smaller than half of one only tints
    amount = clamp((1 - distance) * radius + 0.5) * np.minimum(1, 2 * radius)
    paint: Floats = colour
    if sun is not None:
        dx, dy = (2 * xs - x0 - x1) / (x1 - x0), (2 * ys - y0 - y1) / (y1 - y0)
        whole = dy - 0.6 * sun * dx
        if len(ellipses) > 1:  # each lobe by itself, where it lies in front
            near = amount * np.maximum(1.05 - distance, 0.05) ** 2
            lobes = (near * ((ys - y) / ry - 0.6 * sun * (xs - x) / rx)).sum(0) / (
                near.sum(0) + 1e-6
            )
            whole = 0.5 * whole + 0.6 * lobes
        paint = colour * np.maximum(1 - 0.42 * whole, 0.3)[..., None]
    cover(canvas[rows, columns], paint, amount.max(0))


def cone(
    canvas: Floats, x: float, top: float, bottom: float, half: float, colour: Floats, sun: float
) -> None:
    """A triangle that stands upright, lighter on the sun's side."""
    size = len(canvas)
    rows, columns, ys, xs = window(canvas, x - half - 1 / size, x + half, top, bottom)
    down = clamp((ys - top) / (bottom - top))
    amount = (
        clamp((down * half - np.abs(xs - x)) * size + 0.5)
        * clamp((bottom - ys) * size + 0.5)
        * (ys > top)
    )
    paint = colour * (1 + 0.35 * sun * (xs - x) / half)[..., None]
    cover(canvas[rows, columns], paint, amount)


def box(
    canvas: Floats, x0: float, x1: float, y0: float, y1: float, colour: Floats, share: float = 1.0
) -> None:
    """A rectangle with edges exact to a part of a pixel."""
    size = len(canvas)
    rows, columns, ys, xs = window(canvas, x0 - 1 / size, x1, y0 - 1 / size, y1)
    cover(canvas[rows, columns], colour, share * within(size, xs, ys, x0, x1, y0, y1))


def within(size: int, xs: Floats, ys: Floats, x0: float, x1: float, y0: float, y1: float) -> Floats:
    """How much of each pixel (h, w) around (xs, ys) a rectangle covers."""
    across = clamp((xs - x0) * size + 0.5) * clamp((x1 - xs) * size + 0.5)
    down = clamp((ys - y0) * size + 0.5) * clamp((y1 - ys) * size + 0.5)
    return down * across


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
    cover(canvas[rows, columns], colour * (0.6 + 0.7 * up)[..., None], amount)
