"""Tables of numbers, a byte each, as they are sent to a browser."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 127  # of a number in a byte; the least is -127


@dataclass(frozen=True, eq=False)
class InBytes:
    """A table of numbers, a byte each.

    Attributes:
        numbers: int8, (n, k).
        units: what 1 stands for in each column, (1, k), or in each row, (n, 1); float32.
    """

    numbers: NDArray[np.int8]
    units: NDArray[np.float32]

    @classmethod
    def of_columns(cls, values: NDArray[np.floating]) -> "InBytes":
        """A table whose columns have a unit each, (n, k)."""
        return cls._along(values, axis=0)

    @classmethod
    def of_rows(cls, values: NDArray[np.floating]) -> "InBytes":
        """A table whose rows have a unit each, (n, k)."""
        return cls._along(values, axis=1)

    @classmethod
    def _along(cls, values: NDArray[np.floating], axis: int) -> "InBytes":
        exact = values.astype(np.float32)
        units = np.abs(exact).max(axis=axis, keepdims=True) / np.float32(MOST)
        return cls(np.rint(exact / units).astype(np.int8), units)

    @property
    def values(self) -> NDArray[np.float32]:
        """The table as its bytes give it, (n, k)."""
        return self.numbers * self.units
