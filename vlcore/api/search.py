"""Search in the images of a comparison: words, and images like another one."""

import unicodedata

import numpy as np
import pandas as pd

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.selections import Selection, SelectionError
from vlcore.data.imageset import ImageSet
from vlcore.experiment.grouping import group_words

LONGEST = 200  # characters of a search
NEAREST = 12  # images like another one, of each model
_BETWEEN = "\n"  # between the columns of an image; no word has it


def find_words(comparison: ComparedMaps, text: str) -> Selection:
    """Return the images on the maps that have all words of a text, or parts of words, in any
    column, caption or file name; where none has, those of the image set that no map shows.

    Raises:
        SelectionError: when there is no word or no image, or the text is long.
    """
    words = _folded(text).split()
    if not words:
        raise SelectionError("Type words to search for, such as “camel desert”.")
    if len(text) > LONGEST:
        raise SelectionError(f"This search has {len(text):,} characters; give at most {LONGEST}.")
    texts = _searched_texts(comparison.images)
    rows = np.flatnonzero([all(word in searched for word in words) for searched in texts])
    if not len(rows):
        raise SelectionError(f"No image has all of these words: {', '.join(words)}.")
    on_maps = np.intersect1d(rows, comparison.rows)
    return Selection(comparison, on_maps if len(on_maps) else rows, f"“{' '.join(text.split())}”")


def _searched_texts(images: ImageSet) -> list[str]:
    """Return what a search looks at, one text per image of a set: its labels, caption and file, and
    the user's columns; of a drawn image, what it was drawn by in words."""
    table = images.table[["object", "context", "caption"]].copy()
    grouping = images.grouping
    table["group"] = images.table["group"].map(group_words(grouping))
    is_rare = images.table["group"].isin(grouping.minority)
    table["rarity"] = np.where(is_rare, "rare", "common")
    factors = images.factors(np.arange(len(table))).select_dtypes(exclude="number")
    columns = pd.concat([table, images.user_columns, factors], axis=1)
    cells = (columns.iloc[:, at].astype(str) for at in range(columns.shape[1]))
    return [_folded(_BETWEEN.join(row)) for row in zip(*cells, strict=True)]


def _folded(text: str) -> str:
    """Return a text as it is compared: without case."""
    return unicodedata.normalize("NFC", text).casefold()


def find_alike(comparison: ComparedMaps, row: int, count: int = NEAREST) -> Selection:
    """Return an image, by its row in the image set, with the images that are nearest to it in the
    full space of each model; SelectionError where no model shows it."""
    rows = {row}
    is_shown = False
    for model in comparison.models:
        (index,) = model.index([row])
        if index >= 0:
            is_shown = True
            nearest = model.neighbours(model.z[index], count - 1, apart_from=row)
            rows |= {neighbour for neighbour, _ in nearest}
    if not is_shown:
        raise SelectionError("No map here shows this image; click one that is shown.")
    return Selection.from_rows(comparison, list(rows), f"like image p{row}")
