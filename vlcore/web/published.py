"""The published answer beside what it is about."""

import streamlit as st

from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.study import answer_words, plans
from vlcore.study.answer_file import published_answer
from vlcore.web import widgets
from vlcore.web.address import FindingsState


def show_answer(data: str) -> None:
    """Show what all published seed pairs say about an image set; nothing for an own set."""
    try:
        sentence = answer_words.two_accuracies(published_answer(), data)
    except LabError as error:
        st.caption(plain(str(error)))
        return
    if sentence:
        with st.container(horizontal=True, vertical_alignment="center", key="published"):
            st.markdown(sentence, width="content")
            widgets.link(FindingsState(), "See Findings", "science")


def show_answer_beside(images: ImageSet, first: Condition, second: Condition) -> None:
    """Show the published answer if two models are a pair that it counts, of any seed."""
    _, _, short, descriptive = plans.find("experiments", usual_condition(images)).conditions
    seed = {"init_seed": short.init_seed, "data_seed": short.data_seed}
    if {first.replace(**seed), second.replace(**seed)} == {short, descriptive}:
        show_answer(images.name)
