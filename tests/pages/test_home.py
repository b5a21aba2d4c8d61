"""Home: shows itself at once, runs the experiments, shows their maps."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.data.importers.sources import pets
from vlcore.artifacts import store
from vlcore.classroom import guide
from vlcore.data.importers import import_set
from vlcore.jobs.jobs import State
from vlcore.study import plans
from vlcore.study.answer_file import published_answer

from .app import FakeQueue, opened, press, text_of, told_maps

KEYS = [condition.key for condition in plans.find("experiments").conditions]
RUN = "Run the four experiments"


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button if button.label != guide.guide_words()["begin"]]


def progress(page: object) -> list[str]:
    return [bar.proto.text for bar in page.get("progress")]  # type: ignore[attr-defined]


def test_a_fresh_checkout_shows_the_question_and_one_button(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = opened()
    assert page.title[0].value.endswith("?")
    assert not page.get("image"), "the maps that play have a legend with images"
    assert buttons(page) == [RUN]
    assert "are drawn first" in page.button[-1].help
    assert text_of(page).count("Not trained yet") == 4
    assert "75 % removed (12 of 48 kept)" in text_of(page)
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
    assert progress(page).count("training, step 30 of 600") == 4
    assert any(text.startswith("0 of 4 done") for text in progress(page))
    press(page, "Cancel")
    assert queue.cancelled == KEYS
    assert buttons(page) == [RUN if others_wait else "Cancel"]
    assert ("somebody else waits" in page.toast[0].value) == others_wait


def test_a_small_set_says_how_many_models_and_how_long(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = opened(data="pets")
    assert len(page.get("image")) == 4, "no maps play, so each group has an image"
    assert "20 small models, 5 for each experiment" in page.button[-1].help
    assert "Draws" not in page.button[-1].help
    assert re.search(r"It takes about \d+ minutes here", page.button[-1].help)
    queue.state, stage = State.RUNNING, "training model 2 of 5"
    times = {"fraction": 0.3, "started": 0, "updated": 120}
    queue.status = {"stage": stage, "step": 30, "steps": 600, **times}
    assert "training model 2 of 5, step 30 of 600, about 5 min left" in progress(page.run())


def test_trained_experiments_show_their_maps_and_numbers(experiments: list[store.Artifact]) -> None:
    page = opened()
    assert not buttons(page)
    assert len(told_maps(page, "card")) == 4
    for artifact in experiments:
        minority = artifact.metrics["end"]["minority_accuracy"]
        assert f"{minority['value'] * 100:.0f} % ({minority['low'] * 100:.0f} to" in text_of(page)
    assert text_of(page).count("on 1,000 held-out images") == 4
    contrast = published_answer().contrasts["scenes.background"]
    assert contrast.in_points in text_of(page)
