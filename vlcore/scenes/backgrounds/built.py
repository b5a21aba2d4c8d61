"""Places that people built: a street of house fronts, and a living room.

A front is one small window of the picture whose panes repeat, so a house costs a few array
operations; floor and road use the same plane in perspective as open country."""

import numpy as np

from vlcore.scenes.backgrounds.outdoors import chances, under_sky
from vlcore.scenes.backgrounds.props import blobs, box, cone, fan, window, within
from vlcore.scenes.backgrounds.skies import SKIES, daylight, light, lights, sky
from vlcore.scenes.backgrounds.terrain import cover, plane, stops
from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup, middles
from vlcore.scenes.raster import Floats, clamp

FRONTS = lights(
    (198, 170, 138),
    (176, 104, 84),
    (220, 208, 184),
    (150, 120, 104),
    (164, 178, 180),
    (214, 184, 120),
)
ROOFS = lights((112, 72, 60), (88, 88, 96), (128, 84, 62))
DOORS = lights((60, 92, 78), (120, 52, 44), (50, 66, 100), (88, 64, 44))
WALLS = lights((214, 200, 178), (176, 190, 178), (196, 178, 168), (172, 184, 198), (222, 212, 190))
WOODS = lights((164, 116, 74), (186, 144, 98), (132, 92, 62), (198, 164, 120), (150, 108, 78))
CLOTHS = lights((86, 108, 128), (140, 84, 72), (96, 116, 84), (120, 100, 128), (168, 134, 86))
BOARD = light(236, 232, 224)


def street(scene: Scene, size: int) -> Floats:
    """Sky over a row of house fronts, pavement, kerb and road, as light (size, size, 3)."""
    shape, _, lying = chances(scene)
    foot = scene.horizon + 0.055
    us = middles(size)
    canvas = under_sky(scene, us, foot)
    pave(scene, canvas, us, foot)
    left = -0.12 * float(shape[0, 0])
    for chance in np.concatenate([shape[1:].reshape(-1, 4), lying[:4, :4]]).tolist():
        right = left + 0.17 + 0.13 * chance[0]
        height = 0.20 + 0.12 * (0.35 + 0.65 * scene.relief) * chance[1]
        house(scene, canvas, us, left, right, foot - height, foot, chance)
        left = right
        if left > 1:
            break
    lamps = lying[: int(4 * scene.props), :2].tolist()
    for i, (near, across) in enumerate(lamps):
        lamp(
            canvas,
            (i + 0.15 + 0.7 * across) / len(lamps),
            foot + 0.012 + 0.02 * near,
            0.9 + 0.3 * near,
        )
    return canvas * daylight(scene)[0]


