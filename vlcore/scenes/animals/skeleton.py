"""Chains of joints, and the tapered capsules that wrap them.

A chain is a row of stations, each a point with a radius and a tone; the skin is what the spheres sweep from one station
to the next.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Capsules:
    """n tapered capsules; `squash` flattens each sideways, `tone` runs from -1 pale through 0 coat to 1 dark points,
    `blend` is the depth over which a capsule melts into what it meets."""

    start: Array  # (n, 3)
    end: Array  # (n, 3)
    start_radius: Array  # (n,)
    end_radius: Array  # (n,)
    start_tone: Array  # (n,)
    end_tone: Array  # (n,)
    squash: Array  # (n,)
    blend: Array  # (n,)


class Body:
    """Collects chains of stations and hands them out as capsules."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, ...]] = []

    def chain(
        self,
        points: Sequence[Sequence[float]],
        radii: Sequence[float],
        *,
        tones: Sequence[float] | float = 0.0,
        squash: float = 1.0,
        blend: float = 0.12,
        smooth: bool = False,
    ) -> None:
        """Add the capsules between neighbours of `points`, each (x, y, z); `smooth` rounds the bends."""
        tone = [float(tones)] * len(points) if isinstance(tones, int | float) else tones
        stations = [(*at, radius, t) for at, radius, t in zip(points, radii, tone, strict=True)]
        for here, there in itertools.pairwise(refined(stations) if smooth else stations):
            self._rows.append((*here[:3], *there[:3], here[3], there[3], here[4], there[4], squash, blend))

    def capsules(self, scale: float) -> Capsules:
        """All capsules, the lowest of them standing on the ground, scaled by `scale`."""
        table = np.array(self._rows)
        ends = table[:, :6].reshape(-1, 2, 3)
        radii = table[:, 6:8]
        ends[..., 1] -= (ends[..., 1] - radii).min()
        radii = radii * scale
        ends = ends * scale
        tones, squash, blend = table[:, 8:10], table[:, 10], table[:, 11] * scale
        return Capsules(ends[:, 0], ends[:, 1], radii[:, 0], radii[:, 1], tones[:, 0], tones[:, 1], squash, blend)


def refined(stations: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Stations with one more between each two, on the Catmull-Rom curve through them."""
    table = np.array(stations)
    padded = np.concatenate([2 * table[:1] - table[1:2], table, 2 * table[-1:] - table[-2:-1]])
    between = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
    woven = np.empty((2 * len(table) - 1, table.shape[1]))
    woven[::2], woven[1::2] = table, between
    return [tuple(row) for row in woven.tolist()]


def limb(root: Sequence[float], angles: list[float], lengths: list[float], yaw: float) -> list[list[float]]:
    """Joints of a chain from `root`, each part at an angle in degrees above the horizon; the further out, the more
    of `yaw` (radians) it is turned to the viewer's side."""
    points = [list(root)]
    for i, (angle, length) in enumerate(zip(angles, lengths, strict=True)):
        turn = yaw * (i + 1) / len(angles)
        along = length * math.cos(math.radians(angle))
        x, y, z = points[-1]
        rise = length * math.sin(math.radians(angle))
        points.append([x + along * math.cos(turn), y + rise, z + along * math.sin(turn)])
    return points


def turn(points: list[list[float]], joint: int, angle: float) -> None:
    """Turn what hangs below a joint; positive swings it forward."""
    x0, y0 = points[joint]
    cos, sin = math.cos(angle), math.sin(angle)
    for point in points[joint + 1 :]:
        dx, dy = point[0] - x0, point[1] - y0
        point[0], point[1] = x0 + cos * dx - sin * dy, y0 + sin * dx + cos * dy


def above(points: list[list[float]], i: int, distance: float) -> list[float]:
    """The point at `distance` over joint i, square to the chain in the middle plane."""
    before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
    dx, dy = after[0] - before[0], after[1] - before[1]
    length = math.hypot(dx, dy) or 1.0
    x, y, z = points[i]
    return [x - dy / length * distance, y + dx / length * distance, z]


def shift(point: Sequence[float], dx: float, dy: float, dz: float) -> list[float]:
    return [point[0] + dx, point[1] + dy, point[2] + dz]
