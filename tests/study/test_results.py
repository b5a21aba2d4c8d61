"""Results of a study: what is published of it, what its arms say, and what it writes."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from benchmarks import publishing
from tests.api.published import publish
from vlcore.artifacts import store
from vlcore.experiment import wording
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import models_folder
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import plans, published, text
from vlcore.study.analysis import Analysis
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.report import command
from vlcore.study.results import Study, joined_tables
from vlcore.study.runs_table import AnalysisError

pytestmark = pytest.mark.usefixtures("empty_home", "few_measures")


def of(name: str, seeds: int, published: int | None = None) -> Study:
    study = plans.find(name, Condition(), seeds)
    publish([*study.conditions, *plans.controls(study)][:published])
    return Study(study, SCENES)


def test_a_whole_study_is_tables_and_findings() -> None:
    results = of("experiments", 6)
    own = {condition.key for condition in results.plan.conditions}
    assert own < set(results.runs()["key"]), "what the claims must beat is there too"
    assert (results.n_trained, results.missing) == (24, [])
    table = results.findings().table().set_index("claim")
    assert list(table.index) == [f"C{number}" for number in range(1, 9)]
    assert (table.loc["C1", "status"], table.loc["C1", "n"]) == ("supported", 6)
    assert table.loc["C1", "low"] < table.loc["C1", "estimate"] < table.loc["C1", "high"]
    compared = results.comparisons()
    assert set(compared["treatment"]) == {"descriptive"}
    early = results.comparisons("probe_object", "first_fit").query("role == 'primary'")
    assert set(early["measure"]) == {"probe_object"}


@pytest.fixture
def published_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of published results without any."""
    monkeypatch.setattr(published, "FOLDER", tmp_path)
    return tmp_path


def test_the_sanity_check_is_a_sentence_and_excludes_nothing(published_folder: Path) -> None:
    before = of("experiments", 7).findings()
    assert before.failing == {}
    assert text.sanity_words(before) == ""
    results = of("experiments", 7)
    failing = (before.frame["block"] == "d3s3") & (
        before.frame["measure"] == "train_caption_accuracy"
    )
    results._frame = before.frame.assign(value=before.frame["value"].mask(failing, 0.9))
    found = results.findings()
    assert list(found.failing) == ["d3s3"]
    [fact] = found.failing["d3s3"]
    assert fact.startswith("descriptive and short: 90 % of training captions fitted")
    assert found.headline == before.headline
    pd.testing.assert_frame_equal(found.table(), before.table())

    rows = found.frame[(found.frame["bias"] == 0.75) & (found.frame["block"] != "d3s3")]
    rows = rows[(rows["measure"] == PRIMARY) & (rows["moment"] == "end")]
    rows = rows[rows["size_mode"] == "shrink"].pivot(index="block", columns="labels")["value"]
    difference = rows["descriptive"] - rows["undescriptive"]
    low, high = stats.t.interval(0.95, 5, difference.mean(), stats.sem(difference))
    passing = found.passing
    assert (passing.value, passing.low, passing.high, passing.n) == pytest.approx(
        (difference.mean(), low, high, 6)
    )
    sentence = text.sanity_words(found)
    assert "fails in 1 of 7 seed pairs; the other 6 alone" in sentence
    assert wording.points(passing.as_dict()) in sentence


def test_where_fewer_than_two_pairs_pass_they_say_nothing(published_folder: Path) -> None:
    results = of("experiments", 2)
    whole = results.runs()
    fitted = (whole["measure"] == "train_caption_accuracy") & (whole["block"] == "d0s0")
    results._frame = whole.assign(value=whole["value"].mask(fitted, 0.9))
    found = results.findings()
    assert found.passing is None
    assert text.sanity_words(found) == "The sanity check fails in 1 of 2 seed pairs."


