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
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
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
class Job:
    """A job that waits or runs here.

    Attributes:
        short: whether it belongs to the pool of short jobs.
        quick: whether it takes seconds, though it is not in the pool of short jobs.
        title: what it is, a noun phrase for people; may be empty.
        first: a key that it publishes before its own; may be empty.
        submitted: seconds since 1970.
        wishes: by name of each asker, whether the job stays when the asker leaves.
        attempts: how many pools were asked to do it.
        pool: the last of these.
        future: once a worker may begin.
        is_ending: whether a worker at it was told to stop.
        successor: the job that is queued once this one has ended, for who asked meanwhile.
    """

    key: str
    task: Callable[..., Any]
    short: bool
    quick: bool
    title: str = ""
    first: str = ""
    submitted: float = field(default_factory=time.time)
    wishes: dict[str, bool] = field(default_factory=dict)
    attempts: int = 0
    pool: Executor | None = None
    future: Future[Any] | None = None
    is_ending: bool = False
    successor: "Job | None" = None

    @property
    def keys(self) -> tuple[str, ...]:
        """All that it publishes, in order."""
        return (self.first, self.key) if self.first else (self.key,)

    @property
    def counts_for(self) -> str:
        """The asker whose quota it takes: who asked first."""
        return next(iter(self.wishes))


