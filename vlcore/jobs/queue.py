"""Queue of jobs over worker processes, in which visitors take turns.

The disk tells the state of a job (`vlcore.jobs.jobs`); the queue only knows what waits for a worker
and who asked for it, so that nobody stops a job that others wait for, and a broken pool is
replaced. A pool is given no more than its workers can begin. Everything else waits here and starts
in turns, one job of each visitor after the other, so that nobody waits behind a hundred jobs of
another. Jobs of visitors who left come last, and are dropped after a while.
"""

import atexit
import os
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.limits import GRACE_SECONDS, JOB_SECONDS
from vlcore.jobs import jobs, workers
from vlcore.jobs.jobs import JobCancelledError, JobStatus, State

POOLS = 3  # that a job may see break before it begins
LATEST = 6  # trainings from which the next one's duration is estimated


class Asker:
    """A visitor who asks for jobs, present as long as an object of that name exists."""

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(eq=False)
class _Job:
    """A job that waits or runs.

    Attributes:
        short: whether it belongs to the pool of short jobs.
        submitted: seconds since 1970.
        quick: whether it takes seconds, though it is not in the pool of short jobs.
        wishes: by name of each asker, whether the job stays when the asker leaves; it counts for
            the first.
        future: once a worker may begin.
    """

    key: str
    task: Callable[..., Any]
    short: bool
    submitted: float
    quick: bool = False
    wishes: dict[str, bool] = field(default_factory=dict)
    attempt: int = 0
    future: Future[Any] | None = None
    executor: Executor | None = None


class QueuedJob(NamedTuple):
    """A job that waits or runs here, as the teacher sees it."""

    status: JobStatus
    submitted: float  # seconds since 1970
    askers: int


