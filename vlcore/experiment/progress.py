"""Progress of work: the protocol of a job's report, and a callback for counted work."""

from collections.abc import Callable
from typing import Any, Protocol

Progress = Callable[[int, int], None]  # (done, total)


def silent(_done: int, _total: int) -> None:
    """Report nothing."""


class Report(Protocol):
    """How a job reports its state; `vlcore.jobs.jobs.Reporter` writes it to the disk."""

    def __call__(self, *, now: bool = False, **news: Any) -> None:
        """Merge news into the status, and raise where the job must stop."""

    def counted(self, stage: str, share: float) -> Progress:
        """A callback for counted work that is this share of the job."""
