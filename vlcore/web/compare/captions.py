"""Captions on the Compare page: a visitor's own in every model, and the similarity of all."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from vlcore.api import captions
from vlcore.api.captions import CaptionAnswer
from vlcore.api.compared_maps import drawn_sample
from vlcore.api.model_map import ModelMap
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.vocabulary import split_words
from vlcore.experiment.wording import decimal
from vlcore.plots import matrices
from vlcore.plots.maps.small import caption_map
from vlcore.plots.theme import Palette
from vlcore.web import cache, shell, widgets
from vlcore.web.compare.view import Shown

NEAREST_IMAGES = 12  # of a typed caption
NEAREST_SIDE = 88  # px of each of them
LONGEST_ON_MAP = 40  # characters of a caption


def show_captions(view: Shown) -> None:
    """Ask all models for one caption, which tells a model's part from the caption's."""
    _show_typed_caption(view)
    st.markdown("**How alike its captions are to each model**")
    with widgets.reason_if_absent("grid_on"):
        words, spec = _similarities(view.keys, view.palette, view.comparison.named)
        cache.show_chart(spec, alt=words, key="caption-matrices")


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _similarities(
    keys: Sequence[str], palette: Palette, _models: Mapping[str, ModelMap]
) -> tuple[str, cache.Spec]:
    cells, titles, words = captions.caption_similarities(_models)
    return words, cache.chart_spec(matrices.caption_matrices(cells, titles, palette=palette))


def _show_typed_caption(view: Shown) -> None:
    grouping, models = view.images.grouping, view.comparison.named
    about = (
        "A model with word vectors reads any words. Of another one, the page names the words it"
        " does not know."
    )
    usual = f"a {group_words(grouping)[grouping.minority[1]]}"
    shell.follow_default("caption", usual)
    typed = st.text_input(
        "A caption", usual, max_chars=captions.LONGEST, **widgets.in_address("caption", about)
    )
    try:
        text = captions.clean_caption(typed or "")
    except captions.CaptionLabError as error:
        st.warning(plain(str(error)), icon=":material/edit:")
        return
    answers = _ask_models(models, text)
    if not answers:
        return
    _show_distances(view, list(answers), text)
    _show_map(view, answers, text)
    for column, (name, answer) in widgets.in_pairs(answers.items()):
        with column:
            st.markdown(f"**Nearest images in the {name} model** (cosine)")
            _show_nearest_images(models[name], answer)
    _show_shortened(answers, text)


def _ask_models(models: Mapping[str, ModelMap], text: str) -> dict[str, CaptionAnswer]:
    answers = {}
    for name, model in models.items():
        try:
            answers[name] = captions.ask_caption(model, cache.model(model.artifact.key), text)
        except LabError as error:
            st.info(
                f"The {name} model cannot be asked. {plain(str(error))}", icon=":material/info:"
            )
            continue
        if unknown := answers[name].unknown:
            words = plain(captions.quote_words(unknown, "more words"))
            st.warning(
                f"The {name} model does not know, or does not read, {words}.",
                icon=":material/help:",
            )
    return answers


def _show_distances(view: Shown, names: Sequence[str], text: str) -> None:
    """Say how far a caption is from the training captions of models, and what follows from it."""
    grouping, models = view.images.grouping, view.comparison.named
    open_vocabulary = [
        name for name in names if captions.reads_any_words(models[name].artifact.condition)
    ]
    for name in names:
        for sentence in captions.caption_warnings(view.comparison, [text], [name]):
            if name in open_vocabulary:
                st.warning(plain(sentence), icon=":material/straighten:")
            else:
                st.caption(plain(sentence))
    for name in open_vocabulary:
        (nearest,) = captions.far_from_training(models[name], grouping, [text])
        if not nearest.is_far:
            st.caption(plain(f"{name.capitalize()} model: {nearest.sentence}"))
    if open_vocabulary:
        st.caption(
            "Word vectors read any words. A word that no training caption contains can point to the"
            " wrong images."
        )


def _show_nearest_images(model: ModelMap, answer: CaptionAnswer) -> None:
    images = cache.image_set(model)
    with st.container(horizontal=True, gap="small"):
        for row, cosine in model.neighbours(answer.z, NEAREST_IMAGES):
            alt = images.description(row)
            caption = plain(f"{alt} {decimal(cosine)}")
            widgets.show_image_of_set(images, row, width=NEAREST_SIDE, caption=caption, alt=alt)


def _show_map(view: Shown, answers: Mapping[str, CaptionAnswer], text: str) -> None:
    caption = text
    if len(text) > LONGEST_ON_MAP:
        caption = f"{text[: LONGEST_ON_MAP - 1]}…"
    stars, arrows = [], []
    for pane, name in enumerate(view.comparison.named):
        if name not in answers:
            continue
        x, y = answers[name].position
        stars.append((pane, caption, x, y))
        for row in answers[name].without.itertuples():
            arrows.append((pane, row.word, row.cosine, x, y, row.x, row.y))
    chart = caption_map(
        drawn_sample(view.comparison).points,
        view.comparison.captions,
        pd.DataFrame(stars, columns=["pane", "caption", "x", "y"]),
        pd.DataFrame(arrows, columns=["pane", "word", "cosine", "x", "y", "x2", "y2"]),
        view.comparison.infos,
        palette=view.palette,
        grouping=view.images.grouping,
        side=view.side,
    )
    alt = f"Position of the caption in each model, and of it without each word: {text}"
    cache.show_chart(chart, alt=alt)
    is_fitted = view.options.projection.fitted
    exact = "the average of its nearest images, not exact" if is_fitted else "exact"
    st.caption(
        "The star is the caption; an arrow leads to the same caption without one word. Its position"
        f" is {exact}."
    )


def _show_shortened(answers: Mapping[str, CaptionAnswer], text: str) -> None:
    """Show the cosine of the caption with itself without each word, in models that read words."""
    tables = {name: answer.without for name, answer in answers.items() if not answer.without.empty}
    if not tables:
        reason = "A caption of one word has none to leave out."
        if len(split_words(text)) > 1:
            reason = "These models read whole captions alone, so no word can be left out."
        st.caption(reason)
        return
    about = (
        "Of the shortened caption with the whole one: 1 means that the word says nothing to this"
        " model."
    )
    first = next(iter(tables.values()))
    if len(first) == captions.MOST_WORDS:
        st.caption(f"The first {captions.MOST_WORDS} words at most are left out, one by one.")
    rows = pd.DataFrame({"Left out": first["word"], "What remains": first["caption"]})
    columns = {}
    for name, table in tables.items():
        column = f"{name.capitalize()}: cosine"
        rows[column] = table["cosine"]
        columns[column] = st.column_config.NumberColumn(format="%.2f", help=about)
    st.dataframe(rows, hide_index=True, width="stretch", column_config=columns)
