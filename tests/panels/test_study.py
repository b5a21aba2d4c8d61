"""Results of a study: what is trained of it, what its arms say, and its report."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.api.published import publish
from vlcore.api import description
from vlcore.artifacts import store
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.catalogue import PRIMARY
from vlcore.panels.study_answer import answer_sentence
from vlcore.study import plans
from vlcore.study.plans import StudyError
from vlcore.study.results import Study, command, report_html
from vlcore.study.runs_table import AnalysisError


def of(name: str, seeds: int, published: int | None = None) -> Study:
    plan = plans.find(name, Condition(), seeds)
    publish(plan.conditions[:published])
    return Study(plan)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """A complete study in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("complete")))
        yield of("class", 6)


def test_a_complete_study_says_its_difference_with_interval_pairs_and_p(complete: Study) -> None:
    assert (complete.n_trained, complete.n_pairs, complete.missing) == (36, 6, [])
    levels = complete.levels()
    assert [level.bias for level in levels] == [0.0, 0.75, 1.0]
    sentence = answer_sentence(complete, PRIMARY, levels, SCENES)
    usual = levels[1]
    for words in ("bias 75% (12 of 48 rare images kept)", usual.difference_words, usual.verdict):
        assert words in sentence
    assert sentence.endswith(f"(6 seed pairs, adjusted p = {usual.holm_p:.2g}).")


def test_comparisons_have_a_row_per_measure_arm_and_level(complete: Study) -> None:
    table = complete.comparisons()
    assert list(table["measure"].unique()) == complete.measures
    assert complete.measures[0] == PRIMARY
    assert len(table) == 3 * len(complete.measures)
    row, level = table.iloc[1], complete.levels()[1]
    assert (row["bias"], row["n"], row["verdict"]) == (0.75, 6, level.verdict)
    assert row["difference.low"] == level.difference.mean.low
    assert row["difference.exact.low"] == level.difference.exact.low
    assert row["blocks"] == "d0s0 d1s1 d2s2 d3s3 d4s4 d5s5"
    assert set(complete.comparisons("probe_object")["measure"]) == {"probe_object"}


def test_a_report_holds_the_answer_every_run_and_how_to_repeat_it(complete: Study) -> None:
    page = report_html(complete)
    for words in (
        answer_sentence(complete, PRIMARY, complete.levels(), SCENES).split(",")[0],
        "Every planned run is finished.",
        "--seeds 6",
        "The animal can be read off (linear probe)",
        "convolutions-first",
    ):
        assert words in page
    assert all(run.key in page for run in complete.artifacts)
    assert page.count('<img src="data:image/svg+xml;base64,') == 1


def test_a_report_from_few_held_out_images_says_so(
    complete: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "held-out images: " not in report_html(complete)
    monkeypatch.setattr(description, "FEW", 10_000)
    assert "Fewer than 10000 held-out images: " in report_html(complete)


@pytest.mark.usefixtures("empty_home")
def test_a_part_of_a_study_says_how_many_runs_are_there_and_each_changes_the_digest() -> None:
    results = of("class", 2, published=3)
    assert "3 of 12 planned runs are finished" in results._repr_html_()
    planned = results.plan.conditions
    assert [run.key for run in results.artifacts] == [condition.key for condition in planned[:3]]
    assert results.missing == list(planned[3:])
    levels = results.levels()
    assert answer_sentence(results, PRIMARY, levels, SCENES).startswith("Inconclusive: ")
    page = report_html(results)
    assert planned[-1].key in page
    assert "There is no figure here (" in page
    more, again = of("class", 2, published=4), of("class", 2, published=0)
    assert results.digest != more.digest == again.digest


@pytest.mark.usefixtures("empty_home")
def test_what_cannot_be_compared_is_refused_with_what_to_do() -> None:
    with pytest.raises(StudyError, match="`python -m vlcore study class`"):
        of("class", 2, published=0).levels()
    with pytest.raises(AnalysisError, match="No run has a value of beauty"):
        of("class", 2, published=1).levels("beauty")
    plan = plans.find("experiments", Condition(), 3)
    publish(plan.conditions[:6])
    publish(plan.conditions[6:], device="cuda:0")
    with pytest.raises(AnalysisError, match="differ in device"):
        Study(plan).levels()


@pytest.mark.usefixtures("empty_home")
@pytest.mark.parametrize(
    "text",
    [
        "factor: data\nbaseline: scenes\narms: [balanced-cues]\nbias: [0]",
        "factor: recipe\nbaseline: fast\narms: [classic]\nbias: [0]",
        "arms: {short: {}, captioner: {objective: captioner, labels: descriptive}}\n"
        "baseline: short\nbias: [0]",
    ],
)
def test_arms_may_differ_in_what_follows_the_factor(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"{text}\nseeds: 2", encoding="utf-8")
    plan = plans.find(str(tmp_path / "mine.yaml"))
    publish(plan.conditions)
    (level,) = Study(plan).levels()
    assert level.difference.mean.n == 2


@pytest.mark.usefixtures("empty_home")
def test_runs_are_read_once_and_by_whom_one_likes() -> None:
    plan = of("experiments", 1).plan
    asked: list[str] = []
    results = Study(plan, lambda key: asked.append(key) or store.read(key))
    pd.testing.assert_frame_equal(results.runs(), results.runs())
    assert sorted(asked) == sorted({*asked})


def test_the_command_of_a_study_gives_its_settings_again() -> None:
    plan = plans.find("class", Condition(steps=9, recipe="classic"), 3)
    words = command(plan).split()
    assert words[:5] == ["python", "-m", "vlcore", "study", "class"]
    for pair in ("--data scenes", "--set steps=9", "--seeds 3", "--set recipe=classic"):
        assert pair in command(plan)


def test_files_are_made_of_all_runs(complete: Study) -> None:
    files = {block.name: block for block in complete.panel("study-files")}
    assert str(files["class-scenes-runs.csv"].content()).startswith("key,data,")
    assert "difference.low" in str(files["class-scenes-comparisons.csv"].content()).splitlines()[0]
    assert "--seeds 6" in str(files["class-scenes-report.html"].content())
