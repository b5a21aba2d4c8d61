"""Image sets while they are imported: images as they are written, what is left out, and the
description.

Whatever comes in, what is written is a square of one size without metadata. Its fingerprints are
taken from the pixels that were written, so they compare what a model sees."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.data.decoding import UploadError, squares_apart
from vlcore.data.imageset import COLUMNS, SOURCE, USER
from vlcore.data.importers.source import Source, UnreadableError, joinable, printable
from vlcore.data.importers.splits import perceptual_hash
from vlcore.experiment import limits
from vlcore.experiment.files import write_json
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.progress import Progress

SIZE = 192  # pixels
LIST = "left-out.csv"
_QUALITY = 92
_AT_ONCE, _BYTES_AT_ONCE = 32, 16 * limits.MB  # files that a helper process decodes at once


@dataclass
class Draft:
    """An image set that is being written; `notes` are sentences on what was done."""

    folder: Path
    grouping: Grouping
    # As of `vlcore.data.importers.selection.choose_groups`. Once images are written it has their
    # ``file_name``, a ``digest`` of their pixels and a perceptual ``hash``.
    table: pd.DataFrame
    skipped: list[tuple[str, str]]  # (name, reason)
    notes: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Number of images by group."""
        sizes = np.bincount(self.table["group"], minlength=4).tolist()
        return dict(zip(self.grouping.names, sizes, strict=True))

    def leave_out(self, which: NDArray[np.bool_] | pd.Series, reasons: str | Sequence[str]) -> None:
        """Remove rows and their files, for one reason or for one each."""
        which = np.asarray(which)
        removed = self.table[which]
        if isinstance(reasons, str):
            reasons = [reasons] * len(removed)
        self.skipped += zip(map(printable, removed["file"]), reasons, strict=True)
        for file in removed["file_name"]:
            (self.folder / file).unlink()
        self.table = self.table[~which].reset_index(drop=True)

    def write_images(self, source: Source, progress: Progress) -> None:
        """Write what can be decoded, and leave out the rest."""
        folders = self._folder_names()
        rows: list[dict[str, Any]] = []
        for number, (row, decoded) in enumerate(self._decoded(source)):
            progress(number, len(self.table))
            if isinstance(decoded, Exception):
                reason = str(decoded).removeprefix("image ")
                self.skipped.append((printable(row["file"]), reason))
                continue
            file_name = f"images/{folders[row['group']]}/{number:05d}.jpg"
            image = Image.fromarray(decoded)
            path = self.folder / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, "JPEG", quality=_QUALITY, subsampling=0)
            written = {
                "file_name": file_name,
                "digest": hashlib.sha256(image.tobytes()).hexdigest(),
                "hash": perceptual_hash(image),
            }
            rows.append(row | written)
        progress(len(self.table), len(self.table))
        columns = [*self.table.columns, "file_name", "digest", "hash"]
        self.table = pd.DataFrame(rows, columns=columns)

    def _decoded(
        self, source: Source
    ) -> Iterator[tuple[dict[str, Any], NDArray[np.uint8] | UnreadableError | UploadError]]:
        """Each row with the square of its image, or why there is none; some are decoded at once."""
        batch: list[tuple[dict[str, Any], bytes | UnreadableError]] = []
        size = 0
        for row in self.table.to_dict("records"):
            try:
                data = source.read(row["file"])
            except UnreadableError as error:
                batch.append((row, error))
                continue
            batch.append((row, data))
            size += len(data)
            if len(batch) >= _AT_ONCE or size > _BYTES_AT_ONCE:
                yield from _squares(batch)
                batch, size = [], 0
        yield from _squares(batch)

    def _folder_names(self) -> list[str]:
        """A folder for each group, in plain letters whatever the names are."""
        names = [
            re.sub(r"[^a-z0-9]+", "-", " ".join(pair).casefold()).strip("-")
            for pair in self.grouping.pairs
        ]
        is_usable = len(set(names)) == 4 and all(names)
        return names if is_usable else [f"group-{number}" for number in range(1, 5)]


def _squares(
    batch: Sequence[tuple[dict[str, Any], bytes | UnreadableError]],
) -> Iterator[tuple[dict[str, Any], NDArray[np.uint8] | UnreadableError | UploadError]]:
    """Rows with the squares of what was read of them, where it can be decoded."""
    files = [data for _, data in batch if isinstance(data, bytes)]
    squares = iter(squares_apart(files, SIZE, limits.PICTURE_BYTES) if files else [])
    for row, data in batch:
        yield row, next(squares) if isinstance(data, bytes) else data


def describe(folder: Path, table: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write ``metadata.csv`` and ``dataset.json``.

    Args:
        table: one row an image, `COLUMNS` but for mask and factors, ``file``, where it was in the
            source, ``digest``, of its pixels, and columns of the user's own.
        about: what ``dataset.json`` says besides version, number of rows and checksum.
    """
    columns = table.assign(mask="", factors="{}")[list(COLUMNS)]
    of_user = table[[name for name in table if name.startswith(USER)]]
    sources = {SOURCE: list(map(joinable, table["file"]))}
    listing = _as_csv(columns.assign(**sources).join(of_user))
    (folder / "metadata.csv").write_bytes(listing)
    # Where the images came from does not change them: a folder and a zip of it have one version.
    content = _as_csv(columns) + _as_csv(of_user)
    content += json.dumps(about["captions"]).encode() + "".join(table["digest"]).encode()
    document = {
        "name": about["name"],
        "version": hashlib.sha256(content).hexdigest()[:8],
        **about,
        "images": len(table),
        "checksum": hashlib.sha256(listing).hexdigest(),
    }
    write_json(folder / "dataset.json", document)


def _as_csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()
