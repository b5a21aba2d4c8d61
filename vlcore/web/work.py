"""What visitors have the workers do: trainings and other jobs within their quotas, and files that
one waits for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import streamlit as st

from vlcore.api.training import (
    import_training,
    is_quick,
    most_seconds,
    prepare_worker,
    train_both,
    train_condition,
)
from vlcore.api.training import likely_seconds as train_seconds
from vlcore.artifacts import disk, store
from vlcore.classroom.teacher import Right
from vlcore.classroom.throttle import Turns
from vlcore.data.decoding import UploadError
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.limits import JOB_SECONDS
from vlcore.experiment.options import ArtifactKind
from vlcore.jobs.jobs import JobStatus, State, clear_last_failure
from vlcore.jobs.queue import LATEST, JobQueue, default_workers, worker_pool
from vlcore.web import cache, visitors
from vlcore.web.visitors import Visitor, visitor

PATIENCE = 120.0  # seconds for what a visitor waits for
_files, _pictures = Turns(1), Turns(limits.AT_ONCE)
Made = TypeVar("Made")


class QuotaError(LabError):
    """More than a visitor may have; the message says how much that is."""


@st.cache_resource
def queue() -> JobQueue:
    """The one queue of this server, over worker processes that end with it; one more worker does
    what takes seconds."""

    def pool(count: int | None = None) -> Executor:
        return worker_pool(count, ends_with_us=True, first=import_training)

    return JobQueue(pool, partial(pool, 1))


@st.cache_resource
def _helper() -> Executor:
    """One worker for what takes a second and would hold up every visitor in this process
    meanwhile."""
    return worker_pool(1, ends_with_us=True)


@contextmanager
def one_file(of: Visitor) -> Iterator[None]:
    """While a file is made that a visitor asked for; StoreError where another one of theirs is not
    done, or very many of those who come from the same address are not."""
    if not of.exporting.acquire(blocking=False):
        raise store.StoreError("The file that you asked for before is still being made.")
    try:
        if not of.exporting_there.acquire(blocking=False):
            raise store.StoreError(
                "Very many here have files made just now; ask for it again in a minute."
            )
        try:
            yield
        finally:
            of.exporting_there.release()
    finally:
        of.exporting.release()


def run_in_worker(of: Visitor, task: Callable[..., Made], *arguments: Any) -> Made:
    """The result of a task that a worker does while this visitor alone waits; StoreError where it
    ended, or is busy, or as `one_file`."""
    try:
        with one_file(of), _files.turn(of.name, of.address, PATIENCE):
            made = _helper().submit(task, *arguments)
            try:
                return made.result(PATIENCE)
            finally:
                made.cancel()  # what nobody waits for any more
    except TimeoutError as error:
        raise store.StoreError(
            "Others are having files made just now; ask for it again in a minute."
        ) from error
    except BrokenExecutor as error:
        _helper.clear()  # the next asker gets a new one
        raise store.StoreError(
            "The worker that makes this file ended; ask for it again."
        ) from error


@contextmanager
def opening(of: Visitor) -> Iterator[None]:
    """While a picture is opened that a visitor gave; an `UploadError` where others keep all helpers
    busy for long."""
    with ExitStack() as turn:
        try:
            turn.enter_context(_pictures.turn(of.name, of.address, limits.WAIT_SECONDS))
        except TimeoutError as error:
            raise UploadError(
                "It has to wait for pictures of others; try again in a minute."
            ) from error
        yield


def ask(
    key: str,
    task: Callable[..., Any],
    *arguments: Any,
    short: bool = True,
    limit: float = JOB_SECONDS,
    quick: bool = False,
) -> None:
    """Queue a job, unless what it makes is there or on its way; a short one does not wait behind
    trainings. It is stopped after `limit` seconds. QuotaError where a visitor has too many."""
    _check_quota([key], short)
    visitor().withdrawn.discard(key)
    stays = visitors.teaches()  # what trains over night
    queue().submit(
        key, task, *arguments, asker=visitor(), short=short, limit=limit, stays=stays, quick=quick
    )


def train(*conditions: Condition) -> None:
    """Queue conditions for training, all or none, unless they are there or on their way; a click
    that asks for many counts as many. What takes seconds does not wait behind what takes longer.
    QuotaError, RightError where that is more than a visitor may."""
    busy = queue().slow_jobs() > 0
    is_short = {one.key: one.steps == 0 or (busy and is_quick(one)) for one in conditions}
    for short in (True, False):
        _check_quota([key for key, is_one in is_short.items() if is_one == short], short)
    for one in conditions:
        short, limit = is_short[one.key], most_seconds(one)
        ask(one.key, train_condition, one, short=short, limit=limit, quick=is_quick(one))


def prepare(condition: Condition) -> None:
    """Start the workers before somebody asks for a training like this one, where it is one of
    seconds."""
    if is_quick(condition):
        queue().prepare(partial(prepare_worker, condition))


def train_pair(pair: tuple[Condition, Condition]) -> None:
    """Queue two conditions that are shown together as one job, one after the other, without those
    that are there; it counts as one, and goes by the key of the last of them. QuotaError as of
    `train`."""
    if missing := [one for one in pair if not queue().view(one.key).done]:
        for one in missing:
            clear_last_failure(one.key)
        first, last = missing[0], missing[-1]
        limit = sum(map(most_seconds, pair))
        quick = all(map(is_quick, pair))
        ask(last.key, train_both, first, last, short=False, limit=limit, quick=quick)


def likely_seconds(one: Condition, like: Iterable[str] = ()) -> float:
    """Seconds that a training probably takes here now: by the latest that ended on this server,
    whatever else ran meanwhile; before there is one, by those that are there of these keys, the
    first ones of them.
    """

    def made(keys: Iterable[str]) -> list[tuple[Condition, float]]:
        runs = (cache.artifact(key) for key in keys if store.published(key))
        here = (
            run for run in runs if run.kind is ArtifactKind.TRAINED and run.bundled_with is None
        )
        took = ((run.condition, float(run.manifest.get("seconds", 0))) for run in here)
        return list(islice((of for of in took if of[0].data == one.data and of[1] > 0), LATEST))

    latest = tuple(queue().latest)  # a copy: trainings of seconds end while it is read
    return train_seconds(one, made(reversed(latest)) or made(like))


def until_done(each: float, new: int, active: int = 0) -> float:
    """Seconds until so many `new` jobs are done, of so many seconds each, after all that wait or
    run here: those that are known to be `active` at least."""
    waiting = max(queue().long_jobs(), active) + new
    return each * waiting / max(1, min(waiting, default_workers()))


def _check_quota(keys: Sequence[str], short: bool) -> None:
    if keys:
        disk.make_room()
    if visitors.teaches() or not keys:
        return
    new = [key for key in keys if not (seen := queue().view(key)).done and not seen.state.is_active]
    have, most = (
        queue().asked_by(visitor().name, short),
        limits.SHORT_JOBS if short else limits.TRAININGS,
    )
    if len(new) > most:
        visitors.require(Right.STUDIES)
    if len(have) + len(new) > most:
        what = "maps and other short jobs" if short else "trainings"
        raise QuotaError(
            f"You have {len(have)} {what} waiting, and {most} are the most; wait for some or cancel"
            " them."
        )
    there = limits.SHORT_JOBS_OF_ADDRESS if short else limits.TRAININGS_OF_ADDRESS
    if new and not queue().fits(visitor().address, short, there - len(new)):
        raise QuotaError(
            f"{there} jobs wait for those who share your address, the most; try again in a minute."
        )


def view(key: str) -> JobStatus:
    """The state of a job as this visitor sees it: one that goes on for others alone is cancelled
    for them."""
    seen = queue().view(key, visitor())
    if seen.state.is_active and key in visitor().withdrawn:
        return JobStatus(key, State.CANCELLED, {"others": True})
    return seen


def views(conditions: Sequence[Condition]) -> list[JobStatus]:
    """The states of the trainings of conditions."""
    return [view(condition.key) for condition in conditions]
