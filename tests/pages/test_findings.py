"""Findings: an empty study, a part of one, a whole one, and runs that do not compare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.runs.published import publish
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES
from vlcore.core.options import PRESETS
from vlcore.store.jobs import State
from vlcore.studies import plans
from vlcore.studies.plans import Study
from vlcore.ui import jobs
from vlcore.ui.findings import figures

from .app import FakeQueue, text_of

APP = str(Path(__file__).parents[2] / "app.py")
CHARTS = 9  # two behind the claim, five over bias, groups, curves


def start(**address: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=120).switch_page("pages/5_Findings.py")
    for name, value in {"study": "class", "blocks": "6", **address}.items():
        page.query_params[name] = value
    return page.run()


def charts(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("vega_lite_chart")]


def alts(page: AppTest) -> list[str]:
    return [chart.proto.alt for chart in page.get("vega_lite_chart")]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    made = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: made)
    return made


@pytest.fixture(scope="module")
def study() -> Study:
    return plans.find("class", Condition(), 6)


@pytest.fixture(scope="module")
def whole(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """A whole study in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("whole")))
        publish([*study.conditions, *plans.controls(study)])
        yield study


def test_an_empty_study_says_what_would_be_here_and_offers_one_button(
    empty_home: Path, queue: FakeQueue, study: Study
) -> None:
    page = start()
    assert not page.exception
    assert "None of the 36 runs of this study is there yet" in page.info[0].value
    assert [button.label for button in page.button] == ["Run this study"]
    assert "the other 36 take about" in text_of(page)
    assert "python -m vlcore study class --data scenes --preset standard --seeds 6 --controls" in page.code[0].value
    assert "there are 196 images" in text_of(page).lower(), "what the study leaves open is there already"
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    page.button[0].click().run()
    assert not page.exception
    assert queue.asked == [condition.key for condition in study.conditions]


def test_runs_in_training_are_followed_and_can_be_stopped(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, study: Study
) -> None:
    busy = FakeQueue(State.RUNNING, {"fraction": 0.5})
    monkeypatch.setattr(jobs, "queue", lambda: busy)
    page = start()
    assert not page.exception
    (bar,) = page.get("progress")
    assert bar.proto.text == "0 of 36 runs are there, 36 are training. You can leave this page."
    assert bar.proto.value == 50
    next(button for button in page.button if button.label == "Stop").click().run()
    assert busy.cancelled == [condition.key for condition in study.conditions]


def test_a_training_that_failed_says_why(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.FAILED, {"message": "The disk is full."}))
    page = start()
    assert not page.exception
    assert [warning.value for warning in page.warning] == ["This training failed: The disk is full."]


def test_a_part_of_a_study_is_exploratory_and_says_what_is_missing(
    empty_home: Path, queue: FakeQueue, study: Study
) -> None:
    publish(study.conditions[:12])
    page = start()
    assert not page.exception
    said = text_of(page)
    assert "Exploratory: 2 of the 6 blocks" in said
    assert "12 of 36 planned runs are there; the other 24" in said
    assert "not decided (n = 2)" in said
    missing = next(frame.value for frame in page.dataframe if list(frame.value.columns) == ["run"])
    assert list(missing["run"]) == [condition.key for condition in study.conditions[12:]]
    page.button[0].click().run()
    assert queue.asked == list(missing["run"])


def test_one_run_alone_decides_nothing_and_breaks_nothing(empty_home: Path, queue: FakeQueue, study: Study) -> None:
    publish(study.conditions[:1])
    page = start()
    assert not page.exception
    assert "Not decided: a comparison needs two blocks" in text_of(page)
    assert "There is no figure here yet" in text_of(page)


def test_a_whole_study_answers_with_numbers(whole: Study, queue: FakeQueue) -> None:
    page = start()
    assert not page.exception
    assert not page.error
    said = text_of(page).replace("\u00a0", " ")
    assert "All 36 planned runs are there." in said
    assert [metric.label for metric in page.metric][:2] == ["short labels", "descriptive labels"]
    assert "(n = 6)" in page.metric[2].label
    assert said.count("-badge[") >= 9, "a status a claim, and that of the chosen one"
    assert len(charts(page)) == CHARTS
    assert all(len(alt) > 20 for alt in alts(page))
    assert not page.button, "nothing is missing, so there is nothing to run"
    assert next(button.label for button in page.get("download_button")).startswith("Report")
    for title in ("Data.", "Statistics.", "Software."):
        assert f"**{title}**" in said


def test_the_address_chooses_claim_and_measure(whole: Study, queue: FakeQueue) -> None:
    page = start(claim="C5", measure="The background can be read off (linear probe)")
    assert not page.exception
    assert "**C5 · " in text_of(page)
    assert "Spread of horse on grass" in " ".join(alts(page))
    assert any(alt.startswith("The background can be read off") for alt in alts(page))


@pytest.mark.parametrize(
    "address",
    [
        {"study": "../../etc", "length": "<script>", "blocks": "-3", "claim": "C99", "measure": "' or 1=1"},
        {"blocks": "many"},
    ],
)  # fmt: skip
def test_a_hostile_address_falls_back_to_the_default(whole: Study, queue: FakeQueue, address: dict[str, str]) -> None:
    page = start(**address)
    assert not page.exception
    assert not page.error


def test_runs_that_do_not_compare_are_refused_with_a_sentence(empty_home: Path, queue: FakeQueue) -> None:
    mixed = plans.find("class", Condition(steps=PRESETS["live"]), 6)
    publish(mixed.conditions[:6])
    publish(mixed.conditions[6:], device="cuda:0")
    page = start(length="live")
    assert not page.exception
    assert "The runs differ in device (cpu, cuda)" in page.error[0].value
    assert not charts(page)


def test_a_damaged_run_is_set_aside_and_said(empty_home: Path, queue: FakeQueue) -> None:
    careful = plans.find("class", Condition(steps=PRESETS["careful"]), 6)
    (damaged, *_) = publish(careful.conditions[:2])
    (damaged.path / "metrics.json").write_text("{}")
    page = start(length="careful")
    assert not page.exception
    assert "set aside" in page.error[0].value


def test_files_are_made_from_the_runs_that_are_shown(whole: Study) -> None:
    one = figures.results(whole, SCENES)
    assert figures.file(one, "runs.csv").startswith(b"key,data,")
    assert figures.file(one, "runs.parquet")[:4] == b"PAR1"
    assert b"difference.low" in figures.file(one, "comparisons.csv").splitlines()[0]
    assert figures.file(one, "report.html").startswith(b"<!DOCTYPE html>")
