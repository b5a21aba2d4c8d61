"""Image sets: a table with one row an image, its object, context and split, and the pixels of
each."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.data.row_store import read_rows, stamp_of, write_rows
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping, group_name
from vlcore.experiment.progress import Progress, silent
from vlcore.experiment.templates import known_traits

SPLITS = ("train", "val", "probe", "test")
# The split of images of a set in folds, until a seed says which of them are held out.
POOL = "pool"
TRAINING_SIZE = 64  # pixels; what the encoders see
COLUMNS = ("file_name", "object", "context", "split", "caption", "mask", "scene", "factors")
SOURCE = "source"  # the column of ``metadata.csv`` with the name that an image had in its source
LICENCE = "LICENSE.txt"  # the file of a set's licence in its folder, where it has one
USER = "user:"  # before the name of a column that an import brought along


class ImageSetError(LabError):
    """An image set that cannot be used; the message says what to do."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A table of images and the folder that holds them."""

    name: str
    version: str  # changes when its images change
    root: Path
    grouping: Grouping
    table: pd.DataFrame  # one row an image, columns `COLUMNS` and ``group``, index 0..n-1
    # Makes sure that the files of some rows exist.
    ensure_rendered: Callable[[Sequence[int], Progress], None] = lambda _rows, _progress: None
    about: Mapping[str, Any] = field(default_factory=dict)  # what ``dataset.json`` says
    # Of some rows, small WebP files that need no drawing.
    small: Mapping[int, bytes] = field(default_factory=dict)
    mend: str = "import it again"  # what to do where one of its files is broken
    is_built_in: bool = False  # whether it is as it comes with the lab

    @property
    def folds(self) -> int:
        """Into how many folds a small set is cut, or 0 where its splits are fixed (see
        `vlcore.data.subset`)."""
        splitting = self.about.get("splitting", {})
        return int(splitting["folds"]) if splitting.get("kind") == "folds" else 0

    @property
    def user_columns(self) -> pd.DataFrame:
        """What joins images to the user's own files: ``source``, the name or id that each has
        there, and the columns that an import brought along, under their own names."""
        of_user = [column for column in self.table if column.startswith(USER)]
        own_names = [column.removeprefix(USER) for column in of_user]
        names = dict(zip(of_user, distinct_columns(own_names, {SOURCE}), strict=True))
        first = SOURCE if SOURCE in self.table else "file_name"
        return self.table[[first, *names]].rename(columns={first: SOURCE, **names})

    @property
    def attribution(self) -> str:
        """The line that names the makers of the images, where their licence asks for one; else
        empty."""
        return str(self.about.get("attribution", ""))

    @cached_property
    def traits(self) -> frozenset[str]:
        """The traits, of `vlcore.experiment.templates.TRAITS`, that are known of the images, by the
        first one."""
        return known_traits(str(self.table["factors"].iat[0])) if len(self.table) else frozenset()

    @cached_property
    def twin_scenes(self) -> frozenset[str]:
        """The scenes of which each group has one image: its twins."""
        counts = self.table.groupby("scene")["group"].agg(["size", "nunique"])
        return frozenset(counts.index[counts.eq(len(self.grouping.names)).all(axis=1)])

    def twins(self, row: int) -> dict[str, int]:
        """Row numbers of the images of a row's scene by group, its own among them; empty where it
        has no twins."""
        scene = self.table["scene"].iat[row]
        if scene not in self.twin_scenes:
            return {}
        rows = np.flatnonzero((self.table["scene"] == scene).to_numpy())
        return dict(zip(self.table["group"].iloc[rows], rows.tolist(), strict=True))

    def factors(self, rows: Sequence[int] | NDArray[np.int64]) -> pd.DataFrame:
        """What some images were drawn by, apart from object and context: a row an image, a column a
        factor; no columns where nothing was drawn."""
        stored = self.table["factors"].iloc[rows]
        if not stored.any():
            return pd.DataFrame(index=stored.index)
        # Each text is read once: that of many imported images is the same.
        codes, texts = pd.factorize(stored)
        factors = pd.DataFrame([json.loads(text or "{}") for text in texts])
        factors = factors.drop(columns=["object", "context"], errors="ignore")
        return factors.iloc[codes].set_axis(stored.index)

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers of a split."""
        return np.flatnonzero((self.table["split"] == split).to_numpy())

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of images by split and group."""
        sizes = self.table.value_counts(["split", "group"]).to_dict()
        present = {split for split, _ in sizes}
        splits = [split for split in (*SPLITS, POOL) if split in present]
        groups = self.grouping.names
        return {split: {name: sizes.get((split, name), 0) for name in groups} for split in splits}

    def description(self, row: int) -> str:
        """What an image shows, its object and context: ``horse, grass``."""
        return f"{self.table['object'].iat[row]}, {self.table['context'].iat[row]}"

    def own_file(self, row: int) -> str | None:
        """The name of a user's own file, without its folders; None of drawn images."""
        return Path(self.table[SOURCE].iat[row]).name if SOURCE in self.table else None

    def path(self, row: int) -> Path:
        return self.root / str(self.table["file_name"].iat[row])

    def image(self, row: int) -> NDArray[np.uint8]:
        """One image at its stored size, uint8 (height, width, 3), drawn where its file is missing;
        ImageSetError where its file is broken."""
        path = self.path(row)
        if not path.exists():
            self.ensure_rendered([row], silent)
        return np.asarray(self._open(f"image {path.name}", path, "RGB"))

    def _open(self, called: str, path: Path, mode: str) -> Image.Image:
        try:
            with Image.open(path) as image:
                return image.convert(mode)
        except (OSError, SyntaxError, ValueError) as error:  # Pillow's own, of damaged files
            raise ImageSetError(
                f"The {called} of the image set {self.name!r} cannot be read; {self.mend}."
            ) from error

    def pixels(
        self, rows: Sequence[int] | NDArray[np.int64], size: int = TRAINING_SIZE
    ) -> NDArray[np.uint8]:
        """Images averaged down to a square, uint8 (n, size, size, 3). Missing ones are drawn one by
        one: `ensure_rendered` draws many in parallel."""
        rows = [int(row) for row in rows]
        if size != TRAINING_SIZE:
            images = [averaged(self.image(row), size) for row in rows]
            return np.array(images, np.uint8).reshape(-1, size, size, 3)
        store = self.root / ".pixels.safetensors"  # a run reads that, not thousands of images
        files = self.table["file_name"].to_numpy()
        stamps = {row: stamp_of(self.root, files[row]) for row in rows}
        pixels = read_rows(store, stamps)
        decoded = {row: averaged(self.image(row)) for row in stamps if row not in pixels}
        write_rows(store, decoded, stamps)
        pixels |= decoded
        return np.array([pixels[row] for row in rows], np.uint8).reshape(-1, size, size, 3)

    def masks(self, rows: NDArray[np.int64], size: int = TRAINING_SIZE) -> NDArray[np.uint8] | None:
        """Masks of the objects, averaged down to a square, uint8 (n, size, size), 255 where the
        object is; None where an image has no mask."""
        files = [str(self.table["mask"].iat[int(row)]) for row in rows]
        if not all(files):
            return None
        if not all((self.root / name).exists() for name in files):
            self.ensure_rendered(rows.tolist(), silent)
        masks = (self._open(f"mask {name}", self.root / name, "L") for name in files)
        small = [np.asarray(mask.resize((size, size), Image.Resampling.BOX)) for mask in masks]
        return np.array(small, np.uint8).reshape(-1, size, size)


