"""Film of a training and matrices of captions and pairs; what a model cannot show is said where the chart would be.

They are kept by the digests of what they show, like all charts (see `vlcore.ui.cache`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from vlcore.charts import matrices
from vlcore.charts.maps.panes import MOMENT
from vlcore.charts.theme import Palette
from vlcore.compare import captions, film, loss_matrix
from vlcore.compare.comparison import names
from vlcore.compare.model_map import ComparisonError
from vlcore.core.wording import title
from vlcore.runs.maps import PCA
from vlcore.ui import browser, cache


@contextmanager
def _or_why_not(icon: str) -> Iterator[None]:
    try:
        yield
    except ComparisonError as error:
        st.info(str(error), icon=f":material/{icon}:")


def film_section(keys: Sequence[str], palette: Palette, side: int) -> None:
    """The film of up to four models with its Play."""
    with _or_why_not("movie"):
        shown, spec = _film(keys, palette, side)
        with st.container(horizontal=True, vertical_alignment="center"):
            browser.PLAY(key="film-play", data={"name": MOMENT}, width="content")
            how = "Or move the slider below the curves. Every moment lies on the axes of the end."
            st.caption(how, width="content")
        cache.show(spec, alt=shown.words, key="film")
        for note in shown.notes:
            st.caption(note)
        with st.expander("The film in words"):
            st.markdown(shown.words)


@st.cache_resource(max_entries=30, show_spinner="Winding the film …", hash_funcs=cache.BY_CONTENT)
def _film(keys: Sequence[str], palette: Palette, side: int) -> tuple[film.Film, cache.Spec]:
    comparison = cache.comparison(keys, PCA)
    shown = film.film(comparison, cache.image_set(comparison.models[0]))
    return shown, cache.finished(shown.chart(palette, side))


def caption_section(keys: Sequence[str], palette: Palette) -> None:
    """How alike captions are to each model."""
    with _or_why_not("grid_on"):
        words, spec = _captions(keys, palette)
        cache.show(spec, alt=words, key="caption-matrices")


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _captions(keys: Sequence[str], palette: Palette) -> tuple[str, cache.Spec]:
    models = [cache.model_map(key, PCA, ()) for key in keys]
    cells, titles, words = captions.caption_similarities(dict(zip(names(len(keys)), models, strict=True)))
    return words, cache.finished(matrices.caption_matrices(cells, titles, palette=palette))


def pair_section(key: str, palette: Palette) -> None:
    """What one model's loss made of pictures and captions."""
    with _or_why_not("grid_on"):
        words, spec = _pairs(key, palette)
        st.markdown(f"**{title(cache.artefact(key).condition)}**")
        cache.show(spec, alt=words, key=f"pairs-{key}")
        st.caption(words)


@st.cache_resource(max_entries=60, show_spinner="Pairing pictures and captions …", hash_funcs=cache.BY_CONTENT)
def _pairs(key: str, palette: Palette) -> tuple[str, cache.Spec]:
    model = cache.model_map(key, PCA, ())
    found = loss_matrix.pairs(model, cache.image_set(model), cache.thumbs)
    chart = matrices.pair_matrix(found.cells, found.pictures, palette=palette, middle=found.middle)
    return found.words, cache.finished(chart)
