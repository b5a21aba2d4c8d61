"""The queue: who waits where, who asked, and what happens when workers die."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.store.children import child, claim, ended, make, until
from vlcore.core.errors import BusyError
from vlcore.core.files import models_folder
from vlcore.store import artefacts, jobs
from vlcore.store.jobs import JobCancelledError, Reporter, State
from vlcore.store.queue import POOLS, JobQueue, default_workers, worker_pool


class Workers:
    """A pool of one thread, and tasks that a test can hold up and look at."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self.queue = JobQueue(lambda: self.pool)
        self.begun: list[str] = []
        self.go = threading.Event()

    def task(self, key: str) -> str:
        self.begun.append(key)

        def slow(out: Path, report: Reporter) -> dict[str, Any]:
            while not self.go.wait(0.01):
                report(stage="waiting", now=True)
            return make(out, report)

        return jobs.run(key, slow)

    def submit(self, *keys: str) -> None:
        for key in keys:
            self.queue.submit(key, self.task, key)

    def states(self, *keys: str) -> list[tuple[State, int]]:
        return [(seen.state, seen.position) for seen in map(self.queue.view, keys)]


@pytest.fixture
def workers(empty_home: Path) -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.go.set()
    workers.pool.shutdown()


def test_the_queue_says_who_runs_and_who_waits_where(workers: Workers) -> None:
    workers.submit("a", "b", "c")
    until(lambda: workers.queue.view("a").state is State.RUNNING)
    until(lambda: workers.queue.view("a").status.get("stage") == "waiting")
    assert workers.states("a", "b", "c", "d") == [
        (State.RUNNING, 0), (State.QUEUED, 1), (State.QUEUED, 2), (State.ABSENT, 0),
    ]  # fmt: skip
    workers.go.set()
    until(lambda: workers.queue.view("c").done)
    assert workers.states("a", "b", "c") == [(State.DONE, 0)] * 3
    assert workers.begun == ["a", "b", "c"]


def test_a_key_is_submitted_once_however_many_ask(workers: Workers) -> None:
    workers.submit("a", "b", "a", "b", "b")
    until(lambda: workers.queue.view("a").state is State.RUNNING)
    workers.submit("a", "b")
    workers.go.set()
    until(lambda: workers.queue.view("b").done)
    workers.submit("a", "b", "c")
    until(lambda: workers.queue.view("c").done)
    assert workers.begun == ["a", "b", "c"]


def test_what_another_process_is_at_is_not_queued(workers: Workers) -> None:
    claim("a", state="running")
    with FileLock(jobs.work_folder("a") / "lock"):
        workers.submit("a")
        assert workers.states("a") == [(State.RUNNING, 0)]
    workers.go.set()
    workers.submit("b")
    until(lambda: workers.queue.view("b").done)
    assert workers.begun == ["b"]


def test_cancel_of_one_that_waits(workers: Workers) -> None:
    workers.submit("a", "b", "c")
    until(lambda: workers.queue.view("a").state is State.RUNNING)
    assert workers.queue.cancel("b")
    assert workers.states("b", "c") == [(State.CANCELLED, 0), (State.QUEUED, 1)]
    assert not workers.queue.cancel("b"), "there is nothing left to cancel"
    workers.submit("b")  # and it can be asked for again
    assert workers.states("c", "b") == [(State.QUEUED, 1), (State.QUEUED, 2)]
    workers.go.set()
    until(lambda: workers.queue.view("b").done)
    assert workers.begun == ["a", "c", "b"]


def test_cancel_of_the_one_that_runs_and_retry(workers: Workers) -> None:
    workers.submit("a")
    until(lambda: workers.queue.view("a").state is State.RUNNING)
    assert workers.queue.cancel("a")
    until(lambda: workers.queue.view("a").state is State.CANCELLED)
    assert artefacts.published_keys() == []
    workers.go.set()
    workers.submit("a")
    until(lambda: workers.queue.view("a").done)
    assert workers.begun == ["a", "a"]


