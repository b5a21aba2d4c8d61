"""What a visitor looks at on the Compare page, and what was clicked and marked there."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Shown(LinkedMaps):
    """The maps of this page, with the models that were chosen."""

    sides: Sequence[Side]

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
