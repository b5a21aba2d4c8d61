"""Memory of a worker: what it made of the same inputs before, it does not make again."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")


class Memory:
    """Runs of a study share their pictures and, of one seed, the untrained encoder. In memory,
    where nothing can be damaged or out of date, by what it was made of: a worker trains many
    runs."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._latest: dict[str, Any] = {}

    def made(self, make: Callable[[], Made], *given: NDArray[Any] | str) -> Made:
        """What is made of something, to be read only; the `most` that were asked for last are
        kept."""
        key = digest_of(*given)
        found: Made = self._latest.pop(key) if key in self._latest else make()
        self._latest[key] = found
        if len(self._latest) > self._most:
            del self._latest[next(iter(self._latest))]
        return found


def digest_of(*given: NDArray[Any] | str) -> str:
    """A digest of arrays and texts, in their order."""
    digest = hashlib.sha256()
    for one in given:
        array = np.ascontiguousarray(one)
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