def house(
    scene: Scene,
    canvas: Floats,
    us: Floats,
    left: float,
    right: float,
    top: float,
    foot: float,
    chance: list[float],
) -> None:
    """One front: roof and cornice, rows of windows, a door."""
    size = len(us)
    width, height = right - left, foot - top
    wall = FRONTS[int((chance[2] + 0.3 * scene.tint) * len(FRONTS)) % len(FRONTS)]
    roof = ROOFS[int(chance[3] * len(ROOFS))]
    box(canvas, left + 0.1 * width, left + 0.1 * width + 0.025, top - 0.03, top + 0.03, 0.7 * roof)
    eaves = top + 0.045
    if chance[3] > 0.5:
        cone(
            canvas,
            (left + right) / 2,
            top - 0.055,
            eaves,
            0.56 * width,
            roof,
            0.3 * scene.sun_azimuth,
        )
    else:
        box(canvas, left - 0.004, right + 0.004, top + 0.005, eaves, roof)

    rows, columns, ys, xs = window(canvas, left - 1 / size, right, eaves - 1 / size, foot)
    bricks = lookup("grain", xs * 150 + 40 * chance[0], ys * 260)
    paint = (
        wall
        * (0.94 + 0.06 * bricks + 0.10 * scene.sun_azimuth * ((xs - left) / width - 0.5))[..., None]
    )
    panes, storeys = max(2, round(width / 0.062)), max(2, round(height / 0.095))
    across, down = (xs - left) / width * panes, (ys - eaves) / (foot - eaves) * storeys
    du, dv = np.abs(across % 1 - 0.5), np.abs(down % 1 - 0.46)
    wide, tall = size * width / panes, size * (foot - eaves) / storeys  # of a cell, in pixels
    glass = lookup("clouds", np.floor(across) * 17 + 90 * chance[1], np.floor(down) * 23)
    pane = (
        np.array(SKIES[scene.sky].horizon)
        * (0.22 + 0.10 * np.clip(glass, -1, 1.5) + 0.16 * (dv - 0.2))[..., None]
    )
    for half, rise, colour in ((0.30, 0.36, light(236, 232, 222)), (0.23, 0.30, pane)):
        amount = clamp((half - du) * wide + 0.5) * clamp((rise - dv) * tall + 0.5)
        paint = paint + amount[..., None] * (colour - paint)
    amount = clamp((0.035 - du) * wide + 0.5) * clamp((0.30 - dv) * tall + 0.5)
    paint = paint + 0.8 * amount[..., None] * (light(226, 222, 212) - paint)
    cover(canvas[rows, columns], paint, within(size, xs, ys, left, right, eaves, foot))

    cell = width / panes
    door = left + (int(chance[0] * panes) + 0.5) * cell
    floor = (foot - eaves) / storeys
    box(canvas, door - 0.42 * cell, door + 0.42 * cell, foot - 0.92 * floor, foot, wall)
    box(
        canvas,
        door - 0.33 * cell,
        door + 0.33 * cell,
        foot - 0.84 * floor,
        foot,
        light(226, 220, 206),
    )
    box(
        canvas,
        door - 0.26 * cell,
        door + 0.26 * cell,
        foot - 0.76 * floor,
        foot,
        DOORS[int(chance[1] * len(DOORS))],
    )
    box(canvas, left, right, eaves - 0.008, eaves + 0.006, light(222, 214, 200))
    box(canvas, left - 0.002, left + 0.003, eaves, foot, 0.45 * wall)
    box(canvas, left, right, foot - 0.012, foot, 0.6 * wall)


def pave(scene: Scene, canvas: Floats, us: Floats, foot: float) -> None:
    """Pavement slabs, a kerb and asphalt with a broken line."""
    size = len(us)
    first = int(foot * size)
    ground = plane(scene, us, us[first:])
    fine = lookup("grain", ground.x * 4, ground.y * 4)
    below = ground.vs - foot
    slabs = np.minimum(np.abs(ground.x / 16 % 1 - 0.5), np.abs(ground.y / 9 % 1 - 0.5) * 1.2)
    stone = (
        light(176, 170, 162)
        * (1 + 0.04 * fine + 0.04 * ground.patches - 0.16 * clamp(1 - 22 * slabs))[..., None]
    )
    grey = stops(lights((96, 98, 102), (112, 110, 108), (84, 88, 96)), scene.tint)
    road = grey * (1 + 0.09 * ground.fade * fine + 0.10 * ground.patches)[..., None]
    across = np.abs(ground.y - ground.y[-1, 0] - 21)  # the line lies between kerb and feet
    dash = clamp((1.1 - across) * 2) * clamp(
        (0.25 - np.abs((ground.x - ground.x[0, 0]) / 46 % 1 - 0.5)) * 30
    )
    road += 0.8 * dash[..., None] * (light(232, 230, 222) - road)
    kerb = clamp((below - 0.062) * size + 0.5)[..., None]
    paint = stone + kerb * (light(206, 202, 194) - stone)
    paint += clamp((below - 0.072) * size + 0.5)[..., None] * (0.45 * grey - paint)
    paint += clamp((below - 0.082) * size + 0.5)[..., None] * (road - paint)
    canvas[first:] = paint


