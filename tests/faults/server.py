"""A server without pages, to be killed: a queue over real worker processes, which hears what to
make on standard input.

python -m tests.faults.server

A line names a key and how many steps its model trains, 0 for a job of a tenth of a second that
writes a few files.
"""

import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from vlcore.api.training import train_condition
from vlcore.experiment.condition import Condition
from vlcore.jobs import jobs
from vlcore.jobs.queue import JobQueue, worker_pool

FILES = 6


def small(key: str) -> str:
    """Write files one by one, for as long as a kill needs to find the job in the middle of one."""

    def make(out: Path, report: jobs.Reporter) -> dict[str, Any]:
        chance = random.Random(key)
        for number in range(FILES):
            report(stage="writing", fraction=number / FILES, now=True)
            (out / f"{number}.bin").write_bytes(chance.randbytes(20_000))
            time.sleep(0.015)
        return {"made_by": os.getpid()}

    return jobs.run(key, make)


def condition_of(steps: int, seed: int) -> Condition:
    """What a line with steps asks for."""
    return Condition(steps=steps, n_per_group=16, data_seed=seed, init_seed=seed)


def main() -> None:
    queue = JobQueue(lambda: worker_pool(2, ends_with_us=True))
    print("ready", flush=True)
    for line in sys.stdin:
        key, steps, seed = line.split()
        if int(steps):
            queue.submit(key, train_condition, condition_of(int(steps), int(seed)))
        else:
            queue.submit(key, small, key)


if __name__ == "__main__":
    main()
