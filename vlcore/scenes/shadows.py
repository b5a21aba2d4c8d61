"""The shadow of an animal of no particular kind.

A shadow that knew the object would give it away in the background, so a few bones that horse and camel have in common
are thrown on the ground, in the pose and heading that both share.
"""

from __future__ import annotations

import math

import numpy as np

from vlcore.scenes.animals.limbs import gait
from vlcore.scenes.factors import Scene
from vlcore.scenes.places.skies import SKIES, elevation
from vlcore.scenes.raster import Floats, clamp

FORWARD = 0.16  # of the size: neck and head reach out in front of the feet's middle
HEIGHT = 0.57  # of the size: at the withers
FLAT = 0.19  # how much of a length over the ground, away from the viewer, is seen
SOFT = 0.05  # width of a shadow's edge near the ground, in heights at the withers
LONGEST = 1.7  # how long a shadow may grow, in heights of what throws it

Point = tuple[float, float, float]


def shadow(scene: Scene, size: int) -> Floats:
    """How much light (size, size) the animal keeps from the ground: dim where it stands, dark where the sun throws
    its body, neck and legs."""
    dark: Floats = np.zeros((size, size), np.float32)
    x0, x1 = (max(0, min(size, round((scene.x + side * 1.3 * scene.size) * size))) for side in (-1, 1))
    y0 = max(0, round((scene.y - 0.3 * scene.size) * size))
    y1 = min(size, math.ceil((scene.y + 0.2 * scene.size) * size))
    us = (np.arange(x0, x1, dtype=np.float32)[None] + 0.5) / size
    vs = (np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5) / size
    # Over the ground, in heights at the withers: right of the feet's middle, and away from the viewer.
    cos, sin = math.cos(scene.heading), math.sin(scene.heading)
    across = (us - scene.x + cos * FORWARD * scene.size) / (HEIGHT * scene.size)
    away = (scene.y - vs) / (HEIGHT * FLAT * scene.size)
    throw = min(LONGEST, 1 / math.tan(elevation(scene)))
    drift = -throw * math.sin(scene.sun_azimuth), throw * math.cos(scene.sun_azimuth)

    def thrown(x: float, y: float, z: float) -> tuple[float, float]:
        return x * cos - z * sin + y * drift[0], y * drift[1] - x * sin - z * cos

    free = np.ones(np.broadcast_shapes(across.shape, away.shape), np.float32)
    for start, end, radius in bones(scene):
        soft = SOFT + 0.07 * (start[1] + end[1])  # the sun is wide: what is high up throws a softer edge
        far = distance(across, away, thrown(*start), thrown(*end)) - radius
        np.minimum(free, clamp(far / soft + 0.5), out=free)
    sky = SKIES[scene.sky]
    depth = min(0.62, 0.6 * scene.sun_strength * sky.sun[1] / sky.shade[1])
    under = ((across * cos - away * sin) / 0.64) ** 2 + ((away * cos + across * sin) / 0.38) ** 2
    contact = (0.62 if scene.pose == "lying" else 0.4) * np.clip(1.2 - under, 0, 1) ** 1.5
    dark[y0:y1, x0:x1] = 1 - (1 - depth * (1 - free)) * (1 - contact)
    return dark


def bones(scene: Scene) -> list[tuple[Point, Point, float]]:
    """Segments and their radius, in body coordinates."""
    if scene.pose == "lying":
        return [
            ((-0.34, 0.2, 0), (0.34, 0.2, 0), 0.22),
            ((0.36, 0.3, 0), (0.60, 0.62, 0), 0.09),
            ((0.60, 0.62, 0), (0.82, 0.52, 0), 0.06),
        ]
    down = scene.pose == "grazing"
    poll, nose = ((0.78, 0.35, 0.0), (0.84, 0.08, 0.0)) if down else ((0.66, 1.16, 0.0), (0.90, 1.02, 0.0))
    parts: list[tuple[Point, Point, float]] = [
        ((-0.34, 0.8, 0), (0.32, 0.78, 0), 0.2),
        ((0.36, 0.82, 0), poll, 0.1),
        (poll, nose, 0.06),
    ]
    for (fore, side), (swing, bend) in gait(scene).items():
        hip = 0.33 if fore else -0.33
        hoof = (hip + 0.72 * math.sin(swing), 0.04 + 0.12 * bend, 0.1 * side)
        parts.append(((hip, 0.7, 0.08 * side), hoof, 0.045))
    return parts


def distance(x: Floats, y: Floats, start: tuple[float, float], end: tuple[float, float]) -> Floats:
    """From points (x, y), which broadcast, to a segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    x, y = x - start[0], y - start[1]
    along = clamp((x * dx + y * dy) / (dx * dx + dy * dy + 1e-9))
    gap: Floats = np.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2)
    return gap
