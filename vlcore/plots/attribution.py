"""Attribution maps over pictures: warm where a patch speaks for the answer, cool where it speaks
against it.

The picture stays visible in grey under the paint, so that one sees whether the animal is painted or
the ground.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIDE = 256  # px
FOR, AGAINST = (224, 82, 27), (29, 78, 216)  # of the palette: apart in all kinds of colour vision
_STRONGEST = 0.75  # of the paint where a patch counts most


def painted(
    picture: Image.Image, grid: NDArray[np.floating], top: float | None = None
) -> NDArray[np.uint8]:
    """A picture (RGB) with a map over it, uint8 (SIDE, SIDE, 3); its middle square, as models see
    it. `grid` is what each patch counts, (h, w), and its sign decides the colour; `top` is what is
    painted strongest, its largest unless
    given: one for several maps compares them. ValueError when a number is not finite."""
    if not np.isfinite(grid).all():
        raise ValueError("A map over a picture needs a finite number for each patch.")
    grey = np.asarray(
        ImageOps.fit(picture.convert("L"), (SIDE, SIDE), Image.Resampling.BICUBIC), dtype=float
    )
    ground = 90 + grey[..., None] * (165 / 255) * np.ones(3)  # paler, so that the paint stands out
    strongest = float(np.abs(grid).max()) if top is None else top
    strength = np.clip(grid / strongest, -1, 1) if strongest > 0 else np.zeros_like(grid)
    rows, columns = (np.arange(SIDE) * length // SIDE for length in grid.shape)
    strength = strength[rows][:, columns][..., None]
    paint = np.where(strength >= 0, FOR, AGAINST)
    share = _STRONGEST * np.abs(strength)
    return np.rint(ground * (1 - share) + paint * share).astype(np.uint8)
