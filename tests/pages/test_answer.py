"""The one answer on the pages: what descriptive labels change has the same number wherever it is
said."""

import re
from pathlib import Path

import pytest

from vlcore.classroom import answers
from vlcore.classroom.answers import Measurement, estimate_in_run
from vlcore.classroom.lessons import EXPERIMENTS
from vlcore.experiment.wording import difference
from vlcore.study.pooled import SETS, found, pooled
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
    assert numbers_in(text_of(opened())) == {answer.points}
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


@pytest.mark.parametrize("data", SETS)
def test_what_a_lesson_says_of_any_image_set_is_the_one_number(data: str, empty_home: Path) -> None:
    images = cache.named_set(data)
    lesson = results.lessons_of(images)[EXPERIMENTS]
    answer = results.lesson_answer(lesson, lesson.steps[-1], images)
    said = " ".join(answer.sentences)
    assert numbers_in(said) == {pooled(data).points}
    assert pooled(data).words in answers.measured_of(answer.claims[0], data)


def test_findings_and_documents_say_the_one_number(empty_home: Path) -> None:
    page = opened("5_Findings")
    first = next(part.value for part in page.markdown if "log odds" in part.value)
    assert first == found()
    answers_of_both = {pooled(data).points for data in SETS}
    assert numbers_in(first) == answers_of_both
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert answers_of_both <= numbers_in(readme)
    for document in ("docs/results/README.md", "docs/results/theory.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for data in SETS:
            assert difference(pooled(data).all_pairs.mean_log_odds.as_dict()) in text, document
    teaching = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    assert pooled("scenes").points in numbers_in(teaching)
