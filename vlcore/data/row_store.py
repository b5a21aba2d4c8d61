"""Values of images of a set, such as their pixels at training size or their features, in one
safetensors file, which is written whole.

Each row has the time and length of the file that it was made from, and a checksum of its values and
of that file's name. So what is stale or damaged counts as missing."""

import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from vlcore.experiment.files import atomic


class FileStamp(NamedTuple):
    """The file that values were made from, as it was before it was read."""

    name: str
    time: int = 0  # nanoseconds; 0 of a file that is not there
    length: int = 0  # bytes


_UNREADABLE = (OSError, SafetensorError, KeyError, ValueError)  # absent, damaged or of another kind


def read_rows(file: Path, stamps: Mapping[int, FileStamp]) -> dict[int, NDArray[Any]]:
    """Values by row, of those rows that are stored whole and of the row's stamp. Of the file only
    the part is read in which these rows lie: it may have many thousands of others."""
    try:
        with safe_open(file, framework="numpy") as stored:
            rows = stored.get_tensor("rows")
            wanted = np.flatnonzero(np.isin(rows, list(stamps)))
            if not len(wanted):
                return {}
            part = slice(wanted[0], wanted[-1] + 1)
            abouts, values = (stored.get_slice(name)[part] for name in ("about", "values"))
        records = zip(rows[part].tolist(), abouts.tolist(), values, strict=True)
        return {
            row: value
            for row, about, value in records
            if row in stamps and about == _about(stamps[row], value)
        }
    except _UNREADABLE:
        return {}


def write_rows(
    file: Path, values: Mapping[int, NDArray[Any]], stamps: Mapping[int, FileStamp]
) -> None:
    """Write values by row beside those of other rows, if the disk takes them."""
    if not values:
        return
    arrays = {
        "rows": np.array(list(values)),
        "about": np.array([_about(stamps[row], value) for row, value in values.items()]),
        "values": np.stack(list(values.values())),
    }
    with suppress(*_UNREADABLE):
        stored = load_file(file)
        is_other = ~np.isin(stored["rows"], arrays["rows"])
        arrays = {
            name: np.concatenate([stored[name][is_other], array]) for name, array in arrays.items()
        }
    with suppress(OSError, SafetensorError):
        file.parent.mkdir(exist_ok=True)
        with atomic(file) as aside:
            save_file(arrays, aside)


def _about(stamp: FileStamp, values: NDArray[Any]) -> list[int]:
    checksum = zlib.crc32(values.tobytes(), zlib.crc32(stamp.name.encode()))
    return [stamp.time, stamp.length, checksum]


def stamp_of(root: Path, name: str) -> FileStamp:
    """A file of a set as it is now."""
    try:
        about = os.stat(os.path.join(root, name))  # half the time of `root / name`, of each image
    except OSError:
        return FileStamp(name)
    return FileStamp(name, about.st_mtime_ns, about.st_size)
