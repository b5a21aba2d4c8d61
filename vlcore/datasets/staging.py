"""Staging folders of image sets: all is written aside, under ``data/.incoming/``, and appears by one rename.

Who imports holds a lock; what lies there without one was left by a process that died, and the next import removes it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vlcore.core.errors import BusyError
from vlcore.core.files import HomeError, data_folder, make_folder
from vlcore.datasets.imageset import ImageSetError

LOCK_WAIT = 2.0  # seconds


class ImportBusyError(ImageSetError, BusyError):
    """A name that somebody else is importing to; the message says what to do."""


@contextmanager
def staging_dir(name: str) -> Iterator[Path]:
    """A folder aside, this process's own, which is gone afterwards unless it was published.

    Raises:
        ImportBusyError: when the name is being imported by somebody else.
        HomeError: when the folder cannot be written.
    """
    incoming = make_folder(data_folder() / ".incoming")
    _remove_leftovers(incoming)
    lock = FileLock(incoming / f"{name}.lock", timeout=LOCK_WAIT)
    try:
        lock.acquire()
    except Timeout:
        raise ImportBusyError(f"{name} is being imported by another process; wait, or choose another name.") from None
    work = incoming / f"{name}-{os.getpid()}"
    try:
        work.mkdir()
        yield work
    except OSError as error:  # files of the source have their own errors, so this is about what is written
        raise HomeError(
            f"{data_folder()} cannot be written ({error.strerror or error}); make room or point VLCORE_HOME to another "
            "folder."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        _drop(lock)


def _drop(lock: FileLock) -> None:
    """Remove a lock's file, then let it go: in this order, or it could be that of who comes next."""
    with suppress(OSError):  # Windows removes no file that is open
        os.unlink(lock.lock_file)
    lock.release()


def _remove_leftovers(incoming: Path) -> None:
    for work in incoming.glob("*-*/"):
        lock = FileLock(incoming / f"{work.name.rpartition('-')[0]}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        shutil.rmtree(work, ignore_errors=True)
        _drop(lock)
