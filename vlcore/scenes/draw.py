"""Drawing of a scene to pixels: background, shadow, animal, in this order.

The background is painted without knowing the animal and the animal is lit without knowing the
background; an 8-bit mask mixes the two in integers. So twins agree bit for bit wherever the changed
thing cannot be seen."""

import dataclasses
import math
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.animals.camel import camel
from vlcore.scenes.animals.horse import horse, horse_build
from vlcore.scenes.animals.skeleton import Capsules, gait
from vlcore.scenes.backgrounds.built import living_room, street
from vlcore.scenes.backgrounds.landscape import SKY_LIGHTS, elevation, lights, sun_direction
from vlcore.scenes.backgrounds.outdoors import BARE, DESERT, GRASS, SNOW, beach, land
from vlcore.scenes.factors import CONTEXTS, OBJECTS, Scene
from vlcore.scenes.noise import lookup
from vlcore.scenes.raster import Floats, Frame, Surface, clamp, rasterise, view_of

RENDERER_VERSION = 2
# Chosen so that both animals cover the same area on average (tests/scenes/test_draw.py measures
# it).
HORSE_SCALE, CAMEL_SCALE = 0.572, 0.585
PITCH = 0.13  # the viewer looks down a little, so that far feet stand higher than near ones
FINE = 2  # the animal is drawn twice as fine as the image, then averaged
FORWARD = 0.16  # of the size: neck and head reach out in front of the feet's middle
HEIGHT = 0.57  # of the size: at the withers
FLAT = 0.19  # how much of a length over the ground, away from the viewer, is seen
SOFT = 0.05  # width of a shadow's edge near the ground, in heights at the withers
LONGEST = 1.7  # how long a shadow may grow, in heights of what throws it

