"""The section of the Data page in which a visitor's images become a set.

The upload is on the disk as long as the visitor's session, and is listed before anything is
decoded.
"""

import re
import shutil
import tempfile
import warnings
import weakref
import zipfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from vlcore.api import imports
from vlcore.artifacts import store
from vlcore.data import importers
from vlcore.data.catalogue import check_name, set_names
from vlcore.data.imageset import ImageSetError, usable_name
from vlcore.data.importers.selection import DESCRIPTIVE, NOT_STATED, SHORT
from vlcore.data.subset import usual_condition
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import scratch_folder
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import first_names, plural
from vlcore.jobs.jobs import State
from vlcore.study import plans
from vlcore.web import cache, jobs, shell, visitors, work
from vlcore.web.address import CompareState, TrainState
from vlcore.web.teacher import Right

# Characters of four bytes at most: a zip's own name, and one of its files (65,535 bytes).
_STEM, _LONGEST = 60, 16_000
_MOST_NAMED = 12  # columns in a sentence
_FIELDS = (
    "{object} stands for the object, {place} for the background with “in the” or “on the” before"
    " it."
)
_MAP_FOLLOWS = "import_map_follows"  # in the session: the map is shown after the import


def show_import() -> None:
    """Turn a visitor's folder or zip into an image set."""
    st.subheader("Your own images")
    st.markdown(
        "Put images into folders such as `horse/grass`, `horse/desert`, `camel/grass` and"
        " `camel/desert`. **Everybody on this server will see the set.**"
    )
    with st.expander("Many images, or a table of labels"):
        st.markdown(
            "A table `labels.csv` with the columns `file`, `object` and `context` works too. Send"
            f" more than {limits.FOLDER_FILES} files as a zip, because browsers take minutes to"
            " list a folder. For a larger set, use `python -m vlcore data import FOLDER --name"
            " NAME`."
        )
    visitors.require_right(Right.SETS)
    if pending := st.session_state.get("import_key"):
        _importing(pending)
        return
    zipped, folder = st.columns(2)
    # MB, as in config.toml.
    file = zipped.file_uploader("A zip of images", type="zip", max_upload_size=100)
    most = limits.UPLOAD_BYTES // limits.MB
    options: dict[str, Any] = {"accept_multiple_files": "directory", "max_upload_size": most}
    files = folder.file_uploader("Or a folder of images", key="import_folder", **options)
    if not file and not files:
        return
    upload = _stored_upload(file, files or [])
    if reason := _why_no_set(upload.listing):
        kind = "zip" if file else "folder"
        st.error(
            f"This {kind} {plain(reason)}. A set needs two objects on two backgrounds.",
            icon=":material/error:",
        )
    else:
        _import_form(upload.path, upload.listing)


class _StoredUpload:
    """An upload on the disk for as long as this object, which a visitor's session holds."""

    def __init__(self, identity: tuple[str, ...], name: str) -> None:
        self.identity = identity
        folder = Path(tempfile.mkdtemp(dir=scratch_folder()))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / name

    @cached_property
    def listing(self) -> importers.Listing:
        """What is in it, read by a helper process once: every click of the form runs the page
        anew."""
        return importers.list_source_apart(self.path)


def _stored_upload(file: Any, files: list[Any]) -> _StoredUpload:
    """The upload on the disk, written once. What a folder holds becomes a zip too: a disk
    cannot have all the names that a browser may send, and none of them leads anywhere."""
    identity = (file.file_id,) if file else tuple(sorted(entry.file_id for entry in files))
    upload: _StoredUpload | None = st.session_state.get("import_source")
    if upload is not None and upload.identity == identity:
        return upload
    name = PurePosixPath(file.name).stem if file else _common_folder(files)
    stem = re.sub(r"[^\w.-]+", " ", name).strip(" .")[:_STEM] or "upload"
    upload = st.session_state["import_source"] = _StoredUpload(identity, f"{stem}.zip")
    if file:
        upload.path.write_bytes(file.getvalue())
        return upload
    with warnings.catch_warnings(), zipfile.ZipFile(upload.path, "w") as archive:
        # Of two files of one name the first is used, and the form lists the other.
        warnings.simplefilter("ignore")
        for entry in files:
            archive.writestr(_member_name(entry), entry.getvalue())
    return upload


def _common_folder(files: Sequence[Any]) -> str:
    """The folder that all files of an uploaded one are in, by its name; empty where there is
    none."""
    members = [_member_name(entry) for entry in files]
    folders = {member.partition("/")[0] if "/" in member else "" for member in members}
    return folders.pop() if len(folders) == 1 else ""


def _member_name(entry: Any) -> str:
    """The path of an uploaded file in its folder, as a zip may hold it."""
    return str(entry.name).replace("\\", "/").lstrip("/")[:_LONGEST]


def _why_no_set(listing: importers.Listing) -> str:
    """Why no set can be made of an upload, before anybody fills in a form; empty where one can."""
    counts = listing.counts
    if len(counts) == 1:
        return f"shows one object only, {counts.index[0]}"
    if len(counts.columns) == 1:
        return f"shows one background only, {counts.columns[0]}"
    if listing.default_choice() is None:
        return "has no two objects with images on the same two backgrounds"
    return ""


