"""Image sets that come with the lab as one archive each, unpacked into the home when first needed.

The folder of a set in this package holds its archive and its licence. Unpacked, a set is read like
an imported one. It appears by one rename; a lock saves a second process from unpacking it too.
"""

import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
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
ARCHIVE = "images.zip"
ARCHIVES = Path(__file__).parent  # the folder of the sets' folders
LOCK_WAIT = 60.0  # seconds
# What zipfile raises of a damaged archive: RuntimeError where damage looks like a password.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


class PackedSetError(ImageSetError):
    """A set that cannot be unpacked or read; the message says what to do."""


def packed_set(name: str) -> ImageSet:
    """An image set that comes with the lab; a `PackedSetError` where it is damaged.

    To open it writes nothing: its images are unpacked when the first one is needed.
    """
    root, archive = data_folder() / name, ARCHIVES / name / ARCHIVE
    mend = f"delete the folder {root}, and the lab unpacks it again"
    if root.exists():
        try:
            images = read_set(root)
        except ImageSetError as error:
            raise PackedSetError(f"The image set {name!r} is damaged; {mend}.") from error
    else:
        with _archive_errors(name, archive):
            images = read_set(root, zipfile.Path(archive))
    ensure = partial(_ensure_unpacked, name)
    return replace(images, ensure_rendered=ensure, mend=mend, is_built_in=True)


def _ensure_unpacked(name: str, _rows: Sequence[int], _progress: Progress) -> None:
    """Unpack a set, unless the home has it; raises as `packed_set`."""
    root, archive = data_folder() / name, ARCHIVES / name / ARCHIVE
    if root.exists():
        return
    try:
        make_folder(root.parent)
        with ExitStack() as stack:
            with suppress(Timeout):  # two that unpack at once do the work twice, no more
                stack.enter_context(locked(root.parent / f".{name}.lock", LOCK_WAIT))
            if not root.exists():
                with _archive_errors(name, archive):
                    _extract(archive, root)
    except HomeError as error:
        if not root.exists():  # else another process was faster
            raise PackedSetError(str(error)) from error


@contextmanager
def _archive_errors(name: str, archive: Path) -> Iterator[None]:
    """Turn what is raised of a lost or damaged archive into a `PackedSetError`."""
    advice = f"put {archive} there again, as it came with the lab"
    if not archive.is_file():
        raise PackedSetError(f"The image set {name!r} has lost its file; {advice}.")
    try:
        yield
    except HomeError:
        raise
    except (*_DAMAGE, ImageSetError) as error:
        raise PackedSetError(f"The file of the image set {name!r} is damaged; {advice}.") from error


def _extract(archive: Path, root: Path) -> None:
    """Extract an archive and the licence beside it to a folder, which appears at once."""
    errors = write_errors(root, "make room or point VLCORE_HOME to another folder")
    with errors, atomic(root) as folder, zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
        with suppress(FileNotFoundError):
            shutil.copyfile(archive.with_name(LICENCE), folder / LICENCE)
