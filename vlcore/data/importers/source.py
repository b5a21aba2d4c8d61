"""Sources of imports: a folder or a zip from anywhere, as a list of files that can be read one at a
time.

A zip is never unpacked. Its members are read by name, up to a limit, into memory; so a path that
points outside, a link or a bomb has nothing to write to, and a folder and a zip look alike to
whoever reads them. Of each array of an ``.npz`` the head is read first, so that pickled objects are
never opened and no claim makes us reserve more than a limit.
"""

import codecs
import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.data.imageset import ImageSetError
from vlcore.experiment import limits

_KINDS = {
    "f": "floating-point numbers",
    "fiu": "a number",
    "U": "text",
}  # by the letters of numpy's kinds
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
_SMALL = 2**20  # bytes; what unpacks to less is no bomb, whatever its ratio

Skipped = list[tuple[str, str]]  # (name, reason) of what is left out


class ImportSetError(ImageSetError):
    """A source that cannot become an image set; `on_page` says what to do without options of the
    command line."""

    def __init__(self, message: str, on_page: str = "") -> None:
        super().__init__(message)
        self.on_page = on_page or message


class UnreadableError(ValueError):
    """One file that cannot be read; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class Source:
    """Files of a folder or a zip: paths inside, with ``/`` between folders, sorted, without hidden
    ones. `read` gives the bytes of a file, or raises `UnreadableError` when it is gone, damaged or
    too large."""

    name: str
    files: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    read: Callable[[str], bytes]
    _texts: list[int] = field(default_factory=list)  # bytes of each that was read

    def text(self, file: str, most: int | None = None) -> bytes:
        """The bytes, or the first of them, of a file whose text is kept; all of them together have
        a limit."""
        data = self.read(file)[:most]
        self._texts.append(len(data))
        if sum(self._texts) > limits.TABLE_BYTES:
            texts = (
                f"The tables and captions of {self.name} have more than"
                f" {limits.TABLE_BYTES // limits.MB} MB"
            )
            raise ImportSetError(f"{texts} together; import a part of it.")
        return data


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder or a zip for as long as the ``with`` lasts, if it is one, can be read and is
    within the limits."""
    name = printable(path.absolute().name)
    with ExitStack() as opened:
        try:
            if path.is_dir():
                source = _folder(path.resolve(), name)
            elif not path.is_file():
                raise ImportSetError(
                    f"{printable(str(path))} does not exist; give the path of a folder or a zip."
                )
            elif zipfile.is_zipfile(path):
                _check_end(path, name)
                source = _zip(opened.enter_context(zipfile.ZipFile(path)), name)
            elif opened.enter_context(open(path, "rb")).read(4) == b"PK\x03\x04":
                raise ImportSetError(
                    f"{name} is a damaged or unfinished zip; download or pack it again."
                )
            elif path.suffix.lower() in (".csv", ".tsv", ".jsonl"):
                raise ImportSetError(
                    f"{name} is a table; give the folder of it and the pictures, or a zip of that."
                )
            else:
                raise ImportSetError(
                    f"{name} is neither a folder nor a zip; give the folder or a zip of it."
                )
        except ImportSetError:
            raise
        except OSError as error:
            raise ImportSetError(
                f"{name} cannot be read ({error.strerror}); change its permissions."
            ) from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ImportSetError(f"{name} is a damaged zip; download or pack it again.") from error
        yield source


def printable(text: str, most: int = 300) -> str:
    """Text without control characters and other invisible ones, at most so many characters."""
    spaced = re.sub(r"[\t\r\n]", " ", text)
    shown = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    return re.sub(r" +", " ", shown).strip()[:most].rstrip()


def utf8(data: bytes, called: str, most: int | None = None) -> str:
    """The text of a file, or of its first bytes; `called` begins the message where that is not
    UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        return decoder.decode(data[:most], final=most is None or len(data) <= most)
    except UnicodeDecodeError as error:
        raise ImportSetError(f"{called} is not written in UTF-8; save it as UTF-8.") from error


def read_needed(source: Source, file: str, kind: str) -> bytes:
    """A file that a format cannot do without."""
    try:
        return source.text(file)
    except UnreadableError as error:
        raise ImportSetError(
            f"The {kind} {file} {error}; put one there that can be read."
        ) from error


def npy_claim(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and kind that the head of a saved array claims, before numpy makes room for it; else
    `ValueError`."""
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(file)
    return shape, dtype


