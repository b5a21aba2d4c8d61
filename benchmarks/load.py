"""Load of a class: browsers that arrive within five seconds, open Home, go on to Compare and change
a setting there every eight seconds, alone or while models are trained and phones upload images.

python -m benchmarks.load [--browsers 30] [--minutes 1] [--training 2] [--uploading 4] [--leaving]

The browsers are websocket clients that speak Streamlit's protocol and cache large messages by hash,
as its page does; files that come by HTTP, such as Streamlit's own scripts, are not requested. The
models are those of VLCORE_HOME; of the usual image set it needs those that `CHANGES` can ask for,
of seed 0. Trainings are short ones in workers like the server's, measured alone first. A page that
fails, or a phone that is shown another one's image, ends the run. Memory is that of the server's
process, in tenths of the time; with --leaving also three minutes after everybody has left. Figures
are also given as ratios to their aims.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks import FLAG, parse_options, print_aims, processor_seconds
from benchmarks.phones import Phone, trainings_beside
from benchmarks.startup import server
from benchmarks.visitors import Browser, connected

ARRIVAL = 5.0  # seconds in which all arrive
LEFT = 180.0  # seconds: Streamlit keeps the session of a visitor who has left for two minutes
VIEWS = {  # durations that visitors report, by name
    "Home": "first view of Home",
    "Compare": "first view of Compare",
    "change": "change",
    "upload": "upload until placed",
}
AIMS = {  # of the browsers alone, and beside trainings or uploads
    "start to healthy, s": (2.0, None),
    "first view of Home, p95, s": (3.0, 4.0),
    "first view of Compare, p95, s": (3.0, 4.0),
    "change, p50, s": (0.25, None),
    "change, p95, s": (0.8, 1.2),
    "a training beside, as a ratio": (None, 1.5),
    "sent in all, MB": (25.0, None),
    "resident memory, MB": (450.0, None),
    "last tenth, ratio of memory to the second": (1.1, 1.1),
    "all left, ratio of memory to the first tenth": (1.1, 1.1),
}


@dataclass(frozen=True)
class Visit:
    """Durations of one visitor's views, in seconds by kind, and the bytes that it received."""

    durations: dict[str, list[float]]
    received: int


async def arrive(kind: type[Browser], port: int, number: int, delay: float, end: float) -> Visit:
    await asyncio.sleep(delay)
    async with connected(kind, port, number) as browser:
        return Visit(await browser.visit(end), browser.connection.received)


async def crowd(
    port: int, process: int, browsers: int, phones: int, seconds: float
) -> tuple[list[Visit], list[float]]:
    """The visits of all, and the server's memory every two seconds."""
    end = time.monotonic() + seconds
    arrivals = [arrive(Browser, port, n, n * ARRIVAL / browsers, end) for n in range(browsers)]
    arrivals += [arrive(Phone, port, n, ARRIVAL, end) for n in range(phones)]
    visits = asyncio.gather(*arrivals)
    memory = []
    while not visits.done():
        memory.append(resident(process))
        await asyncio.wait([visits], timeout=2.0)
    return await visits, memory


def resident(process: int) -> float:
    """Memory of a process in MB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 1e6


def view_figures(visits: list[Visit]) -> dict[str, float]:
    durations = defaultdict(list)
    for visit in visits:
        for kind, times in visit.durations.items():
            durations[kind] += times
    figures: dict[str, float] = {}
    for kind, name in VIEWS.items():
        if len(durations[kind]) > 1:
            median, slow = np.percentile(durations[kind], [50, 95])
            figures |= {f"{name}, p50, s": median, f"{name}, p95, s": slow}
            figures[f"{kind}s"] = len(durations[kind])
    return figures


def main() -> None:
    options = parse_options(
        __doc__, browsers=30, minutes=1.0, training=0, uploading=0, leaving=FLAG
    )
    with trainings_beside(options.training) as trained, server() as (healthy, port, process):
        with trained.running() if trained else nullcontext():
            load = crowd(port, process, options.browsers, options.uploading, 60 * options.minutes)
            visits, memory = asyncio.run(load)
        busy = processor_seconds(process)
        if options.leaving:
            time.sleep(LEFT)
            left = resident(process)
    cuts = [round(len(memory) * tenth / 10) for tenth in range(11)]
    tenths = [statistics.median(memory[a:b] or memory[-1:]) for a, b in pairwise(cuts)]
    figures = {"start to healthy, s": healthy, **view_figures(visits)}
    if trained:
        figures["a training alone, s"] = alone = statistics.mean(trained.alone)
        if trained.beside:
            figures["a training beside, as a ratio"] = statistics.mean(trained.beside) / alone
    figures["sent in all, MB"] = sum(visit.received for visit in visits) / 1e6
    figures["resident memory, MB"] = memory[-1]
    figures["last tenth, ratio of memory to the second"] = tenths[-1] / tenths[1]
    if options.leaving:
        figures["all left, ratio of memory to the first tenth"] = left / tenths[0]
    figures["processor time of the server, s"] = busy
    is_busy = bool(options.training or options.uploading)
    aims = {name: aim[is_busy] for name, aim in AIMS.items()}
    print_aims((name, value, aims.get(name)) for name, value in figures.items())
    print(f"Memory in tenths of the time, MB: {', '.join(f'{size:.0f}' for size in tenths)}")


if __name__ == "__main__":
    main()
