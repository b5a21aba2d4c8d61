"""The one answer: every published number on Home, Compare and Lesson is that of answer.json."""

import html
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.classroom.answers import Measurement, estimate_in_run
from vlcore.classroom.session import move_session, start_session
from vlcore.study.answer_file import published_answer
from vlcore.web import cache
from vlcore.web.lesson import results

from .app import FakeQueue, opened, text_of, told_maps

ROOT = Path(__file__).parents[2]
POINTS = re.compile(r"[-+]?[\d.]+ points \([-+]?[\d.]+ to [-+]?[\d.]+\)")
LOST = "missing or damaged"
ODD = {"contrast": "-12.3 points (-13.4 to -11.2)", "lesson": "-34.6 points (-45.7 to -23.4)"}


def numbers_in(text: str) -> set[str]:
    """Every difference in points with an interval."""
    return set(POINTS.findall(" ".join(text.split())))


def all_text_of(page: AppTest) -> str:
    """The words of a page, with those in the largest type."""
    large = [html.unescape(part.proto.body) for part in page.get("html")]
    return " ".join([text_of(page), *large])


@pytest.fixture
def shipped(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLCORE_SHIPPED", str(ROOT / "models" / "shipped"))


@pytest.mark.usefixtures("shipped")
def test_pages_and_handout_say_the_numbers_of_the_file(changed_answer: Path) -> None:
    images = cache.named_set("scenes")
    questions = results.lessons_of(images)["four-experiments"]
    step = questions.steps[-1]
    left, right = (cache.artifact(model.key).metrics["end"] for model in step.conditions)
    # Pages say the number of the bundled runs beside it.
    estimate = estimate_in_run(step.quantity, left, right)
    in_this_run = Measurement(step, "", estimate, runs=False).number
    take_home = published_answer().lessons["four-experiments"].take_home
    home = opened()
    assert numbers_in(text_of(home)) == {ODD["contrast"]}
    pair = {"left": "bias:0.75", "right": "labels:descriptive,bias:0.75"}
    assert numbers_in(text_of(opened("3_Compare", **pair))) == {ODD["contrast"]}
    other_pair = pair | {"left": "bias:0"}
    assert numbers_in(text_of(opened("3_Compare", **other_pair))) == set()
    lesson = all_text_of(opened("6_Lesson", step="bias-and-labels", phase="reveal"))
    assert numbers_in(lesson) == {ODD["lesson"], in_this_run}
    assert take_home in lesson
    paper = results.lesson_handout(questions, images, lecturer=True)
    assert numbers_in(paper) == {ODD["lesson"], in_this_run}
    assert take_home in paper
    student = results.lesson_handout(questions, images, lecturer=False)
    assert numbers_in(student) == set(), "the handout gives no answer away"
    assert take_home not in student
    assert all(each.question in student and each.question in paper for each in questions.steps)


@pytest.mark.usefixtures("shipped")
def test_without_the_answer_home_lesson_and_handout_have_all_else(
    changed_answer: Path, queue: FakeQueue
) -> None:
    changed_answer.unlink()
    queue.disk = True
    home = opened()
    assert not home.error
    assert text_of(home).count(LOST) == 1
    assert len(told_maps(home, "card")) == 4
    lesson = opened("6_Lesson", step="short-labels", phase="reveal")
    assert not lesson.error
    assert text_of(lesson).count(LOST) == 1
    images = cache.named_set("scenes")
    paper = results.lesson_handout(
        results.lessons_of(images)["four-experiments"], images, lecturer=True
    )
    assert LOST in paper


@pytest.mark.usefixtures("shipped")
def test_a_class_sees_no_silhouette_but_behind_how_sure() -> None:
    page = opened("6_Lesson", step="short-labels", phase="reveal")
    [sure] = [box for box in page.expander if box.label == "How sure?"]
    inside = " ".join(part.value for part in [*sure.markdown, *sure.caption])
    assert "Separation by background minus separation by animal, in this run: " in inside
    number = published_answer().lessons["four-experiments"].steps["short-labels"]["scenes"]
    assert f"in published runs: {number.value:+.2f} (" in inside
    assert all_text_of(page).lower().count("silhouette") == inside.lower().count("silhouette")


@pytest.mark.usefixtures("empty_home")
def test_a_phone_has_the_sentence_to_take_home_at_the_last_question(
    changed_answer: Path, queue: FakeQueue
) -> None:
    first, *_, last = results.lessons_of(cache.named_set("scenes"))["collapse"].steps
    started = start_session("collapse", "scenes", first.name)
    sentence = published_answer().lessons["collapse"].take_home
    for step in (first, last):
        move_session(started.code, started.token, step.name, "reveal")
        page = opened("6_Lesson", code=started.code)
        assert (sentence in all_text_of(page)) == (step is last)