def distinct_columns(
    names: Iterable[str], others: Iterable[str], whose: str = "yours"
) -> list[str]:
    """Names of columns, all different: one that others have is said to be the user's, once or
    more often."""
    distinct = dict.fromkeys(others)
    count = len(distinct)
    for name in names:
        while name in distinct:
            name = f"{name} ({whose})"
        distinct[name] = None
    return list(distinct)[count:]


def join_user_columns(
    table: pd.DataFrame, of_user: pd.DataFrame, whose: str = "yours", reserved: Sequence[str] = ()
) -> pd.DataFrame:
    """A table with the columns of a user after its own, row by row; one of a name that it has
    already, or that is reserved, is said to be the user's."""
    names = distinct_columns(of_user, [*table, *reserved], whose)
    return table.join(of_user.set_axis(table.index).set_axis(names, axis=1))


def averaged(pixels: NDArray[np.uint8], size: int = TRAINING_SIZE) -> NDArray[np.uint8]:
    """An image averaged down to a square, uint8 (size, size, 3)."""
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX))


def read_set(root: Path, files: Path | zipfile.Path | None = None) -> ImageSet:
    """An image set from its folder, as ``metadata.csv`` and ``dataset.json`` in it, or in the
    folder or archive `files`, describe it; or an `ImageSetError`."""
    files = root if files is None else files
    try:
        about: dict[str, Any] = json.loads((files / "dataset.json").read_text())
        listing = io.BytesIO((files / "metadata.csv").read_bytes())
        table = pd.read_csv(listing, dtype=str, keep_default_na=False)
        templates = tuple(sorted(about.get("captions", {}).items()))
        grouping = Grouping(tuple(about["objects"]), tuple(about["contexts"]), templates)
        name, version = str(about.get("name", root.name)), str(about["version"])
        if not set(COLUMNS) <= set(table):
            raise KeyError
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImageSetError(f"There is no usable image set named {root.name!r}.") from error
    return ImageSet(name, version, root, grouping, with_groups(table), about=about)


def usable_name(name: str) -> bool:
    """Whether a set's folder may have this name: nothing in it leads elsewhere or is a pattern."""
    return re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,59}", name) is not None and ".." not in name


def with_groups(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column ``group``."""
    pairs = table.groupby(["object", "context"], sort=False)
    names = np.array([group_name(*pair) for pair, _ in pairs], dtype=object)
    return table.assign(group=names[pairs.ngroup()].tolist())
