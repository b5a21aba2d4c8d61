"""What is lost when workers and servers are killed at random moments, many more of them than tests
kill.

python -m benchmarks.faults [--kills 200] [--seed 0]

Needs Linux and the packages of tests, and takes about ten minutes on two cores. It exits with 1
where anything was lost, half-published or left over. Flipped bits, disks that fail, a clock that
jumps and addresses drawn at random are in `tests/faults` and `tests/artifacts`;
``FAULT_ADDRESSES=2000 pytest tests/faults/test_addresses.py`` draws many."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

from benchmarks import fresh_home, parse_options, print_table
from benchmarks.startup import server
from benchmarks.visitors import Browser, connected
from tests.faults.kills import Tally, children_of, kill, left_of, look
from vlcore.experiment.files import models_folder

STEPS = 6  # of a model that is trained while workers are killed
TRAINING = 5.0  # about how many seconds that takes
KILLS = {  # shares of all kills; the app itself has the rest
    "workers": 0.55,
    "workers that train": 0.12,
    "servers": 0.23,
    "servers that train": 0.04,
}
COLUMNS = ("killed", "n", "in the middle of a job", "made", "lost", "half-published", "orphans")


def kill_processes(kills: int, seed: int) -> Iterator[tuple[str, Tally]]:
    remaining = kills
    for kind, share in KILLS.items():
        training = {"steps": STEPS, "within": TRAINING} if kind.endswith("train") else {}
        count = max(1, round(share * kills))
        remaining -= count
        with fresh_home():
            yield kind, kill(count, seed, servers=kind.startswith("servers"), **training)
    with fresh_home():
        yield "servers with pages", kill_apps(remaining, seed)


async def _start_training(port: int, number: int) -> None:
    """Press the button of Train that trains, as a visitor does."""
    async with connected(Browser, port, number) as browser:
        await browser.open("Train", model=f"seed:{number},steps:400")
        await browser.press("Train this model")


def kill_apps(count: int, seed: int) -> Tally:
    """Kill the app itself, after a visitor pressed the button that trains."""
    chance, tally = random.Random(seed), Tally()  # noqa: S311  # no secret
    for number in range(1, count + 1):
        with suppress(subprocess.TimeoutExpired), server() as (_, port, process):
            asyncio.run(_start_training(port, number))
            time.sleep(chance.uniform(0, TRAINING))
            children = children_of(process)
            tally.at_work += any((models_folder() / ".work").glob("*/status.json"))
            os.kill(process, signal.SIGKILL)
        tally.kills += 1
        tally.orphans += len(left_of(children))
        look(tally)
    return tally


def main() -> None:
    options = parse_options(__doc__, kills=200, seed=0)
    os.environ["VLCORE_SHIPPED"] = os.devnull  # bundled models are another test's
    failures = 0

    def rows() -> Iterator[tuple[object, ...]]:
        nonlocal failures
        for kind, tally in kill_processes(options.kills, options.seed):
            damage = (tally.lost, tally.half, tally.orphans)
            failures += sum(damage)
            yield kind, tally.kills, tally.at_work, tally.made, *damage

    print_table(COLUMNS, rows())
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
