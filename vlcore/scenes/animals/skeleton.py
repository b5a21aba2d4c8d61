"""Chains of joints, and the tapered capsules that wrap them.

A chain is a row of stations, each a point with a radius and a tone; the skin is what spheres sweep
between stations.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.factors import Scene

Array = NDArray[np.float64]
Joint = tuple[float, float]
Point = tuple[float, float, float]
At = Callable[[float, float, float], list[float]]


@dataclasses.dataclass(frozen=True)
class Capsules:
    """n tapered capsules; `squash` flattens each sideways, `tone` runs from -1 pale through 0 coat
    to 1 dark points, `blend` is the depth over which a capsule melts into what it meets."""

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
        """Add the capsules between neighbours of `points`, each (x, y, z); `smooth` rounds the
        bends."""
        tone = [float(tones)] * len(points) if isinstance(tones, int | float) else tones
        stations = [(*at, radius, t) for at, radius, t in zip(points, radii, tone, strict=True)]
        for here, there in itertools.pairwise(refined(stations) if smooth else stations):
            self._rows.append(
                (*here[:3], *there[:3], here[3], there[3], here[4], there[4], squash, blend)
            )

    def capsules(self, scale: float) -> Capsules:
        """All capsules, the lowest of them standing on the ground, scaled by `scale`."""
        table = np.array(self._rows)
        ends = table[:, :6].reshape(-1, 2, 3)
        radii = table[:, 6:8]
        ends[..., 1] -= (ends[..., 1] - radii).min()
        ends, radii = ends * scale, radii * scale
        tones, squash, blend = table[:, 8:10], table[:, 10], table[:, 11] * scale
        return Capsules(
            ends[:, 0],
            ends[:, 1],
            radii[:, 0],
            radii[:, 1],
            tones[:, 0],
            tones[:, 1],
            squash,
            blend,
        )


def refined(stations: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Stations with one more between each two, on the Catmull-Rom curve through them."""
    table = np.array(stations)
    padded = np.concatenate([2 * table[:1] - table[1:2], table, 2 * table[-1:] - table[-2:-1]])
    between = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
    woven = np.empty((2 * len(table) - 1, table.shape[1]))
    woven[::2], woven[1::2] = table, between
    return [tuple(row) for row in woven.tolist()]


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


@dataclasses.dataclass(frozen=True)
class Build:
    """What a form changes."""

    girth: float
    legs: float  # length
    bone: float  # thickness of the legs
    neck: float  # thickness


@dataclasses.dataclass(frozen=True)
class Legs:
    """Six joints (x, y) from the body to the ground, standing, and their radii: shoulder or hip,
    elbow or stifle, knee or hock, middle of the cannon, fetlock, hoof."""

    fore: list[Joint]
    fore_radii: list[float]
    hind: list[Joint]
    hind_radii: list[float]
    apart: float  # left and right from the middle
    folded_fore: list[Joint]  # the same joints, lying
    folded_hind: list[Joint]


def torso(body: Body, stations: Sequence[Point], girth: float, lift: float, squash: float) -> None:
    """The skin around stations (x, top, bottom); girth lets the belly down, not the back up."""
    radii = [(top - bottom) / 2 * girth for _, top, bottom in stations]
    points = [
        (x, top - radius + lift, 0) for (x, top, _), radius in zip(stations, radii, strict=True)
    ]
    body.chain(points, radii, squash=squash)


def neck_and_head(
    scene: Scene, root: Sequence[float], lengths: list[float], angles: list[float], head: float
) -> tuple[list[list[float]], At]:
    """Joints of a neck from `root`, each part at an angle in degrees above the horizon, and what
    turns coordinates of the head (`along` the nose, `over` it, and to the left, from the poll; at
    the angle `head`) into those of the body. An animal that looks round turns to the viewer's side,
    the more the further out, but never so far that the head is seen from the front."""
    yaw = 0.0
    if scene.pose == "looking":
        towards = math.asin(math.sin(scene.heading))
        yaw = math.copysign(min(0.9, max(0.0, 1.0 - towards)), math.cos(scene.heading))
    points = [list(root)]
    for i, (angle, length) in enumerate(zip(angles, lengths, strict=True)):
        turned = yaw * (i + 1) / len(angles)
        along = length * math.cos(math.radians(angle))
        rise = length * math.sin(math.radians(angle))
        points.append(shift(points[-1], along * math.cos(turned), rise, along * math.sin(turned)))
    cos, sin = math.cos(math.radians(head)), math.sin(math.radians(head))

    def at(along: float, over: float, side: float) -> list[float]:
        forward, up = along * cos - over * sin, along * sin + over * cos
        ahead, left = math.cos(yaw), math.sin(yaw)
        return shift(points[-1], forward * ahead - side * left, up, forward * left + side * ahead)

    return points, at


