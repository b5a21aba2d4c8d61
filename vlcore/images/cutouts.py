"""A cut-out picture on each background in turn: the study's own question, "a camel inside a house", for anybody.

The one idea: only the background changes. Size and place of what was cut out stay, so that whatever a model says
differently was said because of the background.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.images.uploads import on_grey
from vlcore.scenes import CONTEXTS, draw, sample

SIDE = 256  # px of the pictures that are put together
GREY = "mid-grey"
SEEN = 250  # of 255: from here on a pixel counts as opaque
LEAST = 0.02  # share of a picture that must be see-through to call it a cut-out
_INDEX = 23  # of the scene whose places are used: any will do, and the same for everybody


def is_cutout(picture: Image.Image) -> bool:
    """Whether enough of a picture is see-through, and enough is not, for a background to be seen behind it."""
    if picture.mode != "RGBA":
        return False
    seen = float((np.asarray(picture.getchannel("A")) >= SEEN).mean())
    return LEAST <= seen <= 1 - LEAST


def on_backgrounds(cutout: Image.Image) -> dict[str, Image.Image]:
    """A see-through picture on mid-grey and on every place that the lab can draw: name to RGB, `SIDE` px square.

    The middle square of the picture is taken, as everywhere.

    Raises:
        ValueError: when the picture is no cut-out.
    """
    if not is_cutout(cutout):
        raise ValueError("Only a picture that is partly see-through can be put on other backgrounds.")
    side = min(cutout.size)
    left, top = (cutout.width - side) / 2, (cutout.height - side) / 2
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edge.
    small = cutout.convert("RGBa").resize(
        (SIDE, SIDE), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side)
    )
    front = small.convert("RGBA")
    placed = {GREY: on_grey(front)}
    for context in CONTEXTS:
        back = Image.fromarray(background(context)).convert("RGBA")
        placed[context] = Image.alpha_composite(back, front).convert("RGB")
    return placed


def background(context: str, size: int = SIDE) -> NDArray[np.uint8]:
    """A place without anybody in it, uint8 (size, size, 3)."""
    scene = sample("horse", context, split="demo", index=_INDEX).replace(object_contrast=0.0)
    return draw(scene, size).image
