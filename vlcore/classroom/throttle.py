"""How often is often enough: wrong tries, which must wait, arrivals, which come one after the
other, and turns.

A browser's name is a cookie, so whoever deletes it is somebody new; an address may be a whole
class. So neither decides
alone: where an address has many wrong tries, a browser there has few, and one that made none is
still heard.
"""

import ipaddress
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from vlcore.experiment import limits

HERE = "here"  # the place of whoever is at the machine itself
WITHIN = 60.0  # seconds that a wrong try counts


def place_of(address: str | None) -> str:
    """What an address counts as: itself; of IPv6 its network, for whoever is in it has as many
    addresses as they like; `HERE` at the machine itself."""
    try:
        known = ipaddress.ip_address((address or "::1").partition("%")[0])
    except ValueError:
        return str(address)
    if isinstance(known, ipaddress.IPv6Address):
        known = known.ipv4_mapped or known
    if known.is_loopback:
        return HERE
    return (
        str(known) if known.version == 4 else str(ipaddress.ip_network((known, 64), strict=False))
    )


class Tries:
    """Wrong tries of each browser and of all at its address within a minute."""

    def __init__(
        self, of_browser: int, of_address: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._here, self._there, self._clock = of_browser, of_address, clock
        self._wrong: dict[tuple[str, str], deque[float]] = {}
        self._guard = threading.Lock()

    def are_left(self, browser: str, address: str) -> bool:
        """Whether a browser may try once more."""
        since = self._clock() - WITHIN
        with self._guard:
            self._wrong = {
                whose: times for whose, times in self._wrong.items() if times[-1] > since
            }
            here, there = (
                sum(at > since for at in self._wrong.get(whose, ()))
                for whose in (("browser", browser), ("address", address))
            )
        return here < (self._here if there < self._there else min(self._here, limits.FEW_TRIES))

    def count(self, browser: str, address: str) -> None:
        """Note a wrong try."""
        with self._guard:
            for whose, most in (
                (("browser", browser), self._here),
                (("address", address), self._there),
            ):
                self._wrong.setdefault(whose, deque(maxlen=most)).append(self._clock())


class Arrivals:
    """So many at once for each name, and then one a second."""

    def __init__(self, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._clock = at_once, clock
        self._paid: dict[str, float] = {}  # until when those who came have taken the seconds
        self._guard = threading.Lock()

    def come(self, name: str) -> bool:
        """Whether one more may come now, who is then counted."""
        now = self._clock()
        with self._guard:
            self._paid = {other: until for other, until in self._paid.items() if until > now}
            until = max(self._paid.get(name, now), now) + 1
            if until - now > self._at_once:
                return False
            self._paid[name] = until
        return True


class _Turn(NamedTuple):
    address: str
    name: str
    number: int


class Turns:
    """So many at once, and where others wait the next is whose address, and then whose name, had a
    turn longest ago."""

    def __init__(self, at_once: int) -> None:
        self._free, self._asked, self._had = at_once, 0, 0
        self._waiting: list[_Turn] = []
        self._last: dict[
            str | tuple[str, str], int
        ] = {}  # the latest turn of an address, of a name at one
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, name: str, address: str, seconds: float) -> Iterator[None]:
        """While it is one's turn, for which one waits so many seconds at most; TimeoutError after
        them."""
        with self._changed:
            self._asked += 1
            mine = _Turn(address, name, self._asked)
            self._waiting.append(mine)
            try:
                if not self._changed.wait_for(lambda: self._free and self._next() is mine, seconds):
                    raise TimeoutError
                self._free -= 1
                self._had += 1
                for whose in (address, (address, name)):
                    self._last.pop(whose, None)
                    self._last[whose] = self._had
                while len(self._last) > limits.TURNS:
                    self._last.pop(next(iter(self._last)))
            finally:
                self._waiting.remove(mine)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _next(self) -> _Turn:
        last = self._last
        return min(
            self._waiting,
            key=lambda one: (last.get(one.address, 0), last.get(one[:2], 0), one.number),
        )
