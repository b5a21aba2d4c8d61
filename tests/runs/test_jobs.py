"""Jobs: many askers cause one training, a killed one leaves nothing stale, and the disk says what is going on."""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from vlcore.home import HomeError, models_folder
from vlcore.runs import jobs, store
from vlcore.runs.jobs import BusyError, JobCancelledError, JobQueue, Reporter, State

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds that a test waits for another thread or process before it fails

# What a child process of a test begins with: a home from the environment, and one word a line each way.
CHILD = """
import sys, threading, time
from pathlib import Path
from vlcore.runs import jobs
scratch = Path(sys.argv[1])
def say(word): print(word, flush=True)
def hear(): return sys.stdin.readline().strip()
"""


def until(true: Callable[[], Any]) -> None:
    """Wait for something that another thread or process does; fail when it takes far too long."""
    ends = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < ends, "waited too long"
        pause.wait(0.01)


def child(script: str, scratch: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + script, str(scratch)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    with process:  # closes its pipes too
        out, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, out


def make(out: Path, report: Reporter) -> dict[str, Any]:
    """The least that a job can do."""
    report(stage="making", fraction=0.5)
    (out / "metrics.json").write_text("{}")
    return {"seconds": 0}


def leftovers(key: str) -> list[Path]:
    return list(jobs.work_folder(key).glob("out-*"))


def claim(key: str, **status: Any) -> None:
    """Leave a status as a job would."""
    jobs.work_folder(key).mkdir(parents=True, exist_ok=True)
    (jobs.work_folder(key) / "status.json").write_text(json.dumps(status))


# --- one asker


def test_a_job_publishes_what_it_made_and_is_cached_after(empty_home: Path) -> None:
    assert jobs.view("a-key").state is State.ABSENT
    assert jobs.run("a-key", make) == "trained"
    assert jobs.view("a-key").done
    assert store.read("a-key").manifest["seconds"] == 0
    assert leftovers("a-key") == []
    assert jobs.run("a-key", lambda *_: pytest.fail("made again")) == "cached"
    assert jobs.active_and_ended() == []


def test_while_it_works_it_is_seen_running_with_its_report(empty_home: Path) -> None:
    seen = []

    def slow(out: Path, report: Reporter) -> dict[str, Any]:
        report(stage="training", fraction=0.25, now=True)
        seen.extend([jobs.view("a-key"), *jobs.active_and_ended()])
        return make(out, report)

    jobs.run("a-key", slow)
    assert [view.state for view in seen] == [State.RUNNING] * 2
    assert seen[0].fraction == 0.25
    assert seen[0].status["stage"] == "training"
    assert seen[0].status["pid"] == os.getpid()
    assert seen[0].status["started"] <= seen[0].status["updated"]


def test_a_known_error_is_shown_as_its_sentence(empty_home: Path) -> None:
    def fails(out: Path, report: Reporter) -> dict[str, Any]:
        (out / "half").write_text("of it")
        raise ValueError("The image set is empty; choose another.")

    with pytest.raises(ValueError, match="choose another"):
        jobs.run("a-key", fails)
    seen = jobs.view("a-key")
    assert (seen.state, seen.status["message"]) == (State.FAILED, "The image set is empty; choose another.")
    assert "in fails" in (jobs.work_folder("a-key") / "log.txt").read_text()
    assert leftovers("a-key") == []
    assert store.published_keys() == []
    assert [view.key for view in jobs.active_and_ended()] == ["a-key"]
    assert jobs.run("a-key", make) == "trained"


def test_an_unknown_error_points_to_the_log(empty_home: Path) -> None:
    def fails(out: Path, report: Reporter) -> dict[str, Any]:
        raise KeyError("secret detail")

    with pytest.raises(KeyError):
        jobs.run("a-key", fails)
    assert jobs.view("a-key").status["message"] == "It failed unexpectedly (KeyError); see log.txt."
    assert "secret detail" in (jobs.work_folder("a-key") / "log.txt").read_text()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "{models} cannot be written: the disk is full."),
        (OSError(errno.EROFS, "Read-only file system"), "{models} cannot be written: Read-only file system."),
        (OSError("no number"), "{models} cannot be written: no number."),
        (HomeError("/data cannot be written; make room."), "/data cannot be written; make room."),
    ],
)
def test_a_disk_that_takes_nothing_is_one_sentence(empty_home: Path, error: OSError, sentence: str) -> None:
    def fails(out: Path, report: Reporter) -> dict[str, Any]:
        (out / "half").write_text("of it")
        raise error

    with pytest.raises(HomeError) as caught:
        jobs.run("a-key", fails)
    expected = sentence.format(models=models_folder())
    assert str(caught.value) == expected
    assert jobs.view("a-key").status["message"] == expected
    assert leftovers("a-key") == []
    assert store.published_keys() == []


