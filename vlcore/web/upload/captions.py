"""Captions beside an uploaded image: a visitor's own, and those that models were trained with."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from vlcore.api import captions, uploads
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.web import cache, widgets
from vlcore.web.upload.answers import Answers

MOST_CAPTIONS = 6  # typed at once


def show_typed_captions(answers: Answers, number: int) -> None:
    """Ask for captions, and show the cosine of each with an image in each model."""
    about = (
        "Several captions are separated by semicolons. A model with word vectors reads any words."
    )
    typed = st.text_input(
        "**Ask in your own words**",
        placeholder="pony; a horse on the lawn; desert",
        max_chars=captions.LONGEST,
        **widgets.in_address("words", about, width=480),
    )
    parts = [part for part in typed.split(";") if part.strip()]
    texts, refusals = [], []
    for part in parts:
        try:
            texts.append(captions.clean_caption(part))
        except captions.CaptionLabError as error:
            refusals.append(str(error))
    for sentence in dict.fromkeys(refusals):
        st.warning(plain(sentence), icon=":material/edit:")
    texts = list(dict.fromkeys(texts))
    if len(texts) > MOST_CAPTIONS:
        st.caption(f"The first {MOST_CAPTIONS} of {len(texts)} captions are shown.")
    if texts:
        _show_scores(answers, number, texts[:MOST_CAPTIONS])


def _show_scores(answers: Answers, number: int, texts: Sequence[str]) -> None:
    """Show the cosine of each typed caption with an image in each model."""
    caption_embeddings, warnings = {}, []
    for name, model in answers.models.items():
        try:
            loaded = cache.model(model.artifact.key).loaded
            z = [captions.embed_caption(model, loaded, text) for text in texts]
            caption_embeddings[name] = np.stack(z)
        except LabError as error:
            warnings.append(f"{name}: {error}")
    if caption_embeddings:
        z_image = {name: answers.embeddings[name][number] for name in caption_embeddings}
        table = uploads.typed_captions_table(texts, caption_embeddings, z_image)
        words = [plain(text) for text in table.pop("Caption")]
        st.caption(
            "Cosine of each caption with the image, from -1 to 1; compare captions of one model."
        )
        st.table(table.map("{:z.2f}".format).set_index(pd.Index(words, name="Caption")))
    warnings += captions.caption_warnings(answers.comparison, texts)
    for sentence in warnings:
        # Not in brackets, which a bracket within code would end.
        st.markdown(f":orange[:material/warning:] {plain(sentence)}")


def show_training_captions(answers: Answers, number: int) -> None:
    """Show the cosine of each training caption with an image in each model."""
    for column, (name, model) in widgets.in_pairs(answers.models.items()):
        report = answers.reports[name][number]
        with column:
            st.caption(f"**{name}**")
            if report.captions:
                widgets.caption_table(model, answers.embeddings[name][number])
            else:
                st.caption(plain(report.why_silent))
