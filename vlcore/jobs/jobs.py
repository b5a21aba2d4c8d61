"""Jobs that make artifacts: run, report, view, cancel.

The disk is the truth. A job holds a file lock while it works, so that many askers cause one
training, and a killed worker leaves nothing stale: the kernel frees the lock. A job's state is
derived from published artifacts, the lock and its last report; it is stored nowhere.

Machines that share the disk may not see each other's locks. There a job is known by its signs of
life, the time of its report; where two make the same key all the same, the first one to publish
wins, and the other one finds it cached.
"""

import errno
import json
import os
import platform
import secrets
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import Timeout

from vlcore.artifacts import store
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import (
    HomeError,
    clear_parts,
    data_folder,
    locked,
    make_folder,
    models_folder,
    write_errors,
    write_json,
)

LOCK_WAIT = 2.0  # seconds
REPORT_EVERY = 0.3  # seconds
ALIVE_EVERY = 10.0  # seconds between signs of life
DEAD_AFTER = 90.0  # seconds without one; clocks of machines that share a disk differ less
SET_ASIDE = 7 * 24 * 3600.0  # seconds that a damaged artifact stays, to be examined
HOST = platform.node()
_probe_lock = threading.Lock()  # probing takes the file lock for a moment, which others would see


class State(StrEnum):
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


@dataclass(frozen=True)
class JobStatus:
    """State of a job, derived from the disk; `status` is its latest report."""

    key: str
    state: State
    status: dict[str, Any] = field(default_factory=dict)
    position: int = 0  # in the queue, from 1; 0 when not queued

    @property
    def done(self) -> bool:
        return self.state is State.DONE

    @property
    def fraction(self) -> float:
        """Progress of the job, 0 to 1."""
        if self.done:
            return 1.0
        return min(1.0, max(0.0, float(self.status.get("fraction", 0.0))))


class Reporter:
    """Write the reports of a job, and raise when it was cancelled."""

    def __init__(self, work: Path, every: float | None = None, title: str = "") -> None:
        self._work = work
        self._every = every
        self._last = 0.0
        self._status: dict[str, Any] = {
            "state": State.RUNNING,
            "started": time.time(),
            "host": HOST,
            "pid": os.getpid(),
        }
        if title:
            self._status["title"] = title

    def __call__(self, *, now: bool = False, **news: Any) -> None:
        """Merge news into the status; written a few times a second at most, at once with `now`.

        JobCancelledError when the job was cancelled.
        """
        self._status.update(news)
        every = REPORT_EVERY if self._every is None else self._every
        if now or time.monotonic() - self._last >= every:
            self._last = time.monotonic()
            if (self._work / "cancel").exists():
                raise JobCancelledError("The job was cancelled.")
            self._write()

    def counted(self, stage: str, share: float) -> Callable[[int, int], None]:
        """Make a callback for counted work, given how much is done and the total.

        Args:
            stage: name of the work.
            share: of the job. Where the total grows, the bar waits and does not go back.
        """

        def count(done: int, total: int) -> None:
            fraction = max(self._status.get("fraction", 0.0), share * done / max(total, 1))
            self(stage=stage, done=done, of=total, fraction=fraction)

        return count

    def end(self, state: State, message: str) -> None:
        """Write the last report of a job that ends without an artifact, unless the disk is full."""
        self._status.update(state=state, message=message)
        with suppress(OSError):
            self._write()

    def _write(self) -> None:
        write_json(self._work / "status.json", {**self._status, "updated": time.time()})


def work_folder(key: str) -> Path:
    return models_folder() / ".work" / store.check_key(key)


def run(
    key: str,
    make: Callable[[Path, Reporter], dict[str, Any]],
    fresh: bool = False,
    report_every: float | None = None,
    title: str = "",
) -> str:
    """Make and publish an artifact, unless it is there.

    Args:
        key: of the artifact.
        make: fills a folder, reports, and returns facts for the manifest.
        fresh: make it also where one is bundled.
        report_every: seconds between reports, `REPORT_EVERY` where None.
        title: what the job is, a noun phrase for people.

    Returns:
        ``"trained"`` or ``"cached"``.

    Raises:
        BusyError: another process or thread makes it now.
    """
    is_published = store.made_here if fresh else store.published
    if is_published(key):
        return "cached"
    make_folder(models_folder())
    work = make_folder(work_folder(key))
    busy = BusyError(f"{key} is being made by another process; wait for it or cancel it.")
    try:
        with locked(work / "lock", LOCK_WAIT) as held:
            if is_published(key):
                shutil.rmtree(work, ignore_errors=True)
                return "cached"
            status = _status(work)
            if not (held and status.get("host", HOST) == HOST) and _shows_life(work, status):
                raise busy
            report = Reporter(work, report_every, title)
            return _make_and_publish(key, make, work, is_published, report)
    except Timeout:
        raise busy from None
    except HomeError:
        if is_published(key):  # its publisher removed the folder with the lock
            return "cached"
        raise


