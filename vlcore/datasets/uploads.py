"""Pictures to put to models: files that somebody gives, cut-outs on backgrounds, and samples that no model has seen.

Bytes from a stranger become a small upright RGB image without metadata, or one clear sentence: size is looked at before
a single pixel is decoded, and everything that can go wrong ends in one `UploadError`."""

import contextlib
import hashlib
import re
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.core.errors import LabError
from vlcore.core.grouping import group_words, place_words
from vlcore.datasets.drawn import BUILT_IN, recipe_of
from vlcore.datasets.imageset import ImageSet, silent
from vlcore.scenes import CONTEXTS, draw, sample

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 5 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 8
MAX_SIDE = 1024

# The middle of the range: neither a bright nor a dark surround pulls a picture towards desert or grass.
GROUND = (128, 128, 128)
BACKDROP_SIDE = 256  # px of the pictures that are put together or drawn
GREY = "mid-grey"
OPAQUE = 250  # of 255: from here on a pixel counts as opaque
CUTOUT_SHARE = 0.02  # share of a picture that must be see-through to call it a cut-out
_GROUPS = Path(__file__).parent / "groups"
_INDEX = 23  # of the scene whose places are used: any will do, and the same for everybody
_FIRST = 3  # number of the first scene that is a sample
# Places that no model has seen: the study's own example is a camel inside a house.
_ELSEWHERE = (("camel", "room"), ("horse", "snow"), ("camel", "beach"), ("horse", "street"))
LONGEST = 60  # characters of a name
# PNG, JPEG, WebP (and others in RIFF), GIF, BMP, TIFF; HEIC and AVIF have their mark four bytes later.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")


class UploadError(LabError):
    """A file that can't be used; the message is one sentence for the person who sent it."""


@dataclass(frozen=True, eq=False)
class UploadedPicture:
    """A picture to ask about, RGB."""

    name: str  # what its giver calls it; only to be shown as plain text
    picture: Image.Image
    cutout: str = ""  # name of the cut-out that it shows
    background: str = ""  # of a cut-out or a sample
    object: str = ""  # what a sample shows

    @cached_property
    def digest(self) -> str:
        """Names the picture by its content."""
        return hashlib.sha256(repr(self.picture.size).encode() + self.picture.tobytes()).hexdigest()[:24]


def open_upload(data: bytes, name: str = "picture", max_bytes: int = MAX_BYTES) -> Image.Image:
    """Decode an uploaded file: a new RGB image, upright, its longest side at most 1024 px, without metadata.
    See-through parts stand on mid-grey (128, 128, 128); an animation gives its first frame. In messages the file is
    called `name`, of which anything but letters, digits, spaces, dots and dashes is dropped. UploadError where it is
    empty, over `max_bytes`, not PNG, JPEG or WebP, over 40 megapixels, under 8 x 8 px, or damaged."""
    return on_grey(open_cutout(data, name, max_bytes))


def open_cutout(data: bytes, name: str = "picture", max_bytes: int = MAX_BYTES) -> Image.Image:
    """Decode an uploaded file as `open_upload` does, but leave see-through parts see-through: RGBA where there are."""
    called = re.sub(r"[^\w .-]+", " ", name).strip()[:60] or "The file"
    if not data:
        raise UploadError(f"{called} is empty; choose another picture.")
    if len(data) > max_bytes:
        sizes = f"{len(data) / 2**20:.1f} MB and the limit is {max_bytes / 2**20:g} MB"
        raise UploadError(f"{called} has {sizes}; save it smaller and try again.")
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


def square(image: Image.Image, size: int) -> npt.NDArray[np.uint8]:
    """The one preprocessing of uploads: the central square, averaged down or enlarged, uint8 (size, size, 3)."""
    resample = Image.Resampling.BOX if min(image.size) >= size else Image.Resampling.BICUBIC
    return np.array(ImageOps.fit(image.convert("RGB"), (size, size), resample))


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
        least = f"choose one of at least {MIN_SIDE} x {MIN_SIDE}"
        raise UploadError(f"{called} is only {image.width} x {image.height} pixels; {least}.")
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


