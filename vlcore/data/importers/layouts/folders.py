"""Folders that say what images show: ``OBJECT/CONTEXT/*``, in folders of splits or not."""

from pathlib import PurePosixPath

import pandas as pd

from vlcore.data.decoding import SUFFIXES
from vlcore.data.importers.layouts import NEEDED, OPTIONAL
from vlcore.data.importers.selection import clean_split
from vlcore.data.importers.source import Skipped, Source

ORDER = 90  # any source has folders
ABOUT = "Folders named OBJECT/CONTEXT."
_OTHER_SUFFIXES = (".bmp", ".tif", ".tiff", ".avif", ".jfif")


def fits(_source: Source) -> bool:
    """Whether a source may have this layout."""
    return True


def read(source: Source) -> tuple[pd.DataFrame, Skipped]:
    """One row an image, by the two folders that it lies in, and a split of the folders above."""
    rows = []
    skipped: Skipped = []
    for file in source.files:
        if file.lower().endswith(_OTHER_SUFFIXES):
            skipped.append((file, "is not a PNG, JPEG, WebP, GIF or HEIC image; convert it"))
        if not file.lower().endswith(SUFFIXES):
            continue
        folders = PurePosixPath(file).parts[:-1]
        *above, obj, context = ("", "", *folders)
        split = next(filter(None, map(clean_split, above)), "")
        rows.append((file, obj, context, split, "", len(folders) - bool(split)))
    table = pd.DataFrame(rows, columns=[*NEEDED, *OPTIONAL, "depth"])
    # Images of objects in contexts lie equally deep; others lie above or below them.
    usual_depth = table["depth"].mode().max()
    is_outside = (table["depth"] != usual_depth) | (table["depth"] < 2)
    skipped += [
        (file, "lies outside the folders OBJECT/CONTEXT, such as horse/grass")
        for file in table["file"][is_outside]
    ]
    return table[~is_outside].drop(columns="depth"), skipped
