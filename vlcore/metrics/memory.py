"""Memory of a worker: results by the inputs that they were made of."""

import hashlib
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")


class Memory:
    """The latest results of a process, by a digest of their inputs.

    Runs of a study share their images and, of one seed, the untrained encoder, and a worker trains
    many runs. In memory nothing can be damaged or out of date.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: dict[str, Any] = {}
        self._lock = Lock()

    def get(self, make: Callable[[], Result], *inputs: NDArray[Any] | str) -> Result:
        """The result of `make` for these inputs, to be read only; the latest `size` results stay in
        memory."""
        key = digest_of(*inputs)
        result: Result | None = self._results.pop(key, None)
        if result is None:
            result = make()
        with self._lock:  # threads of pages
            self._results[key] = result
            if len(self._results) > self._size:
                del self._results[next(iter(self._results))]
        return result


def digest_of(*inputs: NDArray[Any] | str) -> str:
    """A digest of arrays and texts, in their order."""
    digest = hashlib.sha256()
    for value in inputs:
        array = np.ascontiguousarray(value)
        digest.update(f"{array.dtype} {array.shape} ".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()
