"""The section of the Data page in which a folder or a zip of a visitor's becomes an image set.

The upload lies on the disk as long as the visitor's session, and is looked at before anything is
decoded.
"""

import re
import shutil
import tempfile
import warnings
import weakref
import zipfile
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import streamlit as st

from vlcore.api import imports
from vlcore.artifacts import store
from vlcore.classroom.teacher import Right
from vlcore.data import importers
from vlcore.data.catalogue import check_name, set_names
from vlcore.data.imageset import usable_name
from vlcore.experiment.files import scratch_folder
from vlcore.experiment.limits import LONG_JOB_SECONDS
from vlcore.experiment.plain_text import as_code, plain
from vlcore.jobs.jobs import State
from vlcore.web import jobs, shell, visitors, widgets, work

_STEM = 60  # characters of a zip's name, none of more than four bytes
_LONGEST = 16_000  # characters of a file's name; a zip holds 65,535 bytes of it


def section() -> None:
    """A folder or a zip of the visitor's becomes an image set."""
    st.subheader("Your own images")
    st.markdown(
        "Two kinds of objects in two kinds of contexts, for example `horse/grass/…`,"
        " `horse/desert/…`, `camel/grass/…`, `camel/desert/…`, or `horse_grass/…` and so on. The"
        f" formats that are recognised: {importers.format_titles()}. **Everybody on this server"
        " will see the set.** Larger ones: `python -m vlcore data import FOLDER --name NAME`."
    )
    visitors.require_right(Right.SETS)
    if pending := st.session_state.get("import_key"):
        _importing(pending)
        return
    zipped, folder = st.tabs(["A zip", "A folder"])
    file = zipped.file_uploader(
        "A zip of pictures", type="zip", max_upload_size=100
    )  # MB, as in config.toml
    of_folder: dict[str, Any] = {
        "accept_multiple_files": "directory",
        "max_upload_size": 5,
        "key": "import_folder",
    }
    files = folder.file_uploader("A folder of pictures", **of_folder)
    if not file and not files:
        return
    upload = _kept(file, files or [])
    listing, source = upload.listing, upload.path
    if lack := _lack(listing):
        called = "zip" if file else "folder"
        st.error(
            f"This {called} {plain(lack)}; a set needs two objects in two contexts.",
            icon=":material/error:",
        )
    else:
        _import_form(source, listing)


class _Kept:
    """A zip on the disk: there as long as this object, which a visitor's session holds; looked at
    once."""

    def __init__(self, identity: tuple[str, ...], name: str) -> None:
        self.identity = identity
        folder = Path(tempfile.mkdtemp(dir=scratch_folder()))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = folder / name

    @cached_property
    def listing(self) -> importers.Listing:
        """What is in it, read by a helper process: every click of the form runs the page anew."""
        return importers.look_apart(self.path)


def _kept(file: Any, files: list[Any]) -> _Kept:
    """The upload as a zip on the disk, written once. What a folder holds becomes a zip too: a disk
    cannot have all the names that a browser may send, and none of them leads anywhere."""
    identity = (file.file_id,) if file else tuple(sorted(entry.file_id for entry in files))
    kept: _Kept | None = st.session_state.get("import_source")
    if kept is not None and kept.identity == identity:
        return kept
    stem = (
        re.sub(r"[^\w.-]+", " ", PurePosixPath(file.name).stem).strip(" .")[:_STEM]
        if file
        else "upload"
    )
    kept = st.session_state["import_source"] = _Kept(identity, f"{stem or 'upload'}.zip")
    if file:
        kept.path.write_bytes(file.getvalue())
    else:
        with warnings.catch_warnings(), zipfile.ZipFile(kept.path, "w") as packed:
            warnings.simplefilter(
                "ignore"
            )  # of two files of one name the first is used, and the form says so
            for entry in files:
                packed.writestr(
                    entry.name.replace("\\", "/").lstrip("/")[:_LONGEST], entry.getvalue()
                )
    return kept


def _lack(listing: importers.Listing) -> str:
    """Why no set can be made of an upload, before anybody fills in a form; empty where one can."""
    counts = listing.counts
    if len(counts) == 1:
        return f"shows one object only, {counts.index[0]}"
    if len(counts.columns) == 1:
        return f"shows one context only, {counts.columns[0]}"
    if counts.size and listing.default_choice() is None:
        return "has no two objects with pictures in the same two contexts"
    return ""


