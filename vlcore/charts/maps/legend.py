"""The one legend of a map: what colours and shapes stand for, then what the marks mean.

The one idea: colour, shape and filling are three scales over one list of keys. Some keys are carried by rows (a group,
an object, what a model says); others only explain a mark, such as a caption's. Vega-Lite merges scales over one list
into one legend, so all stand beside each other without a chart of their own; and a click on a key filters the rows that
carry it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.charts.theme import PHONE_SIDE, SHAPES, Palette, star
from vlcore.core.grouping import Grouping, group_words

COLOURINGS = ("group", "object", "context", "prediction", "right or wrong", "split")

# Vega draws symbols from -1 to 1. A ring around a dot, a frame in a frame, a small dot, a line, an arrow:
_RING = "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_FRAMES = "M-1,-1H1V1H-1ZM-.5,-.5H.5V.5H-.5Z"
_DOT = "M-.45,0A.45,.45,0,1,1,.45,0A.45,.45,0,1,1,-.45,0"
_LINE = "M-1.2,0L1.2,0"
_ARROW = "M-1.4,0L1.2,0M.4,-.7L1.2,0L.4,.7"
_FORMS = SHAPES[1:3]  # of the two objects
# A key's name is the column that it is read from, and the value.
_COLUMNS = {"prediction": "says", "right or wrong": "right", "split": "kind"}
_PER_MODEL = ("says", "right")
_CARRIED = ("group", "object", "context", "kind", "minority", *_PER_MODEL)


@dataclass(frozen=True)
class LegendEntry:
    """One entry of the legend.

    Attributes:
        name: what the scales know it by: ``group horse_grass`` where rows carry it.
        words: what the legend says.
        colour: of the outline, a hex string.
        shape: a name or a path of Vega's symbols.
        full: whether it is filled.
        carried: whether rows carry it; else it explains a mark.
    """

    name: str
    words: str
    colour: str
    shape: str
    full: bool = True
    carried: bool = False


@dataclass(frozen=True)
class Keys:
    """The entries of a legend, and the expressions that say which of them a row of a map carries.

    Attributes:
        colour_by: one of `COLOURINGS`.
        objects: the two objects, which have a form each.
        entries: in their order.
    """

    colour_by: str
    objects: tuple[str, str]
    entries: tuple[LegendEntry, ...]

    def colour(self, pane: int) -> str:
        """The key of a row's colour in the map of a number."""
        return _carried(_COLUMNS.get(self.colour_by, self.colour_by), pane)

    @property
    def form(self) -> str:
        """The form of a row's mark, one of Vega's symbols: that of its object."""
        return f"({json.dumps(dict(zip(self.objects, _FORMS, strict=True)))})[datum.object]"

    def shown(self, clicked: str, pane: int) -> str:
        """Whether a row carries one of the `clicked` keys, an expression; a key that only explains hides nothing."""
        columns = {entry.name.split(" ")[0] for entry in self.entries if entry.carried}
        names = [_carried(column, pane) for column in sorted(columns)]
        names += [json.dumps(entry.name) for entry in self.entries if not entry.carried]
        return " || ".join(f"indexof({clicked}, {name}) >= 0" for name in names)

    def scale(self, channel: str) -> alt.Scale:
        """The scale of ``stroke``, ``fill`` or ``shape``."""
        ranges = {
            "stroke": [entry.colour for entry in self.entries],
            "fill": [entry.colour if entry.full else "transparent" for entry in self.entries],
            "shape": [entry.shape for entry in self.entries],
        }
        return alt.Scale(domain=[entry.name for entry in self.entries], range=ranges[channel])

    def legend(self, side: int) -> alt.Legend:
        """The legend, under maps of `side` px; as wide as one of them on a phone."""
        words = {entry.name: entry.words for entry in self.entries}
        return alt.Legend(
            title=None,
            orient="bottom",
            direction="horizontal",
            columns=2 if side <= PHONE_SIDE else 4,
            labelExpr=f"({json.dumps(words)})[datum.label]",
            symbolSize=90,
            columnPadding=22,
            rowPadding=6,
            offset=14,
        )


