"""Open country: meadow, desert, snow and bare land, and the beach.

One function paints every `Land` from what its ridges, its plain and the things on both are; only
the beach, with a sea for its ridges, is painted apart."""

import dataclasses
from collections.abc import Callable

import numpy as np

from vlcore.scenes.backgrounds import props
from vlcore.scenes.backgrounds.landscape import (
    Ground,
    below_line,
    cover,
    daylight,
    haze,
    hill,
    light,
    lights,
    plane,
    ridge,
    sky,
    stops,
    swell,
    upright,
)
from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup, pixel_centres
from vlcore.scenes.raster import Floats, clamp

Plain = Callable[[Scene, Ground, Floats], Floats]  # light (rows, columns, 3) of a base colour
Tree = Callable[[Floats, props.Spot, props.Veil], None]


@dataclasses.dataclass(frozen=True)
class Tufts:
    """Blades on a plain."""

    share: float  # of what lies there
    width: float
    dry: Floats
    fresh: Floats


@dataclasses.dataclass(frozen=True)
class Stones:
    """What else lies on a plain."""

    scale: float
    shadow: Floats
    colours: list[Floats]


@dataclasses.dataclass(frozen=True)
class Land:
    """What a kind of country is made of."""

    tints: list[Floats]  # a walk through its colours as `tint` goes from 0 to 1
    plain: Plain
    crested: bool = False  # dunes rather than hills
    ridges: tuple[int, ...] = (0, 1)
    tree: Tree | None = None
    tufts: Tufts | None = None
    stones: Stones | None = None  # without them, flowers
    hedges: bool = False


# Of the far and the middle ridge: how much air is in front of it, and how its slopes differ.
AIR = (0.55, 0.22)
HILL_CONTRAST = (0.18, 0.26)
DUNE_CONTRAST = (0.30, 0.34)


def chances(scene: Scene) -> tuple[Floats, Floats, Floats]:
    """Uniform numbers for ridges (3, 12), things on them (9, 5) and on the plain (24, 6), the same
    in any context."""
    rng = np.random.default_rng(scene.ground_seed)
    return rng.random((3, 12)), rng.random((9, 5)), rng.random((24, 6))


def under_sky(scene: Scene, us: Floats, low: float) -> Floats:
    """A canvas (size, size, 3) with sky down to the height `low`, divided by the daylight, which
    the finished background is multiplied by."""
    size = len(us)
    rows = min(size, int(low * size) + 2)
    canvas = np.zeros((size, size, 3), np.float32)
    canvas[:rows] = sky(scene, us, us[:rows]) / daylight(scene)[0]
    return canvas


def land(scene: Scene, size: int, kind: Land) -> Floats:
    """Sky, ridges and plain of a country as light (size, size, 3)."""
    shape, standing, lying = chances(scene)
    us = pixel_centres(size)
    lines = [ridge(scene, us, layer, shape[layer], kind.crested) for layer in range(3)]
    canvas = under_sky(scene, us, max(float(line.max()) for line in lines))
    day, far = daylight(scene)
    base = stops(kind.tints, scene.tint)
    trees = standing[: int(len(standing) * scene.props)].tolist()
    for layer in kind.ridges:
        air, line = AIR[layer], lines[layer]
        colour = base * (1 - air) + far * (0.8 * air)
        contrast = (DUNE_CONTRAST if kind.crested else HILL_CONTRAST)[layer]
        hill(scene, canvas, us, line, colour, contrast, sharp=1.6 if kind.crested else 0.0)
        if kind.tree:
            veil = props.Veil(far * (0.7 * air), np.float32(1 - air))
            for across, tall, *chance in trees:
                x = (across + 0.74 * air) % 1
                foot = float(line[int(x * size)]) + 0.004
                height = (0.016 + 0.026 * tall) * (1.35 - air)
                kind.tree(canvas, props.Spot(x, foot, height, scene.sun_azimuth, chance), veil)
    front = lines[2]
    if kind.hedges:
        hedge(scene, canvas, us, front, base, far)
    first = max(0, int(front.min() * size) - 1)
    ground = plane(scene, us, us[first:])
    plain = haze(scene, kind.plain(scene, ground, base), ground, far)
    cover(canvas[first:], plain, below_line(us[first:], front, size))
    if kind.tufts:
        scatter(scene, canvas, kind.tufts, kind.stones, lying)
    return canvas * day