def plural(number: int, noun: str) -> str:
    """A number with its noun, such as ``1 picture`` and ``2 pictures``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _folder(root: Path, name: str) -> Source:
    files: list[str] = []
    skipped: Skipped = []
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            entries = list(os.scandir(root / inside))
        except OSError as error:
            if not inside:
                raise
            skipped.append((inside, f"cannot be read ({error.strerror})"))
            continue
        for entry in entries:
            path = f"{inside}/{entry.name}" if inside else entry.name
            if _is_hidden(path):
                continue
            if reason := _why_not(path) or (_why_no_link(root, path) if entry.is_symlink() else ""):
                skipped.append((path, reason))
            elif entry.is_dir():
                waiting.append(path)
            elif entry.is_file():
                files.append(path)
        _check_count(len(files), limits.FILES, name)

    def read(file: str) -> bytes:
        try:
            with open(root / file, "rb") as opened:
                data = opened.read(limits.PICTURE_BYTES + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from error
        if len(data) > limits.PICTURE_BYTES:
            raise UnreadableError(_too_large())
        return data

    return Source(name, tuple(sorted(files)), tuple(sorted(skipped)), read)


def _why_no_link(root: Path, path: str) -> str:
    target = os.path.realpath(
        root / path
    )  # of a link to nothing or to itself, something that is no file
    if os.path.isfile(target) and Path(target).is_relative_to(root):
        return ""
    return "is a link to a folder or out of the source; put the files themselves there"


def _zip(archive: zipfile.ZipFile, name: str) -> Source:
    members: dict[str, zipfile.ZipInfo] = {}
    skipped: Skipped = []
    _check_count(len(archive.infolist()), limits.ENTRIES, name)
    for member in archive.infolist():
        path = member.filename.replace("\\", "/")
        if member.is_dir() or _is_hidden(path):
            continue
        reason = _why_not(path) or _why_not_member(member)
        if not reason and path in members:
            reason = "is in the zip twice; the first is used"
        if reason:
            skipped.append((path, reason))
        else:
            members[path] = member
    if sum(member.file_size for member in members.values()) > limits.ZIP_BYTES:
        most = limits.ZIP_BYTES // limits.GB
        raise ImportSetError(
            f"{name} unpacks to more than {most} GB; unpack what you need and import the folder."
        )

    def read(file: str) -> bytes:
        try:
            return archive.read(
                members[file]
            )  # never more than it claims, which is within the limit
        except _DAMAGED as error:
            raise UnreadableError("is damaged in the zip") from error

    return Source(name, tuple(sorted(members)), tuple(sorted(skipped)), read)


def _why_not(path: str) -> str:
    """The reason not to read a path, whatever lies there; empty where there is none."""
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        return "has a path that leads out of the source"
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "has a name that is not text; rename it"
    parts = path.split("/")
    if len(parts) > limits.PATH_PARTS or any(
        len(part.encode()) > limits.PATH_PART for part in parts
    ):
        most = f"{limits.PATH_PART} bytes, or lies in more than {limits.PATH_PARTS} folders"
        return f"has a name of more than {most}; rename it"
    return "is a zip inside the source; unpack it first" if path.lower().endswith(".zip") else ""


def _why_not_member(member: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link; pack the file itself"
    if member.flag_bits & 0x1:
        return "is encrypted; unpack it and import the folder"
    if member.file_size > limits.PICTURE_BYTES:
        return _too_large()
    bomb = member.file_size > max(_SMALL, limits.RATIO * member.compress_size)
    return (
        f"unpacks to more than {limits.RATIO} times its size, which no picture does" if bomb else ""
    )


def _is_hidden(path: str) -> bool:
    parts = path.split("/")
    return "__MACOSX" in parts or any(
        part.startswith(".") and part not in (".", "..") for part in parts
    )


def _too_large() -> str:
    return f"has more than {limits.PICTURE_BYTES // limits.MB} MB"


def _check_count(files: int, most: int, name: str) -> None:
    if files > most:
        raise ImportSetError(f"{name} has more than {most:,} files; import a part of it.")


def _check_end(path: Path, name: str) -> None:
    """Refuse a zip by the record at its end, which says how many entries the list before it has and
    how long it is: zipfile makes an object of each. It is asked how it reads that record, so that
    it sees no other.
    """
    with path.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    entries, size = end[4], end[5]
    _check_count(entries, limits.ENTRIES, name)
    if size > limits.DIRECTORY_BYTES:
        raise ImportSetError(
            f"{name} has a list of files of {size / limits.MB:.0f} MB; import a part of it."
        )


class Npz:
    """An open ``.npz`` file, with the names of its arrays."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        members = (member for member in archive.namelist() if member.endswith(".npy"))
        self.arrays = tuple(dict.fromkeys(member.removesuffix(".npy") for member in members))
        self._archive = archive

    def wrong(self, array: str, what: str) -> ImportSetError:
        """The error that an array is not what it must be."""
        return ImportSetError(f"{array} in {self.name} {what}.")

    def shape(self, array: str) -> tuple[int, ...]:
        """The shape that an array claims."""
        with self._opened(array) as file:
            return npy_claim(file)[0]

    def read(self, array: str, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array that must be of a kind, one of `_KINDS`, and of a shape, and neither too large
        nor damaged."""
        with self._opened(array) as file:
            claimed, dtype = npy_claim(file)
        if dtype.hasobject:
            never = f"{self.name} holds Python objects as {array}, which are never read"
            raise ImportSetError(
                f"{never}; save {'np.array(names, dtype=str)' if kind == 'U' else 'numbers'}"
                " instead."
            )
        if dtype.kind not in kind:
            raise self.wrong(array, f"holds {dtype}; it must hold {_KINDS[kind]}")
        if claimed != shape:
            raise self.wrong(array, f"has the shape {claimed}; it must have {shape}")
        if np.prod(claimed, dtype=np.float64) * dtype.itemsize > limits.ARRAY_BYTES:
            raise self.wrong(
                array,
                f"needs more than {limits.ARRAY_BYTES // limits.GB} GB; save fewer rows, or"
                " float32",
            )
        with self._opened(array) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    @contextmanager
    def _opened(self, array: str) -> Iterator[IO[bytes]]:
        try:
            with self._archive.open(f"{array}.npy") as file:
                yield file
        except (*_DAMAGED, MemoryError) as error:
            raise self.wrong(array, "is damaged; save it again with np.savez") from error


@contextmanager
def open_npz(path: Path) -> Iterator[Npz]:
    """Open an ``.npz`` file for as long as the ``with`` lasts."""
    name = printable(path.absolute().name)
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise ImportSetError(
            f"{printable(str(path))} does not exist; give the path of an .npz file."
        ) from error
    except OSError as error:
        raise ImportSetError(
            f"{name} cannot be read ({error.strerror}); give the path of an .npz file."
        ) from error
    except (ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ImportSetError(
            f"{name} is no .npz file, or a damaged one; save it again with np.savez."
        ) from error
    with archive:
        yield Npz(archive, name)
