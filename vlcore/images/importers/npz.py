"""Arrays of an ``.npz`` file from anybody: what is claimed is checked before room is made for it.

The one idea: an ``.npz`` is a zip of arrays, each with a head that says its kind and shape. The head is read first, so
that pickled objects are never opened, and no head makes us reserve more memory than a limit.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.images.importers.source import ImportSetError, printable

MAX_BYTES = 2**30  # of one array in memory
_KINDS = {"f": "floating-point numbers", "fiu": "a number", "U": "text"}  # by the letters of numpy's kinds


class Npz:
    """An open ``.npz`` file. `name` is that of the file, `arrays` are the names of what it holds."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        members = (member for member in archive.namelist() if member.endswith(".npy"))
        self.arrays = tuple(dict.fromkeys(member.removesuffix(".npy") for member in members))
        self._archive = archive

    def shape(self, array: str) -> tuple[int, ...]:
        """The shape that an array claims."""
        return self._head(array)[0]

    def read(self, array: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of a kind, one of `_KINDS`, and of a shape.

        Raises:
            ImportSetError: when it has another kind or shape, is too large or damaged.
        """
        claimed, dtype = self._head(array)
        if dtype.hasobject:
            raise ImportSetError(
                f"{self.name} holds Python objects as {array}, which are never read; save "
                f"{'np.array(names, dtype=str)' if kind == 'U' else 'numbers'} instead."
            )
        if dtype.kind not in kind:
            raise ImportSetError(f"{array} in {self.name} holds {dtype}; it must hold {_KINDS[kind]}.")
        if claimed != shape:
            raise ImportSetError(f"{array} in {self.name} has the shape {claimed}; it must have {shape}.")
        if np.prod(claimed, dtype=np.float64) * dtype.itemsize > MAX_BYTES:
            raise ImportSetError(
                f"{array} in {self.name} needs more than {MAX_BYTES // 2**30} GB; save fewer rows, or float32."
            )
        with self._opened(array) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def _head(self, array: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        with self._opened(array) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            return shape, dtype

    @contextmanager
    def _opened(self, array: str) -> Iterator[IO[bytes]]:
        try:
            with self._archive.open(f"{array}.npy") as file:
                yield file
        except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, *_ZIP_ERRORS) as error:
            raise ImportSetError(f"{array} in {self.name} is damaged; save it again with np.savez.") from error


_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, MemoryError)


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an ``.npz`` file for as long as the ``with`` lasts.

    Raises:
        ImportSetError: when there is none, or it cannot be read.
    """
    name = printable(path.absolute().name)
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise ImportSetError(f"{printable(str(path))} does not exist; give the path of an .npz file.") from error
    except OSError as error:
        raise ImportSetError(f"{name} cannot be read ({error.strerror}); give the path of an .npz file.") from error
    except (ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ImportSetError(f"{name} is no .npz file, or a damaged one; save it again with np.savez.") from error
    with archive:
        yield Npz(archive, name)
