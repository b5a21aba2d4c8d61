"""A study as pages and reports show it: its tables and sentences against the runs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.api.published import STEPS, publish
from tests.test_architecture import commands_of
from vlcore.__main__ import parser
from vlcore.artifacts import store
from vlcore.cli.common import base_condition
from vlcore.data.catalogue import open_set
from vlcore.data.subset import on_its_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.version import __version__
from vlcore.experiment.wording import difference, points
from vlcore.metrics import catalogue
from vlcore.metrics.catalogue import ADVANTAGE
from vlcore.plots.theme import LIGHT
from vlcore.study import figures, findings, plans, tables
from vlcore.study import text as words
from vlcore.study.findings import Findings
from vlcore.study.plans import StudyError, StudyPlan
from vlcore.study.report import command, methods
from vlcore.study.results import Study
from vlcore.study.runs_table import with_differences
from vlcore.study.statistics.bayes import bayes_line, prior_shift

SEEDS = 7
REMOVED = ("0 % removed (48", "75 % removed (12", "100 % removed (0")


def read(study: StudyPlan) -> Findings:
    return Study(study, SCENES).findings()


@pytest.fixture(scope="module")
def study() -> StudyPlan:
    return plans.find("class", Condition(), SEEDS)


@pytest.fixture(scope="module")
def found(study: StudyPlan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Findings]:
    """A whole study with its controls, in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("study")))
        publish([*study.conditions, *plans.controls(study)])
        yield read(study)


def test_values_are_those_of_the_studys_own_runs(found: Findings, study: StudyPlan) -> None:
    rows = findings.values(found.frame, "minority_accuracy")
    placebo = rows["labels"] == "shuffled_context"
    assert set(rows.loc[~placebo, "key"]) == {one.key for one in study.conditions}
    assert placebo.any(), "the placebo stands beside them"
    taken = found.frame[
        (found.frame["measure"] == "minority_accuracy") & (found.frame["moment"] == "end")
    ]
    assert set(zip(rows["key"], rows["value"], strict=True)) <= set(
        zip(taken["key"], taken["value"], strict=True)
    )
    assert set(rows["removed"]) == {f"{removed} of 48 kept)" for removed in REMOVED}
    assert list(dict.fromkeys(rows["labels"])) == [
        "undescriptive",
        "descriptive",
        "shuffled_context",
    ]


