"""The wall of a room that does one study, on the lecturer's screen."""

import streamlit as st

from vlcore.classroom import one_room
from vlcore.classroom.one_room_results import ClassStudy
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import Palette
from vlcore.web import cache
from vlcore.web.lesson import session_cache


def show_numbers(now: ClassStudy) -> None:
    """What is asked, and what the dots say, large enough for a projector."""
    with st.container():
        st.markdown(f"**{plain(now.title)}**")
        with st.container(horizontal=True, gap="large"):
            for label, value in now.numbers().items():
                st.metric(label, value, width="content")


def show_results(
    now: ClassStudy, images: ImageSet, palette: Palette, width: int, height: int, *, ended: bool
) -> None:
    """The dots, and what may be said of them. That they were looked at is kept."""
    if now.found.level and now.found.level.difference:
        one_room.record_look(now.code, now.kind, now.found.counted, now.found.level.difference.p)
    others = session_cache.published_differences(now.plan, images) if ended else session_cache.NONE
    drawn = now.chart(palette, width, height, others=others)
    if drawn is None:
        st.info("Each pair of models that is trained will be a dot here.", icon=":material/grain:")
    else:
        cache.show_described(drawn, "room_wall")
    for sentence in now.sentences(one_room.looks_of(now.code, now.kind), others):
        st.markdown(plain(sentence))
