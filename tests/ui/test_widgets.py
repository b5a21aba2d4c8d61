"""Pictures inside the page: small ones exact, see-through where they were, and none larger than a screen needs."""

import base64
import io

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

SCRIPT = """
import numpy as np
from PIL import Image
from vlcore.ui import widgets

pixels = np.random.default_rng(1).integers(0, 255, (64, 48, 4), dtype=np.uint8)
widgets.picture(pixels[..., :3], alt="small", width=100)
widgets.picture(Image.fromarray(pixels), alt="cut out")
widgets.picture(Image.new("RGB", (3000, 1500)), alt="a photograph")
"""


def test_pictures_are_part_of_the_message() -> None:
    page = AppTest.from_string(SCRIPT).run()
    assert not page.exception
    heads, bodies = zip(*(one.proto.imgs[0].url.split(",") for one in page.get("image")), strict=True)
    assert set(heads) == {"data:image/webp;base64"}
    small, cut_out, photograph = (Image.open(io.BytesIO(base64.b64decode(body))) for body in bodies)
    pixels = np.random.default_rng(1).integers(0, 255, (64, 48, 4), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(small), pixels[..., :3])
    np.testing.assert_array_equal(np.asarray(cut_out), pixels)
    assert photograph.size == (512, 256)
