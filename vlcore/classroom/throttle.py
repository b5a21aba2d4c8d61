"""Rate limit by name: wrong secrets and codes, new voters, messages of a page."""

import threading
import time
from collections.abc import Callable


class RateLimit:
    """So many events of each name at once, and then a steady rate (a token bucket)."""

    def __init__(
        self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._tokens: dict[str, tuple[float, float]] = {}  # left of a name, and at what time
        self._guard = threading.Lock()

    def allows(self, name: str = "") -> bool:
        """Whether one more event of a name fits, which is not counted."""
        return self._left(name) >= 1

    def take(self, name: str = "") -> bool:
        """Whether one more event of a name fits, which is then counted."""
        with self._guard:
            left = self._left(name)
            if left < 1:
                return False
            full_again = self._clock() - self._burst / self._per_second
            self._tokens = {
                known: state for known, state in self._tokens.items() if state[1] > full_again
            }
            self._tokens[name] = left - 1, self._clock()
            return True

    def _left(self, name: str) -> float:
        now = self._clock()
        tokens, then = self._tokens.get(name, (self._burst, now))
        return min(self._burst, tokens + (now - then) * self._per_second)
