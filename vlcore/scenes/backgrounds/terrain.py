"""Terrain: ridges, a plain in perspective, and relief that catches the sun.

Contexts read the same factors here, so a change of context keeps the horizon, the ridges and the
grain of the ground, and changes what they are made of."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup
from vlcore.scenes.raster import Floats, soft_edge

# Of the far ridge, the middle ridge and the line where the plain begins: how far they rise over
# the horizon, and how far below it they start.
REACH = (0.13, 0.09, 0.02)
BASE = (0.0, 0.012, 0.03)


@dataclasses.dataclass(frozen=True)
class Ground:
    """Rows of flat ground seen in perspective, with arrays (rows, columns) unless noted."""

    us: Floats  # (1, columns), across the image
    vs: Floats  # (rows, 1), down the image
    x: Floats  # across the ground, in cells of noise
    y: Floats  # away over the ground
    depth: Floats  # (rows, 1), small when near
    fade: Floats  # (rows, 1), how much of the fine texture can be told apart
    patches: Floats  # slow noise


def plane(scene: Scene, us: Floats, vs: Floats) -> Ground:
    """The ground at columns `us` and rows `vs`."""
    below = (np.maximum(vs - scene.horizon, 0) + 0.05)[:, None]
    depth = 0.35 / below
    shift = scene.ground_seed % 65536
    x = shift + (us[None] - 0.5) * depth * 60
    y = shift // 256 + depth * 60 + 0 * us[None]
    fade = np.clip(below * 4, 0.25, 1)
    return Ground(us[None], vs[:, None], x, y, depth, fade, patches=lookup("clouds", x, y))


def ridge(
    scene: Scene, us: Floats, layer: int, chance: NDArray[np.float64], crested: bool
) -> Floats:
    """Height of a ridge (columns,) as a fraction from the top; `crested` ones come to an edge,
    others are round."""
    line = np.zeros_like(us)
    fall = 2.6 if crested else 1.6
    for k in range(4):
        wave = (1.1 + 1.3 * k + chance[k]) * us * 2 * math.pi * 0.6 + chance[k + 4] * 2 * math.pi
        crest = 1 - np.abs(np.sin(wave / 2)) if crested else 0.5 + 0.5 * np.sin(wave)
        line += crest * (0.5 + chance[k + 8]) / (1 + fall * k)
    reach = REACH[layer] * (0.25 + scene.relief)
    return (scene.horizon + BASE[layer] - reach * line / 1.6).astype(np.float32)


def below_line(vs: Floats, line: Floats, size: int) -> Floats:
    """Coverage (rows, columns) by what lies under a line (columns,), exact to a pixel's height."""
    return soft_edge(vs[:, None] - line[None], size)


def cover(canvas: Floats, colour: Floats, amount: Floats) -> None:
    """Paint colour (..., 3) over the canvas (h, w, 3) by an amount (h, w)."""
    canvas += amount[..., None] * (colour - canvas)


def hill(
    scene: Scene,
    canvas: Floats,
    us: Floats,
    line: Floats,
    colour: Floats,
    contrast: float,
    sharp: float,
) -> None:
    """Paint a hill or dune under a line: its slopes catch or miss the sun.

    Args:
        scene: The scene, for the sun.
        canvas: Light (size, size, 3), changed in place.
        us: Pixel centres (size,).
        line: Height of the hill (size,).
        colour: Light (3,) of a slope that neither catches nor misses the sun.
        contrast: Between the slopes.
        sharp: How far a crest runs down the face as an edge between light and shade; 0 for hills.
    """
    size = len(us)
    top = max(0, int(line.min() * size) - 1)
    bottom = min(size, int(line.max() * size + 0.12 * size))
    vs = us[top:bottom]
    slope = np.gradient(line, us)
    down = np.maximum(vs[:, None] - line[None], 0)
    grain = lookup("grain", us[None] * 190 + line[None] * 50, vs[:, None] * 420)
    if sharp:
        bent = us[None] + sharp * down * (1 + 0.5 * np.sin(40 * down + 9 * us[None]))
        slope = np.interp(bent, us, 4 * slope).astype(np.float32)
    side = -1 if scene.sun_azimuth > 0 else 1
    facing = 1 - contrast * np.tanh(2.5 * slope) * side
    texture = facing * (1.04 + 0.05 * grain) - 0.6 * np.minimum(down, 0.12)
    cover(canvas[top:bottom], texture[..., None] * colour, below_line(vs, line, size))


def swell(scene: Scene, ground: Ground, scale: float) -> Floats:
    """Slopes of gently rolling ground (rows, columns), about -1 to 1, positive where they face the
    sun."""
    x, y = ground.x * scale, ground.y * scale
    sun_x, sun_y = 3 * math.sin(scene.sun_azimuth), 3 * math.cos(scene.sun_azimuth)
    height = lookup("clouds", x, y)
    towards_sun = lookup("clouds", x - sun_x, y - sun_y)
    return np.clip(height - towards_sun, -1, 1)


def upright(ground: Ground, shift: int) -> Floats:
    """Blades (rows, columns): they stand up on the screen, and halve with every doubling of the
    distance."""
    level = np.log2(np.maximum(ground.depth, 1e-3)) + 2
    octave = np.floor(level)
    large, small = (
        lookup("blades", ground.us * 48 * 2.0**k + shift, ground.vs * 48 * 2.0**k)
        for k in (octave, octave + 1)
    )
    return large + (level - octave) * (small - large)


def haze(scene: Scene, plain: Floats, ground: Ground, far: Floats) -> Floats:
    """The plain (rows, columns, 3) with the air of the distance in front of it."""
    veil = 0.42 * np.exp((scene.horizon - ground.vs) / 0.05)[..., None]
    return plain + np.minimum(veil, 0.42) * (0.85 * far - plain)


def stops(colours: list[Floats], share: float) -> Floats:
    """A colour on the way through `colours` as `share` goes from 0 to 1."""
    channels = np.stack(colours, 1)
    knots = np.linspace(0, 1, len(colours))
    return np.array([np.interp(share, knots, channel) for channel in channels], np.float32)
