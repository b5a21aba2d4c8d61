"""Queue of jobs over worker processes, in which visitors take turns.

The disk says what a job's state is (`vlcore.jobs.jobs`); the queue only knows what waits for a
worker and who asked for it, so that nobody stops what somebody else waits for, and a pool that
breaks is made anew. A pool is given no more than its workers can begin: what waits, waits here, and
is handed out in turns, one job of each visitor after the other, so that nobody who asks for one
waits behind the hundred of another. A name is easily invented, an address is not: addresses take
turns, and at each of them its names; who left comes after who is here, and after a while not at
all.
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
from itertools import starmap
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from vlcore.experiment.errors import BusyError, LabError
from vlcore.experiment.limits import GRACE_SECONDS, JOB_SECONDS
from vlcore.jobs import jobs, workers
from vlcore.jobs.jobs import JobCancelledError, JobStatus, State

POOLS = 3  # that a job may see break before it began
LATEST = 6  # trainings by which it is judged how long one takes


class Asker:
    """Somebody who asks for jobs, by a name and from an address: there as long as an object of that
    name."""

    def __init__(self, name: str, address: str = "") -> None:
        self.name, self.address = name, address


class _Wish(NamedTuple):
    address: str
    stays: bool  # though who has it leaves


@dataclass(eq=False)
class _Job:
    key: str
    task: Callable[..., Any]
    short: bool
    asked: float  # seconds since 1970
    quick: bool = False  # it takes seconds, though it is not in the pool of short jobs
    wishes: dict[str, _Wish] = field(
        default_factory=dict
    )  # by the names of who wants it; it counts for the first
    attempt: int = 0
    future: Future[Any] | None = None  # once it is handed out
    executor: Executor | None = None


class Listed(NamedTuple):
    """A job that waits or runs here, as whoever looks after the server sees it."""

    status: JobStatus
    asked: float  # seconds since 1970
    askers: int


class JobQueue:
    """Jobs that wait for a worker of any `Executor`; short ones, in a pool of one worker, do not
    wait for the long ones. A key that waits or runs here is submitted once, however many ask, and
    they are known as long as they live and `GRACE_SECONDS` longer."""

    def __init__(
        self,
        make_pool: Callable[[], Executor],
        make_short: Callable[[], Executor] | None = None,
        workers: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = {False: make_pool, True: make_short or make_pool}  # short or not
        self._workers = {False: workers or default_workers(), True: 1}
        self._pools: dict[bool, Executor] = {}
        self._jobs: dict[str, _Job] = {}
        self._handed: dict[bool, set[Future[Any]]] = {False: set(), True: set()}
        # Who has something waiting, names by address; the next first.
        self._turns: dict[bool, dict[str, dict[str, None]]] = {False: {}, True: {}}
        self._places: dict[
            bool, dict[str, int]
        ] = {}  # of what waits, by key, until something changes
        self.latest: deque[str] = deque(
            maxlen=LATEST
        )  # keys of the long jobs that ended well here, the last one last
        self._errors: dict[str, str] = {}
        self._present: WeakValueDictionary[str, Asker] = WeakValueDictionary()
        self._left: dict[str, float] = {}
        self._clock = clock
        self._guard = threading.RLock()
        self._is_handing_out = False

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
        """Queue a task under the key that it will publish, unless it is queued, running or done. Of
        who wants it, see `cancel_pending`. It gets `limit` seconds, see `vlcore.jobs.workers`.
        While it waits it is dropped when all who want it left `GRACE_SECONDS` ago, unless it
        `stays`."""
        with self._guard:
            state = jobs.view(key).state
            if state is State.DONE:
                return
            if key not in self._jobs and state is not State.RUNNING:
                self._errors.pop(key, None)
                jobs.clear_last_failure(key)
                self._jobs[key] = _Job(
                    key,
                    partial(workers.within, limit, key, task, *arguments),
                    short,
                    time.time(),
                    quick,
                )
            if job := self._jobs.get(key):
                who = asker or Asker("")
                self._see(asker)
                before = job.wishes.get(who.name, _Wish(who.address, False))
                job.wishes[who.name] = _Wish(before.address, before.stays or stays or asker is None)
                self._join(job)
                self._hand_out()

    def prepare(self, task: Callable[[], object]) -> None:
        """Start the workers of long jobs before the first one, with a task each, such as imports;
        once."""
        with self._guard:
            if False in self._pools:
                return
            pool = self._pools[False] = self._make[False]()
            with suppress(RuntimeError):  # broken, or shut down: the first job begins another one
                for _ in range(self._workers[False]):
                    pool.submit(task)

    def _see(self, asker: Asker | None) -> None:
        if asker and self._present.get(asker.name) is not asker:
            self._present[asker.name] = asker
            self._places.clear()
            weakref.finalize(asker, self._leaves, asker.name).atexit = False

    def _join(self, job: _Job) -> None:
        self._places.clear()
        for name, wish in job.wishes.items():
            self._turns[job.short].setdefault(wish.address, {}).setdefault(name)

    def _leaves(self, name: str) -> None:
        now = self._clock()
        self._places.clear()
        self._left = {left: at for left, at in self._left.items() if now - at < GRACE_SECONDS} | {
            name: now
        }

    def _waiting(self, short: bool) -> list[_Job]:
        return [job for job in self._jobs.values() if job.short == short and job.future is None]

    def _order(self, short: bool) -> list[tuple[str, _Job]]:
        """What waits for a worker, in the order in which it will get one, and whose turn that
        is."""
        waiting, order = self._waiting(short), dict[_Job, str]()
        for here in (True, False):
            wanted = {
                at: {name: deque[_Job]() for name in names}
                for at, names in self._turns[short].items()
            }
            for job in waiting:
                for name, wish in job.wishes.items():
                    if here == (wish.stays or name in self._present):
                        wanted[wish.address][name].append(job)
            turns = deque(deque(names.items()) for names in wanted.values())
            while turns:
                names = turns.popleft()
                while names:
                    name, theirs = names.popleft()
                    while theirs and theirs[0] in order:
                        theirs.popleft()
                    if theirs:
                        order[theirs.popleft()] = name
                        names.append((name, theirs))
                        turns.append(names)
                        break
        return [(name, job) for job, name in order.items()]

    def _hand_out(self) -> None:
        if self._is_handing_out:  # a future that has ended already calls back at once
            return
        self._is_handing_out = True
        try:
            waiting = [job for job in self._jobs.values() if job.future is None]
            self._drop(job for job in waiting if not any(starmap(self._counts, job.wishes.items())))
            for short, turns in self._turns.items():
                while len(self._handed[short]) < self._workers[short] and (
                    order := self._order(short)
                ):
                    name, job = order[0]
                    names = turns.pop(address := job.wishes[name].address)
                    names.pop(name)
                    turns[address] = names | {name: None}
                    self._start(job)
                wanted = {
                    (wish.address, name)
                    for job in self._waiting(short)
                    for name, wish in job.wishes.items()
                }
                for address, names in list(turns.items()):
                    turns[address] = {name: None for name in names if (address, name) in wanted}
                    if not turns[address]:
                        del turns[address]
        finally:
            self._is_handing_out = False
            self._places.clear()

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
            self._handed[job.short].add(future)
            future.add_done_callback(partial(self._ended, job))
            return
        del self._jobs[job.key]
        self._errors[job.key] = (
            "The worker processes end before they begin; see the server's log, then start it again."
        )

    def _ended(self, job: _Job, future: Future[Any]) -> None:
        with self._guard:
            self._handed[job.short].discard(future)
            if self._jobs.get(job.key) is job:  # else it was cancelled
                job.future, error = None, future.exception()
                # One worker was killed and takes the pool with it. Whoever was training shows as
                # interrupted; whoever had not begun goes on in a new pool, the same for all of
                # them.
                broken = isinstance(error, BrokenExecutor)
                if broken and self._pools.get(job.short) is job.executor:
                    del self._pools[job.short]
                if broken and jobs.view(job.key).state is State.ABSENT:
                    self._join(job)
                else:
                    del self._jobs[job.key]
                    if error is None and not job.short:
                        self.latest.append(job.key)
                    if error is not None and not isinstance(
                        error, BrokenExecutor | JobCancelledError | BusyError
                    ):
                        self._errors[job.key] = str(error)
            self._hand_out()

    def view(self, key: str, asker: Asker | None = None) -> JobStatus:
        """The state of a job, with what the queue knows; one that a worker is about to begin has
        position 0. Whoever looks, by `asker`, is here."""
        seen = jobs.view(key)
        with self._guard:
            self._see(asker)
            job = self._jobs.get(key)
            if job is not None and seen.state not in (State.DONE, State.RUNNING):
                if (
                    places := self._places.get(job.short)
                ) is None:  # whoever leaves clears them at any moment
                    order = enumerate(self._order(job.short), 1)
                    places = self._places[job.short] = {
                        other.key: place for place, (_, other) in order
                    }
                return JobStatus(key, State.QUEUED, {}, places.get(key, 0))
            if seen.state is State.ABSENT and key in self._errors:
                return JobStatus(key, State.FAILED, {"message": self._errors[key]})
        return seen

    def listed(self) -> list[Listed]:
        """Everything that waits or runs here: what runs, then what waits, by its position."""
        with self._guard:
            everything = [
                Listed(self.view(job.key), job.asked, len(job.wishes))
                for job in self._jobs.values()
            ]
        return sorted(everything, key=lambda one: (one.status.position, one.asked))

    def long_jobs(self) -> int:
        """How many long jobs wait or run here."""
        with self._guard:
            return sum(not job.short for job in self._jobs.values())

    def slow_jobs(self) -> int:
        """How many of the long jobs take longer than seconds: quick ones need not make room for
        each other."""
        with self._guard:
            return sum(not (job.short or job.quick) for job in self._jobs.values())

    def asked_by(self, name: str, short: bool) -> list[str]:
        """Keys of what waits or runs here because this name asked for it first: others who want it
        too ask for free."""
        with self._guard:
            mine = [job for job in self._jobs.values() if next(iter(job.wishes)) == name]
            return [job.key for job in mine if job.short == short]

    def fits(self, address: str, short: bool, most: int) -> bool:
        """Whether no more than so many jobs wait or run here because somebody at an address asked
        for them first, but for those that stay. What waits for who left gives way, of the first to
        leave first."""
        with self._guard:
            theirs = [
                job
                for job in self._jobs.values()
                if job.short == short and self._counts_for(job, address)
            ]
            gone = [
                job
                for job in theirs
                if job.future is None and not any(map(self._present.get, job.wishes))
            ]
            gone.sort(key=lambda job: max(self._left.get(name, 0.0) for name in job.wishes))
            self._drop(gone[: max(0, len(theirs) - most)])
            return len(theirs) - most <= len(gone)

    def _counts_for(self, job: _Job, address: str) -> bool:
        first = next(iter(job.wishes.values()))
        return first.address == address and not any(wish.stays for wish in job.wishes.values())

    def cancel_pending(self, key: str, asker: Asker) -> bool:
        """Take back one asker's wish: the job is cancelled unless somebody else waits for it, who
        is there or left less than `GRACE_SECONDS` ago. False when it goes on, for another asker, or
        because it was started elsewhere, such as on the command line."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None:
                return jobs.view(key).state is not State.RUNNING
            if any(
                self._counts(name, wish) for name, wish in job.wishes.items() if name != asker.name
            ):
                job.wishes.pop(asker.name, None)
                self._places.clear()
                return False
            self.cancel(key)
            return True

    def _counts(self, name: str, wish: _Wish) -> bool:
        """Whether what a name wants still does."""
        just_left = self._clock() - self._left.get(name, -GRACE_SECONDS) < GRACE_SECONDS
        return wish.stays or name in self._present or just_left

    def _drop(self, gone: Iterable[_Job]) -> None:
        for job in gone:
            del self._jobs[job.key]
        self._places.clear()

    def cancel(self, key: str) -> bool:
        """Take a job out of the queue at once, or ask it to stop; False when there is no such
        job."""
        with self._guard:
            job = self._jobs.get(key)
            if job is None or jobs.view(key).state in (State.DONE, State.RUNNING):
                return jobs.cancel(key)
            self._drop([job])
            cancelled = jobs.cancel(key, pending=True)
            if (
                job.future is not None
            ):  # a pool may give nothing back: its worker finds the job cancelled
                job.future.cancel()
            return cancelled


