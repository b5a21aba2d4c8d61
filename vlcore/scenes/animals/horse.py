"""The horse: deep chest, belly rising to the flank, arched neck with a mane, long head, full
tail."""

import math

import numpy as np

from vlcore.scenes.animals.skeleton import (
    Body,
    Build,
    Head,
    Leg,
    Legs,
    Point,
    above,
    add_legs,
    face,
    low_tone,
    neck_and_head,
    shift,
    torso,
)
from vlcore.scenes.factors import Scene

TORSO = (  # x, top, bottom
    (-0.37, 0.945, 0.66),
    (-0.28, 0.985, 0.60),
    (-0.10, 0.955, 0.545),
    (0.10, 0.955, 0.495),
    (0.25, 0.99, 0.485),
    (0.36, 0.90, 0.54),
)
LEGS = Legs(
    fore=Leg(
        joints=[
            (0.33, 0.73),
            (0.32, 0.56),
            (0.345, 0.325),
            (0.335, 0.22),
            (0.34, 0.105),
            (0.375, 0.045),
        ],
        radii=[0.14, 0.085, 0.044, 0.029, 0.036, 0.036],
        folded=[
            (0.34, 0.26),
            (0.28, 0.11),
            (0.50, 0.055),
            (0.40, 0.045),
            (0.30, 0.04),
            (0.25, 0.04),
        ],
    ),
    hind=Leg(
        joints=[
            (-0.34, 0.79),
            (-0.26, 0.60),
            (-0.455, 0.37),
            (-0.445, 0.24),
            (-0.435, 0.105),
            (-0.395, 0.045),
        ],
        radii=[0.17, 0.125, 0.050, 0.031, 0.037, 0.036],
        folded=[
            (-0.34, 0.28),
            (-0.10, 0.16),
            (-0.34, 0.055),
            (-0.24, 0.045),
            (-0.12, 0.04),
            (-0.06, 0.04),
        ],
    ),
    apart=0.115,
)
DROP = 0.47  # how far a lying horse sinks
# By pose: degrees above the horizon of the parts of the neck, and of the nose.
NECK: dict[str, tuple[list[float], float]] = {
    "standing": ([46, 46, 40, 24], -54),
    "alert": ([62, 60, 52, 30], -44),
    "walking": ([38, 36, 30, 14], -50),
    "trotting": ([54, 54, 46, 22], -60),
    "grazing": ([-20, -32, -38, -46], -82),
    "looking": ([52, 50, 44, 24], -50),
    "lying": ([54, 52, 44, 22], -52),
}


def horse(scene: Scene) -> Body:
    """The posed horse in body coordinates."""
    build = horse_build(scene.form)
    body = Body()
    # Longer legs raise everything above them.
    lift = build.legs - 1 - (DROP if scene.pose == "lying" else 0)
    torso(body, TORSO, build.girth, lift, squash=0.74)
    angles, pitch = NECK[scene.pose]
    # A lowered neck hangs from the chest, or the withers would look like a hump.
    root = (0.33, (0.72 if angles[0] < 0 else 0.775) + lift, 0.0)
    neck, head = neck_and_head(scene, root, [0.20, 0.18, 0.17, 0.11], angles, pitch)
    radii = [0.2 * build.neck, 0.165 * build.neck, 0.128 * build.neck, 0.10, 0.078]
    body.chain(neck, radii, squash=0.58, smooth=True)
    horse_head(body, scene, head)
    mane(body, neck, radii, head)
    horse_tail(body, scene, build.legs - 1)
    add_legs(body, scene, build, LEGS)
    return body


def horse_build(form: float) -> Build:
    """Light at 0, pony at 0.5, draft at 1, and everything between."""

    def between(light: float, pony: float, draft: float) -> float:
        return float(np.interp(form, [0.0, 0.5, 1.0], [light, pony, draft]))

    return Build(
        girth=between(0.94, 1.04, 1.1),
        legs=between(1.06, 0.93, 1.0),
        bone=between(0.9, 1.0, 1.3),
        neck=between(0.92, 1.05, 1.15),
    )


