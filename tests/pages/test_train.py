"""The Train page: every knob makes a condition, and what comes out stands beside its twin."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.datasets.importers.vectors import arrays, save
from vlcore.core.condition import Condition
from vlcore.core.options import OBJECTIVES, Objective, style_names
from vlcore.runs import imported
from vlcore.store import artefacts
from vlcore.store.jobs import JobStatus, State
from vlcore.ui import jobs

APP = str(Path(__file__).parents[2] / "app.py")


class FakeQueue:
    """Stands in for the worker processes: what is on the disk is done, the rest is as a test says."""

    def __init__(self, state: State = State.ABSENT, status: dict[str, Any] | None = None) -> None:
        self.asked: list[str] = []
        self.state, self.status = state, status or {}

    def submit(self, key: str, *_task: object, **_who: object) -> None:
        self.asked.append(key)

    def view(self, key: str) -> JobStatus:
        return JobStatus(key, State.DONE) if artefacts.published(key) else JobStatus(key, self.state, self.status)


def page(monkeypatch: pytest.MonkeyPatch, queue: FakeQueue, **address: str) -> AppTest:
    monkeypatch.setattr(jobs, "queue", lambda *_: queue)
    monkeypatch.setattr(jobs, "train", lambda condition: queue.submit(condition.key))
    test = AppTest.from_file(APP, default_timeout=60)
    test.switch_page("pages/2_Train.py")
    for name, value in address.items():
        test.query_params[name] = value
    return test.run()


def text_of(test: AppTest) -> str:
    parts = [*test.markdown, *test.caption, *test.title, *test.warning, *test.info, *test.error, *test.subheader]
    return " ".join(element.value for element in parts)


def test_a_first_visit_says_what_would_be_trained(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    test = page(monkeypatch, queue)
    assert not test.exception
    said = text_of(test)
    assert "75 % removed (12 of 48 kept), short labels" in said
    assert "120 training pictures, 48 of each majority and 12 of each minority group" in said
    assert "φ = 0.60" in said
    assert "Models of this image set will be listed here" in said
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    (button,) = [button for button in test.button if button.label == "Train this model"]
    button.click().run()
    assert queue.asked == [Condition(bias=0.75).key]


def test_every_choice_has_its_sentence_and_makes_a_condition(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    test = page(
        monkeypatch, queue, train_labels="descriptive", train_bias="50 %", train_negatives="product",
        train_mitigation="groupdro", train_size_mode="fixed_total", train_length="live", train_seed="3",
    )  # fmt: skip
    assert not test.exception
    said = text_of(test)
    assert "Sagawa" in said
    assert "the majority is filled up" in said
    next(button for button in test.button if button.label == "Train this model").click().run()
    expected = Condition(
        bias=0.5, labels="descriptive", negatives="product", mitigation="groupdro", size_mode="fixed_total",
        steps=300, data_seed=3, init_seed=3,
    )  # fmt: skip
    assert queue.asked == [expected.key]


def test_an_objective_that_is_added_can_be_chosen(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OBJECTIVES, "max_margin", Objective("A loss of yours.", labels="context"))
    queue = FakeQueue()
    test = page(monkeypatch, queue, train_objective="max_margin")
    assert "A loss of yours." in text_of(test)
    next(button for button in test.button if button.label == "Train this model").click().run()
    assert queue.asked == [Condition(objective="max_margin", labels="context", bias=0.75).key]


@pytest.mark.parametrize("style", style_names())
def test_every_label_style_can_be_chosen(style: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = page(monkeypatch, FakeQueue(), train_labels=style)
    assert not test.exception
    assert not test.error
    assert "training pictures" in text_of(test)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"train_negatives": "counterfactual"}, "need labels that name object and context"),
        ({"train_mitigation": "reweight", "train_bias": "100 %"}, "reweight is not applicable"),
        ({"train_objective": "siglip", "train_logit": "affine"}, "has no choice of negatives or logit"),
        ({"train_labels": "own", "train_template": "<b>{object}</b>"}, "cannot be used; write words"),
    ],
)
def test_choices_that_do_not_go_together_are_a_sentence(
    address: dict[str, str], sentence: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = page(monkeypatch, FakeQueue(), **address)
    assert not test.exception
    assert sentence in text_of(test)
    assert not [button for button in test.button if button.label == "Train this model"]


def test_hostile_and_unknown_values_fall_back(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = page(monkeypatch, FakeQueue(), train_labels="<script>", train_bias="7", train_objective="x", train_seed="y")
    assert not test.exception
    assert "75 % removed (12 of 48 kept), short labels" in text_of(test)


def test_an_objective_without_labels_says_what_it_knows(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue()
    test = page(monkeypatch, queue, train_objective="ce_group", train_labels="partial_50")
    assert "ce_group reads no label style; descriptive stands for what it knows" in text_of(test)
    next(button for button in test.button if button.label == "Train this model").click().run()
    assert queue.asked == [Condition(bias=0.75, objective="ce_group", labels="descriptive").key]


def test_progress_is_live(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = {
        "stage": "training", "step": 40, "steps": 600, "fraction": 0.2,
        "probes": [[0, 0.5, 0.9], [5, 0.6, 0.95], [40, 0.7, 1.0]],
    }  # fmt: skip
    test = page(monkeypatch, FakeQueue(State.RUNNING, status))
    assert not test.exception
    assert "which of the two is there first?" in text_of(test)
    assert len(test.get("vega_lite_chart")) == 1


def test_a_finished_model_stands_beside_its_twin(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = page(monkeypatch, FakeQueue(), train_labels="descriptive", train_bias="75 %")
    assert not test.exception
    said = text_of(test)
    assert "Beside its twin: all the same but short labels (left)" in said
    assert "held-out minority pictures" in said
    assert len(test.get("vega_lite_chart")) == 2, "two linked maps, and the probes over the steps"
    listed = test.dataframe[-1].value
    assert set(listed["key"]) >= {artefact.key for artefact in experiments}
    ours = listed["key"].isin([artefact.key for artefact in experiments])  # other tests leave models of other kinds
    assert all("%" in words for words in listed["minority right"][ours])


def test_a_twin_that_is_not_there_is_offered(
    experiments: list[artefacts.Artefact], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = FakeQueue()
    kept = {experiments[3].key}
    monkeypatch.setattr(queue, "view", lambda key: JobStatus(key, State.DONE if key in kept else State.ABSENT))
    test = page(monkeypatch, queue, train_labels="descriptive", train_bias="75 %")
    assert not test.exception
    (button,) = [button for button in test.button if button.label == "Train its twin: short labels"]
    button.click().run()
    assert queue.asked == [experiments[2].key]


def test_a_set_of_embeddings_is_shown_and_not_trained(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save(tmp_path / "birds.npz", **arrays((48, 36, 40, 36)))
    key = imported.import_embeddings(file, "birds")["key"]
    test = page(monkeypatch, FakeQueue(), data="birds")
    assert not test.exception
    assert not test.error
    assert [box.label for box in test.selectbox] == ["Image set"]
    assert not test.button
    said = text_of(test)
    assert "computed elsewhere and imported from `birds.npz`" in said
    assert f"compare {key} {key}" in said
    assert "Right on minority rows: **" in said
    assert len(test.get("vega_lite_chart")) == 1
    table = test.dataframe[0].value.set_index("")
    assert table["Measured"]["Background gap (own kind minus random place)"] == "not defined: no pictures"
    assert table["Measured"]["Sorted by object (cosine silhouette)"].startswith("0.")
    assert not table["Measured"].str.contains("not measured by this version").any()
    shutil.rmtree(artefacts.models_folder() / key)
    test.run()
    assert not test.exception
    (error,) = test.error
    assert "The measures of birds are not on the disk" in error.value


@pytest.mark.parametrize("name", ["app.py", "pages/1_Data.py", "pages/4_Upload.py", "pages/5_Findings.py"])
def test_other_pages_say_that_there_are_no_pictures(
    name: str, tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported.import_embeddings(save(tmp_path / "birds.npz", **arrays()), "birds")
    monkeypatch.setattr(jobs, "queue", lambda *_: FakeQueue())
    test = AppTest.from_file(APP, default_timeout=60)
    if name != "app.py":
        test.switch_page(name)
    test.query_params["data"] = "birds"
    test.run()
    assert not test.exception
    (error,) = test.error
    assert (
        "holds embeddings only: there are no pictures to train on; its map and measures are on the Train" in error.value
    )
