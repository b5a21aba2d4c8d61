"""Sources of imports: a folder or a zip from anywhere, as a list of files that are read one by one.

A zip is never unpacked. Its members are read by name, up to a limit, into memory: a path that
points outside, a link or a bomb has nothing to write to, and a reader cannot tell a folder from a
zip.
"""

import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from vlcore.data.imageset import ImageSetError
from vlcore.experiment import limits

DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
_TOO_LARGE = f"has more than {limits.PICTURE_BYTES // limits.MB} MB"
_BREAK = re.compile(r"[\t\r\n\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NEVER_A_BOMB = 2**20  # bytes; a smaller member is none, whatever its ratio

Skipped = list[tuple[str, str]]  # (name, reason) of files that are left out


class ImportSetError(ImageSetError):
    """A source that cannot become an image set."""


class UnreadableError(ValueError):
    """One file that cannot be read; the message is the reason, without the file's name."""


@dataclass(frozen=True)
class Source:
    """Files of a folder or a zip: paths inside, with ``/`` between folders, sorted, without hidden
    ones. `read` returns the bytes of a file, or raises `UnreadableError` when it is gone, damaged
    or too large."""

    name: str
    files: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    read: Callable[[str], bytes]

    @cached_property
    def by_name(self) -> dict[str, str]:
        """The files by their paths, and by their composed paths (NFC) where those are of one file:
        macOS writes an é as two characters, most tables as one."""
        composed = [unicodedata.normalize("NFC", file) for file in self.files]
        counts = Counter(composed)
        pairs = zip(composed, self.files, strict=True)
        unique = {name: file for name, file in pairs if counts[name] == 1}
        return unique | {file: file for file in self.files}


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a folder or a zip for as long as the ``with`` lasts; ImportSetError where it is neither,
    cannot be read or is above the limits."""
    name = printable(path.absolute().name)
    with ExitStack() as stack:
        try:
            if path.is_dir():
                source = _folder(path.resolve(), name)
            elif path.is_file() and zipfile.is_zipfile(path):
                source = _zip(stack.enter_context(zipfile.ZipFile(path)), name)
            else:
                raise ImportSetError(_why_no_source(path, name))
        except ImportSetError:
            raise
        except OSError as error:
            raise ImportSetError(
                f"{name} cannot be read ({error.strerror}); change its permissions."
            ) from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ImportSetError(f"{name} is a damaged zip; download or pack it again.") from error
        yield source


def _why_no_source(path: Path, name: str) -> str:
    if not path.is_file():
        return f"{printable(str(path))} does not exist; give the path of a folder or a zip."
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return f"{name} is a damaged or unfinished zip; download or pack it again."
    if path.suffix.lower() == ".csv":
        return f"{name} is a table; give the folder of it and the images, or a zip of that."
    return f"{name} is neither a folder nor a zip; give the folder or a zip of it."


def printable(text: str, most: int = 300) -> str:
    """Text without control characters and other invisible ones, at most so many characters."""
    spaced = re.sub(r"[\t\r\n]", " ", text)
    visible = "".join(letter for letter in spaced if unicodedata.category(letter)[0] != "C")
    return re.sub(r" +", " ", visible).strip()[:most].rstrip()


def joinable(text: str) -> str:
    """A name as its user wrote it, by which rows are joined to the user's own table: on one line,
    without control characters and those that turn the direction of text around."""
    return _CONTROL.sub("", _BREAK.sub(" ", text))


def path_inside(folder: PurePosixPath, name: str, by_name: Mapping[str, str]) -> tuple[str, str]:
    """(path inside the source, "") of a file that a table names, by `Source.by_name`, or ("",
    reason)."""
    path = PurePosixPath(name.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        return "", "is a path that leads out of the table's folder"
    named = str(folder / path)
    file = by_name.get(named) or by_name.get(unicodedata.normalize("NFC", named), "")
    return file, "" if file else "is in the table, but no such file is there"


def _folder(root: Path, name: str) -> Source:
    files: list[str] = []
    skipped: Skipped = []
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            if not folder:
                raise
            skipped.append((folder, f"cannot be read ({error.strerror})"))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_hidden(path):
                continue
            reason = _why_not_path(path)
            if not reason and entry.is_symlink():
                reason = _why_not_link(root, path)
            if reason:
                skipped.append((path, reason))
            elif entry.is_dir():
                folders.append(path)
            elif entry.is_file():
                files.append(path)
        _check_count(len(files), limits.FILES, name)

    def read(file: str) -> bytes:
        try:
            with open(root / file, "rb") as stream:
                data = stream.read(limits.PICTURE_BYTES + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from error
        if len(data) > limits.PICTURE_BYTES:
            raise UnreadableError(_TOO_LARGE)
        return data

    return Source(name, tuple(sorted(files)), tuple(sorted(skipped)), read)


def _why_not_link(root: Path, path: str) -> str:
    target = os.path.realpath(root / path)  # no file, of a link to nothing or to itself
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
        reason = _why_not_path(path) or _why_not_member(member)
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
            # Never more than the member claims, which is within the limit.
            return archive.read(members[file])
        except DAMAGED as error:
            raise UnreadableError("is damaged in the zip") from error

    return Source(name, tuple(sorted(members)), tuple(sorted(skipped)), read)


def _why_not_path(path: str) -> str:
    """The reason not to read a path, whatever lies there; empty where there is none."""
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in parts:
        return "has a path that leads out of the source"
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        return "has a name that is not text; rename it"
    longest = max(len(part.encode()) for part in parts)
    if len(parts) > limits.PATH_PARTS or longest > limits.PATH_PART:
        most = f"{limits.PATH_PART} bytes, or lies in more than {limits.PATH_PARTS} folders"
        return f"has a name of more than {most}; rename it"
    return "is a zip inside the source; unpack it first" if path.lower().endswith(".zip") else ""


def _why_not_member(member: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link; pack the file itself"
    if member.flag_bits & 0x1:
        return "is encrypted; unpack it and import the folder"
    if member.file_size > limits.PICTURE_BYTES:
        return _TOO_LARGE
    if member.file_size > max(_NEVER_A_BOMB, limits.RATIO * member.compress_size):
        return f"unpacks to more than {limits.RATIO} times its size, which no image does"
    return ""


def _is_hidden(path: str) -> bool:
    parts = path.split("/")
    return "__MACOSX" in parts or any(
        part.startswith(".") and part not in (".", "..") for part in parts
    )


def _check_count(files: int, most: int, name: str) -> None:
    if files > most:
        raise ImportSetError(f"{name} has more than {most:,} files; import a part of it.")
