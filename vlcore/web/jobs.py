"""Jobs on pages: offer, follow, cancel, offer again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import plural
from vlcore.jobs.jobs import JobStatus, State
from vlcore.web import shell, teacher, visitors, work
from vlcore.web.visitors import visitor

Result = TypeVar("Result")
COUNTED = ("drawing", "computing")  # how stages begin that say how much is done
POLL = 2.0  # seconds between looks at a running job
POLL_QUICK = 0.5  # the same, of one that takes seconds


def chosen_here(key: str) -> bool:
    """Whether a job may start by itself, because the visitor chose it with a click on this page.

    One that an address asked for on arrival, as by a link, needs a button.
    """
    offered: set[str] = st.session_state.setdefault("offered", set())
    if st.session_state.get("arrives"):
        offered.add(key)
    return key not in offered


def start_or_offer(starts: Mapping[str, Callable[[], None]], label: str) -> None:
    """Start the absent jobs, by their keys, that were chosen here; offer a button for others."""
    absent = [key for key in starts if work.view(key).state is State.ABSENT]
    by_link = [key for key in absent if not chosen_here(key)]
    if by_link and not st.button(
        label, type="primary", icon=":material/play_arrow:", key=f"start_{by_link[0]}"
    ):
        return
    for key in absent:
        starts[key]()
    if by_link:
        st.rerun()


def withdraw(keys: Iterable[str]) -> None:
    """Withdraw this visitor from jobs and rerun the page; those that nobody else wants end."""
    active = [key for key in keys if work.view(key).state.is_active]
    continuing = [key for key in active if not work.queue().cancel_pending(key, visitor().name)]
    visitor().withdrawn.update(continuing)
    if continuing:
        goes = "goes" if len(continuing) == 1 else "go"
        subject = f"{len(continuing)} of {len(active)} {goes} on"
        if len(active) == 1:
            subject = "It goes on"
        st.session_state["toast"] = (
            f"{subject}: somebody else waits for it. This page stops following it."
        )
    elif active:
        st.session_state["toast"] = "Cancelled. What has begun stops after its current step."
    st.rerun()


def watch(
    keys: Sequence[str],
    draw: Callable[[list[JobStatus]], None] | None = None,
    *,
    each_done: bool = False,
    every: float = POLL,
) -> None:
    """Draw jobs, again and again while one is active, and rerun the page when all are done.

    Args:
        keys: of the jobs.
        draw: draws their states; without it, each has its progress.
        each_done: rerun the page whenever one more is done.
        every: seconds between looks.
    """

    def summary(views: list[JobStatus]) -> tuple[bool, int]:
        done = sum(view.done for view in views)
        is_active = any(view.state.is_active for view in views)
        return is_active, done if each_done else int(done == len(keys))

    before = summary([work.view(key) for key in keys])

    @shell.follows(every if before[0] else None)
    def follow() -> None:
        views = [work.view(key) for key in keys]
        if summary(views) != before:
            st.rerun()
        if draw is not None:
            draw(views)
        else:
            for view in views:
                progress(view)

    follow()


def train_several(conditions: Sequence[Condition], label: str, about: str, *, key: str) -> bool:
    """Offer the training of all conditions by one button, and follow it; whether all are trained.

    Args:
        conditions: to be trained.
        label: of the button.
        about: its help.
        key: of the button, and of the one that cancels.
    """

    def draw(views: list[JobStatus]) -> None:
        if any(view.state.is_active for view in views):
            done = sum(view.done for view in views)
            follow_several(views, f"{done} of {len(views)} models are trained.", key)
            return
        missing = untrained(conditions, views)
        at_once = missing if visitors.teaches() else missing[: limits.TRAININGS]
        if st.button(label, key=f"train_{key}", icon=":material/science:", help=about):
            work.train(*at_once)
            st.rerun()
        st.caption(f"{plural(len(missing), 'training')}: {work.time_in_words(*missing)} here.")
        if later := len(missing) - len(at_once):
            st.caption(
                f"{len(at_once)} of them at a time: when these are done, press it again for the"
                f" other {later}. All at once only a teacher trains; {teacher.how_to()}."
            )
        warn_of_failures(views)

    keys = [condition.key for condition in conditions]
    if all(work.view(key).done for key in keys):
        return True
    watch(keys, draw)
    return False


def untrained(conditions: Sequence[Condition], views: Sequence[JobStatus]) -> list[Condition]:
    """Return the conditions whose trainings, of these states, are neither done nor active."""
    return [
        condition
        for condition, view in zip(conditions, views, strict=True)
        if not (view.done or view.state.is_active)
    ]


def follow_several(views: Sequence[JobStatus], words: str, cancel_key: str) -> None:
    """Show how far several jobs are in all, with a button that cancels them.

    A job that ended without a result counts nothing, as it starts again.
    """
    counted = [view for view in views if view.done or view.state.is_active]
    share = sum(view.fraction for view in counted) / len(views)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(share, words)
        if st.button("Cancel", key=f"stop_{cancel_key}", icon=":material/stop:"):
            withdraw(view.key for view in views)


def progress_or_start(
    view: JobStatus,
    label: str,
    start: Callable[[], None],
    *,
    cancel_key: str = "",
    job: str = "This training",
    **button: Any,
) -> None:
    """Show the `progress` of a job, and if it is not active a button that starts it.

    Args:
        view: the state of the job.
        label: of the button.
        start: starts the job.
        cancel_key: of the button that cancels it; none without.
        job: what the job is, to begin a sentence.
        button: options of `st.button`.
    """
    progress(view, cancel_key, job)
    if not view.state.is_active and st.button(label, **button):
        start()
        st.rerun()


def progress(view: JobStatus, cancel_key: str = "", job: str = "This training") -> None:
    """Show how far a job is, with a button that cancels it if that has a key, or why it ended."""
    if not view.state.is_active:
        if sentence := ended_badly(view, job):
            st.warning(sentence)
        return
    is_queued = view.state is State.QUEUED
    st.progress(0.0 if is_queued else view.fraction, text=plain(progress_in_words(view)))
    if cancel_key and st.button("Cancel", key=cancel_key, icon=":material/stop:"):
        withdraw([view.key])


def progress_in_words(view: JobStatus) -> str:
    """Say how far a job is: its stage, and of a training its step and the time that is left."""
    status = view.status
    stage: str = status.get("stage", "starting")
    if view.state is State.QUEUED:
        if not view.position:
            return "starting"
        return f"waiting for a worker, place {view.position} in the queue"
    if "step" in status and "training" in stage:
        steps = f"{stage}, step {status['step']:,} of {status['steps']:,}"
        # Before a quarter of the first model is done there is too little to judge by.
        if view.fraction < 0.25 / status.get("models", 1) or "started" not in status:
            return steps
        elapsed = status["updated"] - status["started"]
        seconds = elapsed / view.fraction * (1 - view.fraction)
        if seconds > 100:
            return f"{steps}, about {round(seconds / 60)} min left"
        return f"{steps}, about {max(5, round(seconds / 5) * 5)} s left"
    if "of" in status and stage.startswith(COUNTED):
        return f"{stage}, {status['done']:,} of {status['of']:,}"
    return stage


def warn_of_failures(views: Iterable[JobStatus]) -> None:
    """Show why jobs ended without a result, each reason once."""
    for sentence in dict.fromkeys(filter(None, map(ended_badly, views))):
        st.warning(sentence)


def ended_badly(view: JobStatus, job: str = "This training") -> str | None:
    """Return a sentence for a job that ended without a result; None for any other.

    Args:
        view: the state of the job.
        job: what it is, to begin a sentence, where its report does not say so.
    """
    if title := view.status.get("title"):
        job = f"The {plain(str(title))}"
    if view.state is State.CANCELLED and view.status.get("others"):
        return "You no longer wait for this; it goes on for somebody else."
    return {
        State.INTERRUPTED: f"{job} was interrupted; start it again.",
        State.CANCELLED: f"{job} was cancelled.",
        State.FAILED: f"{job} failed: {plain(str(view.status.get('message', 'see its log')))}",
    }.get(view.state)
