"""What somebody deleted: kept for a week beside where it was, so that it can be put back."""

import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vlcore.experiment.errors import LabError
from vlcore.experiment.files import data_folder, make_folder, models_folder, write_errors

KEPT = 7 * 24 * 3600.0  # seconds
_NAME = re.compile(r"(.+)~(\d+)")  # of a folder, and when it was deleted, in nanoseconds since 1970


class TrashError(LabError):
    """Something that cannot be put back; the message says why."""


class Deleted(NamedTuple):
    """A folder that was deleted: the name of its model or set, when (seconds since 1970), where it
    lies and lay."""

    name: str
    at: float
    path: Path
    place: Path


def put(folders: Sequence[Path]) -> None:
    """Move folders of models or sets aside, in one rename each; HomeError where the disk does not
    let them go."""
    at = time.time_ns()
    for folder in folders:
        aside = make_folder(folder.parent / ".trash")
        with write_errors(folder, "make it writable"):
            folder.rename(aside / f"{folder.name}~{at}")


def listed() -> list[Deleted]:
    """What can be put back, the latest first; of a drawn set there may be a folder for each
    version."""
    found = []
    for home, version in ((models_folder(), ""), (data_folder(), r"-v\d+$")):
        for path in (home / ".trash").glob("*~*"):
            if match := _NAME.fullmatch(path.name):
                name = re.sub(version, "", match[1]) if version else match[1]
                found.append(Deleted(name, int(match[2]) / 1e9, path, home / match[1]))
    return sorted(found, key=lambda one: -one.at)


def restore(name: str) -> list[Path]:
    """Put back what was deleted last under a name; returns where it is. TrashError where there is
    nothing, or something of that name again."""
    own = [one for one in listed() if one.name == name]
    if not own:
        raise TrashError(
            f"There is nothing deleted named {name!r}; `python -m vlcore disk` lists what can be"
            " put back."
        )
    last = [one for one in own if one.at == own[0].at]
    for one in last:
        if one.place.exists():
            raise TrashError(f"There is {one.place} again; delete it first.")
    for one in last:
        with write_errors(one.place, "make it writable"):
            one.path.rename(one.place)
    return [one.place for one in last]


def empty(older_than: float = KEPT) -> list[str]:
    """Remove for good what was deleted so many seconds ago; returns the names."""
    before = time.time() - older_than
    gone = [one for one in listed() if one.at <= before]
    for one in gone:
        with write_errors(one.path, "make it writable"):
            one.path.unlink() if one.path.is_symlink() else shutil.rmtree(one.path)
    return [one.name for one in gone]
