"""Jobs: many askers cause one training, a killed one leaves nothing, the disk says what goes on."""

import errno
import gc
import json
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from filelock import FileLock

from tests.jobs.children import PATIENCE, child, claim, ended, make, until
from vlcore.artifacts import store
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import HomeError, data_folder, models_folder
from vlcore.jobs import jobs
from vlcore.jobs.jobs import JobCancelledError, Reporter, State


def leftovers(key: str) -> list[Path]:
    return list(jobs.work_folder(key).glob("out-*"))


def test_a_job_is_seen_running_publishes_what_it_made_and_is_cached_after(empty_home: Path) -> None:
    seen = []

    def slow(out: Path, report: Reporter) -> dict[str, Any]:
        report(stage="training", fraction=0.25, now=True)
        seen.extend([jobs.view("a-key"), *jobs.active_and_ended()])
        return make(out, report)

    assert jobs.view("a-key").state is State.ABSENT
    assert jobs.run("a-key", slow) == "trained"
    assert [view.state for view in seen] == [State.RUNNING] * 2
    assert seen[0].status.items() >= {"stage": "training", "pid": os.getpid()}.items()
    assert seen[0].fraction == 0.25
    assert jobs.view("a-key").done
    assert not jobs.work_folder("a-key").exists()
    assert jobs.run("a-key", lambda *_: pytest.fail("made again")) == "cached"
    assert jobs.active_and_ended() == []


MODELS = "{models} cannot be written: "


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("It is empty; choose another."), "It is empty; choose another."),
        (KeyError("secret detail"), "It failed unexpectedly (KeyError); see log.txt."),
        (OSError(errno.ENOSPC, "No space left on device"), f"{MODELS}the disk is full."),
        (OSError("no number"), f"{MODELS}no number."),
        (HomeError("/data cannot be written; make room."), "/data cannot be written; make room."),
    ],
)
def test_errors_are_a_sentence_and_unknown_ones_in_the_log(
    empty_home: Path, error: Exception, sentence: str
) -> None:
    def fails(out: Path, report: Reporter) -> dict[str, Any]:
        (out / "half").write_text("of it")
        raise error

    of_disk, expected = isinstance(error, OSError), sentence.format(models=models_folder())
    with pytest.raises(HomeError if of_disk else type(error)) as caught:
        jobs.run("a-key", fails, title="training of a model")
    assert not of_disk or str(caught.value) == expected
    seen = jobs.view("a-key")
    assert (seen.state, seen.status["message"]) == (State.FAILED, expected)
    assert seen.status["title"] == "training of a model", "whoever reads it later knows what it was"
    if not of_disk:
        log = (jobs.work_folder("a-key") / "log.txt").read_text()
        assert "in fails" in log
        assert str(error) in log
    assert leftovers("a-key") == []
    assert store.published_keys() == []
    assert [view.key for view in jobs.active_and_ended()] == ["a-key"]
    assert jobs.run("a-key", make) == "trained"


def test_a_models_folder_that_is_none(empty_home: Path) -> None:
    models_folder().write_text("a file")
    assert jobs.view("a-key").state is State.ABSENT
    jobs.clear_last_failure("a-key")
    with pytest.raises(HomeError, match=r"cannot be written \(.*\); .* VLCORE_HOME"):
        jobs.run("a-key", make)
    assert jobs.active_and_ended() == jobs.clean_leftovers() == []


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
    jobs.clear_last_failure("a-key")
    assert jobs.view("a-key").state is State.ABSENT
    assert jobs.run("a-key", make) == "trained"


def test_clearing_takes_away_the_last_report_alone(empty_home: Path) -> None:
    claim("a-key", state="failed", message="It failed.")
    (jobs.work_folder("a-key") / "log.txt").write_text("why")
    jobs.clear_last_failure("a-key")
    assert [path.name for path in jobs.work_folder("a-key").iterdir()] == ["log.txt"]
    with claim("a-key", state="running", fraction=0.5):
        jobs.clear_last_failure("a-key")
    assert (jobs.work_folder("a-key") / "status.json").exists()


