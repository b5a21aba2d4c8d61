"""How a class is served: browsers that arrive within five seconds, open Home, go on to Compare and
change a setting there every eight seconds, while models are trained and phones upload pictures, or
while nothing else happens.

python -m benchmarks.load [--browsers 30] [--minutes 1] [--training 2] [--uploading 4] [--leaving]

The browsers are websocket clients that speak Streamlit's protocol and keep large messages by hash,
as its page does; what they would get by HTTP, such as Streamlit's own scripts, is left out. The
models are those of VLCORE_HOME; of the usual image set it needs those that `CHANGES` can ask for,
of seed 0. Trainings are short ones in workers like the server's, measured alone first; a phone that
is shown another one's picture, and any error of a page, ends it. Memory is that of the server's
process, in tenths of the time; with --leaving also three minutes after everybody has left. Figures
are also given as ratios to their aims.
"""

import asyncio
import statistics
import time
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

from benchmarks import head, options, processor_seconds, row
from benchmarks.phones import Phone, trainings
from benchmarks.startup import server
from benchmarks.visitors import Browser, connected

ARRIVAL = 5.0  # seconds in which all arrive
LEFT = (
    180.0  # seconds after which nothing may be left: Streamlit keeps who has gone for two minutes
)
Seen = tuple[dict[str, list[float]], int]
AIMS = {  # alone, and beside trainings or uploads
    "start to healthy, s": (2.0, None),
    "first view of Home, p50, s": (None, None),
    "first view of Home, p95, s": (3.0, 4.0),
    "first view of Compare, p50, s": (None, None),
    "first view of Compare, p95, s": (3.0, 4.0),
    "change, p50, s": (0.25, None),
    "change, p95, s": (0.8, 1.2),
    "changes": (None, None),
    "upload until placed, p50, s": (None, None),
    "upload until placed, p95, s": (None, None),
    "uploads": (None, None),
    "a training alone, s": (None, None),
    "a training beside, as a ratio": (None, 1.5),
    "sent in all, MB": (25.0, None),
    "resident memory, MB": (450.0, None),
    "last tenth, ratio of memory to the second": (1.1, 1.1),
    "all left, ratio of memory to the first tenth": (1.1, 1.1),
    "processor time of the server, s": (None, None),
}


async def arrive(kind: type[Browser], port: int, number: int, after: float, ends: float) -> Seen:
    """What one visitor saw, and the bytes that it got."""
    await asyncio.sleep(after)
    async with connected(kind, port, number) as browser:
        return await browser.visit(ends), browser.connection.received


async def crowd(
    port: int, process: int, browsers: int, phones: int, seconds: float
) -> tuple[list[Seen], list[float]]:
    """What all saw, and the server's memory all along."""
    ends = time.monotonic() + seconds
    coming = [(Browser, n, n * ARRIVAL / browsers) for n in range(browsers)]
    coming += [(Phone, n, ARRIVAL) for n in range(phones)]
    seen = asyncio.gather(
        *(arrive(kind, port, number, after, ends) for kind, number, after in coming)
    )
    memory = []
    while not seen.done():
        memory.append(resident(process))
        await asyncio.wait([seen], timeout=2.0)
    return await seen, memory


def resident(process: int) -> float:
    """Memory of a process in MB."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> None:
    leaving = {"action": "store_true"}
    asked = options(__doc__, browsers=30, minutes=1.0, training=0, uploading=0, leaving=leaving)
    with trainings(asked.training) as trained, server() as (healthy, port, process):
        with trained.going_on() if trained else nullcontext():
            visits, memory = asyncio.run(
                crowd(port, process, asked.browsers, asked.uploading, 60 * asked.minutes)
            )
        busy = processor_seconds(process)
        if asked.leaving:
            time.sleep(LEFT)
            left = resident(process)
    found = {"start to healthy, s": healthy}
    for what, name in (
        ("Home", "first view of Home"),
        ("Compare", "first view of Compare"),
        ("change", "change"),
        ("upload", "upload until placed"),
    ):
        if len(taken := [one for seen, _ in visits for one in seen.get(what, ())]) > 1:
            ways = statistics.quantiles(taken, n=20, method="inclusive")
            found |= {
                f"{name}, p50, s": ways[9],
                f"{name}, p95, s": ways[18],
                f"{what}s": len(taken),
            }
    if trained:
        found["a training alone, s"] = alone = statistics.mean(trained.alone)
        if trained.beside:
            found["a training beside, as a ratio"] = statistics.mean(trained.beside) / alone
    cuts = [round(len(memory) * tenth / 10) for tenth in range(11)]
    tenths = [statistics.median(memory[a:b] or memory[-1:]) for a, b in pairwise(cuts)]
    found |= {
        "sent in all, MB": sum(size for _, size in visits) / 1e6,
        "resident memory, MB": memory[-1],
    }
    found["last tenth, ratio of memory to the second"] = tenths[-1] / tenths[1]
    if asked.leaving:
        found["all left, ratio of memory to the first tenth"] = left / tenths[0]
    found["processor time of the server, s"] = busy
    print(head("what", "found", "aim", "ratio"))
    for what, (quiet, busy_aim) in AIMS.items():
        aim = busy_aim if asked.training or asked.uploading else quiet
        if what in found:
            print(
                row(
                    what, f"{found[what]:.2f}", aim or "", f"{found[what] / aim:.2f}" if aim else ""
                )
            )
    print(f"Memory in tenths of the time, MB: {', '.join(f'{one:.0f}' for one in tenths)}")


if __name__ == "__main__":
    main()
