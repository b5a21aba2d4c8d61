"""The legend of a map: what colours and shapes stand for, then what the marks mean.

Colour, shape and filling are three scales over one list of entries. Some entries are carried by
rows (a group, an object, what a model says); others only explain a mark, such as a caption's.
Vega-Lite merges scales over one list into one legend, so no chart of its own is needed; and a click
on an entry filters the rows that carry it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.experiment.grouping import Grouping, group_words
from vlcore.plots.maps.tables import PLAIN, MapOptions, MapTables
from vlcore.plots.theme import PHONE_SIDE, SHAPES, Palette, star

# The column that each colouring reads; an entry's name is that column and the value.
_COLUMNS = {name: name for name in ("group", "object", "context")}
_COLUMNS |= {"prediction": "says", "right or wrong": "right", "split": "kind"}
COLOURINGS = tuple(_COLUMNS)
_PER_MODEL = ("says", "right")
LegendPlace = Literal["bottom", "right"]

# Vega draws symbols from -1 to 1. A ring around a dot, a frame in a frame, a small dot, a line, an
# arrow:
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_FRAMES = "M-1,-1H1V1H-1ZM-.5,-.5H.5V.5H-.5Z"
_DOT = "M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_LINE = "M-1.2,0L1.2,0"
_ARROW = "M-1.4,0L1.2,0M.4,-.7L1.2,0L.4,.7"
_FORMS = SHAPES[1:3]  # of the two objects


@dataclass(frozen=True)
class LegendEntry:
    """One entry of the legend."""

    name: str  # what the scales know it by: ``group horse_grass`` where rows carry it
    words: str  # what the legend says
    colour: str  # of the outline, a hex string
    shape: str  # a name or a path of Vega's symbols
    full: bool = True  # filled
    carried: bool = False  # by rows; else it explains a mark


@dataclass(frozen=True)
class MapLegend:
    """The entries of a legend, and the expressions that say which of them a row of a map
    carries."""

    colour_by: str  # one of `COLOURINGS`
    objects: tuple[str, str]  # which have a form each
    entries: tuple[LegendEntry, ...]

    def coloured(self, pane: int) -> str:
        """The name of the entry that a row's colour is of, in the map of a number: an
        expression."""
        return _carried(_COLUMNS[self.colour_by], pane)

    @property
    def form(self) -> str:
        """The form of a row's mark, one of Vega's symbols: that of its object."""
        return f"({json.dumps(dict(zip(self.objects, _FORMS, strict=True)))})[datum.object]"

    def shown(self, clicked: str, pane: int) -> str:
        """Whether a row carries one of the `clicked` entries, an expression; one that only explains
        hides nothing."""
        columns = {entry.name.split(" ")[0] for entry in self.entries if entry.carried}
        names = [_carried(column, pane) for column in sorted(columns)]
        names += [json.dumps(entry.name) for entry in self.entries if not entry.carried]
        return " || ".join(f"indexof({clicked}, {name}) >= 0" for name in names)

    def guide(self, side: int, place: LegendPlace = "bottom") -> alt.Legend:
        """The legend as it is drawn beside or under maps of `side` px; as wide as one of them on a
        phone."""
        words = {entry.name: entry.words for entry in self.entries}
        columns, expression = (
            2 if side <= PHONE_SIDE else 4 if side < 540 else 8,
            f"({json.dumps(words)})[datum.label]",
        )
        size: dict[str, Any] = {
            "symbolSize": 90,
            "columnPadding": 22,
            "rowPadding": 6,
            "offset": 14,
        }
        size |= (
            {"direction": "horizontal", "columns": columns}
            if place == "bottom"
            else {"labelLimit": 180}
        )
        return alt.Legend(title=None, orient=place, labelExpr=expression, **size)


def map_legend(
    palette: Palette, grouping: Grouping, tables: MapTables, options: MapOptions = PLAIN
) -> MapLegend:
    """The legend of maps: an entry for each thing that is drawn; ValueError where nothing is
    coloured as asked."""
    colour_by, pictures, muted = options.colour_by, options.pictures, palette.muted
    if colour_by not in COLOURINGS:
        raise ValueError(f"unknown colouring {colour_by}; known: {', '.join(COLOURINGS)}")
    square = "square" if pictures else None
    entries = [
        LegendEntry(
            f"{_COLUMNS[colour_by]} {value}", words, colour, square or shape, full, carried=True
        )
        for value, words, colour, shape, full in _coloured_values(palette, grouping)[colour_by]
    ]
    if not pictures and colour_by not in ("group", "object"):
        forms = zip(grouping.objects, _FORMS, strict=True)
        entries += [
            LegendEntry(f"object {obj}", obj, muted, form, full=False, carried=True)
            for obj, form in forms
        ]
    full, hollow, ring = ("full: training", "hollow: held out", "ring: minority group")
    if pictures:
        full, hollow, ring = (
            "thick frame: training",
            "thin frame: held out",
            "second frame: minority group",
        )
    if colour_by != "split":
        dot = square or "circle"
        entries.append(LegendEntry("kind training", full, muted, dot, carried=True))
        entries.append(LegendEntry("kind test", hollow, muted, dot, full=False, carried=True))
    entries.append(
        LegendEntry(
            "minority true", ring, muted, _FRAMES if pictures else _RING, False, carried=True
        )
    )
    untrusted = f"{'pale' if pictures else 'small'}: its neighbours here are not its neighbours"
    explained = [
        (not tables.captions.empty, LegendEntry("caption", "caption", palette.text, "diamond")),
        (tables.uploads is not None, LegendEntry("upload", "your image", palette.accent, star())),
        (options.trust, LegendEntry("trust", untrusted, muted, _DOT)),
        (options.ghost, LegendEntry("ghost", "faint: before training", muted, _DOT)),
        (
            options.movement,
            LegendEntry("movement", "from its place in the first map", muted, _LINE),
        ),
        (
            options.neighbours,
            LegendEntry("neighbours", "to its true neighbours", palette.text, _LINE),
        ),
    ]
    entries += [entry for drawn, entry in explained if drawn]
    for kind, colour in zip(tables.arrows, (palette.text, palette.accent), strict=False):
        entries.append(LegendEntry(f"arrow: {kind}", f"arrow: {kind}", colour, _ARROW))
    return MapLegend(colour_by, grouping.objects, tuple(entries))


def _coloured_values(
    palette: Palette, grouping: Grouping
) -> dict[str, list[tuple[str, str, str, str, bool]]]:
    """Value, words, colour, shape and filling of what each colouring tells apart."""
    first, second = (
        palette.groups[1],
        palette.groups[2],
    )  # the pair that stays furthest apart in every vision
    (one, other), (here, there) = grouping.objects, grouping.contexts
    words, unsaid = group_words(grouping), ("none", "no prediction", palette.text, "square", True)
    groups = zip(palette.colours(grouping).items(), SHAPES, strict=True)

    def squares(*both: tuple[str, str]) -> list[tuple[str, str, str, str, bool]]:
        return [
            (*one, colour, "square", True)
            for one, colour in zip(both, (first, second), strict=True)
        ]

    return {
        "group": [(name, words[name], colour, shape, True) for (name, colour), shape in groups],
        "object": [(one, one, first, _FORMS[0], True), (other, other, second, _FORMS[1], True)],
        "context": [
            (here, here, palette.groups[0], "square", True),
            (there, there, second, "square", True),
        ],
        "prediction": [
            *squares((one, f"predicted: {one}"), (other, f"predicted: {other}")),
            unsaid,
        ],
        "right or wrong": [*squares(("right", "right"), ("wrong", "wrong")), unsaid],
        "split": [
            ("training", "full: training", first, "circle", True),
            ("test", "hollow: held out", second, "circle", False),
        ],
    }


def carriers(points: pd.DataFrame, names: Sequence[str], pane: str) -> NDArray[np.bool_]:
    """Which rows, one a picture, carry one of the entries that were clicked, (n,), in the map of a
    number: what `MapLegend.shown` says in the browser. All do where there is no name, or one that
    only explains.
    """
    known = [
        name.split(" ", 1)
        for name in names
        if name.split(" ")[0] in (*_COLUMNS.values(), "minority")
    ]
    if len(known) < len(names) or not names:
        return np.ones(len(points), dtype=bool)
    found = [
        points[f"{column}_{pane}" if column in _PER_MODEL else column].astype(str).str.lower()
        == value.lower()
        for column, value in known
    ]
    return np.logical_or.reduce(found)


def _carried(column: str, pane: int) -> str:
    """An expression: the entry that a row carries by a column; what each model has of its own is
    numbered."""
    return (
        f"'{column} ' + datum.{column}_{pane}"
        if column in _PER_MODEL
        else f"'{column} ' + datum.{column}"
    )