def lamp(canvas: Floats, x: float, foot: float, scale: float) -> None:
    """A street lamp."""
    iron = light(46, 50, 54)
    top = foot - 0.25 * scale
    box(canvas, x - 0.004, x + 0.004, top, foot, iron)
    box(canvas, x - 0.009, x + 0.009, foot - 0.03, foot, iron)
    blobs(canvas, [(x, top - 0.012, 0.015, 0.018)], light(252, 240, 206))
    box(canvas, x - 0.016, x + 0.016, top - 0.036, top - 0.027, iron)


def room(scene: Scene, size: int) -> Floats:
    """A wall with a window to the sky, a picture, a sofa, a lamp, and boards with a rug, as light
    (size, size, 3)."""
    shape, standing, _ = chances(scene)
    us = middles(size)
    canvas = np.zeros((size, size, 3), np.float32)
    foot = scene.horizon + 0.09
    wall = stops(WALLS, scene.tint)
    stripes = 0.04 * np.clip(2 * np.sin(us * 75), -1, 1) * (shape[0, 0] > 0.5)
    sun = 0.10 * np.sin(scene.sun_azimuth) * (us - 0.5)
    canvas[:] = wall * (0.80 + stripes + sun)[None, :, None] * (0.92 + 0.16 * us)[:, None, None]
    flip = shape[1, 1] > 0.5
    middle = 0.27 + 0.08 * float(shape[1, 2])
    casement(scene, canvas, 1 - middle if flip else middle, foot)
    boards(scene, canvas, us, foot)
    box(canvas, 0, 1, foot - 0.03, foot, BOARD)
    box(canvas, 0, 1, foot, foot + 0.006, 0.3 * stops(WOODS, scene.tint))
    furniture(scene, canvas, middle if flip else 1 - middle, foot, standing.tolist())
    return canvas


def casement(scene: Scene, canvas: Floats, x: float, foot: float) -> None:
    """A window with a cross, a sill and curtains; the sky behind it belongs to the scene."""
    top, bottom = foot - 0.46, foot - 0.17
    box(canvas, x - 0.135, x + 0.135, top - 0.02, bottom + 0.02, BOARD)
    size = len(canvas)
    pane = (x - 0.115, x + 0.115, top, bottom)
    rows, columns, ys, xs = window(canvas, *pane)
    view = sky(scene, xs[0], ys[:, 0])
    hills = clamp((ys - bottom + 0.07 + 0.02 * np.sin(14 * xs + scene.relief * 6)) * size)
    cover(view, light(92, 124, 78) * 0.8, hills)
    cover(canvas[rows, columns], view, within(size, xs, ys, *pane))
    box(canvas, x - 0.006, x + 0.006, top, bottom, BOARD)
    box(canvas, x - 0.115, x + 0.115, top + 0.10, top + 0.112, BOARD)
    box(canvas, x - 0.15, x + 0.15, bottom + 0.01, bottom + 0.03, 0.9 * BOARD)
    cloth = CLOTHS[scene.ground_seed % len(CLOTHS)]
    for side in (-1, 1):
        rod = x + side * 0.15
        hung = (rod - 0.042, rod + 0.042, top - 0.03, bottom + 0.07)
        rows, columns, ys, xs = window(canvas, hung[0] - 1 / size, *hung[1:])
        folds = cloth * (0.95 + 0.2 * np.sin((xs - rod) * 220))[..., None]
        cover(canvas[rows, columns], folds, within(size, xs, ys, *hung))
    box(canvas, x - 0.21, x + 0.21, top - 0.04, top - 0.03, light(92, 72, 54))


