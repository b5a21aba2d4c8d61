"""Folders of data sets and models, and files that appear complete or not at all."""

import atexit
import contextlib
import errno
import functools
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vlcore.experiment.errors import LabError

OPEN_FILES = 65_536  # of a server and its workers
_SCRATCH = "vlcore-"
_PART_SECONDS = 24 * 3600.0  # that an unfinished file or folder stays
# Errors of the system that a person can put right.
_SYSTEM_ERRORS = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENFILE,
    errno.EIO,
    errno.ESTALE,
}


class HomeError(LabError, OSError):
    """The folder cannot be used; the message says what to do."""


def home() -> Path:
    """The folder that holds ``data/`` and ``models/``: that of ``VLCORE_HOME``, else the project's.
    For a library that was installed without the project, which `app.py` is part of, it is the
    current folder.
    """
    if path := os.environ.get("VLCORE_HOME"):
        return _resolved(path)
    project = _resolved(__file__).parents[2]
    return project if (project / "app.py").exists() else Path.cwd()


def project_folder() -> Path:
    """The folder with `app.py`, its pages, bundled models and published results: that of the
    project, or the copy that an installed library has (`setup.py` makes it)."""
    library = Path(__file__).parents[1]
    installed = library / "project"
    return installed if installed.exists() else library.parent


@functools.cache
def _resolved(name: str) -> Path:
    """An absolute path; cached, because a class asks for it thousands of times a minute."""
    return Path(name).expanduser().resolve()


def data_folder() -> Path:
    return home() / "data"


def models_folder() -> Path:
    return home() / "models"


def hub_folder() -> Path:
    """Download folder for checkpoints of the hub, unless ``HF_HOME`` or ``HF_HUB_CACHE`` names
    another."""
    return models_folder() / ".hub"


def shipped_folder() -> Path:
    """The folder of the bundled models; ``VLCORE_SHIPPED`` names another."""
    return Path(os.environ.get("VLCORE_SHIPPED") or project_folder() / "models" / "shipped")


def static_folder() -> Path:
    """The folder of static files of the app's server."""
    return project_folder() / "static"


def make_folder(path: Path) -> Path:
    """Create a folder with its parents; HomeError where it cannot be written."""
    with write_errors(path, "make it writable or point VLCORE_HOME to another folder"):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    return path


def text_beside(module_file: str, name: str) -> str:
    """A script, style sheet or template of ours in the folder of a module, by the module's
    ``__file__`` and the file's name."""
    return Path(module_file).with_name(name).read_text(encoding="utf-8")


@functools.cache
def read_yaml(file: Path) -> dict[str, Any]:
    """A YAML document of ours, read once: callers must not change the result."""
    import yaml

    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


def page_file(path: str | Path, *, or_drawing: bool = False) -> Path:
    """The file of a web page, or of a drawing where that is possible; LabError for a name with
    another ending."""
    kinds = "a web page or a drawing" if or_drawing else "a web page"
    endings = (".html", ".svg", ".png") if or_drawing else (".html",)
    if Path(path).suffix.lower() not in endings:
        *others, last = endings
        names = f"{', '.join(others)} or {last}" if others else last
        raise LabError(f"{path} becomes {kinds}, so give a name that ends in {names}.")
    return Path(path)


@contextlib.contextmanager
def write_errors(path: Path, advice: str) -> Iterator[None]:
    """Turn an `OSError` while writing into a `HomeError` that says where and what to do."""
    try:
        yield
    except HomeError:
        raise
    except OSError as error:
        reason = error.strerror or error
        raise HomeError(f"{path} cannot be written ({reason}); {advice}.") from error


@functools.cache
def scratch_folder() -> Path:
    """A temporary folder of this process, removed when it ends; `clear_scratch` removes those of
    processes that were killed."""
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH))
    lock = FileLock(folder / "lock")
    lock.acquire()

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()

    atexit.register(remove)
    return folder


def clear_scratch() -> None:
    """Remove the scratch folders of processes that ended."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*/lock"):
        # A folder in use, or of another user, raises.
        with contextlib.suppress(OSError), locked(lock, 0):
            shutil.rmtree(lock.parent)


@contextlib.contextmanager
def system_errors() -> Iterator[None]:
    """Turn errors of the system (a removed folder, a full or read-only disk, too many open files)
    into a `HomeError`; other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        if isinstance(error, LabError) or error.errno not in _SYSTEM_ERRORS:
            raise
        where = error.filename if isinstance(error.filename, str) else home()
        raise HomeError(
            f"{where} cannot be used now ({error.strerror}); put that right, then try again."
        ) from error


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path for a file or folder that replaces `path` on success, so that a reader sees
    the old one or the new one, never a part.

    Its folder must exist; after an error `path` is as it was. `durable` waits until the disk has
    the file.
    """
    # Random, because process numbers repeat between machines.
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        yield part
        if durable:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        with contextlib.suppress(OSError):  # it was renamed, or its folder does not exist
            part.unlink()


def clear_parts(folder: Path) -> list[str]:
    """Remove what processes that were killed a day ago left of `atomic` in a folder; returns the
    names."""
    before = time.time() - _PART_SECONDS
    removed = []
    for part in folder.glob(".*.part"):
        with contextlib.suppress(FileNotFoundError):  # it has just been removed
            if part.lstat().st_mtime < before:
                shutil.rmtree(part) if part.is_dir() else part.unlink()
                removed.append(part.name)
    return sorted(removed)


@contextlib.contextmanager
def locked(path: Path, timeout: float) -> Iterator[bool]:
    """Hold the lock of a file; `filelock.Timeout` where another process holds it for `timeout`
    seconds.

    Yields False where the file system has no locks, as that of a cluster may: then none is held.
    Some file systems have locks that stop nobody. So a lock saves work from being done twice, and
    nothing may break without it: see `atomic`."""
    lock = FileLock(path, timeout=timeout, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP):
            raise HomeError(
                f"{path} cannot be written ({error.strerror}); make its folder writable."
            ) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()


def allow_open_files() -> None:
    """Raise the limit of open files, of this process and those that it starts, to 65,536 or to what
    this user may have: each connection to a server is one, and with the usual 1,024 a crowd
    that only connects stops the server and fills its log.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    current, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if resource.RLIM_INFINITY != current < wanted:
        with contextlib.suppress(ValueError, OSError):  # a system may allow less than it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def write_file(path: Path, content: str | bytes) -> Path:
    """Write a text, with the line ends that it has, or bytes, as a durable `atomic` does; returns
    the path. HomeError where that is not possible."""
    with write_errors(path, "give a folder that exists"), atomic(path, durable=True) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file, as `atomic` does."""
    with atomic(path) as part:
        part.write_text(json.dumps(document, indent=1) + "\n")