def test_an_interval_over_scenes_too_is_of_what_each_run_had_right(
    found: Findings, study: StudyPlan
) -> None:
    assert found.over_scenes is None, "these runs do not say which pictures they had right"
    table, level = open_set("scenes").table, found.headline.level
    rows = np.flatnonzero(table["split"] == "test")
    minority = table["group"].isin(SCENES.minority).to_numpy()[rows]
    scenes = table["scene"].to_numpy()[rows]
    random, runs, expected = np.random.default_rng(0), [], []
    for condition in study.conditions:
        correct = random.random(len(rows)) < (0.9 if condition.labels == "undescriptive" else 0.8)
        embeddings = SimpleNamespace(test_correct=correct, rows=lambda _split: rows)
        runs.append(SimpleNamespace(condition=condition, embeddings=embeddings))
        if condition.bias == level.bias:
            each = [correct[minority & (scenes == scene)].mean() for scene in np.unique(scenes)]
            expected.append(np.mean(each) * (1 if condition.labels == "descriptive" else -1))
    general = findings.over_scenes(runs, level, SCENES)
    assert general.value == pytest.approx(2 * np.mean(expected))
    assert general.low < general.value < general.high
    assert general.n == SEEDS
    said = words.answer_paragraph(replace(found, over_scenes=general))
    assert f"drawn anew as well as seed pairs, {words.signed(100 * general.low, 0)} to" in said
    images = open_set("scenes")
    folds = replace(images, about={"splitting": {"kind": "folds", "folds": 4}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "open_set", lambda *_: folds)
        assert findings.over_scenes(runs, level, SCENES) is None, "a run keeps its first fold alone"
    assert findings.over_scenes(runs[len(runs) // SEEDS :], level, SCENES) is None, "runs elsewhere"
    first_scene = np.flatnonzero(scenes == scenes[0])
    for run in runs[: len(runs) // SEEDS]:  # the first block
        run.embeddings = SimpleNamespace(
            test_correct=correct[first_scene], rows=lambda _split: rows[first_scene]
        )
    assert findings.over_scenes(runs, level, SCENES) is None, "one scene is common to all runs"


def test_the_index_is_a_difference_of_two_silhouettes_of_one_run(found: Findings) -> None:
    index = findings.values(found.frame, ADVANTAGE).set_index("key")["value"]
    both = [
        findings.values(found.frame, f"silhouette_{of}").set_index("key")["value"]
        for of in ("context", "object")
    ]
    pd.testing.assert_series_equal(index, both[0] - both[1])


def test_an_index_that_is_not_defined_keeps_its_reason() -> None:
    base = {"key": "k", "moment": "end", "low": 0.1, "high": 0.3, "n": 9}
    by_context = {**base, "measure": "silhouette_context", "value": 0.2, "reason": ""}
    by_object = {**base, "measure": "silhouette_object", "value": np.nan, "reason": "one point"}
    frame = pd.DataFrame([by_context, by_object])
    again = with_differences(with_differences(frame))
    row = again.iloc[-1]
    assert len(again) == 3
    assert (row["measure"], row["reason"]) == (ADVANTAGE, "one point")
    assert np.isnan([row["value"], row["low"], row["high"]]).all()


def test_a_cell_is_a_t_interval_over_blocks(found: Findings) -> None:
    rows = findings.values(found.frame, "background_reliance")
    row = findings.cells(rows).iloc[0]
    part = rows[(rows["labels"] == row["labels"]) & (rows["bias"] == row["bias"])]["value"]
    low, high = stats.t.interval(0.95, len(part) - 1, part.mean(), stats.sem(part))
    assert (row["value"], row["low"], row["high"], row["n"]) == pytest.approx(
        (part.mean(), low, high, SEEDS)
    )


def test_the_interval_of_a_share_stays_one_and_a_single_block_has_none() -> None:
    rows = pd.DataFrame(
        {"labels": "descriptive", "bias": 0.5, "phi": 1 / 3, "removed": "", "value": [0.99, 0.8]}
    )
    free, share = findings.cells(rows).iloc[0], findings.cells(rows, share=True).iloc[0]
    assert free["high"] > 1
    assert (share["high"], share["value"]) == (1.0, free["value"])
    alone = findings.cells(rows.iloc[:1]).iloc[0]
    assert np.isnan([alone["low"], alone["high"]]).all()
    assert alone["n"] == 1


def lines_of(found: Findings, *biases: list[float]) -> pd.DataFrame:
    return findings.bayes_lines(found, *biases)


def test_the_bayes_line_is_the_mean_of_the_blocks_own_on_as_many_pictures(found: Findings) -> None:
    lines = lines_of(found)
    frame = found.frame[
        (found.frame["measure"] == "balanced_accuracy") & (found.frame["moment"] == "end")
    ]
    frame = frame[frame["labels"] == "descriptive"]
    shift = prior_shift(Condition(labels="descriptive"), found.grouping, 0.75)
    matched = frame[(frame["bias"] == 0.75) & (frame["size_mode"] == "random_removal")]["value"]
    assert len(matched) == SEEDS
    line = lines[(lines["labels"] == "descriptive") & (lines["bias"] == 0.75)].iloc[0]
    assert line["value"] == pytest.approx(np.mean([bayes_line(one, shift) for one in matched]))
    assert lines["bias"].max() < 1
    whole = replace(found, frame=found.frame[found.frame["size_mode"] == "shrink"])
    line = lines_of(whole, [0.75]).set_index("labels").loc["descriptive"]
    unbiased = frame[frame["bias"] == 0]["value"]
    assert line["value"] == pytest.approx(np.mean([bayes_line(one, shift) for one in unbiased]))
    perfect = found.frame.assign(
        value=found.frame["value"].mask(found.frame["measure"] == "balanced_accuracy", 1.0)
    )
    assert lines_of(replace(found, frame=perfect)).empty


def test_curves_are_averaged_where_all_blocks_were_looked_at(
    found: Findings, study: StudyPlan
) -> None:
    assert set(found.curves["step"]) == set(STEPS)
    lonely = pd.DataFrame([{**found.curves.iloc[0].to_dict(), "step": 33}])
    mean = findings.mean_curves(pd.concat([found.curves, lonely], ignore_index=True))
    assert 33 not in set(mean["step"])
    assert set(mean["n"]) == {SEEDS}
    start = mean[(mean["step"] == 0) & (mean["probe"] == "context")]
    assert start["value"].unique() == pytest.approx([0.7])
    fits = findings.fit_steps(found.curves)
    assert set(fits["step"]) == {120}
    assert (fits["n"] == fits["of"]).all()
    never = found.curves.assign(fit=pd.array([pd.NA] * len(found.curves), dtype="Int64"))
    assert findings.fit_steps(never).empty
    assert findings.curves_with_settings(findings.training_curves([]), found.frame).empty


def test_the_answer_says_what_was_measured_and_no_more(found: Findings) -> None:
    said = words.answer_paragraph(found).replace("\u00a0", " ")
    level = next(one for one in found.end.primary.levels if one.bias == 0.75)
    for part in (
        "On the images of scenes (renderer 2) and after 700 steps",
        "75 % removed (12 of 48 kept)",
        words.both_scales_words(level),
        words.tested_words(level),
        f"adjusted p = {level.holm_p:.2g}",
        "Bayes line",
        "At the fit step of each run",
    ):
        assert part in said
    rows = found.frame[(found.frame["measure"] == "minority_accuracy")]
    assert f"Each rate is counted on {rows['n'].min():,} held-out images of the minority" in said
    assert "too few" not in said
    assert "Exploratory" not in said
    assert not re.search("help|hurt|prove", said.lower())


def test_a_level_is_said_and_drawn_in_log_odds_and_in_points(found: Findings) -> None:
    accuracy = found.frame[(found.frame["measure"] == "minority_accuracy")]
    accuracy = accuracy[(accuracy["moment"] == "end") & accuracy["key"].isin(found.plan.keys)]
    drawn = figures.paired_forest(found, LIGHT, 900).to_dict(validate=False)["description"]
    for level in found.end.primary.levels:
        rows = accuracy[accuracy["bias"] == level.bias].set_index(["block", "labels"])
        hits = rows["value"] * rows["n"] + 0.5
        log_odds = np.log(hits / (rows["n"] + 1 - hits)).unstack()
        differences = log_odds["descriptive"] - log_odds["undescriptive"]
        low, high = stats.t.interval(
            0.95, len(differences) - 1, differences.mean(), stats.sem(differences)
        )
        numbers = {"value": differences.mean(), "low": low, "high": high}
        assert vars(level.log_odds) == pytest.approx({**numbers, "n": len(differences)})
        in_points = points(level.difference.mean.as_dict())
        assert words.both_scales_words(level) == f"{difference(numbers)} in log odds [{in_points}]"
        assert f"{100 * level.bias:g} % removed: {difference(numbers)} log odds" in drawn
    no_share = found.comparison(ADVANTAGE).levels[0]
    assert no_share.log_odds is None
    assert words.both_scales_words(no_share) == words.difference_words(no_share)


@pytest.mark.parametrize(("images", "too_few"), [(8, "one image is 12.5 points"), (20, "")])
def test_the_answer_says_where_images_are_too_few_to_call_styles_equal(
    found: Findings, images: int, too_few: str
) -> None:
    level = replace(found.end.primary.levels[0], images=images)
    (said,) = words.reach_words(level)
    assert f"counted on {images} held-out images" in said
    assert too_few in said
    assert ("too few" in said) == bool(too_few)


@pytest.mark.usefixtures("few_measures")
def test_the_headline_is_of_complete_pairs(found: Findings, study: StudyPlan) -> None:
    results = Study(study, SCENES)
    lost = [run.key for run in study.conditions if run.labels == "descriptive" and run.bias == 0.75]
    results._frame = found.frame[~found.frame["key"].isin(lost[:3])]
    headline = results.findings().headline
    assert (headline.short.n, headline.descriptive.n, headline.difference.n) == (4, 4, 4)
    change = headline.descriptive.value - headline.short.value
    assert headline.difference.value == pytest.approx(change)
    assert headline.short.value != pytest.approx(found.headline.short.value)


@pytest.mark.usefixtures("few_measures")
def test_few_blocks_are_called_exploratory_and_one_style_decides_nothing(empty_home: Path) -> None:
    study = plans.find("class", Condition(), 2)
    publish(one for one in study.conditions if one.labels == "undescriptive")
    half = read(study)
    assert half.end is None
    assert half.n_trained == 6
    assert words.answer_paragraph(half).startswith(
        "Inconclusive: a comparison needs two seed pairs with both label styles. 6 of 12"
    )
    assert half.headline is None
    assert tables.comparisons_table(half).empty
    publish(study.conditions)
    whole = read(study)
    assert words.answer_paragraph(whole).startswith("Exploratory: 2 of the 6 seed pairs")
    assert "inconclusive (2 seed pairs, adjusted p = " in words.answer_paragraph(whole)
    assert whole.n_blocks == 2


def test_nothing_and_other_studies_are_refused(empty_home: Path) -> None:
    with pytest.raises(StudyError, match="No run of the study 'class' is there"):
        read(plans.find("class"))
    with pytest.raises(StudyError, match="python -m vlcore analyse objectives"):
        read(plans.find("objectives"))


def test_tables_in_words_have_every_claim_and_every_comparison(found: Findings) -> None:
    ledger = tables.claims_table(found.claims)
    assert list(ledger["Claim"]) == [f"C{number}" for number in range(1, 9)]
    assert list(ledger["Status"]) == [words.claim_words(one) for one in found.claims]
    table = tables.comparisons_table(found)
    levels = [level for one in found.end.comparisons for level in one.levels]
    assert len(table) == sum(level.difference is not None for level in levels)
    assert catalogue.words_of(ADVANTAGE, SCENES) in set(table["Measure"])
    assert (table["Role"] == "primary").sum() == 3
    assert table.loc[table["Removed"] == "100 %", "Verdict"].str.endswith("in no average").all()
    assert (table["Difference at the fit step"] != "").all()


def test_methods_are_those_of_the_runs(found: Findings, study: StudyPlan) -> None:
    told = methods(found)
    assert next(iter(told)) == "Data"
    text = " ".join(told.values())
    parts = (
        "48 training images",
        "700 steps",
        "Image encoder convolutions-first",
        "matched-and-mismatched",
        f"{SEEDS} seed pairs",
        "“a camel in the desert”",
    )
    assert all(part in text for part in (*parts, "numpy"))
    assert told["Software"].endswith(f"Analysed with VL Bias Lab {__version__}.")
    older = methods(replace(found, version="0.4.0"))["Software"]
    assert older == f"VL Bias Lab 0.4.0; {told['Software']}"
    assert (
        command(study)
        == "python -m vlcore study class --data scenes --preset standard --seeds 7 --controls"
    )


@pytest.mark.parametrize(
    ("settings", "from_file"),
    [
        ({"steps": 12}, True),
        ({"objective": "infonce", "width": 128, "n_per_group": 40, "init_seed": 3}, False),
        ({"recipe": "classic", "batch_size": 64, "data": "balanced-cues"}, True),
        ({"architecture": "pretrained", "text": "words"}, False),
    ],
)
def test_the_command_of_a_study_plans_the_same_conditions(
    settings: dict[str, Any], from_file: bool, tmp_path: Path
) -> None:
    grid = "class"
    if from_file:
        grid = str(tmp_path / "a study.yaml")
        Path(grid).write_text("arms: [descriptive]\nbias: [0, 0.5]\nvary: [init_seed]")
    plan = plans.find(grid, on_its_set(Condition(**settings)), 2)
    words_of_command = shlex.split(command(plan))
    assert words_of_command[:3] == ["python", "-m", "vlcore"]
    options = parser().parse_args(words_of_command[3:])
    again = plans.find(options.study, base_condition(options), options.seeds)
    assert again.conditions == plan.conditions


def test_a_measure_knows_how_it_is_drawn_and_an_axis_has_room_for_what_is_known(
    found: Findings,
) -> None:
    for measure, share in (("minority_accuracy", True), ("background_reliance", False)):
        scale = figures.scale_of(measure, figures.cells_of(found, measure), SCENES)
        assert (scale.share, scale.domain) == (share, (0.0, 1.0))
    rows = figures.cells_of(found, ADVANTAGE)
    scale = figures.scale_of(ADVANTAGE, rows, SCENES)
    assert scale.middle == 0
    assert scale.domain[0] <= rows["low"].min()
    assert scale.domain[1] >= rows["high"].max()
    wild = rows.assign(n=2, low=-40.0, high=40.0)
    assert figures.scale_of(ADVANTAGE, wild, SCENES).domain[1] <= 1.1, (
        "two blocks say too little to make room for"
    )
    lonely = pd.DataFrame({"value": [-3.0]})
    assert figures.scale_of(ADVANTAGE, rows, SCENES, lonely).domain[0] == -3.0, (
        "every run has a place"
    )


@pytest.mark.parametrize("claim", [f"C{number}" for number in range(1, 9)])
def test_every_claim_has_its_charts(found: Findings, claim: str) -> None:
    assert figures.claim_by_bias(found, claim, LIGHT, 500).to_dict()["description"]
    rows = figures.claim_tests(found, claim, LIGHT, 500).to_dict()["datasets"]
    said = {row["words"] for table in rows.values() for row in table if "words" in row}
    assert "the claim" in said


def test_a_new_measure_is_compared_and_charted(
    found: Findings, study: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = catalogue.Measure(
        "boldness", "Boldness of the {object}", catalogue.Unit.INDEX, study=990, reported=True
    )
    monkeypatch.setitem(catalogue.MEASURES, new.name, new)
    results = Study(study, SCENES)
    for artifact in results.artifacts:
        value = (
            0.3
            + 0.1 * (artifact.condition.labels == "descriptive")
            + 0.001 * artifact.condition.data_seed
        )
        artifact.metrics["end"][new.name] = {"value": value, "low": 0.2, "high": 0.5, "n": 48}
    boldly = results.findings()
    assert new.name in figures.charted(boldly)
    assert new.name in figures.reported(boldly)
    rows = tables.comparisons_table(boldly).set_index("Measure").loc["Boldness of the animal"]
    assert set(rows["Difference"]) == {"+0.10 (+0.10 to +0.10)"}
    assert (
        "Boldness of the animal"
        in figures.by_bias(boldly, new.name, LIGHT, 500).to_dict()["description"]
    )
    assert figures.scale_of(new.name, figures.cells_of(boldly, new.name), SCENES).domain == (
        0.0,
        1.0,
    )
    assert new.name not in figures.charted(found), "other runs do not have it"
    assert new.name in commands_of(parser())["analyse"].format_help()


def test_what_no_run_has_cannot_be_charted(found: Findings) -> None:
    assert "probe_group" not in figures.charted(found)
    assert figures.charted(found)[0] == "minority_accuracy"
    with pytest.raises(ValueError, match="nothing to show"):
        figures.heat_map(found, "probe_group", LIGHT, 500)
    with pytest.raises(ValueError, match="no run has “The group can be read off"):
        figures.panes(found, ["probe_group"], LIGHT, 500)


def test_runs_come_with_their_checksums(found: Findings) -> None:
    runs = [store.read(condition.key) for condition in found.plan.conditions]
    rows = found.runs.set_index("key")
    assert all(rows.loc[artifact.key, "checksum"] == artifact.digest for artifact in runs)
    assert rows["planned"].sum() == len(runs) == found.n_trained
