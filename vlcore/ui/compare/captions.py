"""Captions section of the Compare page: type a caption, see where it lies and what each of its words does.

Everything is asked of all models at once, so that one sees what is the model's and what is the caption's.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from vlcore.charts.maps.captions import caption_map
from vlcore.compare import captions
from vlcore.compare.captions import CaptionAnswer
from vlcore.core.errors import LabError
from vlcore.core.grouping import group_words
from vlcore.ui import cache, widgets
from vlcore.ui.compare.maps import Shown


def ask_models(shown: Shown) -> None:
    """Ask the models of a comparison for a caption."""
    grouping, models = shown.images.grouping, shown.comparison.named
    typed = st.text_input(
        "A caption", f"a {group_words(grouping)[grouping.minority[1]]}", max_chars=captions.LONGEST, key="caption",
        bind="query-params", help="Anything. Each model reads the words that it was given in training, and is told of "
        "those it does not know.",
    )  # fmt: skip
    try:
        text = captions.clean(typed or "")
    except captions.CaptionLabError as error:
        st.warning(str(error), icon=":material/edit:")
        return
    answers: dict[str, CaptionAnswer] = {}
    for name, model in models.items():
        try:
            answers[name] = captions.ask(model, cache.model(model.artefact.key), text)
        except LabError as error:
            st.info(f"The {name} model cannot be asked. {error}", icon=":material/info:")
    if not answers:
        return
    for name, answer in answers.items():
        if answer.unknown:
            words = captions.named(answer.unknown, "more words")
            st.warning(f"The {name} model does not know, or does not read, {words}.", icon=":material/help:")
    for sentence in captions.untrained_words_warnings(shown.comparison, [text]):
        st.caption(sentence)
    _map(shown, answers, text)
    for column, (name, answer) in zip(widgets.in_pairs(len(answers)), answers.items(), strict=True):
        with column:
            st.markdown(f"**Nearest pictures in the {name} model** (cosine)")
            widgets.pictures(models[name], models[name].neighbours(answer.z, 5))
    _words(answers)


def _map(shown: Shown, answers: dict[str, CaptionAnswer], text: str) -> None:
    panes = {name: pane for pane, name in enumerate(shown.comparison.named)}
    caption = text if len(text) <= 40 else f"{text[:39]}…"
    asked = [(panes[name], caption, *answer.place) for name, answer in answers.items()]
    arrows = [
        (panes[name], row.word, row.cosine, *answer.place, row.x, row.y)
        for name, answer in answers.items()
        for row in answer.without.itertuples()
    ]
    chart = caption_map(
        shown.comparison.points,
        shown.comparison.captions,
        pd.DataFrame(asked, columns=["pane", "caption", "x", "y"]),
        pd.DataFrame(arrows, columns=["pane", "word", "cosine", "x", "y", "x2", "y2"]),
        shown.comparison.infos,
        palette=shown.palette,
        grouping=shown.images.grouping,
        side=shown.side,
    )
    cache.show(chart, alt=f"Where the caption lies in each model, and each of its words: {text}")
    st.caption(
        "The star is the caption; an arrow leads to the same caption without one word. "
        + (
            "Its place is exact."
            if shown.projection.linear
            else "Its place is the average of its nearest pictures, not exact."
        )
    )


def _words(answers: dict[str, CaptionAnswer]) -> None:
    """How far the caption moves when a word is left out."""
    first = next(iter(answers.values())).without
    if first.empty:
        st.caption("A caption of one word has none to leave out.")
        return
    cosines = {name.capitalize(): answer.without["cosine"] for name, answer in answers.items()}
    st.dataframe(
        pd.DataFrame({"Left out": first["word"], "What remains": first["caption"], **cosines}),
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(
                f"{name}: cosine",
                format="%.2f",
                help="Of the shortened caption with the whole one: 1 means that the word says nothing to this model.",
            )
            for name in cosines
        },
    )
