"""Pictures to put to models: files that somebody gives, cut-outs on backgrounds, and samples that no model has seen.

Whoever gives a file has no name for us but the file's, and that is only ever shown as plain text."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.core.grouping import group_words, place_words
from vlcore.datasets.drawn import BUILT_IN, recipe_of
from vlcore.datasets.imageset import ImageSet, silent
from vlcore.datasets.opening import on_grey, open_apart
from vlcore.scenes import CONTEXTS, draw, sample

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


def background(context: str) -> npt.NDArray[np.uint8]:
    """A place without anybody in it, uint8 (`BACKDROP_SIDE`, `BACKDROP_SIDE`, 3)."""
    return draw(sample("horse", context, split="demo", index=_INDEX).replace(object_contrast=0.0), BACKDROP_SIDE).image


def shown_name(name: str) -> str:
    """A file's name as it is shown: what can be seen of it, and of a long one its two ends."""
    seen = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split()) or "picture"
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 16]}…{seen[-15:]}"


def uploaded(name: str, content: bytes) -> list[UploadedPicture]:
    """The picture of a file, or its cut-out on each background; an `UploadError` where it holds none."""
    return _on_backgrounds(name, open_apart(content, "The file"))


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
