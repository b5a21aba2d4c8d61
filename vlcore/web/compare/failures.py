"""Failure directions on the Compare page: the images at both ends of each direction."""

from functools import partial

import streamlit as st

from vlcore.api.failures import FURTHEST, METHOD, FailureDirection, Rows, find_failures
from vlcore.api.selections import Selection
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import percent, title
from vlcore.web import cache, widgets
from vlcore.web.compare.selections import select
from vlcore.web.compare.view import Shown

SHOWN = 8  # images of each end


def show_failures(view: Shown) -> None:
    """Show the failure directions of each model."""
    for column, key in widgets.in_pairs(dict.fromkeys(view.keys)):
        with column, widgets.reason_if_absent("error"):
            model = cache.map_of_model(key)
            st.markdown(f"**{plain(title(model.artifact.condition))}**")
            for direction in _failures(key):
                st.markdown(plain(direction.sentence))
                if direction.exists:
                    _show_direction(view, key, direction)
    st.caption(METHOD)


@st.cache_resource(
    max_entries=60, show_spinner="Searching for failures …", hash_funcs=cache.BY_CONTENT
)
def _failures(key: str) -> list[FailureDirection]:
    model = cache.map_of_model(key)
    return find_failures(model, cache.image_set(model))


def _show_direction(view: Shown, key: str, direction: FailureDirection) -> None:
    st.caption("Correct end, the furthest image first:")
    _show_end(view, direction.rows)
    st.caption("Wrong end, the furthest image first:")
    _show_end(view, direction.rows[::-1])
    furthest = direction.rows[-FURTHEST:]
    words = f"the wrong end of {direction.object}"
    st.button(
        f"Select the {len(furthest)} furthest",
        icon=":material/select_all:",
        key=f"failures-{key}-{direction.object}",
        on_click=partial(select, Selection.from_rows(view.comparison, furthest, words)),
    )
    table = direction.wrong_end
    for share in ("share", "usual"):
        table = table.assign(**{share: table[share].map(percent)})
    names = {
        "column": "Column",
        "value": "Value",
        "share": f"Of the {len(furthest)} furthest",
        "usual": f"Of all {len(direction.rows):,}",
    }
    widgets.show_table(table.rename(columns=names), in_column=True)


def _show_end(view: Shown, rows: Rows) -> None:
    widgets.show_images(view.images, {int(row): [] for row in rows[:SHOWN]})
