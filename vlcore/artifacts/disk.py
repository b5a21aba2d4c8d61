"""The disk under the home: what lies there, what can be made again and goes first, and room for
what is to come."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vlcore.artifacts import bundled, store
from vlcore.artifacts.store import StoreError
from vlcore.experiment import limits, trash
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import data_folder, home, hub_folder, models_folder, write_errors
from vlcore.experiment.options import ArtifactKind

_COUNTED = 10.0  # seconds that a sum of the home holds for who asks for a job
_home: list[tuple[float, int]] = []  # when its bytes were counted last, and how many they were


class NoRoomError(LabError):
    """The disk is nearly full, or the home has all that it may; the message says what to do."""


class Usage(NamedTuple):
    """Bytes: of models and what is made of them, of image sets, of downloads, of what was deleted;
    and what is free."""

    models: int
    sets: int
    downloads: int
    deleted: int
    free: int


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder; what goes meanwhile counts nothing, and links lead
    nowhere."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return total


def usage() -> Usage:
    """What the home takes now."""
    downloads = size_of(hub_folder())
    deleted = [size_of(folder / ".trash") for folder in (models_folder(), data_folder())]
    models = size_of(models_folder()) - downloads - deleted[0]
    return Usage(models, size_of(data_folder()) - deleted[1], downloads, sum(deleted), free())


def free() -> int:
    """Bytes that are free on the disk of the home."""
    there = next(path for path in (home(), *home().parents) if path.exists())
    return shutil.disk_usage(there).free


def most() -> int | None:
    """Bytes that the home may take, by ``VLCORE_HOME_MAX`` in GB; None where only the disk bounds
    it."""
    if not (named := os.environ.get("VLCORE_HOME_MAX")):
        return None
    if not named.isdecimal() or not int(named):
        raise LabError(
            f"VLCORE_HOME_MAX is {named!r}; give the whole number of GB that the home may take."
        )
    return int(named) * limits.GB


def _lacking(wanted: int, within: float = 0.0) -> int:
    """Bytes that have to go, until so many are free and the home takes no more than it may; of the
    home as it was so many seconds ago at most."""
    if (allowed := most()) is None:
        return max(0, wanted - free())
    now = time.monotonic()
    if not _home or now - _home[0][0] >= within:
        _home[:] = [(now, size_of(models_folder()) + size_of(data_folder()))]
    return max(0, wanted - free(), _home[0][1] - allowed)


def own() -> dict[str, Path]:
    """Folders of what was made here, by key: not of models that come with this version and lie
    unpacked beside it."""
    folders = {key: models_folder() / key for key in store.published_keys()}
    return {key: folder for key, folder in folders.items() if folder.is_dir() and _is_own(key)}


def _is_own(key: str) -> bool:
    return not bundled.there(key) or store.made_here(key)  # the latter reads all files


def delete(key: str) -> None:
    """Move a model, or what is made of one, aside for a week; StoreError where there is none, or it
    comes with this version and would be there again."""
    folder = models_folder() / store.check_key(key)
    if not _is_own(key):
        raise StoreError(
            f"{key} came with this version and takes no more room than its file; it stays."
        )
    if not folder.is_dir():
        raise StoreError(
            f"No model {key!r} is on disk; `python -m vlcore status` lists the keys there are."
        )
    trash.discard([folder])


def _made_again() -> Iterator[tuple[float, str]]:
    """Keys of what a click makes again, fitted maps and untrained encoders, with when each was
    made."""
    for key in store.published_keys():
        folder, kind = models_folder() / key, store.kind_of_key(key)
        if not folder.is_dir():
            continue
        condition = store.condition_of(key) if kind is None else None
        if kind is ArtifactKind.MAP or (condition and condition.kind is ArtifactKind.UNTRAINED):
            yield (folder / "manifest.json").stat().st_mtime, key


def prune(wanted: int = limits.FREE_BYTES) -> list[str]:
    """Remove, until so many bytes are free and the home takes no more than it may, what was deleted
    a week ago and then what can be made again, the oldest first; returns the names."""
    gone = trash.empty() if _lacking(wanted) else []
    for _, key in sorted(_made_again()):
        if not _lacking(wanted):
            break
        with write_errors(models_folder(), "make it writable"):
            shutil.rmtree(models_folder() / key)
        gone.append(key)
    return gone


def make_room() -> None:
    """See that there is room for a job, where that is short by `prune`; NoRoomError where it does
    not help."""
    if _lacking(limits.FREE_BYTES, _COUNTED):
        prune()
        if _lacking(limits.FREE_BYTES):
            short = (
                f"less than {limits.FREE_BYTES / limits.GB:.0f} GB are free on the server's disk"
            )
            if free() >= limits.FREE_BYTES:
                short = f"this server keeps no more than {(most() or 0) / limits.GB:.0f} GB"
            raise NoRoomError(
                f"Nothing new is made, as {short}; a teacher can delete models and image sets on"
                " Manage."
            )
