"""Grid of small maps: label styles in rows, bias levels in columns, the untrained encoder first.

One orchestration for the page, `vlcore.grid`, the command ``compare --grid`` and the offline page.
All maps are PCA of the same held-out images, aligned to the first; numbers come from the full
space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from vlcore.api.colourings import coloured
from vlcore.api.compared_maps import joint_tables, row_numbers
from vlcore.api.model_map import ModelMap, model_map
from vlcore.api.model_metrics import describe_measure, estimate_of
from vlcore.api.small_images import small_files
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import GRIDS, Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.files import page_file, write_file
from vlcore.experiment.options import shown_name
from vlcore.experiment.wording import label_words, title
from vlcore.metrics.catalogue import PRIMARY
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.document import Maps, frame_html, page_html
from vlcore.plots.maps.drawing import MapInfo, map_drawing
from vlcore.plots.maps.scatter import scatter
from vlcore.plots.maps.table import Columns, colour_columns, image_columns, packed
from vlcore.plots.options import HELD_OUT, PCA, MapOptions, Projection
from vlcore.plots.rendering import chart_png, chart_svg
from vlcore.plots.theme import DARK, LIGHT, Palette, theme
from vlcore.plots.thumbnails import thumb_sheet

LEVELS = GRIDS["paper"]
MOST_ROWS, MOST_LEVELS = 6, 10
SIDE = 150  # px of a map on a page that is written
FRAME_SIDE = 110  # px of a map in a notebook
UNTRAINED = "Untrained"
ACCURACIES = "Accuracy on rare images with its 95% interval over scenes:"
ABOUT = (
    "The same held-out images in every map: before training, then with more and more of the rare"
    " training images removed."
)
HOW_TO_READ = (
    "Maps are PCA, aligned to the first; each fills its frame, so distances do not compare between"
    " maps. The bar under a map is its accuracy on rare images from 0 to 100%, with a tick at"
    " one half and the 95% interval over scenes. One run each: another seed gives other"
    " numbers."
)
Read = Callable[[str, Projection], ModelMap | None]


class GridError(LabError):
    """A grid that cannot be drawn; the message says what to give instead."""


@dataclass(frozen=True, eq=False)
class GridMap:
    """One place of a grid: a condition, and its map with the map's number in the columns of the
    points; None where no such model is published. That of the untrained encoder is stored with
    every trained model of its row."""

    condition: Condition
    model: ModelMap | None = None
    pane: int | None = None

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Metrics of the checkpoint that the map shows; empty without a map."""
        if self.model is None:
            return {}
        checkpoint = "end" if self.condition.steps else "untrained"
        return dict(self.model.artifact.metrics[checkpoint])

    @property
    def words(self) -> str:
        """Accuracy on rare images with its interval, or why there is none."""
        if self.model is None:
            return "not trained yet" if self.condition.steps else "no model of this row yet"
        return describe_measure(self.metrics, PRIMARY)


