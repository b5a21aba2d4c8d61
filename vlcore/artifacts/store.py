"""Store of artifacts: a folder ``models/<key>/`` each, written whole or not at all, and verified.

A manifest holds a checksum of every file and of itself; a folder that does not match is set aside,
so that its key is free. A folder that cannot be read now, because the disk does not answer, stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from zipfile import BadZipFile

from vlcore.artifacts import bundled
from vlcore.artifacts.embeddings import StoredCheckpoints, StoredEmbeddings, read_arrays
from vlcore.artifacts.new_measures import missing_measures, with_missing
from vlcore.experiment.condition import Condition, ConditionError, from_dict
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import models_folder, write_json
from vlcore.experiment.options import ArtifactKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# 231 characters: with what work folders and the trash append, names of files have at most 255.
KEY_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,230}")
_KINDS_BY_SUFFIX = {
    ".umap": ArtifactKind.MAP,
    ".map": ArtifactKind.MAP,
    ".checks": ArtifactKind.CHECK,
    ".import": ArtifactKind.IMPORT,
}
_DAMAGE = (
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,  # JSON that is nested without end
)
_PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "umap-learn", "pillow")


class StoreError(LabError):
    """An artifact that is absent or unusable; the message says what to do."""


class CorruptArtifactError(StoreError):
    """An artifact that does not match its manifest; it has been set aside."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """A published folder whose files match its manifest: the one reader of a model on the disk."""

    key: str
    path: Path
    manifest: dict[str, Any]

    @cached_property
    def condition(self) -> Condition:
        try:
            return from_dict(self.json("condition.json"))
        except ConditionError as error:
            raise StoreError(
                f"The model {self.key} was made by another version of VL Bias Lab and stays as it"
                f" is; move {self.path} out of the home, or use that version."
            ) from error

    @property
    def kind(self) -> ArtifactKind:
        return kind_of_key(self.key) or self.condition.kind

    @property
    def bundled_with(self) -> str | None:
        """The version of the library that a bundled model came with; None of other models."""
        return self.manifest.get(bundled.CAME_WITH)

    @property
    def digest(self) -> str:
        """Changes when any file of the artifact changes."""
        checksums = json.dumps(self.manifest["files"], sort_keys=True)
        return hashlib.sha256(checksums.encode()).hexdigest()[:16]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The stored metrics with intervals that reach their values, and the measures that are
        newer than the model."""
        metrics = self.json("metrics.json")
        if missing_measures(metrics):
            metrics = with_missing(metrics, self.condition, self.embeddings)
        document: dict[str, Any] = _with_values_inside(metrics)
        return document

    @property
    def embeddings(self) -> StoredEmbeddings:
        """The embeddings, read anew each time: artifacts stay in caches, arrays need not."""
        return StoredEmbeddings(self.path)

    @property
    def checkpoints(self) -> StoredCheckpoints:
        """Small embeddings at some steps of the training, for its animation."""
        return StoredCheckpoints(self.path)

    @property
    def maps(self) -> dict[str, NDArray[np.float64]]:
        """Arrays of the principal plane and the positions on it, or of a fitted map."""
        return self.arrays("map.npz" if self.kind is ArtifactKind.MAP else "maps.npz")

    def json(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.path / name).read_text())
        return document

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """All arrays of an ``.npz`` file of the artifact."""
        return read_arrays(self.path / name)


def _with_values_inside(metrics: Any) -> Any:
    """Return a document of metrics in which each interval goes as far as its value.

    The interval of a jackknife (`vlcore.metrics.estimate`) may exclude the value of a small set,
    whose bias it lacks. A reader would take that for an error."""
    if not isinstance(metrics, dict):
        return metrics
    if not {"value", "low", "high"} <= metrics.keys():
        return {name: _with_values_inside(part) for name, part in metrics.items()}
    value, low, high = metrics["value"], metrics["low"], metrics["high"]
    return metrics | {"low": min(low, value), "high": max(high, value)}


