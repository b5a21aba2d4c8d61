"""Take an image set away.

The one idea: a set is moved to where unfinished sets lie, in one rename a folder, and is deleted there. So a removal
that is cut short leaves no half of a set, and the next import sweeps up after it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from vlcore.home import data_folder
from vlcore.images.imagesets import ImageSetError, set_names, usable_name
from vlcore.images.importers.aside import workplace
from vlcore.images.recipes import BUILT_IN


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
    with workplace(name) as aside:
        for folder in folders:
            os.rename(folder, aside / folder.name)
    return folders
