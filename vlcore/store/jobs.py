"""Jobs that make artefacts: run, reported, followed, cancelled.

The disk is the truth. A job holds a file lock while it works, so that many askers cause one training, and a killed
worker leaves nothing stale: the kernel frees the lock. A job's state follows from what is published, the lock and its
last report each time somebody asks; it is stored nowhere.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vlcore.core.errors import BusyError
from vlcore.core.files import HomeError, make_folder, models_folder, write_json
from vlcore.store import artefacts

LOCK_WAIT = 2.0  # seconds
REPORT_EVERY = 0.3  # seconds


class State(StrEnum):
    """What can be said of a job."""

    DONE = "done"
    RUNNING = "running"
    QUEUED = "queued"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABSENT = "absent"

    @property
    def is_active(self) -> bool:
        return self in (State.RUNNING, State.QUEUED)


class JobCancelledError(RuntimeError):
    """The job was asked to stop."""


Make = Callable[[Path, "Reporter"], dict[str, Any]]


@dataclass(frozen=True)
class JobStatus:
    """What the disk says of a job now. `status` is its latest report."""

    key: str
    state: State
    status: dict[str, Any] = field(default_factory=dict)
    position: int = 0  # in the queue, from 1; 0 when not queued

    @property
    def done(self) -> bool:
        return self.state is State.DONE

    @property
    def fraction(self) -> float:
        """How far the job is, 0 to 1."""
        return min(1.0, max(0.0, float(self.status.get("fraction", 0.0))))


class Reporter:
    """How a job tells the world where it is, and learns that it should stop."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._last = 0.0
        self._status: dict[str, Any] = {"state": State.RUNNING, "started": time.time(), "pid": os.getpid()}

    def __call__(self, *, now: bool = False, **news: Any) -> None:
        """Merge news into the status; written a few times a second at most, at once with `now`.

        Raises:
            JobCancelledError: when the job was cancelled.
        """
        self._status.update(news)
        if now or time.monotonic() - self._last >= REPORT_EVERY:
            self._last = time.monotonic()
            if (self._work / "cancel").exists():
                raise JobCancelledError("The job was cancelled.")
            self._write()

    def counted(self, stage: str, share: float) -> Callable[[int, int], None]:
        """A callback for work that is counted, and is that share of the job: how much is done, of how much."""
        return lambda done, of: self(stage=stage, done=done, of=of, fraction=share * done / max(of, 1))

    def end(self, state: State, message: str) -> None:
        """Leave a last word where a job does not end in an artefact; a full disk takes none."""
        self._status.update(state=state, message=message)
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        write_json(self._work / "status.json", {**self._status, "updated": time.time()})


def work_folder(key: str) -> Path:
    return models_folder() / ".work" / artefacts.check_key(key)


def run(key: str, make: Make) -> str:
    """Make and publish an artefact, unless it is there: ``"trained"`` or ``"cached"``.

    Args:
        key: what to publish under.
        make: fills the folder that it is given, reports, and returns facts for the manifest.

    Raises:
        BusyError: when another process or thread is at it.
        JobCancelledError: when it was cancelled.
        HomeError: when the store cannot be written.
    """
    if artefacts.published(key):
        return "cached"
    make_folder(models_folder())
    work = make_folder(work_folder(key))
    try:
        with FileLock(work / "lock", timeout=LOCK_WAIT):
            if artefacts.published(key):
                return "cached"
            return _work(key, make, work)
    except Timeout:
        raise BusyError(f"{key} is being trained by another process; wait for it or cancel it.") from None


def _work(key: str, make: Make, work: Path) -> str:
    for leftover in work.glob("out-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    report = Reporter(work)
    out = work / f"out-{os.getpid()}-{threading.get_ident()}"
    try:
        report(now=True, stage="starting", fraction=0.0)
        out.mkdir()
        facts = make(out, report)
        artefacts.publish(key, out, facts)
    except JobCancelledError as error:
        report.end(State.CANCELLED, str(error))
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error))
        sentence = str(error) if isinstance(error, HomeError) else f"{models_folder()} cannot be written: {reason}."
        report.end(State.FAILED, sentence)
        raise HomeError(sentence) from error
    except Exception as error:
        (work / "log.txt").write_text(traceback.format_exc())
        known = isinstance(error, ValueError)
        report.end(
            State.FAILED, str(error) if known else f"It failed unexpectedly ({type(error).__name__}); see log.txt."
        )
        raise
    finally:
        shutil.rmtree(out, ignore_errors=True)
    (work / "status.json").unlink(missing_ok=True)
    return "trained"


def view(key: str) -> JobStatus:
    """The state of a job, derived from the disk. (What is queued, only its queue knows: `JobQueue.view`.)"""
    if artefacts.published(key):
        return JobStatus(key, State.DONE)
    work = work_folder(key)
    status = _status(work)
    state = status.get("state")
    if state == State.RUNNING and not _is_locked(work):  # it has just been published, or was killed
        return JobStatus(key, State.DONE if artefacts.published(key) else State.INTERRUPTED, status)
    if state in (State.RUNNING, State.FAILED, State.CANCELLED):
        return JobStatus(key, State(state), status)
    return JobStatus(key, State.ABSENT)


def _status(work: Path) -> dict[str, Any]:
    try:
        status = json.loads((work / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return status if isinstance(status, dict) else {}


def _is_locked(work: Path) -> bool:
    try:
        with _one_look, FileLock(work / "lock", timeout=0):
            return False
    except (Timeout, OSError):
        return True


_one_look = threading.Lock()  # looking takes the file lock for a moment: two at once would see each other


def cancel(key: str, *, pending: bool = False) -> bool:
    """Ask a job to stop; False when it does not run.

    Args:
        key: of the job.
        pending: whether it waits for a worker, who is then to find that it was cancelled.
    """
    running = view(key).state is State.RUNNING
    if not (running or pending):
        return False
    work = make_folder(work_folder(key))
    (work / "cancel").touch()
    if not running:
        Reporter(work).end(State.CANCELLED, "The job was cancelled.")
    return True


def clear_last_failure(key: str) -> None:
    """Remove the last word of an earlier attempt; whoever asks for a job calls this first.

    What a job that runs now reports stays.
    """
    if view(key).state is State.RUNNING:
        return
    for name in ("status.json", "cancel"):
        with suppress(NotADirectoryError):  # then there is nothing to clear; `run` says what is wrong
            (work_folder(key) / name).unlink(missing_ok=True)


def active_and_ended() -> list[JobStatus]:
    """The state of every job that left something in the work folder and is not published."""
    seen = [view(path.name) for path in sorted((models_folder() / ".work").glob("*")) if path.is_dir()]
    return [one for one in seen if one.state not in (State.DONE, State.ABSENT)]


def clean() -> list[str]:
    """Remove what is left over of jobs that no longer run, and what was set aside; returns the names removed."""
    removed = []
    for work in sorted((models_folder() / ".work").glob("*")):
        try:
            with FileLock(work / "lock", timeout=0):
                leftovers = [path for path in work.iterdir() if path.name != "lock"]
                for path in leftovers:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed += [work.name] if leftovers else []
        except Timeout:
            continue
    for path in sorted((models_folder() / ".quarantine").glob("*")):
        shutil.rmtree(path)
        removed.append(path.name)
    return removed