def map_keys(
    palette: Palette,
    grouping: Grouping,
    *,
    colour_by: str = "group",
    pictures: bool = False,
    more: Sequence[LegendEntry] = (),
) -> Keys:
    """The keys of a map.

    Args:
        palette: colours.
        grouping: which groups there are.
        colour_by: one of `COLOURINGS`.
        pictures: whether marks are pictures in frames.
        more: what else is drawn.

    Raises:
        ValueError: when nothing is coloured by that.
    """
    if colour_by not in COLOURINGS:
        raise ValueError(f"unknown colouring {colour_by}; known: {', '.join(COLOURINGS)}")
    square = "square" if pictures else None
    entries = [
        LegendEntry(name, words, colour, square or shape, full, carried=True)
        for name, words, colour, shape, full in _colours(palette, grouping, colour_by)
    ]
    if not pictures and colour_by not in ("group", "object"):
        entries += [
            LegendEntry(f"object {obj}", obj, palette.muted, shape, full=False, carried=True)
            for obj, shape in zip(grouping.objects, _FORMS, strict=True)
        ]
    full, hollow, ring = (
        ("thick frame: training", "thin frame: held out", "second frame: minority group")
        if pictures
        else ("full: training", "hollow: held out", "ring: minority group")
    )
    if colour_by != "split":
        entries += [
            LegendEntry("kind training", full, palette.muted, square or "circle", carried=True),
            LegendEntry("kind test", hollow, palette.muted, square or "circle", full=False, carried=True),
        ]
    entries.append(
        LegendEntry("minority true", ring, palette.muted, _FRAMES if pictures else _RING, False, carried=True)
    )
    return Keys(colour_by, grouping.objects, (*entries, *more))


def carriers(points: pd.DataFrame, names: Sequence[str], pane: str) -> NDArray[np.bool_]:
    """Which rows carry one of the keys that were clicked in a legend, (n,): what `Keys.shown` says in the browser.

    Args:
        points: one row a picture.
        names: of keys; all rows where there is none, or one that only explains.
        pane: the number of the map, as in the names of its columns.
    """
    known = [name.split(" ", 1) for name in names if name.split(" ")[0] in _CARRIED]
    if len(known) < len(names) or not names:
        return np.ones(len(points), dtype=bool)
    columns = [f"{column}_{pane}" if column in _PER_MODEL else column for column, _ in known]
    found = [
        points[column].astype(str).str.lower() == value.lower()
        for column, (_, value) in zip(columns, known, strict=True)
    ]
    return np.logical_or.reduce(found)


def caption_entry(palette: Palette) -> LegendEntry:
    """What explains a caption's mark."""
    return LegendEntry("caption", "caption", palette.text, "diamond")


def trust_entry(palette: Palette, pictures: bool) -> LegendEntry:
    """What explains a small mark, or a pale picture."""
    words = f"{'pale' if pictures else 'small'}: its neighbours here are not its neighbours"
    return LegendEntry("trust", words, palette.muted, _DOT)


def upload_entry(palette: Palette) -> LegendEntry:
    """What explains an upload's mark."""
    return LegendEntry("upload", "your picture", palette.accent, star())


def line_entries(
    palette: Palette, *, ghost: bool, movement: bool, neighbours: bool, arrows: Sequence[str]
) -> list[LegendEntry]:
    """What explains the lines and ghosts that are drawn; `arrows` are the kinds of arrows, two at most."""
    wanted = [
        (ghost, LegendEntry("ghost", "faint: before training", palette.muted, _DOT)),
        (movement, LegendEntry("movement", "from its place in the first map", palette.muted, _LINE)),
        (neighbours, LegendEntry("neighbours", "to its true neighbours", palette.text, _LINE)),
    ]
    entries = [entry for drawn, entry in wanted if drawn]
    for kind, colour in zip(arrows, (palette.text, palette.accent), strict=False):
        entries.append(LegendEntry(f"arrow: {kind}", f"arrow: {kind}", colour, _ARROW))
    return entries


def _colours(palette: Palette, grouping: Grouping, colour_by: str) -> list[tuple[str, str, str, str, bool]]:
    """Name, words, colour, shape and filling of what is coloured."""
    first, second = palette.groups[1], palette.groups[2]  # the pair that stays furthest apart in every vision
    objects, contexts = grouping.objects, grouping.contexts
    if colour_by == "group":
        words = group_words(grouping)
        return [
            (f"group {name}", words[name], colour, shape, True)
            for (name, colour), shape in zip(palette.colours(grouping).items(), SHAPES, strict=True)
        ]
    if colour_by == "object":
        return [
            (f"object {obj}", obj, colour, shape, True)
            for obj, colour, shape in zip(objects, (first, second), _FORMS, strict=True)
        ]
    if colour_by == "split":
        return [
            ("kind training", "full: training", first, "circle", True),
            ("kind test", "hollow: held out", second, "circle", False),
        ]
    if colour_by == "context":
        return [
            (f"context {context}", context, colour, "square", True)
            for context, colour in zip(contexts, (palette.groups[0], second), strict=True)
        ]
    values = (*objects, "none") if colour_by == "prediction" else ("right", "wrong", "none")
    said = [f"predicted: {value}" if colour_by == "prediction" else value for value in values[:2]]
    return [
        (f"{_COLUMNS[colour_by]} {value}", words, colour, "square", True)
        for value, words, colour in zip(values, (*said, "no prediction"), (first, second, palette.text), strict=True)
    ]


def _carried(column: str, pane: int) -> str:
    """An expression: the key that a row carries by a column; what each model has of its own is numbered."""
    return f"'{column} ' + datum.{column}_{pane}" if column in _PER_MODEL else f"'{column} ' + datum.{column}"
