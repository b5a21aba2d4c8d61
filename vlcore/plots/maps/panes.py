"""The panes of a figure of maps: what they share, what differs between them, and the positions of
rows.

All panes draw one wide table, each at its own columns, so a pane is only a number, an extent and
two titles; everything else is the same `MapStyle` for all. In a training animation a position is a
text with the positions at all checkpoints, of which the browser takes the piece that the slider
asks for; whatever `Pane.present` draws moves with it."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import altair as alt
import numpy as np
import numpy.typing as npt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import OBJECT_SHAPES, Colouring, LegendEntry
from vlcore.plots.maps.drawing import GAP, Extent
from vlcore.plots.maps.legend import LegendPlace, column_of, legend_entries
from vlcore.plots.maps.tables import MapTables
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.scales import SPOKEN, QuickChart, straight, told_apart
from vlcore.plots.theme import PHONE_SIDE, Palette, across, theme

IMAGES = "images"  # the name of the dataset of images
MOMENT = "moment"  # the parameter of an animation's slider: the number of a checkpoint, from 1
# The selection `hov`: the image under the pointer.
HOVER = {"type": "point", "fields": ["id"], "on": "pointerover", "clear": "pointerout"}
KIN = HOVER | {"fields": ["colour"]}  # the selection `kin`: what has the colour of the hovered mark


@dataclass(frozen=True)
class Sizes:
    """Areas of marks in px², the side of the image that lights up, and the size of words in px."""

    point: int
    grown: int
    ring: int
    diamond: int
    image: int
    words: int


LARGE = Sizes(point=40, grown=170, ring=118, diamond=130, image=68, words=13)
SMALL = Sizes(point=17, grown=90, ring=50, diamond=70, image=52, words=11)


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
        return column_of(entry.name, self.colouring)

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
    entries = legend_entries(
        palette,
        grouping,
        options,
        tables.colouring,
        has_captions=not tables.captions.empty,
        has_uploads=tables.uploads is not None,
        arrow_kinds=tables.arrow_kinds,
    )
    return MapLegend(tables.colouring, grouping.objects, tuple(entries))


@dataclass(frozen=True)
class MapStyle:
    """What all panes of a figure share. `lit` and `kin` are expressions: whether a row lies inside
    the brush, and whether it has the colour of the hovered mark; others fade."""

    palette: Palette
    legend: MapLegend  # what colours and shapes stand for
    options: MapOptions = PLAIN
    sizes: Sizes = LARGE
    guide: alt.Legend | None = None  # the legend as it is drawn
    passes: tuple[str, ...] = ()  # an expression for each pane: whether a row is drawn
    lit: str = "true"
    kin: str = "true"
    pick: bool = False  # whether a mark can be clicked

    def stroke(self) -> alt.Stroke:
        """The outline of what is in the legend."""
        colours = {entry.name: entry.colour for entry in self.legend.entries}
        return told_apart(alt.Stroke, "colour:N", colours, self.guide)

    def fill(self) -> alt.Fill:
        """The filling of what is in the legend."""
        colours = {
            entry.name: entry.colour if entry.filled else "transparent"
            for entry in self.legend.entries
        }
        return told_apart(alt.Fill, "colour:N", colours, self.guide)


@dataclass(frozen=True)
class Pane:
    """Everything that differs between two panes.

    `view` is its number among all views of the figure, where these are more than the maps;
    `checkpoints`, in an animation, the checkpoint that each position of the slider shows; `zoom`
    the selection of the part that is visible, where a map can be zoomed.
    """

    index: int  # the number in the names of its columns
    extent: Extent  # domains of x and y, of one span
    side: int  # px
    titles: tuple[str, str] | None = None  # of the axes
    view: int | None = None
    checkpoints: tuple[int, ...] = ()
    zoom: str = ""

    def named(self, layer: str) -> str:
        """The name of its ``marks``, or of the ``ground`` of a brush, as Altair numbers layers of
        views."""
        return f"{layer}_{self.index if self.view is None else self.view}"

    @property
    def columns(self) -> list[str]:
        """The columns of positions in this map."""
        return [f"x{self.index}", f"y{self.index}"]

    @property
    def fields(self) -> list[str]:
        """The fields in which `present` leaves those positions."""
        return [f"{name}_now" for name in self.columns] if self.checkpoints else self.columns

    @property
    def visible(self) -> list[str]:
        """The ends of x and of y between which the map is visible: expressions."""
        ends = [json.dumps(domain) for domain in self.extent]
        if not self.zoom:
            return ends
        return [
            f"{self.zoom}.{field} || {whole}"
            for field, whole in zip(self.columns, ends, strict=True)
        ]

    @property
    def unit(self) -> float:
        """The length of one px on both axes of the whole map."""
        left, right = self.extent[0]
        return (right - left) / self.side

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of this `pane`, with their `x` and `y` in its columns of positions."""
        x, y = self.columns
        return table[table["pane"] == self.index].rename(columns={"x": x, "y": y})

    def pixels(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """The positions of a table's rows that have one, (n, 2), in px from the top left corner; of
        an animation at its end."""
        positions = table[self.columns].dropna()
        if self.checkpoints:
            last = self.checkpoints[-1]
            positions = positions.apply(lambda texts: texts.str.split(",").str[last])
        points = positions.to_numpy(float).reshape(-1, 2)
        (left, _), (_, top) = self.extent
        return np.column_stack([points[:, 0] - left, top - points[:, 1]]) / self.unit

    def at(self, x: str, y: str) -> dict[str, Any]:
        """The encoding of a position by two fields."""
        x_title = y_title = None
        if self.titles:
            x_title, y_title = (wrapped(title, self.side / 6) for title in self.titles)
        bare = dict.fromkeys(("labels", "ticks", "grid", "domain"), False)
        horizontal, vertical = self.extent
        x_axis = alt.Axis(title=x_title, **bare)
        y_axis = alt.Axis(title=y_title, **bare)
        return {
            "x": alt.X(f"{x}:Q", scale=straight(horizontal), axis=x_axis),
            "y": alt.Y(f"{y}:Q", scale=straight(vertical), axis=y_axis),
        }

    def present(self, table: pd.DataFrame | alt.NamedData) -> alt.Chart:
        """The rows that have a position in this map, at it; a screen reader reads their `spoken`
        words. What is computed is named after its columns: Vega-Lite takes two maps' computations
        of one name for the same.
        """
        x, y = self.columns
        # As values, all layers of a table share it.
        data = table if isinstance(table, alt.NamedData) else alt.to_values(table)
        source = QuickChart(data).transform_filter(f"isValid(datum.{x}) && isValid(datum.{y})")
        if self.checkpoints:
            pieces = {f"{name}_all": f"split(datum.{name}, ',')" for name in (x, y)}
            index = at_slider(self.checkpoints)
            now = {f"{name}_now": f"toNumber(datum.{name}_all[{index}])" for name in (x, y)}
            source = source.transform_calculate(**pieces).transform_calculate(**now)
        return source.encode(**self.at(*self.fields), description=SPOKEN)

    def images(self, style: MapStyle) -> alt.Chart:
        """The images of this map that are drawn, with the legend entry of their `colour`."""
        fields = {"colour": style.legend.entry_of(self.index)}
        if style.options.trust:
            fields["trust"] = f"datum.trust{self.index}"
            fields["trusted"] = (
                "isValid(datum.trust) ? format(datum.trust, '.2f') : 'too few images to judge'"
            )
        chart = self.present(alt.NamedData(name=IMAGES)).transform_calculate(**fields)
        return chart.transform_filter(style.passes[self.index]) if style.passes else chart


def at_slider(numbers: Sequence[int]) -> str:
    """The one of some numbers, one a position of the slider, that it stands at: an expression."""
    return f"{json.dumps([int(number) for number in numbers])}[{MOMENT} - 1]"


@dataclass(frozen=True)
class _Records:
    """Rows that Altair takes as they are, and does not look through value by value."""

    rows: list[dict[str, Any]]
    _schema: ClassVar[dict[str, Any]] = {}  # by which Altair recognises its own classes

    def to_dict(self) -> list[dict[str, Any]]:
        return self.rows


def figure_properties(points: pd.DataFrame, palette: Palette) -> dict[str, Any]:
    """The top of a figure of maps: the theme, and the images as the one dataset that all layers
    read."""
    records = _Records(json.loads(points.to_json(orient="records")))
    return {"datasets": {IMAGES: records}, "autosize": "pad", "config": theme(palette)}


def side_by_side(panes: Sequence[alt.LayerChart], side: int, **top: Any) -> alt.ConcatChart:
    """Maps beside and below each other."""
    return alt.concat(*panes, columns=across(len(panes), side), spacing=GAP, **top)


def selection(
    name: str, views: Sequence[str], select: dict[str, Any], **options: Any
) -> alt.TopLevelSelectionParameter:
    """A selection over views, written at the top: added to each pane, Altair would merge them with
    a warning."""
    return alt.TopLevelSelectionParameter(name=name, select=select, views=list(views), **options)


def click(
    name: str, field: str, views: Sequence[str], toggle: bool | str = False
) -> alt.TopLevelSelectionParameter:
    """A selection of what was clicked, by a field."""
    select = {"type": "point", "on": "click", "toggle": toggle, "fields": [field]}
    return selection(name, views, select)


def wrapped(text: str, width: float) -> list[str]:
    """A title as lines of `width` characters, and of ten at least."""
    return textwrap.wrap(text, max(10, int(width))) or [""]
