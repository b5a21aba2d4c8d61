"""Lesson: alone, as a presenter, as one of a class; each phase; and whatever stands in an address."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from tests.runs.published import publish
from vlcore.core.condition import Condition
from vlcore.core.files import models_folder
from vlcore.core.grouping import SCENES
from vlcore.datasets.importers import import_set
from vlcore.lessons import answers
from vlcore.lessons import room as lesson_room
from vlcore.lessons.room import Started, go, look, vote, votes
from vlcore.lessons.script import COLLAPSE, EXPERIMENTS
from vlcore.lessons.script import lessons as all_lessons
from vlcore.store import artefacts
from vlcore.store.jobs import State
from vlcore.studies import plans
from vlcore.ui import browser, cache, jobs
from vlcore.ui.lesson import results

from .app import FakeQueue, pets, text_of
from .conftest import clear

APP = str(Path(__file__).parents[2] / "app.py")
LESSONS = all_lessons(Condition())
STEPS = LESSONS[EXPERIMENTS].steps
Page = Callable[..., AppTest]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    made = FakeQueue()
    monkeypatch.setattr(jobs, "queue", lambda: made)
    monkeypatch.setattr(browser, "remembered", lambda name: "")  # a test has no browser that sends cookies
    return made


def start(**address: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=120).switch_page("pages/6_Lesson.py")
    for name, value in address.items():
        page.query_params[name] = value
    return page.run()


def large(page: AppTest) -> list[str]:
    """Lines in large type."""
    components = page.get("bidi_component")
    return [json.loads(one.proto.json)["text"] for one in components if "large_line" in one.proto.component_name]


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def press(page: AppTest, label: str) -> AppTest:
    button = next(button for button in page.button if button.label == label)
    button.click().run()
    assert not page.exception
    return page


def links(page: AppTest) -> list[str]:
    return [link.proto.label for link in page.get("page_link")]


def address_of(page: AppTest, name: str) -> str:
    found = page.query_params[name]
    return found if isinstance(found, str) else found[0]


def kept(page: AppTest) -> dict[str, str]:
    """What the page asks the visitor's browser to remember."""
    components = page.get("bidi_component")
    asked = [json.loads(one.proto.json) for one in components if "remember" in one.proto.component_name]
    return {one["name"]: one["value"] for one in asked}


def alts(page: AppTest) -> list[str]:
    return [chart.proto.alt for chart in page.get("vega_lite_chart")]


def begun(lesson: str = EXPERIMENTS, data: str = "scenes") -> Started:
    return lesson_room.start(lesson, data, LESSONS[lesson].steps[0].name)


def lead(started: Started, **more: str) -> AppTest:
    return start(code=started.code, presenter=started.token, **more)


def test_alone_one_predicts_first_and_nothing_is_written(empty_home: Path, queue: FakeQueue) -> None:
    page = start()
    assert not page.exception
    assert page.header[0].value == STEPS[0].question
    assert STEPS[0].text in large(page)
    assert [line for line in large(page) if line[:2] in ("A:", "B:", "C:")] == [
        f"{letter}: {choice.text}" for letter, choice in zip("ABC", STEPS[0].choices, strict=True)
    ]
    assert "Home" in links(page)
    assert not alts(page), "no answer yet"
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"


def test_alone_the_own_answer_is_kept_to_the_reveal(empty_home: Path, queue: FakeQueue) -> None:
    page = press(start(), "Vote B")
    assert "B is my answer" in labels(page)
    press(page, "Vote C")
    assert "B is my answer" not in labels(page)
    press(page, "Run it")
    assert address_of(page, "phase") == "run"
    assert "C is my answer" in labels(page)
    press(page, "Reveal")
    assert "Your vote was “by background”" in text_of(page)
    assert [heading.value for heading in page.subheader][:2] == ["What you said", "What was measured"]
    assert alts(page)[0].startswith("Votes: by animal: 0; ")
    assert alts(page)[0].endswith("by background: 1")
    press(page, f"Next question: {STEPS[1].title}")
    assert page.header[0].value == STEPS[1].question
    assert (address_of(page, "step"), address_of(page, "phase")) == (STEPS[1].name, "predict")
    assert "C is my answer" not in labels(page)
    press(page, f"1 · {STEPS[0].title}")
    assert "C is my answer" in labels(page)


def test_the_run_trains_exactly_what_the_question_needs(empty_home: Path, queue: FakeQueue) -> None:
    page = start(step="bias", phase="run")
    assert queue.asked == [condition.key for condition in STEPS[2].conditions]
    assert "Train again" not in labels(page)
    assert len(page.get("progress")) == 2


