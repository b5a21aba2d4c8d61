"""Sky, sun and the colour of daylight, which every background and every animal have in common.

The sky is a factor of its own, so it may colour both animal and ground without telling one of the
other.
"""

import dataclasses
import math

import numpy as np

from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup
from vlcore.scenes.raster import Floats

Colour = tuple[float, float, float]


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
