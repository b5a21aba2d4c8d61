"""Findings: an empty study, a part of one, a whole one, and runs that do not compare."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import PRESETS
from vlcore.jobs.jobs import State
from vlcore.plots.theme import PHONE_SIDE
from vlcore.study import plans
from vlcore.study import text as words
from vlcore.study.plans import StudyPlan
from vlcore.study.published import PublishedResults, published
from vlcore.study.results import Study
from vlcore.web.findings import sections

from .app import FakeQueue, alts, opened, press, text_of

CHARTS = 10  # the answer, two behind the claim, five over bias, groups, curves


def start(**address: str) -> AppTest:
    return opened("5_Findings", **{"study": "class", "blocks": "6", **address})


@pytest.fixture(scope="module")
def study() -> StudyPlan:
    return plans.find("class", Condition(), 6)


@pytest.fixture(scope="module")
def whole(study: StudyPlan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyPlan]:
    """A whole study in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("whole")))
        publish([*study.conditions, *plans.controls(study)])
        yield study


def test_what_came_with_this_version_opens_without_any_model(
    empty_home: Path, queue: FakeQueue
) -> None:
    page, said = opened("5_Findings"), PublishedResults(next(iter(published("scenes").values())))
    assert not page.error
    assert said.origin in text_of(page)
    assert "(n = 60) in scenes-again" in text_of(page).replace("`", ""), "where it was asked again"
    assert "What all studies found, and why" in [one.label for one in page.expander]
    assert "](" not in next(
        one.markdown[0].value for one in page.expander if "and why" in one.label
    )
    assert [metric.label for metric in page.metric][:2] == ["short labels", "descriptive labels"]
    assert len(alts(page)) == CHARTS
    assert not page.button, "it is no matter of this server's runs"
    assert not list(empty_home.glob("models/*")), "no model is there"
    run = next(box for box in page.selectbox if box.label == "Open a run")
    page = run.select(run.options[0]).run()
    press(page, "It is not on this disk: train it")
    assert queue.asked == [run.options[0]]
    found = said.findings()
    assert (found.there, said.missing) == (len(said.study.conditions), [])
    assert {one.labels for one in said.study.conditions} == {"undescriptive", "descriptive"}


def test_studies_of_the_same_pairs_name_each_other_and_leave_out_the_same(empty_home: Path) -> None:
    whole = PublishedResults(published("scenes")["confirmation"])
    page = opened("5_Findings", published="confirmation")
    [same] = [one.value for one in page.caption if "one sample, not two" in one.value]
    assert same.startswith("`paper` has 40 of these runs too")
    assert "(n = 60) in `scenes-again`" in text_of(page)
    rest = opened("5_Findings", published="confirmation", sound="true")
    left = len({one.init_seed for one in whole.study.conditions}) - len(whole.unsound)
    assert f"(n = {left})" in rest.metric[2].label
    assert "(n = 44) in `scenes-again`" in text_of(rest), (
        "what fails the check is left out there too"
    )
    answer = next(one for one in rest.expander if one.label == "The answer in full")
    said = " ".join(one.value for one in (*answer.markdown, *answer.caption))
    assert "that are not there" not in said
    other = opened("5_Findings", published="experiments", sound="true")
    level = whole.sound().findings().headline.level
    asked_again = f"{words.difference_words(level)}, {words.level_words(level)} in `confirmation`"
    assert asked_again in text_of(other), "by its own runs without bias, as on its own page"
    again = (
        f"Without the blocks that fail the sanity check: {words.difference_words(level)},"
        f" {words.level_words(level)}"
    )
    assert again in text_of(page)
    assert again not in text_of(rest)
    assert f"Left out, because the sanity check fails: {', '.join(whole.unsound)}." in said


