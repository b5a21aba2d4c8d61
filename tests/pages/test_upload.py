"""Upload: pictures land on both maps; what is no picture gets a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from vlcore.runs import store
from vlcore.runs.jobs import State
from vlcore.ui import work

from .test_home import FakeQueue

APP = str(Path(__file__).parents[2] / "app.py")


def start() -> AppTest:
    return AppTest.from_file(APP, default_timeout=60).switch_page("pages/4_Upload.py").run()


def png(side: int = 90, seed: int = 0) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_without_a_model_it_says_where_to_get_one(empty_home: Path) -> None:
    page = start()
    assert not page.exception
    assert "No model is trained on these pictures yet" in page.info[0].value


def test_while_models_are_in_training_it_says_so(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "queue", lambda: FakeQueue(State.RUNNING, {"stage": "measuring"}))
    page = start()
    assert not page.exception
    assert "being trained on these pictures just now" in page.info[0].value
    assert len(page.get("progress")) == 4


def test_it_opens_on_two_models_that_differ_in_their_labels_alone(experiments: list[store.Artefact]) -> None:
    page = start()
    chosen = [page.selectbox(key="left").value, page.selectbox(key="right").value]
    assert chosen == [experiments[2].key, experiments[3].key]


def test_it_offers_sample_pictures(experiments: list[store.Artefact]) -> None:
    page = start()
    assert not page.exception
    assert not page.get("vega_lite_chart")
    page.checkbox[0].check().run()
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 1
    assert len(page.dataframe) == 2, "caption scores of both models"
    shares = page.dataframe[0].value["share"]
    assert shares.sum() == pytest.approx(100)


def test_several_uploads_are_shown_one_by_one(experiments: list[store.Artefact]) -> None:
    page = start()
    page.file_uploader[0].set_value(
        [("one.png", png(seed=1), "image/png"), ("two.png", png(seed=2), "image/png")]
    ).run()
    assert not page.exception
    assert [heading.value for heading in page.subheader] == ["Picture 1", "Picture 2"]
    assert len(page.dataframe) == 4


@pytest.mark.parametrize("content", [b"", b"no picture", png()[:400]])
def test_what_is_no_picture_gets_a_sentence(experiments: list[store.Artefact], content: bytes) -> None:
    page = start()
    page.file_uploader[0].set_value([("broken.png", content, "image/png"), ("good.png", png(), "image/png")]).run()
    assert not page.exception
    assert len(page.error) == 1
    assert "broken.png" in page.error[0].value
    assert ("no picture at all" in page.error[0].value) == (content == b"no picture")
    assert [heading.value for heading in page.subheader] == ["Picture 1"], "the good one is shown all the same"