def scatter(
    scene: Scene, canvas: Floats, tufts: Tufts, stones: Stones | None, lying: Floats
) -> None:
    """Tufts, and stones or flowers, on the plain: larger when nearer, far ones first."""
    for near, across, *chance in sorted(lying[: int(len(lying) * scene.props)].tolist()):
        y = scene.horizon + 0.07 + (0.99 - scene.horizon - 0.07) * near
        scale = 0.10 * (y - scene.horizon)
        what, tall, wide, hue = chance
        if what < tufts.share:
            blade = tufts.dry + hue * (tufts.fresh - tufts.dry)
            width = scale * (tufts.width + tufts.width * wide)
            props.fan(canvas, across, y, width, scale * (0.5 + 0.8 * tall), blade)
        elif stones:
            spot = props.Spot(across, y, scale * stones.scale, scene.sun_azimuth, chance)
            props.stone(canvas, spot, stones.shadow, stones.colours)
        else:
            props.flowers(canvas, props.Spot(across, y, scale, scene.sun_azimuth, chance))


def hedge(
    scene: Scene, canvas: Floats, us: Floats, line: Floats, base: Floats, far: Floats
) -> None:
    """A broken row of bushes where the plain begins."""
    size = len(us)
    shift = np.array([scene.ground_seed % 4096])
    bumps = lookup("clouds", us * 150 + shift, shift)
    present = clamp(lookup("clouds", us * 14 + shift, shift + 60) * 2 + 2.4 * scene.props - 1.2)
    top = line - 0.020 * present * np.clip(0.8 + 0.25 * bumps, 0.2, 1.4)
    first, last = max(0, int(top.min() * size) - 1), min(size, int(line.max() * size) + 2)
    vs = us[first:last]
    down = (vs[:, None] - top[None]) / 0.03
    colour = (0.34 * base * (1.35 - 0.7 * clamp(down))[..., None]) * 0.85 + 0.10 * far
    cover(canvas[first:last], colour, below_line(vs, top, size) * (present > 0.05))


def meadow(scene: Scene, ground: Ground, base: Floats) -> Floats:
    """Blades in two scales over mown and dry patches, with far flowers as specks."""
    blades = upright(ground, scene.ground_seed % 65536)
    texture = 0.93 + 0.09 * ground.patches + 0.2 * ground.fade * blades
    texture = texture + 0.12 * swell(scene, ground, 0.12)
    mix = np.clip(0.16 + 0.2 * ground.patches, 0, 0.6)[..., None]
    grass = (base + mix * (light(150, 146, 72) - base)) * np.maximum(texture, 0.25)[..., None]
    specks = lookup("grain", ground.x * 5, ground.y * 2.5)
    amount = 0.75 * clamp((specks + 1.2 * scene.props + 0.5 * ground.patches - 3.4) * 2)
    bloom = props.FLOWERS[scene.ground_seed % len(props.FLOWERS)]
    return grass + amount[..., None] * (0.85 * bloom - grass)


def sand(scene: Scene, ground: Ground, base: Floats) -> Floats:
    """Wind ripples in drifts, grains, and low swells that the sun models; flat land is a stony pan
    instead."""
    fine = lookup("grain", ground.x * 4, ground.y * 4)
    drift = clamp(0.35 + 0.7 * ground.patches) * (0.35 + 0.65 * scene.relief)
    ripple = np.sin(ground.y * 1.7 + 2.6 * ground.patches + ground.x * 0.5) * drift
    pan = np.abs(lookup("clouds", ground.x * 1.6, ground.y * 1.6))
    cracks = clamp(1 - 9 * pan) * (1 - scene.relief) * ground.fade
    texture = 1.0 + 0.09 * ground.fade * ripple + 0.045 * ground.fade * fine - 0.14 * cracks
    texture += (0.05 + 0.20 * scene.relief) * swell(scene, ground, 0.16)
    mix = np.clip(0.2 + 0.2 * ground.patches, 0, 0.6)[..., None]
    return (base + mix * (base * light(236, 214, 200) - base)) * np.maximum(texture, 0.3)[..., None]


def snowfield(scene: Scene, ground: Ground, base: Floats) -> Floats:
    """Drifts with blue shade, and a glitter of grains."""
    slope = swell(scene, ground, 0.16)
    fine = lookup("grain", ground.x * 4, ground.y * 4)
    shade = clamp(0.16 - 0.6 * (0.4 + 0.6 * scene.relief) * slope)[..., None]
    plain = base + shade * (light(150, 178, 222) - base)
    plain *= (1 + 0.025 * ground.fade * fine + 0.3 * clamp(fine - 2.6))[..., None]
    return plain


def rolling(scene: Scene, ground: Ground, base: Floats) -> Floats:
    """Bare ground: nothing but its lie."""
    fine = lookup("grain", ground.x * 4, ground.y * 4)
    texture = 1 + 0.05 * ground.patches + 0.035 * ground.fade * fine
    texture = texture + 0.10 * swell(scene, ground, 0.16)
    return base * texture[..., None]


