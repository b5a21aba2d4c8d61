"""Home: shows itself at once, runs the experiments, shows their maps."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.data.importers.sources import pets
from vlcore.artifacts import store
from vlcore.classroom import guide
from vlcore.data.importers import import_set
from vlcore.jobs.jobs import State
from vlcore.study import plans

from .app import FakeQueue, opened, press, told_maps

KEYS = [condition.key for condition in plans.find("experiments").conditions]
RUN = "Train the four models"


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button if button.label != guide.guide_words()["begin"]]


def test_a_fresh_checkout_shows_the_question_and_one_button(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = opened()
    assert not page.get("image"), "the maps that play have a legend with images"
    assert buttons(page) == [RUN]
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    press(page, RUN)
    assert queue.asked == KEYS
    assert buttons(page) == ["Cancel"]


@pytest.mark.parametrize("others_wait", [False, True])
def test_progress_is_shown_and_can_be_cancelled(
    empty_home: Path, queue: FakeQueue, others_wait: bool
) -> None:
    queue.state, queue.others_wait = State.RUNNING, others_wait
    queue.status = {"stage": "training", "step": 30, "steps": 600, "fraction": 0.2}
    page = opened()
    assert len(page.get("progress")) == 5, "each, and all together"
    press(page, "Cancel")
    assert queue.cancelled == KEYS
    assert buttons(page) == [RUN if others_wait else "Cancel"]


def test_a_small_set_has_an_image_of_each_group(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = opened(data="pets")
    assert len(page.get("image")) == 4, "no maps play, so each group has an image"


def test_trained_experiments_show_their_maps(experiments: list[store.Artifact]) -> None:
    page = opened()
    assert not buttons(page)
    assert len(told_maps(page, "card")) == 4
