"""What a visitor looks at on the Compare page, and what was clicked and marked there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.api.selections import Selection, images_key
from vlcore.web.address import CompareState
from vlcore.web.compare.models import Side
from vlcore.web.linked_maps import LinkedMaps


@dataclass(frozen=True)
class Clicks:
    """What maps answered: the id of the image that was clicked, and which click it was."""

    picked: str | None = None
    click: object = None  # differs from that of the click before


@dataclass(frozen=True, eq=False)
class Gesture:
    """What was marked last on the maps: which points, (n,); none where a mark was taken away."""

    number: object  # differs from that of the gesture before
    marked: NDArray[np.bool_]


@dataclass(frozen=True)
class Panel:
    """A group accuracy panel: of which maps, and the groups that are clicked."""

    map_key: str = ""
    number: int = 0
    cells: Sequence[str] = ()


def _sets_of_image(setting: str, identity: str) -> set[str]:
    """The names of images among which this visitor chose one for a setting of the address."""
    sets: dict[tuple[str, str], set[str]] = st.session_state.setdefault("chosen_in", {})
    return sets.setdefault((setting, identity), set())


@dataclass(frozen=True, eq=False)
class Shown(LinkedMaps):
    """The maps of this page, with the models that were chosen.

    What is seen alone, by a click on the legend or the panel, is in the address: ``legend`` has
    entries, by words where their numbers mean other values in other models, ``panel`` groups.
    """

    sides: Sequence[Side]

    def clicked_image(self, clicks: Clicks) -> str | None:
        """The id of the image in the address, after a click on the maps was put there.

        It is put there once: maps go on telling what was clicked, and Back takes it out of the
        address. So it is not, where this session has not shown the maps: the click is of a session
        before it.
        """
        told: dict[str, Clicks] = st.session_state.setdefault("clicked", {})
        if clicks.picked is not None and told.get(self.map_key, clicks) != clicks:
            self.name_image("picture", clicks.picked)
        told[self.map_key] = clicks
        return self.named_image("picture")

    def image_up_close(self, clicks: Clicks, selection: Selection | None) -> str | None:
        """The id of the image that was clicked, else of the only one that is selected."""
        clicked = self.clicked_image(clicks)
        if clicked is None and selection is not None and len(selection.rows) == 1:
            return f"p{selection.rows[0]}"
        return clicked

    def name_image(self, setting: str, identity: str) -> None:
        """Put an image of these maps into the address."""
        CompareState.write(**{setting: identity})
        _sets_of_image(setting, identity).add(images_key(self.comparison))

    def named_image(self, setting: str) -> str | None:
        """The image that a setting of the address names; taken out of it where the visitor chose
        the image in another image set, in which it has the same name."""
        identity: str = getattr(CompareState.now(), setting)
        if not identity:
            return None
        sets, images = _sets_of_image(setting, identity), images_key(self.comparison)
        if sets and images not in sets:
            CompareState.write(**{setting: ""})
            return None
        sets.add(images)
        return identity

    @property
    def clicked_entries(self) -> list[str]:
        labels = CompareState.now().legend
        return [name for name, label in self._entry_labels.items() if label in labels]

    def hear_legend(self) -> None:
        labels = self._entry_labels
        CompareState.write(legend=[labels[name] for name in self.of_legend(self.told_entries)])

    @property
    def _entry_labels(self) -> dict[str, str]:
        """What the address calls the entries of the legend, by name: their names, or the words of
        those whose names have numbers."""
        drawing = self.drawing
        labels: dict[str, str] = {}
        for entry in drawing["legend"]:
            name = label = entry["name"]
            is_colour = entry["columns"] == drawing["colourColumns"]
            if is_colour and drawing["legendTitle"]:
                label = f"{drawing['legendTitle']}: {entry['words']}"
            is_taken = label in labels.values()  # words are shortened, and may be equal
            labels[name] = f"{label} ({name})" if is_taken else label
        return labels

    def show_all(self) -> None:
        """See nothing alone any more."""
        CompareState.write(legend=(), panel=())

    @property
    def clicked_cells(self) -> list[str]:
        groups = CompareState.now().panel
        return [group for group in self.images.grouping.names if group in groups]

    def hear_panel(self) -> None:
        panel = self._panel
        CompareState.write(panel=self.told_cells)
        st.session_state["panel_clicks"] = replace(panel, cells=self.clicked_cells)

    @property
    def panel_key(self) -> str:
        return f"{self.map_key}-{self._panel.number}-panel"  # the guide knows its end

    @property
    def _panel(self) -> Panel:
        """The panel of what the address has: the last one, or a new one after a link, Back or
        other models, for a chart goes on telling what was clicked on it."""
        panel: Panel = st.session_state.setdefault("panel_clicks", Panel())
        cells = self.clicked_cells
        if (panel.map_key, panel.cells) != (self.map_key, cells):
            panel = Panel(self.map_key, panel.number + 1, cells)
            st.session_state["panel_clicks"] = panel
        return panel

    @property
    def points(self) -> pd.DataFrame:
        """The images that the filters let through, as the table of the comparison has them."""
        return self.options.drawn(self.comparison.points, self.images.grouping)
