"""Chains of joints, and the tapered capsules that wrap them.

A chain is a row of stations, each a point with a radius and a tone; the skin is what spheres sweep
between stations.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.factors import Scene

Array = NDArray[np.float64]
Joint = tuple[float, float]  # x, y
Point = Sequence[float]  # x, y, z


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
    """Chains of stations, collected into capsules."""

    def __init__(self) -> None:
        self._chains: list[Array] = []  # (capsules, 12): start, end (x, y, z, radius, tone), ...

    def chain(
        self,
        points: Sequence[Point],
        radii: Sequence[float],
        *,
        tones: Sequence[float] | float = 0.0,
        squash: float = 1.0,
        blend: float = 0.12,
        smooth: bool = False,
    ) -> None:
        """Add the capsules between neighbours of `points`; `smooth` rounds the bends."""
        stations = np.empty((len(points), 5))
        stations[:, :3] = points
        stations[:, 3] = radii
        stations[:, 4] = tones
        if smooth:
            stations = refined(stations)
        skin = np.tile([squash, blend], (len(stations) - 1, 1))
        self._chains.append(np.hstack([stations[:-1], stations[1:], skin]))

    def capsules(self, scale: float) -> Capsules:
        """All capsules, the lowest of them standing on the ground, scaled by `scale`."""
        table = np.concatenate(self._chains)
        start, start_radius, start_tone = table[:, :3], table[:, 3], table[:, 4]
        end, end_radius, end_tone = table[:, 5:8], table[:, 8], table[:, 9]
        lowest = np.minimum(start[:, 1] - start_radius, end[:, 1] - end_radius).min()
        start[:, 1] -= lowest
        end[:, 1] -= lowest
        return Capsules(
            start=start * scale,
            end=end * scale,
            start_radius=start_radius * scale,
            end_radius=end_radius * scale,
            start_tone=start_tone,
            end_tone=end_tone,
            squash=table[:, 10],
            blend=table[:, 11] * scale,
        )


def refined(stations: Array) -> Array:
    """Stations (n, 5) with one more between each two, on the Catmull-Rom curve through them."""
    before = 2 * stations[:1] - stations[1:2]
    after = 2 * stations[-1:] - stations[-2:-1]
    padded = np.concatenate([before, stations, after])
    woven = np.empty((2 * len(stations) - 1, stations.shape[1]))
    woven[::2] = stations
    woven[1::2] = (9 * (padded[1:-2] + padded[2:-1]) - padded[:-3] - padded[3:]) / 16
    return woven


def turn(points: list[list[float]], joint: int, angle: float) -> None:
    """Turn what hangs below a joint; positive swings it forward."""
    x0, y0 = points[joint]
    cos, sin = math.cos(angle), math.sin(angle)
    for point in points[joint + 1 :]:
        dx, dy = point[0] - x0, point[1] - y0
        point[0] = x0 + cos * dx - sin * dy
        point[1] = y0 + sin * dx + cos * dy


def above(points: Sequence[Point], i: int, distance: float) -> Point:
    """The point at `distance` over joint i, square to the chain in the middle plane."""
    before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
    dx, dy = after[0] - before[0], after[1] - before[1]
    length = math.hypot(dx, dy) or 1.0
    x, y, z = points[i]
    return [x - dy / length * distance, y + dx / length * distance, z]


def shift(point: Point, dx: float, dy: float, dz: float) -> Point:
    return [point[0] + dx, point[1] + dy, point[2] + dz]


@dataclasses.dataclass(frozen=True)
class Build:
    """Proportions that a form changes."""

    girth: float
    legs: float  # length
    bone: float  # thickness of the legs
    neck: float  # thickness


@dataclasses.dataclass(frozen=True)
class Leg:
    """Six joints from the body to the ground: shoulder or hip, elbow or stifle, knee or hock,
    middle of the cannon, fetlock, hoof."""

    joints: list[Joint]  # standing
    radii: list[float]
    folded: list[Joint]  # the joints, lying


@dataclasses.dataclass(frozen=True)
class Legs:
    """The legs of an animal, left and right alike."""

    fore: Leg
    hind: Leg
    apart: float  # left and right from the middle


@dataclasses.dataclass(frozen=True)
class Head:
    """Coordinates of a head: along the nose, over it and to the left, from the poll."""

    poll: Point
    pitch: float  # of the nose, in degrees above the horizon
    yaw: float  # of a head that looks round, in radians

    def at(self, along: float, over: float, side: float = 0.0) -> Point:
        """A point of the head in body coordinates."""
        cos, sin = math.cos(math.radians(self.pitch)), math.sin(math.radians(self.pitch))
        forward = along * cos - over * sin
        up = along * sin + over * cos
        ahead, left = math.cos(self.yaw), math.sin(self.yaw)
        dx = forward * ahead - side * left
        dz = forward * left + side * ahead
        return shift(self.poll, dx, up, dz)

    def profile(self, joints: Sequence[Joint]) -> list[Point]:
        """Points (along, over) of the head's middle plane, in body coordinates."""
        return [self.at(along, over) for along, over in joints]


