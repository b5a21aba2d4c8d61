"""The one answer on the pages: what descriptive labels change has the same number wherever it is
said."""

import re
from pathlib import Path

import pytest

from vlcore.classroom.answers import Measurement, estimate_in_run
from vlcore.classroom.lessons import EXPERIMENTS
from vlcore.study.pooled import pooled
from vlcore.web import cache
from vlcore.web.lesson import results

from .app import opened, text_of

ROOT = Path(__file__).parents[2]
POINTS = re.compile(r"[-+]?[\d.]+ points \([-+]?[\d.]+ to [-+]?[\d.]+\)")


def numbers_in(text: str) -> set[str]:
    """Every difference in points with an interval."""
    return set(POINTS.findall(" ".join(text.split())))


def test_home_lesson_and_handout_say_the_one_number(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLCORE_SHIPPED", str(ROOT / "models" / "shipped"))
    answer = pooled("scenes")
    step = results.lessons_of(cache.named_set("scenes"))[EXPERIMENTS].steps[-1]
    left, right = (cache.artifact(model.key).metrics["end"] for model in step.conditions)
    # Pages say that of the bundled runs beside it.
    in_this_run = Measurement(
        step, "", estimate_in_run(step.quantity, left, right), runs=False
    ).number
    home = text_of(opened())
    assert numbers_in(home) == {answer.points}
    assert "seed 0, one of those that the recipe was tuned on" in home
    lesson = opened("6_Lesson", step="bias-and-labels", phase="reveal")
    assert numbers_in(text_of(lesson)) - {in_this_run} == {answer.points}
    images = cache.named_set("scenes")
    questions = results.lessons_of(images)[EXPERIMENTS]
    paper = results.lesson_handout(questions, images, lecturer=True)
    assert numbers_in(paper) - {in_this_run} == {answer.points}
    assert "in the published runs" in paper
    assert "C7, the study says" in paper
    assert "another seed gives other numbers" in paper
    student = results.lesson_handout(questions, images, lecturer=False)
    assert numbers_in(student) == set(), "the handout gives no answer away"
    assert "n = " not in student
    assert all(each.question in student and each.question in paper for each in questions.steps)
