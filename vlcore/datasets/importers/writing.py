"""Foreign pictures and masks as we keep them, and the list of what is left out.

The one idea: whatever comes in, what is written is a square of one size without metadata, cut alike from the picture
and its mask; and its fingerprints are taken from the pixels that were written, so they compare what a model sees.
Whoever leaves a picture out adds (name, reason) to one list, and the set keeps that list beside its pictures.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.core.files import write_json
from vlcore.datasets.imageset import COLUMNS
from vlcore.datasets.importers.duplicates import perceptual_hash
from vlcore.datasets.importers.source import (
    LONGEST_PATH,
    MAX_FILE_BYTES,
    Source,
    UnreadableError,
    npy_claim,
    plural,
    printable,
)
from vlcore.datasets.uploads import UploadError, middle, open_upload, square

SIZE = 192  # pixels
LIST = "left-out.csv"
_SPLIT_WORDS = {"train": "training", "val": "validation"}
Skipped = list[tuple[str, str]]
_QUALITY = 92
_ASPECT = 0.02  # by how much the shapes of a picture and its mask may differ


class Written(NamedTuple):
    """What is known of a picture once it is written."""

    digest: str  # of its pixels: equal pictures have equal ones
    hash: int  # perceptual
    aspect: float  # width by height before it was cut


def write_picture(data: bytes, path: Path) -> Written:
    """Decode a picture and write its square as JPEG.

    Raises:
        UnreadableError: when it is no picture that can be decoded.
    """
    picture = _decoded(data)
    pixels = square(picture, SIZE)
    kept = Image.fromarray(pixels)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept.save(path, "JPEG", quality=_QUALITY, subsampling=0)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Written(digest, perceptual_hash(kept), picture.width / picture.height)


def write_mask(data: bytes, numpy_array: bool, aspect: float, path: Path) -> None:
    """Decode a mask, a picture or a saved array, and write its square as PNG: 255 where the object is, else 0.

    Raises:
        UnreadableError: when it is no mask, has another shape than its picture, or shows no object.
    """
    grey = _array(data) if numpy_array else np.asarray(_decoded(data).convert("L"))
    height, width = grey.shape
    if abs(width / height / aspect - 1) > _ASPECT:
        raise UnreadableError("has another shape than its picture")
    # Two values are nothing and object, whatever they are; more are coverage.
    threshold = grey.min() if len(np.unique(grey)) <= 2 else 127
    mask = Image.fromarray(np.where(grey > threshold, np.uint8(255), np.uint8(0)))
    kept = mask.resize((SIZE, SIZE), Image.Resampling.NEAREST, box=middle(mask))
    if kept.getextrema()[1] == 0:
        raise UnreadableError("shows no object")
    path.parent.mkdir(parents=True, exist_ok=True)
    kept.save(path, "PNG")


def _decoded(data: bytes) -> Image.Image:
    called = "picture"
    try:
        return open_upload(data, called, MAX_FILE_BYTES)
    except UploadError as error:
        raise UnreadableError(str(error).removeprefix(f"{called} ")) from error


def _array(data: bytes) -> NDArray[np.uint8]:
    """A two-dimensional array of numbers or truth values in numpy's format, as 0 and 1."""
    try:
        shape, dtype = npy_claim(BytesIO(data))
        fits = np.prod(shape, dtype=np.float64) * dtype.itemsize <= len(data)
        array = np.load(BytesIO(data), allow_pickle=False) if fits else None
    except (ValueError, OSError, EOFError):
        array = None
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.size == 0 or array.dtype.kind not in "biuf":
        raise UnreadableError("is no two-dimensional array")
    return (array > 0).astype(np.uint8)


def make_names_unique(source: Source, table: pd.DataFrame) -> pd.DataFrame:
    """The table with ids that only equal files share: one name in two folders may be two pictures."""
    ids = table["id"].to_numpy(dtype=object, copy=True)
    for row in np.flatnonzero(table.duplicated("id", keep=False)):
        file = table["file"].iat[row]
        try:
            ids[row] = f"{ids[row]} {hashlib.sha256(source.read(file)).hexdigest()}"
        except UnreadableError:
            ids[row] = file  # whoever decodes it says what is wrong with it
    return table.assign(id=ids)