class JobQueue:
    """Jobs that wait for a worker of any `Executor`.

    Short jobs have a pool of one worker and do not wait for long ones. A key is submitted once,
    however many ask for it; askers are known as long as they live and `GRACE_SECONDS` longer.
    """

    def __init__(
        self,
        make_pool: Callable[[], Executor],
        make_short: Callable[[], Executor] | None = None,
        workers: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Keys of these are whether a job is short.
        self._make = {False: make_pool, True: make_short or make_pool}
        self._workers = {False: workers or default_workers(), True: 1}
        self._pools: dict[bool, Executor] = {}
        self._started: dict[bool, set[Future[Any]]] = {False: set(), True: set()}
        self._turns: dict[bool, dict[str, None]] = {False: {}, True: {}}  # names, the next first
        self._positions: dict[bool, dict[str, int]] = {}  # by key, until something changes
        self._jobs: dict[str, _Job] = {}
        self._errors: dict[str, str] = {}
        self._present: WeakValueDictionary[str, Asker] = WeakValueDictionary()
        self._left: dict[str, float] = {}
        self._clock = clock
        self._guard = threading.RLock()
        self._is_starting = False
        # Keys of the long jobs that ended well here, the last one last.
        self.latest: deque[str] = deque(maxlen=LATEST)

    def submit(
        self,
        key: str,
        task: Callable[..., Any],
        *arguments: Any,
        asker: Asker | None = None,
        short: bool = False,
        limit: float = JOB_SECONDS,
        stays: bool = False,
        quick: bool = False,
    ) -> None:
        """Queue a task, unless it is queued, running or done.

        Args:
            key: what the task publishes.
            task: called with the arguments in a worker.
            asker: who wants it, see `cancel_pending`.
            short: whether it belongs to the pool of short jobs.
            limit: seconds that it may take, see `vlcore.jobs.workers`.
            stays: whether it waits on when all askers left `GRACE_SECONDS` ago.
            quick: whether it takes seconds.
        """
        with self._guard:
            state = jobs.view(key).state
            if state is State.DONE:
                return
            if key not in self._jobs and state is not State.RUNNING:
                self._errors.pop(key, None)
                jobs.clear_last_failure(key)
                task = partial(workers.within, limit, key, task, *arguments)
                self._jobs[key] = _Job(key, task, short, time.time(), quick)
            if job := self._jobs.get(key):
                self._see(asker)
                name = asker.name if asker else ""
                job.wishes[name] = job.wishes.get(name, False) or stays or asker is None
                self._join(job)
                self._start_waiting()

    def prepare(self, task: Callable[[], object]) -> None:
        """Start the workers of long jobs before the first one, with a task each, such as imports;
        once."""
        with self._guard:
            if False in self._pools:
                return
            pool = self._pools[False] = self._make[False]()
            with suppress(RuntimeError):  # broken, or shut down: the first job makes another one
                for _ in range(self._workers[False]):
                    pool.submit(task)

    def _see(self, asker: Asker | None) -> None:
        if asker and self._present.get(asker.name) is not asker:
            self._present[asker.name] = asker
            self._positions.clear()
            weakref.finalize(asker, self._leave, asker.name).atexit = False

    def _join(self, job: _Job) -> None:
        self._positions.clear()
        for name in job.wishes:
            self._turns[job.short].setdefault(name)

    def _leave(self, name: str) -> None:
        now = self._clock()
        self._positions.clear()
        recent = {left: at for left, at in self._left.items() if now - at < GRACE_SECONDS}
        self._left = recent | {name: now}

    def _waiting(self, short: bool) -> list[_Job]:
        return [job for job in self._jobs.values() if job.short == short and job.future is None]

    def _order(self, short: bool) -> dict[_Job, str]:
        """Jobs in the order in which they will get a worker, and whose turn that is."""
        order: dict[_Job, str] = {}
        for present in (True, False):
            wanted = {name: deque[_Job]() for name in self._turns[short]}
            for job in self._waiting(short):
                for name, stays in job.wishes.items():
                    if present == (stays or name in self._present):
                        wanted[name].append(job)
            turns = deque(wanted.items())
            while turns:
                name, jobs_of_name = turns.popleft()
                while jobs_of_name and jobs_of_name[0] in order:
                    jobs_of_name.popleft()
                if jobs_of_name:
                    order[jobs_of_name.popleft()] = name
                    turns.append((name, jobs_of_name))
        return order

    def _start_waiting(self) -> None:
        """Start as many jobs as there are free workers."""
        if self._is_starting:  # a future that has ended already calls back at once
            return
        self._is_starting = True
        try:
            for short, turns in self._turns.items():
                abandoned = [job for job in self._waiting(short) if not self._is_wanted(job)]
                self._drop(abandoned)
                while len(self._started[short]) < self._workers[short]:
                    order = self._order(short)
                    if not order:
                        break
                    job, name = next(iter(order.items()))
                    turns.pop(name)
                    turns[name] = None
                    self._start(job)
                names = {name for job in self._waiting(short) for name in job.wishes}
                for name in turns.keys() - names:
                    del turns[name]
        finally:
            self._is_starting = False
            self._positions.clear()

    def _start(self, job: _Job) -> None:
        while job.attempt < POOLS:
            job.attempt += 1
            if job.short not in self._pools:
                self._pools[job.short] = self._make[job.short]()
            pool = job.executor = self._pools[job.short]
            try:
                future = job.future = pool.submit(job.task)
            except RuntimeError:  # broken, or shut down
                del self._pools[job.short]
                continue
            self._started[job.short].add(future)
            future.add_done_callback(partial(self._end, job))
            return
        del self._jobs[job.key]
        self._errors[job.key] = (
            "The worker processes end before they begin; see the server's log, then start it again."
        )

    def _end(self, job: _Job, future: Future[Any]) -> None:
        with self._guard:
            self._started[job.short].discard(future)
            if self._jobs.get(job.key) is job:  # else it was cancelled
                self._settle(job, future.exception())
            self._start_waiting()

    def _settle(self, job: _Job, error: BaseException | None) -> None:
        """Forget a job that ended, or let it wait again where its pool broke before it began.

        A worker that is killed takes its pool with it. The job that it was at shows as interrupted;
        jobs that had not begun go on in a new pool, the same for all of them.
        """
        job.future = None
        is_broken = isinstance(error, BrokenExecutor)
        if is_broken and self._pools.get(job.short) is job.executor:
            del self._pools[job.short]
        if is_broken and jobs.view(job.key).state is State.ABSENT:
            self._join(job)
            return
        del self._jobs[job.key]
        if error is None:
            if not job.short:
                self.latest.append(job.key)
        elif not isinstance(error, BrokenExecutor | JobCancelledError | BusyError):
            self._errors[job.key] = str(error)

    def view(self, key: str, asker: Asker | None = None) -> JobStatus:
        """The state of a job, with its position in the queue, 0 where a worker is about to begin.

        An `asker` who looks is present.
        """
        status = jobs.view(key)
        with self._guard:
            self._see(asker)
            job = self._jobs.get(key)
            if job is not None and status.state not in (State.DONE, State.RUNNING):
                positions = self._positions.get(job.short)
                if positions is None:
                    waiting = enumerate(self._order(job.short), 1)
                    positions = {queued.key: position for position, queued in waiting}
                    self._positions[job.short] = positions
                return JobStatus(key, State.QUEUED, {}, positions.get(key, 0))
            if status.state is State.ABSENT and key in self._errors:
                return JobStatus(key, State.FAILED, {"message": self._errors[key]})
        return status

    def queued_jobs(self) -> list[QueuedJob]:
        """All jobs that wait or run here: those that run, then those that wait, by position."""
        with self._guard:
            entries = [
                QueuedJob(self.view(job.key), job.submitted, len(job.wishes))
                for job in self._jobs.values()
            ]
        return sorted(entries, key=lambda entry: (entry.status.position, entry.submitted))

    def long_jobs(self) -> int:
        """How many long jobs wait or run here."""
        with self._guard:
            return sum(not job.short for job in self._jobs.values())

    def slow_jobs(self) -> int:
        """How many long jobs take longer than seconds: quick ones need not wait for each other."""
        with self._guard:
            return sum(not (job.short or job.quick) for job in self._jobs.values())

    def asked_by(self, name: str, short: bool) -> list[str]:
        """Keys of the jobs that wait or run here and that this name asked for first; further askers
        do not count."""
        with self._guard:
            return [
                job.key
                for job in self._jobs.values()
                if job.short == short and next(iter(job.wishes)) == name
            ]

    def cancel_pending(self, key: str, asker: Asker) -> bool:
        """Withdraw one asker's wish, and cancel the job unless others wait for it.

        Others count while they are present, and `GRACE_SECONDS` longer.

        Returns:
            False when the job goes on, for others or because it was started elsewhere, such as by a
            command.
        """
        with self._guard:
            job = self._jobs.get(key)
            if job is None:
                return jobs.view(key).state is not State.RUNNING
            if self._is_wanted(job, apart_from=asker.name):
                job.wishes.pop(asker.name, None)
                self._positions.clear()
                return False
            self.cancel(key)
            return True

    def _is_wanted(self, job: _Job, apart_from: str | None = None) -> bool:
        """Whether an asker of a job stays, is present or has just left."""
        now = self._clock()
        return any(
            stays
            or name in self._present
            or now - self._left.get(name, -GRACE_SECONDS) < GRACE_SECONDS
            for name, stays in job.wishes.items()
            if name != apart_from
        )

    def _drop(self, dropped: Iterable[_Job]) -> None:
        for job in dropped:
            del self._jobs[job.key]
        self._positions.clear()

    def cancel(self, key: str) -> bool:
        """Take a job out of the queue at once, or ask it to stop; False when there is none."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or jobs.view(key).state in (State.DONE, State.RUNNING):
                return jobs.cancel(key)
            self._drop([job])
            is_cancelled = jobs.cancel(key, pending=True)
            if job.future is not None:  # else its worker finds it cancelled
                job.future.cancel()
            return is_cancelled


def worker_pool(
    count: int | None = None, *, ends_with_us: bool = False, first: Callable[[], object] = os.getpid
) -> Executor:
    """Worker processes through loky, one thread and a low priority each: pages come first.

    Where this process is killed, workers end within seconds.

    Args:
        count: how many, `default_workers` where None.
        ends_with_us: whether they are killed when this process ends; else it waits for them.
        first: first task of one of them where `ends_with_us`. loky replaces a worker whose memory
            grows by 300 MB after its first task, so this task should import what others need.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    # Of workers that loky replaces because they grew, as they do when they begin to train.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    # Two busy OpenMP threads on two busy cores are far slower than one: they wait for each other by
    # spinning.
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    executor: Executor = ProcessPoolExecutor(
        count or default_workers(),
        initializer=workers.begin_worker,
        initargs=(os.getpid(),),
        env=one_thread,
    )
    if ends_with_us:
        pool: weakref.ref[Any] = weakref.ref(executor)

        def kill() -> None:
            if (executor := pool()) is not None:
                executor.shutdown(wait=False, kill_workers=True)

        # With its first task loky registers to wait for its workers at the end of this process.
        # Callbacks registered later are called earlier. `atexit` comes too late: threads are waited
        # for before it.
        executor.submit(first)
        getattr(threading, "_register_atexit", atexit.register)(kill)
    return executor


def all_cores() -> int:
    """How many cores this process may use, by its affinity and the limits of its container."""
    from joblib.externals.loky import cpu_count

    return int(cpu_count())


def default_workers() -> int:
    """How many trainings at once: ``VLCORE_WORKERS``, else one a core, four at most."""
    number = os.environ.get("VLCORE_WORKERS")
    if not number:
        return max(1, min(4, os.cpu_count() or 1))
    if not number.isdecimal() or not int(number):
        raise LabError(f"VLCORE_WORKERS is {number!r}; give the number of trainings at once.")
    return int(number)
