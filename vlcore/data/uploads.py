"""Images to put to models: files of visitors, cut-outs on backgrounds, and samples that no model
was trained on.

A visitor's file has its own name alone, which is only ever shown as plain text."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.data.decoding import on_grey, open_apart
from vlcore.data.drawn import BUILT_IN, SIZE, recipe_of
from vlcore.data.imageset import ImageSet, averaged
from vlcore.data.subset import map_rows, parts
from vlcore.experiment.grouping import Grouping, context_words, group_words
from vlcore.experiment.progress import silent
from vlcore.scenes import CONTEXTS, OBJECTS, Scene, draw, sample

BACKDROP_SIDE = 256  # px of the images that are put together or drawn
GREY = "mid-grey"
OPAQUE = 250  # of 255: from here on a pixel counts as opaque
CUTOUT_SHARE = 0.02  # share of a picture that must be see-through to call it a cut-out
_GROUPS = Path(__file__).parent / "groups"
_INDEX = 23  # of the scene whose places are used: any will do, and the same for everybody
_FIRST = 3  # number of the first scene that is a sample
# Number of the scene that pages begin with, in the minority group of the first object. It was
# chosen: models of a high bias take the horse that grazes in the desert for a camel.
_OPENING = 12
# Backgrounds that no model was trained on: the study's own example is a camel inside a house.
_ELSEWHERE = (("camel", "room"), ("horse", "snow"), ("camel", "beach"), ("horse", "street"))
LONGEST = 60  # characters of a name


@dataclass(frozen=True, eq=False)
class UploadedPicture:
    """An image to ask about, RGB."""

    name: str  # what its visitor calls it; only to be shown as plain text
    picture: Image.Image  # as it is shown
    cutout: str = ""  # name of the cut-out that it shows
    background: str = ""  # of a cut-out or a sample
    object: str = ""  # what a sample shows
    is_drawn: bool = False  # by us, as a sample
    scene: Scene | None = None  # what it was drawn from, where its twins can be drawn too

    @cached_property
    def asked(self) -> Image.Image:
        """The image as models are asked: a drawn one as small as those of the drawn sets, for a
        sharper one is new."""
        return (
            Image.fromarray(averaged(np.asarray(self.picture), SIZE))
            if self.is_drawn
            else self.picture
        )

    @cached_property
    def digest(self) -> str:
        """Names the image by its content."""
        return hashlib.sha256(repr(self.asked.size).encode() + self.asked.tobytes()).hexdigest()[
            :24
        ]


@dataclass(frozen=True, eq=False)
class Twins:
    """Images that differ from a sample in its object alone, or in its background alone."""

    other_object: UploadedPicture
    other_backgrounds: tuple[UploadedPicture, ...]


def twins(one: UploadedPicture, grouping: Grouping) -> Twins | None:
    """The twins of a sample: with the other object, and on the other background of a set, or on
    both where it has neither; None where they cannot be drawn."""
    scene = one.scene
    if (
        scene is None
        or scene.object not in grouping.objects
        or not set(grouping.objects) <= set(OBJECTS)
    ):
        return None
    return _twins(scene, grouping) if set(grouping.contexts) <= set(CONTEXTS) else None


@lru_cache(maxsize=64)
def _twins(scene: Scene, grouping: Grouping) -> Twins:
    other = next(name for name in grouping.objects if name != scene.object)
    others = [context for context in grouping.contexts if context != scene.context]
    backgrounds = (
        _drawn(scene.replace(context=context), context_words(context)) for context in others
    )
    return Twins(_drawn(scene.replace(object=other), other), tuple(backgrounds))


def _drawn(scene: Scene, name: str) -> UploadedPicture:
    picture = Image.fromarray(draw(scene, BACKDROP_SIDE).image)
    return UploadedPicture(name, picture, "", scene.context, scene.object, True, scene)


def background(context: str) -> npt.NDArray[np.uint8]:
    """A place without anybody in it, uint8 (`BACKDROP_SIDE`, `BACKDROP_SIDE`, 3)."""
    return draw(
        sample("horse", context, split="demo", index=_INDEX).replace(object_contrast=0.0),
        BACKDROP_SIDE,
    ).image


def shown_name(name: str) -> str:
    """A file's name as it is shown: what can be seen of it, and of a long one its two ends."""
    seen = (
        " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
        or "picture"
    )
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 16]}…{seen[-15:]}"


def uploaded(name: str, content: bytes) -> list[UploadedPicture]:
    """The picture of a file, or its cut-out on each background; an `UploadError` where it holds
    none."""
    return _on_backgrounds(name, open_apart(content, "The file"))