def _make_and_publish(
    key: str,
    make: Callable[[Path, Reporter], dict[str, Any]],
    work: Path,
    is_published: Callable[[str], bool],
    report: Reporter,
) -> str:
    started = time.perf_counter()
    ended = threading.Event()
    out = work / f"out-{secrets.token_hex(6)}"
    try:
        make_folder(work)  # publishing or cleaning may have removed it with its lock
        report(now=True, stage="starting", fraction=0.0)
        threading.Thread(target=_show_life, args=(work, ended), daemon=True).start()
        out.mkdir()
        facts = make(out, report)
        seconds = round(time.perf_counter() - started, 2)
        store.publish(key, out, {"seconds": seconds, **facts})
    except JobCancelledError as error:
        report.end(State.CANCELLED, str(error))
        raise
    except Exception as error:
        if is_published(key):  # by another machine, which was faster and has removed the rest
            return "cached"
        if isinstance(error, OSError):
            sentence = _write_failure(error)
            report.end(State.FAILED, sentence)
            raise HomeError(sentence) from error
        with suppress(OSError):
            (work / "log.txt").write_text(traceback.format_exc())
        unexpected = f"It failed unexpectedly ({type(error).__name__}); see log.txt."
        report.end(State.FAILED, str(error) if isinstance(error, ValueError) else unexpected)
        raise
    finally:
        ended.set()
        shutil.rmtree(out, ignore_errors=True)
        # Not earlier: no lock tells a folder that was left behind from one in use.
        if is_published(key):
            shutil.rmtree(work, ignore_errors=True)
    return "trained"


def _write_failure(error: OSError) -> str:
    if isinstance(error, HomeError):
        return str(error)
    reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return f"{models_folder()} cannot be written: {reason}."


def _show_life(work: Path, ended: threading.Event) -> None:
    while not ended.wait(ALIVE_EVERY):
        with suppress(OSError):
            os.utime(work / "status.json")


def view(key: str) -> JobStatus:
    """The state of a job, derived from the disk; what is queued only `JobQueue.view` tells."""
    if store.published(key):
        return JobStatus(key, State.DONE)
    work = work_folder(key)
    status = _status(work)
    state = status.get("state")
    if state == State.RUNNING and not _is_alive(work, status):
        # It has just been published, or was killed.
        return JobStatus(key, State.DONE if store.published(key) else State.INTERRUPTED, status)
    if state in (State.RUNNING, State.FAILED, State.CANCELLED):
        return JobStatus(key, State(state), status)
    return JobStatus(key, State.ABSENT)


def _status(work: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        status = json.loads((work / "status.json").read_text())
        return status if isinstance(status, dict) else {}
    return {}


def _is_alive(work: Path, status: dict[str, Any]) -> bool:
    """Whether a job that reported to run still does: on this machine its lock tells at once."""
    if status.get("host", HOST) == HOST:
        is_held = _is_held(work / "lock")
        if is_held is not None:
            return is_held
    return _shows_life(work, status)


def _is_held(lock: Path) -> bool | None:
    """Whether a process holds a lock; None where there are no locks."""
    try:
        with _probe_lock, locked(lock, 0) as held:
            return False if held else None
    except OSError:  # Timeout is one
        return True


def _shows_life(work: Path, status: dict[str, Any]) -> bool:
    with suppress(OSError):
        seconds = time.time() - (work / "status.json").stat().st_mtime
        # A clock may be set back.
        return status.get("state") == State.RUNNING and abs(seconds) < DEAD_AFTER
    return False


def cancel(key: str, *, pending: bool = False) -> bool:
    """Ask a job to stop; False when it does not run.

    A `pending` job is marked, so that the worker that begins it finds it cancelled.
    """
    running = view(key).state is State.RUNNING
    if running or pending:
        work = make_folder(work_folder(key))
        with _changes():
            (work / "cancel").touch()
        if not running:
            Reporter(work).end(State.CANCELLED, "The job was cancelled.")
    return running or pending


def clear_last_failure(key: str) -> None:
    """Remove the last report of an earlier attempt, before a job is asked for again."""
    if view(key).state is not State.RUNNING:
        # Without a directory there is nothing to clear, and `run` tells what is wrong.
        with _changes(), suppress(NotADirectoryError):
            for name in ("status.json", "cancel"):
                (work_folder(key) / name).unlink(missing_ok=True)


def active_and_ended() -> list[JobStatus]:
    """The state of every job that has a work folder and is not published."""
    folders = [path for path in sorted((models_folder() / ".work").glob("*")) if path.is_dir()]
    statuses = [view(folder.name) for folder in folders]
    return [status for status in statuses if status.state not in (State.DONE, State.ABSENT)]


def clean_leftovers() -> list[str]:
    """Remove the folders of jobs that no longer run, of damaged artifacts after a week, and
    unfinished ones of models and image sets after a day.

    Returns:
        The names that were removed.

    Raises:
        HomeError: the disk lets nothing be removed.
    """
    removed = []
    with _changes():
        for work in sorted((models_folder() / ".work").glob("*")):
            with suppress(Timeout), locked(work / "lock", 0):
                status = _status(work)
                if status.get("host", HOST) != HOST and _shows_life(work, status):
                    continue  # another machine is at it
                if len(os.listdir(work)) > 1:  # more than the lock
                    removed.append(work.name)
                shutil.rmtree(work)
        for path in store.set_aside_before(time.time() - SET_ASIDE):
            shutil.rmtree(path)
            removed.append(path.name)
        for folder in (models_folder(), data_folder()):
            removed += clear_parts(folder)
    return removed


def _changes() -> AbstractContextManager[None]:
    return write_errors(models_folder(), "make it writable")
