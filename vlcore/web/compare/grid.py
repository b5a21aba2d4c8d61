"""The grid of the Compare page: label styles by bias levels, each a small map that opens large.

The address says that it is shown (`?view=grid`) and of which label styles (`rows=short,sky`). A
pair is opened by one change of the address, so Back leads to the grid that it was opened from.
"""

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import grid as grids
from vlcore.api.grid import GridMap, GridMaps
from vlcore.api.model_map import ModelMap
from vlcore.artifacts import store
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.options import shown_name, style_names
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import plural, title
from vlcore.plots.options import HELD_OUT, PCA, MapOptions, Projection
from vlcore.plots.rendering import chart_svg
from vlcore.plots.theme import Palette
from vlcore.study import plans
from vlcore.web import cache, jobs, linked_maps, map_controls, shell, visitors, widgets, work
from vlcore.web.address import CompareState
from vlcore.web.model_picker import text_of

GRID, PAIR = "grid", "pair"  # in the address
_CLICKED = "clicked_place"  # in the session
_NARROW = 780  # px of a window below which bias levels are in rows
_PHONE_MARGINS, _MARGINS = 62, 136  # px beside the maps, with the titles of rows
_GAP = 14  # px between maps
_LEAST, _MOST = 90, 200  # px of a map


def is_shown() -> bool:
    """Whether the address asks for the grid."""
    return CompareState.now().view == GRID


def switch(bar: DeltaGenerator) -> None:
    """Show the button that leads to the grid, or back to a pair of maps."""
    view, label, icon = GRID, "Grid", "grid_view"
    about: str | None = (
        "A grid of small maps, with one row per caption style and one column per bias level."
    )
    if is_shown():
        view, label, icon = PAIR, "Side by side", "compare"
        about = None  # under a pointer that pressed "Grid" it would cover what the grid is
    if bar.button(label, icon=f":material/{icon}:", help=about, key="other_view"):
        CompareState.write(view=view)
        st.rerun()


def show(images: ImageSet, steps: int, towers: str, palette: Palette, bar: DeltaGenerator) -> None:
    """Show the grid of an image set, its numbers, and what is missing."""
    styles, menu = _choose_rows(images, bar)
    base = usual_condition(images).with_towers(towers).replace(steps=steps)
    conditions = grids.grid_conditions(base, styles, grids.LEVELS)
    keys = [condition.key for row in conditions for condition in row if condition.steps]
    grid = _read(keys, conditions, images)
    with menu:
        options = HELD_OUT.replace(colour_by=map_controls.choose_colours(images, grid.models))
    st.caption(
        f"{grids.ABOUT} Point at or tap an image to highlight it in every map. Click a map, or tap"
        " its empty area, to open it large next to the other caption style."
    )
    if not grid.points.empty:
        _show_maps(grid, keys, options, palette, base)
        st.caption(grids.HOW_TO_READ)
    _show_missing(grid)
    with st.expander("The numbers", icon=":material/table:"):
        st.caption(grids.ACCURACIES)
        st.dataframe(grid.table_in_words(), hide_index=True, width="stretch")
    if not grid.points.empty:
        _show_export(grid, options, palette)


def _choose_rows(images: ImageSet, bar: DeltaGenerator) -> tuple[list[str], DeltaGenerator]:
    """The label styles of the rows, chosen behind a button of the bar, and what is behind it."""
    styles = {
        shown_name("labels", style): style for style in style_names(images.traits) if style != "own"
    }
    named = dict.fromkeys(CompareState.now().rows.split(","))
    rows = [name for name in named if name in styles]
    if not 2 <= len(rows) <= grids.MOST_ROWS:
        rows = [shown_name("labels", style) for style in STYLES_OF_THE_STUDY]
    menu = bar.popover("Rows", icon=":material/table_rows:", key="menu-grid")
    with menu:
        # Without a key: another address makes another control.
        chosen = st.multiselect(
            "Caption styles",
            styles,
            rows,
            max_selections=grids.MOST_ROWS,
            help="A row each; two or more.",
        )
        if len(chosen) < 2:
            st.caption("Choose two or more.")
        elif chosen != rows:
            CompareState.write(rows=",".join(chosen))
            st.rerun()
    return [styles[name] for name in rows], menu


@cache.by_content(30, "Reading the models …")
def _read(
    keys: Sequence[str], _conditions: Sequence[Sequence[Condition]], _images: ImageSet
) -> GridMaps:
    """Read the maps of a grid, by the keys of its trained models."""
    return grids.read_grid(_conditions, _images, PCA, _cached_map)


def _cached_map(key: str, projection: Projection) -> ModelMap | None:
    return cache.map_of_model(key, projection) if store.published(key) else None