@dataclass
class _Lane:
    """The workers of short jobs or of long ones, and whose turn it is: names, the next first."""

    make_pool: Callable[[], Executor]
    workers: int
    pool: Executor | None = None
    turns: list[str] = field(default_factory=list)


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
        self._long = _Lane(make_pool, workers or default_workers())
        self._short = _Lane(make_short or make_pool, 1)
        self._jobs: dict[str, Job] = {}
        self._errors: dict[str, str] = {}
        self._present: WeakValueDictionary[str, Asker] = WeakValueDictionary()
        self._left: dict[str, float] = {}  # when
        self._clock = clock
        self._guard = threading.RLock()
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
        title: str = "",
        first: str = "",
    ) -> None:
        """Queue a task, unless it is queued, running or done; one that is about to stop is queued
        again.

        Args:
            key: what the task publishes.
            task: called with the arguments in a worker.
            asker: who wants it, see `cancel_pending`.
            short: whether it belongs to the pool of short jobs.
            limit: seconds that it may take, see `vlcore.jobs.workers`.
            stays: whether it waits on when all askers left `GRACE_SECONDS` ago.
            quick: whether it takes seconds.
            title: what the job is, a noun phrase for people.
            first: a key that the task publishes before `key`.
        """
        with self._guard:
            state = jobs.view(key).state
            if state is State.DONE:
                return
            job = self._jobs.get(key)
            task = partial(workers.within, limit, key, task, *arguments)
            new = Job(key, task, short, quick, title, first)
            if job is None and state is not State.RUNNING:
                job = new
                self._put(job)
            elif job is not None and job.is_ending:
                job.successor = job = job.successor or new
            if job is not None:
                self._see(asker)
                name = asker.name if asker else ""
                job.wishes[name] = job.wishes.get(name, False) or stays or asker is None
                self._start_waiting()

    def _put(self, job: Job) -> None:
        self._errors.pop(job.key, None)
        for key in job.keys:
            if key not in self._jobs:
                jobs.clear_last_failure(key)
        jobs.mark_waiting(job.key, job.title)
        self._jobs[job.key] = job

    def _forget(self, job: Job) -> None:
        del self._jobs[job.key]
        jobs.unmark_waiting(job.key)

    def prepare(self, task: Callable[[], object]) -> None:
        """Start the workers of long jobs before the first one, with a task each, such as imports;
        once."""
        with self._guard:
            if self._long.pool is not None:
                return
            pool = self._long.pool = self._long.make_pool()
            with suppress(RuntimeError):  # broken, or shut down: the first job makes another one
                for _ in range(self._long.workers):
                    pool.submit(task)

    def _see(self, asker: Asker | None) -> None:
        if asker and self._present.get(asker.name) is not asker:
            self._present[asker.name] = asker
            weakref.finalize(asker, self._leave, asker.name).atexit = False

    def _leave(self, name: str) -> None:
        self._left[name] = self._clock()

    def _lane(self, job: Job) -> _Lane:
        return self._short if job.short else self._long

    def _waiting(self, lane: _Lane) -> list[Job]:
        return [
            job for job in self._jobs.values() if self._lane(job) is lane and job.future is None
        ]

    def _order(self, lane: _Lane) -> dict[Job, str]:
        """Jobs in the order in which they will get a worker, and whose turn that is."""
        waiting = self._waiting(lane)
        names = dict.fromkeys(name for job in waiting for name in job.wishes)
        known = [name for name in lane.turns if name in names]
        lane.turns = list(dict.fromkeys([*known, *names]))
        order: dict[Job, str] = {}
        for present in (True, False):
            wanted = {name: deque[Job]() for name in lane.turns}
            for job in waiting:
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
        for lane in (self._long, self._short):
            for job in self._waiting(lane):
                if not self._is_wanted(job):
                    self._forget(job)
            while (order := self._order(lane)) and self._is_free(lane):
                job, name = next(iter(order.items()))
                lane.turns.remove(name)
                lane.turns.append(name)
                self._start(job, lane)

    def _is_free(self, lane: _Lane) -> bool:
        begun = [job for job in self._jobs.values() if self._lane(job) is lane and job.future]
        return len(begun) < lane.workers

    def _start(self, job: Job, lane: _Lane) -> None:
        """Give a job to a worker; it waits on where the pool is broken or shut down."""
        if job.attempts == POOLS:
            self._forget(job)
            self._errors[job.key] = (
                "The worker processes end before they begin; see the server's log, then start it"
                " again."
            )
            return
        job.attempts += 1
        if lane.pool is None:
            lane.pool = lane.make_pool()
        job.pool = lane.pool
        jobs.unmark_waiting(job.key)
        try:
            job.future = lane.pool.submit(job.task)
        except RuntimeError:
            lane.pool = None
            jobs.mark_waiting(job.key, job.title)
        else:
            job.future.add_done_callback(partial(self._end, job))

    def _end(self, job: Job, future: Future[Any]) -> None:
        """Forget a job that ended, or let it wait again where its pool broke before it began.

        A worker that is killed takes its pool with it. The job that it was at shows as interrupted;
        jobs that had not begun go on in a new pool, the same for all of them.
        """
        with self._guard:
            job.future = None
            if self._jobs.get(job.key) is job:  # else it was cancelled
                error = future.exception()
                is_broken = isinstance(error, BrokenExecutor)
                if is_broken and self._lane(job).pool is job.pool:
                    self._lane(job).pool = None
                state = jobs.view(job.key).state
                if job.is_ending or not (is_broken and state is State.ABSENT):
                    self._forget(job)
                    if error is None and not job.short:
                        self.latest.append(job.key)
                    if not isinstance(error, BrokenExecutor | JobCancelledError | BusyError | None):
                        self._errors[job.key] = str(error)
                    if job.successor is not None and state is not State.DONE:
                        self._put(job.successor)
                else:
                    jobs.mark_waiting(job.key, job.title)
            self._start_waiting()

    def view(self, key: str, asker: Asker | None = None) -> JobStatus:
        """The state of a job, with its position in the queue, 0 where a worker is about to begin.

        An `asker` who looks is present.
        """
        status = jobs.view(key)
        with self._guard:
            self._see(asker)
            job = self._jobs.get(key)
            if job is not None and status.state not in (State.DONE, State.RUNNING):
                if job.future is not None and self._running_key(job):
                    return JobStatus(key, State.RUNNING)
                position = 0
                if job.future is None:
                    position = list(self._order(self._lane(job))).index(job) + 1
                return JobStatus(key, State.QUEUED, {}, position)
            if status.state is State.ABSENT and key in self._errors:
                return JobStatus(key, State.FAILED, {"message": self._errors[key]})
        return status

    def _running_key(self, job: Job) -> str:
        """The key of a job that is in work now; empty where none is."""
        # That of `first` may be in work for another job.
        keys = [key for key in job.keys if self._jobs.get(key, job) is job]
        states = {key: jobs.view(key).state for key in (keys if job.future else [job.key])}
        return next((key for key, state in states.items() if state is State.RUNNING), "")

    def jobs(self) -> list[Job]:
        """All jobs that wait or run here, as they were asked for."""
        with self._guard:
            return list(self._jobs.values())

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
                return not jobs.view(key).state.is_active
            wanted = job.successor or job
            if self._is_wanted(wanted, apart_from=asker.name):
                wanted.wishes.pop(asker.name, None)
                return False
            job.successor = None
            self.cancel(key)
            return True

    def _is_wanted(self, job: Job, apart_from: str | None = None) -> bool:
        """Whether an asker of a job stays, is present or has just left."""
        now = self._clock()
        return any(
            stays
            or name in self._present
            or now - self._left.get(name, -GRACE_SECONDS) < GRACE_SECONDS
            for name, stays in job.wishes.items()
            if name != apart_from
        )

    def cancel(self, key: str) -> bool:
        """Take a job out of the queue at once, or ask it to stop; False when there is none."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or jobs.view(key).state is State.DONE:
                return jobs.cancel(key)
            job.successor = None
            if running_key := self._running_key(job):
                job.is_ending = job.future is not None
                # Its last report may be over: then the next key finds that it is cancelled.
                for later in job.keys[job.keys.index(running_key) + 1 :]:
                    jobs.cancel(later, pending=True)
                return jobs.cancel(running_key)
            self._forget(job)
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
