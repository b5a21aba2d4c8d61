"""Findings: the published answer, and studies of this server: empty, in part, complete, refused."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from tests.data.importers.sources import pets
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.experiment import limits
from vlcore.experiment.condition import Condition
from vlcore.experiment.options import PRESETS
from vlcore.experiment.wording import percent
from vlcore.study import plans
from vlcore.study.answer_file import published_answer
from vlcore.study.plans import StudyPlan
from vlcore.study.results import command
from vlcore.web import visitors
from vlcore.web.findings import answer

from .app import FakeQueue, alts, opened, press, text_of

STUDIES = "studies on this server"


def start(**address: str) -> AppTest:
    return opened("5_Findings", **{"results": STUDIES, "study": "class", "blocks": "6", **address})


@pytest.fixture(scope="module")
def plan() -> StudyPlan:
    return plans.find("class", Condition(), 6)


@pytest.fixture(scope="module")
def complete(plan: StudyPlan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyPlan]:
    """A complete study in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("complete")))
        publish(plan.conditions)
        yield plan


@pytest.fixture
def results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of published results of a test's own, without a file."""
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(answer, "FOLDER", folder)
    return folder


def table_of(page: AppTest, column: str) -> pd.DataFrame:
    return next(table.value for table in page.dataframe if column in table.value)


def test_the_first_screen_has_the_answer_of_the_file(
    empty_home: Path, changed_answer: Path, queue: FakeQueue
) -> None:
    page = opened("5_Findings")
    assert not page.error
    assert not page.warning
    text = text_of(page)
    accuracies = f"| {percent(0.4321)} | {percent(0.1234)} |"
    assert f"{accuracies} -12.3 (-13.4 to -11.2) | 777 |" in text
    assert "Everything is odd." in text
    assert len(alts(page)) == 1


def test_each_claim_has_one_verdict_per_image_set_with_its_number(
    empty_home: Path, changed_answer: Path, queue: FakeQueue
) -> None:
    page = opened("5_Findings")
    published = published_answer()
    sets = list(dict.fromkeys(claim.set for claim in published.claims))
    [table] = [part.value for part in page.markdown if part.value.startswith("| Claim |")]
    rows = [line for line in table.splitlines() if "-badge[" in line]
    assert len(rows) == len({claim.id for claim in published.claims})
    for row in rows:
        text, *verdicts = [cell.strip() for cell in row.strip("|").split("|")]
        told = [claim for claim in published.claims if claim.text == text]
        assert [claim.set for claim in told] == sets
        assert [verdict.rpartition(": ")[2] for verdict in verdicts] == [
            f"{claim.verdict}]" for claim in told
        ]
    assert ":gray-badge[:material/remove: not tested]" in table
    reasons = table_of(page, "Because")
    assert reasons["Because"].tolist() == [claim.sentence for claim in published.claims]


def test_verdicts_and_numbers_are_lines_on_a_phone(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlcore.web.shell.is_narrow", lambda: True)
    text = text_of(opened("5_Findings"))
    assert "| Claim |" not in text
    assert "| Short captions |" not in text
    published = published_answer()
    for contrast in (published.contrasts[f"{data}.background"] for data in published.sets):
        assert contrast.in_points in text
    assert text.count("-badge[") == len(published.claims)


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_the_answer_one_sentence_is_in_its_place_and_studies_open(
    empty_home: Path, changed_answer: Path, queue: FakeQueue, state: str
) -> None:
    if state == "missing":
        changed_answer.unlink()
    else:
        changed_answer.write_text('{"version": "0.6.0"', encoding="utf-8")
    page = opened("5_Findings")
    assert len(page.warning) == 1
    assert not page.error
    assert not alts(page)
    assert not start().error


def test_files_behind_the_answer_are_offered_if_they_are_installed(
    empty_home: Path, results_folder: Path, queue: FakeQueue
) -> None:
    def offered() -> list[str]:
        return [button.proto.label for button in opened("5_Findings").get("download_button")]

    assert offered() == ["The answer, JSON"]
    for name in ("comparisons.csv", "runs.parquet", "plans.zip"):
        (results_folder / name).write_bytes(b"set\nscenes")
    files = ["Every comparison, CSV", "All runs, parquet", "Plans, zip"]
    assert offered() == ["The answer, JSON", *files]


def test_an_own_set_is_told_that_the_answer_is_not_about_it(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    assert len(opened("5_Findings", data="pets").info) == 1
    assert not opened("5_Findings").info


def test_a_study_is_on_the_towers_that_are_usual_for_its_set(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = start(data="pets")
    assert page.segmented_control(key="towers").value == "pretrained"
    press(page, "Run this study")
    base = usual_condition(open_set("pets")).with_towers("pretrained")
    assert queue.asked == [run.key for run in plans.find("class", base, 6).conditions]
    assert start().segmented_control(key="towers").value == "scratch"


def test_a_study_is_run_and_followed(empty_home: Path, queue: FakeQueue, plan: StudyPlan) -> None:
    page, keys = start(), [condition.key for condition in plan.conditions]
    assert page.code[0].value == command(plan)
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    queue.status = {"fraction": 0.5, "stage": "training", "step": 350, "steps": 700}
    press(page, "Run this study")
    assert queue.asked == keys
    (bar,) = page.get("progress")
    assert bar.proto.value == 50
    press(page, "Cancel")
    assert queue.cancelled == keys


def test_a_student_starts_as_many_runs_as_the_quota_allows(
    empty_home: Path, queue: FakeQueue, plan: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "teaches", lambda: False)
    page = press(start(), "Run this study")
    assert not page.error
    assert queue.asked == [condition.key for condition in plan.conditions[: limits.TRAININGS]]


def test_a_part_of_a_study_trains_what_is_missing(
    empty_home: Path, queue: FakeQueue, plan: StudyPlan
) -> None:
    publish(plan.conditions[:1])
    assert not start().error, "one run is no comparison"
    publish(plan.conditions[1:12])
    page = start()
    press(page, "Run what is missing")
    assert queue.asked == [condition.key for condition in plan.conditions[12:]]


def test_a_complete_study_answers_with_a_sentence_a_figure_and_a_table(
    complete: StudyPlan, queue: FakeQueue
) -> None:
    page = start()
    assert not page.error
    assert not page.button, "nothing is missing, so there is nothing to run"
    assert len(alts(page)) == 1
    assert len(table_of(page, "Finding")) == 3
    measure = "The background can be read off (linear probe)"
    assert measure in text_of(start(**{"study-answer.measure": measure}))


def test_a_damaged_run_is_set_aside(empty_home: Path, queue: FakeQueue) -> None:
    careful = plans.find("class", Condition(steps=PRESETS["careful"]), 6)
    damaged, *_ = publish(careful.conditions[:2])
    (damaged.path / "metrics.json").write_text("{}")
    assert start(length="2,400 steps").error
    assert not store.published(damaged.key)
