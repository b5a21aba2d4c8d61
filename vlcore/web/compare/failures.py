"""Failures on the Compare page: where each model errs, in words, images and slices."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from vlcore.api.failures import (
    OTHERS,
    Failures,
    ObjectFailures,
    find_failures,
    names_table,
    slices_table,
)
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.plots.options import PCA
from vlcore.web import cache, widgets
from vlcore.web.compare.view import Shown

SIDE = 64  # px of an image of a strip
ENDS = 3  # images of either end of a direction


def show_failures(view: Shown) -> None:
    """Show where each model fails."""
    keys = list(dict.fromkeys(view.keys))
    methods: dict[str, None] = {}
    for column, key in [(st.container(), keys[0])] if len(keys) == 1 else widgets.in_pairs(keys):
        with column:
            model = cache.model_map(key, PCA, ())
            st.markdown(f"**{plain(title(model.artifact.condition))}**")
            with widgets.reason_if_absent("error"):
                failures = _failures(key)
                _show_model(failures, cache.image_set(model))
                methods[failures.method] = None
    for method in methods:
        st.caption(plain(method))


@st.cache_resource(
    max_entries=60, show_spinner="Searching for failures …", hash_funcs=cache.BY_CONTENT
)
def _failures(key: str) -> Failures:
    model: ModelMap = cache.model_map(key, PCA, ())
    images = cache.image_set(model)
    return find_failures(model, images, lambda artifact: cache.model(artifact.key))


def _show_model(failures: Failures, images: ImageSet) -> None:
    st.markdown(plain(failures.sentence))
    for part in failures.objects.values():
        _show_object(part, images)
    st.markdown("**Worst slices**, by one or two words")
    _show_table(slices_table(failures.worst), "No slice has enough images.")
    with st.expander("Other finders"):
        for name, about in OTHERS.items():
            st.markdown(f"{about}:")
            _show_table(slices_table(failures.others[name]), "Nothing is offered.")


def _show_object(part: ObjectFailures, images: ImageSet) -> None:
    if not len(part.rows):
        st.caption(plain(part.sentence))
        return
    st.markdown(f"**Errors go with: {plain(part.words)}**")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _show_images(part.rows[:ENDS], images)
        st.caption("right → wrong", width="content")
        _show_images(part.rows[-ENDS:], images)
    st.caption(plain(part.sentence))
    if len(part.names):
        _show_table(names_table(part.names), "")


def _show_images(rows: NDArray[np.int64], images: ImageSet) -> None:
    for row in rows:
        alt = ", ".join(images.table.iloc[row][["object", "context"]])
        widgets.show_image(images.image(int(row)), width=SIDE, alt=alt)


def _show_table(table: pd.DataFrame, empty: str) -> None:
    if table.empty:
        st.caption(empty)
        return
    widgets.show_table(table)
