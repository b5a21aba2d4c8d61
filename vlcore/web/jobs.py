"""Jobs on pages: offer what is missing, follow it, cancel it, and offer it again."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import streamlit as st

from vlcore.api.training import check_trainable
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import duration_words
from vlcore.jobs.jobs import JobStatus, State
from vlcore.web import shell, teacher, visitors, work
from vlcore.web.visitors import visitor

Draw = Callable[[list[JobStatus]], None]
COUNTED = ("drawing", "computing")  # how stages begin that say how much is done
POLL = 2.0  # seconds between looks at a class
POLL_JOB = 1.0  # the same, at a running job


def need(
    keys: Sequence[str],
    start: Callable[[Sequence[str]], None],
    label: str,
    *,
    key: str,
    takes: Callable[[Sequence[str]], str] | None = None,
    left: Callable[[list[JobStatus]], float] | None = None,
    about: str | None = None,
    by_itself: bool = False,
    each_done: bool = False,
    draw: Draw | None = None,
) -> bool:
    """Show the button that starts missing jobs, how far they are, and why one ended badly.

    Args:
        keys: what the page needs.
        start: queues the jobs with these keys.
        label: of the button.
        key: of the button and of the one that cancels.
        takes: says how long the jobs with these keys take.
        left: estimates the seconds until all are done.
        about: the help of the button.
        by_itself: start what the visitor chose with a click on this page. A job that an address
            asks for on arrival, as by a link, still needs the button.
        each_done: rerun the page whenever one more job is done, not only after the last.
        draw: draws what belongs below, with the states of the jobs.

    Returns:
        Whether all are published; nothing is shown then.
    """
    keys = list(dict.fromkeys(keys))
    if all(work.view(each).done for each in keys):
        return True
    if by_itself:
        absent = [each for each in keys if work.view(each).state is State.ABSENT]
        if chosen := [each for each in absent if _chosen_here(each)]:
            start(chosen)

    def show(views: list[JobStatus]) -> None:
        warn_of_failures(views)
        missing = [view.key for view in views if not (view.done or view.state.is_active)]
        if missing:
            with st.container(horizontal=True, vertical_alignment="center"):
                pressed = st.button(
                    label, type="primary", icon=":material/play_arrow:", key=key, help=about
                )
                if takes is not None:
                    st.caption(takes(missing), width="content")
            if pressed:
                start(missing)
                st.rerun()
        if any(view.state.is_active for view in views):
            show_progress(views, f"cancel_{key}", left)
        if draw is not None:
            draw(views)

    watch(keys, show, each_done=each_done)
    return False


def need_models(
    conditions: Iterable[Condition],
    label: str = "",
    *,
    key: str = "train",
    about: str | None = None,
    each_done: bool = False,
    draw: Draw | None = None,
) -> bool:
    """Offer the training of missing models, as `need` does; whether all are trained.

    A visitor who is no teacher starts as many at once as the quota allows.
    """
    by_key = {condition.key: condition for condition in conditions}
    missing = [each for each in by_key if not work.view(each).done]
    if missing and not _can_start(by_key[missing[0]]):
        return False
    if not label:
        label = "Train this model" if len(missing) == 1 else f"Train {len(missing)} models"
        if all(by_key[each].steps == 0 for each in missing):
            label = "Measure the untrained model"

    def at_once(keys: Sequence[str]) -> list[Condition]:
        most = len(keys) if visitors.teaches() else limits.TRAININGS
        return [by_key[each] for each in keys[:most]]

    def start(keys: Sequence[str]) -> None:
        work.train(*at_once(keys))

    def takes(keys: Sequence[str]) -> str:
        words = f"Takes {work.time_in_words(*(by_key[each] for each in keys))} here."
        count = len(at_once(keys))
        if later := len(keys) - count:
            words += (
                f" It trains {count} models; press it again for the other {later}. A teacher trains"
                f" all at once: {teacher.how_to()}."
            )
        return words

    left = partial(work.seconds_left, by_key)
    return need(
        list(by_key),
        start,
        label,
        key=key,
        takes=takes,
        left=left,
        about=about,
        each_done=each_done,
        draw=draw,
    )


def _can_start(condition: Condition) -> bool:
    """Whether a model that is not in training can be trained here; says why not."""
    if work.view(condition.key).state.is_active:
        return True
    try:
        check_trainable(condition)
    except LabError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return False
    return True


def _chosen_here(key: str) -> bool:
    """Whether the visitor chose a job with a click on this page, and not by an address."""
    by_address: set[str] = st.session_state.setdefault("by_address", set())
    if st.session_state.get("arrives"):
        by_address.add(key)
    return key not in by_address


def _withdraw(views: Iterable[JobStatus]) -> None:
    """Withdraw this visitor from jobs and rerun the page; those that nobody else wants end."""
    active = [view.key for view in views if view.state.is_active]
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


def watch(keys: Sequence[str], draw: Draw, *, each_done: bool = False) -> None:
    """Draw jobs, again and again while one is active, and rerun the page when all are done.

    Args:
        keys: of the jobs.
        draw: draws their states.
        each_done: rerun the page whenever one more is done.
    """

    def summary(views: list[JobStatus]) -> tuple[bool, int]:
        done = sum(view.done for view in views)
        is_active = any(view.state.is_active for view in views)
        return is_active, done if each_done else int(done == len(keys))

    before = summary([work.view(key) for key in keys])

    @shell.follows(POLL_JOB if before[0] else None)
    def follow() -> None:
        views = [work.view(key) for key in keys]
        if summary(views) != before:
            st.rerun()
        draw(views)

    follow()


def show_progress(
    views: Sequence[JobStatus],
    cancel_key: str,
    left: Callable[[list[JobStatus]], float] | None = None,
) -> None:
    """Show how far jobs are, all together, with a button that cancels them.

    A job that ended without a result counts nothing, because it starts again.
    """
    counted = [view for view in views if view.done or view.state.is_active]
    active = [view for view in views if view.state.is_active]
    words = progress_in_words(active[0])
    if len(views) > 1:
        done = sum(view.done for view in views)
        words = f"{done} of {len(views)} are done"
        if left is not None:
            words += f", {duration_words(left(list(views)))} left"
    share = sum(view.fraction for view in counted) / len(views)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.progress(share, plain(words))
        if st.button("Cancel", key=cancel_key, icon=":material/stop:"):
            _withdraw(views)


def progress_in_words(view: JobStatus) -> str:
    """Say how far a job is: its stage, and of a training its step and the time that is left."""
    status = view.status
    stage: str = status.get("stage", "starting")
    if view.state is State.QUEUED:
        if not view.position:
            return "starting"
        return f"waiting for a worker, place {view.position} in the queue"
    if "step" in status and "training" in stage:
        words = f"{stage}, step {status['step']:,} of {status['steps']:,}"
        if left := status.get("left"):
            words += f", {duration_words(left)} left"
        return words
    if "of" in status and stage.startswith(COUNTED):
        return f"{stage}, {status['done']:,} of {status['of']:,}"
    return stage


def warn_of_failures(views: Iterable[JobStatus]) -> None:
    """Show why jobs ended without a result, each reason once."""
    for sentence in dict.fromkeys(filter(None, map(_ended_badly, views))):
        st.warning(sentence)


def _ended_badly(view: JobStatus) -> str | None:
    """Return a sentence for a job that ended without a result; None for any other."""
    job = f"The {plain(str(view.status.get('title', 'job')))}"
    if view.state is State.CANCELLED and view.status.get("others"):
        return "You no longer wait for this; it goes on for somebody else."
    return {
        State.INTERRUPTED: f"{job} was interrupted; start it again.",
        State.CANCELLED: f"{job} was cancelled.",
        State.FAILED: f"{job} failed: {plain(str(view.status.get('message', 'see its log')))}",
    }.get(view.state)
