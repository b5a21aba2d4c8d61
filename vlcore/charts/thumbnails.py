"""Thumbnails as data URIs: the only producer of picture fields in charts.

A chart puts these strings into HTML, so a foreign one could run script. Everything that reaches a picture field is made
by `thumb_uri` and checked by `check_uris`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

SAFE_URI = re.compile(r"^data:image/(png|webp|jpeg);base64,[A-Za-z0-9+/=]+\Z")


def thumb_uri(image: npt.NDArray[np.uint8] | Image.Image, side: int = 96) -> str:
    """A picture as a WebP data URI of about 1 to 1.5 kB.

    Args:
        image: uint8 array of shape (H, W, 3), or a Pillow image.
        side: Longest side of the result in pixels. Tooltips show it at natural size, so a smaller picture
            is enlarged to it.

    Returns:
        A string that matches `SAFE_URI`; equal pixels give equal strings. No metadata goes along.

    Raises:
        ValueError: The array is not uint8 of shape (H, W, 3), or `side` is below 1.
    """
    if side < 1:
        raise ValueError(f"side must be at least 1 pixel, not {side}")
    if isinstance(image, Image.Image):
        pixels = np.asarray(image.convert("RGB"))
    else:
        pixels = np.asarray(image)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ValueError(f"a picture is a uint8 array of shape (H, W, 3), not {pixels.dtype} {pixels.shape}")
    picture, out = Image.fromarray(pixels), BytesIO()
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC)
    picture.save(out, format="WEBP", quality=50, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def check_uris(series: Iterable[object]) -> None:
    """Refuse anything in a picture field that `thumb_uri` could not have made.

    Args:
        series: The values of a picture column, such as a pandas Series.

    Raises:
        ValueError: A value is not a string or doesn't match `SAFE_URI`; the message names its position only,
            since the value itself may be hostile.
    """
    for position, value in enumerate(series):
        if not isinstance(value, str) or not SAFE_URI.match(value):
            raise ValueError(f"picture {position} is not a data URI made by thumb_uri")
