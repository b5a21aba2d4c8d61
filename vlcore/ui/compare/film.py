"""The film of a training and the matrices of captions and pairs, as a page shows them.

The one idea: what is drawn is kept by the digests of what it shows, like all charts (see `vlcore.ui.cache`), and a film
runs in the browser alone. What a model cannot show is said in its sentence where the chart would be.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vlcore.charts import matrices
from vlcore.charts.maps.film import film_chart
from vlcore.charts.theme import Palette
from vlcore.compare import captions, film, loss_matrix
from vlcore.compare.model_map import ComparisonError
from vlcore.core.wording import title
from vlcore.runs.maps import PCA
from vlcore.ui import cache
from vlcore.ui.browser import play_button


def film_section(keys: Sequence[str], palette: Palette, side: int) -> None:
    """The film of up to four models with its Play, or why there is none."""
    try:
        shown, spec = _film(keys, palette, side)
    except ComparisonError as error:
        st.info(str(error), icon=":material/movie:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        play_button(key="film-play")
        st.caption("Or move the slider below the curves. Every moment lies on the axes of the end.", width="content")
    cache.show(spec, alt=shown.words, key="film")
    for note in shown.notes:
        st.caption(note)
    with st.expander("The film in words"):
        st.markdown(shown.words)


def caption_section(keys: Sequence[str], palette: Palette) -> None:
    """How alike captions are to each model, or why that is not known."""
    try:
        words, spec = _captions(keys, palette)
    except ComparisonError as error:
        st.info(str(error), icon=":material/grid_on:")
        return
    cache.show(spec, alt=words, key="caption-matrices")


def pair_section(key: str, palette: Palette) -> None:
    """What one model's loss made of pictures and captions, or why it has no pairs."""
    try:
        words, spec = _pairs(key, palette)
    except ComparisonError as error:
        st.info(str(error), icon=":material/grid_on:")
        return
    st.markdown(f"**{title(cache.artefact(key).condition)}**")
    cache.show(spec, alt=words, key=f"pairs-{key}")
    st.caption(words)


@st.cache_resource(max_entries=30, show_spinner="Winding the film …", hash_funcs=cache.BY_CONTENT)
def _film(keys: Sequence[str], palette: Palette, side: int) -> tuple[film.Film, cache.Spec]:
    comparison = cache.comparison(keys, PCA)
    images = cache.image_set(comparison.models[0])
    shown = film.film(comparison, images)
    chart = film_chart(shown.points, shown.tracks, shown.steps, palette=palette, grouping=images.grouping, side=side)
    return shown, cache.finished(chart)


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _captions(keys: Sequence[str], palette: Palette) -> tuple[str, cache.Spec]:
    found = captions.caption_similarities([cache.model_map(key, PCA, ()) for key in keys])
    chart = matrices.caption_matrices(found.cells, found.titles, palette=palette)
    return found.words, cache.finished(chart)


@st.cache_resource(max_entries=60, show_spinner="Pairing pictures and captions …", hash_funcs=cache.BY_CONTENT)
def _pairs(key: str, palette: Palette) -> tuple[str, cache.Spec]:
    model = cache.model_map(key, PCA, ())
    found = loss_matrix.pairs(model, cache.image_set(model), cache.thumbs)
    chart = matrices.pair_matrix(found.cells, found.pictures, palette=palette, middle=found.middle)
    return found.words, cache.finished(chart)