@pytest.mark.judge
@pytest.mark.processes
def test_thirty_threads_of_five_processes_make_it_once(empty_home: Path) -> None:
    """Whoever is first works until somebody else was told that it is busy, so the race is real
    whoever wins."""
    script = """
from concurrent.futures import ThreadPoolExecutor
made, busy = scratch / "made", scratch / "busy"
jobs.LOCK_WAIT = 0.2
def work(out, report):
    with made.open("a") as file:
        file.write("once\\n")
    ends = time.monotonic() + 60
    while not busy.exists() and time.monotonic() < ends:
        threading.Event().wait(0.01)
    return {}
def ask(_):
    while True:
        try:
            return jobs.run("a-key", work)
        except jobs.BusyError:
            busy.touch()
say("ready")
hear()
with ThreadPoolExecutor(6) as pool:
    say(" ".join(pool.map(ask, range(6))))
"""
    processes, answers = [child(script, empty_home) for _ in range(5)], list[str]()
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        print("go", file=process.stdin, flush=True)
    for process in processes:
        code, out = ended(process)
        assert code == 0
        answers += out.split()
    assert (empty_home / "made").read_text() == "once\n"
    assert (empty_home / "busy").exists()
    assert sorted(answers) == ["cached"] * 29 + ["trained"]


@pytest.mark.judge
@pytest.mark.processes
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
    assert process.stdout.readline() == "working\n"
    assert jobs.view("a-key").state is State.RUNNING
    assert jobs.clean_leftovers() == [], "a locked job is left alone"
    assert len(leftovers("a-key")) == 1
    process.kill()
    assert ended(process)[0] == -signal.SIGKILL
    seen = jobs.view("a-key")
    assert (seen.state, seen.fraction) == (State.INTERRUPTED, 0.4)
    assert store.published_keys() == []
    (old,) = leftovers("a-key")

    def looks(out: Path, report: Reporter) -> dict[str, Any]:
        assert {*leftovers("a-key")} == {old, out}
        return make(out, report)

    assert jobs.run("a-key", looks) == "trained"
    assert leftovers("a-key") == []
    assert jobs.view("a-key").done


@pytest.mark.processes
def test_two_machines_whose_locks_hold_nobody_off_publish_one(empty_home: Path) -> None:
    """Both are at a key at once: at the first, one publishes while the other still writes; at the
    others, both try."""
    script = """
from contextlib import nullcontext
jobs.locked, jobs.DEAD_AFTER = lambda *_: nullcontext(True), 0
def make(out, report):
    (out / "begun").write_text("")
    say("working")
    hear()
    (out / "metrics.json").write_text("{}" * 100_000)
    return {}
for number in range(4):
    say(jobs.run(f"key-{number}", make))
"""
    both, outcomes = [child(script, empty_home) for _ in range(2)], []

    def hear(*processes: subprocess.Popen[str]) -> list[str]:
        return [process.stdout.readline().strip() for process in processes if process.stdout]

    for number in range(4):
        assert hear(*both) == ["working"] * 2
        for process in both:
            print(file=process.stdin, flush=True)
            outcomes += hear(process) if number == 0 else []
        outcomes += sorted(hear(*both), reverse=True) if number else []
        assert store.read(f"key-{number}").manifest["files"].keys() == {"begun", "metrics.json"}
        assert not jobs.work_folder(f"key-{number}").exists()
    assert outcomes == ["trained", "cached"] * 4
    assert [ended(process)[0] for process in both] == [0, 0]


@pytest.mark.parametrize(("silent", "state"), [(0, State.RUNNING), (1000, State.INTERRUPTED)])
def test_a_job_of_another_machine_is_known_by_its_signs_of_life(
    empty_home: Path, silent: int, state: State
) -> None:
    claim("a-key", state="running", host="another")
    report = jobs.work_folder("a-key") / "status.json"
    os.utime(report, (time.time() - silent,) * 2)
    assert jobs.view("a-key").state is state
    if state is State.INTERRUPTED:
        assert jobs.run("a-key", make) == "trained"
    else:
        with pytest.raises(BusyError):
            jobs.run("a-key", make)
        assert jobs.clean_leftovers() == []
        assert jobs.cancel("a-key")


