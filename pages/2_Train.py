"""Train: one condition in plain words, with every setting, beside its baseline."""

import streamlit as st

from vlcore.data.subset import usual_condition
from vlcore.web import shell
from vlcore.web.train import pretrained, sections

palette, bar = shell.begin("Train a model of your own choice")
with bar:
    images = shell.image_set_choice()
with shell.attributed(images), shell.errors_as_sentences():
    if not images.has_pictures:
        sections.show_embeddings(images, palette)
        st.stop()
    usual = usual_condition(images)
    condition = sections.choose_condition(images, usual)
    sections.describe_training_set(condition, images)
    sections.show_model(condition, images, palette)
    st.subheader("All runs")
    sections.show_tried_settings(images)
    st.subheader("A pretrained model beside them")
    pretrained.show_pretrained(images, usual)
