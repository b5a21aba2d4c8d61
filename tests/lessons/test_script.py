"""Lessons as data: answers that leave nothing out, links that name a step, and words for any set."""

from __future__ import annotations

import itertools
import math

import pytest

from vlcore.core.condition import STUDY_BIAS, Condition
from vlcore.core.grouping import SCENES, Grouping
from vlcore.lessons.script import COLLAPSE, EXPERIMENTS, LETTERS, Lesson, Step, lessons
from vlcore.studies import plans
from vlcore.studies.claims import claims

PETS = Grouping(("cat", "dog"), ("home", "park"))
ALL = [*lessons(Condition()).values(), *lessons(Condition(data="pets", data_version="1"), PETS).values()]
STEPS = [step for lesson in ALL for step in lesson.steps]


def test_two_lessons_are_there() -> None:
    assert list(lessons(Condition())) == [EXPERIMENTS, COLLAPSE]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_answers_are_ranges_that_leave_nothing_out_and_do_not_overlap(step: Step) -> None:
    ranges = sorted(step.choices, key=lambda choice: choice.low)
    assert (ranges[0].low, ranges[-1].high) == (-math.inf, math.inf)
    assert all(one.high == following.low for one, following in itertools.pairwise(ranges))
    assert all(choice.low < choice.high for choice in ranges)
    assert 3 <= len(step.choices) <= 4 <= len(LETTERS)
    assert len({choice.name for choice in step.choices}) == len({choice.text for choice in step.choices})


@pytest.mark.parametrize("lesson", ALL, ids=lambda lesson: lesson.name)
def test_steps_have_names_of_their_own_that_stand_in_an_address(lesson: Lesson) -> None:
    names = [step.name for step in lesson.steps]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalpha() and name.islower() for name in names)
    assert [lesson.place(name) for name in names] == list(range(len(names)))
    assert lesson.place("<script>") == lesson.place(None) == 0


def test_the_four_experiments_are_those_of_the_study_and_meet_all_of_its_claims() -> None:
    lesson = lessons(Condition())[EXPERIMENTS]
    assert [step.right for step in lesson.steps] == list(plans.find("experiments", Condition()).conditions)
    assert sorted(name for step in lesson.steps for name in step.claims) == [claim.id for claim in claims(SCENES)]


@pytest.mark.parametrize("lesson", ALL, ids=lambda lesson: lesson.name)
def test_left_and_right_differ_in_one_thing(lesson: Lesson) -> None:
    for step in lesson.steps:
        left, right = step.left.as_dict(), step.right.as_dict()
        differing = [name for name in left if left[name] != right[name]]
        # Before its first step no model has seen a pair, so how pairs are drawn is no difference there.
        assert len([name for name in differing if step.left.steps or name != "negatives"]) == 1


def test_the_collapse_is_the_text_taken_word_for_word() -> None:
    one, two, three = lessons(Condition())[COLLAPSE].steps
    assert one.right.negatives == two.right.negatives == three.left.negatives == "none"
    assert three.right == Condition()


@pytest.mark.parametrize("step", [*ALL[2].steps, *ALL[3].steps], ids=lambda step: step.name)
def test_a_set_of_other_names_has_its_own_words(step: Step) -> None:
    words = " ".join([step.text, step.question, step.quantity.words, *(choice.text for choice in step.choices)])
    assert not {"animal", "horse", "camel", "desert"} & set(words.replace("”", " ").replace("“", " ").split())


def test_the_numbers_of_bias_are_those_of_the_condition() -> None:
    text = lessons(Condition(n_per_group=20))[EXPERIMENTS].steps[2].text
    assert f"{100 * STUDY_BIAS:.0f} % removed (5 of 20 kept)" in text


def test_no_words_of_a_lesson_give_an_answer_away() -> None:
    for step in STEPS:
        for word in (" helps", " hurts", "mitigate", "improves", "worsens"):
            assert word not in f"{step.text} {step.question} {' '.join(step.look)}"
