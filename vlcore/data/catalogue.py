"""The catalogue of image sets: open one by its name, check a new name, publish a set, remove one.

A set appears and goes by one rename a folder, from and to ``data/.incoming/``: an import or a
removal that is cut short leaves no half of a set. An import holds a lock; folders without one are
removed by the next import.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vlcore.data.drawn import BUILT_IN, drawn_set, folder_name, recipe_of, remember_recipe
from vlcore.data.imageset import ImageSet, ImageSetError, read_set, usable_name
from vlcore.data.packed import PACKED, PackedSetError, packed_set
from vlcore.experiment import trash
from vlcore.experiment.errors import BusyError
from vlcore.experiment.files import HomeError, data_folder, make_folder

BUILT_IN_SETS = (*BUILT_IN, *PACKED)
LOCK_WAIT = 2.0  # seconds
_DRAWN = re.compile(r"^(.+)-v\d+$")  # a drawn set's folder has its version too


class ImportBusyError(ImageSetError, BusyError):
    """A name that somebody else is importing to; the message says what to do."""


def open_set(name: str, version: str | None = None) -> ImageSet:
    """An image set by name, of a version where one is needed; drawn sets are drawn on demand,
    and packed ones unpacked."""
    recipe = recipe_of(name)
    try:
        if not usable_name(name):
            raise ImageSetError(name)
        if name in PACKED:
            images = packed_set(name)
        elif recipe is None:
            images = read_set(data_folder() / name)
        else:
            images = drawn_set(recipe, version)
    except PackedSetError:
        raise
    except ImageSetError as error:
        available = ", ".join(set_names())
        raise ImageSetError(
            f"There is no usable image set named {name!r}; there are: {available}."
        ) from error
    if version not in (None, images.version):
        raise ImageSetError(
            f"The image set {name!r} is version {images.version!r} now, not {version!r}; train on"
            " it again."
        )
    return images


def set_names() -> list[str]:
    """Names of the image sets: built-in ones, then those on the disk."""
    folders = [file.parent.name for file in data_folder().glob("[!.]*/dataset.json")]
    on_disk = {_DRAWN.sub(r"\1", folder) for folder in folders}
    return [*BUILT_IN_SETS, *sorted(on_disk - set(BUILT_IN_SETS))]


def set_stamp(name: str) -> int:
    """A number that changes when the description of a set on the disk is replaced; 0 where there is
    none."""
    for folder in (name, folder_name(name)):
        with suppress(OSError):
            return (data_folder() / folder / "dataset.json").stat().st_mtime_ns
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
    """A temporary folder for a new set, removed afterwards unless published; an `ImportBusyError`
    where another process imports to the name."""
    incoming = make_folder(data_folder() / ".incoming")
    for folder in incoming.glob("*-*/"):
        lock = FileLock(incoming / f"{folder.name.rpartition('-')[0]}.lock", timeout=0)
        with suppress(Timeout):
            lock.acquire()
            _clear(folder, lock)
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
    except OSError as error:  # of what is written: files of the source have their own errors
        raise HomeError(
            f"{data_folder()} cannot be written ({error.strerror or error}); make room or point"
            " VLCORE_HOME to another folder."
        ) from error
    finally:
        _clear(work, lock)


def _clear(work: Path, lock: FileLock) -> None:
    """Remove a folder and the file of its lock, then release it: in this order, or the file could
    be that of the next process."""
    shutil.rmtree(work, ignore_errors=True)
    with suppress(OSError):  # Windows removes no file that is open
        os.unlink(lock.lock_file)
    lock.release()


def publish_set(work: Path, name: str) -> None:
    """Move a finished set to its name, unless that was taken meanwhile."""
    check_free(name)
    os.rename(work, data_folder() / name)


def folders_of(name: str) -> list[Path]:
    """The folders of a set that can be removed: one, or of a drawn set one for each version of the
    renderer."""
    if name in BUILT_IN_SETS:
        raise ImageSetError(
            f"{name} is built in and is made again when it is needed; it cannot be removed."
        )
    folders = []
    if usable_name(name):  # else it would be a pattern, or lead out of the folder
        pattern = rf"{re.escape(name)}(-v\d+)?"
        paths = sorted(file.parent for file in data_folder().glob(f"{name}*/dataset.json"))
        folders = [path for path in paths if re.fullmatch(pattern, path.name)]
    if not folders:
        raise ImageSetError(
            f"There is no image set named {name!r}; there are: {', '.join(set_names())}."
        )
    return folders


def discard_set(name: str) -> list[Path]:
    """Remove a set that is there and not built in, for a week to `vlcore.experiment.trash`; returns
    where its folders were."""
    folders = folders_of(name)
    with suppress(ImageSetError):  # of a recipe that cannot be used
        remember_recipe(name)
    trash.discard(folders)
    return folders
