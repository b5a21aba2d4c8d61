"""Features of images under a frozen encoder of a user's own, which come with the images.

The file is an ``.npz`` with two arrays: ``files``, the names of the images in the source, (n,), and
``features``, (n, F).
"""

import hashlib
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vlcore.data.feature_store import FOLDER, own_tower
from vlcore.data.importers.source import ImportSetError, printable
from vlcore.data.row_store import stamp_of, write_rows
from vlcore.experiment import limits

LARGEST = 65_504  # of a float16
_BLOCK = 1024  # rows that are hashed at once


def write_features(file: Path, folder: Path, table: pd.DataFrame, known: Sequence[str]) -> str:
    """Store the features of the images of a new set; returns the architecture of models on them.

    Args:
        file: the ``.npz``.
        folder: of the set.
        table: its images, with their ``file`` in the source and their ``file_name`` in the set.
        known: all files of the source.

    Raises:
        ImportSetError: The file cannot be used, lacks an image of the set, or has an unknown name.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            names, features = arrays["files"].astype(str).tolist(), arrays["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ImportSetError(
            f"{printable(file.name)} is no .npz with the arrays files and features; save it with"
            " np.savez, names as text."
        ) from error
    if features.ndim != 2 or len(features) != len(names) or features.dtype.kind != "f":
        raise ImportSetError("The array features needs one row of floats for each name in files.")
    is_small = 2 <= features.shape[1] <= limits.FEATURES
    # Neither holds of NaN. The array may have gigabytes, so nothing of its size is made of it here.
    is_within = features.min(initial=0) >= -LARGEST and features.max(initial=0) <= LARGEST
    if not (is_small and is_within):
        raise ImportSetError(
            f"The array features needs 2 to {limits.FEATURES:,} numbers for each image, none of"
            f" them above {LARGEST:,}."
        )
    rows = {name: row for row, name in enumerate(names)}
    for what, wrong in (
        ("lacks", set(table["file"]) - set(rows)),
        ("names an unknown image", set(rows) - set(known)),
    ):
        if wrong:
            raise ImportSetError(f"{printable(file.name)} {what}: {printable(min(wrong))}.")
    chosen = features.astype(np.float16)[[rows[name] for name in table["file"]]]
    del features
    stem = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:30] or "features"
    digest = hashlib.sha256()
    for start in range(0, len(chosen), _BLOCK):
        digest.update(chosen[start : start + _BLOCK].astype(np.float32))
    architecture = f"own:{stem}-{chosen.shape[1]}-{digest.hexdigest()[:8]}"
    stamps = {row: stamp_of(folder, name) for row, name in enumerate(table["file_name"])}
    store = folder / FOLDER / f"{own_tower(architecture).name}.safetensors"
    write_rows(store, dict(enumerate(chosen)), stamps)
    return architecture