class ByHand(Executor):
    """An executor as its user sees a process pool: it has taken the tasks, and the test says what becomes of them."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.tasks: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.refuses = refuses

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        if self.refuses:
            raise self.refuses
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # handed over: it cannot be taken back
        self.tasks.append((future, lambda: task(*arguments, **options)))
        return future

    def work(self) -> None:
        """Do everything that was handed over."""
        while self.tasks:
            future, task = self.tasks.pop(0)
            try:
                result = task()
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)

    def break_down(self) -> None:
        self.refuses = BrokenProcessPool("A worker was killed.")
        broken, self.tasks = self.tasks, []
        for future, _ in broken:
            future.set_exception(self.refuses)


@pytest.mark.parametrize("looked_at", [True, False])
def test_cancel_of_one_that_was_handed_over_but_has_not_begun(empty_home: Path, looked_at: bool) -> None:
    pool = ByHand()
    queue = JobQueue(lambda: pool)
    queue.submit("a", jobs.run, "a", make)
    assert queue.cancel("a")
    assert queue.view("a").state is State.CANCELLED, "at once"
    assert not queue.cancel("a"), "there is nothing left to cancel"
    if looked_at:
        pool.work()
        assert queue.view("a").state is State.CANCELLED, "the worker skips it"
        assert artefacts.published_keys() == []
    queue.submit("a", jobs.run, "a", make)
    assert queue.view("a").state is State.QUEUED
    pool.work()
    assert queue.view("a").done


class Asker:
    """A visitor: any object will do that can be referred to weakly."""


def test_a_job_goes_on_while_somebody_else_waits_for_it(workers: Workers) -> None:
    teacher, student, stranger = Asker(), Asker(), Asker()
    for asker in (teacher, student):
        workers.queue.submit("a", workers.task, "a", asker=asker)
        workers.queue.submit("b", workers.task, "b", asker=asker)
    until(lambda: workers.queue.view("a").status.get("stage") == "waiting")
    for key, state in (("a", State.RUNNING), ("b", State.QUEUED)):
        assert not workers.queue.cancel_pending(key, stranger)
        assert not workers.queue.cancel_pending(key, student)
        assert not workers.queue.cancel_pending(key, student)
        assert workers.queue.view(key).state is state
    assert workers.queue.cancel_pending("b", teacher)
    assert workers.queue.view("b").state is State.CANCELLED
    assert workers.queue.cancel_pending("a", teacher)
    until(lambda: workers.queue.view("a").state is State.CANCELLED)
    assert workers.begun == ["a"]


def test_an_asker_who_is_gone_holds_nothing_up(workers: Workers) -> None:
    gone, here = Asker(), Asker()
    workers.queue.submit("a", workers.task, "a", asker=gone)
    workers.queue.submit("a", workers.task, "a", asker=here)
    del gone
    gc.collect()
    assert workers.queue.cancel_pending("a", here)


def test_who_asked_for_an_earlier_attempt_does_not_wait_for_this_one(empty_home: Path) -> None:
    pool, first, second = ByHand(), Asker(), Asker()
    queue = JobQueue(lambda: pool)
    queue.submit("a", jobs.run, "a", make, asker=first)
    queue.cancel("a")
    queue.submit("a", jobs.run, "a", make, asker=second)
    assert queue.cancel_pending("a", second)
    assert queue.view("a").state is State.CANCELLED


def test_what_was_started_elsewhere_is_not_stopped_by_a_visitor_but_outright(workers: Workers) -> None:
    claim("a", state="running")
    visitor = Asker()
    with FileLock(jobs.work_folder("a") / "lock"):
        workers.queue.submit("a", workers.task, "a", asker=visitor)
        assert not workers.queue.cancel_pending("a", visitor)
        assert not (jobs.work_folder("a") / "cancel").exists()
        assert workers.queue.cancel("a")
        assert (jobs.work_folder("a") / "cancel").exists()


def test_short_jobs_do_not_wait_for_long_ones(empty_home: Path) -> None:
    long_pool, short_pool = ByHand(), ByHand()
    queue = JobQueue(lambda: long_pool, lambda: short_pool)
    for key, short in (("a", False), ("b", False), ("c", True), ("d", True)):
        queue.submit(key, jobs.run, key, make, short=short)
    assert [queue.view(key).position for key in "abcd"] == [1, 2, 1, 2]
    short_pool.work()
    assert [queue.view(key).state for key in "abcd"] == [State.QUEUED] * 2 + [State.DONE] * 2
    long_pool.work()
    assert queue.view("b").done


def test_an_error_that_could_not_be_written_is_shown_all_the_same(empty_home: Path) -> None:
    models_folder().write_text("a file")
    pool = ByHand()
    queue = JobQueue(lambda: pool)
    queue.submit("a", jobs.run, "a", make)
    pool.work()
    seen = queue.view("a")
    assert seen.state is State.FAILED
    assert "make it writable" in seen.status["message"]
    models_folder().unlink()
    queue.submit("a", jobs.run, "a", make)
    assert queue.view("a").state is State.QUEUED
    pool.work()
    assert queue.view("a").done


@pytest.mark.parametrize("error", [JobCancelledError("The job was cancelled."), BusyError("a is being trained.")])
def test_cancelled_and_busy_are_no_failures(empty_home: Path, error: Exception) -> None:
    def fails() -> None:
        raise error

    pool = ByHand()
    queue = JobQueue(lambda: pool)
    queue.submit("a", fails)
    pool.work()
    assert queue.view("a").state is State.ABSENT


def test_when_a_pool_breaks_the_waiting_go_on_in_one_new_pool(empty_home: Path) -> None:
    pools: list[ByHand] = []

    def new_pool() -> ByHand:
        pools.append(ByHand())
        return pools[-1]

    queue = JobQueue(new_pool)
    for key in ("a", "b", "c", "d"):
        queue.submit(key, jobs.run, key, make)
    claim("a", state="running")  # it had begun; its lock went with it
    pools[0].break_down()
    assert queue.view("a").state is State.INTERRUPTED
    assert [queue.view(key).position for key in ("b", "c", "d")] == [1, 2, 3]
    assert len(pools) == 2, "one new pool, not one for each that waited"
    pools[1].work()
    assert [queue.view(key).state for key in ("a", "b", "c", "d")] == [State.INTERRUPTED] + [State.DONE] * 3
    queue.submit("a", jobs.run, "a", make)
    pools[1].work()
    assert queue.view("a").done
    assert len(pools) == 2


@pytest.mark.parametrize("error", [BrokenProcessPool("broken"), RuntimeError("cannot schedule after shutdown")])
def test_a_pool_that_takes_no_more_is_made_anew(empty_home: Path, error: Exception) -> None:
    pools = [ByHand(refuses=error), ByHand()]
    waiting = list(pools)
    queue = JobQueue(lambda: waiting.pop(0))
    queue.submit("a", jobs.run, "a", make)
    pools[1].work()
    assert queue.view("a").done


@pytest.mark.parametrize("at_once", [True, False])
def test_pools_that_keep_breaking_end_in_a_sentence(empty_home: Path, at_once: bool) -> None:
    pools: list[ByHand] = []

    def new_pool() -> ByHand:
        pools.append(ByHand(refuses=BrokenProcessPool("broken") if at_once else None))
        return pools[-1]

    queue = JobQueue(new_pool)
    queue.submit("a", jobs.run, "a", make)
    while queue.view("a").state is State.QUEUED:
        pools[-1].break_down()
    assert len(pools) == POOLS
    seen = queue.view("a")
    assert seen.state is State.FAILED
    assert seen.status["message"].startswith("The worker processes end before they begin")


def test_real_worker_processes_run_report_and_survive_a_kill(empty_home: Path) -> None:
    """One pool of one process: a job is seen running, is killed with its worker, and who waited goes on."""
    pools: list[Executor] = []

    def new_pool() -> Executor:
        pools.append(worker_pool(1))
        return pools[-1]

    def task(key: str, go: Path) -> str:
        from vlcore.store import jobs

        def work(out: Path, report: Any) -> dict[str, Any]:
            report(stage="waiting", niceness=os.nice(0), threads=os.environ["OMP_NUM_THREADS"], now=True)
            ends = time.monotonic() + 60
            while not go.exists() and time.monotonic() < ends:
                threading.Event().wait(0.01)
            (out / "metrics.json").write_text("{}")
            return {"made_by": os.getpid()}

        return jobs.run(key, work)

    go = empty_home / "go"
    queue = JobQueue(new_pool)
    try:
        for key in ("a", "b", "c"):
            queue.submit(key, task, key, go)
        until(lambda: queue.view("a").status.get("stage") == "waiting")
        running = queue.view("a")
        assert running.state is State.RUNNING
        assert running.status["pid"] != os.getpid()
        assert running.status["niceness"] > os.nice(0), "pages come first"
        assert running.status["threads"] == "1"
        assert [queue.view(key).position for key in ("b", "c")] == [1, 2]
        os.kill(running.status["pid"], signal.SIGKILL)
        until(lambda: queue.view("a").state is State.INTERRUPTED)
        go.touch()
        until(lambda: queue.view("b").done and queue.view("c").done)
        assert queue.view("a").state is State.INTERRUPTED
        assert len(pools) == 2
        queue.submit("a", task, "a", go)
        until(lambda: queue.view("a").done)
        makers = {artefacts.read(key).manifest["made_by"] for key in ("a", "b", "c")}
        assert makers.isdisjoint({os.getpid(), running.status["pid"]})
        assert len(makers) == 1, "one worker, warm for the next job"
    finally:
        go.touch()  # so that a test that failed does not wait for its workers
        for pool in pools:
            pool.shutdown()


def test_there_is_a_worker_a_core_and_four_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    for cores in (None, 1, 2, 4, 64):
        monkeypatch.setattr(jobs.os, "cpu_count", lambda cores=cores: cores)
        counted.append(default_workers())
    assert counted == [1, 1, 2, 4, 4]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_server(empty_home: Path, sent: signal.Signals) -> None:
    """The server's process ends at once, and its workers with it, though they are in the middle of a job."""
    script = """
import os, signal
def work():
    import os, time
    (scratch / "pid").write_text(str(os.getpid()))
    time.sleep(600)
def leave(*_): raise SystemExit(0)
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGINT, leave)
queue = queues.JobQueue(lambda: queues.worker_pool(1, ends_with_us=True))
queue.submit("a", work)
while not (scratch / "pid").exists(): time.sleep(0.01)
say("working")
hear()
"""
    process = child(script, empty_home)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    worker = int((empty_home / "pid").read_text())
    process.send_signal(sent)
    ended(process)
    until(lambda: not is_alive(worker))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").is_dir() else True
