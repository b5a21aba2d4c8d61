"""Shared anatomy of horses and camels: torso, steps and folds of legs, turns of the head.

A pose turns the same joints of every animal by the same angles; an animal only says where its joints are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from vlcore.scenes.animals.skeleton import Body, shift, turn
from vlcore.scenes.factors import Scene

Joint = tuple[float, float]
At = Callable[[float, float, float], list[float]]


@dataclasses.dataclass(frozen=True)
class Build:
    """What a form changes."""

    girth: float
    legs: float  # length
    bone: float  # thickness of the legs
    neck: float  # thickness


@dataclasses.dataclass(frozen=True)
class Legs:
    """Six joints (x, y) from the body to the ground, standing, and their radii: shoulder or hip, elbow or stifle,
    knee or hock, middle of the cannon, fetlock, hoof."""

    fore: list[Joint]
    fore_radii: list[float]
    hind: list[Joint]
    hind_radii: list[float]
    apart: float  # left and right from the middle
    folded_fore: list[Joint]  # the same joints, lying
    folded_hind: list[Joint]


def profile(
    stations: Sequence[tuple[float, float, float]], girth: float, lift: float
) -> list[tuple[float, float, float]]:
    """Stations (x, top, bottom) of a torso as (x, y, radius); girth lets the belly down, not the back up."""
    half = [(x, top, (top - bottom) / 2 * girth) for x, top, bottom in stations]
    return [(x, top - radius + lift, radius) for x, top, radius in half]


def look_round(scene: Scene) -> float:
    """How far neck and head turn to the viewer (radians), never so far that the head is seen from the front."""
    if scene.pose != "looking":
        return 0.0
    towards = math.asin(math.sin(scene.heading))
    return math.copysign(min(0.9, max(0.0, 1.0 - towards)), math.cos(scene.heading))


def head_at(origin: Sequence[float], angle: float, yaw: float) -> At:
    """Head coordinates to body coordinates: `along` the nose, `over` it, and to the left, from the poll, for a head
    at an angle in degrees above the horizon that is turned by `yaw` (radians)."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def at(along: float, over: float, side: float) -> list[float]:
        forward, up = along * cos - over * sin, along * sin + over * cos
        ahead, left = math.cos(yaw), math.sin(yaw)
        return shift(origin, forward * ahead - side * left, up, forward * left + side * ahead)

    return at


def face(body: Body, scene: Scene, at: At, eye: Joint, nostril: Joint, width: float, brow: Sequence[Joint]) -> None:
    """Eyes and nostrils at (along, over), `width` from the middle, and the coat's star or blaze down the `brow`."""
    for side in (width, -width):
        body.chain([at(*eye, side), at(eye[0] + 0.012, eye[1], side)], [0.017, 0.015], tones=1.15, blend=0.004)
        nose = [at(*nostril, 0.6 * side), at(nostril[0] + 0.01, nostril[1] - 0.008, 0.6 * side)]
        body.chain(nose, [0.013, 0.01], tones=1, blend=0.01)
    if scene.blaze > 0.4:
        down = list(brow) if scene.blaze > 0.7 else list(brow)[:2]
        body.chain([at(*point, 0) for point in down], [0.027] * len(down), tones=-1.3, squash=0.8, blend=0.02)


def legs(body: Body, scene: Scene, build: Build, shape: Legs) -> None:
    """Four legs in the step of the scene's pose."""
    swings, low = gait(scene), low_tone(scene)
    tones = [0.0, 0.0, 0.4 * low, 0.85 * low, low, 0.5 + 0.5 * low]  # a dark hoof under points or socks
    for side in (1, -1):
        for fore, joints, radii, folded in (
            (True, shape.fore, shape.fore_radii, shape.folded_fore),
            (False, shape.hind, shape.hind_radii, shape.folded_hind),
        ):
            if scene.pose == "lying":
                spread = (0.7, 1.25, 1.35, 1.3, 1.2, 1.1) if fore else (0.6, 1.6, 1.7, 1.8, 1.8, 1.8)
                points = [[x, y, side * shape.apart * out] for (x, y), out in zip(folded, spread, strict=True)]
            else:
                points = leg(joints, *swings[fore, side], fore, side * shape.apart, build.legs - 1)
            sizes = [radius * (build.girth if i < 2 else build.bone**0.7) for i, radius in enumerate(radii)]
            body.chain(points, sizes, tones=tones, squash=0.78)
            heel, toe = sizes[-1], 0.78 * sizes[-1]  # radii
            tip = shift(points[-1], 0.01 if scene.pose == "lying" else 0.042, toe - heel, 0)
            body.chain([points[-1], tip], [heel, toe], tones=1, blend=0.03)


def leg(joints: list[Joint], swing: float, bend: float, fore: bool, side: float, lift: float) -> list[list[float]]:
    """Joints of one leg, swung from the shoulder or hip and folded at knee and fetlock (radians)."""
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
        "walking": (0.36, 0.7, {(False, 1): 0.0, (True, 1): 0.25, (False, -1): 0.5, (True, -1): 0.75}),
        "trotting": (0.48, 1.2, {(False, 1): 0.0, (True, -1): 0.0, (False, -1): 0.5, (True, 1): 0.5}),
    }.get(scene.pose, (0.11, 0.0, {(False, 1): 0.0, (True, 1): 0.3, (False, -1): 0.5, (True, -1): 0.8}))
    angles = {key: 2 * math.pi * (scene.stride + offset) for key, offset in offsets.items()}
    return {key: (reach * math.sin(angle), fold * max(0.0, math.cos(angle))) for key, angle in angles.items()}


def low_tone(scene: Scene) -> float:
    """Tone of lower legs and muzzle: dark points, or pale socks."""
    return -1.2 * (scene.socks - 0.6) / 0.4 if scene.socks > 0.6 else 0.8 * (1 - scene.socks)
