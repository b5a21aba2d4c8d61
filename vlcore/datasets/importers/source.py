"""Sources of imports: a folder or a zip from anywhere, as a list of files that can be read one at a time.

A zip is never unpacked. Its members are read by name, up to a limit, into memory; so a path that points outside, a link
or a bomb has nothing to write to, and a folder and a zip look alike to whoever reads them.
"""

from __future__ import annotations

import codecs
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vlcore.datasets.imageset import ImageSetError

MAX_FILES = 500_000
MAX_FILE_BYTES = 50 * 2**20
LONGEST_PATH = 4096  # characters
MAX_ZIP_BYTES = 64 * 2**30  # unpacked
MAX_RATIO = 200  # of unpacked to packed; pictures are packed already and hardly shrink
_TABLES = (".csv", ".tsv", ".jsonl")
_SMALL = 2**20  # bytes; what unpacks to less is no bomb, whatever its ratio
_TOO_LARGE = f"has more than {MAX_FILE_BYTES // 2**20} MB"

Skipped = list[tuple[str, str]]  # (name, reason) of what is left out


class ImportSetError(ImageSetError):
    """A source that cannot become an image set; the message says what to do, and `on_page` says it without options of
    the command line."""

    def __init__(self, message: str, on_page: str = "") -> None:
        super().__init__(message)
        self.on_page = on_page or message


class UnreadableError(ValueError):
    """One file that cannot be read; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class Source:
    """Files of a folder or a zip.

    Attributes:
        name: last part of the path, for people.
        files: paths inside, with ``/`` between folders, sorted; hidden files and ``__MACOSX`` left out.
        skipped: (path, reason) of what was there and is not to be read.
        read: gives the bytes of a file.

    `read` raises `UnreadableError` when the file is gone, damaged or too large.
    """

    name: str
    files: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    read: Callable[[str], bytes]


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder or a zip for as long as the ``with`` lasts.

    Raises:
        ImportSetError: when there is nothing, nothing readable, or more than the limits allow.
    """
    name = printable(path.absolute().name)
    with ExitStack() as opened:
        try:
            if path.is_dir():
                source = _folder(path.resolve(), name)
            elif not path.is_file():
                raise ImportSetError(f"{printable(str(path))} does not exist; give the path of a folder or a zip.")
            elif zipfile.is_zipfile(path):
                source = _zip(opened.enter_context(zipfile.ZipFile(path)), name)
            elif _starts_as_zip(path):
                raise ImportSetError(f"{name} is a damaged or unfinished zip; download or pack it again.")
            elif path.suffix.lower() in _TABLES:
                raise ImportSetError(
                    f"{name} is a table; give the folder that holds it and the pictures, or a zip of that."
                )
            else:
                raise ImportSetError(f"{name} is neither a folder nor a zip; give the folder or a zip of it.")
        except ImportSetError:
            raise
        except OSError as error:
            raise ImportSetError(f"{name} cannot be read ({error.strerror}); change its permissions.") from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ImportSetError(f"{name} is a damaged zip; download or pack it again.") from error
        yield source


def _starts_as_zip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


def printable(text: str, most: int = 300) -> str:
    """Text without control characters and other invisible ones, at most so many characters."""
    spaced = "".join(" " if character in "\t\r\n" else character for character in text)
    shown = "".join(character for character in spaced if unicodedata.category(character)[0] != "C")
    return re.sub(r" +", " ", shown).strip()[:most].rstrip()


def utf8(data: bytes, called: str, most: int | None = None) -> str:
    """The text of a file, or of its first bytes; `called` begins the message where there is none.

    Raises:
        ImportSetError: when it is written in another encoding; guessing at one would change names in silence.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        return decoder.decode(data[:most], final=most is None or len(data) <= most)
    except UnicodeDecodeError as error:
        raise ImportSetError(f"{called} is not written in UTF-8; save it as UTF-8.") from error


def npy_claim(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and kind that the head of a saved array claims, before numpy makes room for the claim.

    Raises:
        ValueError: when it is no head of an array.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def plural(number: int, noun: str) -> str:
    """A number with its noun, such as ``1 picture`` and ``2 pictures``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _folder(root: Path, name: str) -> Source:
    files: list[str] = []
    skipped: list[tuple[str, str]] = []
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
            reason = _why_not(path)
            if reason is None and entry.is_symlink() and not _is_file_inside(root, path):
                reason = "is a link to a folder or out of the source; put the files themselves there"
            if reason is not None:
                skipped.append((path, reason))
            elif entry.is_dir():
                waiting.append(path)
            elif entry.is_file():
                files.append(path)
        _count(len(files), name)

    def read(file: str) -> bytes:
        try:
            with open(root / file, "rb") as opened:
                data = opened.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from error
        if len(data) > MAX_FILE_BYTES:
            raise UnreadableError(_TOO_LARGE)
        return data

    return Source(name, tuple(sorted(files)), tuple(sorted(skipped)), read)


def _zip(archive: zipfile.ZipFile, name: str) -> Source:
    members: dict[str, zipfile.ZipInfo] = {}
    skipped: list[tuple[str, str]] = []
    _count(len(archive.infolist()), name)
    total = 0
    for member in archive.infolist():
        path = member.filename.replace("\\", "/")
        if member.is_dir() or _is_hidden(path):
            continue
        reason = _why_not(path) or _why_not_member(member)
        if reason is None and path in members:
            reason = "is in the zip twice; the first is used"
        if reason is not None:
            skipped.append((path, reason))
            continue
        members[path] = member
        total += member.file_size
        if total > MAX_ZIP_BYTES:
            raise ImportSetError(
                f"{name} unpacks to more than {MAX_ZIP_BYTES // 2**30} GB; unpack what you need and import the folder."
            )

    def read(file: str) -> bytes:
        try:
            return archive.read(members[file])  # never more than it claims, which is within the limit
        except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise UnreadableError("is damaged in the zip") from error

    return Source(name, tuple(sorted(members)), tuple(sorted(skipped)), read)


def _why_not(path: str) -> str | None:
    """The reason not to read a path, whatever lies there."""
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        return "has a path that leads out of the source"
    if any("\ud800" <= character <= "\udfff" for character in path):
        return "has a name that is not text; rename it"
    if path.lower().endswith(".zip"):
        return "is a zip inside the source; unpack it first"
    return None


def _why_not_member(member: zipfile.ZipInfo) -> str | None:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link; pack the file itself"
    if member.flag_bits & 0x1:
        return "is encrypted; unpack it and import the folder"
    if member.file_size > MAX_FILE_BYTES:
        return _TOO_LARGE
    if member.file_size > max(_SMALL, MAX_RATIO * member.compress_size):
        return f"unpacks to more than {MAX_RATIO} times its size, which no picture does"
    return None


def _is_hidden(path: str) -> bool:
    parts = path.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part not in (".", "..") for part in parts)


def _is_file_inside(root: Path, path: str) -> bool:
    target = os.path.realpath(root / path)  # of a link to nothing or to itself, something that is no file
    return os.path.isfile(target) and Path(target).is_relative_to(root)


def _count(files: int, name: str) -> None:
    if files > MAX_FILES:
        raise ImportSetError(f"{name} has more than {MAX_FILES:,} files; import a part of it.")
