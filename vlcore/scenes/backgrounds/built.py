"""Built backgrounds: a street of house fronts, and a living room.

A front is one small window of the image whose panes repeat, so a house costs a few array
operations; floor and road use the same plane in perspective as open country."""

import numpy as np

from vlcore.scenes.backgrounds.landscape import (
    SKY_LIGHTS,
    cover,
    daylight,
    light,
    lights,
    plane,
    sky,
    stops,
)
from vlcore.scenes.backgrounds.outdoors import chances, under_sky
from vlcore.scenes.backgrounds.props import blobs, box, cone, fan, patch, post
from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup, pixel_centres
from vlcore.scenes.raster import Floats, clamp, soft_edge

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
ASPHALTS = lights((96, 98, 102), (112, 110, 108), (84, 88, 96))
BOARD = light(236, 232, 224)
IRON = light(46, 50, 54)
LAMP_STAND = light(70, 60, 52)


def street(scene: Scene, size: int) -> Floats:
    """Sky over a row of house fronts, pavement, kerb and road, as light (size, size, 3)."""
    shape, _, lying = chances(scene)
    foot = scene.horizon + 0.055
    us = pixel_centres(size)
    canvas = under_sky(scene, us, foot)
    pave(scene, canvas, us, foot)
    left = -0.12 * float(shape[0, 0])
    for chance in np.concatenate([shape[1:].reshape(-1, 4), lying[:4, :4]]).tolist():
        right = left + 0.17 + 0.13 * chance[0]
        height = 0.20 + 0.12 * (0.35 + 0.65 * scene.relief) * chance[1]
        house(scene, canvas, left, right, foot - height, foot, chance)
        left = right
        if left > 1:
            break
    lamps = lying[: int(4 * scene.props), :2].tolist()
    for i, (near, across) in enumerate(lamps):
        x = (i + 0.15 + 0.7 * across) / len(lamps)
        street_lamp(canvas, x, foot + 0.012 + 0.02 * near, 0.9 + 0.3 * near)
    return canvas * daylight(scene)[0]


def house(
    scene: Scene,
    canvas: Floats,
    left: float,
    right: float,
    top: float,
    foot: float,
    chance: list[float],
) -> None:
    """A house: chimney, roof and cornice, a front with rows of windows, a door."""
    width = right - left
    wall = FRONTS[int((chance[2] + 0.3 * scene.tint) * len(FRONTS)) % len(FRONTS)]
    roof = ROOFS[int(chance[3] * len(ROOFS))]
    chimney = left + 0.1 * width
    box(canvas, chimney, chimney + 0.025, top - 0.03, top + 0.03, 0.7 * roof)
    eaves = top + 0.045
    if chance[3] > 0.5:
        middle = (left + right) / 2
        cone(canvas, middle, top - 0.055, eaves, 0.56 * width, roof, 0.3 * scene.sun_azimuth)
    else:
        box(canvas, left - 0.004, right + 0.004, top + 0.005, eaves, roof)

    panes, storeys = max(2, round(width / 0.062)), max(2, round((foot - top) / 0.095))
    front(scene, canvas, (left, right, eaves, foot), (panes, storeys), wall, chance)

    cell = width / panes
    door = left + (int(chance[0] * panes) + 0.5) * cell
    floor = (foot - eaves) / storeys
    post(canvas, door, 0.42 * cell, foot - 0.92 * floor, foot, wall)
    post(canvas, door, 0.33 * cell, foot - 0.84 * floor, foot, light(226, 220, 206))
    leaf = DOORS[int(chance[1] * len(DOORS))]
    post(canvas, door, 0.26 * cell, foot - 0.76 * floor, foot, leaf)
    box(canvas, left, right, eaves - 0.008, eaves + 0.006, light(222, 214, 200))
    box(canvas, left - 0.002, left + 0.003, eaves, foot, 0.45 * wall)
    box(canvas, left, right, foot - 0.012, foot, 0.6 * wall)


