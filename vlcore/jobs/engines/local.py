"""The local engine: worker processes of this machine."""

from vlcore.jobs.engines import EngineOption, Options, Work
from vlcore.jobs.queue import all_cores, worker_pool

OPTIONS = {"jobs": EngineOption("worker processes; default: one a core", bounds=(1, 256))}


def train(work: Work, options: Options) -> tuple[dict[str, str], dict[str, str]]:
    """Train what is missing; returns the outcome of each key, and no tasks."""
    with worker_pool(options.get("jobs") or all_cores()) as pool:
        return work.train(pool, False), {}
