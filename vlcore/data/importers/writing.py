"""Image sets while they are imported: images and masks as they are written, what is left out, and
the description.

Whatever comes in, what is written is a square of one size without metadata, cut alike from the
image and its mask. Its fingerprints are taken from the pixels that were written, so they compare
what a model sees."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vlcore.data.decoding import UploadError, on_grey, open_apart, square
from vlcore.data.imageset import COLUMNS, SOURCE, USER
from vlcore.data.importers.source import Source, UnreadableError, joinable, npy_claim, printable
from vlcore.data.importers.splits import perceptual_hash
from vlcore.experiment import limits
from vlcore.experiment.files import write_json
from vlcore.experiment.grouping import Grouping
from vlcore.experiment.progress import Progress
from vlcore.experiment.wording import plural

SIZE = 192  # pixels
LIST = "left-out.csv"
_QUALITY = 92
_ASPECT = 0.02  # by how much the shapes of an image and its mask may differ


@dataclass
class Draft:
    """An image set that is being written; `notes` are sentences on what was done."""

    folder: Path
    grouping: Grouping
    # As of `vlcore.data.importers.selection.choose_groups`. Once images are written it has their
    # ``file_name``, a ``digest`` of their pixels and a perceptual ``hash``, and ``mask`` is the
    # path of the mask that was written.
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
        if "file_name" in removed:
            for file in [*removed["file_name"], *filter(None, removed["mask"])]:
                (self.folder / file).unlink()
        self.table = self.table[~which].reset_index(drop=True)

    def write_images(self, source: Source, progress: Progress) -> None:
        """Write what can be decoded, and leave out the rest."""
        folders = self._folder_names()
        rows: list[dict[str, Any]] = []
        bad_masks: list[tuple[str, str]] = []
        for number, row in enumerate(self.table.to_dict("records")):
            progress(number, len(self.table))
            path = f"{folders[row['group']]}/{number:05d}"
            try:
                decoded = _decoded(source.read(row["file"]))
            except (UnreadableError, UploadError) as error:
                self.skipped.append((printable(row["file"]), _reason(error)))
                continue
            image = Image.fromarray(square(decoded, SIZE))
            file_name, mask_name = f"images/{path}.jpg", ""
            self._save(image, file_name, "JPEG", quality=_QUALITY, subsampling=0)
            if row["mask"]:
                try:
                    mask = _mask(source.read(row["mask"]), row["mask"], decoded.size)
                    mask_name = f"masks/{path}.png"
                    self._save(mask, mask_name, "PNG")
                except (UnreadableError, UploadError) as error:
                    bad_masks.append((printable(row["mask"]), _reason(error)))
            written = {
                "file_name": file_name,
                "mask": mask_name,
                "digest": hashlib.sha256(image.tobytes()).hexdigest(),
                "hash": perceptual_hash(image),
            }
            rows.append(row | written)
        progress(len(self.table), len(self.table))
        if bad_masks:
            first = " ".join(bad_masks[0])
            self.notes.append(f"Left out {plural(len(bad_masks), 'mask')} (first: {first}).")
            self.skipped[:0] = bad_masks  # first, for the last is an example of a missing image
        columns = [*self.table.columns, "file_name", "digest", "hash"]
        self.table = pd.DataFrame(rows, columns=columns)

    def _folder_names(self) -> list[str]:
        """A folder for each group, in plain letters whatever the names are."""
        names = [
            re.sub(r"[^a-z0-9]+", "-", " ".join(pair).casefold()).strip("-")
            for pair in self.grouping.pairs
        ]
        is_usable = len(set(names)) == 4 and all(names)
        return names if is_usable else [f"group-{number}" for number in range(1, 5)]

    def _save(self, image: Image.Image, name: str, kind: str, **options: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, kind, **options)


def _reason(error: Exception) -> str:
    """The sentence about an image without its name."""
    return str(error).removeprefix("image ")


def _decoded(data: bytes) -> Image.Image:
    return on_grey(open_apart(data, "image", limits.PICTURE_BYTES))


def _mask(data: bytes, name: str, image_size: tuple[int, int]) -> Image.Image:
    """The square of a mask, an image or a saved array: 255 where the object is, else 0. Of an image
    with transparent parts it is what can be seen."""
    if name.endswith(".npy"):
        grey = _array(data)
    else:
        image = open_apart(data, "image", limits.PICTURE_BYTES)
        grey = np.asarray(image.convert("L"))
        if image.mode == "RGBA" and (alpha := np.asarray(image.getchannel("A"))).min() < 255:
            grey = alpha
    height, width = grey.shape
    image_width, image_height = image_size
    if abs(width * image_height / (height * image_width) - 1) > _ASPECT:
        raise UnreadableError("has another shape than its image")
    # Two values are nothing and object, whatever they are; more are coverage.
    threshold = grey.min() if len(np.unique(grey)) <= 2 else 127
    mask = Image.fromarray(np.where(grey > threshold, np.uint8(255), np.uint8(0)))
    cut = ImageOps.fit(mask, (SIZE, SIZE), Image.Resampling.NEAREST)
    darkest, brightest = cut.getextrema()
    if brightest == 0:
        raise UnreadableError("shows no object")
    if darkest == 255:
        raise UnreadableError("shows no background")
    return cut


def _array(data: bytes) -> NDArray[np.uint8]:
    """A two-dimensional array of numbers or truth values in numpy's format, as 0 and 1."""
    try:
        shape, dtype = npy_claim(BytesIO(data))
        size = np.prod(shape, dtype=np.float64) * dtype.itemsize
        if len(shape) == 2 and 0 < size <= len(data) and dtype.kind in "biuf":
            return (np.load(BytesIO(data), allow_pickle=False) > 0).astype(np.uint8)
    except (ValueError, OSError, EOFError):
        pass
    raise UnreadableError("is no two-dimensional array")


def describe(folder: Path, table: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write ``metadata.csv`` and ``dataset.json``.

    Args:
        table: one row an image, `COLUMNS`, ``file``, where it was in the source, ``digest``, of
            what it holds, and columns of the user's own, whose names begin with `USER`.
        about: what ``dataset.json`` says besides version, number of rows and checksum.
    """
    columns = table[list(COLUMNS)]
    of_user = table[[name for name in table if name.startswith(USER)]]
    sources = {SOURCE: list(map(joinable, table["file"]))}
    listing = _as_csv(columns.assign(**sources).join(of_user))
    (folder / "metadata.csv").write_bytes(listing)
    # Where the images came from does not change them: a folder and a zip of it have one version.
    content = _as_csv(columns)
    content += json.dumps(about["captions"]).encode() + "".join(table["digest"]).encode()
    if len(of_user.columns):
        content += _as_csv(of_user)
    document = {
        "name": about["name"],
        "version": hashlib.sha256(content).hexdigest()[:8],
        **about,
        "images": len(table),
        "checksum": hashlib.sha256(listing).hexdigest(),
    }
    write_json(folder / "dataset.json", document)


def own_columns(table: pd.DataFrame) -> list[str]:
    """The names of the user's columns in a table of images."""
    return [name.removeprefix(USER) for name in table if name.startswith(USER)]


def with_user_columns(table: pd.DataFrame) -> pd.DataFrame:
    """A table of images with the columns that ``columns`` holds, one JSON object a row; empty where
    a row has none of a name."""
    values = pd.DataFrame(map(json.loads, table["columns"]), index=table.index).fillna("")
    return table.join(values.map(joinable).add_prefix(USER))


def _as_csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()
