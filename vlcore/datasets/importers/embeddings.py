"""Embeddings that were computed elsewhere: what an ``.npz`` from anybody must hold, and what it may.

It says of every row what a table of pictures says, its object and context, and holds a vector in place of a picture.
After this module all names are clean and all vectors have length 1, for every measure is of directions. Of each array
the head is read first, so that pickled objects are never opened and no claim makes us reserve more memory than a limit.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.core.captions import Caption
from vlcore.datasets.imageset import SPLITS
from vlcore.datasets.importers.selection import clean_name, clean_split
from vlcore.datasets.importers.source import ImportSetError, npy_claim, printable

MAX_ROWS, MAX_WIDTH, MAX_CAPTIONS = 200_000, 16_384, 10_000
MAX_BYTES = 2**30  # of one array in memory
CLIP_SCALE = 100.0  # what CLIP multiplies its cosines with
LONGEST = 300  # characters of a caption or a scene
REQUIRED = ("z", "object", "context")
OPTIONAL = ("split", "scene", "name", "text", "captions", "text_object", "text_context", "scale")
_KINDS = {"f": "floating-point numbers", "fiu": "a number", "U": "text"}  # by the letters of numpy's kinds
_DAMAGED = (zipfile.BadZipFile, zlib.error, MemoryError)


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What an ``.npz`` holds.

    Attributes:
        source: name of the file.
        z: unit vectors of pictures, (n, E).
        table: one row a picture: ``object``, ``context``, ``split`` (empty without), ``scene``, ``name``.
        text: unit vectors of captions, (K, E).
        captions: their words and what they speak of, K.
        scale: what a cosine is multiplied with to become a score.
        altered: what the file calls an object or a context, by its name here, where that is another.
        notes: sentences on what was done to it.
    """

    source: str
    z: NDArray[np.float32]
    table: pd.DataFrame
    text: NDArray[np.float32]
    captions: tuple[Caption, ...]
    scale: float
    altered: dict[str, set[str]]
    notes: tuple[str, ...]


def read_embeddings(path: Path, max_rows: int = MAX_ROWS) -> Embeddings:
    """Read and check an ``.npz`` file of embeddings; its arrays are listed in the README.

    Raises:
        ImportSetError: when something is missing or is not what it must be.
    """
    with open_npz(path) as file:
        if missing := [name for name in REQUIRED if name not in file.arrays]:
            there = ", ".join(map(printable, file.arrays[:20])) or "nothing"
            raise ImportSetError(
                f"{file.name} has no array {missing[0]} (it holds {there}); save z, object and context with np.savez."
            )
        shape = file.shape("z")
        if len(shape) != 2 or shape[1] < 2 or shape[0] == 0:
            raise ImportSetError(
                f"z in {file.name} has the shape {shape}; it must have one row a picture and two or more columns."
            )
        rows, width = shape
        if rows > max_rows or width > MAX_WIDTH:
            raise ImportSetError(
                f"z in {file.name} has {rows:,} rows of {width:,} numbers; choose some, for at most {max_rows:,} of "
                f"{MAX_WIDTH:,} can be imported."
            )
        z, notes = _unit(file.read("z", "f", shape), "z", file.name)
        altered: dict[str, set[str]] = {}
        table = pd.DataFrame({name: _names(file, name, rows, altered) for name in ("object", "context")})
        table["split"] = _splits(file, rows) if "split" in file.arrays else ""
        for name, usual in (("scene", "s"), ("name", "row ")):
            given = _texts(file, name, rows) if name in file.arrays else None
            table[name] = [f"{usual}{row:06d}" for row in range(rows)] if given is None else given
        text, captions = _captions(file, width, altered)
        scale = CLIP_SCALE
        if "scale" in file.arrays:
            scale = file.read("scale", "fiu", (1,) if file.shape("scale") == (1,) else ()).item()
        if not (np.isfinite(scale) and scale > 0):
            raise ImportSetError(
                f"scale in {file.name} is {float(scale)}; it must be a number above 0, such as CLIP's 100."
            )
        unused = [printable(name) for name in file.arrays if name not in (*REQUIRED, *OPTIONAL)]
        notes += [f"Not used: {', '.join(unused[:20])}."] if unused else []
        return Embeddings(file.name, z, table, text, captions, float(scale), altered, tuple(notes))


