"""Compare: two maps in one chart, everything in the address, and no traceback for a bad one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.conditions import Condition, grid
from vlcore.images.thumbs import SAFE_URI
from vlcore.runs import store
from vlcore.runs.jobs import State
from vlcore.runs.measured import share
from vlcore.ui import work

from .test_home import FakeQueue

APP = str(Path(__file__).parents[2] / "app.py")


def start(**address: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60).switch_page("pages/3_Compare.py")
    for name, value in address.items():
        page.query_params[name] = value
    return page.run()


def spec_of(page: AppTest) -> dict:
    return json.loads(page.get("vega_lite_chart")[0].proto.spec)


def test_it_opens_on_experiments_1_and_2(experiments: list[store.Artefact]) -> None:
    page = start()
    assert not page.exception
    titles = [pane["title"]["text"] for pane in spec_of(page)["hconcat"]]
    assert [" ".join(title) if isinstance(title, list) else title for title in titles] == [
        "No bias, short labels",
        "No bias, descriptive labels",
    ]


def test_the_address_chooses_both_models(experiments: list[store.Artefact]) -> None:
    page = start(left_labels="descriptive", right_bias="75 %", right_labels="short")
    assert not page.exception
    titles = json.dumps([pane["title"]["text"] for pane in spec_of(page)["hconcat"]])
    assert "No bias, descriptive labels" in titles
    assert "75 % removed (12 of 48 kept), short" in titles


def test_numbers_stand_beneath_with_intervals(experiments: list[store.Artefact]) -> None:
    page = start()
    table = page.dataframe[0].value
    groups = experiments[0].metrics["end"]["group_accuracy"]
    assert list(table["Left"]) == [share(estimate) for estimate in groups.values()]
    measures = page.dataframe[-1].value
    assert {"Left", "Left, untrained", "Right", "Right, untrained", "Images"} <= set(measures.columns)


def test_pictures_in_the_chart_are_ours_and_every_mark_is_described(experiments: list[store.Artefact]) -> None:
    page = start()
    images, rows = work.image_set(work.model_map(experiments[0].key, "pca")), [0, 1]
    assert all(SAFE_URI.match(uri) for uri in work.thumbs(images, rows))
    spec = page.get("vega_lite_chart")[0].proto.spec
    assert '"title": "image"' in spec or '"title":"image"' in spec
    assert '"description"' in spec


@pytest.mark.parametrize(
    "address",
    [
        {"left_bias": "900 %"},
        {"left_labels": "<script>alert(1)</script>"},
        {"left_seed": "-5"},
        {"map": "tsne; drop"},
        {"length": ""},
        {"right_pairs": "' or 1=1"},
        {"right_encoder": "../../etc"},
    ],
)
def test_a_hostile_address_falls_back_to_the_default(
    experiments: list[store.Artefact], address: dict[str, str]
) -> None:
    page = start(**address)
    assert not page.exception
    assert not page.error
    assert len(page.get("vega_lite_chart")) >= 1


def test_a_missing_model_offers_to_train_it(experiments: list[store.Artefact], monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    monkeypatch.setattr(work, "queue", lambda: queue)
    page = start(left_bias="90 %")
    assert not page.exception
    assert not page.get("vega_lite_chart")
    button = next(button for button in page.button if button.label == "Train this model")
    button.click().run()
    assert queue.asked == [Condition(bias=0.9).key]


def test_training_shows_live_news(experiments: list[store.Artefact], monkeypatch: pytest.MonkeyPatch) -> None:
    status = {
        "stage": "training", "step": 9, "steps": 600, "fraction": 0.3,
        "curve": [[0, 0.5, 0.5], [3, 0.6, 0.5], [9, 0.9, 0.6]], "map": [[i * 0.1, i % 7] for i in range(200)],
    }  # fmt: skip
    monkeypatch.setattr(work, "queue", lambda: FakeQueue(State.RUNNING, status))
    page = start(left_bias="90 %")
    assert not page.exception
    assert any("minority 60" in caption.value.replace("\u00a0", " ") for caption in page.caption)
    assert [bar.proto.text for bar in page.get("progress")].count("training, step 9 of 600") == 2


def test_umap_is_queued_only_when_it_is_asked_for(
    experiments: list[store.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Trained(FakeQueue):
        def view(self, key: str):
            seen = super().view(key)
            return seen if key.endswith(".umap") else type(seen)(key, State.DONE)

    queue = Trained()
    monkeypatch.setattr(work, "queue", lambda: queue)
    start()
    assert queue.asked == []
    page = start(map="UMAP")
    assert not page.exception
    assert queue.asked == [f"{condition.key}.umap" for condition in grid("experiments")[:2]]
    assert all(queue.short.values()), "it does not wait behind trainings"
    assert len(page.get("progress")) == 2
    assert "PC 1" in json.dumps(spec_of(page)) or "component" in json.dumps(spec_of(page)), "PCA meanwhile"


def test_an_untrained_encoder_does_not_wait_behind_trainings(
    experiments: list[store.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue()
    monkeypatch.setattr(work, "queue", lambda: queue)
    start(left_trained="false")
    assert queue.short == {Condition(labels="undescriptive").untrained.key: True}


def test_a_visitor_stops_waiting_for_what_goes_on_for_others(
    experiments: list[store.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue(State.RUNNING, {"stage": "measuring"})
    queue.others_wait = True
    monkeypatch.setattr(work, "queue", lambda: queue)
    page = start(left_bias="90 %")
    key = Condition(bias=0.9, labels="undescriptive").key
    page.button(key="cancel_left").click().run()
    assert not page.exception
    assert queue.cancelled == [key]
    assert [button.label for button in page.button if button.key == "train_left"] == ["Train this model"]
    assert "goes on for somebody else" in page.warning[0].value
    page.button(key="train_left").click().run()
    assert queue.asked == [key]
    assert page.button(key="cancel_left")


def test_a_damaged_model_is_set_aside_and_can_be_trained_again(experiments: list[store.Artefact]) -> None:
    from tests.conftest import publish_as

    damaged = publish_as(experiments[0], Condition(bias=0.25))
    (damaged.path / "maps.npz").write_bytes(b"damaged")
    page = start(left_bias="25 %")
    assert not page.exception
    assert "set aside" in page.error[0].value
    again = start(left_bias="25 %")
    assert any(button.label == "Train this model" for button in again.button)