def test_a_disk_so_full_that_no_last_word_fits(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jobs, "write_json", full)
    with pytest.raises(HomeError, match="the disk is full"):
        jobs.run("a-key", make)
    assert jobs.view("a-key").state is State.ABSENT
    assert leftovers("a-key") == []


def test_a_models_folder_that_is_none(empty_home: Path) -> None:
    models_folder().write_text("a file")
    assert jobs.view("a-key").state is State.ABSENT
    jobs.forget("a-key")
    with pytest.raises(HomeError, match=r"cannot be written \(.*\); make it writable or point VLCORE_HOME to another"):
        jobs.run("a-key", make)
    assert jobs.active_and_ended() == jobs.clean() == []


# --- cancel and retry


def test_cancel_publishes_nothing_and_can_be_retried(empty_home: Path) -> None:
    def cancelled(out: Path, report: Reporter) -> dict[str, Any]:
        make(out, report)
        assert jobs.cancel("a-key")
        report(now=True)
        pytest.fail("went on")

    with pytest.raises(JobCancelledError, match=r"The job was cancelled\."):
        jobs.run("a-key", cancelled)
    seen = jobs.view("a-key")
    assert (seen.state, seen.status["message"]) == (State.CANCELLED, "The job was cancelled.")
    assert leftovers("a-key") == []
    assert store.published_keys() == []
    with pytest.raises(JobCancelledError):  # what asked it to stop still stands
        jobs.run("a-key", make)
    jobs.forget("a-key")
    assert jobs.view("a-key").state is State.ABSENT
    assert jobs.run("a-key", make) == "trained"


@pytest.mark.parametrize("state", [None, "failed", "cancelled", "running"])
def test_what_does_not_run_cannot_be_cancelled(empty_home: Path, state: str | None) -> None:
    if state:
        claim("a-key", state=state)
    assert not jobs.cancel("a-key")
    assert not (jobs.work_folder("a-key") / "cancel").exists()


def test_forget_takes_away_the_last_word_alone(empty_home: Path) -> None:
    claim("a-key", state="failed", message="It failed.")
    (jobs.work_folder("a-key") / "log.txt").write_text("why")
    jobs.forget("a-key")
    jobs.forget("never-there")
    assert [path.name for path in jobs.work_folder("a-key").iterdir()] == ["log.txt"]


# --- many askers


