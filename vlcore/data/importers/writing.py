"""Image sets while they are imported: pictures and masks as they are kept, what is left out, and
the description.

Whatever comes in, what is written is a square of one size without metadata, cut alike from the
picture and its mask; its fingerprints are taken from the pixels that were written, so they compare
what a model sees."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vlcore.data.decoding import UploadError, on_grey, open_apart, open_square
from vlcore.data.imageset import COLUMNS
from vlcore.data.importers.source import Source, UnreadableError, npy_claim, plural, printable
from vlcore.data.importers.splits import perceptual_hash
from vlcore.experiment import limits
from vlcore.experiment.files import write_json
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.progress import Progress

SIZE = 192  # pixels
LIST = "left-out.csv"
_QUALITY = 92
_ASPECT = 0.02  # by how much the shapes of a picture and its mask may differ


@dataclass
class Draft:
    """An image set that is being written; `notes` are sentences on what was done."""

    folder: Path
    grouping: Grouping
    # As of `vlcore.data.importers.selection.choose`. Once pictures are written it has their
    # ``file_name``, a ``digest`` of their pixels and a perceptual ``hash``, and ``mask`` is the
    # path of the mask that was written.
    table: pd.DataFrame
    skipped: list[tuple[str, str]]  # (name, reason)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, which: NDArray[np.bool_] | pd.Series, reasons: str | Sequence[str]) -> None:
        """Take rows and their files away, for one reason or for one each."""
        which = np.asarray(which)
        gone = self.table[which]
        each = [reasons] * len(gone) if isinstance(reasons, str) else reasons
        self.skipped += [
            (printable(file), reason) for file, reason in zip(gone["file"], each, strict=True)
        ]
        if "file_name" in gone:
            for file in [*gone["file_name"], *filter(None, gone["mask"])]:
                (self.folder / file).unlink()
        self.table = self.table[~which].reset_index(drop=True)

    def write_pictures(self, source: Source, progress: Progress) -> None:
        """Write what can be decoded, and leave out the rest."""
        pairs = [" ".join(pair).casefold() for pair in self.grouping.pairs]
        slugs = [
            re.sub(r"[^a-z0-9]+", "-", pair).strip("-") for pair in pairs
        ]  # plain, whatever the names are
        if len({*slugs, ""}) < 5:
            slugs = [f"group-{number}" for number in range(1, 5)]
        rows: list[dict[str, Any]] = []
        bad_masks: list[str] = []
        progress(0, len(self.table))
        for number, row in enumerate(self.table.to_dict("records")):
            stem, named = f"{slugs[row['group']]}/{number:05d}", row["mask"]
            row |= {"file_name": f"images/{stem}.jpg", "mask": ""}
            try:
                with _why():
                    kept, aspect = open_square(source.read(row["file"]), SIZE)
            except UnreadableError as error:
                self.skipped.append((printable(row["file"]), str(error)))
            else:
                _save(kept, self.folder / row["file_name"], "JPEG", quality=_QUALITY, subsampling=0)
                digest = hashlib.sha256(kept.tobytes()).hexdigest()  # of the pixels
                rows.append({**row, "digest": digest, "hash": perceptual_hash(kept)})
                try:
                    if named:
                        mask = _mask(source.read(named), named.endswith(".npy"), aspect)
                        rows[-1]["mask"] = f"masks/{stem}.png"
                        _save(mask, self.folder / rows[-1]["mask"], "PNG")
                except UnreadableError as error:
                    bad_masks.append(f"{printable(named)} {error}")
            progress(number + 1, len(self.table))
        if bad_masks:
            self.notes.append(f"Left out {plural(len(bad_masks), 'mask')} (first: {bad_masks[0]}).")
        self.table = pd.DataFrame(
            rows, columns=[*self.table.columns, "file_name", "digest", "hash"]
        )


def _save(picture: Image.Image, path: Path, kind: str, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, kind, **options)


def _mask(data: bytes, numpy_array: bool, aspect: float) -> Image.Image:
    """The square of a mask, a picture or a saved array: 255 where the object is, else 0."""
    if numpy_array:
        grey = _array(data)
    else:
        with _why():
            grey = np.asarray(
                on_grey(open_apart(data, "picture", limits.PICTURE_BYTES)).convert("L")
            )
    height, width = grey.shape
    if abs(width / height / aspect - 1) > _ASPECT:
        raise UnreadableError("has another shape than its picture")
    # Two values are nothing and object, whatever they are; more are coverage.
    threshold = grey.min() if len(np.unique(grey)) <= 2 else 127
    mask = Image.fromarray(np.where(grey > threshold, np.uint8(255), np.uint8(0)))
    kept = ImageOps.fit(mask, (SIZE, SIZE), Image.Resampling.NEAREST)
    if kept.getextrema()[1] == 0:
        raise UnreadableError("shows no object")
    return kept


@contextmanager
def _why() -> Iterator[None]:
    """Say of a picture that cannot be used why, without its name."""
    try:
        yield
    except UploadError as error:
        raise UnreadableError(str(error).removeprefix("picture ")) from error


def _array(data: bytes) -> NDArray[np.uint8]:
    """A two-dimensional array of numbers or truth values in numpy's format, as 0 and 1."""
    try:
        shape, dtype = npy_claim(BytesIO(data))
        room = np.prod(shape, dtype=np.float64) * dtype.itemsize
        if len(shape) == 2 and 0 < room <= len(data) and dtype.kind in "biuf":
            return (np.load(BytesIO(data), allow_pickle=False) > 0).astype(np.uint8)
    except (ValueError, OSError, EOFError):
        pass
    raise UnreadableError("is no two-dimensional array")


def describe(folder: Path, table: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write ``metadata.csv`` and ``dataset.json``, which says `about` with the version, number of
    rows and checksum. `table` has one row a picture: `COLUMNS`, ``file``, where it was in the
    source, and ``digest``, of what it holds.
    """

    def as_csv(table: pd.DataFrame) -> bytes:
        return table.to_csv(index=False, lineterminator="\n").encode()

    columns = table[list(COLUMNS)]
    listing = as_csv(columns.assign(source=[printable(file, most=4096) for file in table["file"]]))
    (folder / "metadata.csv").write_bytes(listing)
    # Where the pictures came from does not change them, so the version is the same for a folder and
    # a zip of it.
    everything = (
        as_csv(columns) + json.dumps(about["captions"]).encode() + "".join(table["digest"]).encode()
    )
    version = {"name": about["name"], "version": hashlib.sha256(everything).hexdigest()[:8]}
    counted = {"images": len(table), "checksum": hashlib.sha256(listing).hexdigest()}
    write_json(folder / "dataset.json", version | about | counted)
