"""Images of strangers, decoded: bytes become a small upright RGB image without metadata, or one
clear sentence.

The size is checked before a single pixel is decoded, and everything that can go wrong ends in one
`UploadError`. `open_apart` and `squares_apart` decode in a helper process, within limits of memory
and time.
"""

import contextlib
import re
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.data import sandbox
from vlcore.experiment import limits
from vlcore.experiment.errors import LabError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "HEIF")  # of GIF the first frame; phones make HEIF
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".heif")
MIN_SIDE = 8
MAX_SIDE = 1024

# The middle of the range: neither a bright nor a dark surround pulls an image towards desert or
# grass.
GROUND = (128, 128, 128)
# PNG, JPEG, WebP (and others in RIFF), GIF, BMP, TIFF; HEIC and AVIF have their mark four bytes
# later.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")


class UploadError(LabError):
    """A file that can't be used; the message is one sentence for the person who sent it."""


def open_upload(
    data: bytes, name: str = "image", max_bytes: int = limits.UPLOAD_BYTES
) -> Image.Image:
    """Decode an uploaded file: a new RGB image, upright, its longest side at most 1024 px, without
    metadata. Transparent parts become mid-grey (128, 128, 128); of an animation the first frame is
    taken.

    Args:
        name: of the file in messages; anything but letters, digits, spaces, dots and dashes is
            dropped.

    Raises:
        UploadError: the file is empty, over `max_bytes`, of another format than `FORMATS`, over 40
            megapixels, under 8 x 8 px, or damaged.
    """
    return on_grey(open_cutout(data, name, max_bytes))


def as_opened(image: Image.Image) -> Image.Image:
    """What `open_upload` makes of an image that is decoded already."""
    return on_grey(_decode(image.copy()))


def open_cutout(
    data: bytes, name: str = "image", max_bytes: int = limits.UPLOAD_BYTES
) -> Image.Image:
    """Decode an uploaded file as `open_upload` does, but keep transparent parts: RGBA where there
    are any."""
    title = _checked(data, name, max_bytes)
    # Pillow warns about bombs and odd metadata; a stranger's file must not write into the server's
    # log.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(data, title)
        try:
            return _decode(image)
        except MemoryError:
            raise
        except Exception as error:
            raise UploadError(
                f"{title} is damaged or incomplete; save it again or choose another image."
            ) from error


def open_apart(
    data: bytes, name: str = "image", max_bytes: int = limits.UPLOAD_BYTES
) -> Image.Image:
    """Decode a stranger's file as `open_cutout` does, in a helper process; UploadError also where
    it takes too long."""
    title = _checked(data, name, max_bytes)
    (mode, size), pixels = sandbox.run_apart(
        cutout_task, data, called=title, error=UploadError, name=name, max_bytes=max_bytes
    )
    return Image.frombytes(mode, tuple(size), pixels)


def cutout_task(data: bytes, name: str, max_bytes: int) -> tuple[Any, bytes]:
    """`open_cutout` in the helper process: mode and size, and the pixels."""
    image = open_cutout(data, name, max_bytes)
    return (image.mode, image.size), image.tobytes()


def squares_apart(
    files: Sequence[bytes], size: int, max_bytes: int = limits.UPLOAD_BYTES
) -> list[npt.NDArray[np.uint8] | UploadError]:
    """The `square` of each of a stranger's files, transparent parts on mid-grey, or why it cannot
    be used.

    A helper process decodes them together, because a question to it takes longer than a small
    image. Where it meets a limit, each file is decoded alone.
    """
    try:
        refusals, data = sandbox.run_apart(
            squares_task,
            b"".join(files),
            called="image",
            error=UploadError,
            lengths=list(map(len, files)),
            size=size,
            max_bytes=max_bytes,
        )
    except UploadError as error:
        if len(files) == 1:
            return [error]
        return [alone for file in files for alone in squares_apart([file], size, max_bytes)]
    squares = iter(np.frombuffer(data, np.uint8).reshape(-1, size, size, 3))
    return [UploadError(refusal) if refusal else next(squares) for refusal in refusals]


