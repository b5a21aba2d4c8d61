"""Training images behind a prediction, on Compare and Upload: shown when asked for, tested by a
click, with progress, an end and an outcome."""

from functools import partial

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import published_trials
from tests.data.importers.sources import encoded
from vlcore.api.models import load
from vlcore.artifacts.store import Artifact
from vlcore.experiment.limits import TRAININGS
from vlcore.panels.training_images import FIND, TEST
from vlcore.web import visitors, work

from .app import FakeQueue, labels, opened, press

MODELS, SEEDS = 20, 5
pytestmark = pytest.mark.usefixtures("explained_here")


@pytest.fixture
def clicked(experiments: list[Artifact]) -> partial[AppTest]:
    """Compare, where a held-out image was clicked."""
    row = int(experiments[2].embeddings.map_rows[0])
    return partial(opened, "3_Compare", towers="scratch", picture=f"p{row}")


def test_a_clicked_image_shows_its_training_images_and_a_test(
    clicked: partial[AppTest], queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            "vlcore.panels.training_images.attribute", None
        )  # nothing is before somebody asks
        page = clicked()
    assert TEST not in labels(page)
    press(page, FIND)
    press(page, TEST)
    assert len(queue.asked) == MODELS - 1, "one of them is the model that is explained"
    assert "Cancel" in labels(page)
    press(page, "Cancel")
    assert set(queue.cancelled) == set(queue.asked)


def test_what_a_busy_server_did_not_do_is_asked_for_again_and_another_image_is_not_asked_about(
    clicked: partial[AppTest], experiments: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise work.NotInTimeError("The server is busy.")

    page = clicked()
    with monkeypatch.context() as patch:
        patch.setattr(work, "run_in_worker", busy)
        press(page, FIND)
        assert TEST not in labels(page)
    press(page, "Try again")
    assert TEST in labels(page)
    page.query_params["picture"] = f"p{int(experiments[2].embeddings.map_rows[1])}"
    page.run()
    assert not page.exception
    assert TEST not in labels(page)


def test_a_student_begins_as_many_trainings_of_a_test_as_may_wait(
    clicked: partial[AppTest], queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "teaches", lambda: False)
    page = clicked()
    press(page, FIND)
    press(page, TEST)
    assert not page.error
    assert len(queue.asked) == TRAININGS


def test_a_test_that_is_done_shows_three_changes_and_a_verdict(
    clicked: partial[AppTest], quick: list[Artifact]
) -> None:
    page = clicked()
    explanation = load(quick[2].key).explain(int(quick[2].embeddings.map_rows[0]))
    with published_trials(quick[2], explanation):
        press(page, FIND)
        tables = [table.value for table in page.table if "Corrected" in table.value]
        assert [len(table) for table in tables] == [3, 3]


@pytest.mark.usefixtures("no_network")
def test_what_an_image_shows_is_part_of_the_question() -> None:
    page = opened("4_Upload", towers="scratch", closer="Training images")
    picture = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    page.file_uploader[0].set_value(("a.png", encoded(Image.fromarray(picture)), "image/png")).run()
    press(page, FIND)
    page.selectbox(key="shows").set_value("horse").run()
    assert TEST not in labels(page)
    press(page, FIND)
    assert TEST in labels(page)
