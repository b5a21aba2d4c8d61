"""The legend of a map: what colours and shapes stand for, then what the marks mean.

Some entries belong to images (a group, an object, a predicted label), and a click on one filters
them; others only explain a mark, such as a caption's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import OBJECT_SHAPES, Colouring, LegendEntry
from vlcore.plots.options import SPLITS, MapOptions
from vlcore.plots.theme import Palette, star

LegendPlace = Literal["bottom", "right", "none"]
_MARK_COLUMNS = ("object", "kind", "minority")  # that shapes, fillings and rings stand for

# Vega draws symbols from -1 to 1. A ring around a dot, a frame in a frame, a small dot, a line,
# an arrow:
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_FRAMES = "M-1,-1H1V1H-1ZM-.5,-.5H.5V.5H-.5Z"
_DOT = "M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_LINE = "M-1.2,0L1.2,0"
_ARROW = "M-1.4,0L1.2,0M.4,-.7L1.2,0L.4,.7"


def legend_entries(
    palette: Palette,
    grouping: Grouping,
    options: MapOptions,
    colouring: Colouring,
    *,
    has_captions: bool,
    has_uploads: bool,
    arrow_kinds: Sequence[str],
) -> list[LegendEntry]:
    """Make the legend of maps: an entry for each thing that is drawn, each once."""
    entries = [
        *_colour_entries(colouring, palette, grouping, options),
        *_mark_entries(palette, options),
        *_explanations(palette, options, has_captions, has_uploads, arrow_kinds),
    ]
    by_name: dict[str, LegendEntry] = {}
    for entry in entries:
        if not _is_filtered(entry, options):
            by_name.setdefault(entry.name, entry)  # of a colour before that of a mark
    return list(by_name.values())


def column_of(entry: str, colouring: Colouring) -> str:
    """The column whose rows belong to an entry of a name; empty for one that only explains a
    mark."""
    column, _, value = entry.partition(" ")
    return column if value and column in {colouring.column, *_MARK_COLUMNS} else ""


def _colour_entries(
    colouring: Colouring, palette: Palette, grouping: Grouping, options: MapOptions
) -> list[LegendEntry]:
    """Entries for the values that colours tell apart, and for the objects, which shapes tell
    apart."""
    values = colouring.entries(palette, grouping)
    entries = [replace(value, name=f"{colouring.column} {value.name}") for value in values]
    if options.images:
        return [replace(entry, shape="square") for entry in entries]
    if not set(OBJECT_SHAPES) <= {value.shape for value in values}:
        entries += [
            LegendEntry(f"object {name}", name, palette.muted, shape, filled=False)
            for name, shape in zip(grouping.objects, OBJECT_SHAPES, strict=True)
        ]
    return entries


def _mark_entries(palette: Palette, options: MapOptions) -> list[LegendEntry]:
    """Entries for the split of an image and for the minority groups."""
    training, held_out, minority = ("filled", "circle"), ("hollow", "circle"), ("ring", _RING)
    if options.images:
        training, held_out = ("thick frame", "square"), ("thin frame", "square")
        minority = ("second frame", _FRAMES)
    return [
        LegendEntry("kind training", f"{training[0]}: training", palette.muted, training[1]),
        LegendEntry("kind test", f"{held_out[0]}: held out", palette.muted, held_out[1], False),
        LegendEntry(
            "minority true", f"{minority[0]}: rare image", palette.muted, minority[1], False
        ),
    ]


def _explanations(
    palette: Palette,
    options: MapOptions,
    has_captions: bool,
    has_uploads: bool,
    arrow_kinds: Sequence[str],
) -> list[LegendEntry]:
    """Entries for what is drawn beside the images."""
    muted, text, accent = palette.muted, palette.text, palette.accent
    entries = []
    if has_captions:
        entries.append(LegendEntry("caption", "caption", text, "diamond"))
    if has_uploads:
        entries.append(LegendEntry("upload", "your image", accent, star()))
    if options.trust:
        look = "pale" if options.images else "small"
        words = f"{look}: false neighbours"
        entries.append(LegendEntry("trust", words, muted, _DOT))
    if options.untrained:
        entries.append(LegendEntry("untrained", "faint: untrained baseline", muted, _DOT))
    if options.neighbours:
        entries.append(LegendEntry("neighbours", "to its true neighbours", text, _LINE))
    for kind, colour in zip(arrow_kinds, (text, accent), strict=False):
        entries.append(LegendEntry(f"arrow: {kind}", f"arrow: {kind}", colour, _ARROW))
    return entries


def _is_filtered(entry: LegendEntry, options: MapOptions) -> bool:
    """Whether an entry is of a group or a split that the options leave out."""
    column, _, value = entry.name.partition(" ")
    if column == "group" and options.groups:
        return value not in options.groups
    return column == "kind" and SPLITS[options.split] not in (None, value)


def rows_of_entries(points: pd.DataFrame, names: Sequence[str], pane: str) -> NDArray[np.bool_]:
    """Which rows, one an image, belong to one of the entries that were clicked, (n,), in the map of
    a number, as the browser decides it. All do where there is no name, or one that only explains a
    mark.
    """
    passing = np.zeros(len(points), dtype=bool)
    for name in names:
        column, _, value = name.partition(" ")
        field = numbered_column(points, column, pane)
        if not value or field not in points:
            return np.ones(len(points), dtype=bool)
        values = points[field].astype(str).str.lower()
        passing |= (values == value.lower()).to_numpy()
    return passing if names else ~passing


def numbered_column(points: pd.DataFrame, column: str, pane: int | str) -> str:
    """A column of the points; numbered by map where each model has values of its own."""
    numbered = f"{column}_{pane}"
    return numbered if numbered in points else column
