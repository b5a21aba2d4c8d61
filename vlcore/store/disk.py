"""The disk under the home: what lies there, what can be made again and goes first, and room for what is to come."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vlcore.core import limits, trash
from vlcore.core.errors import LabError
from vlcore.core.files import data_folder, home, hub_folder, models_folder, write_errors
from vlcore.core.options import ArtefactKind
from vlcore.store import artefacts, shipped
from vlcore.store.artefacts import StoreError


class NoRoomError(LabError):
    """The disk is nearly full; the message says what to do."""


class Usage(NamedTuple):
    """Bytes: of models and what is made of them, of image sets, of downloads, of what was deleted; and what is free."""

    models: int
    sets: int
    downloads: int
    deleted: int
    free: int


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder; what goes meanwhile counts nothing, and links lead nowhere."""
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


def own() -> dict[str, Path]:
    """Folders of what was made here, by key: not of models that come with this version and lie unpacked beside it."""
    folders = {key: models_folder() / key for key in artefacts.published_keys()}
    return {key: folder for key, folder in folders.items() if folder.is_dir() and _is_own(key)}


def _is_own(key: str) -> bool:
    return not shipped.there(key) or artefacts.made_here(key)  # the latter reads all files


def delete(key: str) -> None:
    """Move a model, or what is made of one, aside for a week; StoreError where there is none, or it comes with this
    version and would be there again."""
    folder = models_folder() / artefacts.check_key(key)
    if not _is_own(key):
        raise StoreError(f"{key} came with this version and takes no more room than its file; it stays.")
    if not folder.is_dir():
        raise StoreError(f"No model {key!r} is on disk; `python -m vlcore status` lists the keys there are.")
    trash.put([folder])


def _made_again() -> Iterator[tuple[float, str]]:
    """Keys of what a click makes again, fitted maps and untrained encoders, with when each was made."""
    for key in artefacts.published_keys():
        folder, kind = models_folder() / key, artefacts.kind_beside(key)
        if not folder.is_dir():
            continue
        condition = artefacts.condition_of(key) if kind is None else None
        if kind is ArtefactKind.MAP or (condition and condition.kind is ArtefactKind.UNTRAINED):
            yield (folder / "manifest.json").stat().st_mtime, key


def prune(wanted: int = limits.FREE_BYTES) -> list[str]:
    """Remove, until so many bytes are free, what was deleted a week ago and then what can be made again, the oldest
    first; returns the names."""
    gone = trash.empty() if free() < wanted else []
    for _, key in sorted(_made_again()):
        if free() >= wanted:
            break
        with write_errors(models_folder(), "make it writable"):
            shutil.rmtree(models_folder() / key)
        gone.append(key)
    return gone


def make_room() -> None:
    """See that there is room for a job, where that is short by `prune`; NoRoomError where it does not help."""
    if free() < limits.FREE_BYTES:
        prune()
    if free() < limits.FREE_BYTES:
        least = f"Less than {limits.FREE_BYTES / 2**30:.0f} GB are free on the server's disk, so nothing new is made"
        raise NoRoomError(f"{least}; a teacher can delete models and image sets on the page Manage.")
