"""Models that come with this version: one compressed file each, unpacked into the home when it is
first asked for.

Their numbers are those of the training. Arrays are rounded, so that a handful of models is a few
megabytes: embeddings to float16 and coarser, weights to the eight significant bits of bfloat16.
Unpacked, a model is like any other, says in its manifest what it is, and gives way to one that is
trained here."""

import hashlib
import io
import json
import lzma
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vlcore.experiment.errors import LabError
from vlcore.experiment.files import (
    HomeError,
    atomic,
    make_folder,
    models_folder,
    shipped_folder,
    write_errors,
)
from vlcore.experiment.version import __version__

VECTORS = 512  # steps of a coordinate of a unit vector from 0 to 1
MOMENTS = 160  # the same in snapshots, which are only looked at
_UNREAD = (
    "first_fit_",
    "untrained_val",
    "untrained_probe",
    "end_val",
    "end_probe",
)  # by nothing but measures
_EXACT = ("pca_components", "val_curve", "probe_curve")
CAME_WITH = "came_with"  # in a manifest: the version


class DamagedFileError(LabError):
    """A file that came with this version cannot be unpacked; the message says what to do."""


def keys() -> list[str]:
    """Keys of the models that come with this version, sorted."""
    return sorted(file.stem for file in shipped_folder().glob("*.zip"))


def there(key: str) -> bool:
    return _file(key).is_file()


def _file(key: str) -> Path:
    return shipped_folder() / f"{key}.zip"


def inside(key: str) -> zipfile.Path:
    """The files of a model that comes with this version, to look into without unpacking it."""
    return zipfile.Path(_file(key))


def unpack(key: str) -> None:
    """Make the folder of a model that comes with this version; nothing where the home has that key,
    or none comes."""
    target = models_folder() / key
    if target.exists() or not there(key):
        return
    make_folder(models_folder())
    try:
        advice = "make room or point VLCORE_HOME to another folder"
        with (
            write_errors(models_folder(), advice),
            atomic(target) as aside,
            zipfile.ZipFile(_file(key)) as packed,
        ):
            packed.extractall(aside)
    except HomeError:
        if not target.exists():  # else another process was faster
            raise
    except (zipfile.BadZipFile, lzma.LZMAError, EOFError) as error:
        mend = (
            f"put {_file(key)} there again, as it came with the lab, or delete it and train the"
            " model"
        )
        raise DamagedFileError(f"The file of the model {key} is damaged; {mend}.") from error


def pack(source: Path, facts: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a published folder, rounded, as they ship: with a manifest of its facts, the
    version and checksums of their own."""
    files = {
        file.name: _rounded(file)
        for file in sorted(source.iterdir())
        if file.name != "manifest.json"
    }
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {**facts, "files": checksums, CAME_WITH: __version__}
    return {**files, "manifest.json": (json.dumps(manifest, indent=1) + "\n").encode()}


def _rounded(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix == ".npz":
        steps = MOMENTS if file.name == "snapshots.npz" else VECTORS
        with np.load(file, allow_pickle=False) as stored:
            kept = {name: stored[name] for name in stored.files if not name.startswith(_UNREAD)}
        for name, array in kept.items():
            if array.ndim > 1 and name not in _EXACT and np.issubdtype(array.dtype, np.floating):
                kept[name] = (np.round(array.astype(np.float64) * steps) / steps).astype(
                    array.dtype
                )
        out = io.BytesIO()
        np.savez(out, **kept)
        return out.getvalue()
    if (
        file.suffix == ".safetensors"
    ):  # eight bytes with the header's length, the header, the numbers as float32
        end = 8 + int.from_bytes(content[:8], "little")
        bits = np.frombuffer(content[end:], dtype="<u4")
        nearest = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000  # ties to even, as bfloat16
        return content[:end] + nearest.astype("<u4").tobytes()
    return content