def face(
    body: Body,
    scene: Scene,
    at: At,
    eye: Joint,
    nostril: Joint,
    width: float,
    brow: Sequence[Joint],
) -> None:
    """Eyes and nostrils at (along, over), `width` from the middle, and the coat's star or blaze
    down the `brow`."""
    for side in (width, -width):
        body.chain(
            [at(*eye, side), at(eye[0] + 0.012, eye[1], side)],
            [0.017, 0.015],
            tones=1.15,
            blend=0.004,
        )
        nose = [at(*nostril, 0.6 * side), at(nostril[0] + 0.01, nostril[1] - 0.008, 0.6 * side)]
        body.chain(nose, [0.013, 0.01], tones=1, blend=0.01)
    if scene.blaze > 0.4:
        down = list(brow) if scene.blaze > 0.7 else list(brow)[:2]
        body.chain(
            [at(*point, 0) for point in down],
            [0.027] * len(down),
            tones=-1.3,
            squash=0.8,
            blend=0.02,
        )


def legs(body: Body, scene: Scene, build: Build, shape: Legs) -> None:
    """Four legs in the step of the scene's pose."""
    swings, low = gait(scene), low_tone(scene)
    tones = [
        0.0,
        0.0,
        0.4 * low,
        0.85 * low,
        low,
        0.5 + 0.5 * low,
    ]  # a dark hoof under points or socks
    for side in (1, -1):
        for fore, joints, radii, folded in (
            (True, shape.fore, shape.fore_radii, shape.folded_fore),
            (False, shape.hind, shape.hind_radii, shape.folded_hind),
        ):
            if scene.pose == "lying":
                spread = (
                    (0.7, 1.25, 1.35, 1.3, 1.2, 1.1) if fore else (0.6, 1.6, 1.7, 1.8, 1.8, 1.8)
                )
                points = [
                    [x, y, side * shape.apart * out]
                    for (x, y), out in zip(folded, spread, strict=True)
                ]
            else:
                points = leg(joints, *swings[fore, side], fore, side * shape.apart, build.legs - 1)
            sizes = [
                radius * (build.girth if i < 2 else build.bone**0.7)
                for i, radius in enumerate(radii)
            ]
            body.chain(points, sizes, tones=tones, squash=0.78)
            heel, toe = sizes[-1], 0.78 * sizes[-1]  # radii
            tip = shift(points[-1], 0.01 if scene.pose == "lying" else 0.042, toe - heel, 0)
            body.chain([points[-1], tip], [heel, toe], tones=1, blend=0.03)


def leg(
    joints: list[Joint], swing: float, bend: float, fore: bool, side: float, lift: float
) -> list[list[float]]:
    """Joints of one leg, swung from the shoulder or hip and folded at knee and fetlock
    (radians)."""
    points = [[x, y + lift * min(1.0, y / 0.6)] for x, y in joints]
    turn(points, 0, swing)
    turn(points, 2, -bend if fore else -0.8 * bend)
    if not fore:
        turn(points, 1, 0.5 * bend)
    turn(points, 4, -0.6 * bend)
    return [[x, y, side * out] for (x, y), out in zip(points, (0.6, 0.85, 1, 1, 1, 1), strict=True)]


def gait(scene: Scene) -> dict[tuple[bool, int], tuple[float, float]]:
    """Swing and bend of each leg (radians), keyed by (fore, side)."""
    reach, fold, offsets = {
        "walking": (
            0.36,
            0.7,
            {(False, 1): 0.0, (True, 1): 0.25, (False, -1): 0.5, (True, -1): 0.75},
        ),
        "trotting": (
            0.48,
            1.2,
            {(False, 1): 0.0, (True, -1): 0.0, (False, -1): 0.5, (True, 1): 0.5},
        ),
    }.get(
        scene.pose,
        (0.11, 0.0, {(False, 1): 0.0, (True, 1): 0.3, (False, -1): 0.5, (True, -1): 0.8}),
    )
    angles = {key: 2 * math.pi * (scene.stride + offset) for key, offset in offsets.items()}
    return {
        key: (reach * math.sin(angle), fold * max(0.0, math.cos(angle)))
        for key, angle in angles.items()
    }


def low_tone(scene: Scene) -> float:
    """Tone of lower legs and muzzle: dark points, or pale socks."""
    return -1.2 * (scene.socks - 0.6) / 0.4 if scene.socks > 0.6 else 0.8 * (1 - scene.socks)
