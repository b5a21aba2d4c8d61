"""Who trains what, now: claim, report, cancel, and a queue over worker processes.

The one idea: the disk is the truth. A job holds a file lock while it works, so that many askers cause one training
and a killed worker leaves nothing stale: the kernel frees the lock. What a job's state is follows from the disk each
time it is asked: published, lock held, status file, queue. It is stored nowhere.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import shutil
import threading
import time
import traceback
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from weakref import WeakSet

from filelock import FileLock, Timeout

from vlcore.home import HomeError, make_folder, models_folder, write_json
from vlcore.runs import store

LOCK_WAIT = 2.0  # seconds
REPORT_EVERY = 0.3  # seconds
POOLS = 3  # that a job may see break before it began


class State(StrEnum):
    """What can be said of a job."""

    DONE = "done"
    RUNNING = "running"
    QUEUED = "queued"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABSENT = "absent"

    @property
    def is_active(self) -> bool:
        return self in (State.RUNNING, State.QUEUED)


class BusyError(RuntimeError):
    """Somebody else is at this job."""


class JobCancelledError(RuntimeError):
    """The job was asked to stop."""


Make = Callable[[Path, "Reporter"], dict[str, Any]]


@dataclass(frozen=True)
class View:
    """What the disk says of a job now. `status` is its latest report."""

    key: str
    state: State
    status: dict[str, Any] = field(default_factory=dict)
    position: int = 0  # in the queue, from 1; 0 when not queued

    @property
    def done(self) -> bool:
        return self.state is State.DONE

    @property
    def fraction(self) -> float:
        """How far the job is, 0 to 1."""
        return min(1.0, max(0.0, float(self.status.get("fraction", 0.0))))


class Reporter:
    """How a job tells the world where it is, and learns that it should stop."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._last = 0.0
        self._status: dict[str, Any] = {"state": State.RUNNING, "started": time.time(), "pid": os.getpid()}

    def __call__(self, *, now: bool = False, **news: Any) -> None:
        """Merge news into the status; written a few times a second at most, at once with `now`.

        Raises:
            JobCancelledError: when the job was cancelled.
        """
        self._status.update(news)
        if now or time.monotonic() - self._last >= REPORT_EVERY:
            self._last = time.monotonic()
            if (self._work / "cancel").exists():
                raise JobCancelledError("The job was cancelled.")
            self._write()

    def end(self, state: State, message: str) -> None:
        """Leave a last word where a job does not end in an artefact."""
        self._status.update(state=state, message=message)
        self._write()

    def _write(self) -> None:
        write_json(self._work / "status.json", {**self._status, "updated": time.time()})


def work_folder(key: str) -> Path:
    return models_folder() / ".work" / store.check_key(key)


def run(key: str, make: Make) -> str:
    """Make and publish an artefact, unless it is there: ``"trained"`` or ``"cached"``.

    Args:
        key: what to publish under.
        make: fills the folder that it is given, reports, and returns facts for the manifest.

    Raises:
        BusyError: when another process or thread is at it.
        JobCancelledError: when it was cancelled.
        HomeError: when the store cannot be written.
    """
    if store.published(key):
        return "cached"
    make_folder(models_folder())
    work = make_folder(work_folder(key))
    try:
        with FileLock(work / "lock", timeout=LOCK_WAIT):
            if store.published(key):
                return "cached"
            return _work(key, make, work)
    except Timeout:
        raise BusyError(f"{key} is being trained by another process; wait for it or cancel it.") from None


