"""Pictures inside the page: small ones exact, see-through where they were, and none larger than a
screen needs."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import image_set
from vlcore.web import cache, widgets

NUMBER = """
import streamlit as st
from vlcore.web import widgets

st.session_state["chosen"] = widgets.integer_input("Seed", 0, 999, 7, "seed")
"""


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [("999", 999), ("1000", 7), ("-1e309", 7), ("nan", 7), ("7.5", 8), ("<b>", 7), ("9" * 5000, 7)],
)
def test_a_whole_number_is_that_of_the_address_or_the_usual_one(typed: str, chosen: int) -> None:
    page = AppTest.from_string(NUMBER)
    page.query_params["seed"] = typed
    page.run()
    assert not page.exception
    assert page.session_state["chosen"] == chosen


SCRIPT = """
import numpy as np
from PIL import Image
from vlcore.web import widgets

pixels = np.random.default_rng(1).integers(0, 255, (64, 48, 4), dtype=np.uint8)
widgets.show_image(pixels[..., :3], alt="small", width=100)
widgets.show_image(Image.fromarray(pixels), alt="cut out")
widgets.show_image(Image.new("RGB", (3000, 1500)), alt="a photograph")
"""


def test_pictures_are_part_of_the_message() -> None:
    page = AppTest.from_string(SCRIPT).run()
    assert not page.exception
    heads, bodies = zip(
        *(image.proto.imgs[0].url.split(",") for image in page.get("image")), strict=True
    )
    assert set(heads) == {"data:image/webp;base64"}
    small, cut_out, photograph = (Image.open(io.BytesIO(base64.b64decode(body))) for body in bodies)
    pixels = np.random.default_rng(1).integers(0, 255, (64, 48, 4), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(small), pixels[..., :3])
    np.testing.assert_array_equal(np.asarray(cut_out), pixels)
    assert photograph.size == (512, 256)


LIVE = """
from vlcore.experiment.condition import Condition
from vlcore.jobs.jobs import JobStatus, State
from vlcore.plots.theme import LIGHT
from vlcore.web import widgets

status = {"map": [], "curve": [[9, 0.9, 0.6]]}
widgets.live(Condition(), JobStatus("key", State.RUNNING, status), LIGHT, "live")
"""


def test_a_model_in_training_says_how_many_images_it_is_measured_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = image_set()
    about = {"measured": {"per_group": {"val": 1}, "seed": 0}}
    monkeypatch.setattr(cache, "named_set", lambda _name: replace(images, about=about))
    page = AppTest.from_string(LIVE).run()
    assert not page.exception
    assert len(images.rows("val")) > 4
    assert "accuracy on 4 validation images" in page.caption[0].value


TABLE = """
import pandas as pd
import streamlit as st
from vlcore.web import widgets

widgets.show_table(pd.DataFrame({"Name": ["*a* <b>", "two"], "n": [1, 2]}))
widgets.show_table(pd.DataFrame({"Name": ["many"] * 40}))
"""


@pytest.mark.parametrize(("width", "static"), [(390, 1), (1280, 0)])
def test_a_small_table_is_whole_in_a_narrow_window(width: int, static: int) -> None:
    page = AppTest.from_string(TABLE)
    page.session_state["window"] = [width, 844]
    page.run()
    assert not page.exception
    assert (len(page.table), len(page.dataframe)) == (static, 2 - static)
    if static:
        assert "\\*a\\*" in page.table[0].value["Name"].iat[0], "no Markdown of a visitor's"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("1. a camel on the beach, cut out", "1. a camel on the beach, cut out"),
        ("IMG_20261129_103512345_HDR_my_horse.png", "IMG_20261…_horse.png"),
        ("2. " + 30 * "x" + ".png", "2. xxxxxxxxx…xxxxxx.png"),
    ],
)
def test_a_name_breaks_between_words_alone(name: str, shown: str) -> None:
    assert widgets.fitting_name(name) == shown
