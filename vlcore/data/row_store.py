"""Row store: one file with a record for each image of a set, such as its pixels at training size or
its features.

Each record vouches for itself, by the time and length of the file that it was made from and a
checksum of its values and of that file's name. So what is stale, damaged or torn by two writers
counts as missing, and rows are written without a lock."""

import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.files import atomic

Stamp = tuple[int, int]  # time in nanoseconds and length of a file
NO_STAMP: Stamp = (0, 0)  # of a file that is not there


@dataclass(frozen=True)
class Record:
    """The values of one row, and what vouches for them: the name of the file they were made from,
    and its stamp before it was read."""

    row: int
    name: str
    values: NDArray[Any]
    stamp: Stamp


class RowStore:
    """A file of records of one shape and type for the `count` rows of a set."""

    def __init__(self, file: Path, count: int, shape: tuple[int, ...], dtype: str) -> None:
        self.file, self.count = file, count
        self._record = np.dtype([("about", "<i8", 3), ("values", dtype, shape)])

    def read(
        self, rows: Sequence[int], names: Sequence[str], stamps: Sequence[Stamp]
    ) -> tuple[NDArray[Any], list[int]]:
        """Values of rows, (n, ...), and the places, of n, whose record is missing: their values are
        arbitrary."""
        values = np.zeros(len(rows), self._record["values"])
        missing = set(range(len(rows)))
        with suppress(OSError, ValueError):  # there is no file, or it was cut short
            known = np.memmap(self.file, self._record, "r", shape=(self.count,))
            for place, row in enumerate(rows):
                record = known[row]
                values[place] = record["values"]
                if record["about"].tolist() == self._about(
                    names[place], values[place], stamps[place]
                ):
                    missing.remove(place)
        return values, sorted(missing)

    def write(self, records: Sequence[Record]) -> None:
        """Write records, if the disk takes them."""
        size = self._record.itemsize
        with suppress(OSError):
            is_complete = self.file.exists() and self.file.stat().st_size == self.count * size
            if records and not is_complete:
                with atomic(self.file) as aside, aside.open("wb") as file:
                    file.truncate(self.count * size)
            with self.file.open("r+b") as file:
                for record in records:
                    values = np.ascontiguousarray(record.values, self._record["values"].base)
                    about = self._about(record.name, values, record.stamp)
                    file.seek(record.row * size)
                    file.write(np.array(about, "<i8").tobytes() + values.tobytes())

    @staticmethod
    def _about(name: str, values: NDArray[Any], stamp: Stamp) -> list[int]:
        return [*stamp, zlib.crc32(np.ascontiguousarray(values).data, zlib.crc32(name.encode()))]


def stamp_of(file: Path) -> Stamp:
    """When a file was written and how long it is; `NO_STAMP` where it is not there."""
    try:
        about = os.stat(file)
    except OSError:
        return NO_STAMP
    return about.st_mtime_ns, about.st_size