def add_runs(rows: pd.DataFrame, studies: str) -> None:
    """Add rows to the table of published runs, counted by these studies."""
    file = published.FOLDER / published.RUNS
    table = pd.read_parquet(file) if file.is_file() else pd.DataFrame()
    rows = rows.assign(studies=studies, trained_at="", seconds=1.0, checksum="")
    publishing.write_runs(pd.concat([table, rows], ignore_index=True))


def test_of_a_run_that_was_trained_twice_a_study_counts_its_own(published_folder: Path) -> None:
    runs = of("experiments", 1).runs()
    known_later = runs.head(1).assign(measure="known later")  # no run has numbers of two trainings
    add_runs(runs.assign(value=0.0), "earlier")
    add_runs(pd.concat([runs, known_later]).assign(value=1.0), "later another")
    for study, value, more in (("", 0, 0), ("earlier", 0, 0), ("later", 1, 1), ("another", 1, 1)):
        found = published.measured_runs(study)
        assert set(found.loc[found["measure"] == PRIMARY, "value"]) == {value}
        assert len(found) == len(runs) + more
    assert published.spread_between_processors(Condition()) == 1.0


def test_runs_that_the_table_has_to_the_digit_are_counted_there(published_folder: Path) -> None:
    results = of("experiments", 2)
    whole, runs = results.runs(), results.runs()["key"].unique()
    add_runs(whole[whole["key"] != runs[2]], "first")
    is_retrained = (whole["key"] == runs[1]) & (whole["measure"] == PRIMARY)
    results._frame = whole.assign(value=whole["value"].mask(is_retrained, 0.123))
    publishing.publish_study(results, "second", [PRIMARY])
    table = pd.read_parquet(published_folder / published.RUNS)
    studies = table.groupby("key")["studies"].unique().map(sorted).to_dict()
    assert studies[runs[0]] == ["first second"]
    assert studies[runs[1]] == ["first", "second"]
    assert studies[runs[2]] == ["second"]
    assert set(table.loc[table["key"] == runs[2], "measure"]) == {PRIMARY}
    publishing.publish_study(results, "second", [PRIMARY])
    pd.testing.assert_frame_equal(pd.read_parquet(published_folder / published.RUNS), table)


def test_a_part_of_a_study_says_how_many_runs_are_there_and_each_changes_the_digest() -> None:
    results = of("class", 2, published=3)
    assert "3 of 12 planned runs are there" in results._repr_html_()
    assert [run.key for run in results.artifacts] == [
        condition.key for condition in results.plan.conditions[:3]
    ]
    assert results.missing == list(results.plan.conditions[3:])
    table = results.findings().table()
    assert set(table["status"]) == {"not decided"}
    assert table["estimate"].isna().all()
    more, again = of("class", 2, published=4), of("class", 2, published=0)
    assert results.digest != more.digest == again.digest


def test_what_cannot_be_analysed_is_refused_with_what_to_do() -> None:
    with pytest.raises(StudyError, match="`python -m vlcore study class`"):
        of("class", 2, published=0).analyses()
    with pytest.raises(StudyError, match="only the baseline is there"):
        of("class", 2, published=1).analyses()
    whole = of("class", 2)
    for asked in ({"measure": "beauty"}, {"moment": "yesterday"}):
        with pytest.raises(StudyError, match="named"):
            whole.analyses(**asked)


def test_arms_that_do_not_compare_are_errors_beside_those_that_do() -> None:
    study = plans.find("mitigation", Condition(), 2)
    first, second = study.treatments[:2]
    publish([c for c in study.conditions if c.mitigation in (study.baseline, first)])
    publish([c for c in study.conditions if c.mitigation == second], device="cuda:0")
    found = Study(study, SCENES).analyses()
    assert isinstance(found[first], Analysis)
    assert "device" in str(found[second])
    assert isinstance(found[second], AnalysisError)
    assert set(joined_tables(found)["comparisons"]["treatment"]) == {first}
    alone = StudyPlan(study.name, study.factor, study.baseline, (second,), study.conditions)
    with pytest.raises(AnalysisError, match="device"):
        Study(alone, SCENES).analyses()


