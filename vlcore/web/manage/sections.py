"""Sections of the Manage page, for teachers: queue, models, sets, disk, failures, training."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import image_sets, training
from vlcore.artifacts import disk, store
from vlcore.data import catalogue
from vlcore.data.subset import usual_condition
from vlcore.experiment import limits, trash
from vlcore.experiment.files import data_folder, models_folder
from vlcore.experiment.wording import plural, title
from vlcore.jobs import jobs
from vlcore.jobs.jobs import JobStatus, State
from vlcore.study import plans
from vlcore.web import cache, serving, shell, teacher, visitors, widgets, work
from vlcore.web.components import browser

LOOK_SECONDS = 5.0  # between looks at the queue
STUDIES = ("experiments", "class", "paper")
_HASH = 8  # last letters of a model's key, which tell it from others


def _confirm(sentence: str) -> None:
    """Say what a click did, and rerun the page."""
    st.session_state["toast"] = sentence
    st.rerun()


def _choose_some(
    label: str, names: Mapping[str, str], button: str, icon: str, about: str | None = None
) -> list[str]:
    """Show a choice of several keys by their names; returns them when the button is pressed."""
    if not names:
        return []
    left, right = st.columns([4, 1], vertical_alignment="bottom")

    def unique(key: str) -> str:
        return key if names[key] == key else f"{names[key]} ({key[-_HASH:]})"

    chosen = left.multiselect(label, list(names), key=f"some_{label}", format_func=unique)
    icon = f":material/{icon}:"
    is_pressed = right.button(button, icon=icon, disabled=not chosen, width="stretch", help=about)
    return chosen if is_pressed else []


def _name_of(key: str) -> str:
    """What people call an artifact; its key where it tells nothing of it."""
    models = cache.model_conditions()
    if key in models:
        model = models[key]
        return f"{title(model)}, on {model.data}, seed {model.init_seed}"
    model_key, _, _ = key.partition(".")  # of a map
    return f"map of {_name_of(model_key)}" if model_key in models else key


def show_sign_in() -> None:
    """Show where to enter the secret; what to do on a server without one."""
    if not teacher.is_named():
        st.info(f"This page is for teachers: {teacher.how_to()}.", icon=":material/key:")
        return
    st.caption(
        "This page is for teachers. The browser then keeps a token for a month, not the secret."
    )
    with st.form("sign_in", width=420):
        typed = st.text_input("Secret", type="password", max_chars=200)
        if st.form_submit_button("Enter", type="primary", icon=":material/key:"):
            visitors.become_teacher(typed)
            st.rerun()


def remember_token() -> None:
    """Have the browser keep the token of a teacher who signed in, and forget one who left."""
    if token := st.session_state.get(visitors.TEACHER):
        browser.remember(visitors.TEACHER, token, teacher.LIFETIME)


@shell.follows(LOOK_SECONDS)
def _count_visitors() -> None:
    count = visitors.how_many()
    st.caption(f"{count} {'browser is' if count == 1 else 'browsers are'} here", width="content")


def show_visitors(bar: DeltaGenerator) -> None:
    """Show how many browsers have a page open, and a way out of this role."""
    with bar.container(width="content"):
        _count_visitors()
    if teacher.is_named() and bar.button("Leave this role", icon=":material/logout:"):
        visitors.become_student()
        st.rerun()


@shell.follows(LOOK_SECONDS)
def show_queue() -> None:
    """Show what runs and waits, and buttons that cancel any of it."""
    st.subheader("Queue")
    queued = [(work.queue().view(job.key), job) for job in work.queue().jobs()]
    queued.sort(key=lambda entry: (entry[0].position, entry[1].submitted))
    keys = {job.key for _, job in queued}
    rows: list[dict[str, Any]] = [
        {
            "job": job.title or _job_name(status),
            "state": _state_in_words(status),
            "asked": _ago(job.submitted),
            "wanted by": len(job.askers),
            "key": job.key,
        }
        for status, job in queued
    ]
    for status in jobs.active_and_ended():
        if status.state.is_active and status.key not in keys:
            state = _state_in_words(status)
            rows.append({"job": _job_name(status), "state": state, "key": status.key})
    if not rows:
        st.caption("The queue is empty.")
        return
    st.dataframe(rows, hide_index=True, width="stretch")
    waiting = [job.key for status, job in queued if status.position]
    if waiting and st.button(f"Cancel what waits ({len(waiting)})", icon=":material/clear_all:"):
        for key in waiting:
            work.queue().cancel(key)
        _confirm(f"{len(waiting)} cancelled.")
    names = {row["key"]: row["job"] for row in rows}
    if chosen := _choose_some("Cancel", names, "Cancel these", "stop"):
        for key in chosen:
            work.queue().cancel(key)
        _confirm(f"{len(chosen)} cancelled. What has begun stops after its current step.")


def _job_name(status: JobStatus) -> str:
    return str(status.status.get("title", status.key))


def _state_in_words(status: JobStatus) -> str:
    if status.state is State.RUNNING:
        return f"runs, {status.fraction:.0%}"
    return f"waits, place {status.position}" if status.position else "begins"


def _ago(seconds_since_1970: float) -> str:
    minutes = max(0.0, time.time() - seconds_since_1970) / 60
    return f"{minutes:.0f} min ago" if minutes < 100 else f"{minutes / 60:.0f} h ago"


def show_models_and_sets() -> float:
    """Show models and sets with their sizes, to delete; deleted ones to restore.

    Returns:
        The size of what is listed, in MB.
    """
    st.subheader("Models and image sets")
    sets = [name for name in catalogue.set_names() if name not in catalogue.BUILT_IN_SETS]
    rows: list[dict[str, Any]] = []
    for key, folder in disk.deletable_folders().items():
        kind = store.kind_of_key(key)
        megabytes = disk.size_of(folder) / 1e6
        what = kind.value if kind else "model"
        rows.append({"name": _name_of(key), "kind": what, "MB": megabytes, "key": key})
    for name in sets:
        megabytes = sum(map(disk.size_of, catalogue.folders_of(name))) / 1e6
        rows.append({"name": name, "kind": "image set", "MB": megabytes, "key": name})
    if rows:
        height = min(320, 38 + 35 * len(rows))
        size = {"MB": st.column_config.NumberColumn(format="%.1f")}
        st.dataframe(rows, hide_index=True, width="stretch", height=height, column_config=size)
    else:
        st.caption("Nothing was trained, imported or drawn on this server yet.")
    about = (
        "For a week, or until room is needed, everything deleted can be restored; after that"
        " `python -m vlcore clean` removes it."
    )
    names = {row["key"]: row["name"] for row in rows}
    if chosen := _choose_some("Delete", names, "Delete these", "delete", about):
        for name in set(chosen) & set(sets):
            image_sets.check_unused(name)  # before anything goes
        for name in chosen:
            remove: Callable[[str], object] = (
                image_sets.remove_set if name in sets else disk.delete_artifacts
            )
            remove(name)
        _confirm(f"{len(chosen)} deleted; they can be restored within a week.")
    deleted = {entry.name: entry.name for entry in trash.deleted_folders()}
    if chosen := _choose_some("Deleted", deleted, "Restore", "undo"):
        for name in chosen:
            trash.restore_deleted(name)
        _confirm(f"{len(chosen)} restored.")
    return sum(row["MB"] for row in rows)


def show_disk(listed: float) -> None:
    """Show how much of the disk is used, and a button that clears caches.

    Args:
        listed: MB of models and image sets in the list above.
    """
    st.subheader("Disk")
    usage = disk.usage()
    labels = ("models", "image sets", "downloads", "deleted", "free")
    with st.container(horizontal=True, gap="medium"):
        for label, size in zip(labels, usage, strict=True):
            st.markdown(f"{label} **{_size_in_words(size)}**", width="content")
    unlisted = max(0, usage.models + usage.sets - round(listed * 1e6))
    st.caption(
        f"Of models and image sets {_size_in_words(unlisted)} are not in the list above:"
        " unpacked bundled models, drawn built-in sets, checkpoints and work in progress."
    )
    most = disk.home_limit()
    over = f" and over {most / limits.GB:.0f} GB in use" if most else ""
    st.caption(
        f"In `{models_folder()}` and `{data_folder()}`. Below 2 GB free{over} nothing new is made."
    )
    about = "Removes fitted maps and untrained encoders. A click makes each again in seconds."
    if st.button("Clear caches", icon=":material/mop:", help=about):
        _confirm(f"{len(disk.prune_home(usage.free + usage.models))} removed.")


def _size_in_words(size: int) -> str:
    """A number of bytes in MB, or in GB where that is not below one."""
    if size < limits.GB:
        return f"{size / 1e6:,.0f} MB"
    return f"{size / 1e9:,.1f} GB"


def show_what_failed() -> None:
    """Show what failed last: jobs with their messages, and pages with their errors."""
    st.subheader("What failed")
    failures: list[tuple[float, str, str]] = [
        (at, "a page", message) for at, message in serving.errors
    ]
    for status in jobs.active_and_ended():
        if status.state in (State.FAILED, State.INTERRUPTED):
            message = status.status.get("message", "interrupted")
            failures.append((status.status.get("updated", 0.0), _job_name(status), message))
    if not failures:
        st.caption("Nothing.")
        return
    rows = []
    for at, what, message in sorted(failures, reverse=True):
        when = datetime.fromtimestamp(at).astimezone().strftime("%d %b %H:%M")
        rows.append({"when": when, "what": what, "message": message})
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "The whole of it is in the log of the server, and of a job in `models/.work/KEY/log.txt`."
    )


def train_ahead() -> None:
    """Offer to train a study before a class, so that its models are ready then."""
    st.subheader("Train ahead for a class")
    st.caption("Models that the class will open on Compare and Findings load at once.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = st.selectbox("Image set", catalogue.set_names(), width=240)
        about = (
            "Short and descriptive captions by bias: experiments has two levels, class three, paper"
            " six."
        )
        name = st.selectbox("Study", STUDIES, help=about, width=200)
        seeds = widgets.integer_input("Seed pairs", 1, 50, 1, width=160)
        study = plans.find(name, usual_condition(cache.named_set(data)), seeds)
        missing = [condition for condition in study.conditions if not work.view(condition.key).done]
        label = f"Train what is missing ({len(missing)})" if missing else "Already trained"
        if st.button(label, icon=":material/nights_stay:", disabled=not missing):
            training.check_trainable(study.conditions[0])
            work.train(*missing)
            waiting = plural(len(missing), "training")
            _confirm(f"Waiting: {waiting}; visitors' jobs have their turns too.")
