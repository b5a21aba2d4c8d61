"""Uploaded pictures: bytes from a stranger become a small upright RGB image without metadata, or one clear sentence.

Size is looked at before a single pixel is decoded, and everything that can go wrong ends in one `UploadError`.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.core.errors import LabError
from vlcore.scenes import CONTEXTS, draw, sample

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 5 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 8
MAX_SIDE = 1024

# The middle of the range: neither a bright nor a dark surround pulls a picture towards desert or grass.
GROUND = (128, 128, 128)
BACKDROP_SIDE = 256  # px of the pictures that are put together
GREY = "mid-grey"
OPAQUE = 250  # of 255: from here on a pixel counts as opaque
CUTOUT_SHARE = 0.02  # share of a picture that must be see-through to call it a cut-out
_INDEX = 23  # of the scene whose places are used: any will do, and the same for everybody


# PNG, JPEG, WebP (and others in RIFF), GIF, BMP, TIFF; HEIC and AVIF have their mark four bytes later.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")


class UploadError(LabError):
    """A file that can't be used; the message is one sentence for the person who sent it."""


def open_upload(data: bytes, name: str = "picture", max_bytes: int = MAX_BYTES) -> Image.Image:
    """Decode an uploaded file.

    Args:
        data: The whole file.
        name: What to call it in messages; anything but letters, digits, spaces, dots and dashes is dropped.
        max_bytes: How large a file may be: 5 MB for what a visitor sends, more for what somebody imports.

    Returns:
        A new RGB image, upright, its longest side at most 1024 px, without metadata. See-through parts
        stand on mid-grey (128, 128, 128); an animation gives its first frame.

    Raises:
        UploadError: Empty, over `max_bytes`, not PNG, JPEG or WebP, over 40 megapixels, under 8 x 8 px, or damaged.
    """
    return on_grey(open_cutout(data, name, max_bytes))


def open_cutout(data: bytes, name: str = "picture", max_bytes: int = MAX_BYTES) -> Image.Image:
    """Decode an uploaded file as `open_upload` does, but leave see-through parts see-through.

    Returns:
        An RGBA image where something is see-through, else an RGB one.

    Raises:
        UploadError: As of `open_upload`.
    """
    called = re.sub(r"[^\w .-]+", " ", name).strip()[:60] or "The file"
    if not data:
        raise UploadError(f"{called} is empty; choose another picture.")
    if len(data) > max_bytes:
        raise UploadError(
            f"{called} has {len(data) / 2**20:.1f} MB and the limit is {max_bytes / 2**20:g} MB; save it smaller and "
            "try again."
        )
    # Pillow warns about bombs and odd metadata; a stranger's file must not write into the server's log.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(data, called)
        try:
            return _decode(image)
        except Exception as error:
            raise UploadError(f"{called} is damaged or incomplete; save it again or choose another picture.") from error


def on_grey(image: Image.Image) -> Image.Image:
    """An RGB image, see-through parts on mid-grey."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, (*GROUND, 255)), image).convert("RGB")


def is_picture(data: bytes) -> bool:
    """Whether a file begins like a picture of any common format, one that cannot be used here included."""
    return data.startswith(_BEGINNINGS) or data[4:8] == b"ftyp"


def middle(image: Image.Image) -> tuple[float, float, float, float]:
    """The central square of a picture: left, top, right and bottom in pixels."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return left, top, left + side, top + side


def square(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """The one preprocessing of uploads for a model: the central square, averaged down.

    Args:
        image: A picture of any size and mode.
        size: Side of the result in pixels, at least 1.

    Returns:
        uint8 array of shape (size, size, 3). A picture smaller than `size` is enlarged smoothly.
    """
    resample = Image.Resampling.BOX if min(image.size) >= size else Image.Resampling.BICUBIC
    small = image.convert("RGB").resize((size, size), resample, box=middle(image))
    return np.asarray(small, dtype=np.uint8).copy()


def _open(data: bytes, called: str) -> Image.Image:
    """Read the header only and refuse by its size."""
    too_many = f"{called} has more than {MAX_PIXELS // 10**6} megapixels; save it smaller and try again."
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UploadError(too_many) from None
    except Exception as error:
        raise UploadError(f"{called} is not a PNG, JPEG or WebP picture; convert it and try again.") from error
    if image.width * image.height > MAX_PIXELS:
        raise UploadError(too_many)
    if min(image.size) < MIN_SIDE:
        raise UploadError(
            f"{called} is only {image.width} x {image.height} pixels; choose one of at least {MIN_SIDE} x {MIN_SIDE}."
        )
    return image


def _decode(image: Image.Image) -> Image.Image:
    """Eight bits a channel, RGBA where something is see-through, small and upright; any error of Pillow's gets out."""
    shrink = MAX_SIDE / max(image.size)
    if shrink < 1:
        # JPEG can decode straight to a half, a quarter or an eighth; other formats ignore this.
        image.draft(None, (max(1, round(image.width * shrink)), max(1, round(image.height * shrink))))
    image.load()
    if image.mode.startswith(("I", "F")):
        # Pillow's own conversion clips 16-bit values at 255, which turns most of a picture white.
        high = np.clip(np.asarray(image).astype(np.int32) >> 8, 0, 255).astype(np.uint8)
        plain = Image.fromarray(high).convert("RGB")
        plain.info = dict(image.info)
    else:
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.thumbnail((MAX_SIDE, MAX_SIDE))
    with contextlib.suppress(Exception):  # nonsense in the EXIF block says nothing about the pixels
        plain = ImageOps.exif_transpose(plain)
    return Image.fromarray(np.asarray(plain))  # a copy of the pixels alone: no place, camera or profile


def is_cutout(picture: Image.Image) -> bool:
    """Whether enough of a picture is see-through, and enough is not, for a background to be seen behind it."""
    if picture.mode != "RGBA":
        return False
    seen = float((np.asarray(picture.getchannel("A")) >= OPAQUE).mean())
    return CUTOUT_SHARE <= seen <= 1 - CUTOUT_SHARE


def on_backgrounds(cutout: Image.Image) -> dict[str, Image.Image]:
    """A see-through picture on mid-grey and on every place that can be drawn, by name: RGB, `BACKDROP_SIDE` px square.

    The middle square of the picture is taken, as everywhere.

    Raises:
        ValueError: when the picture is no cut-out.
    """
    if not is_cutout(cutout):
        raise ValueError("Only a picture that is partly see-through can be put on other backgrounds.")
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edge.
    small = cutout.convert("RGBa").resize((BACKDROP_SIDE, BACKDROP_SIDE), Image.Resampling.LANCZOS, box=middle(cutout))
    front = small.convert("RGBA")
    placed = {GREY: on_grey(front)}
    for context in CONTEXTS:
        back = Image.fromarray(background(context)).convert("RGBA")
        placed[context] = Image.alpha_composite(back, front).convert("RGB")
    return placed


def background(context: str, size: int = BACKDROP_SIDE) -> npt.NDArray[np.uint8]:
    """A place without anybody in it, uint8 (size, size, 3)."""
    scene = sample("horse", context, split="demo", index=_INDEX).replace(object_contrast=0.0)
    return draw(scene, size).image
