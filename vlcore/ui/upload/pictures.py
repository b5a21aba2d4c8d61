"""Pictures that a visitor gives: from the disk, the camera, the clipboard or our samples.

Whatever is given stays in this session; nothing is written to the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from vlcore.compare.uploads import as_code
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.samples import UploadedPicture, plain, samples, uploaded
from vlcore.datasets.uploads import UploadError, is_picture
from vlcore.ui import browser, widgets

MOST = 14  # pictures at once: two cut-outs on every background
SIDE = 112  # px of a sample: ten are beside each other on a wide screen


def picture_inputs(images: ImageSet) -> list[UploadedPicture]:
    """The controls, and what was given with them: samples first."""
    upload, camera, tiles = st.tabs(["Upload or paste", "Camera", "Sample pictures"])
    with tiles:
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


def _samples(images: ImageSet) -> list[UploadedPicture]:
    st.caption(
        "Scenes that no model was trained on. The last are cut out: each is placed on six backgrounds in turn, and "
        "on grey."
    )
    chosen: list[UploadedPicture] = []
    tiles = st.container(horizontal=True)
    for name, (offered, pictures) in samples(images).items():
        with tiles.container(width=SIDE):
            widgets.picture(offered, width=SIDE, alt=name)
            if st.checkbox(name, key=f"sample_{name}"):
                chosen += pictures
    return chosen


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


def _open(name: str, content: bytes) -> list[UploadedPicture] | str:
    """The pictures of a file, or the sentence that says why there are none."""
    try:
        return uploaded(name, content)
    except UploadError as error:
        is_something_else = bool(content) and not is_picture(content)
        more = " What is in this file is no picture at all." if is_something_else else ""
        return f"{as_code(name)}: {error}{more}"


def _shown(opened: list[UploadedPicture] | str) -> list[UploadedPicture]:
    """What was opened, or none and the sentence that says why."""
    if isinstance(opened, str):
        st.error(opened, icon=":material/broken_image:")
        return []
    return opened
