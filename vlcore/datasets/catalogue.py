"""The catalogue of image sets: open one by its name, make a name sure to be free, publish a set, remove one.

A set appears and goes by one rename a folder, from and to where unfinished sets lie. So an import or a removal that is
cut short leaves no half of a set, and the next import sweeps up after it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from vlcore.core.files import data_folder
from vlcore.datasets.drawn import BUILT_IN, Recipe, drawn_set, recipe_of
from vlcore.datasets.imageset import ImageSet, ImageSetError, read_set, usable_name
from vlcore.datasets.staging import staging_dir

_DRAWN = re.compile(r"^(.+)-v\d+$")  # a drawn set's folder has its version too


def open_set(name: str, version: str | None = None) -> ImageSet:
    """An image set by name; what we draw is drawn when it is needed.

    Args:
        name: of the set.
        version: that it must have, where given.

    Raises:
        ImageSetError: when there is no such set, or not in this version.
    """
    recipe = recipe_of(name)
    try:
        if not usable_name(name):
            raise ImageSetError(name)
        images = read_set(data_folder() / name) if recipe is None else drawn_set(recipe, version)
    except ImageSetError as error:
        known = ", ".join(set_names())
        raise ImageSetError(f"There is no usable image set named {name!r}; there are: {known}.") from error
    if version is not None and images.version != version:
        raise ImageSetError(
            f"The image set {name!r} is version {images.version!r} now, not {version!r}; train on it again."
        )
    return images


def set_names() -> list[str]:
    """Names of the image sets: what we draw first, then what lies on the disk."""
    folders = [file.parent.name for file in data_folder().glob("[!.]*/dataset.json")]
    there = {_DRAWN.sub(r"\1", folder) for folder in folders}
    return [*BUILT_IN, *sorted(there - set(BUILT_IN))]


def set_stamp(name: str) -> int:
    """A number that changes when the description of a set on the disk is replaced; 0 where there is none."""
    try:
        return (data_folder() / name / "dataset.json").stat().st_mtime_ns
    except OSError:
        return 0


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


def new_recipe(name: str, **settings: Any) -> Recipe:
    """The recipe of a set that is not there yet.

    Raises:
        ImageSetError: when the name is taken or cannot be used, or a setting is out of range.
    """
    check_name(name)
    return Recipe(name, **settings)


def check_free(name: str) -> None:
    """Make sure that nothing has this name.

    Raises:
        ImageSetError: when it cannot be used, or something has it.
    """
    check_name(name)
    if (data_folder() / name).exists():
        raise ImageSetError(f"There is a folder {name} in {data_folder()} already; choose another name.")


def publish(work: Path, name: str) -> None:
    """Make a whole set appear under its name.

    Raises:
        ImageSetError: when the name was taken meanwhile.
    """
    check_free(name)
    os.rename(work, data_folder() / name)


def folders_of(name: str) -> list[Path]:
    """The folders of a set: one, or of a drawn set one for each version of the renderer.

    Raises:
        ImageSetError: when there is no such set, or it is built in.
    """
    if name in BUILT_IN:
        raise ImageSetError(f"{name} is built in and is drawn again when it is needed; it cannot be removed.")
    folders = []
    if usable_name(name):  # else it would be a pattern, or lead out of the folder
        there = sorted(file.parent for file in data_folder().glob(f"{name}*/dataset.json"))
        folders = [path for path in there if re.fullmatch(rf"{re.escape(name)}(-v\d+)?", path.name)]
    if not folders:
        raise ImageSetError(f"There is no image set named {name!r}; there are: {', '.join(set_names())}.")
    return folders


def remove(name: str) -> list[Path]:
    """Remove a set; returns where its folders were.

    Raises:
        ImageSetError: when there is no such set, it is built in, or it is being imported.
        HomeError: when the folders cannot be changed.
    """
    folders = folders_of(name)
    with staging_dir(name) as aside:
        for folder in folders:
            os.rename(folder, aside / folder.name)
    return folders
