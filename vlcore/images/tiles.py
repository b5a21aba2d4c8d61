"""A plain tile in place of a picture that is not there: it says what the picture shows.

The one idea: a set of embeddings has no pictures, and maps and pages want one for every row. What they get carries the
two names and nothing that could be taken for a picture or measured as one.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE = 192  # pixels, as of imported pictures
_PAPER, _INK, _FRAME = (242, 242, 242), (40, 40, 40), (190, 190, 190)
_LARGEST, _SMALLEST, _MARGIN = 34, 16, 12  # pixels


@lru_cache(maxsize=64)
def tile(obj: str, context: str) -> NDArray[np.uint8]:
    """A tile with the names of an object and a context, uint8 (SIDE, SIDE, 3), read-only."""
    picture = Image.new("RGB", (SIDE, SIDE), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=_FRAME, width=2)
    for text, middle in ((obj, SIDE * 0.38), (context, SIDE * 0.62)):
        fitting, font = _fitted(text)
        draw.text((SIDE / 2, middle), fitting, fill=_INK, font=font, anchor="mm")
    pixels = np.array(picture)
    pixels.flags.writeable = False  # everybody gets the same one
    return pixels


def _fitted(text: str) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """A text in the largest letters that fit, cut where the smallest do not; without accents, which the font lacks."""
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    room = SIDE - 2 * _MARGIN
    for size in range(_LARGEST, _SMALLEST - 1, -2):
        font = ImageFont.load_default(size)
        if font.getlength(text) <= room:
            return text, font
    while font.getlength(f"{text}…") > room:
        text = text[:-1]
    return f"{text.rstrip()}…", font