GREENS = lights((64, 118, 44), (92, 140, 46), (122, 152, 62), (86, 148, 70), (70, 128, 76))
SANDS = lights((224, 186, 128), (214, 164, 102), (206, 142, 92), (228, 200, 152), (196, 160, 118))
GRASS = Land(
    GREENS,
    meadow,
    tree=props.tree,
    tufts=Tufts(0.5, 0.5, *lights((48, 92, 34), (112, 158, 58))),
    hedges=True,
)
DESERT = Land(
    SANDS,
    sand,
    crested=True,
    tree=props.bush,
    tufts=Tufts(0.5, 0.5, *lights((140, 116, 66), (196, 166, 104))),
    stones=Stones(1.2, light(96, 70, 48), props.ROCKS),
)
SNOW = Land(
    lights((240, 243, 248), (234, 240, 248), (244, 244, 244), (236, 240, 250), (230, 235, 244)),
    snowfield,
    tree=props.conifer,
    tufts=Tufts(0.35, 0.4, *lights((140, 124, 92), (140, 124, 92))),
    stones=Stones(1.3, light(160, 184, 220), lights((236, 240, 248))),
)
BARE = Land(
    [(green + yellow) / 2 for green, yellow in zip(GREENS, SANDS, strict=True)], rolling, ridges=()
)
SEAS = lights((30, 96, 150), (36, 120, 160), (24, 84, 128), (52, 142, 166), (44, 104, 132))
SHORES = lights((232, 212, 172), (222, 196, 152), (238, 222, 190), (214, 190, 156), (228, 206, 164))


def beach(scene: Scene, size: int) -> Floats:
    """A calm sea with a straight horizon, a headland, foam along the water's edge and wet sand
    before the dry."""
    shape, _, lying = chances(scene)
    us = pixel_centres(size)
    canvas = under_sky(scene, us, scene.horizon)
    day, far = daylight(scene)
    side = us if shape[1, 0] < 0.5 else 1 - us
    cape = ridge(scene, us, 0, shape[0], False) - scene.horizon
    line = scene.horizon + cape * clamp(1.15 - 2.3 * side) ** 0.7 * (0.4 + 0.6 * scene.relief)
    headland = 0.5 * light(96, 122, 92) + 0.42 * far
    hill(scene, canvas, us, line.astype(np.float32), headland, contrast=0.2, sharp=0.0)

    first = max(0, int(scene.horizon * size) - 1)
    ground = plane(scene, us, us[first:])
    below_horizon = below_line(us[first:], np.full(size, scene.horizon, np.float32), size)
    curve = sum(np.sin((2 + 2.3 * k) * us + 6.3 * shape[2, k]) / (1 + k) for k in range(3))
    shore = (scene.horizon + 0.11 + 0.03 * shape[1, 1] + 0.014 * curve).astype(np.float32)
    out = (shore - ground.vs) / 0.1  # 0 at the water's edge, 1 out at sea
    swash = 0.10 * ground.patches
    calm = scene.replace(relief=0.3 + 0.4 * scene.relief)
    strand = haze(scene, sand(calm, ground, stops(SHORES, scene.tint)), ground, far)
    wet = clamp(1 + (out + 1.5 * swash) * 2.2)
    strand *= (1 - 0.42 * wet)[..., None]
    strand += (0.16 * wet)[..., None] * far
    cover(canvas[first:], strand, below_horizon)

    waves = lookup("blades", ground.y * 1.1 + 2 * ground.patches, ground.x * 0.22)
    deep = stops(SEAS, scene.tint)
    shallow = clamp(1 - out)[..., None] ** 2
    water = deep + shallow * (0.3 * deep + 0.06) + 0.05 * ground.depth[..., None] * (far - deep)
    water *= (1 + 0.16 * waves)[..., None]
    crest = clamp(1.6 - np.abs(out - 0.42 + swash) * 26) * clamp(waves + 0.6)
    foam = np.maximum(clamp(1.3 - np.abs(out + swash) * 12), 0.8 * crest)
    water += foam[..., None] * (light(244, 248, 250) - water)
    cover(canvas[first:], water, below_horizon * clamp((out + swash + 0.06) * 14))
    for near, across, *chance in sorted(lying[: int(len(lying) * 0.7 * scene.props)].tolist()):
        y = scene.horizon + 0.22 + (0.99 - scene.horizon - 0.22) * near
        spot = props.Spot(across, y, 0.07 * (y - scene.horizon), scene.sun_azimuth, chance)
        props.stone(canvas, spot, light(150, 126, 96), props.SHELLS)
    return canvas * day