def torso(
    body: Body,
    stations: Sequence[tuple[float, float, float]],
    girth: float,
    lift: float,
    squash: float,
) -> None:
    """The skin around stations (x, top, bottom); girth lets the belly down, not the back up."""
    radii = [(top - bottom) / 2 * girth for _, top, bottom in stations]
    points = [
        (x, top - radius + lift, 0) for (x, top, _), radius in zip(stations, radii, strict=True)
    ]
    body.chain(points, radii, squash=squash)


def neck_and_head(
    scene: Scene, root: Point, lengths: list[float], angles: list[float], pitch: float
) -> tuple[list[Point], Head]:
    """Joints of a neck, and the head at its end.

    An animal that looks round turns to the viewer's side, the more the further out, but never so
    far that the head is seen from the front.

    Args:
        scene: The scene, for the pose and the heading.
        root: Where the neck begins.
        lengths: Of the parts of the neck.
        angles: Of the parts of the neck, in degrees above the horizon.
        pitch: Of the nose, in degrees above the horizon.
    """
    yaw = 0.0
    if scene.pose == "looking":
        towards = math.asin(math.sin(scene.heading))
        yaw = math.copysign(min(0.9, max(0.0, 1.0 - towards)), math.cos(scene.heading))
    points = [root]
    for i, (angle, length) in enumerate(zip(angles, lengths, strict=True)):
        turned = yaw * (i + 1) / len(angles)
        along = length * math.cos(math.radians(angle))
        rise = length * math.sin(math.radians(angle))
        points.append(shift(points[-1], along * math.cos(turned), rise, along * math.sin(turned)))
    return points, Head(points[-1], pitch, yaw)


def face(
    body: Body,
    scene: Scene,
    head: Head,
    *,
    eye: Joint,
    nostril: Joint,
    width: float,
    brow: list[Joint],
) -> None:
    """Eyes and nostrils at (along, over), `width` from the middle, and the coat's star or blaze
    down the `brow`."""
    for side in (width, -width):
        eyeball = [head.at(*eye, side), head.at(eye[0] + 0.012, eye[1], side)]
        body.chain(eyeball, [0.017, 0.015], tones=1.15, blend=0.004)
        nose = [
            head.at(*nostril, 0.6 * side),
            head.at(nostril[0] + 0.01, nostril[1] - 0.008, 0.6 * side),
        ]
        body.chain(nose, [0.013, 0.01], tones=1, blend=0.01)
    if scene.blaze > 0.4:
        blaze = brow if scene.blaze > 0.7 else brow[:2]
        radii = [0.027] * len(blaze)
        body.chain(head.profile(blaze), radii, tones=-1.3, squash=0.8, blend=0.02)