def _on_backgrounds(name: str, picture: Image.Image, shows: str = "") -> list[UploadedPicture]:
    """The middle of a cut-out on mid-grey and on every place that can be drawn; another picture as
    it is. Of a cut-out enough is see-through, and enough is not, for a background to be seen behind
    it."""
    opaque = (
        (np.asarray(picture.getchannel("A")) >= OPAQUE).mean() if picture.mode == "RGBA" else 1.0
    )
    if not CUTOUT_SHARE <= opaque <= 1 - CUTOUT_SHARE:
        return [UploadedPicture(name, on_grey(picture), object=shows)]
    size = (BACKDROP_SIDE, BACKDROP_SIDE)
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edge.
    front = ImageOps.fit(picture.convert("RGBa"), size, Image.Resampling.LANCZOS).convert("RGBA")
    made = [UploadedPicture(f"{name}, {GREY}", on_grey(front), name, GREY, shows)]
    for context in CONTEXTS:
        placed = Image.alpha_composite(
            Image.fromarray(background(context)).convert("RGBA"), front
        ).convert("RGB")
        made.append(
            UploadedPicture(f"{name}, {context_words(context)}", placed, name, context, shows)
        )
    return made


@lru_cache(maxsize=16)
def group_pictures(images: ImageSet) -> list[npt.NDArray[np.uint8]]:
    """One picture of each group of a set, in the order of the groups, uint8 (height, width, 3)."""
    recipe = recipe_of(images.name)
    if images.name in BUILT_IN:  # drawn before: Home does not wait for the renderer
        return [
            np.asarray(Image.open(_GROUPS / f"{images.name}-{number}.webp")) for number in range(4)
        ]
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
    """Images to try on models of a set, by name: what is offered, and the images that it becomes.

    First of a drawn set one that biased models get wrong and scenes of its groups, of another set
    held-out images of its groups; then animals on other backgrounds, and animals without a
    background."""
    known = {
        animal: animal if animal in images.grouping.objects else "" for animal in ("camel", "horse")
    }
    whole = _scenes_of_groups(images) if recipe_of(images.name) else _held_out(images)
    for number, (animal, context) in enumerate(_ELSEWHERE):
        scene = sample(animal, context, split="demo", index=_FIRST + 10 + number)
        name = _beginning(f"{animal} {context_words(context)}")
        whole.append(replace(_drawn(scene, name), background="", object=known[animal]))
    offered = {one.name: (one.picture, [one]) for one in whole}
    for number, animal in enumerate(known):
        drawing = draw(sample(animal, "grass", split="demo", index=_FIRST + number), BACKDROP_SIDE)
        cutout = Image.fromarray(np.dstack([drawing.image, drawing.mask]))
        name = f"{animal.capitalize()}, cut out"
        placed = _on_backgrounds(name, cutout, known[animal])
        offered[name] = cutout, [replace(one, is_drawn=True) for one in placed]
    return offered


def _scenes_of_groups(images: ImageSet) -> list[UploadedPicture]:
    """The scene that pages begin with, and one of each group of a drawn set."""
    recipe = recipe_of(images.name)
    assert recipe is not None
    pairs, words = images.grouping.pairs, group_words(images.grouping)
    opening = recipe.apply(sample(*pairs[1], split="demo", index=_OPENING))
    scenes = [_drawn(opening, _beginning(f"{words[images.grouping.names[1]]}, grazing"))]
    for number, (pair, name, pixels) in enumerate(
        zip(pairs, words.values(), group_pictures(images), strict=True)
    ):
        scene = recipe.apply(sample(*pair, split="demo", index=_FIRST + number))
        picture = Image.fromarray(pixels)
        scenes.append(UploadedPicture(_beginning(name), picture, "", pair[1], pair[0], True, scene))
    return scenes


def _held_out(images: ImageSet) -> list[UploadedPicture]:
    """An image of each group, minority groups first, that no model of data seed 0 was trained
    on."""
    if not images.has_pictures:
        return []
    rows = map_rows(parts(images, 0)[0])
    groups = images.table["group"].to_numpy()[rows]
    pairs = dict(zip(images.grouping.names, images.grouping.pairs, strict=True))
    held_out = []
    for group in (*images.grouping.minority, *images.grouping.majority):
        name = _beginning(f"{group_words(images.grouping)[group]}, held out")
        shows, context = pairs[group]
        for row in rows[groups == group][:1].tolist():  # a small set may hold none of a group out
            picture = Image.fromarray(images.image(row))
            held_out.append(UploadedPicture(name, picture, background=context, object=shows))
    return held_out


def _beginning(words: str) -> str:
    """Words with a capital letter; all others are as they were."""
    return words[0].upper() + words[1:]