PAINTERS: dict[str, Callable[[Scene, int], Floats]] = {
    "grass": partial(land, kind=GRASS),
    "desert": partial(land, kind=DESERT),
    "snow": partial(land, kind=SNOW),
    "beach": beach,
    "street": street,
    "room": living_room,
}
# Coat, dark points, pale parts. One palette for both animals.
COAT_LIGHTS = {
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
    """An image and where its animal is."""

    image: NDArray[np.uint8]  # (size, size, 3), sRGB
    mask: NDArray[np.uint8]  # (size, size), coverage by the animal: 0 none, 255 all


def draw_scene(scene: Scene, size: int = 128) -> Drawing:
    """The scene as an image of `size` x `size` pixels; the same bits every time on one kind of
    processor. Without AVX-512, 4 of 624 drawings differed in one pixel, by 1.

    With `object_contrast` o the animal and its shadow cover o times what they would; the mask stays
    that of o = 1.

    Raises:
        ValueError: The size is under 16.
    """
    if size < 16:
        raise ValueError(f"an image needs a size of at least 16 pixels, not {size}")
    # Twins share a background (another object) or an animal (another context). With the factor that
    # a part must not know set to its first value, the part is drawn once for all twins.
    ground = scene.replace(object=OBJECTS[0])
    animal = foreground(scene.replace(context=CONTEXTS[0], context_contrast=1.0), size)
    contrast = np.float32(scene.object_contrast)
    light = paint_background(ground, size)
    image = encode(light * (1 - contrast * shadow(ground, size))[..., None])
    mask = np.zeros((size, size), np.uint8)
    mask[animal.rows, animal.columns] = animal.coverage
    share = np.rint(animal.coverage * contrast).astype(np.uint32)[..., None]
    window = image[animal.rows, animal.columns]
    window[:] = (window * (255 - share) + animal.colour * share + 127) // 255
    return Drawing(image, mask)


@lru_cache(maxsize=2)
def paint_background(scene: Scene, size: int) -> Floats:
    """The background of a scene as light (size, size, 3), without the animal and its shadow. With
    `context_contrast` c it is b + c (p - b), where p is the context and b is bare land under the
    same sky."""
    painted = PAINTERS[scene.context](scene, size)
    if scene.context_contrast == 1:
        return painted
    bare = land(scene, size, BARE)
    return bare + scene.context_contrast * (painted - bare)


@dataclasses.dataclass(frozen=True)
class Foreground:
    """The part of an image that the animal can touch."""

    rows: slice
    columns: slice
    colour: NDArray[np.uint8]  # (rows, columns, 3)
    coverage: NDArray[np.uint8]  # (rows, columns)


@lru_cache(maxsize=2)
def foreground(scene: Scene, size: int) -> Foreground:
    """The animal of a scene, in an image of `size` x `size` pixels."""
    columns = span(scene.x, 0.72 * scene.size, size)
    rows = slice(
        max(0, round((scene.y - 1.15 * scene.size) * size)),
        min(size, math.ceil((scene.y + 0.12) * size)),
    )
    feet = scene.x - math.cos(scene.heading) * FORWARD * scene.size
    frame = Frame(
        view_of(scene.heading, PITCH),
        left=columns.start / size - feet,
        top=scene.y - rows.start / size,
        pixel=1 / (size * FINE),
        width=(columns.stop - columns.start) * FINE,
        height=(rows.stop - rows.start) * FINE,
    )
    soften = 0.011 * scene.size / (frame.pixel * FINE)
    surface = settle(rasterise(posed_animal(scene), frame), soften)
    colour = encode(np.moveaxis(shade(scene, surface, frame), 0, -1))
    # Rounded up, so that the mask is zero only where the animal does not touch.
    coverage = np.ceil(surface.coverage * 255 - 1e-3).clip(0, 255).astype(np.uint8)
    return Foreground(rows, columns, colour, coverage)


def span(centre: float, reach: float, size: int) -> slice:
    """The columns within `reach` of a centre, both as fractions of the image's side."""
    first, last = (round((centre + side * reach) * size) for side in (-1, 1))
    return slice(max(0, min(size, first)), max(0, min(size, last)))


def posed_animal(scene: Scene) -> Capsules:
    """The posed animal of a scene, in fractions of the image's side."""
    if scene.object == "horse":
        legs = horse_build(scene.form).legs
        return horse(scene).capsules(HORSE_SCALE * scene.size / legs**0.5)
    return camel(scene).capsules(CAMEL_SCALE * scene.size)


def encode(light: Floats) -> NDArray[np.uint8]:
    """Light to 8 bits with gamma 2, near enough to sRGB and cheap."""
    return (np.sqrt(np.clip(light, 0, 1)) * 255 + 0.5).astype(np.uint8)


def settle(surface: Surface, soften: float) -> Surface:
    """The surface averaged to whole pixels, with the creases between capsules softened over
    `soften` pixels."""
    # Imported here, because pages and commands know scenes and draw none.
    from scipy.ndimage import gaussian_filter

    coverage = block_means(surface.coverage)
    planes = block_means(surface.planes * surface.coverage)
    planes[[0, 4]] /= np.maximum(coverage, 1e-6)
    normal = gaussian_filter(planes[1:4], soften, axes=(1, 2), truncate=2.5)
    planes[1:4] = normal / np.maximum(np.sqrt((normal * normal).sum(0)), 1e-6)
    return Surface(planes, coverage)


def block_means(planes: Floats) -> Floats:
    """Means over FINE x FINE blocks of the last two axes."""
    rows = planes[..., ::FINE, :] + planes[..., 1::FINE, :]
    return (rows[..., ::FINE] + rows[..., 1::FINE]) / FINE**2


def shade(scene: Scene, surface: Surface, frame: Frame) -> Floats:
    """Light (3, h, w) from sun, sky, ground and rim on coat and markings; nothing of the context
    enters."""
    depth, right, up, front, _ = surface.planes
    sun_right, sun_up, sun_front = (np.float32(x) for x in sun_direction(scene))
    facing = right * sun_right + up * sun_up + front * sun_front
    direct = np.maximum(facing * 0.82 + 0.18, 0) * np.float32(1.15 * scene.sun_strength)
    # What lies deep behind the near side (far legs, under the belly) sees less of everything.
    nearness = np.minimum(np.maximum(1 + depth * np.float32(1 / (0.55 * scene.size)), 0.45), 1)
    ambient = 0.28 + 0.17 * up
    above = np.maximum(up * 0.7 + right * (sun_right * 0.6) + 0.1, 0)
    rim = (1 - np.minimum(front, 1)) ** 3 * above * 0.10
    # Phong: the sun mirrored towards the viewer.
    glint = np.maximum(facing * front * 2 - sun_front, 0) ** 12 * 0.10
    lit = markings(scene, surface, frame)
    sky = SKY_LIGHTS[scene.sky]
    for plane, warm, cool in zip(lit, sky.sun, sky.shade, strict=True):
        plane *= (direct * warm + ambient * cool) * nearness
        plane += rim * cool + glint * warm
    return lit


def markings(scene: Scene, surface: Surface, frame: Frame) -> Floats:
    """Colour of the coat (3, h, w): points and pale parts by tone, pale belly; grain and spots stay
    with the animal."""
    pixel = frame.pixel * FINE
    us = (frame.left + np.arange(frame.width // FINE) * pixel)[None] / scene.size
    vs = (frame.top - np.arange(frame.height // FINE) * pixel)[:, None] / scene.size
    shift = scene.fur_seed % 256
    strokes = lookup("blades", us * 220 + shift, vs * 220)
    grain = 1 + 0.06 * strokes + 0.06 * lookup("clouds", us * 130 + shift, vs * 130)
    coat, points, pale = COAT_LIGHTS[scene.coat]
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
    columns = span(scene.x, 1.3 * scene.size, size)
    rows = slice(
        max(0, round((scene.y - 0.3 * scene.size) * size)),
        min(size, math.ceil((scene.y + 0.2 * scene.size) * size)),
    )
    us = (np.arange(columns.start, columns.stop, dtype=np.float32)[None] + 0.5) / size
    vs = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5) / size
    # Over the ground, in heights at the withers: right of the feet's middle, and away from the
    # viewer.
    cos, sin = math.cos(scene.heading), math.sin(scene.heading)
    across = (us - scene.x + cos * FORWARD * scene.size) / (HEIGHT * scene.size)
    distance = (scene.y - vs) / (HEIGHT * FLAT * scene.size)
    throw = min(LONGEST, 1 / math.tan(elevation(scene)))
    drift_x, drift_y = -throw * math.sin(scene.sun_azimuth), throw * math.cos(scene.sun_azimuth)

    def thrown(x: float, y: float, z: float) -> tuple[float, float]:
        return x * cos - z * sin + y * drift_x, y * drift_y - x * sin - z * cos

    lit = np.ones(np.broadcast_shapes(across.shape, distance.shape), np.float32)
    for start, end, radius in bones(scene):
        # The sun is wide: what is high up throws a softer edge.
        soft = SOFT + 0.07 * (start[1] + end[1])
        (left, near), (right, far) = thrown(*start), thrown(*end)
        dx, dy = right - left, far - near
        x, y = across - left, distance - near
        along = clamp((x * dx + y * dy) / (dx * dx + dy * dy + 1e-9))
        gap = np.sqrt((x - along * dx) ** 2 + (y - along * dy) ** 2) - radius
        np.minimum(lit, clamp(gap / soft + 0.5), out=lit)
    sky = SKY_LIGHTS[scene.sky]
    depth = min(0.62, 0.6 * scene.sun_strength * sky.sun[1] / sky.shade[1])
    under = ((across * cos - distance * sin) / 0.64) ** 2 + (
        (distance * cos + across * sin) / 0.38
    ) ** 2
    contact = (0.62 if scene.pose == "lying" else 0.4) * np.clip(1.2 - under, 0, 1) ** 1.5
    dark = np.zeros((size, size), np.float32)
    dark[rows, columns] = 1 - (1 - depth * (1 - lit)) * (1 - contact)
    return dark


Bone = tuple[tuple[float, float, float], tuple[float, float, float], float]  # ends, radius


def bones(scene: Scene) -> list[Bone]:
    """Segments of a shadow, in body coordinates."""
    if scene.pose == "lying":
        withers, nape, nose = (0.36, 0.3, 0.0), (0.60, 0.62, 0.0), (0.82, 0.52, 0.0)
        trunk = ((-0.34, 0.2, 0.0), (0.34, 0.2, 0.0), 0.22)
        return [trunk, (withers, nape, 0.09), (nape, nose, 0.06)]
    if scene.pose == "grazing":
        nape, nose = (0.78, 0.35, 0.0), (0.84, 0.08, 0.0)
    else:
        nape, nose = (0.66, 1.16, 0.0), (0.90, 1.02, 0.0)
    segments: list[Bone] = [
        ((-0.34, 0.8, 0.0), (0.32, 0.78, 0.0), 0.2),
        ((0.36, 0.82, 0.0), nape, 0.1),
        (nape, nose, 0.06),
    ]
    for (fore, side), (swing, bend) in gait(scene).items():
        hip = 0.33 if fore else -0.33
        hoof = (hip + 0.72 * math.sin(swing), 0.04 + 0.12 * bend, 0.1 * side)
        segments.append(((hip, 0.7, 0.08 * side), hoof, 0.045))
    return segments