def front(
    scene: Scene,
    canvas: Floats,
    bounds: tuple[float, float, float, float],
    cells: tuple[int, int],
    wall: Floats,
    chance: list[float],
) -> None:
    """A front of bricks with a window in every cell.

    Args:
        scene: The scene, for sky and sun.
        canvas: Light (size, size, 3), changed in place.
        bounds: Left, right, top and bottom of the front.
        cells: How many windows it has in a row, and how many rows.
        wall: Colour of the bricks.
        chance: Uniform numbers of the house.
    """
    size = len(canvas)
    left, right, eaves, foot = bounds
    width, height = right - left, foot - eaves
    panes, storeys = cells
    area = patch(canvas, left - 1 / size, right, eaves - 1 / size, foot)
    xs, ys = area.xs, area.ys
    bricks = lookup("grain", xs * 150 + 40 * chance[0], ys * 260)
    sunlit = 0.10 * scene.sun_azimuth * ((xs - left) / width - 0.5)
    paint = wall * (0.94 + 0.06 * bricks + sunlit)[..., None]

    across, down = (xs - left) / width * panes, (ys - eaves) / height * storeys
    du, dv = np.abs(across % 1 - 0.5), np.abs(down % 1 - 0.46)  # from the middle of the cell
    wide, tall = size * width / panes, size * height / storeys  # of a cell, in pixels

    def rectangle(half: float, rise: float) -> Floats:
        return soft_edge(half - du, wide) * soft_edge(rise - dv, tall)

    glass = lookup("clouds", np.floor(across) * 17 + 90 * chance[1], np.floor(down) * 23)
    bright = 0.22 + 0.10 * np.clip(glass, -1, 1.5) + 0.16 * (dv - 0.2)
    pane = np.array(SKY_LIGHTS[scene.sky].horizon) * bright[..., None]
    for half, rise, colour in ((0.30, 0.36, light(236, 232, 222)), (0.23, 0.30, pane)):
        paint = paint + rectangle(half, rise)[..., None] * (colour - paint)
    bar = rectangle(0.035, 0.30)
    paint = paint + 0.8 * bar[..., None] * (light(226, 222, 212) - paint)
    cover(area.pixels, paint, area.inside(*bounds))


def pave(scene: Scene, canvas: Floats, us: Floats, foot: float) -> None:
    """Pavement slabs, a kerb and asphalt with a broken line."""
    size = len(us)
    first = int(foot * size)
    ground = plane(scene, us, us[first:])
    fine = lookup("grain", ground.x * 4, ground.y * 4)
    below = ground.vs - foot
    joints = np.minimum(np.abs(ground.x / 16 % 1 - 0.5), np.abs(ground.y / 9 % 1 - 0.5) * 1.2)
    slabs = 1 + 0.04 * fine + 0.04 * ground.patches - 0.16 * clamp(1 - 22 * joints)
    stone = light(176, 170, 162) * slabs[..., None]
    grey = stops(ASPHALTS, scene.tint)
    road = grey * (1 + 0.09 * ground.fade * fine + 0.10 * ground.patches)[..., None]
    across = np.abs(ground.y - ground.y[-1, 0] - 21)  # the line lies between kerb and feet
    along = np.abs((ground.x - ground.x[0, 0]) / 46 % 1 - 0.5)
    dash = clamp((1.1 - across) * 2) * clamp((0.25 - along) * 30)
    road += 0.8 * dash[..., None] * (light(232, 230, 222) - road)
    kerb = soft_edge(below - 0.062, size)[..., None]
    paint = stone + kerb * (light(206, 202, 194) - stone)
    paint += soft_edge(below - 0.072, size)[..., None] * (0.45 * grey - paint)
    paint += soft_edge(below - 0.082, size)[..., None] * (road - paint)
    canvas[first:] = paint