@cache.by_content(60, "Drawing the maps …")
def _drawing(
    keys: Sequence[str],
    palette: Palette,
    side: int,
    options: MapOptions,
    by_level: bool,
    _grid: GridMaps,
) -> cache.Drawing:
    """Describe how a grid looks, named by the keys of its trained models."""
    return grids.grid_drawing(_grid, palette, side, options, by_level=by_level, can_open=True)


@cache.by_content(30)
def _table(keys: Sequence[str], options: MapOptions, _grid: GridMaps) -> cache.Table:
    """Pack the columns of the images of a grid, named by the keys of its trained models."""
    return grids.grid_table(_grid, options)


def _room(grid: GridMaps) -> tuple[int, bool]:
    """The side of a map, and whether bias levels are in rows, as on a phone."""
    width, _ = shell.window()
    by_level = width < _NARROW
    columns = len(grid.rows) if by_level else len(grid.rows[0])
    room = width - (_PHONE_MARGINS if by_level else _MARGINS) - _GAP * (columns - 1)
    side = room // columns // 10 * 10  # few sizes, to share caches
    return max(_LEAST, min(_MOST, side)), by_level


def _show_maps(
    grid: GridMaps, keys: Sequence[str], options: MapOptions, palette: Palette, base: Condition
) -> None:
    side, by_level = _room(grid)
    drawing = _drawing(keys, palette, side, options, by_level, grid)
    table = _table(keys, options, grid)
    with st.container(key="grid-maps"):
        alt = grids.describe_grid(grid)
        linked_maps.draw(GRID, drawing, table, grid.images, alt, on_opened_change=_hear_click)
    if place := grids.place_of(grid, str(st.session_state.pop(_CLICKED, None))):
        _open(grid, place, base)
    first, second = grid.row_titles[:2]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(f"{first} and {second.lower()}, side by side:", width="content")
        for place, name in zip(grid.rows[1][1:], grid.column_titles[1:], strict=True):
            if st.button(name, key=f"pair_{place.condition.bias:g}", type="tertiary"):
                _open(grid, place, base)


def _hear_click() -> None:
    """Remember the place that was clicked until the page runs, which opens it."""
    opened = st.session_state[GRID].get("opened")
    st.session_state[_CLICKED] = opened.get("place") if isinstance(opened, dict) else None


def _pair(grid: GridMaps, place: GridMap) -> tuple[GridMap, GridMap]:
    """The two places that a click on one puts side by side: those of the first row and of its own
    (of the first row, of the second) at its bias level; before training, when all label styles have
    the same images, its row without bias instead."""
    first, second = grid.rows[:2]
    row = next(row for row in grid.rows if place in row)
    column = row.index(place)
    if place.condition.steps == 0:
        return first[0], row[1]
    return first[column], (second if row is first else row)[column]


def _open(grid: GridMaps, place: GridMap, base: Condition) -> None:
    """Show a pair in place of the grid, at its own address, whatever was compared before."""
    usual = plans.find("experiments", base).conditions
    left, right = (
        text_of(side.condition, default)
        for side, default in zip(_pair(grid, place), usual, strict=False)
    )
    CompareState.write(view=PAIR, left=left, right=right)
    st.rerun()


def _show_missing(grid: GridMaps) -> None:
    """Show which models are not trained yet, with the button that trains them."""
    if jobs.need_models(grid.missing, each_done=True):
        return
    with st.expander(f"Not trained yet: {plural(len(grid.missing), 'model')}"):
        for condition in grid.missing:
            st.markdown(f"- {plain(title(condition))}")


def _show_export(grid: GridMaps, options: MapOptions, palette: Palette) -> None:
    # Streamlit makes a file outside of the page, where no visitor is known.
    visitor = visitors.visitor()

    def image() -> bytes | str:
        chart = grids.grid_figure(grid, palette, grids.SIDE, options)
        return work.run_in_worker(visitor, chart_svg, chart.to_dict(validate=False), palette)

    def offline() -> str:
        with work.export_slot(visitor):
            return grids.grid_page(grid, palette, options)

    name = f"grid-{grid.images.name}"
    with st.container(horizontal=True, key="grid-export"):
        about = "The maps as a drawing, for a paper."
        widgets.download("SVG", image, f"{name}.svg", "image/svg+xml", help=about)
        about = "Maps and numbers in one file that works anywhere."
        widgets.download("Offline page", offline, f"{name}.html", "text/html", help=about)
        about = "One row per map: accuracy on rare images with its interval."
        table = partial(safe_csv, grid.table())
        widgets.download("CSV", table, f"{name}.csv", "text/csv", help=about)
