"""Jobs as pages show them: asked for, followed, cancelled, asked for again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from typing import Any, TypeVar

import streamlit as st

from vlcore.core import limits
from vlcore.core.condition import Condition
from vlcore.core.errors import LabError
from vlcore.core.limits import JOB_SECONDS
from vlcore.core.plain import plain
from vlcore.core.teacher import Right
from vlcore.runs.train import most_seconds, train_condition
from vlcore.server import visitors
from vlcore.server.visitors import Visitor, visitor
from vlcore.store import artefacts, disk
from vlcore.store.jobs import JobStatus, State
from vlcore.store.queue import JobQueue, worker_pool
from vlcore.ui import shell

POLL = 2.0  # seconds between looks at a running job
PATIENCE = 120.0  # seconds for what a visitor waits for
Made = TypeVar("Made")


class QuotaError(LabError):
    """More than a visitor may have; the message says how much that is."""


@st.cache_resource
def queue() -> JobQueue:
    """The one queue of this server, over worker processes that end with it; one more worker does what takes seconds."""
    return JobQueue(lambda: worker_pool(ends_with_us=True), lambda: worker_pool(1, ends_with_us=True))


@st.cache_resource
def _helper() -> Executor:
    """One worker for what takes a second and would hold up every visitor in this process meanwhile."""
    return worker_pool(1, ends_with_us=True)


@contextmanager
def one_file(of: Visitor) -> Iterator[None]:
    """While a file is made that a visitor asked for; StoreError where another one of theirs is not done, or very many
    of those who come from the same address are not."""
    if not of.exporting.acquire(blocking=False):
        raise artefacts.StoreError("The file that you asked for before is still being made.")
    try:
        if not of.exporting_there.acquire(blocking=False):
            raise artefacts.StoreError("Very many here have files made just now; ask for it again in a minute.")
        try:
            yield
        finally:
            of.exporting_there.release()
    finally:
        of.exporting.release()


def run_in_worker(of: Visitor, task: Callable[..., Made], *arguments: Any) -> Made:
    """The result of a task that a worker does while this visitor alone waits; StoreError where it ended, or is busy, or
    as `one_file`."""
    try:
        with one_file(of):
            made = _helper().submit(task, *arguments)
            try:
                return made.result(PATIENCE)
            finally:
                made.cancel()  # what nobody waits for any more
    except TimeoutError as error:
        raise artefacts.StoreError("Others are having files made just now; ask for it again in a minute.") from error
    except BrokenExecutor as error:
        _helper.clear()  # the next asker gets a new one
        raise artefacts.StoreError("The worker that makes this file ended; ask for it again.") from error


def ask(key: str, task: Callable[..., Any], *arguments: Any, short: bool = True, limit: float = JOB_SECONDS) -> None:
    """Queue a job, unless what it makes is there or on its way; a short one does not wait behind trainings. It is
    stopped after `limit` seconds. QuotaError where a visitor has too many."""
    _check_quota([key], short)
    visitor().withdrawn.discard(key)
    stays = visitors.teaches()  # what trains over night
    queue().submit(key, task, *arguments, asker=visitor(), short=short, limit=limit, stays=stays)


def train(*conditions: Condition) -> None:
    """Queue conditions for training, all or none, unless they are there or on their way; a click that asks for many
    counts as many. QuotaError, RightError where that is more than a visitor may."""
    for short in (True, False):
        _check_quota([one.key for one in conditions if (one.steps == 0) == short], short)
    for one in conditions:
        ask(one.key, train_condition, one, short=one.steps == 0, limit=most_seconds(one))


def _check_quota(keys: Sequence[str], short: bool) -> None:
    if keys:
        disk.make_room()
    if visitors.teaches() or not keys:
        return
    new = [key for key in keys if not (seen := queue().view(key)).done and not seen.state.is_active]
    have, most = queue().asked_by(visitor().name, short), limits.SHORT_JOBS if short else limits.TRAININGS
    if len(new) > most:
        visitors.require(Right.STUDIES)
    if len(have) + len(new) > most:
        what = "maps and other short jobs" if short else "trainings"
        raise QuotaError(f"You have {len(have)} {what} waiting, and {most} are the most; wait for some or cancel them.")
    there = limits.SHORT_JOBS_OF_ADDRESS if short else limits.TRAININGS_OF_ADDRESS
    if new and not queue().fits(visitor().address, short, there - len(new)):
        raise QuotaError(f"{there} jobs wait for those who share your address, the most; try again in a minute.")


def chosen_here(key: str) -> bool:
    """Whether a job that the settings of a page ask for may begin by itself, because the visitor chose them with a
    click. What they arrived with, by a link, needs a button."""
    offered: set[str] = st.session_state.setdefault("offered", set())
    if st.session_state.get("arrives"):
        offered.add(key)
    return key not in offered


def start_or_offer(starts: Mapping[str, Callable[[], None]], label: str) -> None:
    """Start the jobs, by their keys, that are not there and that the visitor chose here; a button for the others."""
    absent = [key for key in starts if view(key).state is State.ABSENT]
    by_link = [key for key in absent if not chosen_here(key)]
    if by_link and not st.button(label, type="primary", icon=":material/play_arrow:", key=f"start_{by_link[0]}"):
        return
    for key in absent:
        starts[key]()
    if by_link:
        st.rerun()


def cancel(keys: Iterable[str]) -> None:
    """Take back this visitor's wish for jobs, and run the page anew: what nobody else waits for is cancelled."""
    active = [key for key in keys if view(key).state.is_active]
    gone_on = [key for key in active if not queue().cancel_pending(key, visitor())]
    visitor().withdrawn.update(gone_on)
    if gone_on:
        whom = "It goes on" if len(gone_on) == len(active) == 1 else f"{len(gone_on)} of {len(active)} go on"
        st.session_state["toast"] = f"{whom}: somebody else waits for it. This page stops following it."
    elif active:
        st.session_state["toast"] = "Cancelled. What has begun stops after the step that it is at."
    st.rerun()


