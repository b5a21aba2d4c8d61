"""The catalogue of image sets: open one by its name, make a name sure to be free, publish a set,
remove one.

A set appears and goes by one rename a folder, from and to ``data/.incoming/``, so an import or a
removal that is cut short leaves no half of a set. Who imports holds a lock; what lies there without
one, the next import removes.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vlcore.data.drawn import BUILT_IN, drawn_set, recipe_of
from vlcore.data.imageset import ImageSet, ImageSetError, read_set, usable_name
from vlcore.experiment import trash
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import HomeError, data_folder, make_folder

LOCK_WAIT = 2.0  # seconds
_DRAWN = re.compile(r"^(.+)-v\d+$")  # a drawn set's folder has its version too


class ImportBusyError(ImageSetError, BusyError):
    """A name that somebody else is importing to; the message says what to do."""


def open_set(name: str, version: str | None = None) -> ImageSet:
    """An image set by name, of a version where one is needed; what we draw is drawn when it is
    needed."""
    recipe = recipe_of(name)
    try:
        if not usable_name(name):
            raise ImageSetError(name)
        images = read_set(data_folder() / name) if recipe is None else drawn_set(recipe, version)
    except ImageSetError as error:
        known = ", ".join(set_names())
        raise ImageSetError(
            f"There is no usable image set named {name!r}; there are: {known}."
        ) from error
    if version not in (None, images.version):
        now = f"The image set {name!r} is version {images.version!r} now"
        raise ImageSetError(f"{now}, not {version!r}; train on it again.")
    return images


def set_names() -> list[str]:
    """Names of the image sets: what we draw first, then what lies on the disk."""
    folders = [file.parent.name for file in data_folder().glob("[!.]*/dataset.json")]
    there = {_DRAWN.sub(r"\1", folder) for folder in folders}
    return [*BUILT_IN, *sorted(there - set(BUILT_IN))]


def set_stamp(name: str) -> int:
    """A number that changes when the description of a set on the disk is replaced; 0 where there is
    none."""
    try:
        return (data_folder() / name / "dataset.json").stat().st_mtime_ns
    except OSError:
        return 0


def check_name(name: str) -> None:
    """Refuse the name of a new set that has characters which a name cannot have, or is taken."""
    if not usable_name(name) or _DRAWN.fullmatch(name):
        rule = (
            "use lower-case letters, digits, '.', '-' and '_', at most 60, without a version such"
            " as -v2 at the end"
        )
        raise ImageSetError(f"An image set cannot be named {name!r}; {rule}.")
    if name in set_names():
        raise ImageSetError(f"There is an image set named {name!r} already; choose another name.")


def check_free(name: str) -> None:
    """Refuse a name that cannot be used, or that anything in the folder has."""
    check_name(name)
    if (data_folder() / name).exists():
        raise ImageSetError(
            f"There is a folder {name} in {data_folder()} already; choose another name."
        )


@contextmanager
def staging_dir(name: str) -> Iterator[Path]:
    """A folder aside, gone afterwards unless published; an `ImportBusyError` where somebody imports
    to the name."""
    incoming = make_folder(data_folder() / ".incoming")
    for left in incoming.glob("*-*/"):
        lock = FileLock(incoming / f"{left.name.rpartition('-')[0]}.lock", timeout=0)
        with suppress(Timeout):
            lock.acquire()
            _clear(left, lock)
    lock = FileLock(incoming / f"{name}.lock", timeout=LOCK_WAIT)
    try:
        lock.acquire()
    except Timeout:
        raise ImportBusyError(
            f"{name} is being imported by another process; wait, or choose another name."
        ) from None
    work = incoming / f"{name}-{os.getpid()}"
    try:
        work.mkdir()
        yield work
    except (
        OSError
    ) as error:  # files of the source have their own errors, so this is about what is written
        why = f"{data_folder()} cannot be written ({error.strerror or error})"
        raise HomeError(f"{why}; make room or point VLCORE_HOME to another folder.") from error
    finally:
        _clear(work, lock)


def _clear(work: Path, lock: FileLock) -> None:
    """Remove a folder and its lock's file, then let it go: in this order, or it could be that of
    who comes next."""
    shutil.rmtree(work, ignore_errors=True)
    with suppress(OSError):  # Windows removes no file that is open
        os.unlink(lock.lock_file)
    lock.release()


def publish(work: Path, name: str) -> None:
    """Make a whole set appear under its name, unless that was taken meanwhile."""
    check_free(name)
    os.rename(work, data_folder() / name)


def folders_of(name: str) -> list[Path]:
    """The folders of a set that can be removed: one, or of a drawn set one for each version of the
    renderer."""
    if name in BUILT_IN:
        raise ImageSetError(
            f"{name} is built in and is drawn again when it is needed; it cannot be removed."
        )
    folders = []
    if usable_name(name):  # else it would be a pattern, or lead out of the folder
        there = sorted(file.parent for file in data_folder().glob(f"{name}*/dataset.json"))
        folders = [path for path in there if re.fullmatch(rf"{re.escape(name)}(-v\d+)?", path.name)]
    if not folders:
        raise ImageSetError(
            f"There is no image set named {name!r}; there are: {', '.join(set_names())}."
        )
    return folders


def remove(name: str) -> list[Path]:
    """Remove a set that is there and not built in, for a week to `vlcore.experiment.trash`; returns
    where its folders were."""
    folders = folders_of(name)
    trash.discard(folders)
    return folders
