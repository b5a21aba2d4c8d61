"""Drawing of a scene to pixels: place, shadow, animal, in this order.

The place is painted without knowing the animal and the animal is lit without knowing the place; an
8-bit mask mixes the two in integers. So twins agree bit for bit wherever the changed thing cannot
be seen."""

import dataclasses
import math
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.animals.camel import camel
from vlcore.scenes.animals.horse import horse, horse_build
from vlcore.scenes.animals.skeleton import Capsules, Point, gait
from vlcore.scenes.backgrounds.built import living_room, street
from vlcore.scenes.backgrounds.outdoors import BARE, DESERT, GRASS, SNOW, beach, land
from vlcore.scenes.backgrounds.skies import SKY_LIGHTS, elevation, lights, sun_direction
from vlcore.scenes.factors import CONTEXTS, OBJECTS, Scene
from vlcore.scenes.noise import lookup
from vlcore.scenes.raster import Floats, Frame, Surface, clamp, rasterise, view_of
from vlcore.scenes.styles import restyle

# Chosen so that both animals cover the same area on average (tests/scenes/test_draw.py measures
# it).
HORSE_SCALE, CAMEL_SCALE = 0.572, 0.585
PAINTERS: dict[str, Callable[[Scene, int], Floats]] = {
    "grass": partial(land, kind=GRASS),
    "desert": partial(land, kind=DESERT),
    "snow": partial(land, kind=SNOW),
    "beach": beach,
    "street": street,
    "room": living_room,
}


def animal(scene: Scene) -> Capsules:
    """The posed animal of a scene, in fractions of the picture's side."""
    if scene.object == "horse":
        return horse(scene).capsules(HORSE_SCALE * scene.size / horse_build(scene.form).legs ** 0.5)
    return camel(scene).capsules(CAMEL_SCALE * scene.size)


@lru_cache(maxsize=2)
def place(scene: Scene, size: int) -> Floats:
    """The place of a scene as light (size, size, 3), without the animal and its shadow. With
    `context_contrast` c it is n + c (own - n), where n is bare land under the same sky."""
    own = PAINTERS[scene.context](scene, size)
    if scene.context_contrast == 1:
        return own
    bare = land(scene, size, BARE)
    return bare + scene.context_contrast * (own - bare)


RENDERER_VERSION = 2
PITCH = 0.13  # the viewer looks down a little, so that far feet stand higher than near ones
FINE = 2  # the animal is drawn twice as fine as the picture, then averaged
FORWARD = 0.16  # of the size: neck and head reach out in front of the feet's middle
HEIGHT = 0.57  # of the size: at the withers
FLAT = 0.19  # how much of a length over the ground, away from the viewer, is seen
SOFT = 0.05  # width of a shadow's edge near the ground, in heights at the withers
LONGEST = 1.7  # how long a shadow may grow, in heights of what throws it

