"""Maps that a visitor zooms into and draws on: components in WebGL, and the group accuracy panel.

The first component draws. The second brings the columns of the images and shows nothing; they are
the same for every colouring, filter and theme, so Streamlit sends them once. The third brings what
a colouring, or clusters, need beside them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.api import map_component
from vlcore.api.selections import Selection
from vlcore.experiment.plain_text import plain
from vlcore.plots.maps.component import bitmask, rows_of_bitmask, undrawn_overlays
from vlcore.plots.maps.legend import rows_of_entries
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.thumbnails import SAFE_ADDRESS
from vlcore.web import cache, image_addresses
from vlcore.web.compare.view import Clicks, Gesture, Shown, clicked_image
from vlcore.web.components import browser


def show(view: Shown, alt: str, selection: Selection | None) -> Clicks | None:
    """Show the maps with what is selected, and the panel below: what was clicked on them, or
    nothing where a browser has no WebGL2."""
    points, options, key = view.comparison.points, view.options, view.map_key
    columns = _columns(view)
    in_colours = MapOptions(
        options.projection, colour_by=options.colour_by, clusters=options.clusters
    )
    colours = cache.map_colours(view.keys, in_colours)
    drawing = cache.map_drawing(view.keys, view.palette, view.side, options, view.legend_place)
    told: Mapping[str, Any] = st.session_state.get(key) or {}
    names = [entry["name"] for entry in drawing["legend"]]
    entries = [name for name in names if name in _listed(told.get("shown"))]
    clicks = _clicks(told.get("picked"), points)
    identity = clicked_image(clicks, key)
    position = np.flatnonzero(points["id"] == identity)
    cells = _clicked_cells(f"{key}-panel")
    drawn = rows_of_bitmask(drawing["drawn"], len(points))
    drawn &= rows_of_entries(points, [f"group {cell['group']}" for cell in cells], "0")
    browser.MAPS(
        key=key,
        data={
            **drawing,
            "stamp": columns.stamp,
            "images": columns.images,
            "colourStamp": colours.stamp if colours else "",
            "alt": alt,
            "thumbs": _address_of_images(view),
            "drawn": bitmask(drawn),
            "lines": map_component.lines_of_image(
                view.comparison, view.images.grouping, view.palette, options, identity
            ),
            "picked": int(position[0]) if len(position) else None,
            "shown": entries,
            "selected": _selected(view, selection),
        },
        on_picked_change=_rerun,
        on_selected_change=_rerun,
        on_shown_change=_rerun,
        on_unsupported_change=_rerun,
    )
    if told.get("unsupported") is True:
        return None
    browser.MAPS(
        key=f"{key}-columns",
        data={"stamp": columns.stamp, "columns": columns.table, "sheet": columns.sheet},
        height=0,
    )
    if colours:
        browser.MAPS(
            key=f"{key}-colours", data={"stamp": colours.stamp, "columns": colours.table}, height=0
        )
    if view.comparison.is_large and (undrawn := undrawn_overlays(options)):
        labels = " and ".join(f"“{label}”" for label in undrawn)
        st.caption(plain(f"{labels}: not on maps of so many images."))
    if panel := cache.group_panel(view.keys, view.palette, view.side):
        cache.show_chart(
            panel,
            alt="Accuracy by group",
            key=f"{key}-panel",
            on_select="rerun",
            selection_mode=["cell"],
        )
    return clicks


def _clicks(clicked: object, points: pd.DataFrame) -> Clicks:
    """The image that a browser says was clicked, by its row in the table, and when; none where it
    says anything else."""
    if not isinstance(clicked, dict):
        return Clicks()
    row = clicked.get("row")
    if not isinstance(row, int) or not 0 <= row < len(points):
        return Clicks()
    return Clicks(str(points["id"].iat[row]), repr(clicked.get("time")))


def _columns(view: Shown) -> cache.MapColumns:
    in_columns = view.options.replace(
        colour_by=PLAIN.colour_by,
        groups=PLAIN.groups,
        split=PLAIN.split,
        movement=False,
        twins=False,
        clusters=False,
    )
    return cache.map_columns(view.keys, in_columns)


def last_gesture(view: Shown) -> Gesture | None:
    """What was marked on the maps last, as far as the filters let it through; None where nothing
    was, or on maps of other images."""
    told: Mapping[str, Any] = st.session_state.get(view.map_key) or {}
    value = told.get("selected")
    if not isinstance(value, dict) or value.get("images") != _columns(view).images:
        return None
    marked = rows_of_bitmask(value.get("rows"), len(view.comparison.points))
    marked &= view.comparison.points.index.isin(view.points.index)
    return Gesture(view.map_key, value.get("gesture"), marked)


def clicked_alone(view: Shown) -> NDArray[np.bool_] | None:
    """Which points clicked entries of the legend and cells of the panel leave on any map, (n,);
    None where nothing was clicked."""
    told: Mapping[str, Any] = st.session_state.get(view.map_key) or {}
    cells = [f"group {cell['group']}" for cell in _clicked_cells(f"{view.map_key}-panel")]
    entries = [name for name in _listed(told.get("shown")) if isinstance(name, str)]
    if not (cells or entries):
        return None
    points = view.comparison.points
    alone = np.zeros(len(points), dtype=bool)
    for pane in map(str, range(len(view.keys))):
        alone |= rows_of_entries(points, cells, pane) & rows_of_entries(points, entries, pane)
    return alone & points.index.isin(view.points.index)


def _selected(view: Shown, selection: Selection | None) -> dict[str, Any]:
    """What is selected, for the maps to light up, with the best of each to be ringed, and the last
    gesture that the page has heard of."""
    heard = st.session_state.get("gestures", {}).get(view.map_key, 0)
    if selection is None:
        return {"rows": None, "best": [], "gesture": heard}
    positions = pd.Series(np.arange(len(view.comparison.points)), view.comparison.rows)
    best = [
        positions.reindex([row for row, _ in selection.best.get(name, [])]).dropna().astype(int)
        for name in view.comparison.named
    ]
    return {
        "rows": bitmask(selection.marked),
        "best": [ranked.tolist() for ranked in best],
        "gesture": heard,
    }


def _rerun() -> None:
    """A new state reruns the page, and is read there."""


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _clicked_cells(key: str) -> list[dict[str, str]]:
    """The cells of the group accuracy panel that were clicked before this run."""
    event: Mapping[str, Any] = st.session_state.get(key) or {}
    return event.get("selection", {}).get("cell") or []


def _address_of_images(view: Shown) -> str:
    """The address of small images but for their rows; empty without a server."""
    (first,) = image_addresses.addresses(view.images, [0])
    return first.rpartition("/")[0] if SAFE_ADDRESS.match(first) else ""