def test_a_training_is_followed(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status = {"stage": "training", "step": 30, "steps": 600, "fraction": 0.2, "map": [[0.5, 0.5]] * 200}
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.RUNNING, status))
    page = start(step="bias", phase="run")
    assert not page.exception
    assert [bar.proto.text for bar in page.get("progress")] == ["training, step 30 of 600"] * 2
    assert alts(page) == ["Map of the model in training"] * 2


def test_a_training_that_failed_says_why_and_can_be_run_again(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.FAILED, {"message": "The disk is full."}))
    page = start(step="bias", phase="run")
    assert not page.exception
    assert sum("The disk is full." in warning.value for warning in page.warning) == 2
    assert "Train again" in labels(page)


def test_what_is_trained_already_says_so(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "queue", lambda: FakeQueue(State.DONE))
    page = start(step="bias", phase="run")
    assert not page.exception
    said = text_of(page)
    assert (said.count(": Measured."), said.count(": Trained.")) == (1, 1) or said.count(": Trained.") == 2
    assert "Train again" not in labels(page)


def test_untrained_the_reveal_has_the_published_runs_and_says_what_is_missing(
    empty_home: Path, queue: FakeQueue
) -> None:
    page = start(step="bias-and-labels", phase="reveal")
    assert not page.exception
    values = answers.values_of(answers.published_results("scenes"), LESSONS[EXPERIMENTS])
    found = answers.Reading(STEPS[3], "", answers.over_runs(STEPS[3], values), runs=True)
    assert f"In the published runs: {found.number}" in large(page)
    said = text_of(page)
    assert "In this run: not trained yet." in said
    assert "another seed gives other numbers" in said
    assert found.counted in said
    assert "**C7 · The study says:**" in said
    assert "when both models are trained" in page.info[0].value
    assert [heading.value for heading in page.subheader][-1] == "The whole lesson"
    assert list(page.table[0].value.index) == [step.question for step in STEPS]


def test_runs_of_this_server_are_a_reading_of_their_own_where_the_lab_has_none(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(plans.find("experiments", Condition(), 7).conditions)
    shipped = start(step="descriptive-labels", phase="reveal")
    assert not any("runs of this server" in line for line in large(shipped)), "the same runs are read once"
    nothing = answers.published_results("scenes", empty_home)
    monkeypatch.setattr(answers, "published_results", lambda _data: nothing)
    clear()
    page = start(step="bias-and-labels", phase="reveal")
    assert not page.exception
    (number,) = [line for line in large(page) if line.startswith("In the runs of this server: ")]
    assert number.endswith(")")
    assert "n = 7 runs" in text_of(page)
    assert "n = 7 blocks of seeds" in text_of(page), "so are the claims"
    assert any(line.startswith("In this run: ") for line in large(page))
    assert not any("published runs" in line for line in large(page))


def test_trained_the_reveal_has_both_maps_and_this_run(experiments: list[artefacts.Artefact], queue: FakeQueue) -> None:
    queue.state = State.DONE
    page = start(step="bias-and-labels", phase="reveal")
    assert not page.exception
    assert len(alts(page)) == 2
    assert "held-out pictures sort" in alts(page)[1]
    ends = [artefact.metrics["end"] for artefact in experiments[2:]]
    found = answers.Reading(STEPS[3], "", answers.in_one_run(STEPS[3], *ends), runs=False)
    assert f"In this run: {found.number}" in large(page)
    film = next(toggle for toggle in page.toggle if toggle.label.startswith("Watch the training"))
    film.set_value(True).run()
    assert not page.exception


def test_the_second_lesson_is_about_positives_only(empty_home: Path, queue: FakeQueue) -> None:
    page = start(lesson=COLLAPSE, phase="run")
    assert page.header[0].value == LESSONS[COLLAPSE].steps[0].question
    assert queue.asked[-1] == Condition(negatives="none").key
    assert queue.short[queue.asked[0]], "the untrained encoder takes the short way"


def test_the_other_lesson_begins_at_its_start(empty_home: Path, queue: FakeQueue) -> None:
    page = start(step="bias", phase="reveal")
    next(group for group in page.get("button_group") if group.proto.label == "Lesson").set_value(COLLAPSE).run()
    assert not page.exception
    assert page.header[0].value == LESSONS[COLLAPSE].steps[0].question
    assert "phase" not in page.query_params
    assert not page.info, "no word of a question that the other lesson has"


@pytest.mark.parametrize("lesson", [EXPERIMENTS, COLLAPSE])
def test_any_step_opens_without_menu_and_settings(empty_home: Path, queue: FakeQueue, lesson: str) -> None:
    for step in LESSONS[lesson].steps:
        page = start(lesson=lesson, step=step.name, hide="controls")
        assert not page.exception
        assert page.header[0].value == step.question
        assert not links(page)
        assert not page.selectbox
        assert set(labels(page)) <= {"Vote A", "Vote B", "Vote C", "Vote D", "Run it"}
        assert not page.get("download_button")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"step": "../../etc"}, "a question that this lesson does not have"),
        ({"step": "<img src=x onerror=alert(1)>"}, "a question that this lesson does not have"),
        ({"phase": "' OR 1=1"}, ""), ({"lesson": "nobody's"}, ""), ({"lesson": "nobody's", "hide": "controls"}, ""),
        ({"hide": "everything"}, ""), ({"data": "../..", "hide": "controls"}, ""), ({"lead": "' OR 1=1"}, ""),
        ({"code": "<script>"}, "no lesson with this code"), ({"code": ""}, "no lesson with this code"),
        ({"code": "BCDF"}, "no lesson with this code"), ({"code": "B" * 10_000}, "no lesson with this code"),
        ({"code": "BCDF", "presenter": "guess"}, "no lesson with this code"), ({"presenter": "guess"}, ""),
    ],
)  # fmt: skip
def test_a_hostile_address_falls_back_with_a_sentence(
    empty_home: Path, queue: FakeQueue, address: dict[str, str], sentence: str
) -> None:
    page = start(**address)
    assert not page.exception
    assert not page.error
    assert page.header[0].value == STEPS[0].question
    assert sentence in " ".join(one.value for one in [*page.info, *page.warning])
    assert "Run it" in labels(page)


