"""An image set as a table: one row an image, with its object, context and split.

The one idea: whatever a set came from, after this module it is rows and pixels. The biased training subset is chosen
by fixed permutations of the pool, one a group and data seed, of which every bias level takes a prefix: what is kept at
90 % removed is part of what is kept at 75 %, so that levels differ in what is missing and in nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vlcore.conditions import Condition
from vlcore.home import data_folder
from vlcore.images.groups import Grouping, group_name
from vlcore.images.tiles import tile

SPLITS = ("train", "val", "probe", "test")
POOL = "pool"  # what the pictures of a set in folds belong to until a seed says which of them are held out
COLUMNS = ("file_name", "object", "context", "split", "caption", "mask", "scene", "factors")
TRAINING_SIZE = 64  # pixels; what the encoders see

Progress = Callable[[int, int], None]  # (done, of)


class ImageSetError(ValueError):
    """An image set that cannot be used; the message says what to do."""


def silent(_done: int, _of: int) -> None:
    """A progress callback that shows nothing."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A table of images and the folder that holds them.

    Attributes:
        name: name of the set.
        version: changes when its pictures change.
        root: folder of the files.
        grouping: objects and contexts, in the order that defines the majority.
        table: one row an image, columns `COLUMNS` and ``group``, index 0..n-1.
        complete: makes sure that the files of some rows exist; sets that are not drawn do nothing.
        about: what ``dataset.json`` says of the set.
    """

    name: str
    version: str
    root: Path
    grouping: Grouping
    table: pd.DataFrame
    complete: Callable[[Sequence[int], Progress], None]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folds(self) -> int:
        """Into how many folds a small set is cut, or 0 where its splits are fixed (see `vlcore.images.folds`)."""
        splitting = self.about.get("splitting", {})
        return int(splitting["folds"]) if splitting.get("kind") == "folds" else 0

    @property
    def has_pictures(self) -> bool:
        """False where a set holds embeddings only (see `vlcore.images.importers.embeddings`)."""
        return self.about.get("pictures") != "none"

    def need_pictures(self) -> None:
        """Make sure that there is something to train on and to look into.

        Raises:
            ImageSetError: when the set holds embeddings only.
        """
        if not self.has_pictures:
            raise ImageSetError(
                f"The image set {self.name!r} holds embeddings only: there are no pictures to train on; its map and "
                "measures are on the Train page."
            )

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers of a split."""
        return np.flatnonzero((self.table["split"] == split).to_numpy())

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of images by split and group."""
        table = self.table.groupby(["split", "group"], sort=False).size()
        return {
            split: {group: int(table.get((split, group), 0)) for group in self.grouping.names}
            for split in (*SPLITS, POOL)
            if split in table.index.get_level_values(0)
        }

    def path(self, row: int) -> Path:
        return self.root / str(self.table["file_name"].iat[row])

    def image(self, row: int) -> NDArray[np.uint8]:
        """One picture at its stored size, uint8 (height, width, 3); a tile with its names where there are no pictures.

        Raises:
            ImageSetError: when its file is missing or broken.
        """
        if not self.has_pictures:
            return tile(str(self.table["object"].iat[row]), str(self.table["context"].iat[row]))
        path = self.path(row)
        try:
            with Image.open(path) as picture:
                return np.asarray(picture.convert("RGB"))
        except (OSError, SyntaxError, ValueError) as error:  # Pillow raises all three on damaged files
            mend = (
                "delete it and run `python -m vlcore data render` again"
                if "recipe" in self.about
                else "import it again"
            )
            raise ImageSetError(
                f"The picture {path.name} of the image set {self.name!r} cannot be read; {mend}."
            ) from error

    def pixels(self, rows: Sequence[int] | NDArray[np.int64], size: int = TRAINING_SIZE) -> NDArray[np.uint8]:
        """Pictures averaged down to a square, uint8 (n, size, size, 3).

        Raises:
            ImageSetError: when a file is missing or broken, or there are no pictures: nobody measures tiles.
        """
        self.need_pictures()
        stack = np.empty((len(rows), size, size, 3), dtype=np.uint8)
        for place, row in enumerate(rows):
            picture = Image.fromarray(self.image(int(row)))
            stack[place] = np.asarray(picture.resize((size, size), Image.Resampling.BOX))
        return stack

    def masks(self, rows: NDArray[np.int64], size: int = TRAINING_SIZE) -> NDArray[np.uint8] | None:
        """Where the objects of pictures are, averaged down to a square, uint8 (n, size, size), 0 nowhere to 255 wholly;
        None where one of the pictures has no mask.

        Raises:
            ImageSetError: when a mask that is named cannot be read.
        """
        files = [str(self.table["mask"].iat[int(row)]) for row in rows]
        if not all(files):
            return None
        stack = np.empty((len(rows), size, size), dtype=np.uint8)
        for place, name in enumerate(files):
            try:
                with Image.open(self.root / name) as mask:
                    stack[place] = np.asarray(mask.convert("L").resize((size, size), Image.Resampling.BOX))
            except (OSError, SyntaxError, ValueError) as error:
                raise ImageSetError(
                    f"The mask {name} of the image set {self.name!r} cannot be read; make the set anew."
                ) from error
        return stack


def training_rows(images: ImageSet, condition: Condition) -> NDArray[np.int64]:
    """The biased training subset of a condition, in a fixed order, shape (n,).

    Raises:
        ImageSetError: when the pool has too few images of a group, or the set no pictures.
    """
    images.need_pictures()
    pool = images.rows("train")
    groups = images.table["group"].to_numpy()[pool]
    chosen = []
    for number, group in enumerate(images.grouping.names):
        members = pool[groups == group]
        kept = condition.n_minority if group in images.grouping.minority else condition.n_majority
        if len(members) < max(kept, condition.n_per_group):
            there = f"The image set {images.name!r} has {len(members)} training images of {group}"
            if kept > condition.n_per_group:
                raise ImageSetError(
                    f"{there}, and {condition.size_mode} at this bias needs {kept}; choose an n_per_group below "
                    f"{condition.n_per_group}."
                )
            raise ImageSetError(f"{there}; choose at most that many as n_per_group instead of {condition.n_per_group}.")
        if condition.mitigation == "subsample":
            kept = min(kept, condition.n_minority, condition.n_majority)
        order = np.random.default_rng([condition.data_seed, number]).permutation(len(members))
        chosen.append(members[order[:kept]])
    return np.concatenate(chosen)


def map_rows(images: ImageSet, scenes: int = 50) -> NDArray[np.int64]:
    """The fixed balanced reference set that maps are fitted on and show: the first test scenes in all their cells."""
    test = images.rows("test")
    per_group = [test[images.table["group"].to_numpy()[test] == group][:scenes] for group in images.grouping.names]
    return np.sort(np.concatenate(per_group))


def open_set(name: str, version: str | None = None) -> ImageSet:
    """An image set by name; what we draw is drawn when it is needed.

    Args:
        name: of the set.
        version: that it must have, where given.

    Raises:
        ImageSetError: when there is no such set, or not in this version.
    """
    from vlcore.images.recipes import recipe_of
    from vlcore.images.rendered import drawn_set

    if not usable_name(name):
        raise ImageSetError(f"There is no usable image set named {name!r}; there are: {', '.join(set_names())}.")
    recipe = recipe_of(name)
    images = read_set(data_folder() / name) if recipe is None else drawn_set(recipe, version)
    if version is not None and images.version != version:
        raise ImageSetError(
            f"The image set {name!r} is version {images.version!r} now, not {version!r}; train on it again."
        )
    return images


def read_set(root: Path) -> ImageSet:
    """An image set from its folder, as ``metadata.csv`` and ``dataset.json`` describe it.

    Raises:
        ImageSetError: when the folder holds no image set.
    """
    try:
        about: dict[str, Any] = json.loads((root / "dataset.json").read_text())
        table = pd.read_csv(root / "metadata.csv", dtype=str, keep_default_na=False)
        templates = tuple(sorted(about.get("captions", {}).items()))
        grouping = Grouping(tuple(about["objects"]), tuple(about["contexts"]), templates)
        name, version = str(about.get("name", root.name)), str(about["version"])
        missing = [column for column in COLUMNS if column not in table]
        if missing:
            raise KeyError(missing[0])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        known = ", ".join(set_names())
        raise ImageSetError(f"There is no usable image set named {root.name!r}; there are: {known}.") from error
    return ImageSet(name, version, root, grouping, with_groups(table), lambda _rows, _progress: None, about)


def set_names() -> list[str]:
    """Names of the image sets: what we draw first, then what lies on the disk."""
    from vlcore.images.recipes import BUILT_IN

    there = {_name_in(file) for file in data_folder().glob("[!.]*/dataset.json")}
    return [*BUILT_IN, *sorted(there - set(BUILT_IN))]


def _name_in(file: Path) -> str:
    """The name of the set that a ``dataset.json`` describes; a drawn set's folder has its version too."""
    drawn = _DRAWN.fullmatch(file.parent.name)
    return drawn[1] if drawn else file.parent.name


def set_stamp(name: str) -> int:
    """A number that changes when the description of a set on the disk is replaced; 0 where there is none."""
    try:
        return (data_folder() / name / "dataset.json").stat().st_mtime_ns
    except OSError:
        return 0


_DRAWN = re.compile(r"(.+)-v\d+")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


def usable_name(name: str) -> bool:
    """Whether a set's folder may have this name: nothing in it leads elsewhere or is a pattern."""
    return _NAME.fullmatch(name) is not None and ".." not in name


def check_name(name: str) -> None:
    """Make sure that a new set may have a name.

    Raises:
        ImageSetError: when it has characters that a name cannot have, or is taken.
    """
    if not usable_name(name) or _DRAWN.fullmatch(name):
        raise ImageSetError(
            f"An image set cannot be named {name!r}; use lower-case letters, digits, '.', '-' and '_', at most 60, "
            "without a version such as -v2 at the end."
        )
    if name in set_names():
        raise ImageSetError(f"There is an image set named {name!r} already; choose another name.")


def with_groups(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column ``group``."""
    groups = [group_name(obj, context) for obj, context in zip(table["object"], table["context"], strict=True)]
    return table.assign(group=groups)
