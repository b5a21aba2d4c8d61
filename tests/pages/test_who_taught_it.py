"""Who taught it that on the page: alone, with a class, on a phone; in each phase."""

import shutil
from collections.abc import Iterator
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.stand_ins import published_trials
from tests.conftest import publish_as
from vlcore.api.models import load
from vlcore.artifacts import store
from vlcore.classroom import who_taught_it
from vlcore.classroom.session import find_session, start_session
from vlcore.classroom.who_taught_it import FIRST, RANK, TEST, WHO_TAUGHT_IT
from vlcore.data.catalogue import open_set
from vlcore.experiment.edits import MOST
from vlcore.web.lesson import who_taught_it as page_of_lesson

from .app import FakeQueue, alts, code_of, labels, look, opened, press, setting, text_of

IMAGES = open_set("scenes")
BASE = who_taught_it.explained_condition(IMAGES, "scratch")
REPLAY = page_of_lesson._REPLAY
GO, REMOVE = "Put it to the test", "Test it: remove them and train again"
lesson = partial(opened, "6_Lesson", lesson=WHO_TAUGHT_IT, towers="scratch")

pytestmark = pytest.mark.usefixtures("explained_here")


@pytest.fixture
def trained(quick: list[store.Artifact]) -> Iterator[store.Artifact]:
    """The model that the lesson explains: one of the quick experiments where other tests of this
    process have published them, else a copy."""
    if store.published(BASE.key):
        page_of_lesson._explanation.clear()
        yield store.read(BASE.key)
        return
    copy = publish_as(quick[2], BASE)
    page_of_lesson._explanation.clear()
    yield copy
    shutil.rmtree(copy.path)


def rows_of(page: AppTest, *, guessed: bool = False) -> list[int]:
    """The rows of the images on the sheet, or of those in the guess."""
    prefix = "sheet_"
    buttons = [button for button in page.button if (button.key or "").startswith(prefix)]
    return [
        int((button.key or "").removeprefix(prefix))
        for button in buttons
        if button.proto.type == "primary" or not guessed
    ]


def tap(page: AppTest, row: int) -> AppTest:
    page.button(key=f"sheet_{row}").click().run()
    assert not page.exception
    return page


def test_without_its_model_the_lesson_offers_the_training(
    queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = lesson(towers="pretrained")
    press(page, next(label for label in labels(page) if label.startswith("Train the model")))
    assert queue.asked == [who_taught_it.explained_condition(IMAGES, "pretrained").key]
    monkeypatch.setattr(page_of_lesson, "lacks_pretrained_tower", lambda _images: True)
    page = lesson(towers="pretrained")
    assert "not installed" in page.warning[0].value
    assert not [label for label in labels(page) if label.startswith("Train")]


@pytest.mark.usefixtures("trained")
def test_alone_one_guesses_twelve_and_a_reload_keeps_them(queue: FakeQueue) -> None:
    page = lesson()
    assert not rows_of(page), "a link replays no training"
    press(page, REPLAY)
    sheet = rows_of(page)
    assert len(sheet) == who_taught_it.SHEET
    for row in sheet[:MOST]:
        tap(page, row)
    assert rows_of(page, guessed=True) == sheet[:MOST]
    tap(page, sheet[-1])
    assert page.warning
    again = lesson(guess=setting(page, "guess"))
    assert rows_of(again, guessed=True) == sheet[:MOST]
    tap(again, sheet[0])
    assert rows_of(again, guessed=True) == sheet[1:MOST]
    press(again, "Show what is blamed")
    found = int(text_of(again).partition("You found ")[2].split(" ")[0])
    assert text_of(again).count(":material/check:") == found
    assert setting(again, "phase") == RANK
    assert "not yet a cause" in text_of(again)
    press(again, "Another image")
    assert "guess" not in again.query_params
    assert not rows_of(again, guessed=True)
    assert queue.asked == []


def test_removing_trains_each_arm_and_then_says_what_was_tested(
    trained: store.Artifact, quick: list[store.Artifact], queue: FakeQueue
) -> None:
    page = press(lesson(phase=RANK), REPLAY)
    press(press(page, GO), REMOVE)
    assert len(queue.asked) == 19, "the model itself is one of twenty"
    assert "Cancel" in labels(page)
    assert setting(page, "phase") == TEST
    queue.asked.clear()
    row = who_taught_it.wrong_rows(trained, IMAGES)[0]
    with published_trials(quick[2], load(quick[2].key).explain(row)):
        page = lesson(phase=TEST)
        assert "Not confirmed" in text_of(page), "all are one model"
        assert "n = 5 seeds" in text_of(page)
        assert len([alt for alt in alts(page) if "change of the margin" in alt]) == 1


@pytest.mark.usefixtures("trained")
def test_a_class_guesses_on_phones_and_sees_what_is_shown(queue: FakeQueue) -> None:
    wall = press(lesson(), "Start a lesson for a class")
    room = find_session(code_of(wall))
    assert room is not None
    assert (room.step, room.towers) == (FIRST, "scratch")
    phone = opened("6_Lesson", code=room.code)
    assert not rows_of(phone), "a phone replays no training before the presenter does"
    assert "not asked yet" in phone.info[0].value
    press(wall, REPLAY)
    page_of_lesson._explanation.clear()  # the phone is on another process of the server
    assert wall.metric[0].value == "0"
    assert not rows_of(wall), "who leads does not guess"
    for row in rows_of(look(phone))[:MOST]:
        tap(phone, row)
    guess = rows_of(phone, guessed=True)
    assert wall.run().metric[0].value == "1"
    me = phone.session_state["lesson_me"]
    assert find_session(room.code, me).vote == "-".join(map(str, guess))  # type: ignore[union-attr]
    press(wall, "Show what is blamed")
    assert "in 1 guess of 12 images." in text_of(wall)
    phone.run()
    assert "You found" in text_of(phone)
    press(press(wall, GO), REMOVE)
    phone.run()
    assert "Cancel" not in labels(phone), "who leads trains"
    assert REMOVE not in labels(phone)


@pytest.mark.usefixtures("trained")
def test_a_tap_counts_though_the_page_has_not_seen_the_one_before() -> None:
    room = find_session(code_of(press(press(lesson(), REPLAY), "Start a lesson for a class")))
    assert room is not None
    assert who_taught_it.was_explained(room.code, FIRST)
    phone = opened("6_Lesson", code=room.code)
    late = opened("6_Lesson")
    late.session_state["lesson_me"] = me = phone.session_state["lesson_me"]
    late.query_params["code"] = room.code
    first, second = rows_of(late.run())[:2]
    tap(phone, first)
    tap(late, second)
    assert find_session(room.code, me).vote == f"{first}-{second}"  # type: ignore[union-attr]


def test_a_phone_waits_for_the_model(queue: FakeQueue) -> None:
    started = start_session(WHO_TAUGHT_IT, "scenes", FIRST, towers="pretrained")
    assert "trains the model first" in opened("6_Lesson", code=started.code).info[0].value


@pytest.mark.usefixtures("trained")
def test_an_address_of_nonsense_begins_at_the_first_image() -> None:
    page = press(lesson(step="nonsense", phase="nonsense", guess="1-x--7"), REPLAY)
    assert len(rows_of(page)) == who_taught_it.SHEET
    assert not rows_of(page, guessed=True)
