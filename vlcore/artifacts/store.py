"""Artifacts on the disk: a folder ``models/<key>/`` each, published whole or not at all.

A manifest holds the checksum of every file and its own; a folder that does not match it is set
aside, so that its key is free. What merely cannot be read now, as of a disk that does not answer,
is left as it is.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from lzma import LZMAError
from pathlib import Path
from typing import Any, NoReturn
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vlcore.artifacts import bundled
from vlcore.experiment.condition import Condition, ConditionError, from_dict
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import models_folder, write_json
from vlcore.experiment.options import ArtifactKind

KEY_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,150}")
_BESIDE = dict.fromkeys((".umap", ".map"), ArtifactKind.MAP)  # by the ending of a key
_BESIDE |= {".checks": ArtifactKind.CHECK, ".import": ArtifactKind.IMPORT}
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
    """A published folder whose files match its manifest."""

    key: str
    path: Path
    manifest: dict[str, Any]

    @cached_property
    def condition(self) -> Condition:
        return from_dict(self.json("condition.json"))

    @property
    def kind(self) -> ArtifactKind:
        return kind_beside(self.key) or self.condition.kind

    @property
    def came_with(self) -> str | None:
        """The version of the library that brought the model; None of one that was made here."""
        return self.manifest.get(bundled.CAME_WITH)

    @property
    def digest(self) -> str:
        """Changes when any file of the artifact changes."""
        return hashlib.sha256(
            json.dumps(self.manifest["files"], sort_keys=True).encode()
        ).hexdigest()[:16]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        return self.json("metrics.json")

    def json(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.path / name).read_text())
        return document

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """All arrays of an ``.npz`` file of the artifact."""
        with np.load(self.path / name, allow_pickle=False) as file:
            return {array: file[array] for array in file.files}


def check_key(key: str) -> str:
    """The key itself; StoreError where it cannot be one, for keys come from links and command
    lines."""
    if not KEY_PATTERN.fullmatch(key) or ".." in key:
        raise StoreError(
            f"{key!r} is not a model key; `python -m vlcore status` lists the keys there are."
        )
    return key


def kind_beside(key: str) -> ArtifactKind | None:
    """What is made beside the models under a key; None where the key is a model's."""
    return _BESIDE.get(Path(key).suffix)


def published(key: str) -> bool:
    """Whether there is an artifact of this key, made here or come with this version."""
    return _is_here(key) or bundled.there(key)


def made_here(key: str) -> bool:
    """Whether there is one that did not come with this version."""
    return _is_here(key) and read(key).came_with is None


def _is_here(key: str) -> bool:
    return (models_folder() / check_key(key) / "manifest.json").is_file()


def _folder(key: str) -> Path:
    bundled.unpack(check_key(key))
    return models_folder() / key


def published_keys() -> list[str]:
    """Keys of everything that is published, sorted."""
    names = {file.parent.name for file in models_folder().glob("*/manifest.json")}
    return sorted(name for name in names.union(bundled.keys()) if KEY_PATTERN.fullmatch(name))


def model_keys() -> list[str]:
    """Keys of the published models, sorted: not of the maps and checks that lie beside them."""
    return [key for key in published_keys() if kind_beside(key) is None]


def condition_of(key: str) -> Condition | None:
    """What a published model is, without a look at its other files; None where that cannot be told.
    A model whose description is damaged is set aside here, for nobody would come to it
    otherwise."""
    try:
        where = (
            models_folder() / key
            if _is_here(key) or not bundled.there(key)
            else bundled.inside(key)
        )
        condition = from_dict(json.loads((where / "condition.json").read_text()))
        if condition.key == key or read(key):
            return condition
    except (
        ConditionError,
        BadZipFile,
        LZMAError,
        EOFError,
    ):  # of another version, or a file that came with this one
        pass
    except _DAMAGE:
        with suppress(LabError):
            read(key)
    except OSError:
        pass
    return None


