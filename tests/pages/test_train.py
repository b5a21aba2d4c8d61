"""The Train page: every knob makes a condition, and what comes out stands beside its twin."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.data.importers.sources import pets
from vlcore.api import training
from vlcore.api.tried_settings import stack_seeds
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.experiment import options
from vlcore.experiment.condition import Condition
from vlcore.experiment.wording import title
from vlcore.jobs.jobs import JobStatus, State
from vlcore.web.model_picker import settings_text
from vlcore.web.train import sections

from .app import FakeQueue, choose, clear, labels, opened, press, text_of

TRAIN = "Train this model"


def start(**settings: object) -> AppTest:
    """The page at the address of a model."""
    model = settings_text({name: str(value) for name, value in settings.items()})
    return opened("2_Train", **({"model": model} if model else {}))


def test_a_first_visit_trains_nothing_and_progress_is_live(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = start()
    assert page.button[0].label == TRAIN, "the first button of the page"
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    queue.state, queue.status = State.RUNNING, {"stage": "training", "step": 40, "steps": 600}
    queue.status["probes"] = [[0, 0.5, 0.9], [5, 0.6, 0.95], [40, 0.7, 1.0]]
    assert len(page.run().get("vega_lite_chart")) == 1


CHANGES = {"labels": "descriptive", "mitigation": "groupdro"}


@pytest.mark.parametrize(
    ("address", "changes"),
    [
        (
            {**CHANGES, "bias": 0.5, "steps": 400, "seed": 3},
            {**CHANGES, "bias": 0.5, "steps": 400, "data_seed": 3, "init_seed": 3},
        ),
        (
            {"objective": "supervised", "labels": "descriptive"},
            {"objective": "supervised", "labels": "short"},
        ),
    ],
)
def test_knobs_make_a_condition(
    empty_home: Path, queue: FakeQueue, address: dict[str, str], changes: dict[str, Any]
) -> None:
    press(start(**address), TRAIN)
    assert queue.asked == [Condition(**{"bias": 0.75, **changes}).key]


@pytest.mark.parametrize("field", ["objective", "mitigation", "labels"])
def test_a_new_choice_is_there(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    choices: Any = options.CHOICES[field][1]
    usual = choices[getattr(Condition(), field)]
    entry = dataclasses.replace(usual, sentence="A choice of yours.", name="")
    monkeypatch.setitem(choices, "mine", entry)
    page = start(**{field: "mine"})
    assert "A choice of yours." in text_of(page)
    press(page, TRAIN)
    assert queue.asked == [Condition(bias=0.75, **{field: "mine"}).key]


def test_a_template_that_cannot_be_used_is_a_sentence(empty_home: Path, queue: FakeQueue) -> None:
    page = start(labels="own", template="<b>{object}</b>")
    assert len(page.error) == 1
    assert TRAIN not in labels(page)


def test_the_first_models_of_a_set_wait_for_features(
    empty_home: Path, queue: FakeQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLCORE_WORKERS", "2")
    import_set(pets(tmp_path / "pets", per_group=12), "pets")
    assert "about half a minute here" in text_of(opened("4_Upload", data="pets"))
    usual = usual_condition(open_set("pets"))
    assert training.feature_seconds(usual.with_towers("pretrained")) == pytest.approx(0.02 * 48)
    assert training.feature_seconds(usual) == 0
    monkeypatch.setattr(training, "FEATURE_SECONDS", 2.0)
    clear()  # it is looked up once a minute
    assert "about 2 minutes here" in text_of(opened("4_Upload", data="pets"))


def test_a_finished_model_stands_beside_its_twin_or_offers_it(
    experiments: list[store.Artifact], queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.disk = True
    page = start(labels="descriptive", bias=0.75)
    choose(page, "Look closer", "Training curves")
    assert len(page.get("vega_lite_chart")) == 5, "accuracy by group, and two curves per model"
    done = experiments[3].key
    monkeypatch.setattr(
        queue, "view", lambda key: JobStatus(key, State.DONE if key == done else State.ABSENT)
    )
    press(page.run(), "Train its baseline: short captions")
    assert queue.asked == [experiments[2].key]


def test_a_trained_model_leads_on_to_another_seed(
    experiments: list[store.Artifact], queue: FakeQueue
) -> None:
    queue.disk = True
    page = start(labels="descriptive", bias=0.75)
    (opening,) = [link for link in page.get("page_link") if link.proto.label == "Open in Compare"]
    left, right = experiments[2].key, experiments[3].key
    assert f"left={left}&right={right}" in opening.proto.query_string
    press(page, "Train another seed (1)")
    other = experiments[3].condition.replace(data_seed=1, init_seed=1)
    assert queue.asked == [other.key]
    assert page.number_input(key="model_seed").value == 1
    assert page.get("progress"), "it is followed"


def test_what_was_tried_is_a_row(experiments: list[store.Artifact], queue: FakeQueue) -> None:
    assert not opened("2_Train").dataframe, "it is closed at first"
    table = opened("2_Train", runs="true").dataframe[-1].value
    assert {title(artifact.condition) for artifact in experiments} <= {*table["Model"]}


def test_a_row_leads_to_its_twin_and_to_another_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    led: dict[str, dict[str, Any]] = {}
    monkeypatch.setattr(sections.st, "container", lambda **_: nullcontext())
    monkeypatch.setattr(
        sections.widgets, "link", lambda page, label, _icon: led.update({label: page.parameters()})
    )
    condition = Condition(bias=0.75, labels="descriptive")
    second = condition.replace(data_seed=1, init_seed=1)
    twin = condition.with_labels("undescriptive")
    (stack,) = stack_seeds({second.key: (second, {}), condition.key: (condition, {})})
    sections.link_stack(stack, {twin.key})
    usual, left = {"data": "scenes"}, condition.key
    assert led == {
        "Compare with short captions": {**usual, "left": twin.key, "right": left},
        "Compare two of its seeds": {**usual, "left": left, "right": second.key},
    }
    led.clear()
    sections.link_stack(stack, set())
    assert led["Open in Compare"] == {**usual, "left": condition.key}