def test_a_file_system_without_locks(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is known by its signs of life there too, which it gives although it does not report."""
    gc.collect()  # locks of earlier tests are released with locks
    monkeypatch.setattr(jobs, "ALIVE_EVERY", 0.01)
    monkeypatch.setattr(
        "fcntl.flock", Mock(side_effect=OSError(errno.ENOSYS, "Function not implemented"))
    )
    report = jobs.work_folder("a-key") / "status.json"

    def slow(out: Path, _: Reporter) -> dict[str, Any]:
        os.utime(report, (0, 0))
        until(lambda: report.stat().st_mtime > 0)
        assert jobs.view("a-key").state is State.RUNNING
        with pytest.raises(BusyError):
            jobs.run("a-key", make)
        return {}

    assert jobs.run("a-key", slow) == "trained"


@pytest.mark.parametrize(
    ("status", "locked", "state"),
    [
        ({"state": "running", "fraction": 0.5}, True, State.RUNNING),
        ({"state": "running"}, False, State.INTERRUPTED),
        ({"state": "failed", "message": "It failed."}, False, State.FAILED),
        ({"state": "cancelled"}, False, State.CANCELLED),
        ({"state": "failed"}, True, State.FAILED),  # somebody starts again and has not said so yet
        ({"state": "nonsense"}, True, State.ABSENT),
        (["not", "a", "status"], False, State.ABSENT),
        (None, False, State.ABSENT),
    ],
)
def test_the_state_follows_from_status_and_lock(
    empty_home: Path, status: Any, locked: bool, state: State
) -> None:
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
        assert [view.key for view in jobs.active_and_ended()] == (
            [] if state is State.ABSENT else ["a-key"]
        )
        assert jobs.cancel("a-key") == (folder / "cancel").exists() == (state is State.RUNNING)
    finally:
        lock.release()


def test_a_job_that_publishes_while_it_is_looked_at_is_done(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim("a-key", state="running")
    monkeypatch.setattr(jobs, "_is_alive", lambda *_: jobs.run("a-key", make) != "trained")
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
    assert jobs.JobStatus("a-key", State.RUNNING, {"fraction": told}).fraction == shown


def test_reports_are_held_back_and_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def written() -> dict[str, Any]:
        return json.loads((tmp_path / "status.json").read_text())

    monkeypatch.setattr(jobs, "REPORT_EVERY", 1e9)
    report = Reporter(tmp_path)
    report(step=1, loss=0.5)
    assert not (tmp_path / "status.json").exists()
    report(step=2, now=True)
    assert written().items() >= {"state": "running", "step": 2, "loss": 0.5}.items()
    (tmp_path / "cancel").touch()
    report(step=3)  # a report that is held back does not look for a cancel either
    assert written()["step"] == 2
    with pytest.raises(JobCancelledError):
        report(now=True)


def test_a_bar_waits_where_the_total_grows(tmp_path: Path) -> None:
    report = Reporter(tmp_path, every=0.0)
    count = report.counted("drawing", share=0.5)
    fractions = []
    for done, total in ((1, 2), (2, 8), (8, 8)):
        count(done, total)
        fractions.append(json.loads((tmp_path / "status.json").read_text())["fraction"])
    assert fractions == [0.25, 0.25, 0.5]


def test_clean_removes_what_is_left_over_and_what_was_set_aside_a_week_ago(
    empty_home: Path,
) -> None:
    jobs.run("a-key", make)
    claim("failed-key", state="failed")
    (jobs.work_folder("failed-key") / "out-1-1").mkdir()
    quarantine = models_folder() / ".quarantine"
    week = 7 * 24 * 3600 * 10**9
    old, new, by_hand = f"b-{time.time_ns() - week}", f"b-{time.time_ns()}", "notes"
    for name in (old, new, by_hand):
        (quarantine / name).mkdir(parents=True)
    with claim("locked-key", state="running"):
        assert jobs.clean_leftovers() == ["failed-key", old]
        assert jobs.view("locked-key").state is State.RUNNING
    assert jobs.view("failed-key").state is State.ABSENT
    assert sorted(path.name for path in quarantine.iterdir()) == sorted([new, by_hand])
    assert store.published_keys() == ["a-key"]
    assert jobs.clean_leftovers() == ["locked-key"]
    assert list((models_folder() / ".work").iterdir()) == []
    data_folder().mkdir()
    parts = [models_folder() / ".b-key.0a.part", data_folder() / ".recipes.0b.part"]
    parts[0].mkdir()
    (parts[0] / "manifest.json").write_text("{")
    parts[1].write_text("{")
    assert jobs.clean_leftovers() == [], "another process may be at it"
    for part in parts:
        os.utime(part, (0, 0))
    assert jobs.clean_leftovers() == [part.name for part in parts]
    assert not any(part.exists() for part in parts)
    assert store.published_keys() == ["a-key"]
