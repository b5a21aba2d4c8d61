"""Maps that a visitor zooms into and draws on: components in WebGL, and the group accuracy panel.

The first component draws. The second brings the columns of the images and shows nothing; they are
the same for every colouring, filter and theme, so Streamlit sends them once. The third brings what
a colouring needs beside them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from vlcore.api import map_component
from vlcore.experiment.plain_text import plain
from vlcore.plots.maps.component import bitmask, rows_of_bitmask, undrawn_overlays
from vlcore.plots.maps.legend import rows_of_entries
from vlcore.plots.maps.linked import clicked_ids
from vlcore.plots.options import PLAIN
from vlcore.plots.thumbnails import SAFE_ADDRESS
from vlcore.web import cache, image_addresses
from vlcore.web.compare.view import Clicks, Shown
from vlcore.web.components import browser


def show(view: Shown, alt: str, key: str) -> Clicks | None:
    """Show the maps, and the panel below: what was clicked and marked on them, or nothing where a
    browser has no WebGL2."""
    points, options = view.comparison.points, view.options
    in_columns = options.replace(
        colour_by=PLAIN.colour_by,
        groups=PLAIN.groups,
        split=PLAIN.split,
        movement=False,
        twins=False,
    )
    columns = cache.map_columns(view.keys, in_columns)
    colours = cache.map_colours(view.keys, options.projection, options.colour_by)
    drawing = cache.map_drawing(view.keys, view.palette, view.side, options, view.legend_place)
    told: Mapping[str, Any] = st.session_state.get(key) or {}
    names = [entry["name"] for entry in drawing["legend"]]
    entries = [name for name in names if name in _listed(told.get("shown"))]
    selected = _selected(told.get("selected"), columns.images, len(view.keys))
    clicked = told.get("picked")
    picked = None
    if isinstance(clicked, int) and 0 <= clicked < len(points):
        picked = str(points["id"].iat[clicked])
    identity = picked or st.query_params.get("picture")
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
            "selected": selected,
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
    if selected is None:
        return Clicks(picked)
    marked = view.points[rows_of_bitmask(selected["rows"], len(points))[view.points.index]]
    clicks = {"cell": cells, "shown": [{"colour": name} for name in entries]}
    return Clicks(picked, clicked_ids(clicks, marked, str(selected["pane"])))


def _rerun() -> None:
    """A new state reruns the page, and is read there."""


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _selected(value: object, images: str, panes: int) -> dict[str, Any] | None:
    """The selection that a browser sent, if it is of the images that are shown."""
    if not isinstance(value, dict) or value.get("images") != images:
        return None
    is_whole = value.get("pane") in range(panes) and isinstance(value.get("rows"), str)
    return {name: value[name] for name in ("images", "pane", "rows")} if is_whole else None


def _clicked_cells(key: str) -> list[dict[str, str]]:
    """The cells of the group accuracy panel that were clicked before this run."""
    event: Mapping[str, Any] = st.session_state.get(key) or {}
    return event.get("selection", {}).get("cell") or []


def _address_of_images(view: Shown) -> str:
    """The address of small images but for their rows; empty without a server."""
    (first,) = image_addresses.addresses(view.images, [0])
    return first.rpartition("/")[0] if SAFE_ADDRESS.match(first) else ""
