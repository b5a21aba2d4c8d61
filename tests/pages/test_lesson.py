"""Lesson: alone, as a presenter, as one of a class; each phase; and whatever stands in an
address."""

import html
import json
from functools import partial
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from tests.data.importers.sources import pets
from vlcore.artifacts import store
from vlcore.classroom import one_room
from vlcore.classroom import session as lesson_room
from vlcore.classroom.answers import take_home
from vlcore.classroom.lessons import lessons as all_lessons
from vlcore.classroom.session import (
    Started,
    all_votes,
    delete_session,
    find_session,
    is_closed,
    move_session,
    vote,
)
from vlcore.data.importers import import_set
from vlcore.experiment.condition import Condition
from vlcore.experiment.files import HomeError, models_folder
from vlcore.jobs.jobs import State
from vlcore.study import plans
from vlcore.web.components import browser
from vlcore.web.lesson import roles, steps
from vlcore.web.lesson import session as lesson_session

from .app import (
    FakeQueue,
    alts,
    code_of,
    labels,
    look,
    opened,
    press,
    press_in_part,
    setting,
    text_of,
    told_maps,
)

LESSONS = all_lessons(Condition())
STEPS = LESSONS["four-experiments"].steps
MINE = " (my answer)"
A, B, C = (f"{letter}: {one.text}" for letter, one in zip("ABC", STEPS[0].choices, strict=True))
start = partial(opened, "6_Lesson")

pytestmark = pytest.mark.usefixtures("queue")


def large(page: AppTest) -> list[str]:
    return [
        html.unescape(one.proto.body.partition(">")[2].removesuffix("</p>"))
        for one in page.get("html")
    ]


def links(page: AppTest) -> list[str]:
    return [link.proto.label for link in page.get("page_link")]


def kept(page: AppTest) -> dict[str, str]:
    """What the page asks the visitor's browser to remember."""
    components = page.get("bidi_component")
    asked = [
        json.loads(one.proto.json) for one in components if "remember" in one.proto.component_name
    ]
    return {one["name"]: one["value"] for one in asked}


def begun() -> Started:
    return lesson_room.start_session("four-experiments", "scenes", STEPS[0].name)


def test_alone_one_predicts_first_and_the_own_answer_is_kept_to_the_reveal(
    empty_home: Path,
) -> None:
    page = start(lesson="four-experiments")
    assert page.header[0].value == STEPS[0].question
    assert "Home" in links(page)
    assert not alts(page), "no answer yet"
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    press(page, B)
    assert B + MINE in labels(page)
    press(page, C)
    assert B + MINE not in labels(page)
    press(page, "Run it")
    assert setting(page, "phase") == "run"
    assert C + MINE in labels(page)
    press(page, "Reveal")
    assert alts(page)[0].endswith("by background: 1")
    press(page, "Next question")
    assert page.header[0].value == STEPS[1].question
    assert (setting(page, "step"), setting(page, "phase")) == (STEPS[1].name, "predict")
    assert C + MINE not in labels(page)
    press(page, f"1 · {STEPS[0].title}")
    assert C + MINE in labels(page)
    page.selectbox(key="data").set_value("balanced-cues").run()
    assert C in labels(page), "no answer for another image set"


