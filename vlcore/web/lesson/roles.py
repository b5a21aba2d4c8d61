"""The lesson page in its three forms, alone, as the presenter of a class, as one of it; and which
lesson is what."""

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
    """A lesson that is more than a list of questions: a module of its own."""

    def alone(self, images: ImageSet, palette: Palette, bar: DeltaGenerator) -> None:
        """What it is, for one who is in no class, and how it begins."""

    def presenter(
        self, room: ClassSession, images: ImageSet, palette: Palette, bar: DeltaGenerator
    ) -> None:
        """The lecturer's screen."""

    def student(self, room: ClassSession, images: ImageSet, palette: Palette) -> None:
        """The screen of one of the class, often a phone."""


LIVE: Mapping[str, LiveLesson] = {ONE_ROOM: one_room, REPAIR: repair}
ABOUT = {
    EXPERIMENTS: "four models, a vote before each; about 15 minutes, 30 with a class",
    COLLAPSE: "three questions on what happens when a model sees only what fits; about 10 minutes",
    ONE_ROOM: "a study by the class: each phone trains a pair of models; about 45 minutes",
    REPAIR: "teams change a biased training set; about 45 minutes",
}
NAMES = tuple(ABOUT)


def session_in_address() -> ClassSession | None:
    """The class that the address names, see `classroom.room`."""
    return session.session_in_address(NAMES)


def alone(palette: Palette, bar: DeltaGenerator) -> None:
    """A lesson without a class, chosen in the settings."""
    if session.is_hidden():  # the address names image set and lesson, for nothing else does
        data, asked = st.query_params.get("data", ""), st.query_params.get("lesson", "")
        images = cache.named_set(data if data in set_names() else "scenes")
        name = asked if asked in NAMES else EXPERIMENTS
    else:
        with bar.popover("Lessons", icon=":material/menu_book:"):
            name = widgets.choose_one(
                "Lesson", NAMES, "lesson", EXPERIMENTS, on_change=session.clear_step
            )
            st.markdown("  \n".join(f"**{one}**: {about}" for one, about in ABOUT.items()))
            images = shell.image_set_choice()
    if not images.has_pictures:
        st.info("A lesson trains models, and this set has no pictures to train on: choose another.")
    elif name in LIVE:
        LIVE[name].alone(images, palette, bar)
    else:
        questions.alone(name, images, palette, bar)


def presenter(room: ClassSession, palette: Palette, bar: DeltaGenerator) -> None:
    """The lecturer's screen of any lesson."""
    LIVE.get(room.lesson, questions).presenter(room, cache.named_set(room.data), palette, bar)
    if not session.is_hidden():
        session.presenter_controls(room)
    session.show_click_error()


def student(room: ClassSession, palette: Palette) -> None:
    """The screen of one of the class, of any lesson."""
    LIVE.get(room.lesson, questions).student(room, cache.named_set(room.data), palette)
    widgets.link("app.py", "Leave the lesson", "logout")
