"""The queue: who waits where, who asked, and what happens when workers die."""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.jobs.children import alive, child, claim, ended, make, until
from vlcore.artifacts import store
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs
from vlcore.jobs.jobs import JobCancelledError, State
from vlcore.jobs.queue import POOLS, JobQueue, worker_pool


class ByHand(Executor):
    """An executor as its user sees a process pool: it has taken the tasks, and the test says what
    becomes of them."""

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


class Pools:
    """A queue over pools by hand: every pool that it made, in order."""

    def __init__(self, *refusals: Exception | None) -> None:
        self.refusals = list(refusals)
        self.made: list[ByHand] = []
        self.queue = JobQueue(self.make, workers=1)

    def make(self) -> ByHand:
        self.made.append(ByHand(self.refusals.pop(0) if self.refusals else None))
        return self.made[-1]

    def ask(self, *keys: str, **options: Any) -> None:
        for key in keys:
            self.queue.submit(key, jobs.run, key, make, **options)

    def states(self, keys: str) -> list[State]:
        return [self.queue.view(key).state for key in keys]

    def keys(self) -> list[str]:
        """What runs or waits, in the order in which it gets a worker."""
        keys = [job.key for job in self.queue.jobs()]
        return sorted(keys, key=lambda key: self.queue.view(key).position)


@pytest.fixture
def pools(empty_home: Path) -> Pools:
    return Pools()


def test_workers_are_prepared_once_and_do_the_first_jobs(pools: Pools) -> None:
    prepared = Mock()
    for _ in range(2):
        pools.queue.prepare(prepared)
    pools.ask("a")
    pools.made[0].work()
    assert pools.states("a") == [State.DONE]
    assert (prepared.call_count, len(pools.made)) == (1, 1)


def test_the_queue_says_who_runs_and_who_waits_where_and_submits_a_key_once(pools: Pools) -> None:
    pools.ask("a", "b", "a", "b", "b", "c")
    with claim("a", state="running"):
        pools.ask("a", "b")
        assert pools.states("abcd") == [State.RUNNING, State.QUEUED, State.QUEUED, State.ABSENT]
        assert [pools.queue.view(key).position for key in "abcd"] == [0, 1, 2, 0]
    assert len(pools.made[0].tasks) == 1, "a pool has no more than its workers can begin"
    assert (pools.keys(), list(pools.queue.latest)) == (["a", "b", "c"], [])
    pools.made[0].work()
    assert pools.states("abc") == [State.DONE] * 3
    assert (pools.keys(), list(pools.queue.latest)) == ([], ["a", "b", "c"])
    pools.ask("a", "b", "d")
    assert len(pools.made[0].tasks) == 1
    assert pools.keys() == ["d"]


def test_what_another_process_is_at_is_not_queued_and_no_visitor_stops_it(pools: Pools) -> None:
    with claim("a", state="running"):
        pools.ask("a", asker="visitor")
        assert pools.states("a") == [State.RUNNING]
        assert not pools.queue.cancel_pending("a", "visitor")
        assert not (jobs.work_folder("a") / "cancel").exists()
        assert pools.queue.cancel("a")
        assert (jobs.work_folder("a") / "cancel").exists()
    assert pools.made == []


def test_cancel_of_one_that_waits_and_of_the_one_that_runs(pools: Pools) -> None:
    pools.ask("a", "b", "c")
    with claim("a", state="running"):
        assert pools.queue.cancel("b")
        assert pools.states("bc") == [State.CANCELLED, State.QUEUED]
        assert not pools.queue.cancel("b"), "there is nothing left to cancel"
        pools.ask("b")  # and it can be asked for again
        assert [pools.queue.view(key).position for key in "cb"] == [1, 2]
        assert pools.queue.cancel("a")
    pools.made[0].work()
    assert pools.states("abc") == [State.CANCELLED, State.DONE, State.DONE]
    pools.ask("a")
    pools.made[0].work()
    assert pools.states("a") == [State.DONE]