def check_key(key: str) -> str:
    """Return the key; StoreError where it cannot be one: keys come from links and commands."""
    if not KEY_PATTERN.fullmatch(key) or ".." in key:
        raise StoreError(
            f"{key!r} is not a model key; `python -m vlcore status` lists the keys there are."
        )
    return key


def kind_of_key(key: str) -> ArtifactKind | None:
    """The kind of artifact under a key: a map, a check or an import; None of a model's key."""
    return _KINDS_BY_SUFFIX.get(Path(key).suffix)


def published(key: str) -> bool:
    """Whether there is an artifact of this key, made here or bundled; a map of a model that has
    been replaced since is none."""
    return (_is_on_disk(key) and not _is_outdated(key)) or bundled.is_bundled(key)


def made_here(key: str) -> bool:
    """Whether there is an artifact of this key that is not bundled."""
    return _is_on_disk(key) and read(key).bundled_with is None


def _is_on_disk(key: str) -> bool:
    return (models_folder() / check_key(key) / "manifest.json").is_file()


def _is_outdated(key: str) -> bool:
    """Whether a map was fitted on other files of a model than those on the disk."""
    if kind_of_key(key) is not ArtifactKind.MAP:
        return False
    with suppress(*_DAMAGE, OSError):  # which `read` finds
        fitted_on = json.loads((models_folder() / key / "manifest.json").read_text())["of"]
        return any(_is_replaced(model, digest) for model, digest in fitted_on.items())
    return False


def _is_replaced(model: str, digest: str) -> bool:
    """Whether a model has other files than a digest says; an absent one is not replaced."""
    with suppress(*_DAMAGE, OSError, StoreError):
        path = models_folder() / check_key(model)
        manifest = json.loads((path / "manifest.json").read_text())
        return Artifact(model, path, manifest).digest != digest
    return False


def _folder(key: str) -> Path:
    bundled.unpack(check_key(key))
    return models_folder() / key


def published_keys() -> list[str]:
    """Keys of everything that is published, sorted."""
    names = {file.parent.name for file in models_folder().glob("*/manifest.json")}
    return sorted(name for name in names.union(bundled.keys()) if KEY_PATTERN.fullmatch(name))


def model_keys() -> list[str]:
    """Keys of the published models, sorted, without maps, checks and imports."""
    return [key for key in published_keys() if kind_of_key(key) is None]


def condition_of(key: str) -> Condition | None:
    """The condition of a published model, without reading its other files.

    None where it cannot be told. A model whose description is damaged is set aside, for nothing
    else would read it.
    """
    try:
        folder: Path | zipfile.Path = models_folder() / key
        if not _is_on_disk(key) and bundled.is_bundled(key):
            folder = bundled.packed_files(key)
        condition = from_dict(json.loads((folder / "condition.json").read_text()))
        if condition.key == key or read(key):
            return condition
    except (ConditionError, BadZipFile, LZMAError, EOFError):
        pass  # of another version, or a bundled file that is damaged
    except _DAMAGE:
        with suppress(LabError):
            read(key)
    except OSError:
        pass
    return None


def read(key: str) -> Artifact:
    """Read a published artifact and check it against its manifest.

    Raises:
        StoreError: there is none, or the disk does not answer.
        CorruptArtifactError: a file differs from its checksum; the folder has been set aside, in
            ``models/.quarantine/``.
    """
    path = _folder(key)
    try:
        exists, manifest, damaged = path.is_dir(), {}, None
        if exists:
            manifest = json.loads((path / "manifest.json").read_text())
            damaged = _first_damaged(path, manifest)
    except _DAMAGE:
        damaged = "manifest.json"
    except OSError as error:
        # A file server that does not answer damages nothing, nor do too many open files.
        raise StoreError(
            f"The model {key} cannot be read now ({error.strerror}); try again."
        ) from error
    if not exists:
        raise StoreError(f"No model {key!r} is on disk; train it first.")
    if damaged:
        _set_aside(key, damaged)
    return Artifact(key, path, manifest)


