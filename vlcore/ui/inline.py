"""Pictures on a page, inside the page itself.

The one idea: Streamlit keeps a picture for a browser to fetch only as long as the run that showed it, and another
visitor's run may throw it out while this one's is under way: the fetch fails, and a broken picture stays. What is part
of the message cannot be lost on the way.
"""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

LARGEST = 512  # px of the longer side: none is shown larger, but for a screen with two dots a pixel


def picture(
    image: npt.NDArray[np.uint8] | Image.Image, *, alt: str, within: DeltaGenerator | None = None, **options: Any
) -> None:
    """Show a picture.

    Args:
        image: uint8 array of shape (H, W, 3), or a Pillow image; see-through parts stay so.
        alt: what it shows, for those who do not see it.
        within: the container or column that it goes into; where the page is, without one.
        options: those of `st.image`.
    """
    (st if within is None else within).image(_uri(image), alt=alt, **options)


def _uri(image: npt.NDArray[np.uint8] | Image.Image) -> str:
    shown = image.copy() if isinstance(image, Image.Image) else Image.fromarray(image)
    shown.thumbnail((LARGEST, LARGEST))
    out = BytesIO()
    shown.save(out, format="PNG", compress_level=1)  # a page shows dozens, and each run of it anew
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")
