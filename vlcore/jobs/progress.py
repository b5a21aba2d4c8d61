"""Progress bars, on a terminal and in a notebook: of work that is counted, and of a job by its own
reports."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vlcore.jobs import jobs

POLL = 0.5  # seconds between looks at a job


def progress_bar(total: int, name: str, **options: Any) -> Any:
    """A bar of tqdm's on standard error, or in a notebook; nothing where that is a log."""
    from tqdm.auto import tqdm

    disable = (
        False if "ipykernel" in sys.modules else None
    )  # None: shown on a terminal only, which a notebook is not
    return tqdm(total=total, desc=name, file=sys.stderr, disable=disable, **options)


@contextmanager
def counted_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of work whose length is known when it begins; it is told how much is done, of how
    much."""
    with progress_bar(0, name) as bar:

        def show(done: int, of: int) -> None:
            bar.total, bar.n = of, done
            bar.refresh()

        yield show


def with_bar(key: str, work: Callable[[], str]) -> str:
    """Do a job in this process, as `vlcore.jobs.jobs.run` does, under a bar that reads the job's
    own reports; returns what it returns. The last word of an earlier attempt is removed."""
    jobs.clear_last_failure(key)
    ended = threading.Event()

    def watch() -> None:
        with progress_bar(
            100, key, bar_format="{desc} {percentage:3.0f} % |{bar}| {elapsed} {postfix}"
        ) as bar:
            while not ended.wait(POLL):
                seen = jobs.view(key)
                bar.n = round(seen.fraction * 100)
                bar.set_postfix_str(str(seen.status.get("stage", "")))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        return work()
    finally:
        ended.set()
        watcher.join()
