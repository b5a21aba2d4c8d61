"""Training images behind a prediction, on Compare and Upload: shown when asked for, tested by a
click, with progress, an end and an outcome."""

from functools import partial

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import published_trials
from tests.data.importers.sources import encoded
from vlcore.api import explain
from vlcore.api.models import load
from vlcore.artifacts.store import Artifact
from vlcore.experiment.limits import TRAININGS
from vlcore.web import training_images, visitors, work
from vlcore.web.training_images import BLAME, MEND, TITLE

from .app import FakeQueue, alts, choose, labels, opened, press, text_of

TEST, MEND_TEST = "Test it: remove them and train again", "Test it: add them and train again"
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
        patch.setattr(training_images, "attribute", None)  # nothing is before somebody asks
        page = clicked()
    assert TEST not in labels(page)
    words = text_of(choose(page, TITLE, BLAME))
    assert "Trained on, and estimated to have moved it most towards camel" in words
    assert "Trained on, and estimated to have moved it most towards horse" in words
    again = clicked(why_left=BLAME)
    assert TEST in labels(again)
    assert all(panel.proto.expanded for panel in again.expander if TITLE in panel.label)
    press(page, TEST)
    assert len(queue.asked) == MODELS - 1, "one of them is the model that is explained"
    assert "Cancel" in labels(page)
    press(page, "Cancel")
    assert set(queue.cancelled) == set(queue.asked)
    again.switch_page("pages/4_Upload.py")
    again.query_params.clear()
    assert not any(panel.proto.expanded for panel in again.run().expander if TITLE in panel.label)


def test_what_a_busy_server_did_not_do_is_asked_for_again_and_another_image_is_not_asked_about(
    clicked: partial[AppTest], experiments: list[Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise work.NotInTimeError("The server is busy.")

    with monkeypatch.context() as patch:
        patch.setattr(training_images, "explain_in_worker", busy)
        page = clicked(why_left=BLAME)
        assert "The server is busy." in text_of(page)
        assert TEST not in labels(page)
    press(page, "Try again")
    assert TEST in labels(page)
    page.query_params["picture"] = f"p{int(experiments[2].embeddings.map_rows[1])}"
    page.run()
    assert not page.exception
    assert TEST not in labels(page)
    assert page.session_state["why_left"] is None


def test_a_student_begins_as_many_trainings_of_a_test_as_may_wait(
    clicked: partial[AppTest], queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "teaches", lambda: False)
    page = choose(clicked(), TITLE, BLAME)
    later = MODELS - 1 - TRAININGS
    assert f"press it again for the other {later}" in text_of(page)
    press(page, TEST)
    assert not page.error
    assert len(queue.asked) == TRAININGS


def test_a_test_that_is_done_shows_three_changes_and_a_verdict(
    clicked: partial[AppTest], quick: list[Artifact]
) -> None:
    page = clicked()
    explanation = load(quick[2].key).explain(int(quick[2].embeddings.map_rows[0]))
    with published_trials(quick[2], explanation):
        choose(page, TITLE, BLAME)
        assert "Not confirmed" in text_of(page)
        assert "n = 5 seeds" in text_of(page)
        (alt,) = [alt for alt in alts(page) if "change of the margin" in alt]
        assert alt.count("corrected") == 3


def test_it_says_what_would_mend_it(
    clicked: partial[AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "MOST_ADDED", 40)
    page = choose(clicked(), TITLE, MEND)
    assert "Unused, and estimated to move it most" in text_of(page)
    assert MEND_TEST in labels(page)


@pytest.mark.usefixtures("no_network")
def test_what_an_image_shows_is_part_of_the_question(experiments: list[Artifact]) -> None:
    page = opened("4_Upload", towers="scratch")
    picture = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    page.file_uploader[0].set_value(("a.png", encoded(Image.fromarray(picture)), "image/png")).run()
    not_known = "what the image shows is not known"
    assert not_known in text_of(choose(page, TITLE, BLAME))
    page.selectbox(key="shows").set_value("horse").run()
    assert "Trained on, and estimated to have moved it most towards" in text_of(page)
    assert not_known not in text_of(page)
    assert TEST in labels(page)
    assert all(panel.proto.expanded for panel in page.expander if TITLE in panel.label)
