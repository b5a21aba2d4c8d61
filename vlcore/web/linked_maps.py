"""Maps that a visitor zooms into and draws on, on any page: components in WebGL, and the group
accuracy panel.

The first component draws. The second brings the columns of the images and shows nothing; they are
the same for every colouring, filter and theme, so Streamlit sends them once. The third brings what
a colouring needs beside them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import streamlit as st

from vlcore.api import map_component
from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.offline_page import figure
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.maps.drawing import undrawn_overlays
from vlcore.plots.maps.legend import LegendPlace, rows_of_entries
from vlcore.plots.maps.table import bitmask, rows_of_bitmask
from vlcore.plots.options import PLAIN, MapOptions
from vlcore.plots.theme import Palette
from vlcore.plots.thumbnails import SAFE_ADDRESS
from vlcore.web import cache, image_addresses
from vlcore.web.components import browser


@dataclass(frozen=True, eq=False)
class LinkedMaps:
    """A comparison as a visitor looks at it: maps of models, of `keys`, each `side` px wide, and
    the options of the maps."""

    keys: list[str]
    comparison: ComparedMaps
    images: ImageSet
    options: MapOptions
    palette: Palette
    side: int
    legend_place: LegendPlace

    @property
    def map_key(self) -> str:
        """The key of the maps on the page: others have gestures of their own."""
        identity = repr((self.keys, self.options.projection))
        return f"maps-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

    @property
    def told(self) -> Mapping[str, Any]:
        """What the browser answered on these maps before this run."""
        return st.session_state.get(self.map_key) or {}

    @property
    def columns(self) -> cache.MapColumns:
        in_columns = self.options.replace(
            colour_by=PLAIN.colour_by, groups=PLAIN.groups, split=PLAIN.split, twins=False
        )
        return cache.map_columns(self.keys, in_columns)

    @cached_property
    def drawing(self) -> dict[str, Any]:
        """How the maps look."""
        look = self.palette, self.side, self.options, self.legend_place
        if self.comparison.uploads is None:
            return cache.drawing_of_maps(self.keys, *look)
        return map_component.drawing(self.comparison, *look)

    @property
    def told_entries(self) -> list[str]:
        """The entries of the legend that the browser says are seen alone."""
        told = self.told.get("shown")
        entries = as_list(told.get("entries")) if isinstance(told, dict) else []
        return [entry for entry in entries if isinstance(entry, str)]

    @property
    def clicked_entries(self) -> list[str]:
        """The entries of the legend that are seen alone, of those that it has now."""
        return self.of_legend(self.told_entries)

    def of_legend(self, names: Sequence[str]) -> list[str]:
        """The names among these that the legend has now, in its order."""
        return [entry["name"] for entry in self.drawing["legend"] if entry["name"] in names]

    def hear_legend(self) -> None:
        """React to a click on the legend, before the page runs anew."""

    @property
    def panel_key(self) -> str:
        """The key of the group accuracy panel on the page."""
        return f"{self.map_key}-panel"

    @property
    def told_cells(self) -> list[str]:
        """The groups of the panel that the browser says were clicked."""
        event: Mapping[str, Any] = st.session_state.get(self.panel_key) or {}
        cells = event.get("selection", {}).get("cell") or []
        return [cell["group"] for cell in cells]

    @property
    def clicked_cells(self) -> list[str]:
        """The groups of the panel that are seen alone."""
        return self.told_cells

    def hear_panel(self) -> None:
        """React to a click on the panel, before the page runs anew."""

    @property
    def clicked_groups(self) -> list[str]:
        """The same groups as entries of a legend."""
        return [f"group {group}" for group in self.clicked_cells]


def clicked_row(clicked: object, points: pd.DataFrame) -> int | None:
    """The position in the table of the image that a browser says was clicked; None where it says
    anything else."""
    row = clicked.get("row") if isinstance(clicked, dict) else None
    return row if isinstance(row, int) and 0 <= row < len(points) else None


def show(maps: LinkedMaps, alt: str, panel: bool = True) -> None:
    """Show maps that answer to the pointer and change nothing else on the page.

    Args:
        maps: what they show.
        alt: their words, for those who do not see them.
        panel: whether the group accuracy panel is below.
    """
    selected: dict[str, Any] = {"rows": None, "best": [], "gesture": 0}
    marked = maps.told.get("selected")
    if isinstance(marked, dict) and marked.get("images") == maps.columns.images:
        selected |= {name: marked.get(name) for name in ("rows", "gesture")}
    picked = clicked_row(maps.told.get("picked"), maps.comparison.points)
    if not mount(maps, alt, picked, selected, panel=panel, lists=False):
        chart = figure(
            maps.comparison,
            maps.palette,
            maps.side,
            maps.options,
            board=panel,
            legend_place=maps.legend_place,
        )
        cache.show_chart(chart, alt=alt, key=f"{maps.map_key}-vectors")


def mount(
    maps: LinkedMaps,
    alt: str,
    picked: int | None,
    selected: dict[str, Any],
    *,
    panel: bool = True,
    lists: bool = True,
) -> bool:
    """Show maps with the image of a position ringed and with what is `selected`, as maps.js takes
    it; False where a browser has no WebGL2. `lists` is whether the page then lists neighbours."""
    points, options, key = maps.comparison.points, maps.options, maps.map_key
    columns, drawing = maps.columns, maps.drawing
    colours = cache.map_colours(
        maps.keys, MapOptions(options.projection, colour_by=options.colour_by)
    )
    drawn = rows_of_bitmask(drawing["drawn"], len(points))
    drawn &= rows_of_entries(points, maps.clicked_groups, "0")
    told = maps.told.get("shown")
    clicks = told.get("clicks") if isinstance(told, dict) else 0
    identity = None if picked is None else str(points["id"].iat[picked])
    with st.container(gap=None):  # of components that show nothing
        browser.MAPS(
            key=key,
            data={
                **drawing,
                "stamp": columns.stamp,
                "images": columns.images,
                "colourStamp": colours.stamp if colours else "",
                "alt": alt,
                "thumbs": _address_of_images(maps.images),
                "drawn": bitmask(drawn),
                "lines": map_component.lines_of_image(
                    maps.comparison, maps.palette, options, identity
                ),
                "picked": picked,
                "lists": lists,
                "shown": {"entries": maps.clicked_entries, "clicks": clicks},
                "panel": bool(maps.clicked_cells),
                "selected": selected,
            },
            on_picked_change=_rerun,
            on_selected_change=_rerun,
            on_shown_change=maps.hear_legend,
            on_unsupported_change=_rerun,
        )
        if maps.told.get("unsupported") is True:
            return False
        browser.MAPS(
            key=f"{key}-columns",
            data={"stamp": columns.stamp, "columns": columns.table, "sheet": columns.sheet},
            height=0,
        )
        if colours:
            browser.MAPS(
                key=f"{key}-colours",
                data={"stamp": colours.stamp, "columns": colours.table},
                height=0,
            )
    if maps.comparison.is_large and (undrawn := undrawn_overlays(options)):
        labels = " and ".join(f"“{label}”" for label in undrawn)
        st.caption(plain(f"{labels}: not on maps of so many images."))
    spec = cache.group_panel(maps.keys, maps.palette, maps.side) if panel else None
    if spec:
        cache.show_chart(
            spec,
            alt="Accuracy by group",
            key=maps.panel_key,
            on_select=maps.hear_panel,
            selection_mode=["cell"],
        )
    return True


def _rerun() -> None:
    """A new state reruns the page, and is read there."""


def as_list(value: object) -> list[object]:
    """What a browser sent, where it is a list."""
    return value if isinstance(value, list) else []


def _address_of_images(images: ImageSet) -> str:
    """The address of small images but for their rows; empty without a server."""
    (first,) = image_addresses.addresses(images, [0])
    return first.rpartition("/")[0] if SAFE_ADDRESS.match(first) else ""