# How far the joints of a folded leg lie from the middle, as a share of `Legs.apart`.
FOLDED_FORE = (0.7, 1.25, 1.35, 1.3, 1.2, 1.1)
FOLDED_HIND = (0.6, 1.6, 1.7, 1.8, 1.8, 1.8)


def add_legs(body: Body, scene: Scene, build: Build, legs: Legs) -> None:
    """Four legs in the step of the scene's pose."""
    steps = gait(scene)
    low = low_tone(scene)
    # A dark hoof under points or socks.
    tones = [0.0, 0.0, 0.4 * low, 0.85 * low, low, 0.5 + 0.5 * low]
    lying = scene.pose == "lying"
    for side in (1, -1):
        for fore, leg in ((True, legs.fore), (False, legs.hind)):
            apart = side * legs.apart
            if lying:
                spread = FOLDED_FORE if fore else FOLDED_HIND
                points = [
                    [x, y, apart * share] for (x, y), share in zip(leg.folded, spread, strict=True)
                ]
            else:
                swing, bend = steps[fore, side]
                points = swung_leg(leg.joints, swing, bend, fore, apart, build.legs - 1)
            thickness = build.bone**0.7
            radii = [
                radius * (build.girth if i < 2 else thickness) for i, radius in enumerate(leg.radii)
            ]
            body.chain(points, radii, tones=tones, squash=0.78)
            heel, toe = radii[-1], 0.78 * radii[-1]
            tip = shift(points[-1], 0.01 if lying else 0.042, toe - heel, 0)
            body.chain([points[-1], tip], [heel, toe], tones=1, blend=0.03)


def swung_leg(
    joints: list[Joint], swing: float, bend: float, fore: bool, apart: float, lift: float
) -> list[list[float]]:
    """Joints of one leg, swung from the shoulder or hip and folded at knee and fetlock
    (radians)."""
    points = [[x, y + lift * min(1.0, y / 0.6)] for x, y in joints]
    turn(points, 0, swing)
    turn(points, 2, -bend if fore else -0.8 * bend)
    if not fore:
        turn(points, 1, 0.5 * bend)
    turn(points, 4, -0.6 * bend)
    spread = (0.6, 0.85, 1, 1, 1, 1)
    return [[x, y, apart * share] for (x, y), share in zip(points, spread, strict=True)]


@dataclasses.dataclass(frozen=True)
class Gait:
    """How the legs of a pose move."""

    swing: float  # the furthest that a leg swings, in radians
    bend: float  # the furthest that a knee folds, in radians
    # Where in the step each leg is, as a share of a cycle; a leg is (fore, side), left is 1.
    offsets: dict[tuple[bool, int], float]


STANDING = Gait(0.11, 0.0, {(False, 1): 0.0, (True, 1): 0.3, (False, -1): 0.5, (True, -1): 0.8})
GAITS = {
    "walking": Gait(
        0.36, 0.7, {(False, 1): 0.0, (True, 1): 0.25, (False, -1): 0.5, (True, -1): 0.75}
    ),
    "trotting": Gait(
        0.48, 1.2, {(False, 1): 0.0, (True, -1): 0.0, (False, -1): 0.5, (True, 1): 0.5}
    ),
}


def gait(scene: Scene) -> dict[tuple[bool, int], tuple[float, float]]:
    """Swing and bend of each leg (radians), keyed by (fore, side)."""
    kind = GAITS.get(scene.pose, STANDING)
    steps = {}
    for leg, offset in kind.offsets.items():
        angle = 2 * math.pi * (scene.stride + offset)
        steps[leg] = (kind.swing * math.sin(angle), kind.bend * max(0.0, math.cos(angle)))
    return steps


def low_tone(scene: Scene) -> float:
    """Tone of lower legs and muzzle: dark points, or pale socks."""
    return -1.2 * (scene.socks - 0.6) / 0.4 if scene.socks > 0.6 else 0.8 * (1 - scene.socks)
