"""Row store: one file with a record for each image of a set, such as its pixels at training size or
its features.

Each record vouches for itself, by the time and length of the file that it was made from and a
checksum of its values and of that file's name. So what is stale, damaged or torn by two writers
counts as missing, and rows are written without a lock."""

import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlcore.experiment.files import atomic


class FileStamp(NamedTuple):
    """The file that values were made from, as it was before it was read."""

    name: str
    time: int = 0  # nanoseconds; 0 of a file that is not there
    length: int = 0  # bytes


class RowStore:
    """A file of records of one shape and type for the `count` rows of a set."""

    def __init__(self, file: Path, count: int, shape: tuple[int, ...], dtype: str) -> None:
        self.file, self.count = file, count
        self._record = np.dtype([("about", "<i8", 3), ("values", dtype, shape)])

    def read(self, stamps: Mapping[int, FileStamp]) -> dict[int, NDArray[Any]]:
        """Values by row, of those rows whose record is whole and of the row's stamp."""
        values = {}
        with suppress(OSError, ValueError):  # there is no file, or it was cut short
            records = np.memmap(self.file, self._record, "r", shape=(self.count,))
            for row, stamp in stamps.items():
                copied = records[row]["values"].copy()
                if records[row]["about"].tolist() == _about(stamp, copied):
                    values[row] = copied
        return values

    def write(self, values: Mapping[int, NDArray[Any]], stamps: Mapping[int, FileStamp]) -> None:
        """Write values by row, if the disk takes them."""
        size = self._record.itemsize
        with suppress(OSError):
            is_complete = self.file.exists() and self.file.stat().st_size == self.count * size
            if values and not is_complete:
                with atomic(self.file) as aside, aside.open("wb") as file:
                    file.truncate(self.count * size)
            with self.file.open("r+b") as file:
                for row, numbers in values.items():
                    numbers = np.asarray(numbers, self._record["values"].base)
                    about = np.array(_about(stamps[row], numbers), "<i8")
                    file.seek(row * size)
                    file.write(about.tobytes() + numbers.tobytes())


def _about(stamp: FileStamp, values: NDArray[Any]) -> list[int]:
    checksum = zlib.crc32(values.tobytes(), zlib.crc32(stamp.name.encode()))
    return [stamp.time, stamp.length, checksum]


def stamp_of(root: Path, name: str) -> FileStamp:
    """A file of a set as it is now."""
    try:
        about = os.stat(root / name)
    except OSError:
        return FileStamp(name)
    return FileStamp(name, about.st_mtime_ns, about.st_size)
