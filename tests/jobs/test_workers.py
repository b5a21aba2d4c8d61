"""Workers: none outlives the process that began it, and no job keeps one for ever."""

import signal
import threading
import time
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.children import alive, child, ended, make, until
from vlcore.artifacts import store
from vlcore.experiment.files import models_folder
from vlcore.jobs import jobs
from vlcore.jobs.jobs import State
from vlcore.jobs.queue import JobQueue, worker_pool
from vlcore.jobs.workers import JobTimeoutError, within

pytestmark = pytest.mark.judge


def test_workers_end_with_a_server_that_is_killed(empty_home: Path) -> None:
    """In the middle of a job, of which nothing is published; another server then makes it."""
    process = child(
        """
import os
def work(key):
    from vlcore.jobs import jobs
    def make(out, report):
        (out / "half").write_text("of it")
        report(now=True)
        time.sleep(600)
    jobs.run(key, make)
queue = queues.JobQueue(lambda: queues.worker_pool(2, ends_with_us=True), workers=2)
for key in ("a", "b"):
    queue.submit(key, work, key)
while not all(jobs.view(key).state is jobs.State.RUNNING for key in ("a", "b")): time.sleep(0.01)
say("working")
hear()
""",
        empty_home,
    )
    assert process.stdout
    assert process.stdout.readline() == "working\n"
    workers = [int(jobs.view(key).status["pid"]) for key in ("a", "b")]
    assert all(map(alive, workers))
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    until(lambda: not any(map(alive, workers)))
    assert [jobs.view(key).state for key in ("a", "b")] == [State.INTERRUPTED] * 2
    assert store.published_keys() == []
    assert jobs.run("a", make) == "trained"
    assert not jobs.work_folder("a").exists()


def test_a_job_that_takes_too_long_is_stopped_and_its_worker_goes_on(empty_home: Path) -> None:
    def forever(key: str) -> str:
        def work(out: Path, report: Any) -> dict[str, Any]:
            (out / "half").write_text("of it")
            while True:
                threading.Event().wait(0.01)

        return jobs.run(key, work)

    def stubborn(key: str) -> str:
        """Holds out in code that heeds no exception."""
        from vlcore.experiment import limits
        from vlcore.jobs import workers

        def work(out: Path, report: Any) -> dict[str, Any]:
            while True:
                with suppress(JobTimeoutError):
                    time.sleep(600)

        limits.JOB_LATE = 0.3
        return str(workers.within(0.2, key, jobs.run, key, work))

    with worker_pool(1) as pool:
        queue = JobQueue(lambda: pool)
        queue.submit("a", forever, "a", limit=0.3)
        until(lambda: not queue.view("a").state.is_active)
        seen = queue.view("a")
        assert seen.state is State.FAILED
        assert "longer than" in seen.status["message"]
        assert not list(jobs.work_folder("a").glob("out-*"))
        queue.submit("b", jobs.run, "b", make, limit=60)
        until(lambda: queue.view("b").done)
        assert pool.submit(signal.getitimer, signal.ITIMER_REAL).result() == (0.0, 0.0), (
            "no alarm is left"
        )
        with pytest.raises(BrokenExecutor):
            pool.submit(stubborn, "c").result()
    assert jobs.view("c").state is State.FAILED
    assert store.published_keys() == ["b"]


def test_who_is_no_worker_has_no_limit(empty_home: Path) -> None:
    assert within(0.0, "a-key", jobs.run, "a-key", make) == "trained"
    assert models_folder().is_dir()
