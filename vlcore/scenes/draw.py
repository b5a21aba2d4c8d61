"""Drawing of a scene to pixels: place, shadow, animal, in this order.

The place is painted without knowing the animal and the animal is lit without knowing the place; an 8-bit mask mixes
the two in integers. So twins agree bit for bit wherever the changed thing cannot be seen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from vlcore.scenes.animals.camel import camel
from vlcore.scenes.animals.horse import build_of, horse
from vlcore.scenes.animals.skeleton import Capsules
from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import fields, lookup
from vlcore.scenes.places.built import room, street
from vlcore.scenes.places.outdoors import BARE, DESERT, GRASS, SNOW, beach, land
from vlcore.scenes.places.skies import SKIES, light, sun_direction
from vlcore.scenes.raster import Floats, Frame, Surface, clamp, rasterise, view_of
from vlcore.scenes.shadows import FORWARD, shadow
from vlcore.scenes.styles import restyle

# Chosen so that both animals cover the same area on average (tests/scenes/test_draw.py measures it).
HORSE_SCALE = 0.572
CAMEL_SCALE = 0.585


def animal(scene: Scene) -> Capsules:
    """The posed animal of a scene, in fractions of the picture's side."""
    if scene.object == "horse":
        return horse(scene).capsules(HORSE_SCALE * scene.size / build_of(scene.form).legs ** 0.5)
    return camel(scene).capsules(CAMEL_SCALE * scene.size)


PAINTERS: dict[str, Callable[[Scene, int], Floats]] = {
    "grass": partial(land, kind=GRASS),
    "desert": partial(land, kind=DESERT),
    "snow": partial(land, kind=SNOW),
    "beach": beach,
    "street": street,
    "room": room,
}


def place(scene: Scene, size: int) -> Floats:
    """The place of a scene as light (size, size, 3), without the animal and without its shadow.

    With `context_contrast` c it is n + c (own - n), where n is bare land under the same sky.
    """
    own = PAINTERS[scene.context](scene, size)
    if scene.context_contrast == 1:
        return own
    bare = land(scene, size, BARE)
    mixed: Floats = bare + scene.context_contrast * (own - bare)
    return mixed


RENDERER_VERSION = 2
PITCH = 0.13  # the viewer looks down a little, so that far feet stand higher than near ones
FINE = 2  # the animal is drawn twice as fine as the picture, then averaged

# Coat, dark points, pale parts. One palette for both animals.
COATS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]] = {
    "bay": ((126, 76, 48), (38, 26, 22), (226, 214, 198)),
    "chestnut": ((150, 88, 54), (98, 54, 34), (232, 216, 196)),
    "brown": ((96, 66, 48), (44, 32, 28), (206, 190, 172)),
    "black": ((58, 54, 56), (26, 25, 28), (196, 192, 188)),
    "grey": ((152, 152, 154), (78, 78, 84), (228, 228, 226)),
    "cream": ((222, 204, 170), (150, 122, 88), (246, 240, 226)),
    "dun": ((190, 152, 104), (76, 56, 40), (236, 222, 196)),
    "sand": ((206, 164, 112), (122, 82, 52), (240, 224, 196)),
}


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture and where its animal is."""

    image: NDArray[np.uint8]  # (size, size, 3), sRGB
    mask: NDArray[np.uint8]  # (size, size), coverage of the animal: 0 nowhere, 255 wholly


def draw(scene: Scene, size: int = 128) -> Drawing:
    """The scene as a picture of `size` x `size` pixels; the same bits every time.

    With `object_contrast` o the animal and its shadow cover o times what they would; the mask stays that of o = 1.
    A style other than "photo" is put over the finished picture. Raises ValueError for a size under 16.
    """
    if size < 16:
        raise ValueError(f"a picture needs a size of at least 16 pixels, not {size}")
    contrast = np.float32(scene.object_contrast)
    image = encode(place(scene, size) * (1 - contrast * shadow(scene, size))[..., None])
    mask = np.zeros((size, size), np.uint8)
    frame, (x0, y0) = frame_of(scene, size)
    colour, coverage = figure(scene, frame)
    window = np.s_[y0 : y0 + coverage.shape[0], x0 : x0 + coverage.shape[1]]
    mask[window] = coverage
    share = np.rint(coverage * contrast).astype(np.uint32)[..., None]
    image[window] = (image[window] * (255 - share) + colour * share + 127) // 255
    return Drawing(restyle(scene, image, mask), mask)


def encode(light: Floats) -> NDArray[np.uint8]:
    """Light to 8 bits with gamma 2, near enough to sRGB and cheap."""
    return (np.sqrt(np.clip(light, 0, 1)) * 255 + 0.5).astype(np.uint8)


def frame_of(scene: Scene, size: int) -> tuple[Frame, tuple[int, int]]:
    """The part of the picture that the animal can touch, finely divided, and its corner in whole pixels."""
    reach = 0.72 * scene.size
    x0, x1 = (max(0, min(size, round((scene.x + side * reach) * size))) for side in (-1, 1))
    y0, y1 = max(0, round((scene.y - 1.15 * scene.size) * size)), min(size, math.ceil((scene.y + 0.12) * size))
    feet = scene.x - math.cos(scene.heading) * FORWARD * scene.size
    frame = Frame(
        view=view_of(scene.heading, PITCH),
        left=x0 / size - feet,
        top=scene.y - y0 / size,
        pixel=1 / (size * FINE),
        width=(x1 - x0) * FINE,
        height=(y1 - y0) * FINE,
    )
    return frame, (x0, y0)


def figure(scene: Scene, frame: Frame) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The lit animal: colours (h, w, 3) and coverage (h, w), in whole pixels."""
    surface = settle(rasterise(animal(scene), frame), 0.011 * scene.size / (frame.pixel * FINE))
    colour = shade(scene, surface, frame)  # (3, h, w)
    # Rounded up, so that the mask is zero only where the animal does not touch.
    cover = np.ceil(surface.coverage * 255 - 1e-3).clip(0, 255)
    return encode(np.moveaxis(colour, 0, -1)), cover.astype(np.uint8)


