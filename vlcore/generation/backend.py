"""The interface of back ends: one attempt at a batch of pictures, each of which is drawn or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from vlcore.generation.plan import Wanted


@dataclass(frozen=True)
class Refused:
    """A picture that a model would not show, and why."""

    reason: str


class TryAgainError(Exception):
    """An attempt that failed and may work later; `after` is how many seconds the service asks to wait, if it does."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Backend(Protocol):
    """Draws pictures. Waiting, counting attempts and writing files are left to `vlcore.generation.run.generate`."""

    @property
    def batch(self) -> int:
        """How many pictures one call of `draw` takes at most."""

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        """One attempt at some pictures: an RGB image or a refusal for each, in their order.

        Raises:
            TryAgainError: when the same attempt may work later.
            GenerateError: when it will not.
        """