def view(key: str) -> JobStatus:
    """The state of a job as this visitor sees it: one that goes on for others alone is cancelled for them."""
    seen = queue().view(key, visitor())
    if seen.state.is_active and key in visitor().withdrawn:
        return JobStatus(key, State.CANCELLED, {"others": True})
    return seen


def views(conditions: Sequence[Condition]) -> list[JobStatus]:
    """The states of the trainings of conditions."""
    return [view(condition.key) for condition in conditions]


def watch(
    keys: Sequence[str], draw: Callable[[list[JobStatus]], None] | None = None, *, each_done: bool = False
) -> None:
    """Draw jobs, again every two seconds while one is active; the page is run anew when that changes, when all are
    done, or with `each_done` one more is. `draw` gets their states; without it, each has its progress."""

    def turn(now: list[JobStatus]) -> tuple[bool, int]:
        done = sum(one.done for one in now)
        return any(one.state.is_active for one in now), done if each_done else int(done == len(keys))

    before = turn([view(key) for key in keys])

    def board() -> None:
        with shell.errors_as_sentences():
            now = [view(key) for key in keys]
            if turn(now) != before:
                st.rerun()
            if draw is not None:
                draw(now)
            else:
                for one in now:
                    progress(one)

    st.fragment(board, run_every=POLL if before[0] else None)()


def progress_or_start(
    seen: JobStatus, label: str, start: Callable[[], None], *, cancel_key: str = "", job: str = "This training",
    **button: Any,
) -> None:  # fmt: skip
    """The `progress` of a job, and where it is not active a button, with options of `st.button`, that starts it."""
    progress(seen, cancel_key, job)
    if not seen.state.is_active and st.button(label, **button):
        start()
        st.rerun()


def progress(seen: JobStatus, cancel_key: str = "", job: str = "This training") -> None:
    """One line and a bar that say where a job is, and a button that cancels it where that has a key; of a job that has
    ended without a result why, `job` being the beginning of that sentence."""
    if not seen.state.is_active:
        if sentence := ended_badly(seen, job):
            st.warning(sentence)
        return
    status = seen.status
    text = stage = status.get("stage", "starting")
    if seen.state is State.QUEUED:
        text = f"waiting for a worker, place {seen.position} in the queue" if seen.position else "starting"
    elif "step" in status and "training" in stage:
        text = f"{stage}, step {status['step']:,} of {status['steps']:,}"
        if seen.fraction >= 0.25 and "started" in status:  # judged by what is done; before that too little is
            seconds = (status["updated"] - status["started"]) / seen.fraction * (1 - seen.fraction)
            rest = f"{round(seconds / 60)} min" if seconds > 100 else f"{max(5, round(seconds / 5) * 5)} s"
            text += f", about {rest} left"
    elif "of" in status and stage == "drawing pictures":
        text = f"drawing pictures, {status['done']:,} of {status['of']:,}"
    st.progress(0.0 if seen.state is State.QUEUED else seen.fraction, text=plain(text))
    if cancel_key and st.button("Cancel", key=cancel_key, icon=":material/stop:"):
        cancel([seen.key])


def ended_badly(seen: JobStatus, job: str = "This training") -> str | None:
    """The sentence for a job that ended without a result; None where there is none."""
    others = "You no longer wait for this; it goes on for somebody else."
    return {
        State.INTERRUPTED: f"{job} was interrupted. Train it again.",
        State.CANCELLED: others if seen.status.get("others") else f"{job} was cancelled.",
        State.FAILED: f"{job} failed: {plain(str(seen.status.get('message', 'see its log')))}",
    }.get(seen.state)
