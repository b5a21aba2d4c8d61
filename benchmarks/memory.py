"""Memory of a server with one visitor: the first visit to each page, a photo, and trainings.

python -m benchmarks.memory

The server alone is its resident memory after the visit. All processes are the server with its
workers and helpers, at the most during the visit.
"""

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import fresh_home, print_table, resident
from benchmarks.load import Phone
from benchmarks.startup import PAGES, server
from benchmarks.visitors import PAUSE, Browser, connected
from vlcore.artifacts.store import model_keys

SETTLED = 15.0  # seconds for what the server imports beside its first answers
SIZE = re.compile(r"^(\w+): +(\d+) kB$", re.MULTILINE)
TRAININGS = {  # models that are not bundled, as addresses of Train name them
    "a training, pretrained encoders": "seed:7,architecture:pretrained,text:words",
    "a training from scratch": "seed:7,architecture:conv_stem,text:transformer",
}


def processes(parent: int) -> Iterator[int]:
    """A process and all that it began."""
    yield parent
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))


def together(parent: int) -> float:
    """Memory of a process and of all that it began in MB.

    Their own memory is added up. Files that they map, which are mostly the same libraries, count
    once: as many as the process with the most has.
    """
    anonymous, files = 0, [0]
    for process in processes(parent):
        try:
            smaps = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        kilobytes = {name: int(size) for name, size in SIZE.findall(smaps)}
        anonymous += kilobytes["Pss_Anon"] + kilobytes["Pss_Shmem"]
        files.append(kilobytes["Rss"] - kilobytes["Anonymous"])
    return (anonymous + max(files)) * 1024 / 1e6


@contextmanager
def most_memory(process: int) -> Iterator[list[float]]:
    """Watch a process with all that it began; the list has the most MB so far."""
    most = [together(process)]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            most[0] = max(most[0], together(process))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


async def train(visitor: Browser, model: str) -> None:
    before = len(model_keys())
    await visitor.open("Train", model=model)
    await visitor.press("Train this model")
    while len(model_keys()) == before:
        await asyncio.sleep(0.5)


async def visits(port: int, process: int) -> list[tuple[str, str, str]]:
    steps: dict[str, Callable[[Phone], Awaitable[object]]] = {
        page: lambda visitor, page=page: visitor.open(page)
        for page in sorted(PAGES, key="Upload".__eq__)  # last, because it loads torch
    }
    steps["a photo on Upload"] = lambda visitor: visitor.visit(time.monotonic() + 3 * PAUSE)
    for name, model in TRAININGS.items():
        steps[name] = lambda visitor, model=model: train(visitor, model)
    rows = []
    async with connected(Phone, port, 0) as visitor:
        for name, step in steps.items():
            with most_memory(process) as most:
                await step(visitor)
            rows.append((name, f"{resident(process):.0f}", f"{most[0]:.0f}"))
    return rows


def main() -> None:
    with fresh_home(), server() as (_, port, process):
        time.sleep(SETTLED)
        rows = [("at start", f"{resident(process):.0f}", f"{together(process):.0f}")]
        rows += asyncio.run(visits(port, process))
    print_table(("moment", "server, MB", "all processes, most MB"), rows)


if __name__ == "__main__":
    main()
