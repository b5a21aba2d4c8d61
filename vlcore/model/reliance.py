"""Images with their object or their background painted over, located by a pretrained network."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vlcore.data.decoding import square
from vlcore.metrics.reliance import SIDE, PaintedImages, paint_parts

TOWER = "pretrained"  # locates the object, whatever model predicts
LOCATING_SIDE = 352  # px: finer than the 224 px of predictions, to resolve a region of 11 x 11


def painted_images(image: Image.Image) -> PaintedImages:
    """Paint a new image over in several ways; TowerError without the weights that locate."""
    from vlcore.model.frozen_towers import open_tower

    pixels = square(image, SIDE)
    activity = open_tower(TOWER).activity([pixels], LOCATING_SIDE)[0]
    return paint_parts(pixels, np.asarray(activity))
