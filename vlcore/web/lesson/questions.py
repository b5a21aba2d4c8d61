"""A lesson that is a list of questions, in its three forms: alone, as the presenter of a class, as
one of the class."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom import turnout
from vlcore.classroom.lessons import Lesson, Step
from vlcore.classroom.session import (
    PHASES,
    ClassSession,
    all_votes,
    find_session,
    move_session,
    reset_votes,
    vote,
)
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import Palette
from vlcore.web import jobs, shell, visitors, widgets, work
from vlcore.web.lesson import results, session, steps
from vlcore.web.lesson.session import click_errors, is_hidden, voter

FOLLOW = 5.0  # seconds between looks of a student where no vote is open


def alone(name: str, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The lesson for one: the own prediction, the run, the answer."""
    lesson = results.lessons_of(images)[name]
    if not is_hidden():
        session.class_controls(bar, name, images.name, lesson.steps[0].name)
    session.show_click_error()
    asked_for, phase = st.query_params.get("step"), st.query_params.get("phase")
    step = lesson.steps[lesson.place(asked_for)]
    if asked_for and asked_for != step.name:
        st.info("The address names a question that this lesson does not have; this is its first.")
    taken: dict[tuple[str, str], str] = st.session_state.setdefault("lesson_votes", {})
    said_here = {asked: {choice: 1} for (of, asked), choice in taken.items() if of == name}
    own, phase = taken.get((name, step.name)), phase if phase in PHASES else PHASES[0]
    room = ClassSession(
        "", name, images.name, step.name, phase, said_here.get(step.name, {}), own, leads=True
    )
    ask = partial(steps.answer_buttons, step, own, partial(taken.__setitem__, (name, step.name)))
    update = st.query_params.update
    move = lambda step, phase: update(step=step, phase=phase)  # noqa: E731
    _led(room, lesson, images, palette, bar, said_here, move=move, ask=ask)
    if not is_hidden():
        address = {
            "data": images.name,
            "lesson": name,
            "step": step.name,
            "phase": phase,
            "hide": "controls",
        }
        widgets.link(
            "pages/6_Lesson.py",
            "This question alone, without menu and settings",
            "fullscreen",
            **address,
        )


def _led(
    room: ClassSession,
    lesson: Lesson,
    images: ImageSet,
    palette: Palette,
    bar: DeltaGenerator,
    said: Mapping[str, Mapping[str, int]],
    *,
    move: Callable[[str, str], None],
    ask: Callable[[], None],
) -> None:
    """A question as whoever leads sees it, with the buttons that lead on; `ask` shows its answers
    before the reveal."""
    number, phase = lesson.place(room.step), room.phase
    if not is_hidden():
        steps.steps_bar(lesson, number, move, bar)
        if (room.code, number, phase) == ("", 0, PHASES[0]):
            st.markdown(plain(lesson.text))

    def run(step: Step) -> None:
        move(step.name, "run")
        with click_errors():
            work.train(*step.conditions)

    lead = partial(steps.navigation, lesson, number, phase, move, run)
    if room.code:  # a class waits: nobody scrolls past an answer to go on
        lead(bar)
    step = steps.show_question(lesson, number, text=room.open)
    if room.open:
        ask()
        if phase == "run":
            jobs.watch(
                [condition.key for condition in step.conditions],
                partial(steps.training_progress, step, palette),
            )
    else:
        results.reveal(lesson, step, images, room, palette)
        if number + 1 == len(lesson.steps):
            results.lesson_summary(lesson, images, said)
    if not room.code:
        lead(st.container(horizontal=True, key=f"forward_{phase}"))
    if is_hidden():
        return
    with st.container(horizontal=True):
        for label, lecturer in (("Hand-out", False), ("Hand-out with the numbers", True)):
            about = (
                "One page that prints well and needs no"
                f" network.{' It gives the answers away.' * lecturer}"
            )
            write, name = (
                partial(results.lesson_handout, lesson, images, lecturer=lecturer),
                "-lecturer" * lecturer,
            )
            widgets.download(
                label, write, f"{lesson.name}{name}.html", "text/html", "print", help=about
            )


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The lecturer's screen: the code, the question, the count, the run, the answer."""
    lesson, token = results.lessons_of(images)[room.lesson], session.own_token()
    steps.join_banner(room.code, large_type=room.phase == "predict")

    def ask() -> None:
        steps.answer_buttons(lesson.steps[lesson.place(room.step)], None, None)

        # Which answer the votes are for stays open until the reveal, so that nobody follows the
        # others.
        @shell.follows(jobs.POLL)
        def count() -> None:
            now = find_session(room.code)
            st.metric("Votes so far", now.votes if now else 0)
            if came := turnout.turnout_sentence(turnout.votes_by_address(room.code)):
                st.caption(came)

        count()
        if not is_hidden():
            about = "Forgets the votes on this question; everybody votes again."
            again = click_errors()(partial(reset_votes, room.code, token))
            st.button("Count anew", help=about, icon=":material/restart_alt:", on_click=again)

    move = click_errors()(partial(move_session, room.code, token))
    _led(room, lesson, images, palette, bar, all_votes(room.code), move=move, ask=ask)


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """One of the class: votes while the question is open, and follows the presenter."""
    lesson = results.lessons_of(images)[room.lesson]
    step = steps.show_question(lesson, lesson.place(room.step), text=room.open)
    possible = [choice.name for choice in step.choices]
    cast = click_errors()(
        lambda choice: vote(room.code, step.name, voter(), choice, possible, visitors.address())
    )

    @shell.follows(jobs.POLL if room.open else FOLLOW)
    def follow() -> None:
        now = find_session(room.code, voter())
        if now is None or (now.step, now.phase) != (room.step, room.phase):
            st.rerun()
        if not now.open:
            return
        steps.answer_buttons(step, now.own, cast)
        if session.show_click_error():
            return
        if now.own:
            st.success(
                "Your vote is in. You can change it until the answer is revealed.",
                icon=":material/check:",
            )
        else:
            st.caption("Nobody sees who voted what.")
        if now.phase == "run" and steps.is_trained(step):
            st.caption("The models are there; the lecturer reveals the answer.")
        elif now.phase == "run":
            st.caption("The models are being trained; the lecturer's screen shows them.")

    follow()
    if not room.open:
        results.reveal(lesson, step, images, room, palette)
