"""Progress bars on a terminal and in a notebook: of counted work, of trainings, and of a job's
reports."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vlcore.jobs import jobs

POLL = 0.5  # seconds between looks at a job
_LOCK = threading.RLock()


def progress_bar(total: int, name: str, **options: Any) -> Any:
    """A bar of tqdm on standard error or in a notebook; disabled where standard error is a log."""
    from tqdm.auto import tqdm

    # tqdm's own lock is shared with forked workers: one that is killed while it holds it would stop
    # every bar, and whoever waits for it, for good.
    if not isinstance(tqdm.get_lock(), type(_LOCK)):
        tqdm.set_lock(_LOCK)
    # None shows the bar on a terminal only, which a notebook is not.
    disable = False if "ipykernel" in sys.modules else None
    return tqdm(total=total, desc=name, file=sys.stderr, disable=disable, **options)


@contextmanager
def counted_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for counted work: its callback takes how much is done and the total."""
    with progress_bar(0, name) as bar:

        def show(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        yield show


@contextmanager
def trainings_bar(total: int, name: str) -> Iterator[Callable[[str, str], None]]:
    """A bar of trainings, or a line for each where standard error is a log: its callback takes the
    key and the outcome of each that ends."""
    ended = 0
    with progress_bar(total, name, unit="model") as bar:

        def show(key: str, outcome: str) -> None:
            nonlocal ended
            ended += 1
            bar.update()
            if bar.disable:
                line = f"{name}: {ended} of {total}, {key} {outcome}"
                print(line, file=sys.stderr, flush=True)

        yield show


@contextmanager
def job_bar(key: str) -> Iterator[None]:
    """A bar that reads the reports of a job while this process does it; the last report of an
    earlier attempt is removed."""
    jobs.clear_last_failure(key)
    ended = threading.Event()

    def watch() -> None:
        bar_format = "{desc} {percentage:3.0f}% |{bar}| {elapsed} {postfix}"
        with progress_bar(100, key, bar_format=bar_format) as bar:
            while not ended.wait(POLL):
                job = jobs.view(key)
                bar.n = round(job.fraction * 100)
                bar.set_postfix_str(str(job.status.get("stage", "")))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
