"""Folders of data sets and models, and files that appear whole or not at all."""

import atexit
import contextlib
import errno
import functools
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vlcore.experiment.errors import LabError

_SCRATCH = "vlcore-"
_OF_THE_SYSTEM = {
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
    """The folder that holds ``data/`` and ``models/``: what ``VLCORE_HOME`` names, else that of the
    project. Of a library that was installed without the project, which `app.py` is part of, it is
    the current folder.
    """
    if named := os.environ.get("VLCORE_HOME"):
        return _resolved(named)
    project = _resolved(__file__).parents[2]
    return project if (project / "app.py").exists() else Path.cwd()


@functools.cache
def _resolved(name: str) -> Path:
    """Asked for thousands of times a minute while a class waits."""
    return Path(name).expanduser().resolve()


def data_folder() -> Path:
    return home() / "data"


def models_folder() -> Path:
    return home() / "models"


def hub_folder() -> Path:
    """Where checkpoints of the hub are downloaded to, unless ``HF_HOME`` or ``HF_HUB_CACHE`` says
    otherwise."""
    return models_folder() / ".hub"


def shipped_folder() -> Path:
    """The folder of the models that come with this version; ``VLCORE_SHIPPED`` names another
    one."""
    return Path(
        os.environ.get("VLCORE_SHIPPED") or Path(__file__).parents[2] / "models" / "shipped"
    )


def static_folder() -> Path:
    """The folder whose files the app's server hands out as they are."""
    return Path(__file__).parents[2] / "static"


def make_folder(path: Path) -> Path:
    """Create a folder with its parents; HomeError when the place cannot be written."""
    with write_errors(path, "make it writable or point VLCORE_HOME to another folder"):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    return path


def text_beside(module_file: str, name: str) -> str:
    """A script, style sheet or template of ours that lies beside a module: its ``__file__`` and the
    file's name."""
    return Path(module_file).with_name(name).read_text(encoding="utf-8")


@functools.cache
def written(file: Path) -> dict[str, Any]:
    """A YAML document of ours that lies beside the code that reads it, by its path; nobody changes
    what is returned."""
    import yaml

    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))


@contextlib.contextmanager
def write_errors(path: Path, advice: str) -> Iterator[None]:
    """Turn an `OSError` of what is written into a `HomeError` that says where and what to do."""
    try:
        yield
    except HomeError:
        raise
    except OSError as error:
        raise HomeError(f"{path} cannot be written ({error.strerror}); {advice}.") from error


@functools.cache
def scratch_folder() -> Path:
    """A folder of this process among temporary files, gone with it; see `clear_scratch` of one that
    is killed."""
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH))
    lock = FileLock(folder / "lock")
    lock.acquire()

    def remove() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()

    atexit.register(remove)
    return folder


def clear_scratch() -> None:
    """Remove the scratch folders of processes that are gone."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*/lock"):
        with contextlib.suppress(OSError), locked(lock, 0):  # else it is in use, or somebody else's
            shutil.rmtree(lock.parent)


@contextlib.contextmanager
def system_errors() -> Iterator[None]:
    """Turn what the system refuses somewhere, as where a folder was removed, a disk is full or
    read-only, or too many files are open, into a `HomeError`; what else goes wrong stays what it
    is."""
    try:
        yield
    except OSError as error:
        if isinstance(error, LabError) or error.errno not in _OF_THE_SYSTEM:
            raise
        where = error.filename if isinstance(error.filename, str) else home()
        raise HomeError(
            f"{where} cannot be used now ({error.strerror}); put that right, then try again."
        ) from error


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Where to write a file or make a folder, so that a reader of `path` sees the old one or the
    new one, never a part. Its folder must exist; where something goes wrong, `path` stays as it
    was. `durable` waits until the disk has it.
    """
    aside = path.with_name(
        f".{path.name}.{secrets.token_hex(6)}.part"
    )  # numbers of processes repeat between machines
    try:
        yield aside
        if durable:
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        with contextlib.suppress(
            OSError
        ):  # it has its name; or there is no folder that it could lie in
            aside.unlink()


@contextlib.contextmanager
def locked(path: Path, timeout: float) -> Iterator[bool]:
    """Hold the lock of a file: `filelock.Timeout` where somebody else holds it for so many seconds.
    False where the file system has no locks, as that of a cluster may: then none is held. Some have
    locks that hold nobody off. So a lock saves work from being done twice, and nothing may break
    where it is: see `atomic`."""
    lock, none = (
        FileLock(path, timeout=timeout, fallback_to_soft=False),
        (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP),
    )
    try:
        lock.acquire()
    except Timeout:
        raise
    except OSError as error:
        if error.errno not in none:
            raise HomeError(
                f"{path} cannot be written ({error.strerror}); make its folder writable."
            ) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()


def allow_open_files(wanted: int = 65_536) -> None:
    """Let this process and those that it starts have so many files open, or as many as this user
    may: of a server each connection is one, and with the usual 1,024 a crowd that only connects
    stops it, and it fills its log.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if resource.RLIM_INFINITY != usual < wanted:
        with contextlib.suppress(ValueError, OSError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file, as `atomic` does."""
    with atomic(path) as aside:
        aside.write_text(json.dumps(document, indent=1) + "\n")
