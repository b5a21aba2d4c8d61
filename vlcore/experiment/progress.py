"""Progress of work, as whoever does it tells it: the protocol of a job's report, and a callback for
counted work."""

from collections.abc import Callable
from typing import Any, Protocol

Progress = Callable[[int, int], None]  # (done, of)


def silent(_done: int, _of: int) -> None:
    """Report nothing."""


class Report(Protocol):
    """How a job says where it is; `vlcore.jobs.jobs.Reporter` writes it to the disk."""

    def __call__(self, *, now: bool = False, **news: Any) -> None:
        """Merge news into the status, and raise where the job was asked to stop."""

    def counted(self, stage: str, share: float) -> Progress:
        """A callback for work that is counted, and is that share of the job."""
