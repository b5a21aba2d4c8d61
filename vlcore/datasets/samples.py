"""Pictures to put to models: files that somebody gives, cut-outs on backgrounds, and samples that no model has seen."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlcore.core.grouping import group_words, place_words
from vlcore.datasets.drawn import recipe_of
from vlcore.datasets.imageset import ImageSet, silent
from vlcore.datasets.uploads import GREY, is_cutout, on_backgrounds, on_grey, open_cutout
from vlcore.scenes import draw, sample

LONGEST = 60  # characters of a name
_INDEX, _SIDE = 3, 256  # of drawn scenes: the first number, and px
# Places that no model has seen: the study's own example is a camel inside a house.
_ELSEWHERE = {
    "Camel in a room": ("camel", "room"),
    "Horse in the snow": ("horse", "snow"),
    "Camel on the beach": ("camel", "beach"),
    "Horse on the street": ("horse", "street"),
}


@dataclass(frozen=True, eq=False)
class UploadedPicture:
    """A picture to ask about.

    Attributes:
        name: what its giver calls it; only to be shown as plain text.
        picture: RGB.
        cutout: name of the cut-out that it shows, empty for a picture that was given as it is.
        background: on which background, of a cut-out or a sample.
        object: what it shows, of a sample.
    """

    name: str
    picture: Image.Image
    cutout: str = ""
    background: str = ""
    object: str = ""

    @cached_property
    def digest(self) -> str:
        """Names the picture by its content."""
        return hashlib.sha256(repr(self.picture.size).encode() + self.picture.tobytes()).hexdigest()[:24]


def plain(name: str) -> str:
    """A file's name as it is shown: what can be seen of it, and of a long one its two ends."""
    seen = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split()) or "picture"
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 16]}…{seen[-15:]}"


def uploaded(name: str, content: bytes) -> list[UploadedPicture]:
    """The picture of a file, or its cut-out on each background.

    Raises:
        UploadError: when it holds no picture that can be used.
    """
    return _on_backgrounds(name, open_cutout(content, "The file"))


def _on_backgrounds(name: str, picture: Image.Image, shows: str = "") -> list[UploadedPicture]:
    if not is_cutout(picture):
        return [UploadedPicture(name, on_grey(picture), object=shows)]
    return [
        UploadedPicture(f"{name}, {GREY if context == GREY else place_words(context)}", placed, name, context, shows)
        for context, placed in on_backgrounds(picture).items()
    ]


@lru_cache(maxsize=16)
def group_pictures(images: ImageSet) -> list[NDArray[np.uint8]]:
    """One picture of each group of a set, in the order of the groups, uint8 (height, width, 3)."""
    recipe = recipe_of(images.name)
    if recipe is not None:
        return [
            draw(recipe.apply(sample(*pair, split="demo", index=_INDEX + number)), _SIDE).image
            for number, pair in enumerate(recipe.grouping.pairs)
        ]
    groups = images.table["group"].to_numpy()
    rows = [int(np.flatnonzero(groups == group)[0]) for group in images.grouping.names]
    images.ensure_rendered(rows, silent)
    return [images.image(row) for row in rows]


@lru_cache(maxsize=16)
def samples(images: ImageSet) -> dict[str, tuple[Image.Image, list[UploadedPicture]]]:
    """What can be tried on models of a set, by name: what is offered, and the pictures that it becomes.

    They are scenes of the set's groups, where it is drawn, animals elsewhere, and animals without a background.
    """
    whole = []
    if images.about.get("recipe"):
        words = (name[0].upper() + name[1:] for name in group_words(images.grouping).values())
        for name, (shows, context), pixels in zip(words, images.grouping.pairs, group_pictures(images), strict=True):
            whole.append(UploadedPicture(name, Image.fromarray(pixels), background=context, object=shows))
    for number, (name, pair) in enumerate(_ELSEWHERE.items()):
        pixels = draw(sample(*pair, split="demo", index=_INDEX + 10 + number), _SIDE).image
        whole.append(UploadedPicture(name, Image.fromarray(pixels), object=pair[0]))
    offered = {one.name: (one.picture, [one]) for one in whole}
    for number, animal in enumerate(("camel", "horse")):
        drawing = draw(sample(animal, "grass", split="demo", index=_INDEX + number), _SIDE)
        cutout = Image.fromarray(np.dstack([drawing.image, drawing.mask]))
        name = f"{animal.capitalize()}, cut out"
        offered[name] = cutout, _on_backgrounds(name, cutout, animal)
    return {
        name: (shown, [one if one.object in images.grouping.objects else replace(one, object="") for one in pictures])
        for name, (shown, pictures) in offered.items()
    }
