"""The linked maps of the Compare page: what was clicked and marked on them, which the address
keeps."""

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vlcore.api.selections import Selection
from vlcore.plots.maps.legend import rows_of_entries
from vlcore.plots.maps.table import bitmask, rows_of_bitmask
from vlcore.web import linked_maps
from vlcore.web.compare.view import Clicks, Gesture, Shown

FEW = 24  # selected images


def show(view: Shown, alt: str, selection: Selection | None) -> str | None:
    """Show the maps with what is selected, and the panel below; returns the id of the image that
    was clicked on the maps, or that is selected alone."""
    points = view.comparison.points
    clicks = Clicks()
    clicked = view.told.get("picked")
    row = linked_maps.clicked_row(clicked, points)
    if row is not None:
        clicks = Clicks(str(points["id"].iat[row]), repr(clicked))
    up_close = view.image_up_close(clicks, selection)
    position = np.flatnonzero(points["id"] == up_close)
    picked = int(position[0]) if len(position) else None
    linked_maps.mount(view, alt, picked, _selected(view, selection))
    return up_close


def last_gesture(view: Shown) -> Gesture | None:
    """What was marked on the maps last, as far as the filters let it through; None where nothing
    was, or on maps of other images."""
    value = view.told.get("selected")
    if not isinstance(value, dict) or value.get("images") != view.table["images"]:
        return None
    marked = rows_of_bitmask(value.get("rows"), len(view.comparison.points))
    marked &= view.comparison.points.index.isin(view.points.index)
    return Gesture(value.get("gesture"), marked)


def clicked_alone(view: Shown) -> NDArray[np.bool_] | None:
    """Which points clicked entries of the legend and cells of the panel leave on any map, (n,);
    None where nothing was clicked."""
    cells, entries = view.clicked_groups, view.clicked_entries
    if not (cells or entries):
        return None
    points = view.comparison.points
    alone = np.zeros(len(points), dtype=bool)
    for pane in map(str, range(len(view.keys))):
        is_drawn = points[f"x{pane}"].notna().to_numpy()
        passing = rows_of_entries(points, cells, pane) & rows_of_entries(points, entries, pane)
        alone |= is_drawn & passing
    return alone & points.index.isin(view.points.index)


def _selected(view: Shown, selection: Selection | None) -> dict[str, Any]:
    """What is selected, for the maps to light up, with the images to be ringed, and the last
    gesture that the page has heard of. Few images are ringed, which nobody would see in a cloud."""
    heard = st.session_state.get("gestures", {}).get(view.map_key, 0)
    if selection is None:
        return {"rows": None, "best": [], "gesture": heard}
    selected = selection.selected
    ringed = np.flatnonzero(selected).tolist() if len(selection) <= FEW else []
    return {"rows": bitmask(selected), "best": [ringed] * len(view.keys), "gesture": heard}
