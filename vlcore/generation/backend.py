"""What a back end is: something that draws the pictures of a plan, one batch a call, and may be asked again.

The one idea: a back end makes one attempt and says how it ended: a picture, a refusal, something that may work in a
while, or something that will not. Waiting, counting attempts and writing files are left to `generate`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from vlcore.generation.plan import Wanted


@dataclass(frozen=True)
class Refused:
    """A model would not show a picture, and why."""

    reason: str


class TryAgainError(Exception):
    """An attempt that failed and may work later.

    Attributes:
        after: seconds that the service asks to wait, where it does.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True)
class Patience:
    """How often a failed attempt is repeated, and after how long.

    Our own, for the retries of `openai` neither log an attempt nor wait for longer than a minute.

    Attributes:
        attempts: at most this many for one batch.
        first: seconds before the second attempt, doubled for each one after it, half of it by chance.
        longest: seconds that a wait grows to.
        obeyed: seconds that a service may ask to wait; where it asks for more, the run stops instead.
        sleep: waits for some seconds.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 60.0
    obeyed: float = 600.0
    sleep: Callable[[float], None] = time.sleep

    def seconds(self, attempt: int, after: float | None) -> float:
        """How long to wait once attempt number `attempt` failed, counted from 1; never less than was asked for."""
        half = min(self.longest, self.first * 2 ** (attempt - 1)) / 2
        # Chance keeps two runs that were turned away together from coming back together.
        return max(after or 0.0, half) + half * random.random()  # noqa: S311


class Backend(Protocol):
    """Draws pictures."""

    @property
    def batch(self) -> int:
        """How many pictures one call of `draw` takes at most."""

    def draw(self, pictures: Sequence[Wanted]) -> list[Image.Image | Refused]:
        """One attempt at some pictures: an RGB image or a refusal for each, in their order.

        Raises:
            TryAgainError: when the same attempt may work later.
            GenerateError: when it will not.
        """


NEEDS_DIFFUSERS = 'Drawing on this machine needs the package diffusers: pip install "diffusers".'