def test_a_job_goes_on_while_somebody_else_waits_for_it(pools: Pools) -> None:
    for asker in ("teacher", "student"):
        pools.ask("a", "b", asker=asker)
    with claim("a", state="running"):
        for key in "ab":
            for asker in ("stranger", "student", "student"):
                assert not pools.queue.cancel_pending(key, asker)
        assert pools.states("ab") == [State.RUNNING, State.QUEUED]
        assert all(pools.queue.cancel_pending(key, "teacher") for key in "ab")
    pools.made[0].work()
    assert pools.states("ab") == [State.CANCELLED] * 2
    assert store.published_keys() == []


def test_a_job_counts_for_who_asked_first_and_then_for_the_next(pools: Pools) -> None:
    pools.ask("a", "b", asker="one")
    pools.ask("b", "c", asker="two")
    assert [job.askers[0] for job in pools.queue.jobs()] == ["one", "one", "two"]
    pools.queue.cancel_pending("b", "one")
    assert [job.askers[0] for job in pools.queue.jobs()] == ["one", "two", "two"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*"abcd", "end"]), max_size=60))
def test_visitors_take_turns(monkeypatch: pytest.MonkeyPatch, events: list[str]) -> None:
    """Whoever asks and whenever a worker gets free: nobody who waits sees a second turn of another
    visitor, and who is first by position begins next."""
    monkeypatch.setattr(jobs, "view", lambda key: jobs.JobStatus(key, State.ABSENT))
    monkeypatch.setattr(jobs, "clear_last_failure", lambda key: None)
    pool = ByHand()
    queue = JobQueue(lambda: pool, workers=1)
    asked: list[str] = []
    turns: dict[str, str] = {}  # of others, while one waits
    for number, event in enumerate([*events, *["end"] * len(events)]):
        if event != "end":
            key = f"{event}{number}"
            queue.submit(key, str, key, asker=event)
            asked.append(key)
        elif pool.tasks:
            places = {queue.view(key).position: key for key in asked}
            assert sorted({*places, 0}) == list(range(len({*places, 0})))
            pool.tasks.pop(0)[0].set_result(None)
            asked = [key for key in asked if queue.view(key).state is State.QUEUED]
            if pool.tasks:
                begun = pool.tasks[0][1]()
                assert begun == places[1]
                turns.pop(begun[0], None)
                for key in asked:
                    if key[0] != begun[0]:
                        assert begun[0] not in turns.get(key[0], "")
                for name in {key[0] for key in asked} - {begun[0]}:
                    turns[name] = turns.get(name, "") + begun[0]
    assert pool.tasks == queue.jobs() == []


def test_what_many_want_is_one_job_and_comes_in_the_first_turn_of_any(pools: Pools) -> None:
    pools.ask(*"abcd", asker="busy")
    for number in range(3):
        pools.ask("d", "e", asker=f"student-{number}")
    assert [pools.queue.view(key).position for key in "abcde"] == [0, 1, 3, 2, 4]
    assert len(pools.keys()) == 5


def test_short_jobs_do_not_wait_for_long_ones(empty_home: Path) -> None:
    pools, short_pool = Pools(), ByHand()
    pools.queue = JobQueue(pools.make, lambda: short_pool, workers=1)
    pools.ask("a", "b")
    pools.ask("c", "d", short=True)
    assert [pools.queue.view(key).position for key in "abcd"] == [0, 1, 0, 1]
    short_pool.work()
    assert pools.states("abcd") == [State.QUEUED] * 2 + [State.DONE] * 2
    pools.made[0].work()
    assert pools.states("ab") == [State.DONE] * 2


def test_an_error_that_could_not_be_written_is_shown_all_the_same(pools: Pools) -> None:
    models_folder().write_text("a file")
    pools.ask("a")
    pools.made[0].work()
    seen = pools.queue.view("a")
    assert seen.state is State.FAILED
    assert "make it writable" in seen.status["message"]
    models_folder().unlink()
    pools.ask("a")
    pools.made[0].work()
    assert pools.states("a") == [State.DONE]