def one_group_per_id(table: pd.DataFrame, skipped: Skipped) -> pd.DataFrame:
    """Each picture once, and none that belongs to several groups."""
    several = table.groupby("id")["group"].transform("nunique") > 1
    skipped += [(printable(file), "belongs to several of the chosen groups") for file in table["file"][several]]
    left = table[~several]
    again = left.duplicated("id")
    skipped += [(printable(file), "is there more than once; used once") for file in left["file"][again]]
    return left[~again].reset_index(drop=True)


def without_contradictions(written: pd.DataFrame, work: Path, skipped: Skipped) -> pd.DataFrame:
    """Leave out equal pictures that were found in two groups: nobody can say which label is right."""
    several = written.groupby("digest")["group"].transform("nunique") > 1
    skipped += [
        (printable(file), "is the same picture as one in another group, so its labels contradict each other")
        for file in written["file"][several]
    ]
    return drop(written, several.to_numpy(dtype=bool), work)


def without_removed(
    written: pd.DataFrame, removed: NDArray[np.bool_], cluster: NDArray[np.int64], work: Path, skipped: Skipped
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out what has a near-duplicate in a later split of the source.

    Args:
        written: with ``split``, that of the source.
        removed: (n,), what goes.
        cluster: (n,), number of the cluster of near-duplicates.
        work: where the pictures lie.
        skipped: gets what goes, with the picture that stays and its split.

    Returns:
        The rows that stay, and a sentence for each split that lost pictures.
    """
    stays = written[~removed].assign(cluster=cluster[~removed]).drop_duplicates("cluster").set_index("cluster")
    gone = written[removed].assign(cluster=cluster[removed])
    for file, number in zip(gone["file"], gone["cluster"], strict=True):
        kept = f"{printable(stays.at[number, 'file'])}, which is in the source's {stays.at[number, 'split']} set"
        skipped.append((printable(file), f"is nearly the same picture as {kept}"))
    notes = []
    for split, number in gone["split"].value_counts(sort=False).items():
        what = plural(int(number), f"{_SPLIT_WORDS.get(str(split), split)} picture")
        notes.append(f"{what} {'was' if number == 1 else 'were'} left out because of near-copies that are held out.")
    return drop(written, removed, work), notes


def drop(written: pd.DataFrame, which: NDArray[np.bool_], work: Path) -> pd.DataFrame:
    """Take rows and their files away."""
    for file in [*written["file_name"][which], *filter(None, written["mask"][which])]:
        (work / file).unlink()
    return written[~which].reset_index(drop=True)


def write_list(folder: Path, skipped: Sequence[tuple[str, str]]) -> str:
    """Write what was left out, if anything was, as a table of files and reasons; returns the name of the table."""
    if not skipped:
        return ""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows([("file", "reason"), *skipped])
    (folder / LIST).write_text(out.getvalue(), encoding="utf-8")
    return LIST


def describe(work: Path, written: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write ``metadata.csv`` and ``dataset.json`` of a set.

    Args:
        work: folder of the set.
        written: one row a picture: `COLUMNS`, ``file``, where it was in the source, and ``digest``, of what it holds.
        about: what ``dataset.json`` says; the version, the number of rows and a checksum are added.
    """

    def as_csv(table: pd.DataFrame) -> bytes:
        return table.to_csv(index=False, lineterminator="\n").encode()

    columns = written[list(COLUMNS)]
    source = [printable(file, LONGEST_PATH) for file in written["file"]]
    listing = as_csv(columns.assign(source=source))
    (work / "metadata.csv").write_bytes(listing)
    # Where the pictures came from does not change them, so the version is the same for a folder and a zip of it.
    everything = as_csv(columns) + json.dumps(about["captions"]).encode() + "".join(written["digest"]).encode()
    version = {"version": hashlib.sha256(everything).hexdigest()[:8]}
    counted = {"images": len(written), "checksum": hashlib.sha256(listing).hexdigest()}
    write_json(work / "dataset.json", {"name": about["name"], **version, **about, **counted})