def read(key: str) -> Artifact:
    """A published artifact, checked against its manifest; StoreError when there is none,
    CorruptArtifactError when a file differs from its checksum: the folder has then been set aside,
    in ``models/.quarantine/``.
    """
    path = _folder(key)
    try:
        there, manifest, wrong = path.is_dir(), {}, list[str]()
        if there:
            manifest = json.loads((path / "manifest.json").read_text())
            files = [(name, path / name, checksum) for name, checksum in manifest["files"].items()]
            own = manifest.pop("checksum", None)  # those of before have none
            wrong = [] if own in (None, _checksum_of(manifest)) else ["manifest.json"]
            wrong += [
                name
                for name, file, checksum in files
                if not file.is_file() or _checksum(file) != checksum
            ]
    except _DAMAGE:
        wrong = ["manifest.json"]
    except (
        OSError
    ) as error:  # a file server that does not answer damages nothing, nor do too many open files
        raise StoreError(
            f"The model {key} cannot be read now ({error.strerror}); try again."
        ) from error
    if not there:
        raise StoreError(f"No model {key!r} is on disk; train it first.")
    if wrong:
        _set_aside(key, wrong[0])
    return Artifact(key, path, manifest)


def _set_aside(key: str, file: str) -> NoReturn:
    damage, aside = f"The model {key} was damaged ({file})", models_folder() / ".quarantine"
    try:
        aside.mkdir(exist_ok=True)
        os.replace(models_folder() / key, aside / f"{key}-{time.time_ns()}")
    except FileNotFoundError:
        pass  # another reader has just set it aside
    except OSError as error:
        unmoved = f"cannot be set aside ({error.strerror}); make {models_folder()} writable"
        raise CorruptArtifactError(f"{damage} and {unmoved}.") from error
    raise CorruptArtifactError(f"{damage} and has been set aside; train it again.")


def set_aside_before(moment: float) -> list[Path]:
    """Damaged folders that were set aside before a moment, in seconds as of `time.time`."""
    there = sorted((models_folder() / ".quarantine").glob("*"))
    when = {path: path.name.rpartition("-")[2] for path in there}
    return [path for path in there if when[path].isdecimal() and int(when[path]) < moment * 1e9]


def fingerprint(key: str) -> str:
    """Changes when a file of a published folder is written or goes: what a cache of `read` is named
    by."""
    facts: list[tuple[str, int, int]] = []
    with suppress(OSError):
        for entry in os.scandir(_folder(key)):
            facts.append((entry.name, entry.stat().st_mtime_ns, entry.stat().st_size))
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()[:16]


def publish(key: str, made: Path, facts: dict[str, Any]) -> Artifact:
    """Publish a finished folder of the same disk: write its manifest of checksums, versions and the
    facts, then move it to its place in one rename; OSError when it cannot be moved, above all
    because the key is published already. One that came with this version gives way."""
    target = models_folder() / check_key(key)
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    write_manifest(made, {"key": key, "versions": versions, **facts})
    if _is_here(key) and not made_here(key):
        with suppress(FileNotFoundError):  # another publisher has just removed it
            shutil.rmtree(target)
    if target.is_dir() and not _is_here(key):
        with suppress(CorruptArtifactError):  # it lost its manifest, and is set aside
            read(key)
    try:
        os.rename(made, target)
    except OSError:
        os.listdir(
            target.parent
        )  # a client of NFS knows for a minute what is not there, unless it looks
        raise
    return read(key)


def write_manifest(made: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of a folder: the checksums of its files and some facts."""
    (made / "manifest.json").unlink(missing_ok=True)
    files = {
        file.relative_to(made).as_posix(): _checksum(file)
        for file in sorted(made.rglob("*"))
        if file.is_file()
    }
    document = {**facts, "files": files}
    write_json(made / "manifest.json", {**document, "checksum": _checksum_of(document)})


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _checksum_of(document: Mapping[str, Any]) -> str:
    """Of a JSON document, however its lines are broken."""
    read_back = json.loads(json.dumps(document))
    return hashlib.sha256(json.dumps(read_back, sort_keys=True).encode()).hexdigest()