def test_a_class_is_started_with_a_code_and_a_token(empty_home: Path, queue: FakeQueue) -> None:
    page = press(start(), "Start a lesson for a class")
    code = address_of(page, "code")
    token = kept(page)[f"vl-bias-lab-leads-{code}"]
    assert look(code, token=token).leads  # type: ignore[union-attr]
    assert "presenter" not in page.query_params, "a projector shows the address"
    assert code in large(page)
    assert any(line.startswith("Join at ") and line.endswith(f"/Lesson?code={code}") for line in large(page))
    assert not any(token in line for line in large(page)), "the room must not see what leads"
    assert page.metric[0].value == "0"
    assert not [label for label in labels(page) if label.startswith("Vote")]


def test_a_class_is_joined_by_typing_its_code(empty_home: Path, queue: FakeQueue) -> None:
    started, page = begun(), start()
    page.text_input[0].set_value("nope!").run()
    assert "four letters" in page.warning[0].value
    page.text_input[0].set_value(started.code.lower()).run()
    assert not page.exception
    assert address_of(page, "code") == started.code
    assert "Nobody sees who voted what." in text_of(page)
    assert links(page) == ["Leave the lesson"]


def test_the_presenter_counts_votes_and_hides_which_until_the_reveal(empty_home: Path, queue: FakeQueue) -> None:
    started = begun()
    page = lead(started)
    for number, choice in enumerate(("object", "object", "context")):
        vote(started.code, STEPS[0].name, f"student-{number}", choice, ["object", "both", "context"])
    page.run()
    assert page.metric[0].value == "3"
    assert not alts(page)
    press(page, "Run it")
    assert page.metric[0].value == "3", "votes stay open while models train"
    press(page, "Reveal")
    assert page.subheader[0].value == "What the room said: 3 votes"
    assert alts(page)[0].startswith("Votes: by animal: 2; by animal and background about alike: 0; by background: 1")
    press(page, f"Next question: {STEPS[1].title}")
    room = look(started.code)
    assert room is not None
    assert (room.step, room.phase) == (STEPS[1].name, "predict")
    press(page, f"4 · {STEPS[3].title}")
    press(page, "Run it")
    press(page, "Reveal")
    assert list(page.table[0].value["Most votes"])[:2] == ["by animal (2 of 3)", "–"]


