"""Lessons that are a list of questions: alone, presenter view and student view."""

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom.lessons import Lesson, LessonStep
from vlcore.classroom.session import (
    PHASES,
    ClassSession,
    all_votes,
    move_session,
    reset_votes,
    vote,
)
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.metrics.catalogue import PRIMARY
from vlcore.plots.theme import Palette
from vlcore.web import jobs, shell, visitors, widgets, work
from vlcore.web.lesson import results, session, steps
from vlcore.web.lesson.session import click_errors, presenter_click, voter

FOLLOW = 5.0  # seconds between looks of a student where no vote is open


def alone(name: str, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The lesson without a class: prediction, run, answer."""
    lesson = results.lessons_of(images)[name]
    session.class_controls(bar, name, images.name, lesson.steps[0].name)
    session.show_click_error()
    step_name = st.query_params.get("step")
    step = lesson.steps[lesson.place(step_name)]
    if step_name and step_name != step.name:
        st.info("The address names a question that this lesson does not have; this is its first.")
    phase = session.phase_in_address()
    votes: dict[tuple[str, str, str], str] = st.session_state.setdefault("lesson_votes", {})
    counts = {
        voted_step: {choice: 1}
        for (*voted_lesson, voted_step), choice in votes.items()
        if voted_lesson == [images.name, name]
    }
    question = images.name, name, step.name
    vote = votes.get(question)
    state = ClassSession(
        "", name, images.name, step.name, phase, counts.get(step.name, {}), vote, leads=True
    )
    ask = partial(steps.answer_buttons, step, vote, partial(votes.__setitem__, question))

    def move(step: str, phase: str) -> None:
        st.query_params.update(step=step, phase=phase)

    _led(state, lesson, images, palette, bar, counts, move=move, ask=ask)


def _led(
    room: ClassSession,
    lesson: Lesson,
    images: ImageSet,
    palette: Palette,
    bar: DeltaGenerator,
    votes: Mapping[str, Mapping[str, int]],
    *,
    move: steps.Move,
    ask: Callable[[], None],
) -> None:
    """A question as its presenter sees it, with the buttons on and back.

    Args:
        room: state of the session.
        lesson: the lesson.
        images: the image set.
        palette: light or dark.
        bar: beside the title.
        votes: of all steps.
        move: goes to a step and phase.
        ask: shows the answers before the reveal.
    """
    number, phase = lesson.place(room.step), room.phase
    steps.steps_bar(lesson, number, move, bar)
    if (room.code, number, phase) == ("", 0, PHASES[0]):
        st.markdown(plain(lesson.text))

    def run(step: LessonStep) -> None:
        move(step.name, "run")
        with click_errors():
            work.train(*step.conditions)

    navigation = partial(steps.navigation, lesson, number, phase, move, run)
    if room.code:  # with a class waiting, the presenter does not scroll past an answer to go on
        navigation(bar)
    step = steps.show_question(lesson, number, text=room.open)
    if room.open:
        if not room.code:  # a projector has no room for images beside the code
            _show_groups(step, images)
        ask()
        if phase == "run":
            steps.need_models(step, palette)
    else:
        results.reveal(lesson, step, images, room, palette)
        if number + 1 == len(lesson.steps):
            results.lesson_summary(lesson, images, votes)
    if not room.code:
        navigation(st.container(horizontal=True, key=f"forward_{phase}"))
    _handouts(lesson, images)


def _show_groups(step: LessonStep, images: ImageSet) -> None:
    """Show the groups that a question is about."""
    grouping = images.grouping
    is_of_rare = step.quantity.measure == PRIMARY
    steps.show_groups(images, grouping.minority if is_of_rare else grouping.names)


def _handouts(lesson: Lesson, images: ImageSet) -> None:
    about = "One page that prints well and needs no network."
    student = partial(results.lesson_handout, lesson, images, lecturer=False)
    lecturer = partial(results.lesson_handout, lesson, images, lecturer=True)
    with st.container(horizontal=True):
        widgets.download(
            "Handout", student, f"{lesson.name}.html", "text/html", "print", help=about
        )
        widgets.download(
            "Handout with answers",
            lecturer,
            f"{lesson.name}-lecturer.html",
            "text/html",
            "print",
            help=f"{about} It gives the answers away.",
        )


def presenter(room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
    """The presenter view: the code, the question, the count, the run, the answer."""
    lesson = results.lessons_of(images)[room.lesson]
    steps.join_banner(room.code, large_type=room.phase == "predict")

    def ask() -> None:
        steps.answer_buttons(lesson.steps[lesson.place(room.step)], None, None)

        # The answers that the votes are for stay hidden until the reveal, so that nobody follows
        # the others.
        about = "Deletes the votes on this question; everybody votes again."
        reset = presenter_click(reset_votes, room)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
            with st.container(width="content"):
                session.count_votes(
                    room, lambda votes: st.metric("Votes so far", sum(votes.values()))
                )
            st.button("Count again", help=about, icon=":material/restart_alt:", on_click=reset)

    move = presenter_click(move_session, room)
    _led(room, lesson, images, palette, bar, all_votes(room.code), move=move, ask=ask)


def student(room: ClassSession, images: ImageSet, palette: Palette) -> None:
    """The student view: votes while the question is open, and follows the presenter."""
    lesson = results.lessons_of(images)[room.lesson]
    step = steps.show_question(lesson, lesson.place(room.step), text=room.open)
    if room.open:
        _show_groups(step, images)
    possible = [choice.name for choice in step.choices]
    cast = click_errors()(
        lambda choice: vote(room.code, step.name, voter(), choice, possible, visitors.address())
    )

    @shell.follows(jobs.POLL if room.open else FOLLOW)
    def follow() -> None:
        now = session.current(room)
        if not now.open:
            return
        steps.answer_buttons(step, now.vote, cast)
        if session.show_click_error():
            return
        if now.vote:
            st.success(
                "Your vote is in. You can change it until the answer is revealed.",
                icon=":material/check:",
            )
        else:
            st.caption("Votes are anonymous.")
        if now.phase == "run" and steps.is_trained(step):
            st.caption("The models are ready. The presenter reveals the answer.")
        elif now.phase == "run":
            st.caption("The models are being trained; the presenter's screen shows them.")

    follow()
    if not room.open:
        results.reveal(lesson, step, images, room, palette)