@pytest.mark.parametrize("error", [JobCancelledError("Cancelled."), BusyError("It is being made.")])
def test_cancelled_and_busy_are_no_failures(pools: Pools, error: Exception) -> None:
    pools.queue.submit("a", Mock(side_effect=error))
    pools.made[0].work()
    assert pools.states("a") == [State.ABSENT]


def test_when_a_pool_breaks_the_waiting_go_on_in_one_new_pool(pools: Pools) -> None:
    pools.queue = JobQueue(pools.make, workers=3)
    pools.ask("a", "b", "c", "d")
    claim("a", state="running")  # it had begun; its lock went with it
    pools.made[0].break_down()
    assert pools.states("a") == [State.INTERRUPTED]
    assert pools.states("bcd") == [State.QUEUED] * 3
    assert len(pools.made) == 2, "one new pool, not one for each that waited"
    pools.made[1].work()
    assert pools.states("abcd") == [State.INTERRUPTED] + [State.DONE] * 3
    pools.ask("a")
    pools.made[1].work()
    assert pools.states("a") == [State.DONE]
    assert len(pools.made) == 2


@pytest.mark.parametrize("error", [RuntimeError("cannot schedule after shutdown"), None])
def test_a_broken_pool_is_made_anew_and_many_end_in_a_sentence(
    empty_home: Path, error: Exception | None
) -> None:
    pools = Pools(error)
    pools.ask("a")
    pools.made[-1].work()
    assert pools.states("a") == [State.DONE]
    pools = Pools(*[error] * 10)
    pools.ask("b")
    while pools.states("b") == [State.QUEUED]:
        pools.made[-1].break_down()
    assert len(pools.made) == POOLS
    seen = pools.queue.view("b")
    assert seen.state is State.FAILED
    assert seen.status["message"].startswith("The worker processes end before they begin")


@pytest.mark.judge
def test_real_worker_processes_run_report_and_survive_a_kill(empty_home: Path) -> None:
    """One pool of one process: a job is seen running, is killed with its worker, and who waited
    goes on."""
    pools: list[Executor] = []

    def new_pool() -> Executor:
        pools.append(worker_pool(1))
        return pools[-1]

    def task(key: str, go: Path) -> str:
        from vlcore.jobs import jobs

        def work(out: Path, report: Any) -> dict[str, Any]:
            report(
                stage="waiting",
                niceness=os.nice(0),
                threads=os.environ["OMP_NUM_THREADS"],
                now=True,
            )
            ends = time.monotonic() + 60
            while not go.exists() and time.monotonic() < ends:
                threading.Event().wait(0.01)
            (out / "metrics.json").write_text("{}")
            return {"made_by": os.getpid()}

        return jobs.run(key, work)

    go = empty_home / "go"
    queue = JobQueue(new_pool, workers=1)
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
        makers = {store.read(key).manifest["made_by"] for key in ("a", "b", "c")}
        assert makers.isdisjoint({os.getpid(), running.status["pid"]})
        assert len(makers) == 1, "one worker, warm for the next job"
    finally:
        go.touch()  # so that a test that failed does not wait for its workers
        for pool in pools:
            pool.shutdown()


@pytest.mark.judge
def test_workers_end_with_their_server(empty_home: Path) -> None:
    """The server's process ends at once, and its workers with it, though they are in the middle of
    a job."""
    script = """
import os, signal
def work():
    import os, time
    (scratch / "made").write_text(str(os.getpid()))
    (scratch / "made").rename(scratch / "pid")
    time.sleep(600)
def leave(*_): raise SystemExit(0)
signal.signal(signal.SIGTERM, leave)
queue = queues.JobQueue(lambda: queues.worker_pool(1, ends_with_us=True))
queue.submit("a", work)
while not (scratch / "pid").exists(): time.sleep(0.01)
say("working")
hear()
"""
    process = child(script, empty_home)
    assert process.stdout.readline() == "working\n"
    worker = int((empty_home / "pid").read_text())
    process.terminate()
    ended(process)
    until(lambda: not alive(worker))
