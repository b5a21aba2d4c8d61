"""Thumbnails: the only producer of image fields in charts, as data URIs or as addresses on the
app's own server.

A foreign string in a chart could run script: each image field is made by `thumb_uri`, or of an
image of an image set by `thumb_address`, and checked by `check_uris`."""

import base64
import math
import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SAFE_URI = re.compile(r"^data:image/(png|webp|jpeg);base64,[A-Za-z0-9+/=]+\Z")
SAFE_ADDRESS = re.compile(r"^(/[A-Za-z0-9_-]+)*/?thumbs(/[A-Za-z0-9][A-Za-z0-9._-]*){2}/[0-9]+\Z")

_TILES = (96, 56, 42, 28)  # px of an image in a sheet
_SHEET = 2048  # px of a side that every browser with WebGL2 can draw


def thumb_uri(image: npt.NDArray[np.uint8] | Image.Image | bytes, side: int = 96) -> str:
    """An image, or a WebP file, as a data URI; of an image about 1 to 1.5 kB, where equal pixels
    give equal strings."""
    small = image if isinstance(image, bytes) else thumb(image, side)
    return "data:image/webp;base64," + base64.b64encode(small).decode("ascii")


def thumb(image: npt.NDArray[np.uint8] | Image.Image, side: int = 96) -> bytes:
    """An image as a small WebP file, without metadata. Its longest side has `side` pixels, for
    tooltips show it as it is. ValueError unless an array is uint8 (H, W, 3)."""
    pixels = np.asarray(image.convert("RGB") if isinstance(image, Image.Image) else image)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(
            f"an image is a uint8 array of shape (H, W, 3), not {pixels.dtype} {pixels.shape}"
        )
    full = Image.fromarray(pixels)
    scale = side / max(full.size)
    size = (max(1, round(full.width * scale)), max(1, round(full.height * scale)))
    resampling = Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BICUBIC
    out = BytesIO()
    full.resize(size, resampling).save(out, format="WEBP", quality=50, method=2)
    return out.getvalue()


def thumb_sheet(thumbs: Sequence[bytes]) -> dict[str, Any]:
    """Thumbnails as the tiles of one square WebP image, row after row: its ``uri``, the side of a
    ``tile`` in px, and the number of tiles ``across``, the square root of their number, rounded
    up."""
    across = math.ceil(math.sqrt(len(thumbs)))
    tile = next((side for side in _TILES if side * across <= _SHEET), _TILES[-1])
    sheet = Image.new("RGBA", (tile * across, tile * across))
    tiles = {content: _tile(content, tile) for content in dict.fromkeys(thumbs)}
    for number, content in enumerate(thumbs):
        row, column = divmod(number, across)
        small = tiles[content]
        left, top = ((tile - length) // 2 for length in small.size)
        sheet.paste(small, (column * tile + left, row * tile + top))
    out = BytesIO()
    sheet.save(out, format="WEBP", quality=60, method=2)
    return {"uri": thumb_uri(out.getvalue()), "tile": tile, "across": across}


def _tile(content: bytes, side: int) -> Image.Image:
    image = Image.open(BytesIO(content)).convert("RGB")
    image.thumbnail((side, side))
    return image


def thumb_address(before: str, images: str, edition: str, row: int) -> str:
    """The address of a small image of an image set on the app's server; ValueError unless it
    leads there."""
    address = f"{before}thumbs/{images}/{edition}/{row}"
    check_uris([address])
    return address


def check_uris(series: Iterable[object]) -> None:
    """Refuse what `thumb_uri` and `thumb_address` could not have made with a ValueError that names
    its position: it may be hostile."""
    for position, value in enumerate(series):
        if not isinstance(value, str) or not (SAFE_URI.match(value) or SAFE_ADDRESS.match(value)):
            raise ValueError(
                f"image {position} is not a data URI made by thumb_uri, nor an address of ours"
            )
