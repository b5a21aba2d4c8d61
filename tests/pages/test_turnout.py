"""The door of a lesson on its pages: whoever leads closes it, and sees where the votes came
from."""

from functools import partial
from pathlib import Path

import pytest

from vlcore.classroom import one_room
from vlcore.classroom import session as lesson_room
from vlcore.classroom.lessons import EXPERIMENTS
from vlcore.classroom.session import close_door, find_session, is_closed, vote
from vlcore.web.components import browser

from .app import FakeQueue, opened, press, text_of

FIRST = "short-labels"
start = partial(opened, "6_Lesson")


@pytest.fixture(autouse=True)
def no_cookies(queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has no browser that sends cookies, and no workers."""
    monkeypatch.setattr(browser, "remembered", lambda name: "")


def test_who_had_opened_the_lesson_votes_behind_its_closed_door_and_nobody_comes(
    empty_home: Path,
) -> None:
    started = lesson_room.start_session(EXPERIMENTS, "scenes", FIRST)
    page, student = start(code=started.code, presenter=started.token), start(code=started.code)
    press(page.run(), "Close the door (1 in)")
    assert is_closed(started.code)
    assert "door of this lesson is closed" in start(code=started.code).warning[0].value
    press(student.run(), "Vote A")
    assert "Your vote is in" in student.success[0].value
    assert "Run it" in [
        button.label for button in start(code=started.code, presenter=started.token).button
    ]
    press(page.run(), "Open the door (1 in)")
    assert not start(code=started.code).warning


@pytest.mark.parametrize(
    ("lesson", "step", "choice"),
    [(EXPERIMENTS, FIRST, "object"), (one_room.NAME, one_room.FIRST, one_room.DIRECTIONS[0])],
)
def test_many_votes_of_one_address_are_a_number_for_whoever_leads(
    empty_home: Path, lesson: str, step: str, choice: str
) -> None:
    started = lesson_room.start_session(lesson, "scenes", step)
    for number in range(6):
        vote(started.code, step, f"student-{number}", choice, [choice], f"10.0.0.{number // 5}")
    page = start(code=started.code, presenter=started.token)
    assert "6 votes from 6 browsers, 5 of them at one address, the others at 1." in text_of(page)
    assert "browsers" not in text_of(start(code=started.code))


def test_a_lesson_that_ended_has_no_door(empty_home: Path) -> None:
    started = lesson_room.start_session(EXPERIMENTS, "scenes", FIRST)
    page = start(code=started.code, presenter=started.token)
    close_door(started.code, started.token)
    lesson_room.delete_session(started.code, started.token)
    press(page, "Close the door (0 in)")
    assert find_session(started.code) is None
    assert not is_closed(started.code)
