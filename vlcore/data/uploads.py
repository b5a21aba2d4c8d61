"""Images that models are asked about: files of visitors, cut-outs on backgrounds, and samples that
these were not trained on.

A visitor's file keeps its name, which is only ever shown as plain text."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, reduce
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from vlcore.data.decoding import on_grey, open_apart
from vlcore.data.drawn import BUILT_IN, SIZE, Recipe, recipe_of
from vlcore.data.imageset import ImageSet, averaged
from vlcore.data.subset import map_rows, split_parts
from vlcore.experiment.grouping import Grouping, context_words, group_words
from vlcore.experiment.progress import silent
from vlcore.scenes import CONTEXTS, OBJECTS, Scene, draw_scene, sample

BACKDROP_SIDE = 256  # px of the images that are put together or drawn
GREY = "mid-grey"
OPAQUE = 250  # of 255: from here on a pixel counts as opaque
CUTOUT_SHARE = 0.02  # share of an image that must be transparent to call it a cut-out
_GROUPS = Path(__file__).parent / "groups"
_INDEX = 23  # of the scene whose backgrounds are used: any will do, and the same for everybody
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

    name: str  # of a visitor; only to be shown as plain text
    picture: Image.Image  # as it is shown
    cutout: str = ""  # name of the cut-out that it shows
    background: str = ""  # of a cut-out or a sample
    object: str = ""  # what a sample shows
    is_drawn: bool = False  # by us, as a sample
    scene: Scene | None = None  # what it was drawn from, where its twins can be drawn too
    row: int | None = None  # of a held-out image of the set

    @cached_property
    def model_input(self) -> Image.Image:
        """The image that models are asked about: a drawn one as small as those of the drawn sets,
        for a sharper one would be new to them."""
        if self.is_drawn:
            return Image.fromarray(averaged(np.asarray(self.picture), SIZE))
        return self.picture

    @cached_property
    def digest(self) -> str:
        """Names the image by its content."""
        content = repr(self.model_input.size).encode() + self.model_input.tobytes()
        return hashlib.sha256(content).hexdigest()[:24]


@dataclass(frozen=True, eq=False)
class Twins:
    """Images that differ from a sample in its object alone, or in its background alone."""

    other_object: UploadedPicture
    other_backgrounds: tuple[UploadedPicture, ...]


def twins_of(sample: UploadedPicture, images: ImageSet) -> Twins | None:
    """The twins of a sample: of a row of a set those of the set, else drawn ones; None where it has
    none."""
    grouping = images.grouping
    if sample.row is None:
        return sample_twins(sample.scene, grouping)
    twins = images.twins(sample.row)
    if not twins:
        return None
    (other_object,) = {*grouping.objects} - {sample.object}
    (other_context,) = {*grouping.contexts} - {sample.background}
    with_other = twins[grouping.group_of(other_object, sample.background)]
    elsewhere = twins[grouping.group_of(sample.object, other_context)]
    return Twins(
        _of_row(images, with_other, other_object),
        (_of_row(images, elsewhere, context_words(other_context)),),
    )


def _of_row(images: ImageSet, row: int, name: str) -> UploadedPicture:
    """An image of a set as a sample."""
    obj, context = images.table[["object", "context"]].iloc[row]
    picture = Image.fromarray(images.image(row))
    return UploadedPicture(name, picture, background=context, object=obj, row=row)


@lru_cache(maxsize=64)
def sample_twins(scene: Scene | None, grouping: Grouping) -> Twins | None:
    """The twins of a sample's scene: with the other object, and on the other background of a set,
    or on both where it has neither; None where they cannot be drawn."""
    can_be_drawn = set(grouping.objects) <= set(OBJECTS) and set(grouping.contexts) <= set(CONTEXTS)
    if scene is None or scene.object not in grouping.objects or not can_be_drawn:
        return None
    other_object = next(name for name in grouping.objects if name != scene.object)
    backgrounds = tuple(
        _drawn(scene.replace(context=context), context_words(context))
        for context in grouping.contexts
        if context != scene.context
    )
    return Twins(_drawn(scene.replace(object=other_object), other_object), backgrounds)


def _drawn(scene: Scene, name: str, pixels: npt.NDArray[np.uint8] | None = None) -> UploadedPicture:
    """A sample of a scene, drawn here unless its `pixels` are given."""
    if pixels is None:
        pixels = draw_scene(scene, BACKDROP_SIDE).image
    return UploadedPicture(
        name,
        Image.fromarray(pixels),
        background=scene.context,
        object=scene.object,
        is_drawn=True,
        scene=scene,
    )


def background(context: str) -> npt.NDArray[np.uint8]:
    """A background without an animal, uint8 (`BACKDROP_SIDE`, `BACKDROP_SIDE`, 3)."""
    scene = sample("horse", context, split="demo", index=_INDEX)
    return draw_scene(scene.replace(object_contrast=0.0), BACKDROP_SIDE).image


def shown_file_name(name: str, longest: int = LONGEST) -> str:
    """A file's name as it is shown: its printable letters, and of a long one its two ends."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name)
    title = " ".join(printable.split()) or "image"
    end = min(15, longest // 2)
    return title if len(title) <= longest else f"{title[: longest - end - 1]}…{title[-end:]}"


def object_in_name(name: str, objects: Sequence[str]) -> str:
    """The one object that a file name tells, as “horse” of ``horse_03.jpg``; empty if none or
    several."""
    words = re.findall(r"[^\W\d_]+", name.lower())
    named = [obj for obj in objects if obj.lower() in words]
    return named[0] if len(named) == 1 else ""


def uploaded(name: str, content: bytes) -> list[UploadedPicture]:
    """The image of a file, or its cut-out on each background; an `UploadError` where it holds
    none."""
    return _on_backgrounds(name, open_apart(content, "The file"))


def _on_backgrounds(name: str, image: Image.Image, obj: str = "") -> list[UploadedPicture]:
    """The middle of a cut-out on mid-grey and on every background that can be drawn; other images
    as they are. A cut-out has enough transparent pixels, and enough others."""
    opaque = 1.0
    if image.mode == "RGBA":
        opaque = (np.asarray(image.getchannel("A")) >= OPAQUE).mean()
    if not CUTOUT_SHARE <= opaque <= 1 - CUTOUT_SHARE:
        return [UploadedPicture(name, on_grey(image), object=obj)]
    size = (BACKDROP_SIDE, BACKDROP_SIDE)
    # Premultiplied, so that the colour of invisible pixels does not bleed into the edge.
    front = ImageOps.fit(image.convert("RGBa"), size, Image.Resampling.LANCZOS).convert("RGBA")
    versions = [UploadedPicture(f"{name}, {GREY}", on_grey(front), name, GREY, obj)]
    for context in CONTEXTS:
        back = Image.fromarray(background(context)).convert("RGBA")
        composite = Image.alpha_composite(back, front).convert("RGB")
        title = f"{name}, {context_words(context)}"
        versions.append(UploadedPicture(title, composite, name, context, obj))
    return versions


@lru_cache(maxsize=16)
def group_pictures(images: ImageSet) -> list[npt.NDArray[np.uint8]]:
    """One image of each group of a set, in the order of the groups, uint8 (height, width, 3)."""
    recipe = recipe_of(images.name)
    if images.name in BUILT_IN:  # drawn before: Home does not wait for the renderer
        files = [_GROUPS / f"{images.name}-{number}.webp" for number in range(4)]
        return [np.asarray(Image.open(file)) for file in files]
    if recipe is not None:
        scenes = _group_scenes(recipe)
        return [draw_scene(scene, BACKDROP_SIDE).image for scene in scenes]
    groups = images.table["group"].to_numpy()
    rows = [int(np.flatnonzero(groups == group)[0]) for group in images.grouping.names]
    images.ensure_rendered(rows, silent)
    return [images.image(row) for row in rows]


def _group_scenes(recipe: Recipe) -> list[Scene]:
    """A scene of each group of a drawn set, which is in none of its splits."""
    return [
        recipe.apply(sample(*pair, split="demo", index=_FIRST + number))
        for number, pair in enumerate(recipe.grouping.pairs)
    ]


@lru_cache(maxsize=16)
def samples(
    images: ImageSet, data_seeds: frozenset[int]
) -> dict[str, tuple[Image.Image, list[UploadedPicture]]]:
    """Images to try on models of a set and of these data seeds, by name: what is offered, and the
    images that it becomes. None was trained on by these models.

    First of a drawn set one that biased models get wrong and scenes of its groups, of another set
    held-out images of its groups; then animals on backgrounds that the set does not have, and
    animals without a background."""
    animals = ("camel", "horse")
    labels = {animal: animal if animal in images.grouping.objects else "" for animal in animals}
    recipe = recipe_of(images.name)
    single = _held_out(images, data_seeds) if recipe is None else _scenes_of_groups(images, recipe)
    for number, (animal, context) in enumerate(_ELSEWHERE):
        if context in images.grouping.contexts:
            continue
        scene = sample(animal, context, split="demo", index=_FIRST + 10 + number)
        name = _capitalised(f"{animal} {context_words(context)}")
        single.append(replace(_drawn(scene, name), background="", object=labels[animal]))
    offered = {image.name: (image.picture, [image]) for image in single}
    for number, animal in enumerate(animals):
        drawing = draw_scene(
            sample(animal, "grass", split="demo", index=_FIRST + number), BACKDROP_SIDE
        )
        cutout = Image.fromarray(np.dstack([drawing.image, drawing.mask]))
        name = f"{animal.capitalize()}, cut out"
        versions = _on_backgrounds(name, cutout, labels[animal])
        offered[name] = cutout, [replace(version, is_drawn=True) for version in versions]
    return offered


def _scenes_of_groups(images: ImageSet, recipe: Recipe) -> list[UploadedPicture]:
    """The scene that pages begin with, and one of each group of a drawn set."""
    grouping = images.grouping
    words = list(group_words(grouping).values())
    opening = sample(*grouping.pairs[1], split="demo", index=_OPENING)
    scenes = [_drawn(recipe.apply(opening), _capitalised(f"{words[1]}, grazing"))]
    for scene, name, pixels in zip(
        _group_scenes(recipe), words, group_pictures(images), strict=True
    ):
        scenes.append(_drawn(scene, _capitalised(name), pixels))
    return scenes


def _held_out(images: ImageSet, data_seeds: frozenset[int]) -> list[UploadedPicture]:
    """An image of each group, minority groups first, that all models of these data seeds hold
    out."""
    rows = reduce(np.intersect1d, [map_rows(split_parts(images, seed)[0]) for seed in data_seeds])
    groups = images.table["group"].to_numpy()[rows]
    held_out = []
    for group in (*images.grouping.minority, *images.grouping.majority):
        members = rows[groups == group].tolist()
        if members:  # models of several seeds may hold none of a small set's group out
            name = _capitalised(f"{group_words(images.grouping)[group]}, held out")
            held_out.append(_of_row(images, members[0], name))
    return held_out


def _capitalised(words: str) -> str:
    """Words with a capital letter at the beginning; all others stay."""
    return words[0].upper() + words[1:]
