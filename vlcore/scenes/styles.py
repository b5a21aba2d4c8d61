"""The finished image as a watercolour, a pencil drawing or a night.

A style is a fixed filter of a small reach that reads neither object nor context, and nothing is
scaled by the image's own extremes. So twins still agree a few pixels away from what was
changed."""

import numpy as np
from numpy.typing import NDArray

from vlcore.scenes.backgrounds.landscape import light
from vlcore.scenes.factors import Scene
from vlcore.scenes.noise import lookup, pixel_centres
from vlcore.scenes.raster import Floats, clamp

Image = NDArray[np.uint8]
GREY = np.array([0.299, 0.587, 0.114], np.float32)
PAPER = np.array([0.985, 0.975, 0.945], np.float32)
LEAD = np.array([0.16, 0.16, 0.18], np.float32)
MOONLIGHT = np.array([0.17, 0.25, 0.46], np.float32)
STARS = 36  # cells of the sky in a row
STARS_END = 0.33  # over the horizon, where neither ridge nor roof reaches


def restyle(scene: Scene, image: Image, mask: Image) -> Image:
    """An image (size, size, 3) and its animal's mask (size, size) in the style of the scene; a
    photo is left alone."""
    if scene.style == "photo":
        return image
    shades = FILTERS[scene.style](scene, image.astype(np.float32) / 255, mask)
    return (np.clip(shades, 0, 1) * 255 + 0.5).astype(np.uint8)


def watercolour(scene: Scene, image: Floats, mask: Image) -> Floats:
    """Washes that bleed along wobbling borders, pigment that gathers at their edges, and the tooth
    of the paper."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    size = len(image)
    us, vs, shift = paper_positions(scene, size)
    wobble = 0.006 * size
    rows = vs * size - 0.5 + wobble * lookup("clouds", us * 150 + shift, vs * 150)
    columns = us * size - 0.5 + wobble * lookup("clouds", us * 150, vs * 150 + shift)
    soft = gaussian_filter(image, (0.006 * size, 0.006 * size, 0), truncate=2)
    channels = [
        map_coordinates(soft[..., i], [rows, columns], order=1, mode="nearest") for i in range(3)
    ]
    wash = np.stack(channels, -1)
    grey = wash @ GREY
    # Dark next to light: where pigment gathers.
    pool = gaussian_filter(grey, 0.022 * size, truncate=2) - grey
    bloom = lookup("clouds", us * 46 + shift, vs * 46 + shift)
    tooth = lookup("grain", us * 210 + shift, vs * 210)
    density = 0.86 + 0.07 * bloom + 0.035 * tooth + 2.2 * np.maximum(pool, 0)
    colour = grey[..., None] + 1.25 * (wash - grey[..., None])
    rim = np.minimum(np.minimum(us, 1 - us), np.minimum(vs, 1 - vs)) - 0.014 - 0.009 * bloom
    density *= clamp(rim * 60)
    return PAPER * (1 - density[..., None] * (1 - colour))


def pencil(scene: Scene, image: Floats, mask: Image) -> Floats:
    """Outlines where tones meet, and two directions of hatching, the second in the dark only."""
    from scipy.ndimage import gaussian_filter

    size = len(image)
    us, vs, shift = paper_positions(scene, size)
    grey = image @ GREY
    soft = gaussian_filter(grey, 0.005 * size, truncate=2)
    wide = gaussian_filter(grey, 0.014 * size, truncate=2)
    line = clamp((wide - soft - 0.006) * 9)  # on the dark side of an edge
    first = lookup("blades", (us + vs) * 170 + shift, (vs - us) * 46)
    second = lookup("blades", (us - 0.35 * vs) * 170, (vs + 0.35 * us) * 46 + shift)
    tooth = lookup("grain", us * 210 + shift, vs * 210)
    tone = 1 - soft
    light_hatch = clamp(0.7 * (tone - 0.2) + 0.22 * first * (0.15 + tone))
    dark_hatch = clamp(1.3 * (tone - 0.6) + 0.2 * second * tone)
    hatch = light_hatch + dark_hatch
    dark = clamp(0.3 * tone * tone + 0.6 * hatch + 0.8 * line + 0.03 * tooth)
    return PAPER + 0.92 * dark[..., None] * (LEAD - PAPER)


def night(scene: Scene, image: Floats, mask: Image) -> Floats:
    """Moonlight: blue, dark, a little brighter on the animal, and stars high in the sky."""
    size = len(image)
    us, vs, shift = paper_positions(scene, size)
    lit = image * image  # to light
    grey = (lit @ GREY)[..., None]
    animal = mask.astype(np.float32) * np.float32(scene.object_contrast / 255)
    moon = (grey + 0.35 * (lit - grey)) * MOONLIGHT * (0.88 + 1.2 * animal)[..., None]
    moon += 0.012 * MOONLIGHT
    stars = starlight(us, vs, shift, size)
    high = clamp((scene.horizon - STARS_END - vs) * 8 + 0.5)
    high = high * clamp(1.3 - 2 * grey[..., 0]) * (1 - animal)
    if scene.context == "room":
        high *= 1 - scene.context_contrast  # a ceiling hides them as far as there is one
    moon += (stars * high)[..., None] * light(230, 236, 255)
    return np.sqrt(moon)


def starlight(us: Floats, vs: Floats, shift: int, size: int) -> Floats:
    """Stars (size, size): at most one in a cell of the sky, somewhere in it."""
    across, down = us * STARS, vs * STARS
    x, y = np.floor(across) * 37 + shift, np.floor(down) * 53
    bright = clamp(lookup("grain", x, y) - 1.0)
    star_x, star_y = (
        0.5 + 0.25 * np.clip(lookup("grain", x + 11 * k, y), -1.5, 1.5) for k in (1, 2)
    )
    distance = np.hypot(across % 1 - star_x, down % 1 - star_y) * size / STARS  # in pixels
    return 0.9 * bright * clamp(1.3 - distance * 170 / (size + 40))


def paper_positions(scene: Scene, size: int) -> tuple[Floats, Floats, int]:
    """Pixel centres (1, size) and (size, 1), and how far this scene's paper is shifted under the
    noise."""
    us = pixel_centres(size)
    return us[None], us[:, None], scene.cloud_seed % 256


FILTERS = {"watercolour": watercolour, "pencil": pencil, "night": night}
