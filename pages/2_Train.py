"""Train: one condition in plain words, with every knob, beside its twin."""

import streamlit as st

from vlcore.data.subset import usual_condition
from vlcore.web import shell
from vlcore.web.train import sections, tried_settings

palette, bar = shell.begin("Train a model of your own choice")
with bar:
    images = shell.image_set_choice()
with shell.errors_as_sentences():
    if not images.has_pictures:
        sections.measured_and_mapped(images, palette)
        st.stop()
    usual = usual_condition(images)
    condition = sections.knobs(images, usual)
    sections.in_words(condition, images)
    sections.section(condition, images, palette)
    st.subheader("Everything that was tried here")
    tried_settings.section(images)
    st.subheader("A pretrained model beside them")
    sections.pretrained(images, usual)
