"""Pictures inside the page: lossless, see-through where they were, and never larger than a screen needs."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

SCRIPT = """
import numpy as np
from PIL import Image
from vlcore.ui import widgets

random = np.random.default_rng(1)
widgets.picture(random.integers(0, 255, (64, 48, 3), dtype=np.uint8), alt="small", width=100)
widgets.picture(Image.fromarray(random.integers(0, 255, (40, 30, 4), dtype=np.uint8)), alt="cut out")
widgets.picture(Image.new("RGB", (3000, 1500)), alt="a photograph")
"""


def test_pictures_are_part_of_the_message() -> None:
    page = AppTest.from_string(SCRIPT).run()
    assert not page.exception
    shown = [element.proto.imgs[0].url for element in page.get("image")]
    assert all(url.startswith("data:image/png;base64,") for url in shown)
    small, cut_out, photograph = (Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in shown)
    random = np.random.default_rng(1)
    np.testing.assert_array_equal(np.asarray(small), random.integers(0, 255, (64, 48, 3), dtype=np.uint8))
    np.testing.assert_array_equal(np.asarray(cut_out), random.integers(0, 255, (40, 30, 4), dtype=np.uint8))
    assert photograph.size == (512, 256)