def squares_task(
    data: bytes, lengths: list[int], size: int, max_bytes: int
) -> tuple[list[str], bytes]:
    """`squares_apart` in the helper process: of each file why it is refused, or nothing, and the
    pixels of the others."""
    refusals, squares = [], []
    ends = np.cumsum(lengths).tolist()
    for length, end in zip(lengths, ends, strict=True):
        try:
            image = on_grey(open_cutout(data[end - length : end], "image", max_bytes))
        except UploadError as error:
            refusals.append(str(error))
        else:
            refusals.append("")
            squares.append(square(image, size).tobytes())
    return refusals, b"".join(squares)


def on_grey(image: Image.Image) -> Image.Image:
    """An RGB image, transparent parts on mid-grey."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGBA", image.size, (*GROUND, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def is_picture(data: bytes) -> bool:
    """Whether a file begins like an image of any common format, also one that cannot be used."""
    return data.startswith(_BEGINNINGS) or data[4:8] == b"ftyp"


def square(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """The one preprocessing of uploads: the central square, averaged down or enlarged, uint8 (size,
    size, 3)."""
    resample = Image.Resampling.BOX if min(image.size) >= size else Image.Resampling.BICUBIC
    return np.array(ImageOps.fit(image.convert("RGB"), (size, size), resample))


def _checked(data: bytes, name: str, max_bytes: int) -> str:
    """The name of a file in messages, after its size was checked."""
    title = re.sub(r"[^\w .-]+", " ", name).strip()[:60] or "The file"
    if not data:
        raise UploadError(f"{title} is empty; choose another image.")
    if len(data) > max_bytes:
        sizes = f"{len(data) / limits.MB:.1f} MB and the limit is {max_bytes / limits.MB:g} MB"
        raise UploadError(f"{title} has {sizes}; save it smaller and try again.")
    return title


def _open(data: bytes, title: str) -> Image.Image:
    """Read the header only and refuse by its size."""
    most = f"{limits.PIXELS // 10**6} megapixels"
    too_many = f"{title} has more than {most}; save it smaller and try again."
    kinds = "PNG, JPEG, WebP, GIF or HEIC"
    if not is_picture(data):
        raise UploadError(f"{title} is not an image; choose a {kinds} file.")
    if data[4:8] == b"ftyp":
        _read_heif(title)
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise UploadError(too_many) from None
    except Exception as error:
        raise UploadError(f"{title} is not a {kinds} image; convert it and try again.") from error
    if image.width * image.height > limits.PIXELS:
        raise UploadError(too_many)
    if min(image.size) < MIN_SIDE:
        least = f"choose one of at least {MIN_SIDE} x {MIN_SIDE}"
        raise UploadError(f"{title} is only {image.width} x {image.height} pixels; {least}.")
    return image


def _read_heif(title: str) -> None:
    """Let Pillow read HEIF, the photos of phones; UploadError without the decoder."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise UploadError(
            f"{title} is a HEIC photo, which this server cannot read; save it as JPEG."
        ) from error
    register_heif_opener(thumbnails=False)


def _decode(image: Image.Image) -> Image.Image:
    """Eight bits a channel, RGBA where something is transparent, small and upright; any error of
    Pillow's gets out."""
    shrink = MAX_SIDE / max(image.size)
    if shrink < 1:
        # JPEG can decode straight to a half, a quarter or an eighth; other formats ignore this.
        width, height = (max(1, round(side * shrink)) for side in image.size)
        image.draft(None, (width, height))
    image.load()
    if image.mode.startswith(("I", "F")):
        # Pillow's own conversion clips 16-bit values at 255, which turns most of an image white.
        values = np.asarray(image)
        if image.mode.startswith("I;16") or values.max() > 255:
            values = values.astype(np.int32) >> 8
        plain = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")
        plain.info = dict(image.info)
    else:
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    plain.thumbnail((MAX_SIDE, MAX_SIDE))
    with contextlib.suppress(Exception):  # nonsense in the EXIF block says nothing about the pixels
        plain = ImageOps.exif_transpose(plain)
    # A copy of the pixels alone: no position, camera or profile.
    return Image.fromarray(np.asarray(plain))
