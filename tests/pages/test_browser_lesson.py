"""A class in a browser: a presenter and a student, each in a browser of their own, and no host but
the lab's."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.chromium import needs_chromium
from vlcore.classroom.lessons import EXPERIMENTS, lessons
from vlcore.classroom.session import all_votes
from vlcore.experiment.condition import Condition

from .accessibility import judge_both
from .serving import complete, downloaded, expect_no_wider, expect_text, press, settled, unfold

LESSONS = lessons(Condition())
FIRST, SECOND, *_ = LESSONS[EXPERIMENTS].steps

pytestmark = [pytest.mark.browser, needs_chromium]


def votes(presenter: Page, number: int) -> None:
    expect(presenter.get_by_test_id("stMetricValue")).to_have_text(str(number))


def expect_question(page: Page, question: str) -> None:
    """Wait until a question is asked, and the page is done."""
    expect(page.get_by_role("heading", name=question)).to_be_visible()
    settled(page)


def test_a_class_votes_and_sees_what_the_presenter_reveals(
    come: Callable[..., Page], server: str
) -> None:
    presenter, student = come(), come(420, 800)
    presenter.goto(f"{server}/Lesson?lesson={EXPERIMENTS}")
    unfold(presenter, "With a class")
    press(presenter, "Start a lesson for a class")
    votes(presenter, 0)
    code = presenter.url.partition("code=")[2][:4]
    expect(presenter.get_by_text(code, exact=True)).to_be_visible()
    student.goto(f"{server}/Lesson?code={code}")
    expect_question(student, FIRST.question)
    press(student, "Vote A")
    expect_text(student, "Your vote is in")
    votes(presenter, 1)
    for page in (presenter, student):
        judge_both(page)

    student.goto(
        f"{server}/Lesson?code={code}"
    )  # the link again is no second vote, and forgets nothing
    expect(student.get_by_role("button", name="A is my answer")).to_be_visible()
    press(student, "Vote C")
    expect(student.get_by_role("button", name="C is my answer")).to_be_visible()
    # The number on the screen is 1 already: a second vote would be counted here at once.
    assert all_votes(code)[FIRST.name] == {"context": 1}
    votes(presenter, 1)
    expect_no_wider(student, 420)

    press(presenter, "Run it")
    expect_text(presenter, "Trained.")
    press(presenter, "Reveal")
    for page in (presenter, student):
        expect_text(page, "The class voted: 1 vote")
        expect_text(page, "In published runs:")
        expect(page.locator("path[aria-label^='by background: 1 vote']")).to_have_count(1)
    expect_text(student, "Your vote was “by background”.")
    complete(student)
    expect(student.get_by_role("button", name="C is my answer")).to_have_count(0)

    presenter.reload()  # the browser knows what leads
    press(presenter, "Next question")
    expect_question(student, SECOND.question)
    expect(student.get_by_role("button", name="Vote A")).to_be_visible()
    votes(presenter, 0)


def test_a_handout_is_one_page_of_paper_and_needs_no_network(page: Page, server: str) -> None:
    page.goto(f"{server}/Lesson?lesson={EXPERIMENTS}")
    expect_question(page, FIRST.question)
    file = downloaded(page, "Handout")
    page.context.set_offline(True)
    paper = page.context.new_page()
    paper.goto(file.as_uri())
    for step in LESSONS[EXPERIMENTS].steps:
        expect(paper.get_by_text(step.question).first).to_be_visible()
    assert paper.evaluate("document.querySelector('td:empty').offsetHeight") > 20, "room to write"
    assert len(re.findall(rb"/Type\s*/Page\b", paper.pdf(format="A4"))) == 1
