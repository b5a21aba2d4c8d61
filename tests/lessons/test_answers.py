"""What decides an answer: whole intervals only, runs enough, and every source by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from tests.runs.published import publish
from tests.studies.frames import estimate
from vlcore.core.condition import Condition
from vlcore.core.grouping import SCENES
from vlcore.lessons import answers as numbers
from vlcore.lessons.script import EXPERIMENTS, Step, lessons
from vlcore.measures.estimate import Estimate
from vlcore.studies import plans
from vlcore.studies.runs_table import runs_table, write_tables

LESSON = lessons(Condition())[EXPERIMENTS]
SORTING, _, BIAS, LABELS = LESSON.steps


def name_of(step: Step, low: float, high: float, n: int = 1000, *, runs: bool = False) -> str | None:
    choice = numbers.decided(step, Estimate((low + high) / 2, low, high, n), runs=runs)
    return None if choice is None else choice.name


@pytest.mark.parametrize(
    ("low", "high", "name"),
    [
        (0.91, 0.95, "nearly-always"), (0.9, 0.95, "nearly-always"), (0.89, 0.95, None), (0.71, 0.89, "mostly"),
        (0.5, 0.69, "a-little"), (0.69, 0.7, None), (0.45, 0.55, None), (0.1, 0.49, "background"), (0.4, 0.95, None),
    ],
)  # fmt: skip
def test_an_answer_needs_the_whole_interval(low: float, high: float, name: str | None) -> None:
    assert name_of(BIAS, low, high) == name


@given(some.floats(0, 1), some.floats(0, 1))
def test_what_decides_leaves_one_answer_open_and_else_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    read = numbers.reading(BIAS, "here", Estimate(low, low, high, 9), runs=True)
    assert (len(read.open) == 1) == (read.decides is not None)
    assert read.open
    if read.decides:
        assert read.open == (read.decides,)


@pytest.mark.parametrize(("n", "name"), [(2, None), (5, None), (6, "mostly"), (20, "mostly")])
def test_fewer_than_six_runs_decide_nothing(n: int, name: str | None) -> None:
    assert name_of(BIAS, 0.75, 0.8, n, runs=True) == name
    assert name_of(BIAS, 0.75, 0.8, n) == "mostly", "of pictures, any number"


def end(**measures: float) -> dict[str, dict[str, float | int]]:
    return {name: estimate(value) for name, value in measures.items()}


def test_one_number_keeps_its_own_interval() -> None:
    right = end(minority_accuracy=0.6)
    found = numbers.in_one_run(BIAS, {}, right)
    assert found.as_dict() == right["minority_accuracy"]


def test_a_difference_of_one_run_has_the_widest_interval() -> None:
    left, right = end(minority_accuracy=0.8), end(minority_accuracy=0.6)
    found = numbers.in_one_run(LABELS, left, right)
    assert found.value == pytest.approx(-0.2)
    assert found.low == pytest.approx(right["minority_accuracy"]["low"] - left["minority_accuracy"]["high"])
    assert found.high == pytest.approx(right["minority_accuracy"]["high"] - left["minority_accuracy"]["low"])
    both = end(silhouette_context=0.1, silhouette_object=0.7)
    assert numbers.in_one_run(SORTING, {}, both).value == pytest.approx(-0.6)


def test_what_is_not_defined_says_why() -> None:
    with pytest.raises(ValueError, match="all in one point"):
        numbers.in_one_run(BIAS, {}, {"absent": {"minority_accuracy": "all in one point"}})


def values(step: Step, pairs: dict[int, tuple[float, float]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for seed, numbers_ in pairs.items():
        for condition, value in zip(step.conditions, numbers_, strict=True):
            key = condition.replace(data_seed=seed, init_seed=seed).key
            found[key] = {"minority_accuracy": value}
    return found


def test_runs_are_paired_by_their_seeds_and_have_a_t_interval() -> None:
    pairs = {0: (0.8, 0.7), 2: (0.6, 0.65), 3: (0.7, 0.5)}
    found = numbers.over_runs(LABELS, values(LABELS, pairs), range(5))
    differences = [right - left for left, right in pairs.values()]
    low, high = stats.t.interval(0.95, 2, np.mean(differences), stats.sem(differences))
    assert (found.value, found.low, found.high, found.n) == pytest.approx((np.mean(differences), low, high, 3))


def test_a_share_stays_one() -> None:
    found = numbers.over_runs(BIAS, values(BIAS, {0: (1, 0.99), 1: (1, 0.4)}), range(2))
    assert (found.low, found.high) == (0.0, 1.0)


def test_half_a_pair_is_none_and_one_pair_is_no_interval() -> None:
    there = values(LABELS, {0: (0.8, 0.7), 1: (0.6, 0.65)})
    del there[LABELS.left.replace(data_seed=1, init_seed=1).key]
    with pytest.raises(ValueError, match="needs two blocks of seeds, not 1"):
        numbers.over_runs(LABELS, there, range(5))


def test_published_results_are_read_as_they_were_written(tmp_path, empty_home) -> None:
    study = plans.find("experiments", Condition(), 7)
    frame = runs_table(publish(study.conditions))
    for grid in ("experiments", "paper"):
        write_tables(frame, tmp_path / grid / "scenes", "runs")
    found = numbers.published_results("scenes", tmp_path)
    assert len(found) == len(frame), "a run in two tables is one run"
    assert numbers.published_results("elsewhere", tmp_path).empty
    there = numbers.values_of(found, numbers.measures_of(LESSON))
    assert set(there) == {condition.key for condition in study.conditions}
    assert numbers.over_runs(LABELS, there, numbers.SEEDS).n == 7
    verdicts = numbers.claims(found, LESSON, SCENES)
    assert list(verdicts) == [f"C{number}" for number in range(1, 9)]
    assert verdicts["C7"].n == 7
    assert numbers.claims(found[found["key"] == "none"], LESSON, SCENES) == {}


def test_words_have_the_number_its_interval_and_what_it_was_counted_on() -> None:
    few = numbers.reading(BIAS, "in these", Estimate(0.61, 0.5, 0.69, 4), runs=True)
    assert numbers.reading_words(BIAS, few) == (
        "Right on minority pictures, in these: 61\u00a0% (50 to 69), n = 4 runs. Not decided: fewer than 6 runs decide "
        "nothing."
    )
    wide = numbers.reading(LABELS, "in these", Estimate(-0.05, -0.18, 0.03, 7), runs=True)
    assert numbers.number_words(LABELS, wide.estimate) == "-5 points (-18 to +3)"
    assert numbers.decision_words(wide).startswith("Not decided: the interval leaves “less often")
    one = numbers.reading(SORTING, "in this run", Estimate(-0.68, -0.71, -0.66, 2000), runs=False)
    assert numbers.reading_words(SORTING, one).endswith(
        "in this run: -0.68 (-0.71 to -0.66), 2,000 pictures. The answer is “by animal”."
    )
