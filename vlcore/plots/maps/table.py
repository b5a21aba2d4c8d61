"""The columns of the images of maps, packed as text that JSON can hold.

A table has about 20 bytes per image for two maps: float32 coordinates, and integers of as few bytes
as their values take. Words are sent once, with a code per image. The table is the same for every
filter and theme, so its stamp, a digest of its content, names it in caches and addresses.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import CONTEXTS, GROUPS, OBJECTS, SPLIT, Colouring
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import LIGHT

Columns: TypeAlias = dict[str, npt.NDArray[Any] | pd.Categorical]

NO_VALUE = 255  # a code of no name
# Shapes, fillings, filters and words need these codes, so they go with the geometry.
ALWAYS = (OBJECTS, CONTEXTS, GROUPS, SPLIT)
_MOST_WORDS = 1000  # different words of a column that are sent; of more, a click shows the image's
_INTEGERS = (np.uint8, np.int16, np.uint16, np.int32)
_STAMP = 16  # letters of a digest


def image_columns(
    points: pd.DataFrame,
    rows: npt.NDArray[np.int64],
    panes: int,
    grouping: Grouping,
    options: MapOptions = PLAIN,
    nearest: Sequence[npt.NDArray[np.int64]] = (),
) -> Columns:
    """Choose the columns that every colouring, filter and theme of some maps share.

    Args:
        points: as those of `vlcore.plots.maps.drawing.map_drawing`.
        rows: the images' rows in the image set, by which addresses of small images end.
        panes: the number of maps.
        grouping: names the values of columns.
        options: whether the positions before training are drawn too, and trust in positions.
        nearest: for each map, the positions in the table of each image's nearest, (n, k), from the
            nearest on; -1 for none.

    Returns:
        ``row``; ``x0``, ``y0`` and so on; a code (the position among the entries of its colouring,
        or `NO_VALUE`) for ``object``, ``context``, ``group`` and ``kind``; ``minority``;
        ``caption_0``, ``predicted_0`` and so on, where few words are different; ``scene`` as a
        number, where images share one; ``trust0`` and so on; ``near0_0`` and so on.
    """
    columns: Columns = {"row": rows, "minority": points["minority"].to_numpy(bool)}
    numbers = ["x", "y"]
    if options.untrained:
        numbers += ["gx", "gy"]
    if options.trust:
        numbers.append("trust")
    for colouring in ALWAYS:
        columns[colouring.column] = _codes(points[colouring.column], colouring, grouping)
    for pane in range(panes):
        for name in numbers:
            columns[f"{name}{pane}"] = points[f"{name}{pane}"].to_numpy(np.float32)
        for name in (f"caption_{pane}", f"predicted_{pane}"):
            columns |= few_words(points[name], name)
    for pane, positions in enumerate(nearest):
        for rank, of_rank in enumerate(positions.T):
            columns[f"near{pane}_{rank}"] = of_rank
    scenes, names = pd.factorize(points["scene"])
    if len(names) < len(points):
        columns["scene"] = scenes
    return columns


def colour_columns(
    points: pd.DataFrame, panes: int, grouping: Grouping, colouring: Colouring
) -> Columns:
    """Choose what a colouring adds to `image_columns`: the code of each image's entry in each map,
    and its value in words where few are different; no columns where it adds nothing."""
    columns: Columns = {}
    if colouring not in ALWAYS:
        for pane in range(panes):
            names, values = colouring.column_of(pane), colouring.value_column_of(pane)
            columns[names] = _codes(points[names], colouring, grouping)
            columns |= few_words(points[values], values) if colouring.value_column else {}
    return columns


def _codes(names: pd.Series, colouring: Colouring, grouping: Grouping) -> npt.NDArray[np.uint8]:
    entries = [entry.name for entry in colouring.entries(LIGHT, grouping)]
    if isinstance(names.dtype, pd.CategoricalDtype):
        of_categories = pd.Index(entries).get_indexer(names.cat.categories)
        codes = np.append(of_categories, -1)[names.cat.codes]
    else:
        codes = pd.Index(entries).get_indexer(names)
    return codes.astype(np.uint8)  # -1 becomes `NO_VALUE`


def few_words(texts: pd.Series, name: str, most: int | None = None) -> Columns:
    """Make a column of words, each of which is sent once; nothing where more than `most` are
    different (a thousand unless given)."""
    codes, words = pd.factorize(texts)
    if len(words) > (most or _MOST_WORDS):
        return {}
    return {name: pd.Categorical.from_codes(codes, categories=np.asarray(words, dtype=object))}


def packed(
    columns: Mapping[str, npt.ArrayLike | pd.Series | pd.Categorical],
    rows: npt.ArrayLike,
    sheet: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Pack columns of maps as what JSON can hold.

    Args:
        columns: numbers, of one or more values per image, or words as categories.
        rows: the images' rows in the image set.
        sheet: the small images as one image, as `vlcore.plots.thumbnails.thumb_sheet` makes it.

    Returns:
        ``stamp``, a digest of all the rest; ``images``, a digest of the rows; ``count``, the number
        of images; ``columns``, each with its ``type`` and ``data``, and ``words`` where the data
        are their codes, -1 for none; ``sheet``.
    """
    numbers = np.asarray(rows, dtype="<i8")
    table = {
        "images": hashlib.sha256(numbers.tobytes()).hexdigest()[:_STAMP],
        "count": len(numbers),
        "columns": {name: _packed_column(values) for name, values in columns.items()},
        "sheet": sheet,
    }
    content = json.dumps(table).encode()
    return {"stamp": hashlib.sha256(content).hexdigest()[:_STAMP], **table}


def _packed_column(values: npt.ArrayLike | pd.Series | pd.Categorical) -> dict[str, Any]:
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        words = pd.Categorical(values)
        return {"words": [str(word) for word in words.categories], **_packed_numbers(words.codes)}
    return _packed_numbers(np.asarray(values))


def _packed_numbers(numbers: npt.NDArray[Any]) -> dict[str, Any]:
    kind = np.dtype(np.float32)
    if numbers.dtype.kind != "f":
        kind = _least_integer(numbers)
    data = numbers.astype(kind.newbyteorder("<")).tobytes()
    return {"type": kind.name, "data": base64.b64encode(data).decode("ascii")}


def _least_integer(numbers: npt.NDArray[Any]) -> np.dtype[Any]:
    """The integer type of fewest bytes that holds all numbers; ValueError where none does."""
    ends = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    for kind in _INTEGERS:
        limits = np.iinfo(kind)
        if limits.min <= ends[0] and ends[1] <= limits.max:
            return np.dtype(kind)
    raise ValueError(f"the numbers {ends[0]} to {ends[1]} do not fit into 32 bits")


def bitmask(marked: npt.NDArray[np.bool_]) -> str:
    """Pack one bit per image, the first image's bit the lowest of the first byte, as base64."""
    return base64.b64encode(np.packbits(marked, bitorder="little").tobytes()).decode("ascii")


def rows_of_bitmask(text: object, count: int) -> npt.NDArray[np.bool_]:
    """Read the images that a `bitmask` of `count` marks, (count,); none where a browser sent
    anything else."""
    nothing = np.zeros(count, dtype=bool)
    length = -(-count // 8)
    if not isinstance(text, str) or len(text) != 4 * -(-length // 3):
        return nothing
    try:
        bits = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError):
        return nothing
    if len(bits) != length:
        return nothing
    return np.unpackbits(bits, count=count, bitorder="little").astype(bool)
