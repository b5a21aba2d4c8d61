"""Failures on the Compare page: where each model errs, in words, images and slices."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from vlcore.api.failures import (
    OTHERS,
    WORST,
    Failures,
    ObjectFailures,
    Rows,
    find_failures,
    names_table,
    slices_table,
)
from vlcore.api.model_map import ModelMap
from vlcore.api.selections import Selection
from vlcore.api.small_images import draw_thumbs
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import title
from vlcore.plots.options import PCA
from vlcore.web import cache, widgets
from vlcore.web.compare.selections import select
from vlcore.web.compare.view import Shown

SIDE = 64  # px of an image
ENDS = 8  # images of either end of a direction, and of a slice
FURTHEST = 48  # images of a direction that are selected


def show_failures(view: Shown) -> None:
    """Show where each model fails."""
    keys = list(dict.fromkeys(view.keys))
    methods: dict[str, None] = {}
    for column, key in [(st.container(), keys[0])] if len(keys) == 1 else widgets.in_pairs(keys):
        with column:
            model = cache.map_of_model(key, PCA, ())
            st.markdown(f"**{plain(title(model.artifact.condition))}**")
            with widgets.reason_if_absent("error"):
                failures = _failures(key)
                _show_model(view, key, failures)
                methods[failures.method] = None
    if view.images.folds:
        st.caption(
            "Of a set in folds these are the images that the first model has not seen; “All wrong"
            " images” above has those of every fold."
        )
    for method in methods:
        st.caption(plain(method))


@st.cache_resource(
    max_entries=60, show_spinner="Searching for failures …", hash_funcs=cache.BY_CONTENT
)
def _failures(key: str) -> Failures:
    model: ModelMap = cache.map_of_model(key, PCA, ())
    images = cache.image_set(model)
    return find_failures(model, images, lambda artifact: cache.model(artifact.key))


def _show_model(view: Shown, key: str, failures: Failures) -> None:
    st.markdown(plain(failures.sentence))
    for part in failures.objects.values():
        _show_object(view, key, failures, part)
    st.markdown("**Worst slices**, by one or two words")
    _show_table(slices_table(failures.worst), "No slice has enough images.")
    for number, rows in enumerate(failures.rows[WORST]):
        _offer_slice(view, f"{key}-{WORST}-{number}", failures.worst["slice"][number], rows)
        wrong_first = np.argsort(~np.isin(rows, failures.wrong), kind="stable")
        _show_images(view, failures, rows[wrong_first][:ENDS])
    with st.expander("Other finders"):
        for finder, about in OTHERS.items():
            st.markdown(f"{about}:")
            table = failures.others[finder]
            _show_table(slices_table(table), "Nothing is offered.")
            with st.container(horizontal=True):
                for number, rows in enumerate(failures.rows[finder]):
                    _offer_slice(view, f"{key}-{finder}-{number}", table["slice"][number], rows)


def _show_object(view: Shown, key: str, failures: Failures, part: ObjectFailures) -> None:
    if not len(part.rows):
        st.caption(plain(part.sentence))
        return
    st.markdown(f"**Errors go with: {plain(part.words)}**")
    st.caption("Of all held-out images the end of correct predictions, the furthest first:")
    _show_images(view, failures, part.rows[:ENDS])
    st.caption("The end of wrong predictions, the furthest first:")
    _show_images(view, failures, part.rows[::-1][:ENDS])
    furthest = part.rows[-min(FURTHEST, len(part.rows) // 2) :]
    words = f"the {len(furthest)} furthest"
    name = f"failures-{key}-direction-{part.direction.object}"
    _offer(view, f"Select {words}", furthest, f"{words} along “{part.words}”", name)
    st.caption(plain(part.sentence))
    if len(part.names):
        _show_table(names_table(part.names), "")


def _show_images(view: Shown, failures: Failures, rows: Rows) -> None:
    """Show small images of rows, each with its file name, if it has one, and how it is
    predicted."""
    uris = draw_thumbs(view.images, rows.tolist())
    with st.container(horizontal=True, gap="xsmall"):
        for row, uri in zip(rows, uris, strict=True):
            words = ["wrong" if row in failures.wrong else "correct"]
            if file := view.images.own_file(row):
                words.insert(0, widgets.fitting_name(file))
            alt = view.images.description(row)
            st.image(uri, width=SIDE, alt=alt, caption="  \n".join(map(plain, words)))


def _offer_slice(view: Shown, key: str, name: str, rows: Rows) -> None:
    """Offer to select the images that a slice was measured on."""
    words = f"measured as “{name}”"
    _offer(view, f"Select {len(rows):,}: {name}", rows, words, f"failures-{key}")


def _offer(view: Shown, label: str, rows: Rows, words: str, key: str) -> None:
    st.button(
        plain(label),
        icon=":material/select_all:",
        key=key,
        on_click=partial(select, Selection.from_rows(view.comparison, rows, words)),
        help="Lit on the maps that show them, and listed above.",
    )


def _show_table(table: pd.DataFrame, empty: str) -> None:
    if table.empty:
        st.caption(empty)
        return
    widgets.show_table(table)
