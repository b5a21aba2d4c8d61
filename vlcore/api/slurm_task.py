"""Command of a task of a Slurm array: ``python -m vlcore.api.slurm_task LIST``."""

import json
import os
import sys
from pathlib import Path

from vlcore.api.training import train_all
from vlcore.experiment.condition import from_dict
from vlcore.jobs import jobs, queue
from vlcore.jobs.engines.slurm import AGAIN, SETTLED


def run_task(listing: Path) -> int:
    """Train the conditions of this task, one a core; returns its exit code."""
    conditions = json.loads(listing.read_text())[os.environ["SLURM_ARRAY_TASK_ID"]]
    remaining = [
        from_dict(values)
        for key, values in conditions.items()
        if jobs.view(key).state not in SETTLED
    ]
    with queue.worker_pool(int(os.environ.get("SLURM_CPUS_PER_TASK", 1))) as pool:
        train_all(remaining, pool, lambda *outcome: print(*outcome, flush=True), shared=True)
    return 0 if all(jobs.view(key).state in SETTLED for key in conditions) else AGAIN


if __name__ == "__main__":
    sys.exit(run_task(Path(sys.argv[1])))
