"""Sections of the Manage page, which only a teacher sees: all that one server has and does."""

import time
from datetime import datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.artifacts import disk, store
from vlcore.classroom import teacher
from vlcore.data import catalogue
from vlcore.data.drawn import BUILT_IN
from vlcore.data.subset import usual_condition
from vlcore.experiment import limits, trash
from vlcore.experiment.files import data_folder, models_folder
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State
from vlcore.study import plans, registry
from vlcore.web import cache, serving, shell, visitors, widgets, work
from vlcore.web.components import browser

LOOK = 5.0  # seconds between looks at the queue
STUDIES = ("experiments", "class", "paper")


def _said(sentence: str) -> None:
    """Say what a click did, and draw the page anew."""
    st.session_state["toast"] = sentence
    st.rerun()


def _of_some(
    label: str, names: list[str], button: str, icon: str, about: str | None = None
) -> list[str]:
    """A choice of some names, and a button: what was chosen as it is pressed."""
    if not names:
        return []
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    chosen = left.multiselect(label, names, key=f"some_{label}")
    icon = f":material/{icon}:"
    pressed = right.button(button, icon=icon, disabled=not chosen, width="stretch", help=about)
    return chosen if pressed else []


def sign_in() -> None:
    """Where the secret is entered; what to do where there is none."""
    if not teacher.is_named():
        st.info(f"This page is for whoever teaches: {teacher.how_to()}.", icon=":material/key:")
        return
    st.caption(
        "This page is for whoever teaches. The browser then keeps a token for a month, not the"
        " secret."
    )
    with st.form("sign_in", width=420):
        typed = st.text_input("Secret", type="password", max_chars=200)
        if st.form_submit_button("Enter", type="primary", icon=":material/key:"):
            visitors.sign_in(typed)
            st.rerun()


def remember() -> None:
    """Have the browser keep the token of whoever has just entered the secret, and forget that of
    who left."""
    if token := st.session_state.get(visitors.TEACHER):
        browser.remember(visitors.TEACHER, token, teacher.LIFETIME)


def who_is_here(bar: DeltaGenerator) -> None:
    """How many visitors there are, and a way out of this role."""
    many = visitors.how_many()
    bar.caption(f"{many} {'browser is' if many == 1 else 'browsers are'} here", width="content")
    if teacher.is_named() and bar.button("Leave this role", icon=":material/logout:"):
        visitors.sign_out()
        st.rerun()


@shell.follows(LOOK)
def queue() -> None:
    """What runs and waits, of whom it is, and buttons that cancel any of it."""
    st.subheader("Queue")
    listed = work.queue().listed()
    here = {one.status.key for one in listed}
    rows: list[dict[str, Any]] = [
        {
            "job": one.status.key,
            "state": _state(one.status),
            "asked": _ago(one.asked),
            "wanted by": one.askers,
        }
        for one in listed
    ]
    elsewhere = [
        one for one in jobs.active_and_ended() if one.state.is_active and one.key not in here
    ]
    rows += [{"job": one.key, "state": f"{_state(one)}, started elsewhere"} for one in elsewhere]
    if not rows:
        st.caption("Nothing runs and nothing waits.")
        return
    st.dataframe(rows, hide_index=True, width="stretch")
    waiting = [one.status.key for one in listed if one.status.state is State.QUEUED]
    if waiting and st.button(f"Cancel all {len(waiting)} that wait", icon=":material/clear_all:"):
        for key in waiting:
            work.queue().cancel(key)
        _said(f"{len(waiting)} cancelled.")
    if chosen := _of_some("Cancel", [row["job"] for row in rows], "Cancel these", "stop"):
        for key in chosen:
            work.queue().cancel(key)
        _said(f"{len(chosen)} cancelled. What has begun stops after the step that it is at.")


def _state(seen: jobs.JobStatus) -> str:
    if seen.state is State.RUNNING:
        return f"runs, {seen.fraction:.0%}"
    return f"waits, place {seen.position}" if seen.position else "begins"


def _ago(at: float) -> str:
    minutes = max(0.0, time.time() - at) / 60
    return f"{minutes:.0f} min ago" if minutes < 100 else f"{minutes / 60:.0f} h ago"