@dataclass(frozen=True, eq=False)
class GridMaps:
    """The maps of a grid, row by row, with the tables that `grid_drawing` describes."""

    images: ImageSet
    rows: tuple[tuple[GridMap, ...], ...]
    points: pd.DataFrame
    captions: pd.DataFrame
    models: tuple[ModelMap, ...] = ()  # as the columns of the points are numbered
    coloured_by: str = "group"  # as options name it; `vlcore.api.colourings.coloured` changes it
    colouring: Colouring = GROUPS  # of the points, for that

    @property
    def row_titles(self) -> list[str]:
        return [row_title(row[0].condition) for row in self.rows]

    @property
    def column_titles(self) -> list[str]:
        return [column_title(place.condition) for place in self.rows[0]]

    @property
    def missing(self) -> list[Condition]:
        """The conditions that no published model has."""
        places = [place for row in self.rows for place in row]
        return [
            place.condition for place in places if place.model is None and place.condition.steps
        ]

    @property
    def sentences(self) -> list[str]:
        """The minority-group accuracy of every map, a sentence a row."""
        sentences = []
        for name, row in zip(self.row_titles, self.rows, strict=True):
            accuracies = [
                f"{column.lower()} {place.words}"
                for column, place in zip(self.column_titles, row, strict=True)
            ]
            sentences.append(f"{name}: {', '.join(accuracies)}.")
        return sentences

    def table(self) -> pd.DataFrame:
        """One row a place: ``labels``, ``bias``, ``trained``, minority-group ``accuracy`` with
        ``low``, ``high`` and ``n`` (none where it is not defined), and the ``key`` of the model."""
        rows = []
        for place in (place for row in self.rows for place in row):
            condition = place.condition
            estimate = estimate_of(place.metrics, PRIMARY) or {}
            rows.append(
                {
                    "labels": shown_name("labels", condition.labels),
                    "bias": condition.bias,
                    "trained": condition.steps > 0,
                    "accuracy": estimate.get("value"),
                    **{name: estimate.get(name) for name in ("low", "high", "n")},
                    "key": None if place.model is None else place.model.artifact.key,
                }
            )
        kinds = {**dict.fromkeys(("accuracy", "low", "high"), float), "n": "Int64"}
        return pd.DataFrame(rows).astype(kinds)

    def table_in_words(self) -> pd.DataFrame:
        """A row a label style, a column a bias level: minority-group accuracies as text."""
        words = [[place.words for place in row] for row in self.rows]
        table = pd.DataFrame(words, columns=self.column_titles)
        table.insert(0, "Captions", self.row_titles)
        return table


def row_title(condition: Condition) -> str:
    """``Short captions``"""
    words = label_words(condition)
    return words[0].upper() + words[1:]


def column_title(condition: Condition) -> str:
    """``Untrained``, ``No bias`` or ``Bias 75%``"""
    if condition.steps == 0:
        return UNTRAINED
    return f"Bias {condition.bias * 100:g}%" if condition.bias else "No bias"


def grid_conditions(
    base: Condition, labels: Sequence[str], bias: Sequence[float]
) -> list[list[Condition]]:
    """The conditions of a grid: a row a label style, in each the untrained encoder, then a bias
    level a column.

    Raises:
        GridError: for fewer than two label styles, no level, or too many of them.
        ConditionError: where one is not valid.
    """
    base = on_its_set(base)
    if base.steps == 0:
        raise GridError("A grid is of trained models; give a condition with steps.")
    styles = list(dict.fromkeys(base.with_labels(style) for style in labels))
    levels = sorted({base.replace(bias=level).bias for level in bias})
    if not 2 <= len(styles) <= MOST_ROWS:
        raise GridError(
            f"A grid has two to {MOST_ROWS} caption styles, not {len(styles)}; give others, such as"
            " short and descriptive."
        )
    if not 1 <= len(levels) <= MOST_LEVELS:
        raise GridError(
            f"A grid has one to {MOST_LEVELS} bias levels, not {len(levels)}; give others, such as"
            " 0 and 0.75."
        )
    levels = _distinct_levels(base, levels)
    rows = []
    for style in styles:
        trained = [style.replace(bias=level) for level in levels]
        rows.append([trained[0].untrained, *trained])
    return rows


def _distinct_levels(base: Condition, levels: Sequence[float]) -> list[float]:
    """The levels, ascending, whose training sets differ: of those that leave as many images of a
    small set, the one that rounding changes least."""

    def rounding(level: float) -> float:
        remaining = base.n_per_group * (1 - level)
        return abs(remaining - round(remaining))

    of_counts = {}
    for level in sorted(levels, key=rounding, reverse=True):
        biased = base.replace(bias=level)
        of_counts[biased.n_minority] = level
    return sorted(of_counts.values())


def check_options(options: MapOptions) -> MapOptions:
    """The options of the maps of a grid, which are of held-out images; GridError for what these
    have not."""
    usual = MapOptions(
        Projection(components=options.projection.components),
        colour_by=options.colour_by,
        groups=options.groups,
    )
    if options.replace(split="all") != usual or options.split == "training":
        raise GridError(
            "A grid is PCA of held-out images, with components, colours and groups to choose;"
            " leave the other options of maps out."
        )
    return options.replace(split="held out")


def read_published(key: str, projection: Projection) -> ModelMap | None:
    """The map of a model; None where it is not published."""
    return model_map(store.read(key), projection) if store.published(key) else None


