"""Attribution maps over images: warm where a patch counts for the answer, cool where it counts
against it.

The image stays visible in grey under the paint, so that one sees whether the animal is painted or
the background.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIDE = 256  # px
FOR, AGAINST = (224, 82, 27), (29, 78, 216)  # of the palette: apart in all kinds of colour vision
_STRONGEST = 0.75  # of the paint where a patch counts most


def painted(image: Image.Image, grid: NDArray[np.floating]) -> NDArray[np.uint8]:
    """An image with an attribution map over it, uint8 (SIDE, SIDE, 3).

    Args:
        image: RGB, of which the middle square is shown, as models see it.
        grid: what each patch counts, (h, w); its sign decides the colour, and the largest is
            painted strongest.

    Raises:
        ValueError: when a number is not finite.
    """
    if not np.isfinite(grid).all():
        raise ValueError("A map over an image needs a finite number for each patch.")
    square = ImageOps.fit(image.convert("L"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    grey = np.asarray(square, dtype=float)[..., None]
    ground = 90 + grey * (165 / 255) * np.ones(3)  # paler, so that the paint stands out
    strongest = float(np.abs(grid).max())
    strength = grid / strongest if strongest > 0 else np.zeros_like(grid)
    rows, columns = (np.arange(SIDE) * length // SIDE for length in grid.shape)
    pixels = strength[rows][:, columns][..., None]
    paint = np.where(pixels >= 0, FOR, AGAINST)
    share = _STRONGEST * np.abs(pixels)
    return np.rint(ground * (1 - share) + paint * share).astype(np.uint8)
