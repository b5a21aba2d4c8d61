"""Maps that a visitor zooms into and draws on, on any page: one component, and the group accuracy
panel.

The component is told how the maps look. It asks for two tables by address: the columns of the
images, which are the same for every colouring, filter and theme, and those of a colouring.
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
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.maps.drawing import undrawn_overlays
from vlcore.plots.maps.legend import LegendPlace, rows_of_entries
from vlcore.plots.maps.table import bitmask, rows_of_bitmask
from vlcore.plots.options import PCA, PLAIN, MapOptions
from vlcore.plots.theme import Palette
from vlcore.web import cache, image_addresses
from vlcore.web.components import browser
from vlcore.web.components.tables import table_address


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
    def table(self) -> cache.Table:
        """The columns of the images."""
        in_columns = self.options.replace(
            colour_by=PLAIN.colour_by, groups=PLAIN.groups, split=PLAIN.split, twins=False
        )
        return cache.map_table(self.keys, in_columns)

    @cached_property
    def drawing(self) -> cache.Drawing:
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
    if isinstance(marked, dict) and marked.get("images") == maps.table["images"]:
        selected |= {name: marked.get(name) for name in ("rows", "gesture")}
    picked = clicked_row(maps.told.get("picked"), maps.comparison.points)
    mount(maps, alt, picked, selected, panel=panel, lists=False)


def mount(
    maps: LinkedMaps,
    alt: str,
    picked: int | None,
    selected: dict[str, Any],
    *,
    panel: bool = True,
    lists: bool = True,
) -> None:
    """Show maps with the image of a position ringed and with what is `selected`, as maps.js takes
    it. `lists` is whether the page then lists neighbours."""
    points, options, drawing = maps.comparison.points, maps.options, maps.drawing
    colours = cache.colour_table(
        maps.keys, MapOptions(options.projection, colour_by=options.colour_by)
    )
    drawn = rows_of_bitmask(drawing["drawn"], len(points))
    drawn &= rows_of_entries(points, maps.clicked_groups, "0")
    of_legend = maps.told.get("shown")
    clicks = of_legend.get("clicks") if isinstance(of_legend, dict) else 0
    identity = None if picked is None else str(points["id"].iat[picked])
    told = {
        "colourTable": {"url": table_address(colours)} if colours else None,
        "drawn": bitmask(drawn),
        "lines": map_component.lines_of_image(maps.comparison, options, identity),
        "picked": picked,
        "lists": lists,
        "shown": {"entries": maps.clicked_entries, "clicks": clicks},
        "panel": bool(maps.clicked_cells),
        "selected": selected,
    }
    draw(
        maps.map_key,
        drawing | told,
        maps.table,
        maps.images,
        alt,
        on_picked_change=_rerun,
        on_selected_change=_rerun,
        on_shown_change=maps.hear_legend,
    )
    if maps.comparison.is_large and (undrawn := undrawn_overlays(options)):
        labels = " and ".join(f"“{label}”" for label in undrawn)
        st.caption(plain(f"{labels}: not on maps of so many images."))
    if panel:
        show_group_panel(maps)


def show_group_panel(maps: LinkedMaps) -> None:
    """Show accuracy by group; a click on a group shows it alone on the maps."""
    if spec := cache.group_panel(maps.keys, maps.palette, maps.side):
        cache.show_chart(
            spec,
            alt="Accuracy by group",
            key=maps.panel_key,
            on_select=maps.hear_panel,
            selection_mode=["cell"],
        )


def show_card(key: str, palette: Palette, side: int, alt: str) -> None:
    """Show the map of one model, `side` px wide, of which `alt` are the words for those who do not
    see it."""
    keys = [key]
    drawing = cache.drawing_of_maps(keys, palette, side, PLAIN, "none", "card")
    images = cache.comparison(keys, PCA).images
    draw(f"card-{key}", drawing, cache.map_table(keys, PLAIN), images, alt)


def draw(
    key: str,
    drawing: cache.Drawing,
    table: cache.Table,
    images: ImageSet,
    alt: str,
    **reactions: Any,
) -> None:
    """Draw a figure of maps in the browser.

    Args:
        key: of the figure on the page.
        drawing: how it looks.
        table: the columns of its images.
        images: the image set.
        alt: its words, for those who do not see it.
        reactions: callbacks of its states, as ``on_picked_change``.
    """
    addresses = {"table": {"url": table_address(table)}, "thumbs": image_addresses.folder(images)}
    browser.MAPS(key=key, data={**drawing, **addresses, "alt": alt}, **reactions)


def _rerun() -> None:
    """A new state reruns the page, and is read there."""


def as_list(value: object) -> list[object]:
    """What a browser sent, where it is a list."""
    return value if isinstance(value, list) else []
