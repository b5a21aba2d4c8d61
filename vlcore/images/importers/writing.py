"""One foreign picture, with its mask, as we keep it.

The one idea: whatever comes in, what is written is a square of one size without metadata, cut alike from the picture
and its mask; and its fingerprints are taken from the pixels that were written, so they compare what a model sees.
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.images.importers.duplicates import perceptual_hash
from vlcore.images.importers.source import MAX_FILE_BYTES, UnreadableError
from vlcore.images.uploads import UploadError, open_upload, square

SIZE = 192  # pixels
_QUALITY = 92
_ASPECT = 0.02  # by how much the shapes of a picture and its mask may differ


class Written(NamedTuple):
    """What is known of a picture once it is written."""

    digest: str  # of its pixels: equal pictures have equal ones
    hash: int  # perceptual
    aspect: float  # width by height before it was cut


def write_picture(data: bytes, path: Path) -> Written:
    """Decode a picture and write its square as JPEG.

    Raises:
        UnreadableError: when it is no picture that can be decoded.
    """
    picture = _decoded(data)
    pixels = square(picture, SIZE)
    kept = Image.fromarray(pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept.save(path, "JPEG", quality=_QUALITY, subsampling=0)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Written(digest, perceptual_hash(kept), picture.width / picture.height)


def write_mask(data: bytes, numpy_array: bool, aspect: float, path: Path) -> None:
    """Decode a mask, a picture or a saved array, and write its square as PNG: 255 where the object is, else 0.

    Raises:
        UnreadableError: when it is no mask, has another shape than its picture, or shows no object.
    """
    grey = _array(data) if numpy_array else np.asarray(_decoded(data).convert("L"))
    height, width = grey.shape
    if abs(width / height / aspect - 1) > _ASPECT:
        raise UnreadableError("has another shape than its picture")
    # Two values are nothing and object, whatever they are; more are coverage.
    threshold = grey.min() if len(np.unique(grey)) <= 2 else 127
    mask = Image.fromarray(np.where(grey > threshold, np.uint8(255), np.uint8(0)))
    side = min(mask.size)
    left, top = (mask.width - side) / 2, (mask.height - side) / 2
    kept = mask.resize((SIZE, SIZE), Image.Resampling.NEAREST, box=(left, top, left + side, top + side))
    if kept.getextrema()[1] == 0:
        raise UnreadableError("shows no object")
    path.parent.mkdir(parents=True, exist_ok=True)
    kept.save(path, "PNG")


def _decoded(data: bytes) -> Image.Image:
    called = "picture"
    try:
        return open_upload(data, called, MAX_FILE_BYTES)
    except UploadError as error:
        raise UnreadableError(str(error).removeprefix(f"{called} ")) from error


def _array(data: bytes) -> NDArray[np.uint8]:
    """A two-dimensional array of numbers or truth values in numpy's format, as 0 and 1."""
    file = BytesIO(data)
    try:
        array = np.load(file, allow_pickle=False) if _fits(data) else None
    except (ValueError, OSError, EOFError):
        array = None
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.size == 0 or array.dtype.kind not in "biuf":
        raise UnreadableError("is no two-dimensional array")
    return (array > 0).astype(np.uint8)


def _fits(data: bytes) -> bool:
    """Whether an array's header claims no more than the file holds; numpy would make room for the claim first."""
    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return bool(np.prod(shape, dtype=np.float64) * dtype.itemsize <= len(data))