def street_lamp(canvas: Floats, x: float, foot: float, scale: float) -> None:
    top = foot - 0.25 * scale
    post(canvas, x, 0.004, top, foot, IRON)
    post(canvas, x, 0.009, foot - 0.03, foot, IRON)
    blobs(canvas, [(x, top - 0.012, 0.015, 0.018)], light(252, 240, 206))
    post(canvas, x, 0.016, top - 0.036, top - 0.027, IRON)


def living_room(scene: Scene, size: int) -> Floats:
    """A wall with a window to the sky, a painting, a sofa, a lamp, and boards with a rug, as light
    (size, size, 3)."""
    shape, standing, _ = chances(scene)
    us = pixel_centres(size)
    canvas = np.zeros((size, size, 3), np.float32)
    foot = scene.horizon + 0.09
    wall = stops(WALLS, scene.tint)
    stripes = 0.04 * np.clip(2 * np.sin(us * 75), -1, 1) * (shape[0, 0] > 0.5)
    sun = 0.10 * np.sin(scene.sun_azimuth) * (us - 0.5)
    canvas[:] = wall * (0.80 + stripes + sun)[None, :, None] * (0.92 + 0.16 * us)[:, None, None]
    left = 0.27 + 0.08 * float(shape[1, 2])
    right = 1 - left
    window_x, sofa_x = (right, left) if shape[1, 1] > 0.5 else (left, right)
    casement(scene, canvas, window_x, foot)
    boards(scene, canvas, us, foot)
    box(canvas, 0, 1, foot - 0.03, foot, BOARD)
    box(canvas, 0, 1, foot, foot + 0.006, 0.3 * stops(WOODS, scene.tint))
    sofa(scene, canvas, sofa_x, foot)
    lamps_and_plants(scene, canvas, sofa_x, foot, standing.tolist())
    return canvas


def casement(scene: Scene, canvas: Floats, x: float, foot: float) -> None:
    """A window with a cross, a sill and curtains; the sky behind it belongs to the scene."""
    size = len(canvas)
    top, bottom = foot - 0.46, foot - 0.17
    post(canvas, x, 0.135, top - 0.02, bottom + 0.02, BOARD)
    pane = (x - 0.115, x + 0.115, top, bottom)
    area = patch(canvas, *pane)
    view = sky(scene, area.xs[0], area.ys[:, 0])
    crest = 0.02 * np.sin(14 * area.xs + scene.relief * 6)
    hills = clamp((area.ys - bottom + 0.07 + crest) * size)
    cover(view, light(92, 124, 78) * 0.8, hills)
    cover(area.pixels, view, area.inside(*pane))
    post(canvas, x, 0.006, top, bottom, BOARD)
    post(canvas, x, 0.115, top + 0.10, top + 0.112, BOARD)
    post(canvas, x, 0.15, bottom + 0.01, bottom + 0.03, 0.9 * BOARD)
    cloth = CLOTHS[scene.ground_seed % len(CLOTHS)]
    for side in (-1, 1):
        curtain = x + side * 0.15
        x0, x1, y0, y1 = curtain - 0.042, curtain + 0.042, top - 0.03, bottom + 0.07
        area = patch(canvas, x0 - 1 / size, x1, y0, y1)
        folds = cloth * (0.95 + 0.2 * np.sin((area.xs - curtain) * 220))[..., None]
        cover(area.pixels, folds, area.inside(x0, x1, y0, y1))
    post(canvas, x, 0.21, top - 0.04, top - 0.03, light(92, 72, 54))


