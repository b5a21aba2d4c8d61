"""How a visitor gives pictures: from the disk, the camera, the clipboard or our samples; and what becomes of cut-outs.

The one idea: whatever is given ends as a name and an RGB picture in this session, and a cut-out as one for each
background; nothing is written to the disk.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from vlcore.compare.comparison import names
from vlcore.compare.uploads import UploadReport
from vlcore.core.condition import Condition
from vlcore.core.grouping import group_words, place_words
from vlcore.core.wording import title
from vlcore.datasets.drawn import recipe_of
from vlcore.datasets.imageset import ImageSet, silent
from vlcore.datasets.uploads import GREY, UploadError, is_cutout, is_picture, on_backgrounds, on_grey, open_cutout
from vlcore.scenes import draw, sample
from vlcore.ui import browser, cache, widgets
from vlcore.ui.compare.models import SIDES

SAMPLE_INDEX = 3
# Places that no model has seen: the study's own example is a camel inside a house.
ELSEWHERE = {
    "Camel in a room": ("camel", "room"),
    "Horse in the snow": ("horse", "snow"),
    "Camel on the beach": ("camel", "beach"),
    "Horse on the street": ("horse", "street"),
}


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def group_pictures(images: ImageSet) -> list[NDArray[np.uint8]]:
    """One picture of each group of a set, in the order of the groups, uint8 (height, width, 3)."""
    recipe = recipe_of(images.name)
    if recipe is not None:
        return [
            draw(recipe.apply(sample(*pair, split="demo", index=SAMPLE_INDEX + number)), 256).image
            for number, pair in enumerate(recipe.grouping.pairs)
        ]
    groups = images.table["group"].to_numpy()
    rows = [int(np.flatnonzero(groups == group)[0]) for group in images.grouping.names]
    images.ensure_rendered(rows, silent)
    return [images.image(row) for row in rows]


@st.cache_data(max_entries=1, show_spinner=False)
def elsewhere() -> dict[str, NDArray[np.uint8]]:
    """Animals in places of no set of the study, by name, uint8 (256, 256, 3)."""
    return {
        name: draw(sample(*pair, split="demo", index=SAMPLE_INDEX + 10 + number), 256).image
        for number, (name, pair) in enumerate(ELSEWHERE.items())
    }


MOST = 14  # pictures at once: two cut-outs on every background
SIDE = 112  # px of a sample: ten are beside each other on a wide screen
LONGEST = 60  # characters of a name


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


def picture_inputs(images: ImageSet) -> list[UploadedPicture]:
    """The controls, and what was given with them: samples first."""
    upload, camera, samples = st.tabs(["Upload or paste", "Camera", "Sample pictures"])
    with samples:
        given = _samples(images)
    with upload:
        files = st.file_uploader(
            "Pictures (PNG, JPEG or WebP, up to 5 MB each)",
            type=["png", "jpg", "jpeg", "webp"],
            accept_multiple_files=True,
            max_upload_size=5,
            help="Choose files, drop them here, or paste a picture anywhere on this page. A PNG or WebP with a "
            "see-through background is placed on each background in turn.",
        )
        browser.paste_anywhere()
        opened, left_out = _opened(files or [], MOST - len(given))
        given += opened
    with camera:
        taken = st.camera_input("Take a picture") if st.toggle("Use the camera", value=False) else None
        given += _shown(_open("camera", taken.getvalue())) if taken else []
    if left_out or len(given) > MOST:
        st.warning(f"The first {MOST} pictures are shown, a cut-out as seven; give fewer at once to see the others.")
    return given[:MOST]


def _opened(files: Sequence[UploadedFile], room: int) -> tuple[list[UploadedPicture], int]:
    """What is in files, as far as there is room, and how many files were not opened.

    A large photograph takes half a second to decode, and every click runs the page anew: what was opened stays in this
    session as long as its file does.
    """
    before: dict[str, list[UploadedPicture] | str] = st.session_state.get("opened", {})
    now: dict[str, list[UploadedPicture] | str] = {}
    given: list[UploadedPicture] = []
    times: Counter[str] = Counter()
    for file in files:
        if len(given) >= room:
            break
        name = plain(file.name)
        times[name] += 1
        called = name if times[name] == 1 else f"{name} ({times[name]})"
        handle = f"{file.file_id} {called}"
        now[handle] = before[handle] if handle in before else _open(called, file.getvalue())
        given += _shown(now[handle])
    st.session_state["opened"] = now
    return given, len(files) - len(now)


def plain(name: str) -> str:
    """A file's name as it is shown: what can be seen of it, and of a long one its two ends."""
    seen = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split()) or "picture"
    return seen if len(seen) <= LONGEST else f"{seen[: LONGEST - 16]}…{seen[-15:]}"


def as_code(name: str) -> str:
    """A foreign name in Markdown: in a code span nothing in it is a link, a formula, a colour or a tag."""
    return f"`{name.replace('`', chr(39))}`"


def _shown(opened: list[UploadedPicture] | str) -> list[UploadedPicture]:
    """What was opened, or none and the sentence that says why."""
    if isinstance(opened, str):
        st.error(opened, icon=":material/broken_image:")
        return []
    return opened


