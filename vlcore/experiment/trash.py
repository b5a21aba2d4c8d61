"""Deleted models and image sets: kept for a week in a folder of the same disk, or until room is
needed, so that they can be restored."""

import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from vlcore.experiment.errors import LabError
from vlcore.experiment.files import data_folder, make_folder, models_folder, write_errors

KEPT_SECONDS = 7 * 24 * 3600.0
# Name of a folder, and when it was deleted, in nanoseconds since 1970.
_NAME = re.compile(r"(.+)~(\d+)")
_VERSION = re.compile(r"-v\d+$")  # of a drawn set's folder


class TrashError(LabError):
    """Something that cannot be restored; the message says why."""


class Deleted(NamedTuple):
    """A folder that was deleted."""

    name: str  # of its model or set
    at: float  # when it was deleted, in seconds since 1970
    path: Path  # where it is now
    origin: Path  # where it was


def discard(folders: Sequence[Path]) -> None:
    """Move folders of models or sets to the trash, in one rename each; HomeError where the disk
    refuses."""
    at = time.time_ns()
    for folder in folders:
        trash = make_folder(folder.parent / ".trash")
        with write_errors(folder, "make it writable"):
            folder.rename(trash / f"{folder.name}~{at}")


def deleted_folders() -> list[Deleted]:
    """Folders that can be restored, the latest first; a drawn set may have one for each version."""
    deleted = []
    for home in (models_folder(), data_folder()):
        for path in (home / ".trash").glob("*~*"):
            if match := _NAME.fullmatch(path.name):
                origin = home / match[1]
                deleted.append(Deleted(_name_of(origin), int(match[2]) / 1e9, path, origin))
    return sorted(deleted, key=lambda folder: -folder.at)


def _name_of(origin: Path) -> str:
    """Name of the model or set of a folder."""
    return _VERSION.sub("", origin.name) if origin.parent == data_folder() else origin.name


def restore_deleted(name: str) -> list[Path]:
    """Move the folders that were deleted last under a name back; returns where they are.

    Raises:
        TrashError: Nothing of that name was deleted, or something has its name again.
    """
    named = [folder for folder in deleted_folders() if folder.name == name]
    if not named:
        raise TrashError(
            f"There is nothing deleted named {name!r}; `python -m vlcore disk` lists what can be"
            " put back."
        )
    last = [folder for folder in named if folder.at == named[0].at]
    for path in last[0].origin.parent.iterdir():
        if _name_of(path) == name:
            raise TrashError(f"There is {path} again; delete it first.")
    for folder in last:
        with write_errors(folder.origin, "make it writable"):
            folder.path.rename(folder.origin)
    return [folder.origin for folder in last]


def empty(older_than: float = KEPT_SECONDS) -> list[str]:
    """Remove for good what was deleted so many seconds ago; returns the names."""
    before = time.time() - older_than
    old = [folder for folder in deleted_folders() if folder.at <= before]
    for folder in old:
        erase(folder)
    return [folder.name for folder in old]


def erase(folder: Deleted) -> None:
    """Remove a deleted folder for good; HomeError where the disk refuses."""
    # Another process may have just removed it.
    with write_errors(folder.path, "make it writable"), suppress(FileNotFoundError):
        if folder.path.is_symlink():
            folder.path.unlink()
        else:
            shutil.rmtree(folder.path)
