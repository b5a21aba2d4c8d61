"""Images of a set as encoders see them, stored in one file: a run reads that, not thousands of PNG
files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vlcore.data.row_store import Record, RowStore, stamp_of

STORE = ".pixels"  # in the folder of a set
SIZE = 64  # pixels
Images = NDArray[np.uint8]


def read(
    root: Path,
    count: int,
    rows: Sequence[int],
    names: Sequence[str],
    decode: Callable[[int], Images],
) -> Images:
    """Some rows, (n, 64, 64, 3), of a set of `count`, each made of the file of its name: from the
    store, else by `decode`, and then stored."""
    store = _store(root, count)
    stamps = [stamp_of(root / name) for name in names]
    images, missing = store.read(rows, names, stamps)
    records = []
    for place in missing:
        images[place] = decode(rows[place])
        records.append(Record(rows[place], names[place], images[place], stamps[place]))
    store.write(records)
    return images


def keep(root: Path, count: int, images: Sequence[tuple[int, str, Images]]) -> None:
    """Store images, by row and name, whose files were just written."""
    _store(root, count).write(
        [Record(row, name, image, stamp_of(root / name)) for row, name, image in images]
    )


def _store(root: Path, count: int) -> RowStore:
    return RowStore(root / STORE, count, (SIZE, SIZE, 3), "u1")
