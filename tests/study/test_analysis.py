"""Studies whose answer is known: it is found or left open; what does not compare is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.numbers import N, estimate
from tests.study.frames import BIASES, STYLES, conditions, frame, moments, run
from vlcore.experiment.condition import Condition
from vlcore.metrics.catalogue import PRIMARY
from vlcore.metrics.paired import Status, holm
from vlcore.study import analysis
from vlcore.study.analysis import Level
from vlcore.study.runs_table import AnalysisError, runs_table

SHORT, DESCRIPTIVE = STYLES


def effect(
    size: float, sd: float = 0.01, fall: float = 0.3
) -> Callable[[Condition], dict[str, Any]]:
    """Minority accuracy falls by `fall` per bias, with descriptive captions by `size` less."""

    def metrics(condition: Condition) -> dict[str, Any]:
        arm = int(condition.labels == DESCRIPTIVE)
        random = np.random.default_rng([condition.init_seed, arm, int(condition.bias * 100)])
        block = np.random.default_rng(condition.init_seed).normal(0, 0.03)
        value = 0.8 + block - condition.bias * (fall - size * arm) + random.normal(0, sd)
        value = round(N * min(max(value, 0.0), 1.0)) / N
        return moments({PRIMARY: estimate(value), "silhouette_object": estimate(value - 0.4)})

    return metrics


def study(
    size: float, seeds: int = 8, biases: tuple[float, ...] = BIASES, sd: float = 0.01
) -> pd.DataFrame:
    return frame(conditions(range(seeds), biases), effect(size, sd))


def compare(table: pd.DataFrame, measure: str = PRIMARY) -> list[Level]:
    table = table.assign(arm=table["labels"])
    return analysis.compare_arms(table, SHORT, [DESCRIPTIVE], measure, free=["labels"])


@pytest.mark.parametrize(("size", "status"), [(0.2, Status.HIGHER), (-0.2, Status.LOWER)])
def test_an_effect_is_found_with_its_sign(size: float, status: Status) -> None:
    levels = compare(study(size))
    assert {level.verdict for level in levels[1:]} == {f"{status} with descriptive"}
    assert levels[-1].difference.mean.value == pytest.approx(0.9 * size, abs=0.03)
    assert levels[-1].difference_words.startswith(f"{90 * size:+.0f}"[:2])


@pytest.mark.parametrize(
    ("measure", "words"),
    [(PRIMARY, "equivalent within ±5 points"), ("silhouette_object", "inconclusive")],
)
def test_no_effect_is_equivalent_within_a_margin_of_images(measure: str, words: str) -> None:
    assert {level.verdict for level in compare(study(0.0), measure)} == {words}


def test_pairs_that_all_differ_by_the_same_are_not_equivalent() -> None:
    def saturated(_condition: Condition) -> dict[str, Any]:
        return moments({PRIMARY: estimate(0.95)})

    for level in compare(frame(conditions(range(6)), saturated)):
        assert (level.status, level.equivalence_p) == (Status.NOT_DECIDED, None)
        assert level.difference_words == "0.0 points (the same in all seed pairs)"


@pytest.mark.parametrize(("images", "status"), [(8, Status.NOT_DECIDED), (20, Status.EQUIVALENT)])
def test_few_images_call_no_arms_equivalent(images: int, status: Status) -> None:
    def nearly_alike(condition: Condition) -> dict[str, Any]:
        wrong = condition.init_seed == 0 and condition.labels == DESCRIPTIVE
        return moments({PRIMARY: estimate(1 - wrong / images, images)})

    levels = compare(frame(conditions(range(30)), nearly_alike))
    assert {(level.images, level.status) for level in levels} == {(images, status)}


def test_a_level_is_a_paired_comparison_of_its_blocks() -> None:
    table = study(0.1)
    level = compare(table)[2]
    rows = table[(table["bias"] == 0.75) & (table["moment"] == "end")]
    rows = rows[rows["measure"] == PRIMARY]
    first, second = (rows[rows["labels"] == style]["value"] for style in STYLES)
    reference = stats.ttest_rel(second, first).confidence_interval()
    assert level.difference.mean.low == pytest.approx(reference.low)
    assert level.baseline.value == pytest.approx(first.mean())
    assert level.blocks == tuple(f"d{seed}s{seed}" for seed in range(8))


def test_levels_and_arms_are_adjusted_for_their_number() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        more = {"none": 0.0, "reweight": 0.06, "groupdro": 0.03}[condition.mitigation]
        random = np.random.default_rng([condition.init_seed, int(100 * (condition.bias + more))])
        return moments({PRIMARY: estimate(round(0.6 + more + random.normal(0, 0.02), 3))})

    arms = ("none", "reweight", "groupdro")
    table = frame(conditions(range(8), (0.5, 0.75), mitigation=arms), metrics)
    table = table.assign(arm=table["mitigation"])
    levels = analysis.compare_arms(table, arms[0], arms[1:], free=["mitigation"])
    assert [(level.arm, level.bias) for level in levels] == [
        (arm, bias) for arm in arms[1:] for bias in (0.5, 0.75)
    ]
    expected = holm([level.difference.p for level in levels])
    assert [level.holm_p for level in levels] == pytest.approx(expected)
    closeness = holm([level.difference.equivalence_p for level in levels])
    assert [level.equivalence_p for level in levels] == pytest.approx(closeness)
    assert [level.verdict for level in levels[:2]] == ["higher with reweight"] * 2


def test_bias_1_is_reported_and_not_tested() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        return moments({PRIMARY: estimate(0.0)}) if condition.bias == 1 else effect(0.1)(condition)

    *levels, last = compare(frame(conditions(range(8), (*BIASES, 1.0)), metrics))
    assert (last.holm_p, last.status) == (None, Status.NOT_DECIDED)
    assert last.verdict.startswith("not tested")
    assert levels == compare(study(0.1))


def test_five_blocks_decide_nothing_and_one_has_no_numbers() -> None:
    assert {level.status for level in compare(study(0.2, 5))} == {Status.NOT_DECIDED}
    for level in compare(study(0.2, 1)):
        assert (level.difference, level.difference_words, len(level.blocks)) == (None, "", 1)


def test_each_level_rests_on_its_complete_pairs() -> None:
    table = study(0.1)
    gone = (table["init_seed"] == 2) & (table["bias"] == 0.5) & (table["labels"] == DESCRIPTIVE)
    levels = compare(table[~gone])
    assert [len(level.blocks) for level in levels] == [8, 7, 8, 8]
    assert levels[1].difference.mean.n == 7
    only = compare(table[table["labels"] == SHORT])
    assert [level.blocks for level in only] == [()] * 4


def test_an_absent_measure_is_reported_with_its_reason() -> None:
    def metrics(condition: Condition) -> dict[str, Any]:
        end = effect(0.1)(condition)["end"]
        del end["silhouette_object"]
        end["absent"] = {"silhouette_object": "one point"}
        return moments(end)

    table = frame(conditions(range(2)), metrics)
    with pytest.raises(AnalysisError, match="No run has a value of silhouette_object: one point"):
        compare(table, "silhouette_object")
    with pytest.raises(AnalysisError, match="beauty: no run has it"):
        compare(table, "beauty")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": 300}, r"The runs differ in steps \(300, 700\)"),
        ({"data_version": "0"}, r"The runs differ in data_version \(0, "),
        ({"mitigation": "reweight"}, "differ in mitigation"),
    ],
)
def test_runs_that_differ_in_anything_else_are_refused(change: dict[str, Any], words: str) -> None:
    wanted = conditions(range(6))
    with pytest.raises(AnalysisError, match=words):
        compare(frame([*wanted[:-1], wanted[-1].replace(**change)], effect(0.1)))


def test_devices_are_not_mixed_and_a_run_counts_once() -> None:
    *most, last = conditions(range(6))
    runs = [run(condition, effect(0.1)(condition)) for condition in most]
    with pytest.raises(AnalysisError, match=r"differ in device \(cpu, cuda\), so they do not"):
        compare(runs_table([*runs, run(last, effect(0.1)(last), device="cuda:0")]))
    table = study(0.1)
    with pytest.raises(AnalysisError, match="is in the table twice"):
        compare(pd.concat([table, table[table["init_seed"] == 0]]))


def test_how_often_a_study_without_an_effect_finds_one() -> None:
    shown = []
    for start in range(20):
        wanted = conditions(range(10 * start, 10 * start + 8), (0.0, 0.75))
        levels = compare(frame(wanted, effect(0.0, sd=0.05)))
        shown.append(any(level.status in (Status.HIGHER, Status.LOWER) for level in levels))
    assert np.mean(shown) <= 0.15