def boards(scene: Scene, canvas: Floats, us: Floats, foot: float) -> None:
    """Boards that run away from the viewer, and a rug with a border where the animal stands."""
    size = len(us)
    first = int(foot * size)
    ground = plane(scene, us, us[first:])
    across = ground.x / 9
    board = np.floor(across)
    grain = lookup("blades", across * 21, ground.y * 0.6 + 31 * board)
    tone = lookup("clouds", board * 37, board * 11)
    from_edge = np.minimum(across % 1, 1 - across % 1)
    gap = clamp(0.5 - from_edge * 9 / (0.12 * ground.depth + 0.35)) * ground.fade
    near = 0.9 + 0.16 * (ground.vs - foot)
    texture = (0.92 + 0.06 * tone + 0.05 * grain) * (1 - 0.7 * gap) * near
    canvas[first:] = stops(WOODS, scene.tint) * texture[..., None]

    cloth = CLOTHS[(scene.ground_seed // 7) % len(CLOTHS)]
    distance = np.sqrt(((ground.us - 0.5) / 0.45) ** 2 + ((ground.vs - 0.855) / 0.115) ** 2)
    weave = 1 + 0.07 * lookup("grain", ground.us * 400, ground.vs * 900)
    border = light(224, 208, 178)
    rings = ((1.0, cloth), (0.9, border), (0.82, 0.8 * cloth), (0.5, 1.15 * cloth))
    for radius, colour in rings:
        amount = clamp((radius - distance) * 0.1 * size + 0.5)
        cover(canvas[first:], colour * weave[..., None], amount)


def sofa(scene: Scene, canvas: Floats, x: float, foot: float) -> None:
    """A sofa under a painting of a landscape."""
    post(canvas, x, 0.085, foot - 0.44, foot - 0.30, light(88, 66, 46))
    post(canvas, x, 0.075, foot - 0.43, foot - 0.31, light(222, 214, 196))
    post(canvas, x, 0.062, foot - 0.42, foot - 0.365, light(150, 178, 190))
    post(canvas, x, 0.062, foot - 0.365, foot - 0.32, light(120, 140, 96))
    blobs(canvas, [(x + 0.02, foot - 0.385, 0.016, 0.016)], light(206, 154, 96))

    cloth = CLOTHS[(scene.ground_seed // 3) % len(CLOTHS)]
    sun = scene.sun_azimuth
    post(canvas, x, 0.17, foot + 0.015, foot + 0.04, light(58, 42, 32), 0.6)
    blobs(canvas, [(x + dx, foot - 0.10, 0.09, 0.10) for dx in (-0.08, 0, 0.08)], cloth, sun)
    post(canvas, x, 0.17, foot - 0.10, foot + 0.022, 0.9 * cloth)
    for dx in (-0.08, 0.08):
        blobs(canvas, [(x + dx, foot - 0.055, 0.085, 0.034)], 1.1 * cloth, 0.4 * sun)
    for dx in (-0.18, 0.18):
        arm = [(x + dx, foot - 0.085, 0.03, 0.034), (x + dx, foot - 0.03, 0.03, 0.06)]
        blobs(canvas, arm, 0.85 * cloth, sun)


def lamps_and_plants(
    scene: Scene, canvas: Floats, sofa_x: float, foot: float, standing: list[list[float]]
) -> None:
    """As many lamps and plants as the scene has props: beside the sofa, then the window."""
    out = 1 if sofa_x > 0.5 else -1  # away from the middle, which the window's other side faces
    places = (sofa_x + 0.235 * out, 1 - sofa_x - 0.23 * out)
    for x, (_, _, kind, *_) in zip(places, standing[: int(2.5 * scene.props)], strict=False):
        if kind < 0.5:
            post(canvas, x, 0.004, foot - 0.30, foot, LAMP_STAND)
            post(canvas, x, 0.03, foot - 0.008, foot + 0.006, LAMP_STAND)
            cone(canvas, x, foot - 0.47, foot - 0.29, 0.075, light(250, 232, 190), 0.1)
        else:
            for scale in (1.0, 0.7):
                green = light(62, 110, 58) * (1.4 - 0.4 * scale)
                fan(canvas, x, foot - 0.06, 0.09 * scale, 0.24 * scale, green)
            post(canvas, x, 0.03, foot - 0.075, foot + 0.01, light(190, 112, 76))
