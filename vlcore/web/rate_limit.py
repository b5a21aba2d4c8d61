"""Rate limit for the messages of a page."""

import time
from collections.abc import Callable


class RateLimit:
    """So many events at once, and then a steady rate (a token bucket)."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._left: float = burst
        self._counted_at = clock()

    def take(self) -> bool:
        """Whether one more event fits, which is then counted."""
        now = self._clock()
        regained = (now - self._counted_at) * self._per_second
        self._left, self._counted_at = min(self._burst, self._left + regained), now
        if self._left < 1:
            return False
        self._left -= 1
        return True