def _unit(vectors: NDArray[np.floating], name: str, source: str) -> tuple[NDArray[np.float32], list[str]]:
    """Vectors at length 1, and a sentence where they had another."""
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ImportSetError(f"{name} in {source} has a number that is not finite (row {finite.argmin()}).")
    largest = np.abs(vectors).max(axis=1, initial=0)
    if not largest.all():
        raise ImportSetError(
            f"{name} in {source} has a vector of zeros (row {largest.argmin()}), which has no direction; leave it out."
        )
    scaled = vectors.astype(np.float64) / largest[:, None]  # first, so that no square overflows
    lengths = np.linalg.norm(scaled, axis=1)
    unit = (scaled / lengths[:, None]).astype(np.float32)
    had_other = np.abs(np.log(lengths) + np.log(largest.astype(np.float64))).max(initial=0) > 1e-2
    return unit, [f"The vectors in {name} were brought to length 1."] if had_other else []


def _texts(file: Npz, name: str, rows: int) -> list[str]:
    return [printable(text, LONGEST) for text in file.read(name, "U", (rows,)).tolist()]


def _names(file: Npz, name: str, rows: int, altered: dict[str, set[str]], *, may_be_empty: bool = False) -> list[str]:
    """Names of objects or contexts, cleaned as those of pictures are."""
    given = file.read(name, "U", (rows,))
    kinds, which = np.unique(given, return_inverse=True)
    names = [clean_name(kind) for kind in kinds.tolist()]
    for kind, cleaned in zip(kinds.tolist(), names, strict=True):
        if not cleaned and not (may_be_empty and not kind.strip()):
            row = int((given == kind).argmax())
            raise ImportSetError(
                f"{name} in {file.name} has no letter or digit in row {row}; name it, or leave it out."
            )
        if cleaned != kind:
            altered.setdefault(cleaned, set()).add(printable(kind))
    return [names[number] for number in which.tolist()]


def _splits(file: Npz, rows: int) -> list[str]:
    given = file.read("split", "U", (rows,)).tolist()
    names = [clean_split(split) for split in given]
    if "" in names:
        row = names.index("")
        raise ImportSetError(
            f"split in {file.name} is {printable(given[row])!r} in row {row}; it must be one of {', '.join(SPLITS)}."
        )
    return names


def _captions(file: Npz, width: int, altered: dict[str, set[str]]) -> tuple[NDArray[np.float32], tuple[Caption, ...]]:
    """The captions' vectors and what they speak of; none where the file has none."""
    needed = ("text", "captions", "text_object")
    there = [name for name in (*needed, "text_context") if name in file.arrays]
    if not there:
        return np.zeros((0, width), dtype=np.float32), ()
    if missing := [name for name in needed if name not in there]:
        raise ImportSetError(
            f"{file.name} has {there[0]} but no {missing[0]}; captions need text (their vectors), captions (their "
            "words) and text_object (the object that each speaks of)."
        )
    count = file.shape("captions")[0] if file.shape("captions") else 0
    if not 0 < count <= MAX_CAPTIONS:
        raise ImportSetError(f"captions in {file.name} are {count:,}; give 1 to {MAX_CAPTIONS:,}, or leave them out.")
    words = _texts(file, "captions", count)
    if "" in words:
        raise ImportSetError(f"captions in {file.name} has no words in row {words.index('')}; write them.")
    objects = _names(file, "text_object", count, altered)
    contexts = [""] * count
    if "text_context" in file.arrays:
        contexts = _names(file, "text_context", count, altered, may_be_empty=True)
    vectors = _unit(file.read("text", "f", (count, width)), "text", file.name)[0]
    return vectors, tuple(map(Caption, words, objects, contexts))


class Npz:
    """An open ``.npz`` file. `name` is that of the file, `arrays` are the names of what it holds."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        members = (member for member in archive.namelist() if member.endswith(".npy"))
        self.arrays = tuple(dict.fromkeys(member.removesuffix(".npy") for member in members))
        self._archive = archive

    def shape(self, array: str) -> tuple[int, ...]:
        """The shape that an array claims."""
        with self._opened(array) as file:
            return npy_claim(file)[0]

    def read(self, array: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of a kind, one of `_KINDS`, and of a shape.

        Raises:
            ImportSetError: when it has another kind or shape, is too large or damaged.
        """
        with self._opened(array) as file:
            claimed, dtype = npy_claim(file)
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

    @contextmanager
    def _opened(self, array: str) -> Iterator[IO[bytes]]:
        try:
            with self._archive.open(f"{array}.npy") as file:
                yield file
        except (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, *_DAMAGED) as error:
            raise ImportSetError(f"{array} in {self.name} is damaged; save it again with np.savez.") from error


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
