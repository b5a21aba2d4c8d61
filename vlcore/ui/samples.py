"""Pictures to look at, and to try, before anything was rendered: a few scenes of a split of their own."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vlcore.images.groups import SCENES
from vlcore.scenes import draw, sample

SAMPLE_INDEX = 3


@st.cache_data(max_entries=4, show_spinner=False)
def sample_pictures(size: int = 256) -> list[NDArray[np.uint8]]:
    """One picture of each group, in the order of the groups, uint8 (size, size, 3)."""
    return [
        draw(sample(obj, context, split="demo", index=SAMPLE_INDEX + number), size).image
        for number, (obj, context) in enumerate(SCENES.pairs)
    ]