def background(context: str) -> npt.NDArray[np.uint8]:
    """A place without anybody in it, uint8 (`BACKDROP_SIDE`, `BACKDROP_SIDE`, 3)."""
    return draw(sample("horse", context, split="demo", index=_INDEX).replace(object_contrast=0.0), BACKDROP_SIDE).image


def plain(name: str) -> str:
    """A file's name as it is shown: what can be seen of it, and of a long one its two ends."""
    seen = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split()) or "picture"
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 16]}…{seen[-15:]}"


def uploaded(name: str, content: bytes) -> list[UploadedPicture]:
    """The picture of a file, or its cut-out on each background; an `UploadError` where it holds none."""
    return _on_backgrounds(name, open_cutout(content, "The file"))


def _on_backgrounds(name: str, picture: Image.Image, shows: str = "") -> list[UploadedPicture]:
    """The middle of a cut-out on mid-grey and on every place that can be drawn; another picture as it is. Of a cut-out
    enough is see-through, and enough is not, for a background to be seen behind it."""
    opaque = (np.asarray(picture.getchannel("A")) >= OPAQUE).mean() if picture.mode == "RGBA" else 1.0
    if not CUTOUT_SHARE <= opaque <= 1 - CUTOUT_SHARE:
        return [UploadedPicture(name, on_grey(picture), object=shows)]
    size = (BACKDROP_SIDE, BACKDROP_SIDE)
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edge.
    front = ImageOps.fit(picture.convert("RGBa"), size, Image.Resampling.LANCZOS).convert("RGBA")
    made = [UploadedPicture(f"{name}, {GREY}", on_grey(front), name, GREY, shows)]
    for context in CONTEXTS:
        placed = Image.alpha_composite(Image.fromarray(background(context)).convert("RGBA"), front).convert("RGB")
        made.append(UploadedPicture(f"{name}, {place_words(context)}", placed, name, context, shows))
    return made


@lru_cache(maxsize=16)
def group_pictures(images: ImageSet) -> list[npt.NDArray[np.uint8]]:
    """One picture of each group of a set, in the order of the groups, uint8 (height, width, 3)."""
    recipe = recipe_of(images.name)
    if images.name in BUILT_IN:  # drawn before: Home does not wait for the renderer
        return [np.asarray(Image.open(_GROUPS / f"{images.name}-{number}.webp")) for number in range(4)]
    if recipe is not None:
        pairs = enumerate(recipe.grouping.pairs, _FIRST)
        scenes = [recipe.apply(sample(*pair, split="demo", index=index)) for index, pair in pairs]
        return [draw(scene, BACKDROP_SIDE).image for scene in scenes]
    groups = images.table["group"].to_numpy()
    rows = [int(np.flatnonzero(groups == group)[0]) for group in images.grouping.names]
    images.ensure_rendered(rows, silent)
    return [images.image(row) for row in rows]


@lru_cache(maxsize=16)
def samples(images: ImageSet) -> dict[str, tuple[Image.Image, list[UploadedPicture]]]:
    """What can be tried on models of a set, by name: what is offered, and the pictures that it becomes. They are scenes
    of the set's groups, where it is drawn, animals elsewhere, and animals without a background."""
    known = {animal: animal if animal in images.grouping.objects else "" for animal in ("camel", "horse")}
    whole = []
    if images.about.get("recipe"):
        words = (name[0].upper() + name[1:] for name in group_words(images.grouping).values())
        for name, (shows, context), pixels in zip(words, images.grouping.pairs, group_pictures(images), strict=True):
            whole.append(UploadedPicture(name, Image.fromarray(pixels), background=context, object=shows))
    for number, (animal, context) in enumerate(_ELSEWHERE):
        pixels = draw(sample(animal, context, split="demo", index=_FIRST + 10 + number), BACKDROP_SIDE).image
        name = f"{animal} {place_words(context)}".capitalize()
        whole.append(UploadedPicture(name, Image.fromarray(pixels), object=known[animal]))
    offered = {one.name: (one.picture, [one]) for one in whole}
    for number, animal in enumerate(known):
        drawing = draw(sample(animal, "grass", split="demo", index=_FIRST + number), BACKDROP_SIDE)
        cutout = Image.fromarray(np.dstack([drawing.image, drawing.mask]))
        name = f"{animal.capitalize()}, cut out"
        offered[name] = cutout, _on_backgrounds(name, cutout, known[animal])
    return offered