def test_arms_may_differ_in_what_follows_the_factor(tmp_path: Path) -> None:
    file = tmp_path / "sets.yaml"
    file.write_text("factor: data\nbaseline: scenes\narms: [balanced-cues]\nbias: [0]\nseeds: 2")
    for grid in ("recipes", str(file)):
        plan = plans.find(grid, Condition(), 2)
        publish(plan.conditions)
        assert not any(isinstance(one, AnalysisError) for one in Study(plan).analyses().values())


def test_arms_of_several_settings_compare_and_runs_from_elsewhere_count(tmp_path: Path) -> None:
    arms = "arms: {short: {}, four classes: {objective: ce_group, labels: descriptive}}"
    (tmp_path / "arms.yaml").write_text(f"{arms}\nbaseline: short\nbias: [0, 0.75]\nseeds: 6")
    study = plans.find(str(tmp_path / "arms.yaml"))
    publish(study.conditions[:-1])
    results = Study(study, SCENES)
    found = results.analyses()["four classes"]
    assert isinstance(found, Analysis)
    assert [level.difference.mean.n for level in found.primary.levels] == [6, 5]
    assert found.missing == [{"arm": "four classes", "bias": 0.75, "data_seed": 5, "init_seed": 5}]
    publish(study.conditions)
    whole = Study(study, SCENES)
    rows, digest = whole.runs(), whole.digest
    shutil.rmtree(models_folder() / study.conditions[0].key)
    again = Study(study, SCENES, elsewhere=rows)
    assert (again.n_trained, again.missing, len(again.artifacts)) == (24, [], 23)
    assert again.digest != digest
    pd.testing.assert_frame_equal(again.comparisons(), whole.comparisons())


def test_findings_count_runs_from_elsewhere() -> None:
    whole = of("experiments", 2)
    expected = whole.findings().table()
    shutil.rmtree(models_folder() / whole.plan.conditions[0].key)
    found = Study(whole.plan, SCENES, elsewhere=whole.runs()).findings()
    pd.testing.assert_frame_equal(found.table(), expected)
    assert found.runs["checksum"].isna().sum() == 1


def test_the_command_of_a_published_plan_names_no_folder_of_this_machine() -> None:
    plan = published.file_plan("scenes-again")
    assert command(plan).split()[4] == "plans/scenes-again.yaml"


def test_runs_are_read_once_and_by_whom_one_likes() -> None:
    study = of("experiments", 1).plan
    asked: list[str] = []
    results = Study(study, SCENES, lambda key: asked.append(key) or store.read(key))
    pd.testing.assert_frame_equal(results.runs(), results.runs())
    assert sorted(asked) == sorted({*asked})


def test_a_study_without_runs_at_bias_0_is_checked_by_those_of_its_pairs_in_others() -> None:
    whole = of("experiments", 3)
    biased = StudyPlan(
        "biased", "labels", "undescriptive", ("descriptive",), whole.plan.conditions[2:4]
    )
    assert {one.bias for one in biased.conditions} == {0.75}
    rows = whole.runs()
    failing = (
        rows["data_seed"].isin([0, 1])
        & (rows["bias"] == 0)
        & (rows["measure"] == "train_caption_accuracy")
    )
    elsewhere = rows.assign(value=rows["value"].mask(failing, 0.9))
    of_others = [
        elsewhere.assign(steps=9),
        elsewhere.assign(n_per_group=192),
        elsewhere[elsewhere["bias"] > 0],
    ]
    assert [
        list(Study(biased, SCENES, elsewhere=of).failing_blocks) for of in (elsewhere, *of_others)
    ] == [["d0s0"], [], [], []]
    asked = Study(biased, SCENES, elsewhere=elsewhere).unbiased_runs()
    assert set(asked["block"]) == {"d0s0"}
    assert set(asked["bias"]) == {0.0}