def _import_form(source: Path, listing: importers.Listing) -> None:
    st.success(plain(listing.about), icon=":material/folder_open:")
    st.dataframe(listing.counts, width="content")
    _show_skipped(listing.skipped)
    with st.form("import"):
        left, right = st.columns(2)
        objects, contexts = _pair_fields(listing, left, right)
        name = st.text_input(
            "Name of the set",
            _free_name(source.stem),
            placeholder="for example my-horses",
            max_chars=60,
        )
        with st.expander("Captions and licence"):
            left, right = st.columns(2)
            labels = {
                "short": left.text_input("Short caption", SHORT, 100),
                "descriptive": right.text_input("Descriptive caption", DESCRIPTIVE, 100),
            }
            st.caption(f"{_FIELDS} Examples: “horse” and “horse on the grass”.")
            licence = st.text_input("Licence of the images", NOT_STATED, max_chars=100)
        with st.container(horizontal=True):
            about = "Then trains two models with pretrained encoders, and shows their maps."
            makes_map = st.form_submit_button(
                "Make the set and its map", about, type="primary", icon=":material/scatter_plot:"
            )
            makes_set = st.form_submit_button("Make the set", icon=":material/photo_library:")
        if not makes_map and not makes_set:
            return
    if len(set(objects)) < 2 or len(set(contexts)) < 2:
        st.error(
            "Choose two different objects and two different backgrounds.", icon=":material/error:"
        )
        return
    st.session_state[_MAP_FOLLOWS] = makes_map
    options = {"objects": objects, "contexts": contexts, "licence": licence, **labels}
    check_name(name := name.strip())
    key = st.session_state["import_key"] = imports.import_key(name)  # of this attempt
    work.ask(
        key,
        imports.run_import,
        key,
        source,
        name,
        options,
        short=False,
        limit=limits.LONG_JOB_SECONDS,
    )
    st.rerun()


def _pair_fields(
    listing: importers.Listing, left: Any, right: Any
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two objects and the background where each belongs, chosen in two columns."""
    counts = listing.counts
    names, places = list(map(str, counts.index)), list(map(str, counts.columns))
    choice = listing.default_choice()
    assert choice is not None  # else the form is not shown
    objects, contexts = [], []
    for number, (column, ordinal) in enumerate(((left, "First"), (right, "Second"))):
        label = "is usually on" + " " * number  # two fields of one label need different keys
        usual, place = choice[0][number], choice[1][number]
        objects.append(column.selectbox(f"{ordinal} object", names, names.index(usual)))
        contexts.append(column.selectbox(label, places, places.index(place)))
    return (objects[0], objects[1]), (contexts[0], contexts[1])


def _free_name(stem: str) -> str:
    """A name for a set after a file; empty where none is free."""
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:50]
    for name in (slug, *(f"{slug}-{number}" for number in range(2, 100))):
        if usable_name(name) and name not in set_names():
            return name
    return ""


def _show_skipped(skipped: Sequence[Any]) -> None:
    """Show which files were left out, each with the reason, if there are any."""
    if skipped:
        with st.expander(f"Left out: {plural(len(skipped), 'file')}"):
            st.dataframe(pd.DataFrame(skipped, columns=["file", "why"]), hide_index=True)


def _importing(key: str) -> None:
    view = work.view(key)
    if view.state.is_active:
        jobs.watch([key], lambda views: jobs.show_progress(views, "import_cancel"))
        return
    if not view.done:
        reason = plain(view.status.get("message", "The import was interrupted."))
        if view.state is State.CANCELLED:
            reason = "Cancelled."
        st.error(f"{reason} Nothing was kept.", icon=":material/error:")
        st.button("Back", on_click=st.session_state.pop, args=("import_key",))
        return
    report = store.read(key).json("report.json")
    groups = ", ".join(f"{group} {n:,}" for group, n in report["counts"].items())
    st.success(
        plain(f"The image set {report['name']} is ready: {groups}."), icon=":material/check_circle:"
    )
    about, columns = report["about"], report["own_columns"]
    if columns:
        few = first_names(columns, _MOST_NAMED)
        about += f" Your {plural(len(columns), 'column')} stayed with it: {few}."
    st.caption(plain(about))
    if notes := report["warnings"]:
        st.warning(
            "\n".join(f"- {plain(sentence)}" for sentence in notes), icon=":material/warning:"
        )
    _show_skipped(report["skipped"])
    is_there = report["name"] in set_names()  # somebody may have removed it
    pair = _map_pair(report["name"]) if is_there else []
    with st.container(horizontal=True):
        is_wanted = st.session_state.pop(_MAP_FOLLOWS, False)
        if pair and (is_wanted or _asks_for_map()):
            work.train(*pair)
            st.session_state["toast"] = " ".join(notes)
            shell.go_to_page(CompareState, report["name"])
        if is_there and st.button("Look at it", icon=":material/photo_library:"):
            del st.session_state["import_key"]
            shell.go_to(report["name"])
        if is_there and st.button("Train on it", icon=":material/play_arrow:"):
            shell.go_to_page(TrainState, report["name"])
        st.button("Import another", on_click=st.session_state.pop, args=("import_key",))


def _asks_for_map() -> bool:
    """Show the button that leads to the map of a new set; whether it was pressed."""
    about = "Train two models with pretrained encoders (a few seconds), and show their maps."
    return st.button("See its map", type="primary", icon=":material/scatter_plot:", help=about)


def _map_pair(name: str) -> Sequence[Condition]:
    """Return the two models on which Compare opens an own set; none for too few images."""
    try:
        usual = usual_condition(cache.named_set(name)).with_towers(shell.FOR_PHOTOS)
    except ImageSetError:
        return []
    return plans.find("experiments", usual).conditions[:2]
