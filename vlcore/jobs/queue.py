"""Queue of jobs over worker processes, in which visitors take turns.

The disk tells the state of a job (`vlcore.jobs.jobs`); the queue only knows what waits for a worker
and who asked for it. A pool is given no more than its workers can begin. Everything else waits here
and starts in turns, so that nobody waits behind a hundred jobs of another visitor.
"""

import atexit
import os
import threading
import time
import warnings
import weakref
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.limits import JOB_SECONDS
from vlcore.jobs import jobs, workers
from vlcore.jobs.jobs import JobCancelledError, JobStatus, State

POOLS = 3  # that a job may see break before it begins
LATEST = 6  # trainings from which the next one's duration is estimated


@dataclass(eq=False)
class Job:
    """A job that waits or runs here.

    Attributes:
        short: whether it belongs to the pool of short jobs.
        quick: whether it takes seconds, though it is not in the pool of short jobs.
        title: what it is, a noun phrase for people; may be empty.
        askers: names of the visitors who want it; it counts for the first of them.
        submitted: seconds since 1970.
        attempts: how many pools were asked to do it.
        pool: the last of these.
        future: once a worker may begin.
    """

    key: str
    task: Callable[..., Any]
    short: bool
    quick: bool
    title: str = ""
    askers: list[str] = field(default_factory=list)
    submitted: float = field(default_factory=time.time)
    attempts: int = 0
    pool: Executor | None = None
    future: Future[Any] | None = None


@dataclass
class _Lane:
    """The workers of short jobs or of long ones."""

    make_pool: Callable[[], Executor]
    workers: int
    pool: Executor | None = None


