"""Pictures to look at, and to try, before anything was rendered: a few scenes of a split of their own."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vlcore.images.imagesets import ImageSet, silent
from vlcore.images.rendered import recipe_of
from vlcore.scenes import draw, sample
from vlcore.ui import work

SAMPLE_INDEX = 3
# Places that no model has seen: the study's own example is a camel inside a house.
ELSEWHERE = {
    "Camel in a room": ("camel", "room"),
    "Horse in the snow": ("horse", "snow"),
    "Camel on the beach": ("camel", "beach"),
    "Horse on the street": ("horse", "street"),
}


@st.cache_data(max_entries=16, show_spinner=False, hash_funcs=work.BY_CONTENT)
def group_pictures(images: ImageSet) -> list[NDArray[np.uint8]]:
    """One picture of each group of a set, in the order of the groups, uint8 (height, width, 3)."""
    recipe = recipe_of(images.name)
    if recipe is not None:
        return [
            draw(recipe.apply(sample(*pair, split="demo", index=SAMPLE_INDEX + number)), 256).image
            for number, pair in enumerate(recipe.grouping.pairs)
        ]
    groups = images.table["group"].to_numpy()
    rows = [int(np.flatnonzero(groups == group)[0]) for group in images.grouping.names]
    images.ensure_rendered(rows, silent)
    return [images.image(row) for row in rows]


@st.cache_data(max_entries=1, show_spinner=False)
def elsewhere() -> dict[str, NDArray[np.uint8]]:
    """Animals in places of no set of the study, by name, uint8 (256, 256, 3)."""
    return {
        name: draw(sample(*pair, split="demo", index=SAMPLE_INDEX + 10 + number), 256).image
        for number, (name, pair) in enumerate(ELSEWHERE.items())
    }
