"""Horses and camels as posed skeletons wrapped in tapered capsules.

The one idea: an animal is a handful of chains (torso, neck and head, four legs, tail, and mane or humps). A pose only
turns joints; a form only changes lengths and radii; size is a scale. So the animals differ in shape and nothing else.

Coordinates of the body: x forward, y up from the ground, z to the animal's own left, in heights at the withers.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from vlcore.scenes.factors import Scene
from vlcore.scenes.skeleton import Body, Capsules, above, limb, shift, turn

Station = tuple[float, float, float]  # x, y, radius in the animal's middle plane


@dataclasses.dataclass(frozen=True)
class Build:
    """What a form changes."""

    girth: float
    legs: float  # length
    bone: float  # thickness of the legs
    neck: float  # thickness


@dataclasses.dataclass(frozen=True)
class Legs:
    """Joints (x, y) from the body to the ground, their radii, and how far left and right are from the middle."""

    fore: list[tuple[float, float]]
    fore_radii: list[float]
    hind: list[tuple[float, float]]
    hind_radii: list[float]
    apart: float


def animal(scene: Scene) -> Capsules:
    """The posed animal of a scene."""
    return horse(scene) if scene.object == "horse" else camel(scene)


# Chosen so that both animals cover the same area on average (tests/scenes/test_draw.py measures it).
HORSE_SCALE = 0.572
CAMEL_SCALE = 0.585


def horse(scene: Scene) -> Capsules:
    """Deep chest, belly rising to the flank, arched neck with a mane, long head, full tail."""
    build = horse_build(scene.form)
    body = Body()
    lift = build.legs - 1  # longer legs raise everything above them
    torso = profile(
        [
            (-0.36, 0.955, 0.64),
            (-0.26, 0.975, 0.58),
            (-0.06, 0.955, 0.53),
            (0.14, 0.96, 0.49),
            (0.27, 0.975, 0.485),
            (0.37, 0.90, 0.55),
        ],
        build.girth,
        lift,
    )
    body.chain([(x, y, 0) for x, y, _ in torso], [r for _, _, r in torso], squash=0.74)

    thick = build.neck
    angles, head = HORSE_NECK[scene.pose]
    yaw = look_round(scene)
    down = angles[0] < 0  # a lowered neck hangs from the chest, or the withers would look like a hump
    root = (0.33, (0.72 if down else 0.785) + lift, 0.0)
    neck = limb(root, angles, [0.23, 0.21, 0.19, 0.10], yaw)
    radii = [0.19 * thick, 0.155 * thick, 0.12 * thick, 0.092, 0.08]
    body.chain(neck, radii, squash=0.6, smooth=True)
    skull = limb(neck[-1], [head + 4, head - 2, head, head - 8], [0.06, 0.15, 0.13, 0.045], yaw)
    body.chain(skull, [0.082, 0.09, 0.06, 0.055, 0.048], tones=[0, 0, 0.1, 0.5, 0.7], squash=0.72)
    horse_hair(body, scene, neck, skull, radii, head, yaw)

    legs(body, scene, build, HORSE_LEGS)
    return body.capsules(HORSE_SCALE * scene.size / build.legs**0.5)


def horse_build(form: float) -> Build:
    """Light at 0, pony at 0.5, draft at 1, and everything between."""
    anchors = [0.0, 0.5, 1.0]
    return Build(
        girth=float(np.interp(form, anchors, [0.94, 1.04, 1.1])),
        legs=float(np.interp(form, anchors, [1.06, 0.93, 1.0])),
        bone=float(np.interp(form, anchors, [0.9, 1.0, 1.3])),
        neck=float(np.interp(form, anchors, [0.92, 1.05, 1.15])),
    )


HORSE_LEGS = Legs(
    fore=[(0.34, 0.72), (0.34, 0.56), (0.36, 0.31), (0.355, 0.10), (0.385, 0.035)],
    fore_radii=[0.14, 0.088, 0.047, 0.035, 0.046],
    hind=[(-0.35, 0.79), (-0.31, 0.60), (-0.46, 0.345), (-0.44, 0.10), (-0.405, 0.035)],
    hind_radii=[0.165, 0.13, 0.050, 0.037, 0.046],
    apart=0.105,
)
# Degrees above the horizon of the parts of the neck, and of the head.
HORSE_NECK: dict[str, tuple[list[float], float]] = {
    "standing": ([52, 50, 42, 20], -52),
    "alert": ([66, 64, 54, 26], -44),
    "walking": ([44, 42, 34, 14], -50),
    "trotting": ([58, 58, 46, 18], -60),
    "grazing": ([-20, -32, -38, -46], -82),
    "looking": ([56, 54, 46, 22], -50),
}


def horse_hair(
    body: Body,
    scene: Scene,
    neck: list[list[float]],
    skull: list[list[float]],
    radii: list[float],
    head: float,
    yaw: float,
) -> None:
    """Mane along the crest, forelock, ears, eye and tail."""
    crest = [above(neck, i, 0.9 * radii[i]) for i in range(1, len(neck))]
    forelock = limb(crest[-1], [head + 20, head], [0.07, 0.08], yaw)
    crest += forelock[1:]
    body.chain(crest, [0.03, 0.05, 0.052, 0.045, 0.042, 0.02], tones=0.9, squash=0.8, blend=0.05, smooth=True)
    for side in (1, -1):
        fall = [above(neck, i, 0.52 * radii[i]) for i in (1, 2, 3)]
        near = [shift(point, -0.01, 0, side * 0.58 * radii[i + 1]) for i, point in enumerate(fall)]
        body.chain(near, [0.03, 0.062, 0.05], tones=[0.5, 0.8, 0.9], squash=0.5, blend=0.05, smooth=True)
        ear = limb(shift(skull[0], 0.0, 0.06, side * 0.045), [head + 130, head + 118], [0.04, 0.08], yaw)
        body.chain(ear, [0.028, 0.028, 0.006], tones=[0, 0.2, 0.6], squash=0.8, blend=0.04)
        eye = shift(skull[1], 0.035, 0.03, side * 0.058)
        body.chain([eye, shift(eye, 0.012, -0.008, 0)], [0.016, 0.014], tones=1, blend=0.005)
    swish = 0.04 * math.sin(2 * math.pi * scene.stride)
    lift = horse_build(scene.form).legs - 1
    fly = 0.10 if scene.pose == "trotting" else 0.0
    dock = [
        (-0.49, 0.87 + lift, 0),
        (-0.56 - fly / 2, 0.82 + fly + lift, 0),
        (-0.61 - fly, 0.66 + fly, swish),
        (-0.61 - fly, 0.47 + fly, swish * 2),
        (-0.58 - fly, 0.29 + fly, swish * 2),
    ]
    tones = [0.4, 0.7, 0.8, 0.9, 1]
    body.chain(dock, [0.04, 0.045, 0.064, 0.062, 0.014], tones=tones, squash=0.8, blend=0.08, smooth=True)


def camel(scene: Scene) -> Capsules:
    """One or two humps, long swooping neck, small head with a big muzzle, long thin legs with knobbly knees."""
    two = scene.form >= 0.5
    stocky = 2 * scene.form - two  # 0 slender to 1 stocky, within one or two humps
    build = Build(0.95 + 0.14 * stocky, 1.03 - 0.08 * stocky, 0.95 + 0.25 * stocky, 0.92 + 0.2 * stocky)
    lift = build.legs - 1
    body = Body()
    torso = profile(
        [
            (-0.35, 0.96, 0.72),
            (-0.20, 1.0, 0.655),
            (0.0, 1.01, 0.60),
            (0.18, 1.0, 0.555),
            (0.30, 0.975, 0.56),
            (0.38, 0.92, 0.62),
        ],
        build.girth,
        lift,
    )
    body.chain([(x, y, 0) for x, y, _ in torso], [r for _, _, r in torso], squash=0.76)
    for centre, width, height in [(0.17, 0.15, 0.29), (-0.20, 0.15, 0.29)] if two else [(-0.03, 0.24, 0.33)]:
        hump(body, centre, 0.93 + lift, width * (0.95 + 0.1 * stocky), height * (0.9 + 0.2 * stocky))

    thick = build.neck
    angles, head = CAMEL_NECK[scene.pose]
    yaw = look_round(scene)
    neck = limb((0.40, 0.79 + lift, 0.0), angles, [0.17, 0.15, 0.15, 0.16, 0.16, 0.12], yaw)
    radii = [0.15 * thick, 0.115 * thick, 0.097 * thick, 0.087 * thick, 0.078 * thick, 0.07, 0.068]
    body.chain(neck, radii, tones=[0, 0.2, 0.45, 0.5, 0.5, 0.4, 0.3], squash=0.75, smooth=True)
    skull = limb(neck[-1], [head + 10, head, head - 4, head - 20], [0.05, 0.09, 0.10, 0.035], yaw)
    body.chain(skull, [0.072, 0.076, 0.056, 0.056, 0.046], tones=[0.2, 0, 0, -0.1, 0.4], squash=0.78, blend=0.04)
    camel_hair(body, scene, skull, head, yaw, lift)

    legs(body, scene, build, CAMEL_LEGS)
    return body.capsules(CAMEL_SCALE * scene.size)


CAMEL_LEGS = Legs(
    fore=[(0.31, 0.80), (0.29, 0.64), (0.30, 0.37), (0.30, 0.085), (0.335, 0.04)],
    fore_radii=[0.12, 0.075, 0.053, 0.034, 0.048],
    hind=[(-0.33, 0.86), (-0.27, 0.66), (-0.40, 0.40), (-0.37, 0.085), (-0.335, 0.04)],
    hind_radii=[0.14, 0.105, 0.050, 0.034, 0.048],
    apart=0.1,
)
CAMEL_NECK: dict[str, tuple[list[float], float]] = {
    "standing": ([-18, 8, 42, 66, 76, 74], -10),
    "alert": ([-6, 24, 58, 78, 84, 84], -2),
    "walking": ([-22, 0, 30, 52, 62, 62], -8),
    "trotting": ([-16, 6, 36, 58, 68, 66], -4),
    "grazing": ([-40, -46, -44, -34, -24, -16], -52),
    "looking": ([-16, 12, 46, 70, 80, 78], -10),
}


def hump(body: Body, centre: float, base: float, width: float, height: float) -> None:
    """A bell: wide in the back, a soft round top that is darker and leans back a little."""
    steps = [(0.0, 1.05), (0.32, 0.86), (0.62, 0.64), (0.86, 0.44)]
    points = [(centre - 0.05 * h * height, base - width * 0.35 + h * (height + width * 0.1), 0) for h, _ in steps]
    body.chain(points, [width * w for _, w in steps], tones=[0, 0.1, 0.5, 0.9], squash=0.72, blend=0.3)


def camel_hair(body: Body, scene: Scene, skull: list[list[float]], head: float, yaw: float, lift: float) -> None:
    """Small round ears, eye, thin tail with a tuft."""
    for side in (1, -1):
        ear = limb(shift(skull[0], -0.015, 0.05, side * 0.05), [head + 140, head + 130], [0.03, 0.04], yaw)
        body.chain(ear, [0.024, 0.026, 0.012], tones=[0, 0.3, 0.6], squash=0.8, blend=0.04)
        eye = shift(skull[1], 0.03, 0.03, side * 0.052)
        body.chain([eye, shift(eye, 0.012, -0.006, 0)], [0.016, 0.014], tones=1, blend=0.005)
    swish = 0.05 * math.sin(2 * math.pi * scene.stride)
    dock = [
        (-0.48, 0.90 + lift, 0),
        (-0.55, 0.82 + lift, 0),
        (-0.575, 0.66 + lift, swish),
        (-0.58, 0.55 + lift, swish * 2),
        (-0.575, 0.46 + lift, swish * 2),
    ]
    body.chain(dock, [0.036, 0.026, 0.02, 0.034, 0.012], tones=[0, 0.2, 0.5, 1, 1], squash=0.9, blend=0.03)


def profile(stations: list[tuple[float, float, float]], girth: float, lift: float) -> list[Station]:
    """Stations (x, top, bottom) of a torso as (x, y, radius); girth lets the belly down, not the back up."""
    half = [(x, top, (top - bottom) / 2 * girth) for x, top, bottom in stations]
    return [(x, top - radius + lift, radius) for x, top, radius in half]


def look_round(scene: Scene) -> float:
    """How far neck and head turn to the viewer, never so far that the head is seen from the front."""
    if scene.pose != "looking":
        return 0.0
    towards = math.asin(math.sin(scene.heading))
    return math.copysign(min(0.9, 1.0 - towards), math.cos(scene.heading))


def legs(body: Body, scene: Scene, build: Build, shape: Legs) -> None:
    """Four legs in the step of the scene's pose."""
    swings = gait(scene)
    for side in (1, -1):
        for fore, joints, radii in ((True, shape.fore, shape.fore_radii), (False, shape.hind, shape.hind_radii)):
            points = leg(joints, *swings[fore, side], fore, side * shape.apart, build.legs - 1)
            sizes = [radius * (build.girth if i < 2 else build.bone) for i, radius in enumerate(radii)]
            body.chain(points, sizes, tones=leg_tones(scene, len(points)), squash=0.75)