class JobQueue:
    """Jobs that wait for a worker of any `Executor`.

    Short jobs have a pool of one worker and do not wait for long ones. A key is submitted once,
    however many ask for it.
    """

    def __init__(
        self,
        make_pool: Callable[[], Executor],
        make_short: Callable[[], Executor] | None = None,
        workers: int | None = None,
    ) -> None:
        self._long = _Lane(make_pool, workers or default_workers())
        self._short = _Lane(make_short or make_pool, 1)
        self._jobs: dict[str, Job] = {}
        self._errors: dict[str, str] = {}
        self._begun = 0  # jobs that were given to a worker
        self._served: dict[str, int] = {}  # how many that were when a visitor had the last turn
        self._guard = threading.RLock()
        # Keys of the long jobs that ended well here, the last one last.
        self.latest: deque[str] = deque(maxlen=LATEST)

    def submit(
        self,
        key: str,
        task: Callable[..., Any],
        *arguments: Any,
        asker: str = "",
        short: bool = False,
        limit: float = JOB_SECONDS,
        quick: bool = False,
        title: str = "",
    ) -> None:
        """Queue a task, unless it is queued, running or done.

        Args:
            key: what the task publishes.
            task: called with the arguments in a worker.
            asker: name of the visitor who wants it, see `cancel_pending`.
            short: whether it belongs to the pool of short jobs.
            limit: seconds that it may take, see `vlcore.jobs.workers`.
            quick: whether it takes seconds.
            title: what the job is, a noun phrase for people.
        """
        with self._guard:
            job = self._jobs.get(key)
            if job is None:
                state = jobs.view(key).state
                if state in (State.DONE, State.RUNNING):
                    return
                self._errors.pop(key, None)
                jobs.clear_last_failure(key)
                task = partial(workers.within, limit, key, task, *arguments)
                job = self._jobs[key] = Job(key, task, short, quick, title)
            if asker not in job.askers:
                job.askers.append(asker)
            self._served.setdefault(asker, self._begun)
            self._start_waiting()

    def prepare(self, task: Callable[[], object]) -> None:
        """Start the workers of long jobs with a task each, such as imports, before the first
        job."""
        with self._guard:
            if self._long.pool is None:
                self._long.pool = self._long.make_pool()
                for _ in range(self._long.workers):
                    self._long.pool.submit(task)

    def _lane(self, job: Job) -> _Lane:
        return self._short if job.short else self._long

    def _order(self, lane: _Lane) -> list[Job]:
        """Jobs that wait, in the order in which they will get a worker.

        The first job of every visitor comes before the second of any. Among these the visitor goes
        first whose last turn is longest ago.
        """
        ranks: dict[Job, tuple[int, int]] = {}
        counts = Counter[str]()
        for job in self._jobs.values():
            if self._lane(job) is lane and job.future is None:
                ranks[job] = min((counts[name], self._served[name]) for name in job.askers)
                counts.update(job.askers)
        return sorted(ranks, key=ranks.__getitem__)

    def _start_waiting(self) -> None:
        """Start as many jobs as there are free workers."""
        for lane in (self._long, self._short):
            while self._is_free(lane) and (order := self._order(lane)):
                self._start(order[0], lane)

    def _is_free(self, lane: _Lane) -> bool:
        begun = [job for job in self._jobs.values() if self._lane(job) is lane and job.future]
        return len(begun) < lane.workers

    def _start(self, job: Job, lane: _Lane) -> None:
        """Give a job to a worker, in a new pool where the last one is broken or shut down."""
        while job.attempts < POOLS:
            job.attempts += 1
            job.pool = lane.pool = lane.pool or lane.make_pool()
            try:
                job.future = lane.pool.submit(job.task)
            except RuntimeError:
                lane.pool = None
                continue
            self._begun += 1
            self._served.update(dict.fromkeys(job.askers, self._begun))
            job.future.add_done_callback(partial(self._end, job))
            return
        del self._jobs[job.key]
        self._errors[job.key] = (
            "The worker processes end before they begin; see the server's log, then start it again."
        )

    def _end(self, job: Job, future: Future[Any]) -> None:
        """Forget a job that ended, or let it wait again where its pool broke before it began.

        A worker that is killed takes its pool with it. The job that it was at shows as interrupted;
        jobs that had not begun go on in a new pool, the same for all of them.
        """
        with self._guard:
            job.future = None
            error = future.exception()
            lane = self._lane(job)
            is_broken = isinstance(error, BrokenExecutor)
            if is_broken and lane.pool is job.pool:
                lane.pool = None
            if not (is_broken and jobs.view(job.key).state is State.ABSENT):
                del self._jobs[job.key]
                if error is None and not job.short:
                    self.latest.append(job.key)
                if not isinstance(error, BrokenExecutor | JobCancelledError | BusyError | None):
                    self._errors[job.key] = str(error)
            self._start_waiting()

    def view(self, key: str) -> JobStatus:
        """The state of a job with its position in the queue: 0 where a worker is about to begin."""
        status = jobs.view(key)
        with self._guard:
            job = self._jobs.get(key)
            if job is not None and status.state in (State.ABSENT, State.FAILED, State.INTERRUPTED):
                order = self._order(self._lane(job)) if job.future is None else []
                return JobStatus(key, State.QUEUED, {}, order.index(job) + 1 if order else 0)
            if status.state is State.ABSENT and key in self._errors:
                return JobStatus(key, State.FAILED, {"message": self._errors[key]})
        return status

    def jobs(self) -> list[Job]:
        """All jobs that wait or run here, as they were asked for."""
        with self._guard:
            return list(self._jobs.values())

    def cancel_pending(self, key: str, asker: str) -> bool:
        """Withdraw one asker's wish, and cancel the job unless others wait for it.

        Returns:
            False when the job goes on, for others or because it was started elsewhere, such as by a
            command.
        """
        with self._guard:
            job = self._jobs.get(key)
            if job is None:
                return not jobs.view(key).state.is_active
            others = [name for name in job.askers if name != asker]
            if others:
                job.askers = others
                return False
            self.cancel(key)
            return True

    def cancel(self, key: str) -> bool:
        """Take a job out of the queue at once, or ask it to stop; False when there is none."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or jobs.view(key).state in (State.RUNNING, State.DONE):
                return jobs.cancel(key)
            if job.future is None:  # else its worker finds it cancelled
                del self._jobs[key]
            return jobs.cancel(key, pending=True)


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
