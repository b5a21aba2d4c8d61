"""Disks that fail as long as a ``with`` lasts, without any right that a test may not have."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

_read_only: list[str] = []  # folders
_hooked: list[bool] = []
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("mkdir", "rename", "remove", "rmdir", "link", "symlink", "truncate", "utime")


@contextmanager
def full(process: int | None = None) -> Iterator[None]:
    """No file can grow: the kernel refuses what is written (RLIMIT_FSIZE; EFBIG, where a full disk
    says ENOSPC). For another process of this user by its number, on Linux."""
    sys.stdout.flush()
    with _limited("RLIMIT_FSIZE", 0, process):
        yield


@contextmanager
def no_descriptors() -> Iterator[None]:
    """No file can be opened: the kernel has no number for it (RLIMIT_NOFILE; EMFILE)."""
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    with _limited("RLIMIT_NOFILE", lowest):
        yield


@contextmanager
def _limited(name: str, soft: int, process: int | None = None) -> Iterator[None]:
    import resource

    kind, limit = getattr(resource, name), resource.setrlimit
    if process is not None:
        limit = partial(resource.prlimit, process)
    before = resource.getrlimit(kind) if process is None else limit(kind)
    limit(kind, (soft, before[1]))
    try:
        yield
    finally:
        limit(kind, before)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing changes in a folder, as far as Python is asked to (EROFS by an audit hook): root may
    write anywhere."""
    if not _hooked:  # a hook stays for life
        sys.addaudithook(_refuse)
        _hooked.append(True)
    _read_only.append(f"{folder}{os.sep}")
    try:
        yield
    finally:
        _read_only.pop()


def _refuse(event: str, given: tuple[Any, ...]) -> None:
    if not _read_only or not (
        event.removeprefix("os.") in _CHANGES or (event == "open" and given[2] & _WRITES)
    ):
        return
    for path in given[:2]:
        if isinstance(path, str | os.PathLike) and f"{os.fspath(path)}{os.sep}".startswith(
            _read_only[-1]
        ):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), os.fspath(path))


@contextmanager
def removed(folder: Path) -> Iterator[None]:
    """A folder is gone, as a disk is that was unmounted."""
    aside = folder.rename(folder.with_name(f"{folder.name}-aside"))
    try:
        yield
    finally:
        if folder.exists():  # made anew meanwhile
            folder.rename(folder.with_name(f"{folder.name}-meanwhile"))
        aside.rename(folder)
