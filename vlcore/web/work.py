"""Work for visitors in worker processes: jobs within their quotas, and files that they wait for."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from vlcore.api.training import (
    feature_seconds,
    import_training,
    is_quick,
    most_seconds,
    prepare_worker,
    train_both,
    train_condition,
)
from vlcore.api.training import likely_seconds as train_seconds
from vlcore.artifacts import disk, store
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.wording import duration_words, job_title
from vlcore.jobs.jobs import JobStatus, State
from vlcore.jobs.queue import LATEST, JobQueue, default_workers, worker_pool
from vlcore.web import cache, visitors
from vlcore.web.teacher import Right
from vlcore.web.visitors import Visitor, visitor

PATIENCE = 120.0  # seconds that a visitor waits for a file
PATIENCE_FOR_ANOTHER = 15.0  # seconds until a file of the same visitor is made
_STILL_MADE = "The file that you asked for before is still being made."
Result = TypeVar("Result")


class QuotaError(LabError):
    """More than a visitor may have; the message says how much that is."""


@st.cache_resource
def queue() -> JobQueue:
    """Return the queue of this server, over worker processes that end with it.

    One more worker does the jobs that take seconds.
    """

    def pool(count: int | None = None) -> Executor:
        return worker_pool(count, ends_with_us=True, first=import_training)

    return JobQueue(pool, partial(pool, 1))


@st.cache_resource
def _file_worker() -> Executor:
    """Return the worker for files that would hold up every visitor of this process for a second."""
    return worker_pool(1, ends_with_us=True)


class NotInTimeError(store.StoreError):
    """The server is busy; it can be asked again."""


@contextmanager
def _waiting(visitor: Visitor) -> Iterator[None]:
    """Let one file of a visitor wait: the server has few threads for all."""
    if not visitor.waiting.acquire(blocking=False):
        raise NotInTimeError(_STILL_MADE)
    try:
        yield
    finally:
        visitor.waiting.release()


@contextmanager
def export_slot(visitor: Visitor) -> Iterator[None]:
    """Make one file for a visitor, after another one of theirs; NotInTimeError where that takes
    long, or a second one waits already."""
    with _waiting(visitor):
        if not visitor.exporting.acquire(timeout=PATIENCE_FOR_ANOTHER):
            raise NotInTimeError(_STILL_MADE)
    try:
        yield
    finally:
        visitor.exporting.release()


def run_in_worker(visitor: Visitor, task: Callable[..., Result], *arguments: Any) -> Result:
    """Return the result of a task that a worker does while a visitor waits.

    Raises:
        NotInTimeError: the worker ended or is busy for long, or the visitor waits for another file.
    """
    try:
        with export_slot(visitor):
            future = _file_worker().submit(task, *arguments)
            try:
                return future.result(PATIENCE)
            finally:
                future.cancel()  # nobody waits for it any longer
    except TimeoutError as error:
        raise NotInTimeError(
            f"The server is busy and did not do this within {PATIENCE:.0f} seconds; ask for it"
            " again in a minute."
        ) from error
    except BrokenExecutor as error:
        _file_worker.clear()  # the next file gets a new one
        raise NotInTimeError("The worker that makes this file ended; ask for it again.") from error


def ask(
    key: str, task: Callable[..., Any], *arguments: Any, short: bool = True, **options: Any
) -> None:
    """Queue a job for this visitor, unless what it makes is published or on its way.

    Args:
        key: what the job publishes.
        task: called with the arguments in a worker.
        short: whether it does not wait behind trainings.
        options: of `JobQueue.submit`.

    Raises:
        QuotaError: the visitor has too many jobs.
    """
    _check_quota([key], short)
    visitor().withdrawn.discard(key)
    queue().submit(key, task, *arguments, asker=visitor().name, short=short, **options)


def train(*conditions: Condition) -> None:
    """Queue conditions for training, all or none, unless they are published or on their way.

    One of seconds does not wait behind longer ones. QuotaError or RightError for more conditions
    than a visitor may train.
    """
    is_busy = any(not (job.short or job.quick) for job in queue().jobs())
    keys = {condition.key for condition in conditions}
    short_keys = {
        condition.key
        for condition in conditions
        if condition.steps == 0 or (is_busy and is_quick(condition))
    }
    _check_quota(short_keys, short=True)
    _check_quota(keys - short_keys, short=False)
    for condition in conditions:
        ask(
            condition.key,
            train_condition,
            condition,
            short=condition.key in short_keys,
            limit=most_seconds(condition),
            quick=is_quick(condition),
            title=job_title(condition),
        )


def prepare(condition: Condition) -> None:
    """Start the workers before a training like this one is asked for, if it takes seconds."""
    if is_quick(condition):
        queue().prepare(partial(prepare_worker, condition))


def train_pair(pair: tuple[Condition, Condition]) -> None:
    """Queue two conditions that are shown together as one job, one after the other.

    Those that are published are skipped. The job counts as one and has the key of the last of them.
    QuotaError as for `train`.
    """
    missing = [condition for condition in pair if not queue().view(condition.key).done]
    if not missing:
        return
    limit = sum(map(most_seconds, pair))
    quick = all(map(is_quick, pair))
    first, last = missing[0], missing[-1]
    ask(
        last.key,
        train_both,
        first,
        last,
        short=False,
        limit=limit,
        quick=quick,
        title=job_title(last),
    )


def expected_seconds(condition: Condition, similar_keys: Iterable[str] = ()) -> float:
    """Estimate how long a training takes here now.

    Judged by the latest trainings that ended on this server, whatever else ran meanwhile; before
    there is one, by the first that are published of `similar_keys`.
    """
    latest = tuple(queue().latest)  # a copy: trainings end while it is read
    timed = _timed(condition, reversed(latest)) or _timed(condition, similar_keys)
    # What was timed on a set in folds trained a model a fold too.
    models = 1 if timed else max(1, cache.named_set(condition.data).folds)
    return models * train_seconds(condition, timed)


def seconds_for_features(conditions: Iterable[Condition]) -> float:
    """Estimate how long trainings on one set first wait for its features, which are computed
    once."""
    return max((_feature_seconds(each.key, each) for each in conditions), default=0.0)


# It looks up each image of a set, and pages that wait for trainings run every second.
@st.cache_data(max_entries=500, ttl=60, show_spinner=False)
def _feature_seconds(key: str, _condition: Condition) -> float:
    return feature_seconds(_condition)


def _timed(condition: Condition, keys: Iterable[str]) -> list[tuple[Condition, float]]:
    """Return a few trainings of this server like one, with their seconds.

    They are on the same data, and quick where it is: one that is waits for features, not for steps.
    """
    like = condition.data, is_quick(condition)
    timed: list[tuple[Condition, float]] = []
    for key in filter(store.published, keys):
        run = cache.artifact(key)
        # Imports and checks end here too and have no condition, which `kind` of others reads.
        if run.kind is not ArtifactKind.TRAINED or run.bundled_with:
            continue
        seconds = float(run.manifest.get("seconds", 0))
        is_alike = (run.condition.data, is_quick(run.condition)) == like
        if is_alike and seconds > 0:
            timed.append((run.condition, seconds))
        if len(timed) == LATEST:
            break
    return timed


def until_done(each: float, new: int, active: int = 0) -> float:
    """Estimate the seconds until so many `new` jobs are done, after all that wait or run here.

    Args:
        each: seconds of a job.
        new: jobs that are not queued yet.
        active: jobs that are known to wait or run at least.
    """
    long_jobs = sum(not job.short for job in queue().jobs())
    waiting = max(long_jobs, active) + new
    return each * waiting / max(1, min(waiting, default_workers()))


def seconds_left(conditions: Mapping[str, Condition], views: Sequence[JobStatus]) -> float:
    """Estimate how long until the active ones of these trainings, by their keys, are done."""
    active = [view for view in views if view.state.is_active]
    each = max(expected_seconds(conditions[view.key]) for view in active)
    running = [view.fraction for view in active if view.state is State.RUNNING]
    return until_done(each, 0, len(active)) - each * sum(running) / max(1, len(running))


def time_in_words(*conditions: Condition) -> str:
    """Say how long it takes until these conditions, which are not queued yet, are trained here."""
    each = max(map(expected_seconds, conditions))
    trained = sum(condition.steps > 0 for condition in conditions)
    # An untrained encoder is measured beside trainings.
    seconds = until_done(each, trained) if trained else each
    return duration_words(seconds + seconds_for_features(conditions))


def _check_quota(keys: Collection[str], short: bool) -> None:
    if not keys:
        return
    disk.make_room()
    if visitors.teaches():
        return
    most = limits.SHORT_JOBS if short else limits.TRAININGS
    new = 0
    for key in keys:
        status = queue().view(key)
        new += not status.done and not status.state.is_active
    if new > most:
        visitors.require_right(Right.STUDIES)
    name = visitor().name
    waiting = sum(job.short == short and job.askers[0] == name for job in queue().jobs())
    if waiting + new > most:
        what = "maps and other short jobs" if short else "trainings"
        raise QuotaError(
            f"You have {waiting} {what} waiting, and {most} are the most; wait for some or cancel"
            " them."
        )


def view(key: str) -> JobStatus:
    """Return the state of a job for this visitor: cancelled if it goes on for others alone."""
    status = queue().view(key)
    if status.state.is_active and key in visitor().withdrawn:
        return JobStatus(key, State.CANCELLED, {"others": True})
    return status


def views(conditions: Sequence[Condition]) -> list[JobStatus]:
    """Return the states of the trainings of conditions."""
    return [view(condition.key) for condition in conditions]