def test_the_run_trains_exactly_what_the_question_needs_and_is_followed(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = start(step="bias", phase="run")
    assert queue.asked == [], "a link starts nothing"
    queue.state, queue.status = State.FAILED, {"message": "The disk is full."}
    press(page.run(), "Train 2 models")
    needed = [condition.key for condition in STEPS[2].conditions]
    assert queue.asked == needed
    queue.status = {"stage": "training", "step": 30, "steps": 600, "fraction": 0.2}
    queue.status["map"] = [[0.5, 0.5]] * 200
    for phase in ("run", "reveal"):
        page = start(step="bias", phase=phase)
        (bar,) = page.get("progress")
        assert bar.proto.value == 20
        assert "Train 2 models" not in labels(page)
    assert len(told_maps(page, "card")) == 2
    queue.state = State.DONE
    page = start(step="short-labels", phase="run")
    assert not [label for label in labels(page) if label.startswith("Train")]


def test_runs_of_this_server_are_a_reading_of_their_own(empty_home: Path) -> None:
    publish(plans.find("experiments", Condition(), 6).conditions)
    page = start(step="descriptive-labels", phase="reveal")
    assert "in the runs of this server: " in text_of(page)


def test_trained_the_reveal_has_both_maps_and_this_run(
    experiments: list[store.Artifact], queue: FakeQueue
) -> None:
    queue.state = State.DONE
    page = start(step="bias-and-labels", phase="reveal")
    assert alts(page)[0].startswith("Votes"), "the answer is first"
    assert told_maps(page)
    film = next(
        toggle for toggle in page.toggle if toggle.label.startswith("Show the training animation")
    )
    film.set_value(True).run()
    assert len(told_maps(page, "frames")) == 1


def test_the_other_lesson_begins_at_its_start_and_trains_its_own(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = start(lesson="collapse")
    assert page.header[0].value == LESSONS["collapse"].steps[0].question
    press(page, "Run it")
    assert queue.asked[-1] == Condition(negatives="none").key
    assert queue.short[queue.asked[0]], "the untrained encoder takes the short way"


@pytest.mark.parametrize(
    ("address", "n_cards"),
    [
        ({"step": "<img src=x onerror=alert(1)>", "lesson": "nobody's", "presenter": "guess"}, 0),
        ({"lesson": "nobody's", "data": "../.."}, 0),
        ({"code": "<script>"}, len(roles.all_cards())),
        ({"code": "BCDF", "presenter": "guess"}, len(roles.all_cards())),
    ],
)
def test_a_hostile_address_falls_back(
    empty_home: Path, address: dict[str, str], n_cards: int
) -> None:
    page = start(**address)
    assert not page.error
    assert labels(page).count("Open") == n_cards
    assert page.info or page.warning
    assert [header.value for header in page.header] == ([] if n_cards else [STEPS[0].question])


def test_each_lesson_has_a_card_that_opens_it(empty_home: Path) -> None:
    page = start(data="balanced-cues")
    assert list(roles.all_cards()) == ["four-experiments", "collapse", "one-room", "repair"]
    assert not page.header, "no question before a lesson is chosen"
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    for name in roles.all_cards():
        page.button(key=f"open_{name}").click().run()
        assert not page.exception
        assert setting(page, "lesson") == name
        assert "Open" not in labels(page)
        press(page, "All lessons")
        assert set(page.query_params) == {"data"}
        assert setting(page, "data") == "balanced-cues"


def test_a_class_is_led_by_whoever_has_its_token(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = press(start(lesson="four-experiments"), "Start a lesson for a class")
    code = code_of(page)
    token = kept(page)[f"vl-bias-lab-leads-{code}"]
    assert find_session(code, token=token).leads  # type: ignore[union-attr]
    assert "presenter" not in page.query_params, "a projector shows the address"
    assert code in large(page)
    assert any(
        line.startswith("Join at ") and line.endswith(f"/Lesson?code={code}")
        for line in large(page)
    )
    assert not any(token in line for line in large(page)), "the room must not see what leads"
    assert page.metric[0].value == "0"
    assert not [label for label in labels(page) if label.startswith("Vote")]

    squares: list[str] = []
    monkeypatch.setattr(steps, "qr_code", squares.append)
    page.run()
    assert not any(token in square for square in squares)
    press(page, "Show the square")
    link = parse_qs(urlsplit(squares[-1]).query)
    other = start(**{name: value for name, (value,) in link.items()})
    assert "Run it" in labels(other)
    assert "presenter" not in other.query_params
    for address in ({"presenter": ""}, {"presenter": "guess"}, {"lead": "yes"}):
        assert labels(start(code=code, **address)) == [A, B, C], "a student cannot lead"

    monkeypatch.setattr(browser, "remembered", lambda name: kept(page).get(name, ""))
    assert "Run it" in labels(start(code=code, lead="yes")), "a refresh"
    assert labels(start(code=code)) == [A, B, C], "as a student sees it"


def test_behind_a_closed_door_participants_vote_and_nobody_comes(empty_home: Path) -> None:
    started = begun()
    page, student = start(code=started.code, presenter=started.token), start(code=started.code)
    press(page.run(), "Admit nobody new (1 in)")
    assert is_closed(started.code)
    assert start(code=started.code).warning
    assert press(student.run(), A).success
    assert "Run it" in labels(start(code=started.code, presenter=started.token))
    press(page.run(), "Let students in (1 in)")
    assert not start(code=started.code).warning


@pytest.mark.parametrize(
    ("lesson", "step", "choice"),
    [
        ("four-experiments", STEPS[0].name, "object"),
        (one_room.NAME, one_room.FIRST, one_room.DIRECTIONS[0]),
    ],
)
def test_many_votes_of_one_address_are_told_to_the_presenter_alone(
    empty_home: Path, lesson: str, step: str, choice: str
) -> None:
    started = lesson_room.start_session(lesson, "scenes", step)
    for number in range(6):
        vote(started.code, step, f"student-{number}", choice, [choice], f"10.0.0.{number // 5}")
    turnout = lesson_room.turnout_sentence([5, 1])
    assert turnout in text_of(start(code=started.code, presenter=started.token))
    assert turnout not in text_of(start(code=started.code))


def test_a_presenter_deletes_what_is_kept_of_the_lesson(empty_home: Path) -> None:
    started = begun()
    student = press(start(code=started.code), A)
    page = press(start(code=started.code, presenter=started.token), "End it, and delete its data")
    assert find_session(started.code) is None
    assert "code" not in page.query_params
    assert student.run().info
    assert take_home("four-experiments", "scenes") in large(student)
    assert start(code=started.code).warning


def test_a_class_is_joined_by_typing_its_code(empty_home: Path) -> None:
    started, page = begun(), start()
    page.text_input[0].set_value("nope!")
    assert press(page, "Join").warning
    page.text_input[0].set_value(f" {' '.join(started.code.lower())} ")
    press(page, "Join")
    assert not page.exception
    assert code_of(page) == started.code
    assert links(page) == ["Leave the lesson"]
    press(press(page, A), C)
    assert all_votes(started.code) == {STEPS[0].name: {"context": 1}}


def test_the_presenter_counts_anew_and_sees_which_votes_at_the_reveal(empty_home: Path) -> None:
    started = begun()
    page = start(code=started.code, presenter=started.token)
    vote(started.code, STEPS[0].name, "student-1", "object", ["object"])
    assert page.run().metric[0].value == "1"
    press(page, "Count again")
    assert page.metric[0].value == "0"
    vote(started.code, STEPS[0].name, "student-1", "object", ["object"])
    assert not alts(press(page, "Run it"))
    assert len(alts(press(page, "Reveal"))) == 1
    move_session(started.code, started.token, STEPS[3].name, "reveal")
    page.run()
    assert list(page.table[0].value["Most votes"])[:2] == ["by animal (1 of 1)", "–"]


def test_a_vote_that_comes_too_late_is_refused_and_the_page_goes_on(empty_home: Path) -> None:
    started = begun()
    late = start(code=started.code)
    move_session(started.code, started.token, STEPS[2].name, "predict")
    press(late, A)  # the page still shows the first question
    assert all_votes(started.code) == {}
    assert late.warning
    assert late.header[0].value == STEPS[2].question


def test_an_ended_lesson_and_damaged_votes_are_sentences(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = start(code=begun().code)
    assert "Home" not in links(page), "a student follows the presenter"
    with monkeypatch.context() as patch:
        patch.setattr(lesson_room, "LIFETIME", -1.0)
        assert page.run().info
        assert "Home" in links(page), "whoever is left has the menu"
        assert start(code=page.query_params["code"][0]).warning
    (models_folder() / ".lessons.sqlite").write_bytes(b"no database " * 500)
    page.run()
    assert not page.exception
    assert len(page.error) == 1


def test_a_set_of_ones_own_has_its_own_words(empty_home: Path, tmp_path: Path) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    assert "cat, park" in start(data="pets", step="bias").header[0].value
    step = LESSONS["four-experiments"].steps[-1].name
    page = start(data="pets", step=step, phase="reveal")
    queries = {link.proto.label: link.proto.query_string for link in page.get("page_link")}
    assert queries["Compare these models yourself"] == "data=pets"


def test_a_browser_leads_each_lesson_that_it_started(empty_home: Path) -> None:
    page = press(start(lesson="four-experiments"), "Start a lesson for a class")
    first = code_of(page)
    page.query_params.clear()
    page.query_params["lesson"] = "collapse"
    press(page.run(), "Start a lesson for a class")
    assert code_of(page) != first
    page.query_params["code"] = first
    assert "Admit nobody new (0 in)" in labels(page.run())


@pytest.mark.parametrize("elsewhere", ["app.py", "pages/6_Lesson.py"])
def test_a_class_that_was_left_by_the_menu_is_led_again(empty_home: Path, elsewhere: str) -> None:
    page = press(start(lesson="four-experiments"), "Start a lesson for a class")
    code = code_of(page)
    page.query_params.clear()
    page.switch_page(elsewhere)
    press(page.run(), f"Resume your class {code}")
    assert code_of(page) == code
    assert "Admit nobody new (0 in)" in labels(page)
    press(page, "End it, and delete its data")
    page.query_params.clear()
    assert f"Resume your class {code}" not in labels(page.run())


def test_a_presenter_follows_another_computer_and_is_told_what_was_refused(
    empty_home: Path,
) -> None:
    started = begun()
    page = start(code=started.code, presenter=started.token)
    close_door = "Admit nobody new (0 in)"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            lesson_session, "close_door", Mock(side_effect=HomeError("The disk is full."))
        )
        page.run()
        assert "disk is full" in press_in_part(page, close_door).warning[0].value
    move_session(started.code, started.token, STEPS[1].name, "predict")
    vote(started.code, STEPS[1].name, "student-1", "object", ["object"])
    assert look(page).header[0].value == STEPS[1].question
    assert page.metric[0].value == "1"
    delete_session(started.code, started.token)
    assert look(page).info
