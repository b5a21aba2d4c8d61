"""The camel: one or two humps, long swooping neck, small head with a big muzzle, long thin legs
with knobbly knees."""

import math

from vlcore.scenes.animals.skeleton import (
    Body,
    Build,
    Head,
    Leg,
    Legs,
    above,
    add_legs,
    face,
    low_tone,
    neck_and_head,
    torso,
)
from vlcore.scenes.factors import Scene

TORSO = (  # x, top, bottom
    (-0.36, 0.94, 0.72),
    (-0.22, 0.985, 0.665),
    (-0.02, 1.0, 0.605),
    (0.18, 0.99, 0.55),
    (0.30, 0.965, 0.55),
    (0.39, 0.90, 0.61),
)
LEGS = Legs(
    fore=Leg(
        joints=[
            (0.31, 0.80),
            (0.29, 0.63),
            (0.30, 0.37),
            (0.30, 0.25),
            (0.30, 0.095),
            (0.33, 0.045),
        ],
        radii=[0.13, 0.075, 0.052, 0.031, 0.035, 0.038],
        folded=[
            (0.31, 0.26),
            (0.22, 0.13),
            (0.47, 0.055),
            (0.36, 0.045),
            (0.25, 0.04),
            (0.20, 0.04),
        ],
    ),
    hind=Leg(
        joints=[
            (-0.33, 0.85),
            (-0.25, 0.66),
            (-0.40, 0.40),
            (-0.39, 0.27),
            (-0.375, 0.095),
            (-0.34, 0.045),
        ],
        radii=[0.145, 0.105, 0.048, 0.032, 0.035, 0.038],
        folded=[
            (-0.33, 0.29),
            (-0.08, 0.16),
            (-0.36, 0.055),
            (-0.26, 0.045),
            (-0.12, 0.04),
            (-0.06, 0.04),
        ],
    ),
    apart=0.11,
)
DROP = 0.53  # how far a kneeling camel sinks
# By pose: degrees above the horizon of the parts of the neck, and of the nose.
NECK: dict[str, tuple[list[float], float]] = {
    "standing": ([-8, 24, 54, 70, 74, 62], -10),
    "alert": ([2, 40, 66, 80, 84, 76], -2),
    "walking": ([-12, 14, 42, 58, 64, 56], -8),
    "trotting": ([-6, 18, 46, 62, 68, 60], -4),
    "grazing": ([-40, -50, -52, -46, -36, -24], -44),
    "looking": ([-6, 28, 56, 74, 80, 72], -10),
    "lying": ([0, 34, 60, 76, 80, 72], -8),
}


def camel(scene: Scene) -> Body:
    """The posed camel in body coordinates."""
    two_humps = scene.form >= 0.5
    stocky = 2 * scene.form - two_humps  # 0 slender to 1 stocky, within one or two humps
    build = Build(
        girth=0.95 + 0.14 * stocky,
        legs=1.03 - 0.08 * stocky,
        bone=0.95 + 0.25 * stocky,
        neck=0.95 + 0.2 * stocky,
    )
    lift = build.legs - 1 - (DROP if scene.pose == "lying" else 0)
    body = Body()
    torso(body, TORSO, build.girth, lift, squash=0.78)
    if two_humps:
        width = 0.165 * (0.95 + 0.1 * stocky)
        height = 0.22 * (0.9 + 0.2 * stocky)
        for centre in (0.17, -0.19):
            bactrian_hump(body, centre, 0.93 + lift, width, height)
    else:
        dromedary_hump(body, 0.94 + lift, 0.9 + 0.2 * stocky)
    thick = build.neck
    angles, pitch = NECK[scene.pose]
    root = (0.39, 0.78 + lift, 0.0)
    neck, head = neck_and_head(scene, root, [0.16, 0.15, 0.15, 0.15, 0.14, 0.11], angles, pitch)
    radii = [0.165 * thick, 0.13 * thick, 0.104 * thick, 0.088 * thick, 0.078 * thick, 0.072, 0.068]
    body.chain(neck, radii, tones=[0, 0.1, 0.25, 0.3, 0.25, 0.15, 0], squash=0.75, smooth=True)
    throat = [above(neck, i, -0.7 * radii[i]) for i in (1, 2, 3, 4)]
    body.chain(
        throat,
        [0.05, 0.062, 0.052, 0.03],
        tones=[0.5, 0.9, 0.9, 0.6],
        squash=0.7,
        blend=0.09,
        smooth=True,
    )
    camel_head(body, scene, head)
    camel_tail(body, scene, lift)
    add_legs(body, scene, build, LEGS)
    return body


