"""Attribution maps over pictures: warm where a patch speaks for the answer, cool where it speaks against it.

The picture stays visible in grey under the paint, so that one sees whether the animal is painted or the ground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 256  # px
FOR, AGAINST = (224, 82, 27), (29, 78, 216)  # of the palette: apart in all kinds of colour vision
_STRONGEST = 0.75  # of the paint where a patch counts most


def painted(picture: Image.Image, grid: NDArray[np.floating], top: float | None = None) -> NDArray[np.uint8]:
    """A picture with a map over it, uint8 (SIDE, SIDE, 3); the middle square of the picture, as models see it.

    Args:
        picture: RGB.
        grid: what each patch counts, (h, w); its sign decides the colour.
        top: what is painted strongest, the largest of the grid unless given: one for several maps compares them.

    Raises:
        ValueError: when a number is not finite.
    """
    if not np.isfinite(grid).all():
        raise ValueError("A map over a picture needs a finite number for each patch.")
    side = min(picture.size)
    left, upper = (picture.width - side) / 2, (picture.height - side) / 2
    box = (left, upper, left + side, upper + side)
    grey = np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box), dtype=float)
    ground = 90 + grey[..., None] * (165 / 255) * np.ones(3)  # paler, so that the paint stands out
    strongest = float(np.abs(grid).max()) if top is None else top
    strength = np.clip(grid / strongest, -1, 1) if strongest > 0 else np.zeros_like(grid)
    rows, columns = (np.arange(SIDE) * length // SIDE for length in grid.shape)
    strength = strength[rows][:, columns][..., None]
    paint = np.where(strength >= 0, FOR, AGAINST)
    share = _STRONGEST * np.abs(strength)
    return np.rint(ground * (1 - share) + paint * share).astype(np.uint8)
