"""Where trained conditions lie, and how they get there.

The one idea: a folder ``models/<key>/`` exists only whole. Work happens aside and is published by one rename; a
manifest holds the checksum of every file; a folder that does not match it is set aside, so that its key is free again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vlcore.choices import ArtefactKind
from vlcore.conditions import Condition, from_dict
from vlcore.core.errors import LabError
from vlcore.home import models_folder, write_json

if TYPE_CHECKING:
    from vlcore.measures.last_layer import LastLayer
    from vlcore.measures.maps import Plane

KEY_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,150}")
_BESIDE = {
    ".umap": ArtefactKind.MAP,
    ".map": ArtefactKind.MAP,
    ".checks": ArtefactKind.CHECK,
    ".import": ArtefactKind.IMPORT,
}
_PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "umap-learn", "pillow")


class StoreError(LabError):
    """An artefact that is absent or unusable; the message says what to do."""


class CorruptArtefactError(StoreError):
    """An artefact that does not match its manifest; it has been set aside."""


@dataclass(frozen=True, eq=False)
class Artefact:
    """A published folder whose files match its manifest."""

    key: str
    path: Path
    manifest: dict[str, Any]

    @cached_property
    def condition(self) -> Condition:
        return from_dict(self.json("condition.json"))

    @property
    def kind(self) -> ArtefactKind:
        return kind_beside(self.key) or self.condition.kind

    @property
    def digest(self) -> str:
        """Changes when any file of the artefact changes."""
        return hashlib.sha256(json.dumps(self.manifest["files"], sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        return self.json("metrics.json")

    def json(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.path / name).read_text())
        return document

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """All arrays of an ``.npz`` file of the artefact."""
        with np.load(self.path / name, allow_pickle=False) as file:
            return {array: file[array] for array in file.files}

    def embeddings(self) -> StoredEmbeddings:
        """The embeddings of a model, read anew: they are large, and an artefact may be kept for long."""
        return StoredEmbeddings(self)


@dataclass(frozen=True, eq=False)
class StoredSnapshot:
    """The embeddings of a model at one moment, as unit vectors.

    Attributes:
        on_map, train: of the held-out pictures that maps show, and of the training pictures, (n, E).
        captions: (K, E); (0, E) of a captioner, whose captions have none.
        scale, bias: what turns a cosine into a logit.
        scores: of the pictures on the map and the training ones with the captions, (n, K), where they do not follow
            from the embeddings; else None.
    """

    on_map: NDArray[np.float32]
    train: NDArray[np.float32]
    captions: NDArray[np.float32]
    scale: float
    bias: float
    scores: NDArray[np.float64] | None


class StoredEmbeddings:
    """``embeddings.npz`` of a model: which rows of its image set it saw, and what it made of them at each moment."""

    def __init__(self, artefact: Artefact) -> None:
        self._artefact, self._arrays = artefact, artefact.arrays("embeddings.npz")

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers in the image set of the pictures of ``train``, ``val``, ``probe`` or ``test``, (n,), rising but
        for ``train``."""
        return self._arrays[f"{split}_rows"]

    @cached_property
    def _maps(self) -> dict[str, NDArray[Any]]:
        return self._artefact.arrays("maps.npz")

    @property
    def map_rows(self) -> NDArray[np.int64]:
        """Those of the held-out pictures that maps show, (m,)."""
        return self._maps["map_rows"]

    @property
    def plane(self) -> Plane:
        """The principal plane of the pictures on the map and the captions, at the end."""
        from vlcore.measures.maps import Plane

        centre, components, shares, variance = (
            self._maps[f"pca_{part}"] for part in ("centre", "components", "shares", "variance")
        )
        return Plane(centre, components, shares, float(variance))

    @property
    def own(self) -> NDArray[np.int64]:
        """Index of each training picture's caption, (n,); (0,) where pictures have none of their own."""
        return self._arrays["train_own"]

    @property
    def caption_texts(self) -> tuple[str, ...]:
        return tuple(str(text) for text in self._arrays["caption_texts"])

    @property
    def relabelled(self) -> NDArray[np.str_] | None:
        """The object that something else than a label style names for the pictures on the map and the training ones,
        (n,); None where it follows from the captions."""
        if "map_predicted" not in self._arrays:
            return None
        return np.concatenate([self._arrays["map_predicted"], self._arrays["train_predicted"]])

    @property
    def layer(self) -> LastLayer | None:
        """The new last layer that names the object of any picture; None where captions are the readout."""
        from vlcore.measures.last_layer import LastLayer

        if "layer_direction" not in self._arrays:
            return None
        first, second = (str(name) for name in self._arrays["layer_objects"])
        return LastLayer((first, second), self._arrays["layer_direction"], float(self._arrays["layer_shift"]))

    @property
    def end(self) -> StoredSnapshot:
        return self._snapshot("end")

    @property
    def untrained(self) -> StoredSnapshot | None:
        """None of a model that was trained elsewhere."""
        return self._snapshot("untrained") if "untrained_test" in self._arrays else None

    def _snapshot(self, name: str) -> StoredSnapshot:
        test, train, captions = (self._arrays[f"{name}_{part}"] for part in ("test", "train", "captions"))
        scale, bias = (float(number) for number in self._arrays[f"{name}_scale_bias"])
        on_map = np.searchsorted(self.rows("test"), self.map_rows)
        scores = None
        if f"{name}_test_scores" in self._arrays:
            of_test, of_train = (self._arrays[f"{name}_{split}_scores"] for split in ("test", "train"))
            scores = np.concatenate([of_test[on_map], of_train]).astype(np.float64)
        return StoredSnapshot(test[on_map], train, captions, scale, bias, scores)