def dromedary_hump(body: Body, base: float, height: float) -> None:
    """One hump: an arch over the whole back, rounder in front and sloping behind."""
    arch = [(-0.27, -0.02), (-0.15, 0.075), (-0.03, 0.13), (0.09, 0.07), (0.2, -0.02)]
    body.chain(
        [(x, base + y * height, 0) for x, y in arch],
        [0.10, 0.135, 0.145, 0.13, 0.10],
        tones=[0, 0.25, 0.55, 0.25, 0],
        squash=0.74,
        blend=0.4,
        smooth=True,
    )


def bactrian_hump(body: Body, centre: float, base: float, width: float, height: float) -> None:
    """One of two humps: a bell with a soft round top that leans back a little."""
    points = [
        (centre - 0.08 * up * height, base - width * 0.35 + up * (height + width * 0.1), 0)
        for up in (0.0, 0.36, 0.66, 0.84)
    ]
    radii = [width * share for share in (1.1, 0.9, 0.72, 0.6)]
    body.chain(points, radii, tones=[0, 0.2, 0.5, 0.75], squash=0.72, blend=0.3)


def camel_head(body: Body, scene: Scene, head: Head) -> None:
    """Flat forehead, heavy muzzle with hanging lips, small round ears."""
    muzzle = 0.5 * low_tone(scene)
    nose = [(-0.01, 0.0), (0.07, 0.015), (0.15, 0.0), (0.23, -0.008), (0.275, -0.02)]
    body.chain(
        head.profile(nose),
        [0.07, 0.07, 0.05, 0.05, 0.044],
        tones=[0.2, 0, 0, muzzle, muzzle],
        squash=0.72,
        blend=0.04,
    )
    jaw = [(0.02, -0.045), (0.10, -0.045), (0.22, -0.05), (0.26, -0.062)]
    body.chain(
        head.profile(jaw),
        [0.05, 0.048, 0.034, 0.032],
        tones=[0, 0, 0, muzzle],
        squash=0.72,
        blend=0.04,
    )
    face(
        body,
        scene,
        head,
        eye=(0.085, 0.042),
        nostril=(0.27, 0.005),
        width=0.05,
        brow=[(0.05, 0.068), (0.09, 0.066), (0.21, 0.022)],
    )
    slant = math.radians(125 - head.pitch)  # of the ears, against the nose
    root = (-0.03, 0.045)
    tip = (root[0] + 0.07 * math.cos(slant), root[1] + 0.07 * math.sin(slant))
    for side in (1, -1):
        ear = [head.at(*root, side * 0.05), head.at(*tip, side * 0.075)]
        body.chain(ear, [0.022, 0.017], tones=[0, 0.5], squash=0.8, blend=0.04)


def camel_tail(body: Body, scene: Scene, lift: float) -> None:
    """Thin, with a tuft."""
    swish = 0.05 * math.sin(2 * math.pi * scene.stride)
    hanging = [(-0.48, 0.88), (-0.545, 0.80), (-0.57, 0.66), (-0.575, 0.57), (-0.57, 0.48)]
    points = [
        (x, y + lift, swish * swing) for (x, y), swing in zip(hanging, (0, 0, 1, 2, 2), strict=True)
    ]
    if scene.pose == "lying":
        points = [(x - 0.02 * i, max(y, 0.35 - 0.07 * i), z) for i, (x, y, z) in enumerate(points)]
    body.chain(
        points,
        [0.036, 0.026, 0.02, 0.036, 0.012],
        tones=[0, 0.2, 0.5, 1, 1],
        squash=0.9,
        blend=0.03,
    )
