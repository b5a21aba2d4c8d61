"""Pictures of a set as encoders see them, kept in one file beside them: a run reads that, not thousands of PNG files.

Each row vouches for itself, by the time and length of the file that it was made from and a checksum of its pixels and
that file's name. So what is stale, damaged or torn by two writers is a miss, and parts of a set are kept without lock.
"""

import os
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vlcore.core.files import atomic

STORE = ".pixels"  # in the folder of a set
SIZE = 64  # pixels
_RECORD = np.dtype([("about", "<i8", 3), ("pixels", "u1", (SIZE, SIZE, 3))])
Images = NDArray[np.uint8]


def read(root: Path, of: int, rows: Sequence[int], names: Sequence[str], decode: Callable[[int], Images]) -> Images:
    """Some rows (n, 64, 64, 3) of a set of so many, each made of the file of its name: from the store where that
    vouches for them, else by `decode`, and then kept."""
    stack = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)
    stamps, missing = [_stamp(root / name) for name in names], set(range(len(rows)))
    with suppress(OSError, ValueError):  # there is none, or it was cut short
        known = np.memmap(root / STORE, _RECORD, "r", shape=(of,))
        about, pixels = known["about"], known["pixels"]
        for place, row in enumerate(rows):
            stack[place] = pixels[row]
            if about[row].tolist() == [*stamps[place], _checksum(names[place], stack[place])]:
                missing.remove(place)
    for place in sorted(missing):
        stack[place] = decode(rows[place])
    keep(root, of, [(rows[place], names[place], stack[place], stamps[place]) for place in missing])
    return stack


def keep(root: Path, of: int, entries: Sequence[tuple[int, str, Images, tuple[int, int] | None]]) -> None:
    """Keep rows with the names of their files, if the disk takes them; a file that was read, and not just written, with
    the stamp that it had before."""
    store, size = root / STORE, _RECORD.itemsize
    with suppress(OSError):
        if entries and (not store.exists() or store.stat().st_size != of * size):
            with atomic(store) as aside, aside.open("wb") as file:
                file.truncate(of * size)
        with store.open("r+b") as file:
            for row, name, picture, stamp in entries:
                about = [*(stamp or _stamp(root / name)), _checksum(name, picture)]
                file.seek(row * size)
                file.write(np.array(about, "<i8").tobytes() + picture.tobytes())


def _stamp(file: Path) -> tuple[int, int]:
    with suppress(OSError):
        about = os.stat(file)
        return about.st_mtime_ns, about.st_size
    return 0, 0  # nothing vouches for these


def _checksum(name: str, picture: Images) -> int:
    return zlib.crc32(picture.data, zlib.crc32(name.encode()))