def test_a_set_without_published_results_says_so(
    empty_home: Path, queue: FakeQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlcore.study.published.FOLDER", tmp_path)
    page = opened("5_Findings", results="published with this version")
    assert "No results on scenes" in page.info[0].value
    assert not page.error
    assert [button.label for button in opened("5_Findings").button] == ["Run this study"], (
        "else the server's own"
    )


def test_an_empty_study_says_so_and_its_runs_are_followed(
    empty_home: Path, queue: FakeQueue, study: StudyPlan
) -> None:
    page, keys = start(), [condition.key for condition in study.conditions]
    assert "None of the 36 runs of this study is there yet" in page.info[0].value
    assert [button.label for button in page.button] == ["Run this study"]
    assert "the other 36 take about" in text_of(page)
    assert (
        "python -m vlcore study class --data scenes --preset standard --seeds 6 --controls"
        in page.code[0].value
    )
    assert "there are 196 images" in text_of(page).lower(), (
        "what the study leaves open is there already"
    )
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    queue.status = {"fraction": 0.5}
    press(page, "Run this study")
    assert queue.asked == keys
    (bar,) = page.get("progress")
    assert bar.proto.text == "0 of 36 runs are there, 36 are training. You can leave this page."
    assert bar.proto.value == 50
    press(page, "Stop")
    assert queue.cancelled == keys


def test_a_training_that_failed_says_why(empty_home: Path, queue: FakeQueue) -> None:
    queue.state, queue.status = State.FAILED, {"message": "The disk is full."}
    assert [warning.value for warning in start().warning] == [
        "This training failed: The disk is full."
    ]


def test_a_part_of_a_study_says_what_is_missing(
    empty_home: Path, queue: FakeQueue, study: StudyPlan
) -> None:
    publish(study.conditions[:1])
    said = text_of(start())
    assert "Not decided: a comparison needs two blocks" in said
    assert "There is no figure here yet" in said
    publish(study.conditions[1:12])
    page = start()
    said = text_of(page)
    assert "Exploratory: 2 of the 6 blocks" in said
    assert "12 of 36 planned runs are there; the other 24" in said
    assert "not decided (n = 2)" in said
    missing = next(frame.value for frame in page.dataframe if list(frame.value.columns) == ["run"])
    assert list(missing["run"]) == [condition.key for condition in study.conditions[12:]]
    press(page, "Run what is missing")
    assert queue.asked == list(missing["run"])


def test_on_a_phone_claims_stand_below_each_other(
    whole: StudyPlan, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "| Must beat |" in text_of(start())
    monkeypatch.setattr("vlcore.web.shell.map_side", lambda: PHONE_SIDE)
    said = text_of(start())
    assert "| Must beat |" not in said
    assert [f"**C{number}**" in said for number in range(1, 9)] == [True] * 8
    assert said.count("-badge[") >= 9


def test_a_whole_study_answers_with_numbers(whole: StudyPlan, queue: FakeQueue) -> None:
    page = start()
    assert not page.error
    said = text_of(page)
    assert "All 36 planned runs are there." in said
    assert [metric.label for metric in page.metric][:2] == ["short labels", "descriptive labels"]
    assert "(n = 6)" in page.metric[2].label
    assert said.count("-badge[") >= 9, "a status a claim, and that of the chosen one"
    assert len(alts(page)) == CHARTS
    assert all(len(alt) > 20 for alt in alts(page))
    assert not page.button, "nothing is missing, so there is nothing to run"
    assert next(button.label for button in page.get("download_button")).startswith("Report")
    for title in ("Data.", "Statistics.", "Software."):
        assert f"**{title}**" in said


def test_the_address_chooses_claim_and_measure_or_falls_back(
    whole: StudyPlan, queue: FakeQueue
) -> None:
    page = start(claim="C5", measure="The background can be read off (linear probe)")
    assert "**C5 · " in text_of(page)
    assert "Spread of horse on grass" in " ".join(alts(page))
    assert any(alt.startswith("The background can be read off") for alt in alts(page))
    for blocks in ("-3", "many"):
        page = start(
            study="../../etc", length="<script>", blocks=blocks, claim="C99", measure="' or 1=1"
        )
        assert not page.error


def test_runs_that_do_not_compare_are_refused_with_a_sentence(
    empty_home: Path, queue: FakeQueue
) -> None:
    mixed = plans.find("class", Condition(steps=PRESETS["live"]), 6)
    publish(mixed.conditions[:6])
    publish(mixed.conditions[6:], device="cuda:0")
    page = start(length="live")
    assert "The runs differ in device (cpu, cuda)" in page.error[0].value
    assert not alts(page)


def test_a_damaged_run_is_set_aside_and_said(empty_home: Path, queue: FakeQueue) -> None:
    careful = plans.find("class", Condition(steps=PRESETS["careful"]), 6)
    damaged, *_ = publish(careful.conditions[:2])
    (damaged.path / "metrics.json").write_text("{}")
    assert "set aside" in start(length="careful").error[0].value


def test_files_are_made_from_the_runs_that_are_shown(whole: StudyPlan) -> None:
    one = Study(whole, SCENES)
    assert sections.file(one, "runs.csv").startswith(b"key,data,")
    assert sections.file(one, "runs.parquet")[:4] == b"PAR1"
    assert b"difference.low" in sections.file(one, "comparisons.csv").splitlines()[0]
    assert sections.file(one, "report.html").startswith(b"<!DOCTYPE html>")
