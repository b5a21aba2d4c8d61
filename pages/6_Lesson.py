"""Lesson: predict, run, reveal; alone, or with a class that votes."""

from __future__ import annotations

from vlcore.ui import lesson, shell

lesson.take_the_lead()
palette = shell.begin("Lesson", menu=lesson.shows_menu())
with shell.errors_as_sentences():
    room = lesson.room()
    if room is None:
        lesson.alone(palette)
    elif room.leads:
        lesson.presenter(room, palette)
    else:
        lesson.student(room, palette)
