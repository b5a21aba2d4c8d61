"""Train: one condition in plain words, with every knob, beside its twin."""

from __future__ import annotations

import streamlit as st

from vlcore.datasets.subset import usual_condition
from vlcore.ui import shell
from vlcore.ui.train import pretrained, sections

palette = shell.begin("Train a model of your own choice")
images = shell.image_set_choice()
if not images.has_pictures:
    sections.measured_and_mapped(images, palette)
    st.stop()
with shell.errors_as_sentences():
    usual = usual_condition(images)
    condition = sections.knobs(images, usual)
    sections.in_words(condition, images)
sections.section(condition, images, palette)
st.subheader("A pretrained model beside them")
pretrained.section(images, usual)
st.subheader("Models on the disk")
sections.on_disk(images)
