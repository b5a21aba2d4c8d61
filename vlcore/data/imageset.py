"""Image sets: a table with one row an image, its object, context and split, and the pixels of each.

A set of embeddings has no pictures: its pixels are a tile with two names, which nobody measures."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vlcore.data import pixel_store
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping, group_name
from vlcore.experiment.progress import Progress, silent

SPLITS = ("train", "val", "probe", "test")
# what the pictures of a set in folds belong to until a seed says which of them are held out
POOL = "pool"
TRAINING_SIZE = pixel_store.SIZE  # pixels; what the encoders see
COLUMNS = ("file_name", "object", "context", "split", "caption", "mask", "scene", "factors")

TILE_SIDE = 192  # pixels, as of imported pictures
_PAPER, _INK, _FRAME = (242, 242, 242), (40, 40, 40), (190, 190, 190)
_LARGEST, _SMALLEST, _MARGIN = 34, 16, 12  # pixels


class ImageSetError(LabError):
    """An image set that cannot be used; the message says what to do."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A table of images and the folder that holds them."""

    name: str
    version: str  # changes when its pictures change
    root: Path
    grouping: Grouping
    table: pd.DataFrame  # one row an image, columns `COLUMNS` and ``group``, index 0..n-1
    # Makes sure that the files of some rows exist.
    ensure_rendered: Callable[[Sequence[int], Progress], None] = lambda _rows, _progress: None
    about: Mapping[str, Any] = field(default_factory=dict)  # what ``dataset.json`` says
    small: Mapping[int, bytes] = field(
        default_factory=dict
    )  # of some rows, small WebP files that need no drawing

    @property
    def folds(self) -> int:
        """Into how many folds a small set is cut, or 0 where its splits are fixed (see
        `vlcore.data.subset`)."""
        splitting = self.about.get("splitting", {})
        return int(splitting["folds"]) if splitting.get("kind") == "folds" else 0

    @property
    def has_pictures(self) -> bool:
        """False where a set holds embeddings only (see `vlcore.data.importers.embedding_sets`)."""
        return self.about.get("pictures") != "none"

    def need_pictures(self) -> None:
        """Refuse a set of embeddings, of which there is nothing to train on and to look into."""
        if not self.has_pictures:
            instead = (
                "there are no pictures to train on; its map and measures are on the Train page"
            )
            raise ImageSetError(f"The image set {self.name!r} holds embeddings only: {instead}.")

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers of a split."""
        return np.flatnonzero((self.table["split"] == split).to_numpy())

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of images by split and group."""
        return {split: dict(of_groups) for split, of_groups in self._counted.items()}

    @cached_property  # pages ask in every run
    def _counted(self) -> dict[str, dict[str, int]]:
        table = self.table.groupby(["split", "group"], sort=False).size()
        there = [split for split in (*SPLITS, POOL) if split in table.index.get_level_values(0)]
        names = self.grouping.names
        return {
            split: {group: int(table.get((split, group), 0)) for group in names} for split in there
        }

    def path(self, row: int) -> Path:
        return self.root / str(self.table["file_name"].iat[row])

    def image(self, row: int) -> NDArray[np.uint8]:
        """One picture at its stored size, uint8 (height, width, 3), drawn where it is not there, or
        an `ImageSetError` where its file is broken; a tile with its names where there are no
        pictures."""
        if not self.has_pictures:
            return tile(str(self.table["object"].iat[row]), str(self.table["context"].iat[row]))
        drawn = "recipe" in self.about
        if drawn and not self.path(row).exists():
            self.ensure_rendered([row], silent)
        mend = (
            "delete it and run `python -m vlcore data render` again" if drawn else "import it again"
        )
        return np.asarray(self._open(f"picture {self.path(row).name}", self.path(row), "RGB", mend))

    def _open(self, called: str, path: Path, mode: str, mend: str) -> Image.Image:
        try:
            with Image.open(path) as picture:
                return picture.convert(mode)
        except (
            OSError,
            SyntaxError,
            ValueError,
        ) as error:  # Pillow raises all three on damaged files
            raise ImageSetError(
                f"The {called} of the image set {self.name!r} cannot be read; {mend}."
            ) from error

    def pixels(
        self, rows: Sequence[int] | NDArray[np.int64], size: int = TRAINING_SIZE
    ) -> NDArray[np.uint8]:
        """Pictures averaged down to a square, uint8 (n, size, size, 3); refused of tiles, which
        nobody measures."""
        self.need_pictures()
        places = [int(row) for row in rows]

        def decode(row: int) -> NDArray[np.uint8]:
            return averaged(self.image(row), size)

        if size != TRAINING_SIZE:
            return np.array([decode(row) for row in places], np.uint8).reshape(-1, size, size, 3)
        names = self.table["file_name"].to_numpy()[places].tolist()
        return pixel_store.read(self.root, len(self.table), places, names, decode)

    def masks(self, rows: NDArray[np.int64], size: int = TRAINING_SIZE) -> NDArray[np.uint8] | None:
        """Where the objects of pictures are, averaged down to a square, uint8 (n, size, size), 0
        nowhere to 255 wholly; None where one of the pictures has no mask."""
        files = [str(self.table["mask"].iat[int(row)]) for row in rows]
        if not all(files):
            return None
        masks = (
            self._open(f"mask {name}", self.root / name, "L", "make the set anew") for name in files
        )
        small = [np.asarray(mask.resize((size, size), Image.Resampling.BOX)) for mask in masks]
        return np.array(small, np.uint8).reshape(-1, size, size)


def averaged(picture: NDArray[np.uint8], size: int = TRAINING_SIZE) -> NDArray[np.uint8]:
    """A picture averaged down to a square, uint8 (size, size, 3)."""
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BOX))


def read_set(root: Path) -> ImageSet:
    """An image set from its folder, as ``metadata.csv`` and ``dataset.json`` describe it, or an
    `ImageSetError`."""
    try:
        about: dict[str, Any] = json.loads((root / "dataset.json").read_text())
        table = pd.read_csv(root / "metadata.csv", dtype=str, keep_default_na=False)
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
    return table.assign(group=list(map(group_name, table["object"], table["context"])))


@lru_cache(maxsize=64)
def tile(obj: str, context: str) -> NDArray[np.uint8]:
    """A tile with the names of an object and a context, uint8 (TILE_SIDE, TILE_SIDE, 3),
    read-only."""
    picture = Image.new("RGB", (TILE_SIDE, TILE_SIDE), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, TILE_SIDE - 1, TILE_SIDE - 1), outline=_FRAME, width=2)
    room = TILE_SIDE - 2 * _MARGIN
    for name, middle in ((obj, TILE_SIDE * 0.38), (context, TILE_SIDE * 0.62)):
        # Without accents, which the font lacks, in the largest letters that fit, and cut where the
        # smallest do not.
        text = "".join(
            c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)
        )
        fonts = map(ImageFont.load_default, range(_LARGEST, _SMALLEST - 1, -2))
        font = next(
            (font for font in fonts if font.getlength(text) <= room),
            ImageFont.load_default(_SMALLEST),
        )
        if font.getlength(text) > room:
            while font.getlength(f"{text}…") > room:
                text = text[:-1]
            text = f"{text.rstrip()}…"
        draw.text((TILE_SIDE / 2, middle), text, fill=_INK, font=font, anchor="mm")
    pixels = np.array(picture)
    pixels.flags.writeable = False  # everybody gets the same one
    return pixels
