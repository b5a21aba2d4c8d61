"""Roles on the lesson page: alone, presenter and student, for each lesson."""

from typing import Protocol, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom.lessons import LessonCard, cards
from vlcore.classroom.plan import lesson_plan
from vlcore.classroom.session import ClassSession
from vlcore.data.imageset import ImageSet
from vlcore.experiment.modules import load_modules
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import Palette
from vlcore.web import cache, shell, widgets
from vlcore.web.address import HomeState
from vlcore.web.lesson import live, questions, session


class LiveLesson(Protocol):
    """A lesson that is more than a list of questions: a module in ``live/``."""

    NAME: str
    LESSON: LessonCard

    def alone(self, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
        """The lesson without a class, and how it begins."""

    def presenter(
        self, room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator
    ) -> None:
        """The presenter view."""

    def student(self, room: ClassSession, images: ImageSet, palette: Palette) -> None:
        """The student view, often on a phone."""


def live_lessons() -> dict[str, LiveLesson]:
    """The lessons that are more than questions, a module each of `vlcore.web.lesson.live`."""
    modules = load_modules(live.__name__).values()
    return {module.NAME: cast(LiveLesson, module) for module in modules}


def all_cards() -> dict[str, LessonCard]:
    """The cards of all lessons by name, in their order."""
    listed = cards() | {name: lesson.LESSON for name, lesson in live_lessons().items()}
    return dict(sorted(listed.items(), key=lambda item: item[1].order))


_CARD = 284  # px; four cards are beside each other on a screen of 1280 px


def alone(palette: Palette, bar: DeltaGenerator) -> None:
    """A lesson without a class, or the choice of one where the address names none."""
    if st.session_state["arrives"]:
        session.use_own_settings()
    name = st.query_params.get("lesson", "")
    name = name if name in all_cards() else next(iter(all_cards()))
    is_chosen = not {"lesson", "step", "phase"}.isdisjoint(st.query_params)
    if is_chosen:
        bar.button("All lessons", icon=":material/menu_book:", on_click=_leave)
    data = shell.image_set_of_address().name
    with bar.popover(f"Image set: {plain(data)}", icon=":material/photo_library:"):
        images = shell.image_set_choice()
    if not is_chosen:
        _choose_lesson(bar)
        return
    with shell.attributed(images):
        if name in live_lessons():
            live_lessons()[name].alone(images, palette, bar)
        else:
            questions.alone(name, images, palette, bar)


def _choose_lesson(bar: DeltaGenerator) -> None:
    """Show a card for each lesson."""
    with bar.container(width=250):
        session.join_control()
    session.show_click_error()
    session.resume_controls()
    st.markdown("Each lesson asks before it shows. Alone, or with a class that joins by a code.")
    with st.container(horizontal=True, key="lessons"):
        for name, card in all_cards().items():
            with st.container(border=True, width=_CARD, height="stretch", gap="xsmall"):
                st.markdown(f"**{card.title}**")
                st.markdown(f":material/timer: {card.minutes}")
                st.markdown(f":material/smartphone: {card.phones}")
                with st.container(height="stretch"):  # buttons of all cards are on one line
                    st.caption(card.learn)
                with st.container(horizontal=True):
                    st.button("Open", key=f"open_{name}", on_click=_open, args=(name,))
                    if plan := lesson_plan(name):
                        label, key = "Plan for this lesson", f"plan_{name}"
                        st.button(
                            label, key=key, type="tertiary", on_click=_show_plan, args=(plan,)
                        )


@st.dialog("Plan for this lesson", width="large")
def _show_plan(plan: str) -> None:
    st.markdown(plan)


def _open(name: str) -> None:
    # A link to the same page would not change the address.
    st.query_params.pop("towers", None)
    session.use_own_settings()
    st.query_params["lesson"] = name


def _leave() -> None:
    session.clear_step()
    st.query_params.pop("lesson", None)


def presenter(room: ClassSession, palette: Palette, bar: DeltaGenerator) -> None:
    """The presenter view of any lesson."""
    session.show_click_error()
    session.follow_presenter(room)
    images = cache.named_set(room.data)
    with shell.attributed(images):
        live_lessons().get(room.lesson, questions).presenter(room, images, palette, bar)
    session.presenter_controls(room)


def student(room: ClassSession, palette: Palette) -> None:
    """The student view of any lesson."""
    images = cache.named_set(room.data)
    with shell.attributed(images):
        live_lessons().get(room.lesson, questions).student(room, images, palette)
    widgets.link(HomeState(), "Leave the lesson", "logout")