def _work(key: str, make: Make, work: Path) -> str:
    for leftover in work.glob("out-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    report = Reporter(work)
    out = work / f"out-{os.getpid()}-{threading.get_ident()}"
    try:
        report(now=True, stage="starting", fraction=0.0)
        out.mkdir()
        facts = make(out, report)
        store.publish(key, out, facts)
    except JobCancelledError as error:
        report.end(State.CANCELLED, str(error))
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
        sentence = str(error) if isinstance(error, HomeError) else f"{models_folder()} cannot be written: {reason}."
        _try_to_end(report, sentence)
        raise HomeError(sentence) from error
    except Exception as error:
        (work / "log.txt").write_text(traceback.format_exc())
        known = isinstance(error, ValueError)
        _try_to_end(report, str(error) if known else f"It failed unexpectedly ({type(error).__name__}); see log.txt.")
        raise
    finally:
        shutil.rmtree(out, ignore_errors=True)
    (work / "status.json").unlink(missing_ok=True)
    return "trained"


def _try_to_end(report: Reporter, sentence: str) -> None:
    try:
        report.end(State.FAILED, sentence)
    except OSError:
        return  # a full disk takes no last word either; the caller raises the reason


def view(key: str) -> View:
    """The state of a job, derived from the disk. (What is queued, only its queue knows: `JobQueue.view`.)"""
    if store.published(key):
        return View(key, State.DONE)
    work = work_folder(key)
    status = _status(work)
    state = status.get("state")
    if state == State.RUNNING:
        return View(key, State.RUNNING if _is_locked(work) else _after_running(key), status)
    if state in (State.FAILED, State.CANCELLED):
        return View(key, State(state), status)
    return View(key, State.ABSENT)


def _after_running(key: str) -> State:
    """A job that says it runs while its lock is free has just been published, or was killed."""
    return State.DONE if store.published(key) else State.INTERRUPTED


def _status(work: Path) -> dict[str, Any]:
    try:
        status = json.loads((work / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def _is_locked(work: Path) -> bool:
    try:
        with _one_look, FileLock(work / "lock", timeout=0):
            return False
    except (Timeout, OSError):
        return True


_one_look = threading.Lock()  # looking takes the file lock for a moment: two at once would see each other


def cancel(key: str) -> bool:
    """Ask a running job to stop; False when it is not running."""
    if view(key).state is not State.RUNNING:
        return False
    (work_folder(key) / "cancel").touch()
    return True


def active_and_ended() -> list[View]:
    """Views of every job that left something in the work folder and is not published."""
    folder = models_folder() / ".work"
    keys = sorted(path.name for path in folder.glob("*") if path.is_dir()) if folder.is_dir() else []
    return [seen for seen in map(view, keys) if seen.state not in (State.DONE, State.ABSENT)]


def clean() -> list[str]:
    """Remove what is left over of jobs that no longer run, and what was set aside; returns the names removed."""
    removed = []
    folder = models_folder() / ".work"
    for work in sorted(folder.glob("*")) if folder.is_dir() else []:
        try:
            with FileLock(work / "lock", timeout=0):
                leftovers = [path for path in work.iterdir() if path.name != "lock"]
                for path in leftovers:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed += [work.name] if leftovers else []
        except Timeout:
            continue
    aside = models_folder() / ".quarantine"
    for path in sorted(aside.glob("*")) if aside.is_dir() else []:
        shutil.rmtree(path)
        removed.append(path.name)
    return removed


Task = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class _Handed:
    """A task in the hands of an executor, for the how-manieth time."""

    future: Future[Any]
    executor: Executor
    task: Task
    arguments: tuple[Any, ...]
    short: bool
    attempt: int


class JobQueue:
    """Jobs that wait for a worker. Any `Executor` will do; a pool that breaks is made anew.

    A key that waits or runs here is submitted once, however many ask; who asked is remembered as long as the job is
    active and the asker lives, so that nobody stops what somebody else waits for.

    Args:
        make_executor: makes the pool of usual jobs.
        make_short: makes the pool of short jobs, which do not wait for the long ones; without it there is one pool.
    """

    def __init__(self, make_executor: Callable[[], Executor], make_short: Callable[[], Executor] | None = None) -> None:
        self._make = {False: make_executor, True: make_short or make_executor}
        self._one_pool = make_short is None
        self._pools: dict[bool, Executor] = {}  # short or not
        self._waiting: OrderedDict[str, _Handed] = OrderedDict()
        self._askers: dict[str, WeakSet[Any]] = {}
        self._errors: dict[str, str] = {}
        self._guard = threading.RLock()

    def submit(self, key: str, task: Task, *arguments: Any, asker: object | None = None, short: bool = False) -> None:
        """Queue a task under a key, unless it is queued, running or done.

        Args:
            key: what it will publish.
            task: what a worker calls with the arguments.
            asker: who wants it, any object of the caller's; see `withdraw`.
            short: whether it is done in seconds and should not wait behind the long ones.
        """
        with self._guard:
            state = view(key).state
            if state is State.DONE:
                return
            is_new = key not in self._waiting and state is not State.RUNNING
            askers = WeakSet() if is_new else self._askers.get(key, WeakSet())
            if asker is not None:
                askers.add(asker)
            self._askers[key] = askers
            if is_new:
                self._errors.pop(key, None)
                forget(key)
                self._start(key, task, arguments, short and not self._one_pool)

    def _start(self, key: str, task: Task, arguments: tuple[Any, ...], short: bool, begun: int = 0) -> None:
        for attempt in range(begun + 1, POOLS + 1):
            if short not in self._pools:
                self._pools[short] = self._make[short]()
            pool = self._pools[short]
            try:
                future = pool.submit(task, *arguments)
            except RuntimeError:  # broken, or shut down
                del self._pools[short]
                continue
            self._waiting[key] = _Handed(future, pool, task, arguments, short, attempt)
            future.add_done_callback(lambda ended: self._ended(key, ended))
            return
        self._errors[key] = "The worker processes end before they begin; see the server's log, then start it again."

    def _ended(self, key: str, future: Future[Any]) -> None:
        with self._guard:
            entry = self._waiting.get(key)
            if entry is None or entry.future is not future:
                return
            del self._waiting[key]
            try:
                error = future.exception()
            except CancelledError:
                return
            if isinstance(error, BrokenExecutor):
                # One worker was killed and takes the pool with it. Whoever was training shows as interrupted; whoever
                # only waited goes on in a new pool, the same for all of them.
                if self._pools.get(entry.short) is entry.executor:
                    del self._pools[entry.short]
                if view(key).state is State.ABSENT:
                    self._start(key, entry.task, entry.arguments, entry.short, entry.attempt)
            elif error is not None and not isinstance(error, JobCancelledError | BusyError):
                self._errors[key] = str(error)

    def view(self, key: str) -> View:
        """The state of a job, with what the queue knows."""
        seen = view(key)
        with self._guard:
            entry = self._waiting.get(key)
            if entry is not None and seen.state not in (State.DONE, State.RUNNING):
                same_pool = [name for name, other in self._waiting.items() if other.short == entry.short]
                idle = [name for name in same_pool if view(name).state is not State.RUNNING]
                return View(key, State.QUEUED, {}, idle.index(key) + 1 if key in idle else 0)
            if seen.state is State.ABSENT and key in self._errors:
                return View(key, State.FAILED, {"message": self._errors[key]})
        return seen

    def withdraw(self, key: str, asker: object) -> bool:
        """Take back one asker's wish: the job is cancelled unless somebody else waits for it.

        Returns:
            False when it goes on, for another asker, or because it was started elsewhere, such as on the command line.
        """
        with self._guard:
            askers = self._askers.get(key, WeakSet())
            askers.discard(asker)
            started_elsewhere = key not in self._waiting and view(key).state is State.RUNNING
            if len(askers) or started_elsewhere:
                return False
            self.cancel(key)
            return True

    def cancel(self, key: str) -> bool:
        """Take a job out of the queue at once, or ask it to stop; False when there is no such job."""
        with self._guard:
            entry = self._waiting.get(key)
            if entry is None or view(key).state in (State.DONE, State.RUNNING):
                return cancel(key)
            # A pool takes tasks in advance, and gives back no more what it took. So the queue forgets the job, and the
            # worker that comes to it finds that it was cancelled.
            del self._waiting[key]
            entry.future.cancel()
            work = make_folder(work_folder(key))
            (work / "cancel").touch()
            Reporter(work).end(State.CANCELLED, "The job was cancelled.")
            return True


def forget(key: str) -> None:
    """Remove the last word of an earlier attempt; whoever starts a job calls this first."""
    for name in ("status.json", "cancel"):
        with suppress(NotADirectoryError):  # then there is nothing to forget; `run` says what is wrong
            (work_folder(key) / name).unlink(missing_ok=True)


def worker_pool(workers: int | None = None, *, ends_with_us: bool = False) -> Executor:
    """Worker processes through loky: two on a machine of two cores, one thread and a low priority each.

    With `ends_with_us` they are killed when this process ends, whatever they are at; else it waits for them.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    # Two busy OpenMP threads on two busy cores are far slower than one: they wait for each other by spinning.
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    executor: Executor = ProcessPoolExecutor(
        max_workers=workers or default_workers(), initializer=_start_worker, env=one_thread
    )
    if ends_with_us:
        executor.submit(os.getpid)  # with its first task loky asks to wait for its workers at the end of this process
        # What is asked for later is called earlier. `atexit` is no way: threads are waited for before it.
        getattr(threading, "_register_atexit", atexit.register)(_kill, weakref.ref(executor))
    return executor


def _kill(pool: weakref.ref[Any]) -> None:
    """End the workers of a pool, whatever they are at."""
    if (executor := pool()) is not None:
        executor.shutdown(wait=False, kill_workers=True)


def default_workers() -> int:
    return max(1, min(4, os.cpu_count() or 1))


def _start_worker() -> None:
    if hasattr(os, "nice"):
        os.nice(10)  # pages first
