"""The horse: deep chest, belly rising to the flank, arched neck with a mane, long head, full
tail."""

import math

import numpy as np

from vlcore.scenes.animals import skeleton
from vlcore.scenes.animals.skeleton import (
    At,
    Body,
    Build,
    Legs,
    above,
    face,
    legs,
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
    fore=[(0.33, 0.73), (0.32, 0.56), (0.345, 0.325), (0.335, 0.22), (0.34, 0.105), (0.375, 0.045)],
    fore_radii=[0.14, 0.085, 0.044, 0.029, 0.036, 0.036],
    hind=[
        (-0.34, 0.79),
        (-0.26, 0.60),
        (-0.455, 0.37),
        (-0.445, 0.24),
        (-0.435, 0.105),
        (-0.395, 0.045),
    ],
    hind_radii=[0.17, 0.125, 0.050, 0.031, 0.037, 0.036],
    apart=0.115,
    folded_fore=[
        (0.34, 0.26),
        (0.28, 0.11),
        (0.50, 0.055),
        (0.40, 0.045),
        (0.30, 0.04),
        (0.25, 0.04),
    ],
    folded_hind=[
        (-0.34, 0.28),
        (-0.10, 0.16),
        (-0.34, 0.055),
        (-0.24, 0.045),
        (-0.12, 0.04),
        (-0.06, 0.04),
    ],
)
DROP = 0.47  # how far a lying horse sinks
# Degrees above the horizon of the parts of the neck, and of the head.
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
    build = build_of(scene.form)
    body = Body()
    lift = (
        build.legs - 1 - (DROP if scene.pose == "lying" else 0)
    )  # longer legs raise everything above them
    torso(body, TORSO, build.girth, lift, squash=0.74)
    thick = build.neck
    angles, head = NECK[scene.pose]
    down = (
        angles[0] < 0
    )  # a lowered neck hangs from the chest, or the withers would look like a hump
    root = (0.33, (0.72 if down else 0.775) + lift, 0.0)
    neck, at = neck_and_head(scene, root, [0.20, 0.18, 0.17, 0.11], angles, head)
    radii = [0.2 * thick, 0.165 * thick, 0.128 * thick, 0.10, 0.078]
    body.chain(neck, radii, squash=0.58, smooth=True)
    skull(body, scene, at, head)
    mane(body, neck, radii, at)
    tail(body, scene, build.legs - 1)
    legs(body, scene, build, LEGS)
    return body


def build_of(form: float) -> Build:
    """Light at 0, pony at 0.5, draft at 1, and everything between."""
    girth, legs, bone, neck = (
        [0.94, 1.04, 1.1],
        [1.06, 0.93, 1.0],
        [0.9, 1.0, 1.3],
        [0.92, 1.05, 1.15],
    )
    return Build(
        *(float(np.interp(form, [0.0, 0.5, 1.0], values)) for values in (girth, legs, bone, neck))
    )


def skull(body: Body, scene: Scene, at: At, head: float) -> None:
    """Long wedge with a round cheek, soft muzzle and two pointed ears."""
    muzzle = 0.8 * skeleton.low_tone(scene)
    ridge = [(-0.01, 0.0), (0.09, 0.005), (0.21, -0.005), (0.315, -0.012), (0.365, -0.022)]
    nose = [at(*p, 0) for p in ridge]
    body.chain(
        nose,
        [0.072, 0.08, 0.06, 0.046, 0.044],
        tones=[0, 0, 0, muzzle, muzzle],
        squash=0.66,
        blend=0.05,
    )
    cheek = [(0.05, -0.055), (0.13, -0.06), (0.24, -0.035), (0.345, -0.05)]
    body.chain(
        [at(*p, 0) for p in cheek],
        [0.06, 0.062, 0.04, 0.03],
        tones=[0, 0, 0, muzzle],
        squash=0.7,
        blend=0.05,
    )
    face(
        body,
        scene,
        at,
        (0.10, 0.03),
        (0.365, 0.0),
        0.046,
        [(0.07, 0.062), (0.11, 0.062), (0.31, 0.014)],
    )
    up = math.radians(100 - head)  # of the ears, against the nose
    for side in (1, -1):
        root, tip = (-0.035, 0.055), (-0.035 + 0.12 * math.cos(up), 0.055 + 0.12 * math.sin(up))
        middle = ((root[0] + tip[0]) / 2, (root[1] + tip[1]) / 2)
        ear = [at(*root, side * 0.036), at(*middle, side * 0.05), at(*tip, side * 0.045)]
        body.chain(ear, [0.024, 0.026, 0.005], tones=[0, 0.15, 0.6], squash=0.8, blend=0.04)


def mane(body: Body, neck: list[list[float]], radii: list[float], at: At) -> None:
    """Hair along the crest that falls to both sides in locks, and a forelock between the ears."""
    crest = [above(neck, i, 0.92 * radii[i]) for i in range(1, len(neck))]
    crest += [at(0.02, 0.07, 0), at(0.10, 0.072, 0)]
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
            shift(above(neck, i, 0.48 * radii[i]), -0.01, 0, side * 0.54 * radii[i])
            for i in range(1, len(neck))
        ]
        body.chain(
            fall, [0.055, 0.062, 0.056, 0.045], tones=0.75, squash=0.55, blend=0.06, smooth=True
        )
        for i, point in enumerate(fall):
            long = (0.10, 0.135, 0.09, 0.12)[i]
            tip = shift(point, -0.35 * long, -long, side * 0.012)
            body.chain([point, tip], [0.05, 0.012], tones=[0.75, 0.9], squash=0.5, blend=0.04)


def tail(body: Body, scene: Scene, lift: float) -> None:
    """A full tail from the croup, out behind at the trot, on the ground when lying."""
    swish = 0.04 * math.sin(2 * math.pi * scene.stride)
    if scene.pose == "lying":
        points = [(-0.50, 0.38), (-0.58, 0.30), (-0.63, 0.18), (-0.68, 0.09), (-0.80, 0.03)]
        dock = [(x, y + lift, swish * i) for i, (x, y) in enumerate(points)]
    else:
        fly = 0.12 if scene.pose == "trotting" else 0.0
        dock = [
            (-0.50, 0.88 + lift, 0),
            (-0.56 - fly / 2, 0.83 + fly / 2 + lift, 0),
            (-0.60 - fly, 0.68 + 0.8 * fly, swish),
            (-0.595 - 1.2 * fly, 0.47 + fly, swish * 2),
            (-0.56 - 1.4 * fly, 0.24 + fly, swish * 2),
        ]
    tones = [0.5, 0.8, 0.8, 0.9, 1]
    body.chain(
        dock, [0.035, 0.045, 0.06, 0.062, 0.012], tones=tones, squash=0.8, blend=0.08, smooth=True
    )
