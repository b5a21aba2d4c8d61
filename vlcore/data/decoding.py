"""Pictures of strangers, opened: bytes become a small upright RGB image without metadata, or one
clear sentence.

Size and scans are looked at before a single pixel is decoded, and everything that can go wrong ends
in one `UploadError`. `open_apart` does so in a helper process, which may take so much memory and
time and no more.
"""

import contextlib
import re
import warnings
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.data import sandbox
from vlcore.experiment import limits
from vlcore.experiment.errors import LabError

FORMATS = ("PNG", "JPEG", "WEBP")
MIN_SIDE = 8
MAX_SIDE = 1024

# The middle of the range: neither a bright nor a dark surround pulls a picture towards desert or
# grass.
GROUND = (128, 128, 128)
# PNG, JPEG, WebP (and others in RIFF), GIF, BMP, TIFF; HEIC and AVIF have their mark four bytes
# later.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_MARKER = re.compile(
    rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL
)  # of a JPEG, but for those within a scan
_START, _SCAN, _END = 0xD8, 0xDA, 0xD9


class UploadError(LabError):
    """A file that can't be used; the message is one sentence for the person who sent it."""


def open_upload(
    data: bytes, name: str = "picture", max_bytes: int = limits.UPLOAD_BYTES
) -> Image.Image:
    """Decode an uploaded file: a new RGB image, upright, its longest side at most 1024 px, without
    metadata. See-through parts stand on mid-grey (128, 128, 128); an animation gives its first
    frame. In messages the file is called `name`, of which anything but letters, digits, spaces,
    dots and dashes is dropped. UploadError where it is empty, over `max_bytes`, not PNG, JPEG or
    WebP, over 40 megapixels or 100 scans, under 8 x 8 px, or damaged.
    """
    return on_grey(open_cutout(data, name, max_bytes))


def open_cutout(
    data: bytes, name: str = "picture", max_bytes: int = limits.UPLOAD_BYTES
) -> Image.Image:
    """Decode an uploaded file as `open_upload` does, but leave see-through parts see-through: RGBA
    where there are."""
    called = _checked(data, name, max_bytes)
    # Pillow warns about bombs and odd metadata; a stranger's file must not write into the server's
    # log.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(data, called)
        try:
            return _decode(image)
        except MemoryError:
            raise
        except Exception as error:
            raise UploadError(
                f"{called} is damaged or incomplete; save it again or choose another picture."
            ) from error


def open_apart(
    data: bytes, name: str = "picture", max_bytes: int = limits.UPLOAD_BYTES
) -> Image.Image:
    """Decode a stranger's file as `open_cutout` does, in a helper process; UploadError also where
    it takes too long."""
    called = _checked(data, name, max_bytes)
    (mode, size), pixels = sandbox.run(
        opened, data, called=called, error=UploadError, name=name, max_bytes=max_bytes
    )
    return Image.frombytes(mode, tuple(size), pixels)


def opened(data: bytes, name: str, max_bytes: int) -> tuple[Any, bytes]:
    """`open_cutout` as a helper does it: mode and size, and the pixels."""
    image = open_cutout(data, name, max_bytes)
    return (image.mode, image.size), image.tobytes()


def open_square(data: bytes, size: int) -> tuple[Image.Image, float]:
    """The square of a picture of an import, as a model sees it, from a helper process, and width by
    height of all."""
    aspect, pixels = sandbox.run(squared, data, called="picture", error=UploadError, size=size)
    return Image.frombytes("RGB", (size, size), pixels), aspect


def squared(data: bytes, size: int) -> tuple[float, bytes]:
    """`open_square` as a helper does it."""
    image = open_upload(data, "picture", limits.PICTURE_BYTES)
    return image.width / image.height, square(image, size).tobytes()


def on_grey(image: Image.Image) -> Image.Image:
    """An RGB image, see-through parts on mid-grey."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, (*GROUND, 255)), image).convert(
        "RGB"
    )


def is_picture(data: bytes) -> bool:
    """Whether a file begins like a picture of any common format, one that cannot be used here
    included."""
    return data.startswith(_BEGINNINGS) or data[4:8] == b"ftyp"


def square(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """The one preprocessing of uploads: the central square, averaged down or enlarged, uint8 (size,
    size, 3)."""
    resample = Image.Resampling.BOX if min(image.size) >= size else Image.Resampling.BICUBIC
    return np.array(ImageOps.fit(image.convert("RGB"), (size, size), resample))


def _checked(data: bytes, name: str, max_bytes: int) -> str:
    """What the file is called in messages, after its size was looked at."""
    called = re.sub(r"[^\w .-]+", " ", name).strip()[:60] or "The file"
    if not data:
        raise UploadError(f"{called} is empty; choose another picture.")
    if len(data) > max_bytes:
        sizes = f"{len(data) / limits.MB:.1f} MB and the limit is {max_bytes / limits.MB:g} MB"
        raise UploadError(f"{called} has {sizes}; save it smaller and try again.")
    return called


def _open(data: bytes, called: str) -> Image.Image:
    """Read the header only and refuse by its size, and by the number of scans of a JPEG."""
    too_many = (
        f"{called} has more than {limits.PIXELS // 10**6} megapixels; save it smaller and try"
        " again."
    )
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UploadError(too_many) from None
    except Exception as error:
        raise UploadError(
            f"{called} is not a PNG, JPEG or WebP picture; convert it and try again."
        ) from error
    if image.width * image.height > limits.PIXELS:
        raise UploadError(too_many)
    if min(image.size) < MIN_SIDE:
        least = f"choose one of at least {MIN_SIDE} x {MIN_SIDE}"
        raise UploadError(f"{called} is only {image.width} x {image.height} pixels; {least}.")
    if scans(data) > limits.SCANS:
        raise UploadError(
            f"{called} is a JPEG of more than {limits.SCANS} scans; save it again and try once"
            " more."
        )
    return image


def scans(data: bytes) -> int:
    """How many scans a JPEG has; no more are counted than one beyond the limit. 0 of another
    file."""
    if not data.startswith(b"\xff\xd8") or data.count(b"\xff\xda") <= limits.SCANS:
        return data.count(b"\xff\xda") * data.startswith(
            b"\xff\xd8"
        )  # one that stands elsewhere does no harm
    count = place = 0
    while count <= limits.SCANS and (found := _MARKER.search(data, place)):
        marker, place = found[1][0], found.end()
        if marker == _END:
            break
        count += marker == _SCAN
        if (
            marker != _START
        ):  # any other has its length in two bytes; pixels follow that of a scan, up to a marker
            place += max(2, int.from_bytes(data[place : place + 2], "big"))
    return count


def _decode(image: Image.Image) -> Image.Image:
    """Eight bits a channel, RGBA where something is see-through, small and upright; any error of
    Pillow's gets out."""
    shrink = MAX_SIDE / max(image.size)
    if shrink < 1:
        # JPEG can decode straight to a half, a quarter or an eighth; other formats ignore this.
        image.draft(
            None, (max(1, round(image.width * shrink)), max(1, round(image.height * shrink)))
        )
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
    return Image.fromarray(
        np.asarray(plain)
    )  # a copy of the pixels alone: no place, camera or profile