def test_thirty_threads_and_five_processes_make_it_once(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is first works until somebody else was told that it is busy, so the race is real whoever wins."""
    script = """
    made, busy = scratch / "made", scratch / "busy"

    def work(out, report):
        with made.open("a") as file:
            file.write("once\\n")
        ends = time.monotonic() + 60
        while not busy.exists() and time.monotonic() < ends:
            threading.Event().wait(0.01)
        (out / "metrics.json").write_text("{}")
        return {}

    def ask():
        answers = []
        while not answers or answers[-1] == "busy":
            try:
                answers.append(jobs.run("a-key", work))
            except jobs.BusyError:
                busy.touch()
                answers.append("busy")
        return answers
    """
    script = "\n".join(line[4:] for line in script.splitlines())
    here: dict[str, Any] = {"scratch": empty_home, "jobs": jobs, "threading": threading, "time": time}
    exec(compile(script, "askers", "exec"), here)  # the same text here and in the children
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0.2)
    others = [
        child(script + "jobs.LOCK_WAIT = 0.2\nsay('ready')\nhear()\nsay(' '.join(ask()))", empty_home) for _ in range(5)
    ]
    for other in others:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(30) as pool:
        together = threading.Barrier(30)
        threads = [pool.submit(lambda: (together.wait(PATIENCE), here["ask"]())[1]) for _ in range(30)]
        for other in others:
            assert other.stdin is not None
            other.stdin.write("go\n")
            other.stdin.flush()
        answers = [thread.result(timeout=PATIENCE) for thread in threads]
    for other in others:
        code, out = ended(other)
        assert code == 0
        answers.append(out.split())
    assert (empty_home / "made").read_text() == "once\n"
    assert len(answers) == 35
    assert sorted(answer[-1] for answer in answers) == ["cached"] * 34 + ["trained"]
    assert any(answer[0] == "busy" for answer in answers)
    assert {word for answer in answers for word in answer[:-1]} == {"busy"}


def test_busy_is_one_sentence(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LOCK_WAIT", 0)

    def again(out: Path, report: Reporter) -> dict[str, Any]:
        with pytest.raises(BusyError) as caught:
            jobs.run("a-key", make)
        assert str(caught.value) == "a-key is being trained by another process; wait for it or cancel it."
        return make(out, report)

    assert jobs.run("a-key", again) == "trained"


def test_whoever_waited_for_the_lock_finds_it_published(empty_home: Path) -> None:
    working, asked = threading.Event(), threading.Event()

    def slow(out: Path, report: Reporter) -> dict[str, Any]:
        working.set()
        assert asked.wait(PATIENCE)
        return make(out, report)

    def second() -> str:
        assert working.wait(PATIENCE)
        asked.set()
        return jobs.run("a-key", lambda *_: pytest.fail("made again"))

    with ThreadPoolExecutor(2) as pool:
        first, other = pool.submit(jobs.run, "a-key", slow), pool.submit(second)
        assert (first.result(PATIENCE), other.result(PATIENCE)) == ("trained", "cached")


def test_a_killed_process_shows_as_interrupted_and_its_key_is_free(empty_home: Path) -> None:
    process = child(
        """
def work(out, report):
    (out / "half").write_text("of it")
    report(stage="training", fraction=0.4, now=True)
    say("working")
    hear()
jobs.run("a-key", work)
""",
        empty_home,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    assert jobs.view("a-key").state is State.RUNNING
    assert jobs.clean() == [], "a locked job is left alone"
    assert len(leftovers("a-key")) == 1
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    seen = jobs.view("a-key")
    assert (seen.state, seen.fraction) == (State.INTERRUPTED, 0.4)
    assert store.published_keys() == []
    (old,) = leftovers("a-key")

    def looks(out: Path, report: Reporter) -> dict[str, Any]:
        assert leftovers("a-key") == [out]
        assert out != old
        return make(out, report)

    assert jobs.run("a-key", looks) == "trained"
    assert leftovers("a-key") == []
    assert jobs.view("a-key").done


# --- what the disk says


@pytest.mark.parametrize(
    ("status", "locked", "state"),
    [
        ({"state": "running", "fraction": 0.5}, True, State.RUNNING),
        ({"state": "running"}, False, State.INTERRUPTED),
        ({"state": "failed", "message": "It failed."}, False, State.FAILED),
        ({"state": "cancelled"}, False, State.CANCELLED),
        ({"state": "failed"}, True, State.FAILED),  # somebody starts again and has not said so yet
        ({"state": "done"}, False, State.ABSENT),
        ({"state": "nonsense"}, False, State.ABSENT),
        ({}, True, State.ABSENT),
        (["not", "a", "status"], False, State.ABSENT),
        (None, False, State.ABSENT),
    ],
)
def test_the_state_follows_from_status_and_lock(empty_home: Path, status: Any, locked: bool, state: State) -> None:
    folder = jobs.work_folder("a-key")
    folder.mkdir(parents=True)
    (folder / "status.json").write_text("{" if status is None else json.dumps(status))
    lock = FileLock(folder / "lock")
    if locked:
        lock.acquire()
    try:
        seen = jobs.view("a-key")
        assert seen.state is state
        assert seen.position == 0
        assert seen.status == ({} if state is State.ABSENT else status)
        assert [view.key for view in jobs.active_and_ended()] == ([] if state is State.ABSENT else ["a-key"])
    finally:
        lock.release()


def test_published_beats_whatever_else_is_said(empty_home: Path) -> None:
    jobs.run("a-key", make)
    claim("a-key", state="failed", message="It failed.")
    assert jobs.view("a-key") == jobs.View("a-key", State.DONE)
    assert jobs.active_and_ended() == []


def test_published_between_two_looks(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claim("a-key", state="running")
    monkeypatch.setattr(jobs, "_is_locked", lambda _work: jobs.run("a-key", make) != "trained")
    assert jobs.view("a-key").state is State.DONE


def test_two_who_look_at_once_do_not_take_each_other_for_the_job(empty_home: Path) -> None:
    claim("a-key", state="running")
    together = threading.Barrier(8)

    def look() -> set[State]:
        together.wait(PATIENCE)
        return {jobs.view("a-key").state for _ in range(40)}

    with ThreadPoolExecutor(8) as pool:
        seen = [pool.submit(look) for _ in range(8)]
        assert set().union(*(future.result(PATIENCE) for future in seen)) == {State.INTERRUPTED}


@pytest.mark.parametrize(("told", "shown"), [(-1, 0.0), (0.3, 0.3), (7, 1.0)])
def test_a_progress_bar_gets_a_share(told: float, shown: float) -> None:
    assert jobs.View("a-key", State.RUNNING, {"fraction": told}).fraction == shown
    assert jobs.View("a-key", State.RUNNING).fraction == 0.0


def test_only_running_and_queued_are_active() -> None:
    assert {state for state in State if state.is_active} == {State.RUNNING, State.QUEUED}
    assert [state for state in State if jobs.View("a-key", state).done] == [State.DONE]


# --- reports


def status_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "status.json").read_text())


def test_reports_are_held_back_and_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "REPORT_EVERY", 1e9)
    report = Reporter(tmp_path)
    report(step=1, loss=0.5)
    assert not (tmp_path / "status.json").exists()
    report(step=2, now=True)
    assert {name: status_in(tmp_path)[name] for name in ("state", "step", "loss")} == {
        "state": "running", "step": 2, "loss": 0.5,
    }  # fmt: skip
    report(step=3)
    assert status_in(tmp_path)["step"] == 2
    monkeypatch.setattr(jobs, "REPORT_EVERY", 0.0)
    report(loss=0.25)
    assert (status_in(tmp_path)["step"], status_in(tmp_path)["loss"]) == (3, 0.25)


def test_a_report_that_is_held_back_does_not_look_for_a_cancel_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "REPORT_EVERY", 1e9)
    report = Reporter(tmp_path)
    (tmp_path / "cancel").touch()
    report(step=1)
    with pytest.raises(JobCancelledError):
        report(step=2, now=True)
    assert not (tmp_path / "status.json").exists()


news = st.dictionaries(st.sampled_from(["stage", "step", "loss", "curve"]), st.integers() | st.text(), max_size=4)


@given(st.lists(st.tuples(news, st.booleans()), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_the_status_is_the_sum_of_all_news(tmp_path_factory: pytest.TempPathFactory, told: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("work")
    report = Reporter(folder)
    merged: dict[str, Any] = {}
    for entry, now in told:
        report(now=now, **entry)
        merged |= entry
    report.end(State.FAILED, "It failed.")
    status = status_in(folder)
    assert {name: status[name] for name in merged} == merged
    assert (status["state"], status["message"]) == ("failed", "It failed.")
    assert [path.name for path in folder.iterdir()] == ["status.json"], "nothing is left of writing aside"


# --- clean


def test_clean_removes_what_is_left_over_and_what_was_set_aside(empty_home: Path) -> None:
    assert jobs.clean() == []
    jobs.run("a-key", make)
    claim("failed-key", state="failed")
    (jobs.work_folder("failed-key") / "out-1-1").mkdir()
    (jobs.work_folder("failed-key") / "out-1-1" / "half").write_text("of it")
    claim("locked-key", state="running")
    jobs.run("damaged-key", make)
    aside = store.quarantine("damaged-key")
    with FileLock(jobs.work_folder("locked-key") / "lock"):
        assert jobs.clean() == ["failed-key", aside.name]
        assert jobs.view("locked-key").state is State.RUNNING
    assert jobs.view("failed-key").state is State.ABSENT
    assert not aside.exists()
    assert store.published_keys() == ["a-key"]
    assert jobs.clean() == ["locked-key"]
    assert jobs.clean() == []


# --- the queue


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
    assert store.published_keys() == []
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


def test_cancel_of_one_that_was_handed_over_but_has_not_begun(empty_home: Path) -> None:
    pool = ByHand()
    queue = JobQueue(lambda: pool)
    queue.submit("a", jobs.run, "a", make)
    assert queue.cancel("a")
    assert queue.view("a").state is State.CANCELLED, "at once"
    assert not queue.cancel("a"), "there is nothing left to cancel"
    pool.work()
    assert queue.view("a").state is State.CANCELLED, "the worker skips it"
    assert store.published_keys() == []
    queue.submit("a", jobs.run, "a", make)
    assert queue.view("a").state is State.QUEUED
    pool.work()
    assert queue.view("a").done


def test_what_was_cancelled_can_be_asked_for_again_before_a_worker_comes_to_it(empty_home: Path) -> None:
    pool = ByHand()
    queue = JobQueue(lambda: pool)
    queue.submit("a", jobs.run, "a", make)
    queue.cancel("a")
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
        assert not workers.queue.withdraw(key, stranger)
        assert not workers.queue.withdraw(key, student)
        assert not workers.queue.withdraw(key, student)
        assert workers.queue.view(key).state is state
    assert workers.queue.withdraw("b", teacher)
    assert workers.queue.view("b").state is State.CANCELLED
    assert workers.queue.withdraw("a", teacher)
    until(lambda: workers.queue.view("a").state is State.CANCELLED)
    assert workers.begun == ["a"]


def test_an_asker_who_is_gone_holds_nothing_up(workers: Workers) -> None:
    gone, here = Asker(), Asker()
    workers.queue.submit("a", workers.task, "a", asker=gone)
    workers.queue.submit("a", workers.task, "a", asker=here)
    del gone
    gc.collect()
    assert workers.queue.withdraw("a", here)


def test_who_asked_for_an_earlier_attempt_does_not_wait_for_this_one(empty_home: Path) -> None:
    pool, first, second = ByHand(), Asker(), Asker()
    queue = JobQueue(lambda: pool)
    queue.submit("a", jobs.run, "a", make, asker=first)
    queue.cancel("a")
    queue.submit("a", jobs.run, "a", make, asker=second)
    assert queue.withdraw("a", second)
    assert queue.view("a").state is State.CANCELLED


def test_what_was_started_elsewhere_is_not_stopped_by_a_visitor_but_outright(workers: Workers) -> None:
    claim("a", state="running")
    visitor = Asker()
    with FileLock(jobs.work_folder("a") / "lock"):
        workers.queue.submit("a", workers.task, "a", asker=visitor)
        assert not workers.queue.withdraw("a", visitor)
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
    assert len(pools) == jobs.POOLS
    seen = queue.view("a")
    assert seen.state is State.FAILED
    assert seen.status["message"].startswith("The worker processes end before they begin")


def test_real_worker_processes_run_report_and_survive_a_kill(empty_home: Path) -> None:
    """One pool of one process: a job is seen running, is killed with its worker, and who waited goes on."""
    pools: list[Executor] = []

    def new_pool() -> Executor:
        pools.append(jobs.worker_pool(1))
        return pools[-1]

    def task(key: str, go: Path) -> str:
        from vlcore.runs import jobs

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
        makers = {store.read(key).manifest["made_by"] for key in ("a", "b", "c")}
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
        counted.append(jobs.default_workers())
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
queue = jobs.JobQueue(lambda: jobs.worker_pool(1, ends_with_us=True))
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