def check_key(key: str) -> str:
    """The key itself, where it could be one; keys come from links and command lines.

    Raises:
        StoreError: when it could not.
    """
    if not KEY_PATTERN.fullmatch(key) or ".." in key:
        raise StoreError(f"{key!r} is not a model key; `python -m vlcore status` lists the keys there are.")
    return key


def kind_beside(key: str) -> ArtefactKind | None:
    """What is made beside the models under a key; None where the key is a model's."""
    return _BESIDE.get(Path(key).suffix)


def published(key: str) -> bool:
    return (models_folder() / check_key(key) / "manifest.json").is_file()


def published_keys() -> list[str]:
    """Keys of everything that is published, sorted."""
    names = (file.parent.name for file in models_folder().glob("*/manifest.json"))
    return sorted(name for name in names if KEY_PATTERN.fullmatch(name))


def model_keys() -> list[str]:
    """Keys of the published models, sorted: not of the maps and checks that lie beside them."""
    return [key for key in published_keys() if kind_beside(key) is None]


def condition_of(key: str) -> Condition | None:
    """What a published model is, without a look at its other files; None where that cannot be told."""
    try:
        return from_dict(json.loads((models_folder() / check_key(key) / "condition.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def read(key: str) -> Artefact:
    """A published artefact, checked against its manifest.

    Raises:
        StoreError: when nothing is published under the key.
        CorruptArtefactError: when a file differs from its checksum; the folder has then been set aside.
    """
    path = models_folder() / check_key(key)
    if not path.is_dir():
        raise StoreError(f"No model {key!r} is on disk; train it first.")
    try:
        manifest = json.loads((path / "manifest.json").read_text())
        sums = manifest["files"]
        wrong = [
            name for name, checksum in sums.items() if not (path / name).is_file() or _checksum(path / name) != checksum
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        wrong = ["manifest.json"]
    if wrong:
        damage = f"The model {key} was damaged ({wrong[0]})"
        try:
            quarantine(key)
        except FileNotFoundError:
            pass  # another reader has just set it aside
        except OSError as error:
            raise CorruptArtefactError(
                f"{damage} and cannot be set aside ({error.strerror}); make {models_folder()} writable."
            ) from error
        raise CorruptArtefactError(f"{damage} and has been set aside; train it again.")
    return Artefact(key, path, manifest)


def fingerprint(key: str) -> str:
    """Changes when a file of a published folder is written or goes: what a cache of `read` is named by."""
    facts = [(entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in _entries(key)]
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()[:16]


def _entries(key: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(models_folder() / check_key(key)))
    except OSError:
        return []


def quarantine(key: str) -> Path:
    """Move a published folder out of the way, to ``models/.quarantine/``; returns where it went."""
    published_at, aside = models_folder() / check_key(key), models_folder() / ".quarantine"
    aside.mkdir(parents=True, exist_ok=True)
    target = aside / f"{key}-{time.time_ns()}"
    os.replace(published_at, target)
    return target


def publish(key: str, made: Path, facts: dict[str, Any]) -> Artefact:
    """Publish a finished folder: write its manifest, then move it to its place in one rename.

    Args:
        key: name to publish under.
        made: folder with all files, beside the store on the same disk.
        facts: goes into the manifest beside the checksums and versions.

    Raises:
        OSError: when the folder cannot be moved, above all because the key is published already.
    """
    target = models_folder() / check_key(key)
    files = {file.relative_to(made).as_posix(): _checksum(file) for file in sorted(made.rglob("*")) if file.is_file()}
    write_json(made / "manifest.json", {"key": key, "files": files, "versions": _versions(), **facts})
    os.rename(made, target)
    return read(key)


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