def test_a_student_votes_changes_it_and_keeps_it_over_a_refresh(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = begun()
    page = press(start(code=started.code), "Vote A")
    assert "Your vote is in" in page.success[0].value
    press(page, "Vote C")
    assert votes(started.code) == {STEPS[0].name: {"context": 1}}
    monkeypatch.setattr(browser, "remembered", lambda name: kept(page).get(name, ""))
    again = start(code=started.code)
    assert "C is my answer" in labels(again), "a refresh, or the link again, is a new session of the same browser"
    press(again, "Vote B")
    assert votes(started.code) == {STEPS[0].name: {"both": 1}}


def test_the_presenter_leads_on_after_a_refresh_and_sees_what_students_see_without_lead(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = press(start(), "Start a lesson for a class")
    code = address_of(page, "code")
    monkeypatch.setattr(browser, "remembered", lambda name: kept(page).get(name, ""))
    assert "Run it" in labels(start(code=code, lead="yes"))
    assert labels(start(code=code)) == ["Vote A", "Vote B", "Vote C"]


def test_another_computer_leads_with_the_link_that_is_for_it(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = press(start(), "Start a lesson for a class")
    link = page.code[0].value
    brought = parse_qs(urlsplit(link).query)
    other = start(**{name: value for name, (value,) in brought.items()})
    assert "Run it" in labels(other)
    assert "presenter" not in other.query_params


def test_a_student_cannot_lead(empty_home: Path, queue: FakeQueue) -> None:
    started = begun()
    for address in ({"presenter": ""}, {"presenter": "guess"}, {"lead": "yes"}):
        page = start(code=started.code, **address)
        assert not page.exception
        assert labels(page) == ["Vote A", "Vote B", "Vote C"]


def test_a_student_follows_the_presenter(empty_home: Path, queue: FakeQueue) -> None:
    started = begun()
    page = press(start(code=started.code), "Vote A")
    go(started.code, started.token, STEPS[0].name, "run")
    page.run()
    assert "the lecturer" in text_of(page)
    go(started.code, started.token, STEPS[0].name, "reveal")
    page.run()
    assert not page.exception
    assert labels(page) == []
    assert "Your vote was “by animal”" in text_of(page)
    assert alts(page)[0].startswith("Votes: by animal: 1")
    go(started.code, started.token, STEPS[2].name, "predict")
    page.run()
    assert page.header[0].value == STEPS[2].question
    assert labels(page) == ["Vote A", "Vote B", "Vote C", "Vote D"]


def test_a_vote_that_comes_too_late_is_refused_with_a_sentence(empty_home: Path, queue: FakeQueue) -> None:
    started = begun()
    page = start(code=started.code)
    go(started.code, started.token, STEPS[1].name, "predict")
    press(page, "Vote A")  # the page still shows the first question
    assert votes(started.code) == {}
    assert "closed" in page.warning[0].value
    assert page.header[0].value == STEPS[1].question


def test_a_lesson_that_ended_says_so(empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    page = start(code=begun().code)
    monkeypatch.setattr(lesson_room, "LIFETIME", -1.0)
    page.run()
    assert not page.exception
    assert "good for a day" in page.warning[0].value


def test_a_damaged_file_of_votes_is_a_sentence(empty_home: Path, queue: FakeQueue) -> None:
    started = begun()
    (models_folder() / ".lessons.sqlite").write_bytes(b"no database " * 500)
    page = start(code=started.code)
    assert not page.exception
    assert "delete it" in page.error[0].value


def test_a_set_of_ones_own_has_its_own_words_and_no_published_runs(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = start(data="pets", step="bias")
    assert not page.exception
    assert "new pictures of cat, park or dog, home" in page.header[0].value
    started = begun(data="pets")
    go(started.code, started.token, "bias", "reveal")
    page = lead(started)
    assert not page.exception
    assert "In this run: not trained yet." in text_of(page)
    assert "The study says" not in text_of(page)


@pytest.mark.parametrize("name", [EXPERIMENTS, COLLAPSE])
def test_the_hand_out_gives_no_answer_away_and_the_lecturers_does(empty_home: Path, name: str) -> None:
    images, lesson = cache.named_set("scenes"), LESSONS[name]
    assert images.grouping == SCENES
    student, lecturer = (results.handout(lesson, images, lecturer=who) for who in (False, True))
    for step in lesson.steps:
        assert step.question in student
        assert step.question in lecturer
    assert "n = " not in student
    assert "<td></td>" in student
    assert "<td></td>" not in lecturer
    if name == EXPERIMENTS:
        assert "in the published runs" in lecturer
        assert "C7, the study says" in lecturer
    assert "another seed gives other numbers" in lecturer
