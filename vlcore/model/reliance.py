"""Images with their object or their background painted over; a network that knows photographs says
where these are."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vlcore.data.decoding import square
from vlcore.metrics.reliance import SIDE, PaintedImages, painted

TOWER = (  # locates the object; of any model, for what counts is where it is, not who answers
    "pretrained"
)
LOOKED_AT = (
    352  # px: finer than the 224 px of predictions, so that a region of 11 x 11 is told apart
)


def painted_images(picture: Image.Image) -> PaintedImages:
    """A new image, painted over in several ways. TowerError where the weights that locate are not
    on this machine."""
    from vlcore.model.frozen_towers import open_tower

    pixels = square(picture, SIDE)
    activity = open_tower(TOWER).activity([pixels], LOOKED_AT)[0]
    return painted(pixels, np.asarray(activity))