def worker_pool(
    count: int | None = None, *, ends_with_us: bool = False, first: Callable[[], object] = os.getpid
) -> Executor:
    """Worker processes through loky: two on a machine of two cores, one thread and a low priority
    each, pages first. With `ends_with_us` they are killed when this process ends, whatever they are
    at; else it waits for them. Where it is killed itself, they end within seconds. Then `first` is
    the first task of one of them: loky begins a worker anew whose memory grows by 300 MB after its
    first task, so that this one should import what the next ones need.
    """
    from joblib.externals.loky import ProcessPoolExecutor

    # Of workers that loky begins anew because they grew, as they do when they begin to train.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)
    # Two busy OpenMP threads on two busy cores are far slower than one: they wait for each other by
    # spinning.
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    begin = {"initializer": workers.begin, "initargs": (os.getpid(),), "env": one_thread}
    executor: Executor = ProcessPoolExecutor(count or default_workers(), **begin)
    if ends_with_us:
        pool: weakref.ref[Any] = weakref.ref(executor)

        def kill() -> None:
            if (there := pool()) is not None:
                there.shutdown(wait=False, kill_workers=True)

        executor.submit(
            first
        )  # with its first task loky asks to wait for its workers at the end of this process
        # What is asked for later is called earlier. `atexit` is no way: threads are waited for
        # before it.
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
