"""Home: shows itself at once, runs the experiments, shows their maps."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from vlcore.datasets.importers import import_set
from vlcore.store import artefacts
from vlcore.store.jobs import JobStatus, State
from vlcore.studies import plans
from vlcore.ui import jobs, widgets

APP = str(Path(__file__).parents[2] / "app.py")


class FakeQueue:
    """Stands in for the worker processes: remembers what was asked for."""

    def __init__(self, state: State = State.ABSENT, status: dict | None = None) -> None:
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.short: dict[str, bool] = {}
        self.others_wait = False
        self.state, self.status = state, status or {}

    def submit(self, key: str, *_task: object, asker: object, short: bool) -> None:
        self.asked.append(key)
        self.short[key] = short

    def view(self, key: str) -> JobStatus:
        return JobStatus(key, State.RUNNING if key in self.asked else self.state, self.status)

    def cancel_pending(self, key: str, asker: object) -> bool:
        self.cancelled.append(key)
        return not self.others_wait


def pets(folder: Path, per_group: int = 6, suffix: str = "") -> Path:
    """A folder of noise: cats and dogs, at home and outside."""
    random = np.random.default_rng(0)
    for group in ("cat/home", "cat/park", "dog/home", "dog/park"):
        (folder / group).mkdir(parents=True)
        for number in range(per_group):
            small = random.integers(0, 255, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(small).resize((80, 80)).save(folder / group / f"{number}{suffix}.png")
    return folder


def start() -> AppTest:
    return AppTest.from_file(APP, default_timeout=60)


def text_of(page: AppTest) -> str:
    return " ".join(element.value for element in [*page.markdown, *page.caption, *page.title, *page.warning])


def test_a_fresh_checkout_shows_the_question_and_one_button(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue())
    page = start().run()
    assert not page.exception
    assert page.title[0].value.endswith("?")
    assert len(page.get("image")) == 4, "one picture of each group, before anything is rendered"
    assert [button.label for button in page.button] == ["Run the four experiments"]
    assert text_of(page).count("Not trained yet") == 4
    assert "75 % removed (12 of 48 kept)" in text_of(page)
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"


def test_the_button_queues_exactly_the_four_experiments(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = start().run()
    page.button[0].click().run()
    assert not page.exception
    assert queue.asked == [condition.key for condition in plans.find("experiments").conditions]
    assert [button.label for button in page.button] == ["Cancel"]


@pytest.mark.parametrize("others_wait", [False, True])
def test_progress_is_shown_and_can_be_cancelled(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, others_wait: bool
) -> None:
    status = {"stage": "training", "step": 30, "steps": 600, "fraction": 0.2}
    queue = FakeQueue(State.RUNNING, status)
    monkeypatch.setattr(jobs, "queue", lambda: queue)
    page = start().run()
    assert not page.exception
    texts = [bar.proto.text for bar in page.get("progress")]
    assert texts.count("training, step 30 of 600") == 4
    assert any(text.startswith("0 of 4 done") for text in texts)
    queue.others_wait = others_wait
    page.button[0].click().run()
    assert not page.exception
    assert queue.cancelled == [condition.key for condition in plans.find("experiments").conditions]
    labels = [button.label for button in page.button]
    assert labels == (["Run the four experiments"] if others_wait else ["Cancel"])
    assert ("somebody else waits" in page.toast[0].value) == others_wait


def test_a_small_set_says_how_many_models_it_trains_and_how_long_is_left(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue())
    page = start()
    page.query_params["data"] = "pets"
    page.run()
    assert not page.exception
    assert "20 small models, 5 for each experiment" in page.button[0].help
    status = {
        "stage": "training model 2 of 5", "step": 30, "steps": 600, "fraction": 0.3, "started": 0, "updated": 120,
    }  # fmt: skip
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.RUNNING, status))
    page.run()
    assert "training model 2 of 5, step 30 of 600, about 5 min left" in [b.proto.text for b in page.get("progress")]


@pytest.mark.parametrize(
    ("state", "status", "sentence"),
    [
        (State.INTERRUPTED, {}, "was interrupted"),
        (State.CANCELLED, {}, "was cancelled"),
        (State.FAILED, {"message": "The disk is full."}, "failed: The disk is full."),
    ],
)
def test_a_training_that_ended_badly_says_so_and_can_be_run_again(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, state: State, status: dict, sentence: str
) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(state, status))
    page = start().run()
    assert not page.exception
    assert sum(sentence in warning.value for warning in page.warning) == 4
    assert page.button[0].label == "Run the four experiments"


def test_trained_experiments_show_their_maps_and_numbers(experiments: list[artefacts.Artefact]) -> None:
    page = start().run()
    assert not page.exception
    assert not page.button
    assert len(page.get("vega_lite_chart")) == 4
    shown = text_of(page).replace("\u00a0", " ")
    for artefact in experiments:
        minority = artefact.metrics["end"]["minority_accuracy"]
        assert f"{minority['value'] * 100:.0f} % ({minority['low'] * 100:.0f} to" in shown
    assert shown.count("of 1,000 held-out pictures") == 4


def test_a_chart_that_another_page_finishes_meanwhile_keeps_its_data(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How Altair writes data down is a setting of all threads: another page's chart is finished at the worst time."""
    others: list[dict] = []

    class Busy(alt.Chart):
        def to_dict(self, *arguments: object, **options: object) -> dict:
            others.append(alt.Chart(pd.DataFrame({"a": [1, 2]})).mark_point().encode(x="a:Q").to_dict())
            return super().to_dict(*arguments, **options)

    def live_map(places: list, *_: object, **__: object) -> alt.Chart:
        return Busy(pd.DataFrame(places, columns=["x", "y"])).mark_point().encode(x="x:Q", y="y:Q")

    monkeypatch.setattr(widgets, "live_map", live_map)
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.RUNNING, {"map": [[0.5, 0.5]] * 200}))
    page = start().run()
    assert not page.exception
    assert len(page.get("vega_lite_chart")) == 4
    assert [list(other["datasets"].values()) for other in others] == [[[{"a": 1}, {"a": 2}]]] * len(others)
    assert others