# Coat, dark points, pale parts. One palette for both animals.
COATS = {
    "bay": lights((126, 76, 48), (38, 26, 22), (226, 214, 198)),
    "chestnut": lights((150, 88, 54), (98, 54, 34), (232, 216, 196)),
    "brown": lights((96, 66, 48), (44, 32, 28), (206, 190, 172)),
    "black": lights((58, 54, 56), (26, 25, 28), (196, 192, 188)),
    "grey": lights((152, 152, 154), (78, 78, 84), (228, 228, 226)),
    "cream": lights((222, 204, 170), (150, 122, 88), (246, 240, 226)),
    "dun": lights((190, 152, 104), (76, 56, 40), (236, 222, 196)),
    "sand": lights((206, 164, 112), (122, 82, 52), (240, 224, 196)),
}


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture and where its animal is."""

    image: NDArray[np.uint8]  # (size, size, 3), sRGB
    mask: NDArray[np.uint8]  # (size, size), coverage of the animal: 0 nowhere, 255 wholly


def draw(scene: Scene, size: int = 128) -> Drawing:
    """The scene as a picture of `size` x `size` pixels; the same bits every time. With
    `object_contrast` o the animal and its shadow cover o times what they would; the mask stays that
    of o = 1. A style other than "photo" is put over the finished picture. Raises ValueError for a
    size under 16."""
    if size < 16:
        raise ValueError(f"a picture needs a size of at least 16 pixels, not {size}")
    # What twins have in common is drawn once for all of them; and so neither part can know what it
    # must not.
    ground = scene.replace(object=OBJECTS[0])
    image = encode(
        place(ground, size)
        * (1 - np.float32(scene.object_contrast) * shadow(ground, size))[..., None]
    )
    rows, columns, colour, coverage = _foreground(
        scene.replace(context=CONTEXTS[0], context_contrast=1.0), size
    )
    mask = np.zeros((size, size), np.uint8)
    mask[rows, columns] = coverage
    share = np.rint(coverage * np.float32(scene.object_contrast)).astype(np.uint32)[..., None]
    image[rows, columns] = (image[rows, columns] * (255 - share) + colour * share + 127) // 255
    return Drawing(restyle(scene, image, mask), mask)


@lru_cache(maxsize=2)
def _foreground(
    scene: Scene, size: int
) -> tuple[slice, slice, NDArray[np.uint8], NDArray[np.uint8]]:
    """The part of the picture that the animal can touch, finely divided: its rows and columns,
    colour and coverage."""
    reach = 0.72 * scene.size
    x0, x1 = (max(0, min(size, round((scene.x + side * reach) * size))) for side in (-1, 1))
    y0, y1 = (
        max(0, round((scene.y - 1.15 * scene.size) * size)),
        min(size, math.ceil((scene.y + 0.12) * size)),
    )
    feet = scene.x - math.cos(scene.heading) * FORWARD * scene.size
    view, corner = view_of(scene.heading, PITCH), (x0 / size - feet, scene.y - y0 / size)
    frame = Frame(
        view, *corner, pixel=1 / (size * FINE), width=(x1 - x0) * FINE, height=(y1 - y0) * FINE
    )
    surface = settle(rasterise(animal(scene), frame), 0.011 * scene.size / (frame.pixel * FINE))
    colour = encode(np.moveaxis(shade(scene, surface, frame), 0, -1))
    # Rounded up, so that the mask is zero only where the animal does not touch.
    coverage = np.ceil(surface.coverage * 255 - 1e-3).clip(0, 255).astype(np.uint8)
    return slice(y0, y1), slice(x0, x1), colour, coverage


def encode(light: Floats) -> NDArray[np.uint8]:
    """Light to 8 bits with gamma 2, near enough to sRGB and cheap."""
    return (np.sqrt(np.clip(light, 0, 1)) * 255 + 0.5).astype(np.uint8)


def settle(surface: Surface, soften: float) -> Surface:
    """The surface averaged to whole pixels, with the creases between capsules softened over
    `soften` pixels."""
    from scipy.ndimage import (
        gaussian_filter,  # here, because pages and commands know scenes and draw none
    )

    def pool(plane: Floats) -> Floats:  # means over FINE x FINE blocks of the last two axes
        rows = plane[..., ::FINE, :] + plane[..., 1::FINE, :]
        return (rows[..., ::FINE] + rows[..., 1::FINE]) / FINE**2

    cover = pool(surface.coverage)
    planes = pool(surface.planes * surface.coverage)
    planes[[0, 4]] /= np.maximum(cover, 1e-6)
    normal = gaussian_filter(planes[1:4], soften, axes=(1, 2), truncate=2.5)
    planes[1:4] = normal / np.maximum(np.sqrt((normal * normal).sum(0)), 1e-6)
    return Surface(planes, cover)


def shade(scene: Scene, surface: Surface, frame: Frame) -> Floats:
    """Light (3, h, w) from sun, sky, ground and rim on coat and markings; nothing of the context
    enters."""
    depth, right, up, front, _ = surface.planes
    sun = [np.float32(x) for x in sun_direction(scene)]
    facing = right * sun[0] + up * sun[1] + front * sun[2]
    direct = np.maximum(facing * 0.82 + 0.18, 0) * np.float32(1.15 * scene.sun_strength)
    # What lies deep behind the near side (far legs, under the belly) sees less of everything.
    nearness = np.minimum(np.maximum(1 + depth * np.float32(1 / (0.55 * scene.size)), 0.45), 1)
    ambient = 0.28 + 0.17 * up
    rim = (
        (1 - np.minimum(front, 1)) ** 3
        * np.maximum(up * 0.7 + right * (sun[0] * 0.6) + 0.1, 0)
        * 0.10
    )
    glint = (
        np.maximum(facing * front * 2 - sun[2], 0) ** 12 * 0.10
    )  # Phong: sun mirrored towards the viewer
    lit = markings(scene, surface, frame)
    for plane, warm, cool in zip(
        lit, SKY_LIGHTS[scene.sky].sun, SKY_LIGHTS[scene.sky].shade, strict=True
    ):
        plane *= (direct * warm + ambient * cool) * nearness
        plane += rim * cool + glint * warm
    return lit


def markings(scene: Scene, surface: Surface, frame: Frame) -> Floats:
    """Colour of the coat (3, h, w): points and pale parts by tone, pale belly; grain and spots stay
    with the animal."""
    us = (frame.left + np.arange(frame.width // FINE) * (frame.pixel * FINE)) / scene.size
    vs = (frame.top - np.arange(frame.height // FINE) * (frame.pixel * FINE)) / scene.size
    us, vs, shift = us[None], vs[:, None], scene.fur_seed % 256
    strokes = lookup("blades", us * 220 + shift, vs * 220)
    grain = 1 + 0.06 * strokes + 0.06 * lookup("clouds", us * 130 + shift, vs * 130)
    coat, points, pale = COATS[scene.coat]
    coat = coat * (0.8 + 0.45 * scene.shade)
    tone, up = surface.planes[4], surface.planes[2]
    belly = np.maximum(-up - 0.25, 0) * np.float32(0.5 * scene.socks)
    if scene.pattern == "patches":
        spots = lookup("clouds", us * 60 + shift, vs * 60 + shift // 3)
        spots = clamp((spots - spots.mean() - 0.35) * 9)
        tone = np.where(tone < 0.45, np.minimum(tone, -1.2 * spots), tone)
    dark = np.minimum(np.maximum(tone, 0), 1)
    bright = np.minimum(np.maximum(-tone, belly), 1) * (1 - dark)
    if scene.pattern == "dapples":
        spots = clamp((lookup("grain", us * 62 + shift, vs * 62) - 0.3) * 1.2)
        grain = grain * (1 + 0.4 * spots * np.maximum(up + 0.6, 0) * (1 - dark))
    grain = grain * (1 + 0.16 * strokes * np.maximum(dark - 0.4, 0))  # long hair shows its strands
    planes = np.empty((3, *tone.shape), np.float32)
    for i in range(3):
        planes[i] = (coat[i] + dark * (points[i] - coat[i]) + bright * (pale[i] - coat[i])) * grain
    return planes


def shadow(scene: Scene, size: int) -> Floats:
    """How much light (size, size) the animal keeps from the ground: dim where it stands, dark where
    the sun throws its body, neck and legs. The bones are those that horse and camel have in common:
    a shadow that knew the object would give it away in the background."""
    dark = np.zeros((size, size), np.float32)
    x0, x1 = (
        max(0, min(size, round((scene.x + side * 1.3 * scene.size) * size))) for side in (-1, 1)
    )
    y0 = max(0, round((scene.y - 0.3 * scene.size) * size))
    y1 = min(size, math.ceil((scene.y + 0.2 * scene.size) * size))
    us = (np.arange(x0, x1, dtype=np.float32)[None] + 0.5) / size
    vs = (np.arange(y0, y1, dtype=np.float32)[:, None] + 0.5) / size
    # Over the ground, in heights at the withers: right of the feet's middle, and away from the
    # viewer.
    cos, sin = math.cos(scene.heading), math.sin(scene.heading)
    across = (us - scene.x + cos * FORWARD * scene.size) / (HEIGHT * scene.size)
    away = (scene.y - vs) / (HEIGHT * FLAT * scene.size)
    throw = min(LONGEST, 1 / math.tan(elevation(scene)))
    drift = -throw * math.sin(scene.sun_azimuth), throw * math.cos(scene.sun_azimuth)

    def thrown(x: float, y: float, z: float) -> tuple[float, float]:
        return x * cos - z * sin + y * drift[0], y * drift[1] - x * sin - z * cos

    free = np.ones(np.broadcast_shapes(across.shape, away.shape), np.float32)
    for start, end, radius in bones(scene):
        soft = SOFT + 0.07 * (
            start[1] + end[1]
        )  # the sun is wide: what is high up throws a softer edge
        (left, near), (right, far) = thrown(*start), thrown(*end)
        dx, dy, x, y = right - left, far - near, across - left, away - near
        along = clamp((x * dx + y * dy) / (dx * dx + dy * dy + 1e-9))
        gap = np.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2) - radius
        np.minimum(free, clamp(gap / soft + 0.5), out=free)
    sky = SKY_LIGHTS[scene.sky]
    depth = min(0.62, 0.6 * scene.sun_strength * sky.sun[1] / sky.shade[1])
    under = ((across * cos - away * sin) / 0.64) ** 2 + ((away * cos + across * sin) / 0.38) ** 2
    contact = (0.62 if scene.pose == "lying" else 0.4) * np.clip(1.2 - under, 0, 1) ** 1.5
    dark[y0:y1, x0:x1] = 1 - (1 - depth * (1 - free)) * (1 - contact)
    return dark


def bones(scene: Scene) -> list[tuple[Point, Point, float]]:
    """Segments of a shadow and their radius, in body coordinates."""
    if scene.pose == "lying":
        neck = (0.60, 0.62, 0)
        return [
            ((-0.34, 0.2, 0), (0.34, 0.2, 0), 0.22),
            ((0.36, 0.3, 0), neck, 0.09),
            (neck, (0.82, 0.52, 0), 0.06),
        ]
    down = scene.pose == "grazing"
    poll, nose = (
        ((0.78, 0.35, 0.0), (0.84, 0.08, 0.0)) if down else ((0.66, 1.16, 0.0), (0.90, 1.02, 0.0))
    )
    parts = [
        ((-0.34, 0.8, 0.0), (0.32, 0.78, 0.0), 0.2),
        ((0.36, 0.82, 0.0), poll, 0.1),
        (poll, nose, 0.06),
    ]
    for (fore, side), (swing, bend) in gait(scene).items():
        hip = 0.33 if fore else -0.33
        hoof = (hip + 0.72 * math.sin(swing), 0.04 + 0.12 * bend, 0.1 * side)
        parts.append(((hip, 0.7, 0.08 * side), hoof, 0.045))
    return parts
