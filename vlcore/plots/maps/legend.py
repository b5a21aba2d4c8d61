"""The legend of a map: what colours and shapes stand for, then what the marks mean.

Colour, shape and filling are three scales over one list of entries. Some entries belong to rows (a
group, an object, a predicted label); others only explain a mark, such as a caption's. Vega-Lite
merges scales over one list into one legend, so no chart of its own is needed; and a click on an
entry filters the rows that belong to it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import OBJECT_SHAPES, Colouring, LegendEntry
from vlcore.plots.maps.tables import MapTables
from vlcore.plots.options import PLAIN, SPLITS, MapOptions
from vlcore.plots.theme import PHONE_SIDE, Palette, star

LegendPlace = Literal["bottom", "right"]
_MARK_COLUMNS = ("object", "kind", "minority")  # that shapes, fillings and rings stand for

# Vega draws symbols from -1 to 1. A ring around a dot, a frame in a frame, a small dot, a line,
# an arrow:
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_FRAMES = "M-1,-1H1V1H-1ZM-.5,-.5H.5V.5H-.5Z"
_DOT = "M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_LINE = "M-1.2,0L1.2,0"
_ARROW = "M-1.4,0L1.2,0M.4,-.7L1.2,0L.4,.7"


@dataclass(frozen=True)
class MapLegend:
    """The entries of a legend, and the expressions that tell which of them a row of a map belongs
    to."""

    colouring: Colouring
    objects: tuple[str, str]  # which have a shape each
    entries: tuple[LegendEntry, ...]

    def entry_of(self, pane: int) -> str:
        """The name of the entry of a row's colour, in the map of a number: an expression."""
        return self._entry_expression(self.colouring.column, pane)

    def _entry_expression(self, column: str, pane: int) -> str:
        """The entry that a row belongs to by a column: an expression."""
        field = self.colouring.column_of(pane) if column == self.colouring.column else column
        return f"'{column} ' + datum.{field}"

    @property
    def shape_of(self) -> str:
        """The shape of a row's mark, one of Vega's symbols, by its object: an expression."""
        shapes = dict(zip(self.objects, OBJECT_SHAPES, strict=True))
        return f"({json.dumps(shapes)})[datum.object]"

    def passes(self, clicked: str, pane: int) -> str:
        """Whether a row belongs to one of the `clicked` entries, an expression; an entry that only
        explains a mark hides nothing."""
        columns = {self.column_of(entry) for entry in self.entries} - {""}
        names = [self._entry_expression(column, pane) for column in sorted(columns)]
        names += [json.dumps(entry.name) for entry in self.entries if not self.column_of(entry)]
        return " || ".join(f"indexof({clicked}, {name}) >= 0" for name in names)

    def column_of(self, entry: LegendEntry) -> str:
        """The column whose rows belong to an entry; empty for one that only explains a mark."""
        column, _, value = entry.name.partition(" ")
        return column if value and column in {self.colouring.column, *_MARK_COLUMNS} else ""

    def guide(self, side: int, place: LegendPlace = "bottom") -> alt.Legend:
        """The legend beside or under maps of `side` px; as wide as one of them on a phone."""
        words = {entry.name: entry.words for entry in self.entries}
        layout: dict[str, Any] = {"labelLimit": 180}
        if place == "bottom":
            columns = 2 if side <= PHONE_SIDE else 4 if side < 540 else 8
            layout = {"direction": "horizontal", "columns": columns}
        return alt.Legend(
            title=self.colouring.title or None,
            orient=place,
            labelExpr=f"({json.dumps(words)})[datum.label]",
            symbolSize=90,
            columnPadding=22,
            rowPadding=6,
            offset=14,
            **layout,
        )


def map_legend(
    palette: Palette, grouping: Grouping, tables: MapTables, options: MapOptions = PLAIN
) -> MapLegend:
    """The legend of maps: an entry for each thing that is drawn, each once."""
    entries = [
        *_colour_entries(tables.colouring, palette, grouping, options),
        *_mark_entries(palette, options),
        *_explanations(palette, tables, options),
    ]
    by_name: dict[str, LegendEntry] = {}
    for entry in entries:
        if not _is_filtered(entry, options):
            by_name.setdefault(entry.name, entry)  # of a colour before that of a mark
    return MapLegend(tables.colouring, grouping.objects, tuple(by_name.values()))


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
            "minority true", f"{minority[0]}: minority group", palette.muted, minority[1], False
        ),
    ]


def _explanations(palette: Palette, tables: MapTables, options: MapOptions) -> list[LegendEntry]:
    """Entries for what is drawn beside the images."""
    muted, text, accent = palette.muted, palette.text, palette.accent
    entries = []
    if not tables.captions.empty:
        entries.append(LegendEntry("caption", "caption", text, "diamond"))
    if tables.uploads is not None:
        entries.append(LegendEntry("upload", "your image", accent, star()))
    if options.trust:
        look = "pale" if options.images else "small"
        words = f"{look}: false neighbours"
        entries.append(LegendEntry("trust", words, muted, _DOT))
    if options.untrained:
        entries.append(LegendEntry("untrained", "faint: untrained baseline", muted, _DOT))
    if options.neighbours:
        entries.append(LegendEntry("neighbours", "to its true neighbours", text, _LINE))
    for kind, colour in zip(tables.arrow_kinds, (text, accent), strict=False):
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
    a number: what `MapLegend.passes` tells in the browser. All do where there is no name, or one
    that only explains a mark.
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