def settle(surface: Surface, soften: float) -> Surface:
    """The surface averaged to whole pixels, with the creases between capsules softened over `soften` pixels."""
    cover = pool(surface.coverage)
    planes = pool(surface.planes * surface.coverage)
    planes[[0, 4]] /= np.maximum(cover, 1e-6)
    normal = gaussian_filter(planes[1:4], soften, axes=(1, 2), truncate=2.5)
    planes[1:4] = normal / np.maximum(np.sqrt((normal * normal).sum(0)), 1e-6)
    return Surface(planes, cover)


def pool(plane: Floats) -> Floats:
    """Means over FINE x FINE blocks of the last two axes."""
    rows = plane[..., ::FINE, :] + plane[..., 1::FINE, :]
    means: Floats = (rows[..., ::FINE] + rows[..., 1::FINE]) / FINE**2
    return means


def shade(scene: Scene, surface: Surface, frame: Frame) -> Floats:
    """Light (3, h, w) from sun, sky, ground and rim on coat and markings; nothing of the context enters."""
    depth, right, up, front, _ = surface.planes
    sun = [np.float32(x) for x in sun_direction(scene)]
    facing = right * sun[0] + up * sun[1] + front * sun[2]
    direct = np.maximum(facing * 0.82 + 0.18, 0) * np.float32(1.15 * scene.sun_strength)
    # What lies deep behind the near side (far legs, under the belly) sees less of everything.
    nearness = np.minimum(np.maximum(1 + depth * np.float32(1 / (0.55 * scene.size)), 0.45), 1)
    ambient = 0.28 + 0.17 * up
    rim = (1 - np.minimum(front, 1)) ** 3 * np.maximum(up * 0.7 + right * (sun[0] * 0.6) + 0.1, 0) * 0.10
    glint = np.maximum(facing * front * 2 - sun[2], 0) ** 12 * 0.10  # Phong: sun mirrored towards the viewer
    lit = markings(scene, surface, frame)
    for plane, warm, cool in zip(lit, SKIES[scene.sky].sun, SKIES[scene.sky].shade, strict=True):
        plane *= (direct * warm + ambient * cool) * nearness
        plane += rim * cool + glint * warm
    return lit


def markings(scene: Scene, surface: Surface, frame: Frame) -> Floats:
    """Colour of the coat (3, h, w): points and pale parts by tone, a paler belly, and the grain of fur."""
    coat, points, pale = (light(*colour) for colour in COATS[scene.coat])
    coat = coat * (0.8 + 0.45 * scene.shade)
    tone, up = surface.planes[4], surface.planes[2]
    belly = np.maximum(-up - 0.25, 0) * np.float32(0.5 * scene.socks)
    strokes, grain, spots = fur(scene, frame)
    if scene.pattern == "patches":
        tone = np.where(tone < 0.45, np.minimum(tone, -1.2 * spots), tone)
    dark = np.minimum(np.maximum(tone, 0), 1)
    bright = np.minimum(np.maximum(-tone, belly), 1) * (1 - dark)
    if scene.pattern == "dapples":
        grain = grain * (1 + 0.4 * spots * np.maximum(up + 0.6, 0) * (1 - dark))
    grain = grain * (1 + 0.16 * strokes * np.maximum(dark - 0.4, 0))  # long hair shows its strands
    planes = np.empty((3, *tone.shape), np.float32)
    for i in range(3):
        planes[i] = (coat[i] + dark * (points[i] - coat[i]) + bright * (pale[i] - coat[i])) * grain
    return planes


def fur(scene: Scene, frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Strokes of hair around 0, brightness of short hair around 1, and the spots of the coat's pattern, 0 to 1, each
    (h, w); all stay with the animal."""
    us = (frame.left + np.arange(frame.width // FINE) * (frame.pixel * FINE)) / scene.size
    vs = (frame.top - np.arange(frame.height // FINE) * (frame.pixel * FINE)) / scene.size
    us, vs, shift = us[None], vs[:, None], scene.fur_seed % 256
    strokes = lookup(fields().blades, us * 220 + shift, vs * 220)
    patches = lookup(fields().clouds, us * 130 + shift, vs * 130)
    grain = 1 + 0.06 * strokes + 0.06 * patches
    if scene.pattern == "patches":
        spots = lookup(fields().clouds, us * 60 + shift, vs * 60 + shift // 3)
        return strokes, grain, clamp((spots - spots.mean() - 0.35) * 9)
    if scene.pattern == "dapples":
        return strokes, grain, clamp((lookup(fields().grain, us * 62 + shift, vs * 62) - 0.3) * 1.2)
    return strokes, grain, np.zeros_like(grain)
