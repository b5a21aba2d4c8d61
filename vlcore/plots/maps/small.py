"""Small maps: of a trained model for a card, of one in training, and a grid of maps of the same
images, a model each.

That of a model in training is sent again every two seconds: it has marks only and no images. In a
grid the image under the pointer is lit in all maps. Under each stand a rate and its interval, as a
bar from 0 to 100 % and in words; a place without a model is an empty frame that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import pandas as pd

from vlcore.experiment.grouping import Grouping
from vlcore.plots.colouring import GROUPS, Colouring
from vlcore.plots.maps import layers
from vlcore.plots.maps.panes import (
    HOVER,
    SMALL,
    MapStyle,
    Pane,
    Sizes,
    click,
    figure_properties,
    map_legend,
    selection,
    wrapped,
)
from vlcore.plots.maps.tables import MapTables, map_tables
from vlcore.plots.options import HELD_OUT, MapOptions
from vlcore.plots.scales import SPOKEN, QuickChart
from vlcore.plots.theme import PHONE_SIDE, Palette

# Around a small map, or its frame would be cut off. Four numbers: Streamlit crashes on the shorter
# `padding=2`.
_THIN = {"left": 2, "top": 2, "right": 2, "bottom": 2}
TINY = Sizes(point=11, grown=110, ring=34, diamond=60, image=40, words=11)
OPEN = ("open", "open_mark")  # selections of what is clicked, on its ground and on a mark
_BAR = 9  # px from a frame to the bar under it
_WORDS = 24  # px from a frame to the words under it
_BESIDE = 12  # px from a frame to the title of its row
_NARROW = 540  # px of a grid on a phone, whose legend has two columns
_GAPS = {"row": 20, "column": 14}


ROOM_FOR_WORDS = 150  # px of a map; on smaller ones the words of captions lie over each other


def small_map(
    points: pd.DataFrame, captions: pd.DataFrame, *, palette: Palette, grouping: Grouping, side: int
) -> alt.LayerChart:
    """One small map for a card: the first of `vlcore.plots.maps.linked.linked_maps`, with its
    tables and errors."""
    tables = map_tables(points, captions[captions["pane"] == 0], 1)
    map_layers = list(layers.LAYERS)
    if side < ROOM_FOR_WORDS:
        map_layers[map_layers.index(layers.captions)] = _diamonds
    chart = _lone_map(tables, map_layers, side, palette, grouping)
    return chart.properties(params=[selection("hov", ["marks_0"], HOVER)])


def live_map(
    positions: Sequence[Sequence[float]],
    groups: Sequence[str],
    *,
    palette: Palette,
    grouping: Grouping,
    side: int,
) -> alt.LayerChart:
    """Held-out images of a model in training, as small hollow marks: x and y of each, and its
    group."""
    objects = {group: name for group, (name, _) in zip(grouping.names, grouping.pairs, strict=True)}
    table = pd.DataFrame(positions, columns=["x0", "y0"], dtype=float)
    table["group"] = table["spoken"] = list(groups)
    table["object"] = table["group"].map(objects)
    tables = MapTables(table, pd.DataFrame(columns=["caption", "pane", "x", "y"]))
    return _lone_map(tables, layers.STILL, side, palette, grouping)


def _lone_map(
    tables: MapTables,
    map_layers: Sequence[layers.Layer],
    side: int,
    palette: Palette,
    grouping: Grouping,
) -> alt.LayerChart:
    style = MapStyle(palette, map_legend(palette, grouping, tables), sizes=SMALL)
    pane = Pane(0, tables.extent(0), side)
    top = figure_properties(tables.points, palette)
    return layers.draw_map(tables, pane, style, map_layers, padding=_THIN, **top)


@dataclass(frozen=True)
class GridPlace:
    """One place of a grid.

    Attributes:
        name: what a click on it selects.
        words: under its map; in place of the map where there is none.
        spoken: for screen readers.
        pane: number of its map in the columns of the points; None where there is none.
        estimate: `value`, `low` and `high` of the rate, if it is defined.
    """

    name: str
    words: str
    spoken: str
    pane: int | None = None
    estimate: Mapping[str, Any] | None = None


def map_grid(
    points: pd.DataFrame,
    captions: pd.DataFrame,
    places: Sequence[Sequence[GridPlace]],
    *,
    row_titles: Sequence[str],
    column_titles: Sequence[str],
    palette: Palette,
    grouping: Grouping,
    side: int,
    options: MapOptions = HELD_OUT,
    colouring: Colouring = GROUPS,
    can_open: bool = False,
) -> alt.ConcatChart:
    """Square maps in rows and columns; each has one unit on both axes, and an extent of its own.

    The chart has the selection `hov` (fields `id`) and, if maps can be opened, those of `OPEN`
    (fields `place`): a click anywhere on a map selects the name of its place.

    Args:
        points: as those of `vlcore.plots.maps.linked.linked_maps`, of any number of maps.
        captions: as those of `linked_maps`.
        places: the rows of the grid, of one length; some have a map.
        row_titles: a title for each row.
        column_titles: a title for each column.
        side: of a map in px.
        options: its filters are used, nothing else.
        colouring: what colours stand for.
        can_open: whether a click on a map selects it.

    Raises:
        KeyError: where a column is missing.
    """
    columns = len(column_titles)
    in_order = [place for row in places for place in row]
    count = sum(place.pane is not None for place in in_order)
    tables = map_tables(points, captions, count, options, colouring=colouring)
    extents = [tables.extent(pane) for pane in range(count)]
    tables = replace(tables, points=options.drawn(tables.points, grouping))
    legend = map_legend(palette, grouping, tables, options)
    width = columns * side
    guide = legend.guide(PHONE_SIDE if width < _NARROW else width)
    style = MapStyle(palette, legend, options, sizes=TINY, guide=guide)
    views, marks, grounds = [], [], []
    for number, place in enumerate(in_order):
        column_title = column_titles[number] if number < columns else ""
        row_title = row_titles[number // columns] if number % columns == 0 else ""
        parts = [_frame(place, number, side, can_open), *_around(place, row_title, side, palette)]
        if place.pane is None:
            parts.append(_absent(place, side, palette))
        else:
            pane = Pane(place.pane, extents[place.pane], side, view=number)
            parts += _map_layers(tables, pane, style, place)
            marks.append(pane.named("marks"))
        grounds.append(f"place_{number}")
        views.append(_view(parts, column_title, side, palette, is_empty=place.pane is None))
    params = [selection("hov", marks, HOVER)] if marks else []
    if can_open:
        # A view of a map has each selection once, so its marks have one of their own.
        params += [click(OPEN[0], "place", grounds), click(OPEN[1], "place", marks)]
    top = figure_properties(tables.points, palette)
    # Each map is spoken as one: nobody listens to thousands of marks.
    top["config"] = top["config"] | {"mark": {"aria": False}}
    return alt.concat(*views, columns=columns, spacing=_GAPS, params=params, **top)


def _view(
    parts: Sequence[alt.Chart | alt.LayerChart],
    column_title: str,
    side: int,
    palette: Palette,
    is_empty: bool,
) -> alt.LayerChart:
    look: dict[str, Any] = {"width": side, "height": side}
    if column_title:
        look["title"] = alt.Title(column_title, fontSize=13, frame="group", offset=8)
    if is_empty:
        look["view"] = alt.ViewBackground(stroke=palette.line, strokeDash=[4, 4])
    return alt.layer(*parts, **look)


def _frame(place: GridPlace, number: int, side: int, can_open: bool) -> alt.Chart:
    """The ground of a place, which answers to a click and is read out for the whole map."""
    source = QuickChart(alt.Data(values=[{"place": place.name, "spoken": place.spoken}]))
    ground = source.mark_rect(
        opacity=0, aria=True, tooltip=None, cursor="pointer" if can_open else "default"
    )
    corners = _at(x=0, x2=side, y=0, y2=side)
    return ground.encode(**corners, description=SPOKEN).properties(name=f"place_{number}")


def _at(**px: float) -> dict[str, Any]:
    """Channels of positions in px from the top left corner of a map."""
    channels = {"x": alt.XValue, "x2": alt.X2Value, "y": alt.YValue, "y2": alt.Y2Value}
    return {name: channels[name](value) for name, value in px.items()}


def _around(place: GridPlace, row_title: str, side: int, palette: Palette) -> list[alt.Chart]:
    """The rate under a place, as a bar with a tick at one half and in words, and the title of its
    row."""
    nothing = QuickChart(alt.Data(values=[{}]))
    parts = []
    if row_title:
        title = nothing.mark_text(
            text=row_title,
            angle=270,
            baseline="bottom",
            fontSize=13,
            fontWeight=600,
            color=palette.text,
            tooltip=None,
        )
        parts.append(title.encode(**_at(x=-_BESIDE, y=side / 2)))
    if place.pane is None:
        return parts
    level = side + _BAR
    if place.estimate is not None:
        low, high, value = (place.estimate[name] * side for name in ("low", "high", "value"))
        line = nothing.mark_rule(color=palette.line, strokeWidth=1.2, tooltip=None)
        bar = nothing.mark_rule(color=palette.accent, strokeWidth=3.5, tooltip=None)
        dot = nothing.mark_point(
            shape="circle", fill=palette.accent, size=30, strokeWidth=0, opacity=1, tooltip=None
        )
        parts += [
            line.encode(**_at(x=0, x2=side, y=level)),
            line.encode(**_at(x=side / 2, y=level - 3, y2=level + 3)),
            bar.encode(**_at(x=low, x2=high, y=level)),
            dot.encode(**_at(x=value, y=level)),
        ]
    words = nothing.mark_text(
        text=wrapped(place.words, side / 6),
        align="left",
        baseline="middle",
        fontSize=12,
        color=palette.text,
        tooltip=None,
    )
    return [*parts, words.encode(**_at(x=0, y=side + _WORDS))]


def _absent(place: GridPlace, side: int, palette: Palette) -> alt.Chart:
    """The words in a place without a map."""
    words = QuickChart(alt.Data(values=[{}])).mark_text(
        text=wrapped(place.words, side / 7),
        baseline="middle",
        fontSize=12,
        color=palette.muted,
        tooltip=None,
    )
    return words.encode(**_at(x=side / 2, y=side / 2))


def _map_layers(
    tables: MapTables, pane: Pane, style: MapStyle, place: GridPlace
) -> list[alt.Chart | alt.LayerChart]:
    marks = [
        chart.transform_calculate(place=f"'{place.name}'")
        for chart in layers.marks(tables, pane, style)
    ]
    lit, *_image = layers.hovered(tables, pane, style)  # the tooltip has the image
    return [
        *layers.legend(tables, pane, style),
        *layers.ground(tables, pane, style),
        *marks,
        *_diamonds(tables, pane, style),
        lit.properties(name=f"lit_{pane.view}"),
    ]


def _diamonds(tables: MapTables, pane: Pane, style: MapStyle) -> list[alt.Chart]:
    """Captions as diamonds, whose words are in the tooltip: a small map has no room for them."""
    rows = pane.rows(tables.captions)
    if rows.empty:
        return []
    diamond = pane.present(rows.assign(spoken="caption: " + rows["caption"])).mark_point(
        shape="diamond",
        size=style.sizes.diamond,
        fill=style.palette.text,
        stroke=style.palette.ground,
        strokeWidth=1.2,
        opacity=1,
    )
    return [diamond.encode(tooltip=[alt.Tooltip("caption:N", title="caption")])]
