"""The local engine: worker processes of this machine."""

from vlcore.jobs.engines import EngineSettings, Work
from vlcore.jobs.queue import all_cores, worker_pool


def train(work: Work, settings: EngineSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Train what is missing; returns the outcome of each key, and no tasks."""
    with worker_pool(settings.jobs or all_cores()) as pool:
        return work.train(pool, False), {}
