"""Roles on the lesson page: alone, presenter and student, for each lesson."""

from collections.abc import Mapping
from typing import Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.classroom.lessons import COLLAPSE, EXPERIMENTS
from vlcore.classroom.one_room import NAME as ONE_ROOM
from vlcore.classroom.repair import REPAIR
from vlcore.classroom.session import ClassSession
from vlcore.data.catalogue import set_names
from vlcore.data.imageset import ImageSet
from vlcore.plots.theme import Palette
from vlcore.web import cache, shell, widgets
from vlcore.web.lesson import one_room, questions, repair, session


class LiveLesson(Protocol):
    """A lesson that is more than a list of questions: a module."""

    def alone(self, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
        """The lesson without a class, and how it begins."""

    def presenter(
        self, room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator
    ) -> None:
        """The presenter view."""

    def student(self, room: ClassSession, images: ImageSet, palette: Palette) -> None:
        """The student view, often on a phone."""


LIVE: Mapping[str, LiveLesson] = {ONE_ROOM: one_room, REPAIR: repair}
ABOUT = {
    EXPERIMENTS: "four models, a vote before each; about 15 minutes, 30 with a class",
    COLLAPSE: "three questions on a model that sees only matched pairs; about 10 minutes",
    ONE_ROOM: "a study by the class: each phone trains a pair of models; about 45 minutes",
    REPAIR: "teams change a biased training set; about 45 minutes",
}
NAMES = tuple(ABOUT)


def alone(palette: Palette, bar: DeltaGenerator) -> None:
    """A lesson without a class, chosen in the settings."""
    if session.is_hidden():  # the address names image set and lesson, for nothing else does
        data, lesson = st.query_params.get("data", ""), st.query_params.get("lesson", "")
        images = cache.named_set(data if data in set_names() else "scenes")
        name = lesson if lesson in NAMES else EXPERIMENTS
    else:
        with bar.popover("Lessons", icon=":material/menu_book:"):
            name = widgets.choose_one(
                "Lesson", NAMES, "lesson", EXPERIMENTS, on_change=session.clear_step
            )
            st.markdown("  \n".join(f"**{lesson}**: {about}" for lesson, about in ABOUT.items()))
            images = shell.image_set_choice()
    if not images.has_pictures:
        st.info("A lesson trains models, and this set has no images to train on: choose another.")
    elif name in LIVE:
        LIVE[name].alone(images, palette, bar)
    else:
        questions.alone(name, images, palette, bar)


def presenter(room: ClassSession, palette: Palette, bar: DeltaGenerator) -> None:
    """The presenter view of any lesson."""
    LIVE.get(room.lesson, questions).presenter(room, cache.named_set(room.data), palette, bar)
    if not session.is_hidden():
        session.presenter_controls(room)
    session.show_click_error()


def student(room: ClassSession, palette: Palette) -> None:
    """The student view of any lesson."""
    LIVE.get(room.lesson, questions).student(room, cache.named_set(room.data), palette)
    widgets.link("app.py", "Leave the lesson", "logout")
