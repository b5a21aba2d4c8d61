"""What holds for every worker process: it ends with the process that began it, however that ends,
and no job keeps it for longer than its kind may."""

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


def begin(server: int) -> None:
    """What a worker begins with, given the process that began it: it gives way to pages, and
    watches that process. The kernel would tell (PR_SET_PDEATHSIG), but also where only the thread
    has ended that began the worker.
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
    """What a task returns that publishes under a key, in a worker that gives it so many seconds:
    then it gets a JobTimeoutError in the middle of whatever it is at, and where that does not end
    it, the worker ends. Elsewhere than in a worker there is no limit, for somebody waits there."""
    if not (_is_worker.is_set() and hasattr(signal, "setitimer")):  # which Windows has not
        return task(*arguments)
    said = (
        f"It took longer than {limit / 60:,.0f} minutes, the most for such a job, and was stopped."
    )

    def stop(*_: object) -> NoReturn:
        raise JobTimeoutError(said)

    def end() -> NoReturn:
        jobs.end_as_failed(key, said)
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
