"""Studies whose answer is known: the analysis finds it, says when it cannot know, and refuses what does not compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.studies.frames import BIASES, N, conditions, estimate, frame, moments, run
from vlcore.core.condition import Condition
from vlcore.studies.analysis import Analysis, analyse
from vlcore.studies.runs_table import AnalysisError, MissingRun, runs_table
from vlcore.studies.statistics.design import phi
from vlcore.studies.statistics.paired import Status, holm
from vlcore.studies.tables import TABLES, analysis_tables
from vlcore.studies.text import level_words, notes, status_words


def effect(size: float, sd: float = 0.01, fall: float = 0.3) -> Callable[[Condition], dict[str, Any]]:
    """Minority accuracy falls by `fall` per φ, with descriptive labels by `size` less."""

    def metrics(condition: Condition) -> dict[str, Any]:
        arm = int(condition.labels == "descriptive")
        random = np.random.default_rng([condition.init_seed, arm, int(condition.bias * 100)])
        block = np.random.default_rng(condition.init_seed).normal(0, 0.03)
        value = 0.8 + block - float(phi(condition.bias)) * (fall - size * arm) + random.normal(0, sd)
        value = round(N * min(max(value, 0.0), 1.0)) / N
        return moments({"minority_accuracy": estimate(value), "silhouette_object": estimate(value - 0.4)})

    return metrics


def study(size: float, seeds: int = 8, biases: tuple[float, ...] = BIASES, sd: float = 0.01) -> pd.DataFrame:
    return frame(conditions(range(seeds), biases), effect(size, sd))


@pytest.mark.parametrize(("size", "status"), [(0.2, Status.HIGHER), (-0.2, Status.LOWER)])
def test_an_effect_is_found_with_its_sign(size: float, status: Status) -> None:
    found = analyse(study(size)).primary
    assert [level.status for level in found.levels[1:]] == [status] * 3
    assert {status_words(level) for level in found.levels[1:]} == {f"{status} with descriptive"}
    assert found.slope is not None
    assert found.slope.difference.test.p == pytest.approx(2 / 2**8)
    assert np.sign(found.slope.difference.mean.value) == np.sign(size)
    assert found.slope_on_value is not None
    assert found.slope_on_value.difference.mean.value == pytest.approx(size, abs=0.03)
    assert found.overall is not None
    assert found.overall.value == pytest.approx(size * np.mean(phi(BIASES)), abs=0.03)
    interaction = found.anova[2]
    assert (interaction.name, interaction.p < 0.01) == ("arm x bias", True)


@pytest.mark.parametrize(
    ("measure", "words", "scale", "seeds"),
    [("minority_accuracy", "±5 points", "logit", 3), ("silhouette_object", "±0.05", "value", 0)],
)
def test_no_effect_is_equivalent_within_the_margin(measure: str, words: str, scale: str, seeds: int) -> None:
    found = analyse(study(0.0), measure=measure).primary
    assert {status_words(level) for level in found.levels} == {f"equivalent within {words}"}
    assert (found.scale, len(found.levels[0].seeds_needed)) == (scale, seeds)
    assert found.slope is not None
    assert found.slope.difference.test.p > 0.05
    assert (found.slope == found.slope_on_value) == (scale == "value")


def test_noise_decides_nothing() -> None:
    found = analyse(study(0.0, sd=0.2)).primary
    assert {level.status for level in found.levels} == {Status.NOT_DECIDED}
    assert level_words(found.levels[0]) == "not decided (n = 8)"


def test_a_level_is_a_paired_comparison_of_its_blocks() -> None:
    table = study(0.1)
    found = analyse(table).primary.levels[2]
    rows = table[(table["bias"] == 0.75) & (table["moment"] == "end") & (table["measure"] == "minority_accuracy")]
    arms = [
        rows[rows["labels"] == style].sort_values("init_seed")["value"].to_numpy() for style in rows["labels"].unique()
    ]
    reference = stats.ttest_rel(arms[1], arms[0])
    assert found.difference is not None
    assert found.difference.t_p == pytest.approx(reference.pvalue)
    assert found.difference.mean.low == pytest.approx(reference.confidence_interval().low)
    assert found.baseline is not None
    assert found.baseline.value == pytest.approx(stats.trim_mean(arms[0], 0.25))
    assert found.blocks == tuple(f"d{seed}s{seed}" for seed in range(8))
    assert set(found.seeds_needed) == {0.05, 0.1, 0.2}


def test_levels_are_adjusted_for_their_number() -> None:
    levels = analyse(study(0.06, sd=0.02)).primary.levels
    p = [level.difference.test.p for level in levels if level.difference is not None]
    assert [level.holm_p for level in levels] == pytest.approx(holm(p))
    assert any(a < 0.05 < (b or 0) for a, b in zip(p, [level.holm_p for level in levels], strict=True))


def test_slopes_of_shares_are_of_log_odds() -> None:
    found = analyse(study(0.1)).primary
    assert found.scale == "logit"
    assert found.slope is not None
    accuracy = [0.8 - 0.3 * float(phi(bias)) for bias in BIASES]
    logits = np.log(accuracy) - np.log1p(-np.array(accuracy))
    assert found.slope.baseline.value == pytest.approx(np.polyfit(phi(BIASES), logits, 1)[0], abs=0.15)


def test_the_two_scales_may_disagree_and_then_it_is_said() -> None:
    def ceiling(condition: Condition) -> dict[str, Any]:
        arm, noise = int(condition.labels == "descriptive"), condition.init_seed / 1000
        value = [[0.99, 0.7], [0.999, 0.75]][arm][int(condition.bias > 0)] - noise * (condition.bias > 0)
        return moments({"minority_accuracy": estimate(value)})

    found = analyse(frame(conditions(range(6), (0.0, 0.75)), ceiling))
    assert found.primary.slope is not None
    assert found.primary.slope_on_value is not None
    assert found.primary.slope.difference.mean.value < 0 < found.primary.slope_on_value.difference.mean.value
    assert found.primary.scales_disagree
    assert any("opposite signs" in note for note in notes(found))
    assert not analyse(study(0.2)).primary.scales_disagree


def test_bias_1_is_reported_apart() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        return moments({"minority_accuracy": estimate(0.0)}) if condition.bias == 1 else effect(0.1)(condition)

    with_limit = analyse(frame(conditions(range(8), (*BIASES, 1.0)), metrics))
    without = analyse(study(0.1))
    last = with_limit.primary.levels[-1]
    assert last.apart
    assert last.status is Status.EQUIVALENT
    assert with_limit.primary.slope is not None
    assert without.primary.slope is not None
    assert with_limit.primary.slope.blocks == pytest.approx(without.primary.slope.blocks)
    assert with_limit.primary.overall == without.primary.overall
    assert with_limit.primary.anova == without.primary.anova
    assert with_limit.primary.levels[:-1] == without.primary.levels
    assert any("At bias 1 nothing tells object from context" in note for note in notes(with_limit))


@pytest.mark.parametrize("seeds", [2, 5])
def test_few_blocks_explore_and_decide_nothing(seeds: int) -> None:
    found = analyse(study(0.2, seeds))
    assert {level.status for level in found.primary.levels} == {Status.NOT_DECIDED}
    assert all(level.difference is not None and level.difference.exploratory for level in found.primary.levels)
    assert any(note.startswith(f"Exploratory: with {seeds} blocks") for note in notes(found))


def test_six_blocks_say_that_no_single_of_four_levels_can_be_shown() -> None:
    found = analyse(study(0.2, 6))
    (note,) = [note for note in notes(found) if note.startswith("No single level")]
    assert "8 blocks can show it" in note
    assert not any(note.startswith("No single level") for note in notes(analyse(study(0.2, 8))))
    assert found.primary.slope is not None
    assert found.primary.slope.difference.test.p <= 0.05  # the primary test is one number a block and can


def test_one_block_has_no_uncertainty_and_no_numbers() -> None:
    found = analyse(study(0.2, 1)).primary
    assert [(level_words(level), level.difference) for level in found.levels] == [("not decided (n = 1)", None)] * 4
    assert found.slope is None
    assert found.absent["slope"] == "blocks that are complete at every level below 1: 1, two needed"


def test_runs_that_are_not_there_are_named_and_complete_pairs_go_on() -> None:
    table = study(0.1)
    gone = (table["init_seed"] == 2) & (table["bias"] == 0.5) & (table["labels"] == "descriptive")
    found = analyse(table[~gone])
    assert found.missing == (MissingRun("descriptive", 0.5, 2, 2),)
    assert [len(level.blocks) for level in found.primary.levels] == [8, 7, 8, 8]
    assert found.primary.slope is not None
    assert found.primary.slope.difference.mean.n == 7
    assert "Runs of the design that are not there: 1" in notes(found)[0]
    assert analyse(table).missing == ()


def test_a_plan_knows_of_levels_that_nothing_was_run_at() -> None:
    plan = [*conditions(range(8), (*BIASES, 0.95)), Condition(labels="context")]
    found = analyse(study(0.1), planned=plan)
    assert len(found.missing) == 16
    assert {one.bias for one in found.missing} == {0.95}


def test_an_absent_measure_is_reported_with_its_reason() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        end = effect(0.1)(condition)["end"]
        if condition.init_seed == 3:
            del end["silhouette_object"]
            end["absent"] = {"silhouette_object": "one point"}
        return moments(end, first=None)

    table = frame(conditions(range(8)), metrics)
    found = analyse(table, secondary=("silhouette_object", "background_reliance"))
    some, none = found.secondary
    key = conditions([3])[0].key
    assert some.absent[f"run {key}"] == "one point"
    assert [len(level.blocks) for level in some.levels] == [7] * 4
    assert none.absent == {"measure": "no run has background_reliance at the moment end"}
    assert {level.status for level in none.levels} == {Status.NOT_DECIDED}
    assert not found.missing
    early = analyse(table, moment="first_fit").primary
    assert early.absent["measure"] == "the training captions were never fitted"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 300}, r"The runs differ in steps \(300, 600\)"),
        ({"data_version": "0"}, r"The runs differ in data_version \(0, "),
        ({"size_mode": "fixed_total"}, r"The runs differ in size_mode \(fixed_total, shrink\)"),
        ({"mitigation": "reweight"}, "differ in mitigation"),
    ],
)
def test_runs_that_differ_in_anything_else_are_refused(change: dict[str, Any], words: str) -> None:
    wanted = conditions(range(6))
    with pytest.raises(AnalysisError, match=words):
        analyse(frame([*wanted[:-1], wanted[-1].replace(**change)], effect(0.1)))


def test_devices_are_not_mixed_and_versions_are_noted() -> None:
    def table(**last: str) -> pd.DataFrame:
        *most, one = conditions(range(6))
        runs = [run(condition, effect(0.1)(condition)) for condition in most]
        return runs_table([*runs, run(one, effect(0.1)(one), **last)])

    with pytest.raises(AnalysisError, match=r"The runs differ in device \(cpu, cuda\), so they do not compare; choose"):
        analyse(table(device="cuda:0"))
    assert analyse(table(torch="2.10")).versions == 2
    assert any("package versions" in note for note in notes(analyse(table(torch="2.10"))))
    assert not any("versions" in note for note in notes(analyse(study(0.1))))


def test_a_run_counts_once() -> None:
    table = study(0.1)
    with pytest.raises(AnalysisError, match="is in the table twice"):
        analyse(pd.concat([table, table[table["init_seed"] == 0]]))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"treatment": "context"}, "No run has labels=context; the runs have descriptive, undescriptive"),
        ({"treatment": "undescriptive"}, "Both arms are labels=undescriptive; choose two different values"),
        ({"factor": "colour"}, "Runs are not compared by 'colour'; choose one of data, "),
        ({"factor": "init_seed"}, "Runs are not compared by 'init_seed'"),
        ({"factor": "value"}, "Runs are not compared by 'value'"),
    ],
)
def test_arms_that_are_not_there_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(AnalysisError, match=words):
        analyse(study(0.1), **arguments)


def test_other_settings_are_factors_too() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        more = 0.1 * (condition.mitigation == "reweight")
        value = (
            0.6
            + more
            + np.random.default_rng([condition.init_seed, int(100 * (condition.bias + more))]).normal(0, 0.01)
        )
        return moments({"minority_accuracy": estimate(value)})

    wanted = conditions(range(8), (0.5, 0.75), mitigation=("none", "reweight", "groupdro"))
    found = analyse(frame(wanted, metrics), factor="mitigation", baseline="none", treatment="reweight")
    assert [status_words(level) for level in found.primary.levels] == ["higher with reweight"] * 2
    assert [len(level.blocks) for level in found.primary.levels] == [8, 8]


def test_bias_itself_is_a_factor() -> None:
    table = study(0.1)
    table = table[table["labels"] == "undescriptive"]
    found = analyse(table, factor="bias", baseline=0.0, treatment=0.75)
    (level,) = found.primary.levels
    assert (level.bias, level.status, level.arm) == (0.75, Status.LOWER, "0.75")
    assert level.difference is not None
    assert level.difference.mean.value == pytest.approx(-0.18, abs=0.02)
    assert found.primary.absent["slope"] == "A slope needs at least two levels of bias."
    gone = analyse(table[~((table["bias"] == 0.75) & (table["init_seed"] == 1))], "bias", 0.0, 0.75)
    assert [(one.arm, one.bias, one.init_seed) for one in gone.missing] == [("0.75", 0.75, 1)]
    with pytest.raises(AnalysisError, match="differ in labels"):
        analyse(study(0.1), factor="bias", baseline=0.0, treatment=0.75)


def test_crossed_seeds_are_separated() -> None:
    wanted = [
        Condition(bias=bias, labels=labels, data_seed=d, init_seed=i)
        for d in range(3) for i in range(3) for bias in BIASES for labels in ("undescriptive", "descriptive")
    ]  # fmt: skip
    found = analyse(frame(wanted, effect(0.1))).primary.components
    assert found is not None
    assert found.reason == ""
    assert found.init is not None
    assert found.data is not None
    assert found.init > 10 * found.data  # the factory lets blocks differ by their initialisation seed alone
    together = analyse(study(0.1)).primary.components
    assert together is not None
    assert "not separable" in together.reason


def check_tables(found: Analysis) -> dict[str, pd.DataFrame]:
    tables = analysis_tables(found)
    assert tuple(tables) == TABLES
    for table in tables.values():
        assert len(table.columns)
        table.to_csv()
    return tables


def test_an_analysis_becomes_tables() -> None:
    found = analyse(study(0.1))
    tables = check_tables(found)
    comparisons = tables["comparisons"]
    primary = comparisons[comparisons["role"] == "primary"]
    assert primary["bias"].tolist() == list(BIASES)
    level = found.primary.levels[1]
    assert level.difference is not None
    row = primary.iloc[1]
    assert row["difference.low"] == level.difference.mean.low
    assert row["difference.p"] == level.difference.test.p
    assert (row["holm_p"], row["n"], row["verdict"]) == (level.holm_p, 8, status_words(level))
    assert row["seeds_needed.0.05"] == level.seeds_needed[0.05]
    assert row["blocks"] == "d0s0 d1s1 d2s2 d3s3 d4s4 d5s5 d6s6 d7s7"
    slopes = tables["slopes"]
    assert slopes.loc[slopes["role"] == "primary", "scale"].tolist() == ["value", "logit"]
    assert "background_reliance" in tables["absent"]["measure"].tolist()
    assert len(tables["missing"]) == 0


def test_an_analysis_of_nothing_but_one_block_becomes_tables_too() -> None:
    check_tables(analyse(study(0.1, 1)))
    table = study(0.1)
    check_tables(analyse(table[table["labels"] == "undescriptive"], "bias", 0.0, 0.75))


def test_how_often_a_study_without_an_effect_finds_one() -> None:
    found = []
    for start in range(20):
        table = frame(conditions(range(10 * start, 10 * start + 8), (0.0, 0.75)), effect(0.0, sd=0.05))
        found.append(analyse(table, secondary=()).primary)
    shown = [any(level.status in (Status.HIGHER, Status.LOWER) for level in one.levels) for one in found]
    assert np.mean(shown) <= 0.15
    assert np.mean([one.slope is not None and one.slope.difference.test.p <= 0.05 for one in found]) <= 0.15