def things() -> None:
    """Models and sets with their sizes, to delete; what was deleted, to put back."""
    st.subheader("Models and image sets")
    own = disk.own()
    sets = [name for name in catalogue.set_names() if name not in BUILT_IN]
    rows: list[dict[str, Any]] = [
        {
            "name": key,
            "is": kind.value if (kind := store.kind_of_key(key)) else "model",
            "MB": disk.size_of(folder) / 1e6,
        }
        for key, folder in own.items()
    ]
    rows += [
        {
            "name": name,
            "is": "image set",
            "MB": sum(map(disk.size_of, catalogue.folders_of(name))) / 1e6,
        }
        for name in sets
    ]
    if rows:
        size = {"MB": st.column_config.NumberColumn(format="%.1f")}
        st.dataframe(
            rows,
            hide_index=True,
            width="stretch",
            height=min(320, 38 + 35 * len(rows)),
            column_config=size,
        )
    else:
        st.caption("Nothing was trained, imported or drawn on this server yet.")
    about = (
        "For a week everything deleted can be put back; after that `python -m vlcore clean`"
        " removes it."
    )
    if chosen := _of_some("Delete", [row["name"] for row in rows], "Delete these", "delete", about):
        for name in chosen:
            catalogue.remove(name) if name in sets else disk.delete(name)
        _said(f"{len(chosen)} deleted, to be put back within a week.")
    deleted = list(dict.fromkeys(one.name for one in trash.deleted_folders()))
    if back := _of_some("Deleted", deleted, "Put back", "undo"):
        for name in back:
            trash.restore_deleted(name)
        _said(f"{len(back)} put back.")


def disk_budget() -> None:
    """What the home takes, and what can be made again."""
    st.subheader("Disk")
    used = disk.usage()
    with st.container(horizontal=True, gap="large"):
        for label, size in zip(
            ("models", "image sets", "downloads", "deleted", "free"), used, strict=True
        ):
            st.metric(
                label,
                f"{size / 1e9:.2f} GB" if size < 1e11 else f"{size / 1e9:,.0f} GB",
                width="content",
            )
    over = f" and over {most / limits.GB:.0f} GB in use" if (most := disk.most()) else ""
    st.caption(
        f"In `{models_folder()}` and `{data_folder()}`. Below 2 GB free{over} nothing new is made."
    )
    about = "Removes fitted maps and untrained encoders. A click makes each again in seconds."
    if st.button("Remove what can be made again", icon=":material/mop:", help=about):
        _said(f"{len(disk.prune(used.free + used.models))} removed.")


def errors() -> None:
    """What failed last: jobs with what they said, and pages with what stopped them."""
    st.subheader("What failed")
    ended = [
        one for one in jobs.active_and_ended() if one.state in (State.FAILED, State.INTERRUPTED)
    ]
    rows = [
        (one.status.get("updated", 0.0), one.key, one.status.get("message", "interrupted"))
        for one in ended
    ]
    rows += [(at, "a page", said) for at, said in serving.errors]
    if not rows:
        st.caption("Nothing.")
        return
    when = [
        datetime.fromtimestamp(at).astimezone().strftime("%d %b %H:%M")
        for at, *_ in sorted(rows, reverse=True)
    ]
    table = [
        {"when": at, "what": what, "said": said}
        for at, (_, what, said) in zip(when, sorted(rows)[::-1], strict=True)
    ]
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption(
        "The whole of it is in the log of the server, and of a job in `models/.work/KEY/log.txt`."
    )


def prebuild() -> None:
    """Trains a grid before a class comes, so that what it asks for is there."""
    st.subheader("Train for tomorrow")
    st.caption(
        "What a class will choose on Compare and Findings is there at once if it was trained"
        " before."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = st.selectbox("Image set", catalogue.set_names(), width=240)
        about = (
            "Short and descriptive labels by bias: experiments has two levels, class three, paper"
            " six."
        )
        name = st.selectbox("Grid", STUDIES, help=about, width=200)
        seeds = widgets.whole("Pairs of seeds", 1, 50, 1, width=160)
        study = plans.find(name, usual_condition(cache.named_set(data)), seeds)
        missing = [one for one in study.conditions if not work.view(one.key).done]
        label = f"Train the {len(missing)} that are missing" if missing else "All of it is there"
        if st.button(label, icon=":material/nights_stay:", disabled=not missing):
            registry.write_down(study)
            work.train(*missing)
            _said(
                f"{len(missing)} trainings wait; whoever asks for one meanwhile takes turns with"
                " them."
            )