def read_grid(
    conditions: Sequence[Sequence[Condition]],
    images: ImageSet,
    projection: Projection = PCA,
    read: Read = read_published,
) -> GridMaps:
    """Read the maps of a grid and align them to the first of a trained model.

    Args:
        conditions: as `grid_conditions` returns them.
        images: their image set.
        projection: a PCA.
        read: returns the map of a key, or None.
    """
    rows = [_read_row(row, projection, read) for row in conditions]
    places = [place for row in rows for place in row if place[1] is not None]
    # All are aligned to the first, which is a trained model's.
    places.sort(key=lambda place: place[0].steps == 0)
    if not places:
        empty = tuple(tuple(GridMap(condition) for condition in row) for row in conditions)
        return GridMaps(images, empty, pd.DataFrame(), pd.DataFrame())
    maps = [model for _, model in places if model is not None]
    aligned, points, captions = joint_tables(maps, images)
    drawn = {
        condition: GridMap(condition, model, pane)
        for pane, ((condition, _), model) in enumerate(zip(places, aligned, strict=True))
    }
    placed = tuple(
        tuple(drawn.get(condition, GridMap(condition)) for condition in row) for row in conditions
    )
    return GridMaps(images, placed, points, captions, aligned)


def _read_row(
    conditions: Sequence[Condition], projection: Projection, read: Read
) -> list[tuple[Condition, ModelMap | None]]:
    """The maps of one row, of held-out images alone."""
    untrained, *trained = conditions
    models = [read(condition.key, projection) for condition in trained]
    first = next((model for model in models if model is not None), None)
    start = None if first is None else first.untrained()
    return [
        (condition, None if model is None else model.held_out())
        for condition, model in zip((untrained, *trained), (start, *models), strict=True)
    ]


def grid_drawing(
    grid: GridMaps,
    palette: Palette,
    side: int,
    options: MapOptions = HELD_OUT,
    *,
    by_level: bool = False,
    can_open: bool = False,
) -> dict[str, Any]:
    """Describe how the maps of a grid look, each `side` px wide: as
    `vlcore.plots.maps.drawing.map_drawing`, with the places of the grid.

    Args:
        grid: the maps.
        palette: colours.
        side: of a map in px.
        options: colours and groups.
        by_level: bias levels in rows, for a phone.
        can_open: whether a click on a place sends its name, which `place_of` reads.
    """
    grid = coloured(grid, options)
    drawing = map_drawing(
        grid.points,
        grid.captions,
        _infos(grid),
        palette=palette,
        grouping=grid.images.grouping,
        side=side,
        kind="grid",
        options=options,
        colouring=grid.colouring,
    )
    places = [
        [
            _place_drawing(f"{number}-{column}", f"{row_name}, {column_name}", place)
            for column, (place, column_name) in enumerate(zip(row, grid.column_titles, strict=True))
        ]
        for number, (row, row_name) in enumerate(zip(grid.rows, grid.row_titles, strict=True))
    ]
    rows, columns = grid.row_titles, grid.column_titles
    if by_level:
        places = [list(level) for level in zip(*places, strict=True)]
        rows, columns = columns, rows
    told = {"rows": rows, "columns": columns, "canOpen": can_open, "places": places}
    return {**drawing, "grid": told}


def _infos(grid: GridMaps) -> list[MapInfo]:
    """The words around each map, in the order of the maps' numbers."""
    infos = {}
    for row, row_name in zip(grid.rows, grid.row_titles, strict=True):
        for place, column_name in zip(row, grid.column_titles, strict=True):
            infos[place.pane] = MapInfo(f"{column_name}, {row_name.lower()}", place.words, "", "")
    return [infos[pane] for pane in range(len(grid.models))]


def _place_drawing(name: str, title: str, place: GridMap) -> dict[str, Any]:
    """A place as `maps.js` takes it: its name, its words, and the number of its map, if any."""
    told = place.words
    if place.model is not None:
        told = f"map with an accuracy on rare images of {place.words}"
    estimate = estimate_of(place.metrics, PRIMARY)
    return {
        "name": name,
        "words": place.words,
        "spoken": f"{title}: {told}",
        "pane": place.pane,
        "estimate": estimate and [estimate[end] for end in ("value", "low", "high")],
    }


