"""Results of the study of a class, on the presenter's screen."""

import streamlit as st

from vlcore.classroom import one_room
from vlcore.classroom.one_room_results import NONE, ClassStudy
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import Palette
from vlcore.web import cache
from vlcore.web.lesson import session_cache


def show_numbers(study: ClassStudy) -> None:
    """The comparison and its numbers, large enough for a projector."""
    with st.container():
        st.markdown(f"**{plain(study.title)}**")
        with st.container(horizontal=True, gap="large"):
            for label, value in study.numbers().items():
                st.metric(label, value, width="content")


def show_results(
    study: ClassStudy, images: ImageSet, palette: Palette, width: int, height: int, *, ended: bool
) -> None:
    """The dots, and what may be said of them; records that they were looked at."""
    results = study.results
    if results.difference:
        one_room.record_look(study.code, study.kind, results.counted, results.difference.p)
    published = session_cache.published_differences(study.plan, images) if ended else NONE
    chart = study.chart(palette, width, height, published=published)
    if chart is None:
        st.info("Each pair of models that is trained will be a dot here.", icon=":material/grain:")
    else:
        cache.show_described(chart, "room_wall")
    for sentence in study.sentences(one_room.looks_of(study.code, study.kind), published):
        st.markdown(plain(sentence))
