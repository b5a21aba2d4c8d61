"""Sky, sun and daylight, and the terrain below: ridges, a plain in perspective, relief that catches
the sun.

The sky is a factor of its own, so it may colour both animal and ground without telling one of the
other. Contexts read the same factors here, so a change of context keeps the horizon, the ridges and
the grain of the ground, and changes what they are made of."""

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup
from vlcore.scenes.raster import Floats, soft_edge

Colour = tuple[float, float, float]
# Of the far ridge, the middle ridge and the line where the plain begins: how far they rise over
# the horizon, and how far below it they start.
REACH = (0.13, 0.09, 0.02)
BASE = (0.0, 0.012, 0.03)


def light(*colour: int) -> Floats:
    """An sRGB colour as light (gamma 2)."""
    return (np.array(colour, np.float32) / 255) ** 2


def lights(*colours: tuple[int, int, int]) -> list[Floats]:
    return [light(*colour) for colour in colours]


@dataclasses.dataclass(frozen=True)
class Sky:
    """A time of day and its weather."""

    zenith: Floats
    horizon: Floats
    cloud: Floats
    day: Colour  # what daylight does to the land
    sun: Colour  # direct light
    shade: Colour  # light from the whole sky
    low: float = 1.0  # how far the sun's elevation shrinks


SKY_LIGHTS = {
    "clear": Sky(
        zenith=light(62, 126, 204),
        horizon=light(186, 214, 236),
        cloud=light(255, 255, 255),
        day=(1, 1, 0.98),
        sun=(1, 0.95, 0.86),
        shade=(0.88, 0.96, 1.1),
    ),
    "deep": Sky(
        zenith=light(38, 88, 168),
        horizon=light(150, 190, 226),
        cloud=light(250, 250, 252),
        day=(1, 1, 0.98),
        sun=(1.05, 0.98, 0.86),
        shade=(0.8, 0.92, 1.1),
    ),
    "pale": Sky(
        zenith=light(132, 176, 216),
        horizon=light(222, 232, 238),
        cloud=light(255, 255, 255),
        day=(1, 0.99, 0.97),
        sun=(0.9, 0.87, 0.8),
        shade=(1, 1.02, 1.08),
    ),
    "dawn": Sky(
        zenith=light(104, 130, 188),
        horizon=light(250, 214, 180),
        cloud=light(255, 226, 204),
        day=(1, 0.92, 0.84),
        sun=(1.08, 0.86, 0.62),
        shade=(0.98, 0.92, 0.98),
        low=0.6,
    ),
    "dusk": Sky(
        zenith=light(74, 84, 146),
        horizon=light(246, 166, 112),
        cloud=light(250, 190, 160),
        day=(0.88, 0.75, 0.69),
        sun=(1.1, 0.74, 0.5),
        shade=(0.84, 0.78, 0.98),
        low=0.45,
    ),
    "overcast": Sky(
        zenith=light(138, 152, 168),
        horizon=light(208, 214, 218),
        cloud=light(228, 232, 236),
        day=(0.84, 0.87, 0.9),
        sun=(0.45, 0.45, 0.45),
        shade=(1.3, 1.34, 1.4),
    ),
}


def daylight(scene: Scene) -> tuple[Floats, Floats]:
    """What daylight does to the land (3,), and the far air (3,) as if it did nothing."""
    day = np.array(SKY_LIGHTS[scene.sky].day, np.float32)
    return day, SKY_LIGHTS[scene.sky].horizon / day


def elevation(scene: Scene) -> float:
    """Height of the sun (radians): the scene's own, lower at dawn and dusk."""
    return scene.sun_elevation * SKY_LIGHTS[scene.sky].low


def sun_direction(scene: Scene) -> tuple[float, float, float]:
    """Unit vector to the sun: right, up, towards the viewer."""
    flat = math.cos(elevation(scene))
    right = flat * math.sin(scene.sun_azimuth)
    front = flat * math.cos(scene.sun_azimuth)
    return right, math.sin(elevation(scene)), front


def sky(scene: Scene, us: Floats, vs: Floats) -> Floats:
    """Rows of sky (rows, columns, 3): a gradient, and clouds that flatten towards the horizon."""
    kind = SKY_LIGHTS[scene.sky]
    height = np.clip(vs / scene.horizon, 0, 1)[:, None, None]  # 0 top, 1 horizon
    air = kind.zenith + (kind.horizon - kind.zenith) * height**1.5
    lift = 1.15 - height[..., 0]
    shift = scene.cloud_seed % 65536
    x = shift + (us[None] - 0.5) * 34 / (lift + 0.35)
    y = shift // 256 + 58 / (lift + 0.35) + 0 * us[None]
    billow = lookup("clouds", x, y)
    lit = lookup("clouds", x - 4 * math.sin(scene.sun_azimuth), y - 4)
    dense = np.clip((billow + 1.6 * scene.clouds - 1.25) * 1.3, 0, 1)
    amount = dense * np.clip(lift * 3 - 0.4, 0, 1)
    smooth = amount * amount * (3 - 2 * amount)
    tone = kind.cloud * (0.86 + 0.10 * np.clip(billow - lit, -1, 1))[..., None]
    return air + smooth[..., None] * (tone - air)


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
