"""What a visitor looks at on the Compare page, and what was clicked and marked there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.plots.document import Part
from vlcore.web import cache
from vlcore.web.compare.models import Side
from vlcore.web.linked_maps import LinkedMaps


@dataclass(frozen=True)
class Clicks:
    """What maps answered: the id of the image that was clicked, and which click it was."""

    picked: str | None = None
    click: object = None  # differs from that of the click before, where maps tell clicks apart


@dataclass(frozen=True, eq=False)
class Gesture:
    """What was marked last on the maps of a key: which points, (n,); none where a mark was taken
    away."""

    key: str
    number: object  # differs from that of the gesture before
    marked: NDArray[np.bool_]


def clicked_image(clicks: Clicks, key: str) -> str | None:
    """The id of the image in the address, after a click on maps of a key was put there.

    It is put there once: maps go on telling what was clicked, and Back takes it out of the address.
    """
    told: dict[str, Clicks] = st.session_state.setdefault("clicked", {})
    if clicks.picked is not None and told.get(key) != clicks:
        st.query_params["picture"] = clicks.picked
    told[key] = clicks
    return st.query_params.get("picture")


@dataclass(frozen=True)
class Panel:
    """A group accuracy panel: of which maps, the groups that it began with, and those that are
    clicked now."""

    map_key: str = ""
    number: int = 0
    arrived: Sequence[str] = ()
    cells: Sequence[str] = ()


def _put_into_address(setting: str, values: list[str]) -> None:
    if values:
        st.query_params[setting] = values
    else:
        st.query_params.pop(setting, None)


@dataclass(frozen=True, eq=False)
class Shown(LinkedMaps):
    """The maps of this page, with the models that were chosen.

    What is seen alone, by a click on the legend or the panel, is in the address: ``legend`` has
    entries, ``panel`` groups.
    """

    sides: Sequence[Side]

    @property
    def clicked_entries(self) -> list[str]:
        return self.of_legend(st.query_params.get_all("legend"))

    def hear_legend(self) -> None:
        _put_into_address("legend", self.told_entries)

    @property
    def clicked_cells(self) -> list[str]:
        groups = st.query_params.get_all("panel")
        return [group for group in self.images.grouping.names if group in groups]

    def hear_panel(self) -> None:
        panel = self._panel
        _put_into_address("panel", self.told_cells)
        st.session_state["panel_clicks"] = replace(panel, cells=self.clicked_cells)

    @property
    def arrived_cells(self) -> Sequence[str]:
        return self._panel.arrived

    @property
    def panel_key(self) -> str:
        return f"{self.map_key}-{self._panel.number}-panel"  # the guide knows its end

    @property
    def _panel(self) -> Panel:
        """The panel that shows what the address has: the last one, or a new one after a link, Back
        or other models, because a chart takes groups only when it is drawn first."""
        panel: Panel = st.session_state.setdefault("panel_clicks", Panel())
        cells = self.clicked_cells
        if (panel.map_key, panel.cells) != (self.map_key, cells):
            panel = Panel(self.map_key, panel.number + 1, cells, cells)
            st.session_state["panel_clicks"] = panel
        return panel

    @property
    def vectors_key(self) -> str:
        """The key of the same maps as Altair draws them."""
        return f"{self.map_key}-vectors"

    @property
    def parts(self) -> dict[str, Part]:
        """The words about the comparison, by name."""
        return cache.comparison_parts(self.keys, self.options.projection)

    @property
    def points(self) -> pd.DataFrame:
        """The images that the filters let through, as the table of the comparison has them."""
        return self.options.drawn(self.comparison.points, self.images.grouping)