def horse_head(body: Body, scene: Scene, head: Head) -> None:
    """Long wedge with a round cheek, soft muzzle and two pointed ears."""
    muzzle = 0.8 * low_tone(scene)
    nose = [(-0.01, 0.0), (0.09, 0.005), (0.21, -0.005), (0.315, -0.012), (0.365, -0.022)]
    body.chain(
        head.profile(nose),
        [0.072, 0.08, 0.06, 0.046, 0.044],
        tones=[0, 0, 0, muzzle, muzzle],
        squash=0.66,
        blend=0.05,
    )
    cheek = [(0.05, -0.055), (0.13, -0.06), (0.24, -0.035), (0.345, -0.05)]
    body.chain(
        head.profile(cheek),
        [0.06, 0.062, 0.04, 0.03],
        tones=[0, 0, 0, muzzle],
        squash=0.7,
        blend=0.05,
    )
    face(
        body,
        scene,
        head,
        eye=(0.10, 0.03),
        nostril=(0.365, 0.0),
        width=0.046,
        brow=[(0.07, 0.062), (0.11, 0.062), (0.31, 0.014)],
    )
    slant = math.radians(100 - head.pitch)  # of the ears, against the nose
    root = (-0.035, 0.055)
    tip = (root[0] + 0.12 * math.cos(slant), root[1] + 0.12 * math.sin(slant))
    middle = ((root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2)
    for side in (1, -1):
        ear = [
            head.at(*root, side * 0.036),
            head.at(*middle, side * 0.05),
            head.at(*tip, side * 0.045),
        ]
        body.chain(ear, [0.024, 0.026, 0.005], tones=[0, 0.15, 0.6], squash=0.8, blend=0.04)


def mane(body: Body, neck: list[Point], radii: list[float], head: Head) -> None:
    """Hair along the crest that falls to both sides in locks, and a forelock between the ears."""
    joints = range(1, len(neck))
    crest = [above(neck, i, 0.92 * radii[i]) for i in joints]
    crest += head.profile([(0.02, 0.07), (0.10, 0.072)])
    body.chain(
        crest,
        [0.035, 0.048, 0.048, 0.045, 0.034, 0.012],
        tones=0.9,
        squash=0.75,
        blend=0.05,
        smooth=True,
    )
    for side in (1, -1):
        fall = [
            shift(above(neck, i, 0.48 * radii[i]), -0.01, 0, side * 0.54 * radii[i]) for i in joints
        ]
        body.chain(
            fall, [0.055, 0.062, 0.056, 0.045], tones=0.75, squash=0.55, blend=0.06, smooth=True
        )
        for point, length in zip(fall, (0.10, 0.135, 0.09, 0.12), strict=True):
            tip = shift(point, -0.35 * length, -length, side * 0.012)
            body.chain([point, tip], [0.05, 0.012], tones=[0.75, 0.9], squash=0.5, blend=0.04)


def horse_tail(body: Body, scene: Scene, lift: float) -> None:
    """A full tail from the croup, out behind at the trot, on the ground when lying."""
    swish = 0.04 * math.sin(2 * math.pi * scene.stride)
    if scene.pose == "lying":
        hairs = [(-0.50, 0.38), (-0.58, 0.30), (-0.63, 0.18), (-0.68, 0.09), (-0.80, 0.03)]
        points = [(x, y + lift, swish * i) for i, (x, y) in enumerate(hairs)]
    else:
        fly = 0.12 if scene.pose == "trotting" else 0.0
        points = [
            (-0.50, 0.88 + lift, 0),
            (-0.56 - fly / 2, 0.83 + fly / 2 + lift, 0),
            (-0.60 - fly, 0.68 + 0.8 * fly, swish),
            (-0.595 - 1.2 * fly, 0.47 + fly, swish * 2),
            (-0.56 - 1.4 * fly, 0.24 + fly, swish * 2),
        ]
    body.chain(
        points,
        [0.035, 0.045, 0.06, 0.062, 0.012],
        tones=[0.5, 0.8, 0.8, 0.9, 1],
        squash=0.8,
        blend=0.08,
        smooth=True,
    )