def leg(
    joints: list[tuple[float, float]], swing: float, bend: float, fore: bool, side: float, lift: float
) -> list[list[float]]:
    """Joints of one leg, swung from the shoulder or hip and folded at knee and fetlock (radians)."""
    points = [[x, y + lift * min(1.0, y / 0.6)] for x, y in joints]
    turn(points, 0, swing)
    turn(points, 2, -bend if fore else -0.8 * bend)
    if not fore:
        turn(points, 1, 0.5 * bend)
    turn(points, 3, -0.6 * bend)
    return [[x, y, side * out] for (x, y), out in zip(points, (0.6, 0.85, 1, 1, 1), strict=True)]


def gait(scene: Scene) -> dict[tuple[bool, int], tuple[float, float]]:
    """Swing and bend of each leg, keyed by (fore, side)."""
    reach, fold, offsets = {
        "walking": (0.36, 0.7, {(False, 1): 0.0, (True, 1): 0.25, (False, -1): 0.5, (True, -1): 0.75}),
        "trotting": (0.48, 1.2, {(False, 1): 0.0, (True, -1): 0.0, (False, -1): 0.5, (True, 1): 0.5}),
    }.get(scene.pose, (0.07, 0.0, {(False, 1): 0.0, (True, 1): 0.3, (False, -1): 0.5, (True, -1): 0.8}))
    angles = {key: 2 * math.pi * (scene.stride + offset) for key, offset in offsets.items()}
    return {key: (reach * math.sin(angle), fold * max(0.0, math.cos(angle))) for key, angle in angles.items()}


def leg_tones(scene: Scene, count: int) -> list[float]:
    """Coat above, then dark points or pale socks, and a dark hoof."""
    low = -1.2 * (scene.socks - 0.6) / 0.4 if scene.socks > 0.6 else 0.8 * (1 - scene.socks)
    return [0.0] * (count - 3) + [low * 0.5, low, 1.0]
