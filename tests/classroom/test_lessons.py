"""Lessons as data: answers that leave nothing out, links that name a step, and words for any
set."""

import itertools
import math

import pytest

from vlcore.classroom.lessons import LETTERS, Lesson, lessons, placeholders
from vlcore.experiment.condition import STUDY_BIAS, Condition
from vlcore.experiment.grouping import SCENES, Grouping
from vlcore.metrics.paired import EQUIVALENCE
from vlcore.study import plans

PETS = Grouping(("cat", "dog"), ("home", "park"))
ALL = [
    *lessons(Condition()).values(),
    *lessons(Condition(data="pets", data_version="1"), PETS).values(),
]
STEPS = [step for lesson in ALL for step in lesson.steps]


def test_the_answers_are_ranges_that_leave_nothing_out_and_do_not_overlap() -> None:
    same = [choice for step in STEPS for choice in step.choices if choice.name == "same"]
    assert {(choice.low, choice.high) for choice in same} == {(-0.02, 0.02)}
    assert same[0].high < EQUIVALENCE, "what the study calls about the same is wider"
    for step in STEPS:
        ranges = sorted(step.choices, key=lambda choice: choice.low)
        assert (ranges[0].low, ranges[-1].high) == (-math.inf, math.inf)
        assert all(one.high == following.low for one, following in itertools.pairwise(ranges))
        assert all(choice.low < choice.high for choice in ranges)
        assert 3 <= len(step.choices) <= 4 <= len(LETTERS)
        assert len({choice.name for choice in step.choices}) == len(
            {choice.text for choice in step.choices}
        )


@pytest.mark.parametrize("lesson", ALL, ids=lambda lesson: lesson.name)
def test_steps_have_names_of_their_own_that_stand_in_an_address(lesson: Lesson) -> None:
    names = [step.name for step in lesson.steps]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)
    assert [lesson.place(name) for name in names] == list(range(len(names)))
    assert lesson.place("<script>") == lesson.place(None) == 0


def test_the_lessons_are_the_four_experiments_and_the_collapse() -> None:
    made = lessons(Condition())
    assert list(made) == ["four-experiments", "collapse"]
    steps = made["four-experiments"].steps
    assert [step.right for step in steps] == list(plans.find("experiments", Condition()).conditions)
    one, two, three = made["collapse"].steps
    assert one.right.negatives == two.right.negatives == three.left.negatives == "none"
    assert three.right == Condition()


@pytest.mark.parametrize("lesson", ALL, ids=lambda lesson: lesson.name)
def test_left_and_right_differ_in_one_thing(lesson: Lesson) -> None:
    for step in lesson.steps:
        left, right = step.left.as_dict(), step.right.as_dict()
        differing = [name for name in left if left[name] != right[name]]
        # Before its first step no model has seen a pair, so how pairs are drawn is no difference
        # there.
        assert len([name for name in differing if step.left.steps or name != "negatives"]) == 1


def test_words_are_those_of_the_set_and_give_no_answer_away() -> None:
    for step in STEPS:
        words = " ".join(
            [step.text, step.question, *step.look, *(choice.text for choice in step.choices)]
        )
        assert not any(
            word in words for word in (" helps", " hurts", "mitigate", "improves", "worsens")
        )
        if step.right.data == "pets":
            words = f"{words} {step.quantity.words}".replace("”", " ").replace("“", " ")
            assert not {"animal", "horse", "camel", "desert"} & set(words.split())
    groups = placeholders(Condition(), PETS)
    assert groups["groups"] == "cat, home; cat, park; dog, park; and dog, home"
    assert groups["minority_or"] == "cat, park; or dog, home"
    assert (
        placeholders(Condition(), SCENES)["minority_or"] == "horse in the desert or camel on grass"
    )
    text = lessons(Condition(n_per_group=20))["four-experiments"].steps[2].text
    assert f"bias {100 * STUDY_BIAS:.0f}% (5 of 20 rare images kept)" in text
