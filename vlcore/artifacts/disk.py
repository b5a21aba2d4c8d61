"""Disk space of the home: usage, deletion, and room for new artifacts."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from vlcore.artifacts import bundled, store
from vlcore.artifacts.store import StoreError
from vlcore.experiment import limits, trash
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import data_folder, home, hub_folder, models_folder, write_errors
from vlcore.experiment.options import ArtifactKind

_COUNT_VALID = 10.0  # seconds that a count of the home's bytes is used for new jobs
_last_count: list[tuple[float, int]] = []  # time and bytes of the last count of the home


class NoRoomError(LabError):
    """The disk is nearly full, or the home has reached its limit; the message says what to do."""


class Usage(NamedTuple):
    """Bytes of models, maps and checks, of image sets, downloads and the trash; free bytes."""

    models: int
    sets: int
    downloads: int
    deleted: int
    free: int


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder, without the holes of files; links are not followed."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it has just been deleted
                status = os.lstat(os.path.join(parent, name))
                blocks = getattr(status, "st_blocks", status.st_size)  # Windows has none
                total += min(status.st_size, blocks * 512)
    return total


def usage() -> Usage:
    """Disk space that the home takes now."""
    downloads = size_of(hub_folder())
    deleted_models = size_of(models_folder() / ".trash")
    deleted_sets = size_of(data_folder() / ".trash")
    return Usage(
        models=size_of(models_folder()) - downloads - deleted_models,
        sets=size_of(data_folder()) - deleted_sets,
        downloads=downloads,
        deleted=deleted_models + deleted_sets,
        free=free_bytes(),
    )


def free_bytes() -> int:
    """Bytes that are free on the disk of the home."""
    parent = next(path for path in (home(), *home().parents) if path.exists())
    return shutil.disk_usage(parent).free


def home_limit() -> int | None:
    """Bytes that the home may take, by ``VLCORE_HOME_MAX`` in GB; None without a limit."""
    gigabytes = os.environ.get("VLCORE_HOME_MAX")
    if not gigabytes:
        return None
    if not gigabytes.isdecimal() or not int(gigabytes):
        raise LabError(
            f"VLCORE_HOME_MAX is {gigabytes!r}; give the whole number of GB that the home may take."
        )
    return int(gigabytes) * limits.GB


def _excess(min_free: int, max_age: float = 0.0) -> int:
    """Bytes to remove until so many are free and the home is within its limit.

    Args:
        min_free: bytes that must be free.
        max_age: of the last count of the home's bytes, in seconds.
    """
    limit = home_limit()
    if limit is None:
        return max(0, min_free - free_bytes())
    now = time.monotonic()
    if not _last_count or now - _last_count[0][0] >= max_age:
        _last_count[:] = [(now, size_of(models_folder()) + size_of(data_folder()))]
    return max(0, min_free - free_bytes(), _last_count[0][1] - limit)


def deletable_folders() -> dict[str, Path]:
    """Folders of artifacts by key, without bundled ones that are unpacked."""
    folders = {key: models_folder() / key for key in store.published_keys()}
    return {key: path for key, path in folders.items() if path.is_dir() and _is_made_here(key)}


def _is_made_here(key: str) -> bool:
    return not bundled.is_bundled(key) or store.made_here(key)  # the latter reads all files


def delete_artifacts(*keys: str) -> None:
    """Move artifacts to the trash; StoreError where one is absent or bundled, and all of
    them stay."""
    folders = {key: models_folder() / store.check_key(key) for key in keys}
    for key, folder in folders.items():
        if not _is_made_here(key):
            raise StoreError(f"{key} is bundled and takes no more room than its file; it stays.")
        if not folder.is_dir():
            raise StoreError(
                f"No model {key!r} is on disk; `python -m vlcore status` lists the keys there are."
            )
    trash.discard(list(folders.values()))


def _remakeable() -> Iterator[tuple[float, str]]:
    """Time and key of artifacts that a click makes again: fitted maps and untrained encoders."""
    for key in store.published_keys():
        folder, kind = models_folder() / key, store.kind_of_key(key)
        if not folder.is_dir():
            continue
        condition = store.condition_of(key) if kind is None else None
        if kind is ArtifactKind.MAP or (condition and condition.kind is ArtifactKind.UNTRAINED):
            yield (folder / "manifest.json").stat().st_mtime, key


def prune_home(min_free: int = limits.FREE_BYTES) -> list[str]:
    """Remove what was deleted a week ago, and remakeable artifacts, the oldest first, as far as
    needed.

    Args:
        min_free: bytes that must be free; the home must be within its limit too.

    Returns:
        The names that were removed.
    """
    removed = trash.empty() if _excess(min_free) else []
    for _, key in sorted(_remakeable()):
        if not _excess(min_free):
            break
        with write_errors(models_folder(), "make it writable"):
            shutil.rmtree(models_folder() / key)
        removed.append(key)
    return removed


def make_room() -> None:
    """Prune where there is no room for a job, then empty the trash, the oldest first, as far as
    needed; NoRoomError where that does not help."""
    if not _excess(limits.FREE_BYTES, _COUNT_VALID):
        return
    prune_home()
    deleted = trash.deleted_folders()
    while deleted and _excess(limits.FREE_BYTES):
        trash.erase(deleted.pop())  # the oldest
    if not _excess(limits.FREE_BYTES):
        return
    reason = f"less than {limits.FREE_BYTES / limits.GB:.0f} GB are free on the server's disk"
    if free_bytes() >= limits.FREE_BYTES:
        reason = f"this server keeps no more than {(home_limit() or 0) / limits.GB:.0f} GB"
    raise NoRoomError(
        f"Nothing new is made, as {reason}; a teacher can delete models and image sets on Manage."
    )