def grid_columns(grid: GridMaps, options: MapOptions = HELD_OUT) -> Columns:
    """The images of a grid, with their positions in each map and what their colours need."""
    grid = coloured(grid, options)
    count, grouping = len(grid.models), grid.images.grouping
    columns = image_columns(grid.points, row_numbers(grid.points), count, grouping)
    return columns | colour_columns(grid.points, count, grouping, grid.colouring)


def grid_table(
    grid: GridMaps, options: MapOptions = HELD_OUT, sheet: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The same columns as one packed table."""
    return packed(grid_columns(grid, options), row_numbers(grid.points), sheet)


def grid_inline(
    grid: GridMaps, palette: Palette, side: int, options: MapOptions = HELD_OUT
) -> dict[str, Any]:
    """All that the component needs where there is no server: how the maps look, in words too, with
    their columns and their small images inside."""
    sheet = thumb_sheet(small_files(grid.images, row_numbers(grid.points).tolist()))
    return {
        **grid_drawing(grid, palette, side, options),
        "table": grid_table(grid, options, sheet),
        "colourTable": None,
        "thumbs": "",
        "alt": describe_grid(grid),
    }


def grid_figure(
    grid: GridMaps, palette: Palette, side: int, options: MapOptions = HELD_OUT
) -> alt.ConcatChart:
    """Draw a grid as a still figure, for papers: maps row by row, each `side` px wide."""
    drawing, columns = grid_drawing(grid, palette, side, options), grid_columns(grid, options)
    places = [place for row in grid.rows for place in row]
    panes, colour_columns, in_order = [], [], dict(columns)
    for number, place in enumerate(places):
        nowhere = np.full(len(grid.points), np.nan)
        for axis in "xy":
            position = columns.get(f"{axis}{place.pane}", nowhere)
            in_order[f"{axis}{number}"] = position
        pane = _empty_pane(place) if place.pane is None else drawing["panes"][place.pane]
        # Small maps have no room for the words of captions.
        diamonds = [{**caption, "caption": "", "dy": 0} for caption in pane["captions"]]
        panes.append({**pane, "captions": diamonds})
        colour_columns.append(drawing["colourColumns"][place.pane or 0])
    told = {**drawing, "panes": panes, "colourColumns": colour_columns}
    chart = scatter(told, in_order, across=len(grid.rows[0]))
    # Nobody listens to thousands of marks.
    return chart.properties(autosize="pad").configure(**theme(palette), mark={"aria": False})


def _empty_pane(place: GridMap) -> dict[str, Any]:
    words = f"{column_title(place.condition)}, {label_words(place.condition)}"
    around = {"title": words, "subtitle": place.words, "axes": ["", ""]}
    return {**around, "extent": [-1, 1, -1, 1], "captions": [], "uploads": []}


def place_of(grid: GridMaps, name: str) -> GridMap | None:
    """The place of a grid by its name in `grid_drawing`; None for another text."""
    for number, row in enumerate(grid.rows):
        for column, place in enumerate(row):
            if name == f"{number}-{column}":
                return place
    return None


def describe_grid(grid: GridMaps) -> str:
    """What a grid shows, in words: a sentence on how, then one a row."""
    how = (
        f"A grid of maps of the same {len(grid.points):,} held-out images. Under each map:"
        " accuracy on rare images with its 95% interval."
    )
    return " ".join([how, *grid.sentences])


def grid_page(grid: GridMaps, palette: Palette = LIGHT, options: MapOptions = HELD_OUT) -> str:
    """A grid as one HTML page that works offline."""
    content: list[Any] = [ABOUT]
    if not grid.points.empty:
        content.append(Maps(grid_inline(grid, palette, SIDE, options)))
    content += [HOW_TO_READ, ACCURACIES, grid.table_in_words()]
    content += [missing_sentence(condition) for condition in grid.missing]
    models = [place.model for row in grid.rows for place in row if place.condition.steps]
    keys = [model.artifact.key for model in models if model is not None]
    content.append(f"Models: {', '.join(keys) or 'none'}")
    content += filter(None, [grid.images.attribution])
    return page_html(content, _heading(grid), palette=palette)


def _heading(grid: GridMaps) -> str:
    return f"{' against '.join(grid.row_titles)}, by bias"


def missing_sentence(condition: Condition) -> str:
    """``No bias, short captions: not trained yet.``"""
    return f"{title(condition)}: not trained yet."


class Grid:
    """Small maps of label styles at several bias levels; its `options` are those that are drawn,
    and its `maps` are what a notebook shows."""

    def __init__(
        self, base: Condition, labels: Sequence[str], bias: Sequence[float], options: MapOptions
    ) -> None:
        self.conditions = grid_conditions(base, labels, bias)
        first = self.conditions[0][0]
        self.images = open_set(first.data, first.data_version)
        self.options = check_options(options)
        self.maps = read_grid(self.conditions, self.images, options.projection)

    @property
    def missing(self) -> list[Condition]:
        """The conditions that are not trained yet: `vlcore.train` each, and make the grid again."""
        return self.maps.missing

    def chart(self, side: int = SIDE, *, dark: bool = False) -> alt.ConcatChart:
        """The grid as a still figure.

        Args:
            side: of a map in px.
            dark: in the colours for a dark ground.

        Raises:
            GridError: where none of its models is trained yet.
        """
        if self.maps.points.empty:
            raise GridError(
                f"None of the {len(self.missing)} models is trained yet; train those of"
                " `grid.missing` first."
            )
        return grid_figure(self.maps, DARK if dark else LIGHT, side, self.options)

    @property
    def points(self) -> pd.DataFrame:
        """One row an image, with its position on every map and what each model predicts for it."""
        return self.maps.points.copy()

    def table(self) -> pd.DataFrame:
        """Minority-group accuracies with their intervals, one row a map."""
        return self.maps.table()

    def html(self) -> str:
        """The grid and its numbers as one page that works offline."""
        return grid_page(self.maps, options=self.options)

    def svg(self) -> str:
        """The grid as a drawing, for a paper."""
        return chart_svg(self.chart().to_dict())

    def png(self) -> bytes:
        """The grid as an image, for slides."""
        return chart_png(self.chart().to_dict())

    def save(self, path: str | Path) -> Path:
        """Write `html`, `svg` or `png`, as the name of a file ends, whole or not at all."""
        out = page_file(path, or_drawing=True)
        kinds: dict[str, Callable[[], str | bytes]] = {".svg": self.svg, ".png": self.png}
        return write_file(out, kinds.get(out.suffix.lower(), self.html)())

    def __repr__(self) -> str:
        rows = ", ".join(self.maps.row_titles)
        return f"<Grid {rows}: {len(self.conditions[0]) - 1} bias levels>"

    def _repr_mimebundle_(self, **_kinds: Any) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if not self.maps.points.empty:
            maps = Maps(grid_inline(self.maps, LIGHT, FRAME_SIDE, self.options))
            attribution = filter(None, [self.images.attribution])
            bundle["text/html"] = frame_html([maps, *attribution], _heading(self.maps))
        return bundle


def grid(
    base: Condition | None = None,
    *,
    labels: Sequence[str] = ("short", "descriptive"),
    bias: Sequence[float] = LEVELS,
    options: MapOptions | None = None,
) -> Grid:
    """Small linked maps in a grid: a row a label style, a column a bias level.

    Models that are bundled or trained here are drawn; a place without one says so, and nothing is
    trained.

    Args:
        base: what all models share: image set, towers, steps, seeds.
        labels: two or more label styles.
        bias: shares of each minority group that are removed; of those that leave the same images of
            a small set, one is shown.
        options: the components of PCA, the colours and the groups that are drawn.

    Raises:
        LabError: for a grid that cannot be.

    >>> import vlcore as vl
    >>> both = vl.grid(vl.Condition(steps=12), bias=[0, 0.75])
    >>> both.table()["labels"].unique().tolist()
    ['short', 'descriptive']
    >>> both.chart()  # doctest: +SKIP
    """
    return Grid(base or Condition(), labels, bias, options or MapOptions())
