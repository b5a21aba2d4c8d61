"""How a visitor gives pictures: from the disk, the camera, the clipboard or our samples; and what becomes of cut-outs.

The one idea: whatever is given ends as a name and an RGB picture in this session, and a cut-out as one for each
background; nothing is written to the disk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from vlcore.figures.theme import group_words, place_words
from vlcore.images.cutouts import GREY, is_cutout, on_backgrounds
from vlcore.images.imagesets import ImageSet
from vlcore.images.uploads import UploadError, is_picture, on_grey, open_cutout
from vlcore.scenes import draw, sample
from vlcore.ui.samples import elsewhere, group_pictures

MOST = 14  # pictures at once: two cut-outs on every background
SIDE = 128  # px of a sample


@dataclass(frozen=True, eq=False)
class Given:
    """A picture to ask about.

    Attributes:
        name: what its giver calls it; only to be shown as plain text.
        picture: RGB.
        cutout: name of the cut-out that it shows, empty for a picture that was given as it is.
        background: on which background, of a cut-out.
    """

    name: str
    picture: Image.Image
    cutout: str = ""
    background: str = ""


def collect(images: ImageSet) -> list[Given]:
    """The controls, and what was given with them."""
    opened: list[tuple[str, Image.Image]] = []
    upload, camera, samples = st.tabs(["Upload or paste", "Camera", "Sample pictures"])
    with upload:
        files = st.file_uploader(
            "Pictures (PNG, JPEG or WebP, up to 5 MB each)",
            type=["png", "jpg", "jpeg", "webp"],
            accept_multiple_files=True,
            max_upload_size=5,
            help="A PNG or WebP with a see-through background is placed on each background in turn.",
        )
        for file in files or []:
            _open(file.name, file.getvalue(), opened)
    with camera:
        taken = st.camera_input("Take a picture") if st.toggle("Use the camera", value=False) else None
        if taken:
            _open("camera", taken.getvalue(), opened)
    with samples:
        opened = [*_samples(images), *opened]
    given = [one for name, picture in opened for one in _on_backgrounds(name, picture)]
    if len(given) > MOST:
        st.warning(f"The first {MOST} of {len(given)} pictures are shown; give fewer at once to see the others.")
    return given[:MOST]


def _open(name: str, content: bytes, into: list[tuple[str, Image.Image]]) -> None:
    try:
        into.append((name, open_cutout(content, name)))
    except UploadError as error:
        is_something_else = bool(content) and not is_picture(content)
        why = f"{error} What is in this file is no picture at all." if is_something_else else str(error)
        st.error(why, icon=":material/broken_image:")


def _on_backgrounds(name: str, picture: Image.Image) -> list[Given]:
    """A picture as it is, or a cut-out on each background."""
    if not is_cutout(picture):
        return [Given(name, on_grey(picture))]
    return [
        Given(f"{name}, {GREY if context == GREY else place_words(context)}", placed, name, context)
        for context, placed in on_backgrounds(picture).items()
    ]


def _samples(images: ImageSet) -> list[tuple[str, Image.Image]]:
    st.caption(
        "Scenes that no model was trained on. The last are cut out: each is placed on six backgrounds in turn, and "
        "on grey."
    )
    scenes = dict(zip(group_words(images.grouping).values(), group_pictures(images), strict=True))
    offered = (
        {name[0].upper() + name[1:]: picture for name, picture in scenes.items()} if images.about.get("recipe") else {}
    )
    chosen = []
    tiles = st.container(horizontal=True)
    every = {name: Image.fromarray(picture) for name, picture in {**offered, **elsewhere()}.items()} | cutouts()
    for name, picture in every.items():
        with tiles.container(width=SIDE):
            st.image(picture, width=SIDE, alt=name)
            if st.checkbox(name, key=f"sample_{name}"):
                chosen.append((name, picture))
    return chosen


@st.cache_resource(max_entries=1, show_spinner=False)
def cutouts() -> dict[str, Image.Image]:
    """An animal each without a background, by name, RGBA (256 x 256)."""
    found = {}
    for index, animal in enumerate(("camel", "horse")):
        drawing = draw(sample(animal, "grass", split="demo", index=3 + index), 256)
        found[f"{animal.capitalize()}, cut out"] = Image.fromarray(np.dstack([drawing.image, drawing.mask]))
    return found
