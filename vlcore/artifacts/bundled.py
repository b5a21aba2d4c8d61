"""Bundled models: one compressed file each, unpacked into the home when first read.

Their metrics are those of the training. Arrays are rounded, so that a handful of models is a few
megabytes: embeddings to float16 and coarser, weights to the eight significant bits of bfloat16.
Unpacked, a model is like any other, is marked in its manifest, and is replaced by one that is
trained here.
"""

import hashlib
import io
import json
import lzma
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vlcore.artifacts.embeddings import read_arrays
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
ANIMATION_VECTORS = 160  # the same in checkpoints of the animation
# Arrays that only measures read are not bundled.
_UNREAD = ("first_fit_", "untrained_val", "untrained_probe", "end_val", "end_probe")
_EXACT = ("pca_components", "val_curve", "probe_curve")
CAME_WITH = "came_with"  # in a manifest: the version


class DamagedFileError(LabError):
    """A bundled file that cannot be unpacked; the message says what to do."""


def keys() -> list[str]:
    """Keys of the bundled models, sorted."""
    return sorted(file.stem for file in shipped_folder().glob("*.zip"))


def is_bundled(key: str) -> bool:
    return _file(key).is_file()


def _file(key: str) -> Path:
    return shipped_folder() / f"{key}.zip"


def packed_files(key: str) -> zipfile.Path:
    """The files of a bundled model, to read without unpacking it."""
    return zipfile.Path(_file(key))


def unpack(key: str) -> None:
    """Unpack a bundled model, unless the home has the key or there is none."""
    target = models_folder() / key
    if target.exists() or not is_bundled(key):
        return
    make_folder(models_folder())
    try:
        advice = "make room or point VLCORE_HOME to another folder"
        with (
            write_errors(models_folder(), advice),
            atomic(target) as folder,
            zipfile.ZipFile(_file(key)) as packed,
        ):
            packed.extractall(folder)
    except HomeError:
        if not target.exists():  # else another process was faster
            raise
    except (zipfile.BadZipFile, lzma.LZMAError, EOFError) as error:
        raise DamagedFileError(
            f"The file of the model {key} is damaged; put {_file(key)} there again, as it came with"
            " the lab, or delete it and train the model."
        ) from error


def bundled_contents(source: Path, facts: Mapping[str, Any]) -> dict[str, bytes]:
    """Contents of the bundled files of a published folder: rounded, and with a new manifest.

    Args:
        source: the published folder.
        facts: for the manifest, which gets the version and new checksums.
    """
    files = {}
    for file in sorted(source.iterdir()):
        if file.name != "manifest.json":
            files[file.name] = _rounded(file)
    checksums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {**facts, "files": checksums, CAME_WITH: __version__}
    return {**files, "manifest.json": (json.dumps(manifest, indent=1) + "\n").encode()}


def _rounded(file: Path) -> bytes:
    if file.suffix == ".npz":
        return _rounded_arrays(file)
    content = file.read_bytes()
    if file.suffix == ".safetensors":
        # Eight bytes with the header's length, the header, the numbers as float32.
        end = 8 + int.from_bytes(content[:8], "little")
        bits = np.frombuffer(content[end:], dtype="<u4")
        nearest = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000  # ties to even, as bfloat16
        return content[:end] + nearest.astype("<u4").tobytes()
    return content


def _rounded_arrays(file: Path) -> bytes:
    steps = ANIMATION_VECTORS if file.name == "snapshots.npz" else VECTORS
    arrays = {}
    for name, array in read_arrays(file).items():
        if name.startswith(_UNREAD):
            continue
        if array.ndim > 1 and name not in _EXACT and np.issubdtype(array.dtype, np.floating):
            rounded = np.round(array.astype(np.float64) * steps) / steps
            array = rounded.astype(array.dtype)
        arrays[name] = array
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]  # numpy's stub mistakes the names for options
    return out.getvalue()
