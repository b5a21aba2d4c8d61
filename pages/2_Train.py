"""Train: one condition in plain words, with every knob, beside its twin."""

from __future__ import annotations

import streamlit as st

from vlcore.datasets.subset import usual_condition
from vlcore.ui import jobs, shell, widgets
from vlcore.ui.train import pretrained, sections

palette = shell.begin("Train a model of your own choice")
images = shell.image_set_choice()
if not images.has_pictures:
    sections.measured_and_mapped(images, palette)
    st.stop()
with shell.errors_as_sentences():
    usual = usual_condition(images)
condition = sections.knobs(images, usual)
with shell.errors_as_sentences():
    sections.in_words(condition, images)
sections.section(condition, images, palette)
if jobs.view(condition.key).done:
    with shell.errors_as_sentences(), st.container(horizontal=True):
        widgets.traffic_light(condition)
st.subheader("A pretrained model beside them")
pretrained.section(images, usual)
st.subheader("Models on the disk")
with shell.errors_as_sentences():
    table = sections.on_disk(images)
if table.empty:
    st.caption("Models of this image set will be listed here, with what they were measured at.")
else:
    st.dataframe(table, hide_index=True, width="stretch")
    st.caption("Every model is offered on the Upload page too. From the command line: `python -m vlcore status`.")
