"""Studies whose answer is known: it is found or left open; what does not compare is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.study.frames import BIASES, N, conditions, estimate, frame, moments, run
from vlcore.experiment.condition import Condition
from vlcore.study.analysis import Analysis, ArmComparison, adjusted, compare_arms
from vlcore.study.runs_table import AnalysisError, runs_table
from vlcore.study.statistics.factorial import phi
from vlcore.study.statistics.paired import Paired, Status, holm
from vlcore.study.tables import TABLES, analysis_tables
from vlcore.study.text import level_words, notes, status_words


def effect(
    size: float, sd: float = 0.01, fall: float = 0.3
) -> Callable[[Condition], dict[str, Any]]:
    """Minority accuracy falls by `fall` per φ, with descriptive labels by `size` less."""

    def metrics(condition: Condition) -> dict[str, Any]:
        arm = int(condition.labels == "descriptive")
        random = np.random.default_rng([condition.init_seed, arm, int(condition.bias * 100)])
        block = np.random.default_rng(condition.init_seed).normal(0, 0.03)
        value = (
            0.8 + block - float(phi(condition.bias)) * (fall - size * arm) + random.normal(0, sd)
        )
        value = round(N * min(max(value, 0.0), 1.0)) / N
        return moments(
            {"minority_accuracy": estimate(value), "silhouette_object": estimate(value - 0.4)}
        )

    return metrics


def study(
    size: float, seeds: int = 8, biases: tuple[float, ...] = BIASES, sd: float = 0.01
) -> pd.DataFrame:
    return frame(conditions(range(seeds), biases), effect(size, sd))


def differences(found: ArmComparison) -> list[Paired]:
    return [level.difference for level in found.levels if level.difference is not None]


def says(found: Analysis, *words: str) -> bool:
    return any(all(word in note for word in words) for note in notes(found))


@pytest.mark.parametrize(("size", "status"), [(0.2, Status.HIGHER), (-0.2, Status.LOWER)])
def test_an_effect_is_found_with_its_sign(size: float, status: Status) -> None:
    found = compare_arms(study(size)).primary
    assert {status_words(level) for level in found.levels[1:]} == {f"{status} with descriptive"}
    assert found.slope.difference.p == pytest.approx(2 / 2**8)
    assert np.sign(found.slope.difference.mean.value) == np.sign(size)
    assert found.slope_on_value.difference.mean.value == pytest.approx(size, abs=0.03)
    assert found.overall.value == pytest.approx(size * np.mean(phi(BIASES)), abs=0.03)
    interaction = found.anova[2]
    assert (interaction["name"], interaction["p"] < 0.01) == ("arm x bias", True)
    # Slopes of shares are of log odds.
    accuracy = 0.8 - 0.3 * phi(BIASES)
    logits = np.log(accuracy) - np.log1p(-accuracy)
    assert found.scale == "logit"
    assert found.slope.baseline.value == pytest.approx(
        np.polyfit(phi(BIASES), logits, 1)[0], abs=0.15
    )


@pytest.mark.parametrize(
    ("measure", "words", "scale", "seeds"),
    [
        ("minority_accuracy", "equivalent within ±5 points", "logit", 3),
        ("silhouette_object", "inconclusive", "value", 0),
    ],
)
def test_no_effect_is_equivalent_within_a_margin_of_pictures(
    measure: str, words: str, scale: str, seeds: int
) -> None:
    found = compare_arms(study(0.0), measure=measure).primary
    assert {status_words(level) for level in found.levels} == {words}
    assert (found.scale, len(found.levels[0].seeds_needed)) == (scale, seeds)
    assert found.slope.difference.p > 0.05
    assert (found.slope == found.slope_on_value) == (scale == "value")


def test_pairs_that_all_differ_by_the_same_are_not_equivalent_and_need_no_seeds() -> None:
    def saturated(_condition: Condition) -> dict[str, Any]:
        return moments({"minority_accuracy": estimate(0.95)})

    found = compare_arms(frame(conditions(range(6)), saturated), secondary=())
    for level in found.primary.levels:
        assert (level.status, level.equivalence_p) == (Status.NOT_DECIDED, None)
        assert level.seeds_needed == {}
    assert says(found, "All seed pairs differ by the same")
    assert says(found, "No single level can be shown")
    assert not says(found, "can show it")
    assert says(compare_arms(study(0.1, seeds=6)), "can show it")
    assert not says(compare_arms(study(0.0)), "All seed pairs differ by the same")


@pytest.mark.parametrize(("images", "status"), [(8, Status.NOT_DECIDED), (20, Status.EQUIVALENT)])
def test_few_images_call_no_arms_equivalent(images: int, status: Status) -> None:
    def nearly_alike(condition: Condition) -> dict[str, Any]:
        wrong = condition.init_seed == 0 and condition.labels == "descriptive"
        return moments({"minority_accuracy": estimate(1 - wrong / images, images)})

    found = compare_arms(frame(conditions(range(30)), nearly_alike), secondary=()).primary
    assert {(level.images, level.status) for level in found.levels} == {(images, status)}


def test_noise_decides_nothing() -> None:
    found = compare_arms(study(0.0, sd=0.2)).primary
    assert {level_words(level) for level in found.levels} == {"inconclusive (8 seed pairs)"}


def test_a_level_is_a_paired_comparison_of_its_blocks() -> None:
    table = study(0.1)
    found = compare_arms(table).primary.levels[2]
    rows = table[
        (table["bias"] == 0.75)
        & (table["moment"] == "end")
        & (table["measure"] == "minority_accuracy")
    ]
    first, second = (
        rows[rows["labels"] == style]["value"] for style in ("undescriptive", "descriptive")
    )
    reference = stats.ttest_rel(second, first)
    assert found.difference.t_p == pytest.approx(reference.pvalue)
    assert found.difference.mean.low == pytest.approx(reference.confidence_interval().low)
    assert found.baseline.value == pytest.approx(first.mean())
    assert found.blocks == tuple(f"d{seed}s{seed}" for seed in range(8))
    assert set(found.seeds_needed) == {0.05, 0.1, 0.2}


def test_levels_are_adjusted_for_their_number() -> None:
    found = compare_arms(study(0.06, sd=0.02)).primary
    p = [one.p for one in differences(found)]
    adjusted = [level.holm_p or 0 for level in found.levels]
    assert adjusted == pytest.approx(holm(p))
    assert any(a < 0.05 < b for a, b in zip(p, adjusted, strict=True))


def test_arms_are_adjusted_for_each_other() -> None:
    alone = [compare_arms(study(0.06, sd=0.02)), compare_arms(study(0.05, sd=0.03))]
    both = adjusted(alone)
    tested = [one for arm in alone for one in differences(arm.primary)]
    found = [level for arm in both for level in arm.primary.levels]
    assert [level.holm_p for level in found] == pytest.approx(holm([one.p for one in tested]))
    assert [level.equivalence_p for level in found] == pytest.approx(
        holm([one.equivalence_p or 0 for one in tested])
    )
    slopes = [arm.primary.slope.difference.p for arm in alone]
    assert [arm.primary.slope_p for arm in both] == pytest.approx(holm(slopes))
    needed = [
        [arm.primary.levels[0].seeds_needed[0.05].value for arm in arms] for arms in (alone, both)
    ]
    assert all(one <= other for one, other in zip(*needed, strict=True))


def test_the_two_scales_may_disagree_and_then_it_is_said() -> None:
    def ceiling(condition: Condition) -> dict[str, Any]:
        arm, noise = int(condition.labels == "descriptive"), condition.init_seed / 1000
        value = [[0.99, 0.7], [0.999, 0.75]][arm][int(condition.bias > 0)] - noise * (
            condition.bias > 0
        )
        return moments({"minority_accuracy": estimate(value)})

    found = compare_arms(frame(conditions(range(6), (0.0, 0.75)), ceiling))
    assert (
        found.primary.slope.difference.mean.value
        < 0
        < found.primary.slope_on_value.difference.mean.value
    )
    assert says(found, "do not say the same")
    assert not says(compare_arms(study(0.2)), "do not say the same")


def test_bias_1_is_reported_apart() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        return (
            moments({"minority_accuracy": estimate(0.0)})
            if condition.bias == 1
            else effect(0.1)(condition)
        )

    with_limit = compare_arms(frame(conditions(range(8), (*BIASES, 1.0)), metrics))
    without = compare_arms(study(0.1)).primary
    *levels, last = with_limit.primary.levels
    assert (last.apart, last.status) == (True, Status.NOT_DECIDED)
    assert with_limit.primary.slope.blocks == pytest.approx(without.slope.blocks)
    assert with_limit.primary.overall == without.overall
    assert with_limit.primary.anova == without.anova
    assert tuple(levels) == without.levels
    assert says(with_limit, "At bias 1 nothing tells object from context")


@pytest.mark.parametrize("seeds", [2, 5])
def test_few_blocks_explore_and_decide_nothing(seeds: int) -> None:
    found = compare_arms(study(0.2, seeds))
    assert {level.status for level in found.primary.levels} == {Status.NOT_DECIDED}
    assert [one.exploratory for one in differences(found.primary)] == [True] * 4
    assert says(found, f"Exploratory: with {seeds} seed pairs")


def test_six_blocks_say_that_no_single_of_four_levels_can_be_shown() -> None:
    found = compare_arms(study(0.2, 6))
    assert says(found, "No single level", "8 seed pairs can show it")
    assert not says(compare_arms(study(0.2, 8)), "No single level")
    # The test of slopes is one number a block and can.
    assert found.primary.slope.difference.p <= 0.05


def test_a_level_with_enough_pairs_can_be_shown_beside_levels_with_few() -> None:
    table = study(0.2, 10)
    few = (table["bias"] == 0.5) & (table["init_seed"] >= 6)
    found = compare_arms(table[~few])
    assert [len(level.blocks) for level in found.primary.levels] == [10, 6, 10, 10]
    assert found.primary.levels[-1].status is Status.HIGHER
    assert not says(found, "No single level")
    both = compare_arms(study(0.2, 6, (0.75,))), compare_arms(study(0.3, 6, (0.75,)))
    assert [says(arm, "No single level") for arm in both] == [False, False]
    together = adjusted(both)
    assert [arm.primary.levels[0].holm_p for arm in together] == [0.0625, 0.0625]
    assert all(says(arm, "6 seed pairs", "2 tests", "0.062", "7 seed pairs") for arm in together)
    surer = adjusted([both[0], compare_arms(study(0.3, 10, (0.75,)))])
    assert surer[0].primary.levels[0].status is Status.HIGHER
    assert not any(says(arm, "No single level") for arm in surer), "Holm spends less on the second"


def test_one_block_has_no_uncertainty_and_no_numbers() -> None:
    found = compare_arms(study(0.2, 1)).primary
    assert [level_words(level) for level in found.levels] == ["inconclusive (1 seed pair)"] * 4
    assert (differences(found), found.slope) == ([], None)
    assert found.absent["slope"] == (
        "seed pairs that are complete at every level below 1: 1, two needed"
    )


def test_planned_runs_that_are_not_there_are_named_and_complete_pairs_go_on() -> None:
    table, plan = study(0.1), conditions(range(8))
    gone = (table["init_seed"] == 2) & (table["bias"] == 0.5) & (table["labels"] == "descriptive")
    found = compare_arms(table[~gone], planned=plan)
    assert found.missing == [{"arm": "descriptive", "bias": 0.5, "data_seed": 2, "init_seed": 2}]
    assert [len(level.blocks) for level in found.primary.levels] == [8, 7, 8, 8]
    assert found.primary.slope.difference.mean.n == 7
    assert says(found, "Runs of the design that are not there: 1")
    assert compare_arms(table, planned=plan).missing == []
    more = compare_arms(
        table, planned=[*conditions(range(8), (*BIASES, 0.95)), Condition(labels="context")]
    )
    assert [one["bias"] for one in more.missing] == [0.95] * 16


def test_an_absent_measure_is_reported_with_its_reason() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        end = effect(0.1)(condition)["end"]
        if condition.init_seed == 3:
            del end["silhouette_object"]
            end["absent"] = {"silhouette_object": "one point"}
        return moments(end, first=None)

    table = frame(conditions(range(8)), metrics)
    found = compare_arms(table, secondary=("silhouette_object", "background_reliance"))
    _, some, none = found.comparisons
    assert some.absent[f"run {conditions([3])[0].key}"] == "one point"
    assert [len(level.blocks) for level in some.levels] == [7] * 4
    assert none.absent == {"measure": "no run has background_reliance at the moment end"}
    assert {level.status for level in none.levels} == {Status.NOT_DECIDED}
    early = compare_arms(table, moment="first_fit").primary
    assert early.absent["measure"] == "the training captions were never fitted"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 300}, r"The runs differ in steps \(300, 700\)"),
        ({"data_version": "0"}, r"The runs differ in data_version \(0, "),
        ({"size_mode": "fixed_total"}, r"The runs differ in size_mode \(fixed_total, shrink\)"),
        ({"mitigation": "reweight"}, "differ in mitigation"),
    ],
)
def test_runs_that_differ_in_anything_else_are_refused(change: dict[str, Any], words: str) -> None:
    wanted = conditions(range(6))
    with pytest.raises(AnalysisError, match=words):
        compare_arms(frame([*wanted[:-1], wanted[-1].replace(**change)], effect(0.1)))


def test_devices_are_not_mixed_and_versions_are_noted() -> None:
    def table(**last: str) -> pd.DataFrame:
        *most, one = conditions(range(6))
        runs = [run(condition, effect(0.1)(condition)) for condition in most]
        return runs_table([*runs, run(one, effect(0.1)(one), **last)])

    with pytest.raises(AnalysisError, match=r"differ in device \(cpu, cuda\), so they do not"):
        compare_arms(table(device="cuda:0"))
    mixed = compare_arms(table(torch="2.10"))
    assert mixed.versions == 2
    assert says(mixed, "package versions")
    assert not says(compare_arms(study(0.1)), "versions")


def test_a_run_counts_once_and_both_arms_are_there() -> None:
    table = study(0.1)
    with pytest.raises(AnalysisError, match="is in the table twice"):
        compare_arms(pd.concat([table, table[table["init_seed"] == 0]]))
    with pytest.raises(AnalysisError, match="labels=context; the runs have descriptive, "):
        compare_arms(table, treatment="context")


def test_other_settings_are_factors_too() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        more = 0.1 * (condition.mitigation == "reweight")
        random = np.random.default_rng([condition.init_seed, int(100 * (condition.bias + more))])
        return moments({"minority_accuracy": estimate(0.6 + more + random.normal(0, 0.01))})

    wanted = conditions(range(8), (0.5, 0.75), mitigation=("none", "reweight", "groupdro"))
    found = compare_arms(
        frame(wanted, metrics), factor="mitigation", baseline="none", treatment="reweight"
    ).primary
    assert [status_words(level) for level in found.levels] == ["higher with reweight"] * 2
    assert [len(level.blocks) for level in found.levels] == [8, 8]


def test_crossed_seeds_are_separated() -> None:
    wanted = [
        Condition(bias=bias, labels=labels, data_seed=d, init_seed=i)
        for d in range(3)
        for i in range(3)
        for bias in BIASES
        for labels in ("undescriptive", "descriptive")
    ]
    found = compare_arms(frame(wanted, effect(0.1))).primary.components
    # The factory lets blocks differ by their initialisation seed alone.
    assert found["init"] > 10 * found["data"]
    together = compare_arms(study(0.1)).primary.components
    assert "not separable" in together["reason"]


@pytest.mark.parametrize(("seeds", "biases"), [(8, BIASES), (8, (0.5,)), (1, BIASES)])
def test_an_analysis_becomes_tables(seeds: int, biases: tuple[float, ...]) -> None:
    found = compare_arms(study(0.1, seeds, biases))
    tables = analysis_tables(found)
    assert tuple(tables) == TABLES
    assert all(len(table.columns) for table in tables.values())
    comparisons, slopes, absent = tables["comparisons"], tables["slopes"], tables["absent"]
    assert "background_reliance" in absent["measure"].tolist()
    assert len(tables["missing"]) == 0
    if len(biases) == 1 or seeds == 1:
        assert "slope" in absent.loc[absent["role"] == "primary", "part"].tolist()
        return
    primary = comparisons[comparisons["role"] == "primary"]
    assert primary["bias"].tolist() == list(BIASES)
    level, row = found.primary.levels[1], primary.iloc[1]
    assert row["difference.low"] == level.difference.mean.low
    assert row["difference.p"] == level.difference.p
    assert (row["holm_p"], row["n"], row["verdict"]) == (level.holm_p, 8, status_words(level))
    assert row["seeds_needed.0.05.high"] == level.seeds_needed[0.05].high
    assert (row["phi"], row["difference.exact.low"]) == (level.phi, level.difference.exact.low)
    assert row["blocks"] == "d0s0 d1s1 d2s2 d3s3 d4s4 d5s5 d6s6 d7s7"
    assert slopes.loc[slopes["role"] == "primary", "scale"].tolist() == ["value", "logit"]


def test_how_often_a_study_without_an_effect_finds_one() -> None:
    found = []
    for start in range(20):
        table = frame(
            conditions(range(10 * start, 10 * start + 8), (0.0, 0.75)), effect(0.0, sd=0.05)
        )
        found.append(compare_arms(table, secondary=()).primary)
    shown = [
        any(level.status in (Status.HIGHER, Status.LOWER) for level in one.levels) for one in found
    ]
    assert np.mean(shown) <= 0.15
    assert np.mean([one.slope.difference.p <= 0.05 for one in found]) <= 0.15
