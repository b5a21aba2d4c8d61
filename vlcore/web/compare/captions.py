"""Captions on the Compare page: the images nearest to a visitor's own caption in every model, and
the similarities of the training captions."""

from collections.abc import Mapping, Sequence

import streamlit as st

from vlcore.api import captions
from vlcore.api.model_map import ModelMap
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import decimal
from vlcore.plots import matrices
from vlcore.plots.theme import Palette
from vlcore.web import cache, shell, widgets
from vlcore.web.compare.view import Shown

NEAREST_IMAGES = 12


def show_captions(view: Shown) -> None:
    """Ask all models for one caption, which tells a model's part from the caption's."""
    grouping = view.images.grouping
    usual = f"a {group_words(grouping)[grouping.minority[1]]}"
    shell.follow_default("caption", usual)
    typed = st.text_input(
        "A caption", usual, max_chars=captions.LONGEST, **widgets.in_address("caption")
    )
    try:
        _show_nearest_images(view, captions.clean_caption(typed or ""))
    except captions.CaptionLabError as error:
        st.warning(plain(str(error)), icon=":material/edit:")
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


def _show_nearest_images(view: Shown, text: str) -> None:
    for sentence in captions.caption_warnings(view.comparison, [text]):
        st.warning(plain(sentence), icon=":material/straighten:")
    for column, (name, model) in widgets.in_pairs(view.comparison.named.items()):
        with column:
            st.markdown(f"**Nearest images in the {name} model** (cosine)")
            try:
                z = captions.embed_caption(model, cache.model(model.artifact.key), text)
            except LabError as error:
                st.info(plain(str(error)), icon=":material/info:")
                continue
            nearest = model.neighbours(z, NEAREST_IMAGES)
            cosines = {row: [decimal(cosine)] for row, cosine in nearest}
            widgets.show_images(cache.image_set(model), cosines)
