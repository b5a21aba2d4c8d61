"""Lesson: predict, run, reveal; alone, or with a class that votes."""

import streamlit as st

from vlcore.web import jobs, shell
from vlcore.web.address import LessonState
from vlcore.web.lesson import roles, session

session.accept_presenter_link()
palette, bar = shell.begin(LessonState, "Lesson", menu=session.shows_menu())
with shell.errors_as_sentences(retry_seconds=jobs.POLL if "code" in st.query_params else None):
    room = session.session_in_address()
    if room is None:
        roles.alone(palette, bar)
    elif room.leads:
        roles.presenter(room, palette, bar)
    else:
        roles.student(room, palette)
