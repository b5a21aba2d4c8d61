"""Queue of jobs over worker processes.

The disk says what a job's state is (`vlcore.store.jobs`); the queue only knows what waits for a worker and who asked
for it, so that nobody stops what somebody else waits for, and a pool that breaks is made anew."""

import atexit
import os
import threading
import warnings
import weakref
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakSet

from vlcore.core.errors import BusyError, LabError
from vlcore.core.limits import JOB_SECONDS
from vlcore.store import jobs, workers
from vlcore.store.jobs import JobCancelledError, JobStatus, State

POOLS = 3  # that a job may see break before it began


@dataclass(frozen=True, eq=False)
class _Submitted:
    future: Future[Any]
    executor: Executor
    task: Callable[..., Any]
    short: bool
    attempt: int  # from 1


class JobQueue:
    """Jobs that wait for a worker of any `Executor`; short ones, in a pool of their own, do not wait for the long ones.
    A key that waits or runs here is submitted once, however many ask, and they are known as long as they live."""

    def __init__(self, make_pool: Callable[[], Executor], make_short: Callable[[], Executor] | None = None) -> None:
        self._make = {False: make_pool, True: make_short or make_pool}
        self._pools: dict[bool, Executor] = {}  # short or not
        self._waiting: dict[str, _Submitted] = {}
        self._askers: dict[str, WeakSet[Any]] = {}
        self._errors: dict[str, str] = {}
        self._guard = threading.RLock()

    def submit(
        self, key: str, task: Callable[..., Any], *arguments: Any, asker: object | None = None, short: bool = False,
        limit: float = JOB_SECONDS,
    ) -> None:  # fmt: skip
        """Queue a task under the key that it will publish, unless it is queued, running or done. Who wants it is any
        object of the caller's; see `cancel_pending`. It gets `limit` seconds, see `vlcore.store.workers`."""
        with self._guard:
            state = jobs.view(key).state
            if state is State.DONE:
                return
            is_new = key not in self._waiting and state is not State.RUNNING
            if is_new or key not in self._askers:
                self._askers[key] = WeakSet()
            if asker is not None:
                self._askers[key].add(asker)
            if is_new:
                self._errors.pop(key, None)
                jobs.clear_last_failure(key)
                self._start(key, partial(workers.within, limit, key, task, *arguments), short)

    def _start(self, key: str, task: Callable[..., Any], short: bool, begun: int = 0) -> None:
        for attempt in range(begun + 1, POOLS + 1):
            if short not in self._pools:
                self._pools[short] = self._make[short]()
            pool = self._pools[short]
            try:
                future = pool.submit(task)
            except RuntimeError:  # broken, or shut down
                del self._pools[short]
                continue
            self._waiting[key] = _Submitted(future, pool, task, short, attempt)
            future.add_done_callback(partial(self._ended, key))
            return
        self._errors[key] = "The worker processes end before they begin; see the server's log, then start it again."

    def _ended(self, key: str, future: Future[Any]) -> None:
        with self._guard:
            entry = self._waiting.get(key)
            if entry is None or entry.future is not future:
                return
            del self._waiting[key]
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                # One worker was killed and takes the pool with it. Whoever was training shows as interrupted; whoever
                # only waited goes on in a new pool, the same for all of them.
                if self._pools.get(entry.short) is entry.executor:
                    del self._pools[entry.short]
                if jobs.view(key).state is State.ABSENT:
                    self._start(key, entry.task, entry.short, entry.attempt)
            elif error is not None and not isinstance(error, JobCancelledError | BusyError):
                self._errors[key] = str(error)

    def view(self, key: str) -> JobStatus:
        """The state of a job, with what the queue knows."""
        seen = jobs.view(key)
        with self._guard:
            entry = self._waiting.get(key)
            if entry is not None and seen.state not in (State.DONE, State.RUNNING):
                same_pool = [name for name, other in self._waiting.items() if other.short == entry.short]
                idle = [name for name in same_pool if jobs.view(name).state is not State.RUNNING]
                return JobStatus(key, State.QUEUED, {}, idle.index(key) + 1 if key in idle else 0)
            if seen.state is State.ABSENT and key in self._errors:
                return JobStatus(key, State.FAILED, {"message": self._errors[key]})
        return seen

    def cancel_pending(self, key: str, asker: object) -> bool:
        """Take back one asker's wish: the job is cancelled unless somebody else waits for it. False when it goes on,
        for another asker, or because it was started elsewhere, such as on the command line."""
        with self._guard:
            askers = self._askers.get(key, WeakSet())
            askers.discard(asker)
            started_elsewhere = key not in self._waiting and jobs.view(key).state is State.RUNNING
            if len(askers) or started_elsewhere:
                return False
            self.cancel(key)
            return True

    def cancel(self, key: str) -> bool:
        """Take a job out of the queue at once, or ask it to stop; False when there is no such job."""
        with self._guard:
            if key not in self._waiting or jobs.view(key).state in (State.DONE, State.RUNNING):
                return jobs.cancel(key)
            # A pool takes tasks in advance and gives none back: the queue forgets the job, and its worker is told.
            self._waiting.pop(key).future.cancel()
            return jobs.cancel(key, pending=True)


def worker_pool(count: int | None = None, *, ends_with_us: bool = False) -> Executor:
    """Worker processes through loky: two on a machine of two cores, one thread and a low priority each, pages first.
    With `ends_with_us` they are killed when this process ends, whatever they are at; else it waits for them. Where it
    is killed itself, they end within seconds."""
    from joblib.externals.loky import ProcessPoolExecutor

    # Of workers that loky begins anew because they grew, as they do when they begin to train.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    # Two busy OpenMP threads on two busy cores are far slower than one: they wait for each other by spinning.
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    begin = {"initializer": workers.begin, "initargs": (os.getpid(),), "env": one_thread}
    executor: Executor = ProcessPoolExecutor(count or default_workers(), **begin)
    if ends_with_us:
        pool: weakref.ref[Any] = weakref.ref(executor)

        def kill() -> None:
            if (there := pool()) is not None:
                there.shutdown(wait=False, kill_workers=True)

        executor.submit(os.getpid)  # with its first task loky asks to wait for its workers at the end of this process
        # What is asked for later is called earlier. `atexit` is no way: threads are waited for before it.
        getattr(threading, "_register_atexit", atexit.register)(kill)
    return executor


def all_cores() -> int:
    """How many cores this process may use, by its affinity and the limits of its container."""
    from joblib.externals.loky import cpu_count

    return int(cpu_count())


def default_workers() -> int:
    """How many trainings at once: ``VLCORE_WORKERS``, else one a core, four at most."""
    if not (named := os.environ.get("VLCORE_WORKERS")):
        return max(1, min(4, os.cpu_count() or 1))
    if not named.isdecimal() or not int(named):
        raise LabError(f"VLCORE_WORKERS is {named!r}; give the number of trainings at once.")
    return int(named)
