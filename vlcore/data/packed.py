"""Image sets that come with the lab as one archive each, unpacked into the home when first needed.

The folder of a set in this package holds its archive and its licence. Unpacked, a set is read like
an imported one. It appears by one rename; a lock saves a second process from unpacking it too.
"""

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from filelock import Timeout

from vlcore.data.imageset import LICENCE, ImageSet, ImageSetError, read_set
from vlcore.experiment.files import (
    HomeError,
    atomic,
    data_folder,
    locked,
    make_folder,
    write_errors,
)
from vlcore.experiment.progress import Progress

PACKED = ("renders",)
ARCHIVES = Path(__file__).parent  # the folder of the sets' folders
LOCK_WAIT = 60.0  # seconds
# What zipfile raises of a damaged archive: RuntimeError where damage looks like a password.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


class PackedSetError(ImageSetError):
    """A set that cannot be unpacked or read; the message says what to do."""


def packed_set(name: str) -> ImageSet:
    """An image set that comes with the lab, unpacked where it is not yet; a `PackedSetError` where
    it cannot be."""
    _unpack(name)
    root = data_folder() / name
    mend = f"delete the folder {root}, and the lab unpacks it again"
    try:
        images = read_set(root)
    except ImageSetError as error:
        raise PackedSetError(f"The image set {name!r} is damaged; {mend}.") from error
    ensure = partial(_ensure_unpacked, name)
    return replace(images, ensure_rendered=ensure, mend=mend, is_built_in=True)


def _ensure_unpacked(name: str, _rows: Sequence[int], _progress: Progress) -> None:
    """Unpack a set whose folder was deleted while a server had it open."""
    _unpack(name)


def _unpack(name: str) -> None:
    """Unpack a set, unless the home has it."""
    root, archive = data_folder() / name, ARCHIVES / name / "images.zip"
    if (root / "dataset.json").exists():
        return
    if not archive.is_file():
        raise PackedSetError(
            f"The image set {name!r} has lost its file; put {archive} there again, as it came with"
            " the lab."
        )
    try:
        make_folder(root.parent)
        with ExitStack() as stack:
            with suppress(Timeout):  # two that unpack at once do the work twice, no more
                stack.enter_context(locked(root.parent / f".{name}.lock", LOCK_WAIT))
            if not (root / "dataset.json").exists():
                _extract(archive, root)
    except HomeError as error:
        if not (root / "dataset.json").exists():  # else another process was faster
            raise PackedSetError(str(error)) from error
    except _DAMAGE as error:
        raise PackedSetError(
            f"The file of the image set {name!r} is damaged; put {archive} there again, as it came"
            " with the lab."
        ) from error


def _extract(archive: Path, root: Path) -> None:
    """Extract an archive and the licence beside it to a folder, which appears at once."""
    advice = "make room or point VLCORE_HOME to another folder"
    if root.exists():
        advice = "delete that folder, and the lab unpacks it again"
    with write_errors(root, advice), atomic(root) as folder, zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
        with suppress(FileNotFoundError):
            shutil.copyfile(archive.with_name(LICENCE), folder / LICENCE)
