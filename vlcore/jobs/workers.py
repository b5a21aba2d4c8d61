"""Worker processes: they end with the process that began them, and stop jobs that take too long."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from vlcore.experiment import limits
from vlcore.experiment.errors import LabError
from vlcore.jobs import jobs

WATCH = 1.0  # seconds between a worker's looks at the process that began it
_is_worker = threading.Event()


class JobTimeoutError(LabError):
    """The job took longer than a job of its kind may."""


def begin_worker(server: int) -> None:
    """Initialise a worker: it gives way to pages, and watches the process `server` that began it.

    PR_SET_PDEATHSIG would do, but also fires where only the thread that began the worker has ended.
    """
    _is_worker.set()
    if hasattr(os, "nice"):  # which Windows has not
        os.nice(10)

    def watch() -> None:
        while os.getppid() == server:
            time.sleep(WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def within(limit: float, key: str, task: Callable[..., Any], *arguments: Any) -> Any:
    """Run a task with a time limit; outside of a worker, where somebody waits, without.

    After `limit` seconds a JobTimeoutError is raised in the task; where that does not end it, the
    worker ends.

    Args:
        limit: in seconds.
        key: that the task publishes under.
        task: called with the arguments.
    """
    if not (_is_worker.is_set() and hasattr(signal, "setitimer")):  # which Windows has not
        return task(*arguments)
    message = (
        f"It took longer than {limit / 60:,.0f} minutes, the most for such a job, and was stopped."
    )

    def stop(*_: object) -> NoReturn:
        raise JobTimeoutError(message)

    def end() -> NoReturn:
        jobs.Reporter(jobs.work_folder(key)).end(jobs.State.FAILED, message)
        os._exit(1)

    last = threading.Timer(limit + limits.JOB_LATE, end)
    last.daemon = True
    last.start()
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit)
        return task(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        last.cancel()