def _open(name: str, content: bytes) -> list[UploadedPicture] | str:
    """The pictures of a file, or the sentence that says why there are none."""
    try:
        return _on_backgrounds(name, open_cutout(content, "The file"))
    except UploadError as error:
        is_something_else = bool(content) and not is_picture(content)
        more = " What is in this file is no picture at all." if is_something_else else ""
        return f"{as_code(name)}: {error}{more}"


def _on_backgrounds(name: str, picture: Image.Image, shows: str = "") -> list[UploadedPicture]:
    """A picture as it is, or a cut-out on each background."""
    if not is_cutout(picture):
        return [UploadedPicture(name, on_grey(picture), object=shows)]
    return [
        UploadedPicture(f"{name}, {GREY if context == GREY else place_words(context)}", placed, name, context, shows)
        for context, placed in on_backgrounds(picture).items()
    ]


def _samples(images: ImageSet) -> list[UploadedPicture]:
    st.caption(
        "Scenes that no model was trained on. The last are cut out: each is placed on six backgrounds in turn, and "
        "on grey."
    )
    offered: list[UploadedPicture] = []
    if images.about.get("recipe"):
        words = (name[0].upper() + name[1:] for name in group_words(images.grouping).values())
        for name, (shows, context), picture in zip(words, images.grouping.pairs, group_pictures(images), strict=True):
            offered.append(UploadedPicture(name, Image.fromarray(picture), background=context, object=shows))
    for name, picture in elsewhere().items():
        offered.append(UploadedPicture(name, Image.fromarray(picture), object=ELSEWHERE[name][0]))
    chosen: list[UploadedPicture] = []
    tiles = st.container(horizontal=True)
    for one in offered:
        with tiles.container(width=SIDE):
            widgets.picture(one.picture, width=SIDE, alt=one.name)
            if st.checkbox(one.name, key=f"sample_{one.name}"):
                chosen.append(one)
    for animal, cutout in cutouts().items():
        name = f"{animal.capitalize()}, cut out"
        with tiles.container(width=SIDE):
            widgets.picture(cutout, width=SIDE, alt=name)
            if st.checkbox(name, key=f"sample_{name}"):
                chosen += _on_backgrounds(name, cutout, animal)
    known = images.grouping.objects
    return [one if one.object in known else replace(one, object="") for one in chosen]


@st.cache_resource(max_entries=1, show_spinner=False)
def cutouts() -> dict[str, Image.Image]:
    """An animal each without a background, by name, RGBA (256 x 256)."""
    found = {}
    for index, animal in enumerate(("camel", "horse")):
        drawing = draw(sample(animal, "grass", split="demo", index=3 + index), 256)
        found[animal] = Image.fromarray(np.dstack([drawing.image, drawing.mask]))
    return found


def models(trained: dict[str, Condition], experiments: Sequence[Condition], count: int) -> list[Condition]:
    """The models that pictures are put to: those on the disk, and the untrained encoder behind each."""
    choices = _with_untrained(trained)
    called = _called(choices)
    usual = [one.key for one in (*experiments[2:], *experiments[:2]) if one.key in choices]
    usual = [*usual, *(key for key in choices if key not in usual)]
    chosen = []
    for column, name, prefix, usually in zip(
        widgets.in_pairs(count),
        names(count),
        SIDES,
        [usual[place % len(usual)] for place in range(count)],
        strict=False,
    ):
        with column:
            key = st.selectbox(
                f"{name.capitalize()} model",
                list(choices),
                index=list(choices).index(usually),
                format_func=called.__getitem__,
                key=f"{prefix}_asked",
                bind="query-params",
            )
        chosen.append(choices[key])
    return chosen


def _with_untrained(trained: dict[str, Condition]) -> dict[str, Condition]:
    """The untrained encoder of each seed and label style is one more choice, and is made when it is chosen."""
    choices, there = dict(trained), {_described(one) for one in trained.values()}
    for one in trained.values():
        if one.kind.has_weights and _described(one.untrained) not in there:  # what bias would do comes after
            choices[one.untrained.key] = one.untrained
            there.add(_described(one.untrained))
    return choices


def _called(choices: dict[str, Condition]) -> dict[str, str]:
    """A name for each choice, by key; no two are equal: the browser tells choices apart by their names alone."""
    times = Counter(map(_described, choices.values()))
    return {
        key: _described(one) if times[_described(one)] == 1 else f"{_described(one)} · {key.rpartition('-')[2]}"
        for key, one in choices.items()
    }


def _described(condition: Condition) -> str:
    length = f", {condition.steps:,} steps" if condition.steps else ""
    return f"{title(condition)} · seed {condition.init_seed}{length}"


def over_backgrounds(
    given: Sequence[UploadedPicture], called: Sequence[str], found: Sequence[Sequence[UploadReport]]
) -> list[str]:
    """For each cut-out: on how many backgrounds each model names what; `found` by model, then by picture."""
    sentences = []
    for name in dict.fromkeys(one.cutout for one in given if one.cutout):
        places = [place for place, one in enumerate(given) if one.cutout == name]
        parts = []
        for model, verdicts in zip(called, found, strict=True):
            said = Counter(verdicts[place].says or "nothing" for place in places)
            parts.append(f"{model}: " + ", ".join(f"{says} on {count}" for says, count in said.most_common()))
        sentences.append(f"**One cut-out on {len(places)} backgrounds** ({as_code(name)}). {'; '.join(parts)}.")
    return sentences
