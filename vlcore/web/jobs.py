"""Jobs as pages show them: offered, followed, cancelled, offered again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from vlcore.experiment.plain_text import plain
from vlcore.jobs.jobs import JobStatus, State
from vlcore.web import shell, work
from vlcore.web.visitors import visitor

COUNTED = (
    "drawing pictures",
    "computing image features",
)  # stages that say how much is done, of how much
POLL = 2.0  # seconds between looks at a running job
POLL_QUICK = 0.5  # the same, of one that takes seconds


def chosen_here(key: str) -> bool:
    """Whether a job that the settings of a page ask for may begin by itself, because the visitor
    chose them with a click. What they arrived with, by a link, needs a button."""
    offered: set[str] = st.session_state.setdefault("offered", set())
    if st.session_state.get("arrives"):
        offered.add(key)
    return key not in offered


def start_or_offer(starts: Mapping[str, Callable[[], None]], label: str) -> None:
    """Start the jobs, by their keys, that are not there and that the visitor chose here; a button
    for the others."""
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


def cancel(keys: Iterable[str]) -> None:
    """Take back this visitor's wish for jobs, and run the page anew: what nobody else waits for is
    cancelled."""
    active = [key for key in keys if work.view(key).state.is_active]
    gone_on = [key for key in active if not work.queue().cancel_pending(key, visitor())]
    visitor().withdrawn.update(gone_on)
    if gone_on:
        whom = (
            "It goes on"
            if len(gone_on) == len(active) == 1
            else f"{len(gone_on)} of {len(active)} go on"
        )
        st.session_state["toast"] = (
            f"{whom}: somebody else waits for it. This page stops following it."
        )
    elif active:
        st.session_state["toast"] = "Cancelled. What has begun stops after the step that it is at."
    st.rerun()


def watch(
    keys: Sequence[str],
    draw: Callable[[list[JobStatus]], None] | None = None,
    *,
    each_done: bool = False,
    every: float = POLL,
) -> None:
    """Draw jobs, again `every` so many seconds while one is active; the page is run anew when that
    changes, when all are done, or with `each_done` one more is. `draw` gets their states; without
    it, each has its progress.
    """

    def turn(now: list[JobStatus]) -> tuple[bool, int]:
        done = sum(one.done for one in now)
        return any(one.state.is_active for one in now), (
            done if each_done else int(done == len(keys))
        )

    before = turn([work.view(key) for key in keys])

    @shell.follows(every if before[0] else None)
    def board() -> None:
        now = [work.view(key) for key in keys]
        if turn(now) != before:
            st.rerun()
        if draw is not None:
            draw(now)
        else:
            for one in now:
                progress(one)

    board()


def progress_or_start(
    seen: JobStatus,
    label: str,
    start: Callable[[], None],
    *,
    cancel_key: str = "",
    job: str = "This training",
    **button: Any,
) -> None:
    """The `progress` of a job, and where it is not active a button, with options of `st.button`,
    that starts it."""
    progress(seen, cancel_key, job)
    if not seen.state.is_active and st.button(label, **button):
        start()
        st.rerun()


def progress(seen: JobStatus, cancel_key: str = "", job: str = "This training") -> None:
    """One line and a bar that say where a job is, and a button that cancels it where that has a
    key; of a job that has ended without a result why, `job` being the beginning of that
    sentence."""
    if not seen.state.is_active:
        if sentence := ended_badly(seen, job):
            st.warning(sentence)
        return
    status = seen.status
    text = stage = status.get("stage", "starting")
    if seen.state is State.QUEUED:
        text = (
            f"waiting for a worker, place {seen.position} in the queue"
            if seen.position
            else "starting"
        )
    elif "step" in status and "training" in stage:
        text = f"{stage}, step {status['step']:,} of {status['steps']:,}"
        if (
            seen.fraction >= 0.25 and "started" in status
        ):  # judged by what is done; before that too little is
            seconds = (status["updated"] - status["started"]) / seen.fraction * (1 - seen.fraction)
            rest = (
                f"{round(seconds / 60)} min"
                if seconds > 100
                else f"{max(5, round(seconds / 5) * 5)} s"
            )
            text += f", about {rest} left"
    elif "of" in status and stage in COUNTED:
        text = f"{stage}, {status['done']:,} of {status['of']:,}"
    st.progress(0.0 if seen.state is State.QUEUED else seen.fraction, text=plain(text))
    if cancel_key and st.button("Cancel", key=cancel_key, icon=":material/stop:"):
        cancel([seen.key])


def ended_badly(seen: JobStatus, job: str = "This training") -> str | None:
    """The sentence for a job that ended without a result; None where there is none."""
    others = "You no longer wait for this; it goes on for somebody else."
    return {
        State.INTERRUPTED: f"{job} was interrupted; start it again.",
        State.CANCELLED: others if seen.status.get("others") else f"{job} was cancelled.",
        State.FAILED: f"{job} failed: {plain(str(seen.status.get('message', 'see its log')))}",
    }.get(seen.state)
