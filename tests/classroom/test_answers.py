"""What decides an answer: whole intervals only, runs enough, and every source by itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as some
from scipy import stats

from tests.numbers import estimate
from vlcore.classroom import answers
from vlcore.classroom.answers import Measurement, estimate_in_run, estimate_over_runs, with_seed
from vlcore.classroom.lessons import LessonStep, Quantity, lessons
from vlcore.experiment.condition import Condition
from vlcore.metrics.estimate import Estimate
from vlcore.study.answer_file import published_answer

LESSON = lessons(Condition())["four-experiments"]
SORTING, _, BIAS, LABELS = LESSON.steps


@given(some.floats(0, 1), some.floats(0, 1))
@example(0.9, 0.95)
@example(0.69, 0.7)
def test_what_decides_holds_the_whole_interval_and_else_more_is_open(
    one: float, other: float
) -> None:
    low, high = sorted((one, other))
    read = Measurement(BIAS, "here", Estimate(low, low, high, 9), runs=True)
    holding = [choice for choice in BIAS.choices if choice.low <= low and high < choice.high]
    assert [read.decides] == (holding or [None])
    assert (len(read.open) == 1) == bool(holding)


@pytest.mark.parametrize(("n", "enough"), [(2, False), (5, False), (6, True), (20, True)])
def test_fewer_than_six_runs_decide_nothing(n: int, enough: bool) -> None:
    value = Estimate(0.77, 0.75, 0.8, n)
    assert (Measurement(BIAS, "here", value, runs=True).decides is not None) == enough
    assert Measurement(BIAS, "here", value, runs=False).decides == BIAS.choice("mostly"), (
        "of pictures, any number"
    )


def end(**measures: float) -> dict[str, dict[str, float | int]]:
    return {name: estimate(value) for name, value in measures.items()}


def test_a_difference_of_one_run_has_the_widest_interval_and_one_number_its_own() -> None:
    left, right = end(minority_accuracy=0.8), end(minority_accuracy=0.6)
    assert estimate_in_run(BIAS.quantity, {}, right).as_dict() == right["minority_accuracy"]
    found = estimate_in_run(LABELS.quantity, left, right)
    assert (found.value, found.low, found.high) == pytest.approx((-0.2, 0.59 - 0.81, 0.61 - 0.79))
    both = end(silhouette_context=0.1, silhouette_object=0.7)
    assert estimate_in_run(SORTING.quantity, {}, both).value == pytest.approx(-0.6)
    with pytest.raises(ValueError, match="all in one point"):
        estimate_in_run(BIAS.quantity, {}, {"absent": {"minority_accuracy": "all in one point"}})


def values(step: LessonStep, pairs: dict[int, tuple[float, float]]) -> dict[str, dict[str, float]]:
    return {
        with_seed(condition, seed).key: {"minority_accuracy": value}
        for seed, measured in pairs.items()
        for condition, value in zip(step.conditions, measured, strict=True)
    }


def over_runs(step: LessonStep, values: dict[str, dict[str, float]]) -> Estimate:
    return estimate_over_runs(step.quantity, step.conditions, values)


def test_runs_are_paired_by_their_seeds_and_have_a_t_interval() -> None:
    pairs = {0: (0.8, 0.7), 2: (0.6, 0.65), 3: (0.7, 0.5)}
    estimate = over_runs(LABELS, values(LABELS, pairs))
    differences = [right - left for left, right in pairs.values()]
    low, high = stats.t.interval(0.95, 2, np.mean(differences), stats.sem(differences))
    assert estimate.as_dict() == pytest.approx(
        {"value": np.mean(differences), "low": low, "high": high, "n": 3}
    )
    share = over_runs(BIAS, values(BIAS, {0: (1, 0.99), 1: (1, 0.4)}))
    assert (share.low, share.high) == (0.0, 1.0), "a share stays one"
    half = values(LABELS, {0: (0.8, 0.7), 1: (0.6, 0.65)})
    del half[with_seed(LABELS.left, 1).key]
    with pytest.raises(ValueError, match="two"):
        over_runs(LABELS, half)


def test_the_published_number_of_a_question_is_that_of_the_file() -> None:
    told = published_answer().lessons["four-experiments"].steps
    for data in ("scenes", "balanced-cues", "pets"):
        lesson = lessons(Condition(data=data, data_version="2"))["four-experiments"]
        for step in lesson.steps:
            found = answers.published_measurement(lesson, step)
            number = told[step.name].get(data)
            assert (found is None) == (number is None)
            if found and number:
                assert found.runs
                assert found.estimate.as_dict() == vars(number)


def test_a_sentence_about_numbers_of_other_sets_is_not_for_an_own_set() -> None:
    for name, lesson in published_answer().lessons.items():
        assert answers.take_home(name, "scenes") == lesson.take_home
        assert (answers.take_home(name, "pets") == "") == bool(lesson.published)
    assert answers.take_home("nothing", "scenes") == ""


def test_values_are_those_of_the_end_and_of_runs_that_differ_in_their_seeds_alone() -> None:
    condition, accuracy = Condition(bias=0.75), Quantity("minority_accuracy")
    others = [condition.replace(init_seed=1), with_seed(condition, 9).replace(steps=3)]
    rows = [
        *((with_seed(condition, seed).key, "end", accuracy.measure, 0.7) for seed in range(4)),
        *((other.key, "end", accuracy.measure, 0.1) for other in others),
        (condition.key, "untrained", accuracy.measure, 0.2),
        (condition.key, "end", "loss", 0.3),
    ]
    frame = pd.DataFrame(rows, columns=["key", "moment", "measure", "value"])
    values = answers.values_of(frame, [accuracy])
    estimate = estimate_over_runs(accuracy, (condition, condition), values)
    assert estimate == Estimate(0.7, 0.7, 0.7, 4)
