"""A class in a browser: a presenter and students, each in a browser of their own, and no host but the lab's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import needs_chromium
from vlcore.core.condition import Condition
from vlcore.lessons.script import COLLAPSE, EXPERIMENTS, lessons

from .serving import PATIENCE, opened, settled

LESSONS = lessons(Condition())
FIRST, SECOND, *_ = LESSONS[EXPERIMENTS].steps

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def person(browser: Browser, server: str) -> Iterator[Callable[[int, int], Page]]:
    """Opens a browser of somebody's own; the test fails if any asks another host for anything or complains."""
    people: list[Page] = []
    complaints: list[str] = []

    def come(width: int, height: int) -> Page:
        people.append(opened(browser, server, complaints, viewport={"width": width, "height": height}))
        return people[-1]

    yield come
    for page in people:
        page.context.close()
    assert complaints == []


def votes(presenter: Page, number: int) -> None:
    expect(presenter.get_by_test_id("stMetricValue")).to_have_text(str(number), timeout=PATIENCE)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def started(page: Page, server: str) -> str:
    """Start a class; gives its code."""
    page.goto(f"{server}/Lesson")
    press(page, "Start a lesson for a class")
    votes(page, 0)
    return page.url.partition("code=")[2][:4]


def test_a_class_votes_and_sees_what_the_presenter_reveals(person: Callable[[int, int], Page], server: str) -> None:
    presenter, student, other = person(1440, 1000), person(420, 800), person(800, 1000)
    code = started(presenter, server)
    expect(presenter.get_by_text(code, exact=True)).to_be_visible(timeout=PATIENCE)
    for page in (student, other):
        page.goto(f"{server}/Lesson?code={code}")
        expect(page.get_by_role("heading", name=FIRST.question)).to_be_visible(timeout=PATIENCE)
    press(student, "Vote A")
    expect(student.get_by_text("Your vote is in")).to_be_visible(timeout=PATIENCE)
    votes(presenter, 1)
    press(other, "Vote B")
    votes(presenter, 2)

    student.goto(f"{server}/Lesson?code={code}")  # the link again is no second vote, and forgets nothing
    expect(student.get_by_role("button", name="A is my answer")).to_be_visible(timeout=PATIENCE)
    press(student, "Vote C")
    expect(student.get_by_role("button", name="C is my answer")).to_be_visible(timeout=PATIENCE)
    votes(presenter, 2)
    assert student.evaluate("document.documentElement.scrollWidth") <= 420

    press(presenter, "Run it")
    expect(presenter.get_by_text("Trained.")).to_be_visible(timeout=PATIENCE)
    press(presenter, "Reveal")
    for page in (presenter, student, other):
        expect(page.get_by_text("What the room said: 2 votes")).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_text("In the published runs:")).to_be_visible(timeout=PATIENCE)
        bars = page.locator("path[aria-label^='by background: 1 vote']")
        expect(bars).to_have_count(1, timeout=PATIENCE)
    expect(student.get_by_text("Your vote was “by background”.")).to_be_visible(timeout=PATIENCE)
    expect(student.get_by_role("button", name="C is my answer")).to_have_count(0)

    presenter.reload()  # the browser knows what leads
    press(presenter, f"Next question: {SECOND.title}")
    for page in (student, other):
        expect(page.get_by_role("heading", name=SECOND.question)).to_be_visible(timeout=PATIENCE)
        expect(page.get_by_role("button", name="Vote A")).to_be_visible(timeout=PATIENCE)
    votes(presenter, 0)


def test_alone_the_address_holds_lesson_and_question(person: Callable[[int, int], Page], server: str) -> None:
    page = person(1440, 1000)
    page.goto(f"{server}/Lesson")
    page.get_by_role("radio", name=COLLAPSE).click()
    first, second, _ = LESSONS[COLLAPSE].steps
    expect(page.get_by_role("heading", name=first.question)).to_be_visible(timeout=PATIENCE)
    press(page, f"2 · {second.title}")
    expect(page.get_by_role("heading", name=second.question)).to_be_visible(timeout=PATIENCE)
    settled(page)
    expect(page.get_by_role("button", name="Run it")).to_be_visible(timeout=PATIENCE)  # it would train at once
    page.reload()
    expect(page.get_by_role("heading", name=second.question)).to_be_visible(timeout=PATIENCE)
    settled(page)
    expect(page.get_by_role("button", name="Run it")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("link", name="Findings")).to_be_visible()
    page.goto(f"{page.url}&hide=controls")
    expect(page.get_by_role("heading", name=second.question)).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_role("link", name="Findings")).to_have_count(0)
    expect(page.get_by_label("Image set")).to_have_count(0)


def test_the_hand_out_prints_without_a_network(person: Callable[[int, int], Page], server: str, tmp_path: Path) -> None:
    page = person(1440, 1000)
    page.goto(f"{server}/Lesson")
    with page.expect_download() as waiting:
        press(page, "Hand-out")
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    page.context.set_offline(True)
    paper = page.context.new_page()
    paper.goto(file.as_uri())
    for step in LESSONS[EXPERIMENTS].steps:
        expect(paper.get_by_text(step.question, exact=True).first).to_be_visible()
    assert paper.evaluate("document.querySelector('td:empty').offsetHeight") > 30, "room to write"
    pages = re.findall(rb"/Type\s*/Page\b", paper.pdf(format="A4"))
    assert len(pages) == 4, "what it is about, two questions on each of two pages, and the words"