def _first_damaged(path: Path, manifest: dict[str, Any]) -> str | None:
    """The first file that does not match its checksum; takes the manifest's own out of it."""
    files = manifest["files"].items()
    checksum = manifest.pop("checksum", None)  # the first versions wrote none
    if checksum not in (None, _checksum_of(manifest)):
        return "manifest.json"
    for name, expected in files:
        if not (path / name).is_file() or _checksum(path / name) != expected:
            return str(name)
    return None


def _set_aside(key: str, file: str) -> NoReturn:
    damage = f"The model {key} was damaged ({file})"
    quarantine = models_folder() / ".quarantine"
    try:
        quarantine.mkdir(exist_ok=True)
        os.replace(models_folder() / key, quarantine / f"{key}-{time.time_ns()}")
    except FileNotFoundError:
        pass  # another reader has just set it aside
    except OSError as error:
        unmoved = f"cannot be set aside ({error.strerror}); make {models_folder()} writable"
        raise CorruptArtifactError(f"{damage} and {unmoved}.") from error
    raise CorruptArtifactError(f"{damage} and has been set aside; train it again.")


def set_aside_before(limit: float) -> list[Path]:
    """Damaged folders that were set aside before a time, in seconds as of `time.time`."""
    folders = []
    for path in sorted((models_folder() / ".quarantine").glob("*")):
        nanoseconds = path.name.rpartition("-")[2]
        if nanoseconds.isdecimal() and int(nanoseconds) < limit * 1e9:
            folders.append(path)
    return folders


def fingerprint(key: str) -> str:
    """Key for a cache of `read`: changes when a file of a published folder is written or goes."""
    files: list[tuple[str, int, int]] = []
    with suppress(OSError):
        for entry in os.scandir(_folder(key)):
            files.append((entry.name, entry.stat().st_mtime_ns, entry.stat().st_size))
    return hashlib.sha256(repr(sorted(files)).encode()).hexdigest()[:16]


def publish(key: str, folder: Path, facts: dict[str, Any]) -> Artifact:
    """Write the manifest of a finished folder and move it to its key in one rename.

    A bundled artifact of the same key is replaced, and an outdated map.

    Args:
        key: the key to publish under.
        folder: on the same disk as the store.
        facts: entries for the manifest, beside checksums and versions.

    Raises:
        OSError: the folder cannot be moved, above all because the key is published already.
    """
    target = models_folder() / check_key(key)
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    write_manifest(folder, {"key": key, "versions": versions, **facts})
    if _is_on_disk(key) and (_is_outdated(key) or not made_here(key)):
        with suppress(FileNotFoundError):  # another publisher has just removed it
            shutil.rmtree(target)
    if target.is_dir() and not _is_on_disk(key):
        with suppress(CorruptArtifactError):  # without a manifest it is set aside
            read(key)
    try:
        os.rename(folder, target)
    except OSError:
        os.listdir(target.parent)  # else NFS clients cache for a minute that a file is missing
        raise
    return read(key)


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of a folder: the checksums of its files and some facts."""
    (folder / "manifest.json").unlink(missing_ok=True)
    checksums = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            checksums[file.relative_to(folder).as_posix()] = _checksum(file)
    document = {**facts, "files": checksums}
    write_json(folder / "manifest.json", {**document, "checksum": _checksum_of(document)})


def _checksum(path: Path) -> str:
    with path.open("rb") as file:  # in pieces: embeddings of a large set have 200 MB
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum_of(document: Mapping[str, Any]) -> str:
    """Checksum of a JSON document, independent of its line breaks."""
    read_back = json.loads(json.dumps(document))
    return hashlib.sha256(json.dumps(read_back, sort_keys=True).encode()).hexdigest()