def boards(scene: Scene, canvas: Floats, us: Floats, foot: float) -> None:
    """Boards that run away from the viewer, and a rug with a border where the animal stands."""
    size = len(us)
    first = int(foot * size)
    ground = plane(scene, us, us[first:])
    across = ground.x / 9
    board = np.floor(across)
    grain = lookup("blades", across * 21, ground.y * 0.6 + 31 * board)
    each = lookup("clouds", board * 37, board * 11)
    gap = (
        clamp(0.5 - np.minimum(across % 1, 1 - across % 1) * 9 / (0.12 * ground.depth + 0.35))
        * ground.fade
    )
    wood = stops(WOODS, scene.tint)
    texture = (
        (0.92 + 0.06 * each + 0.05 * grain) * (1 - 0.7 * gap) * (0.9 + 0.16 * (ground.vs - foot))
    )
    canvas[first:] = wood * texture[..., None]
    cloth = CLOTHS[(scene.ground_seed // 7) % len(CLOTHS)]
    reach = np.sqrt(((ground.us - 0.5) / 0.45) ** 2 + ((ground.vs - 0.855) / 0.115) ** 2)
    weave = 1 + 0.07 * lookup("grain", ground.us * 400, ground.vs * 900)
    for radius, colour in (
        (1.0, cloth),
        (0.9, light(224, 208, 178)),
        (0.82, 0.8 * cloth),
        (0.5, 1.15 * cloth),
    ):
        amount = clamp((radius - reach) * 0.1 * size + 0.5)
        cover(canvas[first:], colour * weave[..., None], amount)


def furniture(
    scene: Scene, canvas: Floats, x: float, foot: float, standing: list[list[float]]
) -> None:
    """A sofa under a picture, and as many lamps and plants as the scene has props."""
    cloth = CLOTHS[(scene.ground_seed // 3) % len(CLOTHS)]
    sun = scene.sun_azimuth
    picture = lights((222, 214, 196), (150, 178, 190), (206, 154, 96), (120, 140, 96))
    box(canvas, x - 0.085, x + 0.085, foot - 0.44, foot - 0.30, light(88, 66, 46))
    box(canvas, x - 0.075, x + 0.075, foot - 0.43, foot - 0.31, picture[0])
    box(canvas, x - 0.062, x + 0.062, foot - 0.42, foot - 0.365, picture[1])
    box(canvas, x - 0.062, x + 0.062, foot - 0.365, foot - 0.32, picture[3])
    blobs(canvas, [(x + 0.02, foot - 0.385, 0.016, 0.016)], picture[2])
    box(canvas, x - 0.17, x + 0.17, foot + 0.015, foot + 0.04, light(58, 42, 32), 0.6)
    blobs(canvas, [(x + dx, foot - 0.10, 0.09, 0.10) for dx in (-0.08, 0, 0.08)], cloth, sun)
    box(canvas, x - 0.17, x + 0.17, foot - 0.10, foot + 0.022, 0.9 * cloth)
    for dx in (-0.08, 0.08):
        blobs(canvas, [(x + dx, foot - 0.055, 0.085, 0.034)], 1.1 * cloth, 0.4 * sun)
    for dx in (-0.18, 0.18):
        blobs(
            canvas,
            [(x + dx, foot - 0.085, 0.03, 0.034), (x + dx, foot - 0.03, 0.03, 0.06)],
            0.85 * cloth,
            sun,
        )
    out = 1 if x > 0.5 else -1  # away from the middle, which the window's other side faces
    for i, (_, _, kind, *_) in enumerate(standing[: int(2.5 * scene.props)]):
        at = (x + 0.235 * out, 1 - x - 0.23 * out)[i]
        if kind < 0.5:
            box(canvas, at - 0.004, at + 0.004, foot - 0.30, foot, light(70, 60, 52))
            box(canvas, at - 0.03, at + 0.03, foot - 0.008, foot + 0.006, light(70, 60, 52))
            cone(canvas, at, foot - 0.47, foot - 0.29, 0.075, light(250, 232, 190), 0.1)
        else:
            for turn in (1.0, 0.7):
                fan(
                    canvas,
                    at,
                    foot - 0.06,
                    0.09 * turn,
                    0.24 * turn,
                    light(62, 110, 58) * (1.4 - 0.4 * turn),
                )
            box(canvas, at - 0.03, at + 0.03, foot - 0.075, foot + 0.01, light(190, 112, 76))
