"""The section of the Data page in which a folder or a zip of a visitor's becomes an image set.

The one idea: the upload lies on the disk as long as the visitor's session, is looked at before anything is decoded, and
is imported by a worker, whose progress and report are shown here.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from vlcore.images import importers
from vlcore.images.imagesets import check_name
from vlcore.runs import store
from vlcore.runs.jobs import State
from vlcore.ui import panels, shell, work

ZIP_MB = 100  # of an upload, as in .streamlit/config.toml


def your_own() -> None:
    """A folder or a zip of the visitor's becomes an image set."""
    st.subheader("Your own images")
    st.markdown(
        "Two kinds of things in two kinds of places, for example `horse/grass/…`, `horse/desert/…`, `camel/grass/…`, "
        "`camel/desert/…`, or `horse_grass/…` and so on. Waterbirds, Spawrious, MetaShift, NICO++, ImageNet-9, Hugging "
        "Face folders (`metadata.csv`) and tables of pictures and captions are known too. **Everybody on this server "
        "will see the set.** Larger ones: `python -m vlcore data import FOLDER --name NAME`."
    )
    pending = st.session_state.get("import_key")
    if pending:
        _importing(str(pending))
        return
    zipped, folder = st.tabs(["A zip", "A folder"])
    file = zipped.file_uploader("A zip of pictures", type="zip", max_upload_size=ZIP_MB)
    files = folder.file_uploader(
        "A folder of pictures", accept_multiple_files="directory", max_upload_size=5, key="import_folder"
    )
    if not file and not files:
        return
    with shell.errors_as_sentences():
        source = _source(file, files or [])
        listing = importers.look(source)
        _import_form(source, listing)


class _Kept:
    """An upload on the disk: there as long as this object, which a visitor's session holds."""

    def __init__(self, identity: tuple[str, ...]) -> None:
        self.identity = identity
        self.folder = Path(tempfile.mkdtemp(prefix="vlcore-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


def _source(file: Any, files: list[Any]) -> Path:
    """The upload as a zip or a folder on the disk, written once."""
    identity = (file.file_id,) if file else tuple(sorted(entry.file_id for entry in files))
    kept = st.session_state.get("import_source")
    if kept is not None and kept.identity == identity:
        return Path(next(kept.folder.iterdir()))
    kept = st.session_state["import_source"] = _Kept(identity)
    if file:
        path = kept.folder / (re.sub(r"[^\w.-]+", " ", Path(file.name).name).strip() or "upload.zip")
        path.write_bytes(file.getvalue())
        return path
    path = kept.folder / "upload"
    for entry in files:
        inside = [part for part in entry.name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        target = path.joinpath(*inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(entry.getvalue())
    return path


def _import_form(source: Path, listing: importers.Listing) -> None:
    st.success(listing.about, icon=":material/folder_open:")
    counts = listing.counts()
    if counts.size:
        st.dataframe(counts, width="content")
    if listing.skipped:
        with st.expander(f"{len(listing.skipped):,} files are left out"):
            st.dataframe(pd.DataFrame(listing.skipped, columns=["file", "why"]), hide_index=True)
    usual = listing.usual_choice()
    with st.form("import"):
        left, right = st.columns(2)
        objects = contexts = ("", "")
        if counts.size:
            things, places = [str(name) for name in counts.index], [str(name) for name in counts.columns]
            objects, contexts = usual or ((things[0], things[-1]), (places[0], places[-1]))
            with left:
                first = st.selectbox("First object", things, index=things.index(objects[0]))
                here = st.selectbox("belongs in", places, index=places.index(contexts[0]))
            with right:
                second = st.selectbox("Second object", things, index=things.index(objects[1]))
                there = st.selectbox("belongs in ", places, index=places.index(contexts[1]))
        else:
            first = left.text_input("First object", help="A word of the captions, such as horse.")
            here = left.text_input("belongs in", help="A word of the captions, such as grass.")
            second = right.text_input("Second object")
            there = right.text_input("belongs in ")
        short = left.text_input("Short label", "{object}", max_chars=100)
        descriptive = right.text_input("Descriptive label", "{object} {place}", max_chars=100)
        name = left.text_input("Name of the set", placeholder="for example my-horses", max_chars=60)
        licence = right.text_input("Licence of the pictures", "not stated", max_chars=100)
        if not st.form_submit_button("Make the image set", type="primary", icon=":material/add_photo_alternate:"):
            return
    options = {
        "objects": (first, second), "contexts": (here, there), "short": short, "descriptive": descriptive,
        "licence": licence,
    }  # fmt: skip
    check_name(name.strip())
    st.session_state["import_key"] = work.import_set(source, name.strip(), options)
    st.rerun()


def _importing(key: str) -> None:
    """The progress of an import, and its report."""
    view = work.view(key)
    if view.done:
        _report(key)
        return
    if not view.state.is_active:
        reason = (
            view.status.get("message", "It was interrupted.") if view.state is not State.CANCELLED else "Cancelled."
        )
        st.error(f"{reason} Nothing was kept.", icon=":material/error:")
        if st.button("Back"):
            del st.session_state["import_key"]
            st.rerun()
        return

    @st.fragment(run_every=work.POLL)
    def watch() -> None:
        seen = work.view(key)
        if not seen.state.is_active:
            st.rerun()
        panels.progress(seen)
        if st.button("Cancel", icon=":material/stop:"):
            work.cancel([key])
            st.rerun()

    watch()


def _report(key: str) -> None:
    with shell.errors_as_sentences():
        report = store.read(key).json("report.json")
    groups = ", ".join(f"{group} {n:,}" for group, n in report["counts"].items())
    st.success(f"The image set {report['name']} is there: {groups}.", icon=":material/check_circle:")
    for sentence in report["warnings"]:
        st.warning(sentence, icon=":material/warning:")
    if report["skipped"]:
        with st.expander(f"{len(report['skipped']):,} files were left out"):
            st.dataframe(pd.DataFrame(report["skipped"], columns=["file", "why"]), hide_index=True)
    with st.container(horizontal=True):
        if st.button("Look at it", type="primary", icon=":material/photo_library:"):
            del st.session_state["import_key"]
            shell.go_to(report["name"])
        if st.button("Import another"):
            del st.session_state["import_key"]
            st.rerun()