def _import_form(source: Path, listing: importers.Listing) -> None:
    about, counts = listing.about, listing.counts
    if listing.format == "folders":
        example = PurePosixPath(listing.table["file"].iloc[0]).parent
        about = (
            "The names of the folders say what the pictures show and where, such as"
            f" {as_code(str(example))}."
        )
    st.success(plain(about), icon=":material/folder_open:")
    if counts.size:
        st.dataframe(counts, width="content")
    if listing.skipped:
        with st.expander(f"{len(listing.skipped):,} files are left out"):
            st.dataframe(pd.DataFrame(listing.skipped, columns=["file", "why"]), hide_index=True)
    with st.form("import"):
        left, right = st.columns(2)
        if counts.size:
            things, places = (
                [str(name) for name in counts.index],
                [str(name) for name in counts.columns],
            )
            objects, contexts = listing.default_choice() or (
                (things[0], things[-1]),
                (places[0], places[-1]),
            )
            first = left.selectbox("First object", things, things.index(objects[0]))
            here = left.selectbox("belongs in", places, places.index(contexts[0]))
            second = right.selectbox("Second object", things, things.index(objects[1]))
            there = right.selectbox("belongs in ", places, places.index(contexts[1]))
        else:
            first = left.text_input("First object", help="A word of the captions, such as horse.")
            here = left.text_input("belongs in", help="A word of the captions, such as grass.")
            second, there = right.text_input("Second object"), right.text_input("belongs in ")
        fields = (
            "{object} stands for the object, {place} for the context with “in the” or “on the”"
            " before it."
        )
        short = left.text_input("Short label", "{object}", max_chars=100, help=fields)
        descriptive = right.text_input(
            "Descriptive label", "{object} {place}", max_chars=100, help=fields
        )
        stem = re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-")[:50]
        tries = (stem, *(f"{stem}-{number}" for number in range(2, 100)))
        free = next((name for name in tries if usable_name(name) and name not in set_names()), "")
        name = left.text_input(
            "Name of the set", free, placeholder="for example my-horses", max_chars=60
        )
        licence = right.text_input("Licence of the pictures", "not stated", max_chars=100)
        st.caption(
            f"{fields} With horse and grass the labels above are “horse” and “horse on the grass”."
        )
        if not st.form_submit_button(
            "Make the image set", type="primary", icon=":material/add_photo_alternate:"
        ):
            return
    if first == second or here == there:
        st.error(
            "Choose two different objects and two different contexts.", icon=":material/error:"
        )
        return
    options = {
        "objects": (first, second),
        "contexts": (here, there),
        "short": short,
        "descriptive": descriptive,
    }
    options["licence"] = licence
    check_name(name := name.strip())
    key = st.session_state["import_key"] = imports.import_key(name)  # of this attempt
    work.ask(
        key, imports.run_import, key, source, name, options, short=False, limit=LONG_JOB_SECONDS
    )
    st.rerun()


def _importing(key: str) -> None:
    view = work.view(key)
    if view.state.is_active:
        jobs.watch([key], lambda views: jobs.progress(views[0], cancel_key="import_cancel"))
        return
    if not view.done:
        why = view.status.get("message", "It was interrupted.")
        st.error(
            f"{'Cancelled.' if view.state is State.CANCELLED else plain(why)} Nothing was kept.",
            icon=":material/error:",
        )
        st.button("Back", on_click=st.session_state.pop, args=("import_key",))
        return
    report = store.read(key).json("report.json")
    groups = ", ".join(f"{group} {n:,}" for group, n in report["counts"].items())
    st.success(
        plain(f"The image set {report['name']} is there: {groups}."), icon=":material/check_circle:"
    )
    for sentence in report["warnings"]:
        st.warning(plain(sentence), icon=":material/warning:")
    if report["skipped"]:
        with st.expander(f"{len(report['skipped']):,} files were left out"):
            st.dataframe(pd.DataFrame(report["skipped"], columns=["file", "why"]), hide_index=True)
    with st.container(horizontal=True):
        if st.button("Look at it", type="primary", icon=":material/photo_library:"):
            del st.session_state["import_key"]
            shell.go_to(report["name"])
        widgets.link("app.py", "Train on it", "play_arrow", data=report["name"])
        st.button("Import another", on_click=st.session_state.pop, args=("import_key",))
