"""Train: one condition in plain words, with every knob, beside its twin."""

from __future__ import annotations

import streamlit as st

from vlcore.images.subset import usual_condition
from vlcore.ui import bringing, embedded, jobs, panels, shell, training

palette = shell.begin("Train a model of your own choice")
images = shell.image_set_choice()
if not images.has_pictures:
    embedded.measured_and_mapped(images, palette)
    st.stop()
with shell.errors_as_sentences():
    usual = usual_condition(images)
condition = training.knobs(images, usual)
with shell.errors_as_sentences():
    training.in_words(condition, images)
training.section(condition, images, palette)
if jobs.view(condition.key).done:
    with shell.errors_as_sentences(), st.container(horizontal=True):
        panels.traffic_light(condition)
st.subheader("A pretrained model beside them")
bringing.section(images, usual)
st.subheader("Models on the disk")
with shell.errors_as_sentences():
    table = training.on_disk(images)
if table.empty:
    st.caption("Models of this image set will be listed here, with what they were measured at.")
else:
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption("Every model is offered on the Upload page too. From the command line: `python -m vlcore status`.")
