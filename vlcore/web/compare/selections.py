"""Selected images on the Compare page: the search box, and what is selected.

The address has a search (``search``) or an image that others are like (``like``). What was selected
on the maps or in a section is in the session alone.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import search
from vlcore.api.selections import Selection, images_key
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import plural
from vlcore.plots.options import Projection
from vlcore.web import cache, widgets
from vlcore.web.address import CompareState
from vlcore.web.compare import map_component
from vlcore.web.compare.view import Shown

_HELP = "Words, or parts of words, in any column, caption or file name."


def choose_selection(view: Shown, bar: DeltaGenerator) -> Selection | None:
    """Show the search box in a bar, and return what is selected."""
    _take_gesture(view)
    # On a laptop the empty box leaves room for the row; one that is used begins the next row.
    width = 300 if st.session_state.get("search") else 120
    text = bar.text_input(
        "Search images",
        max_chars=search.LONGEST,
        placeholder="Search",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=_leave_others,
        **widgets.in_address("search", _HELP, width=width),
    )
    try:
        return _chosen(view, (text or "").strip())
    except LabError as error:
        st.warning(plain(str(error)), icon=":material/search:")
        return None


def _chosen(view: Shown, text: str) -> Selection | None:
    if text:
        return _found(view.keys, view.options.projection, text)
    if like := view.named_image("like"):
        number = like.removeprefix("p")
        row = int(number) if number.isdecimal() and len(number) < 10 else -1
        return _alike(view.keys, view.options.projection, row)
    images, rows, words = st.session_state.get("selected", (None, None, ""))
    if images == images_key(view.comparison):
        return Selection(view.comparison, rows, words)
    return None


@st.cache_resource(max_entries=100, show_spinner="Searching …", hash_funcs=cache.BY_CONTENT)
def _found(keys: Sequence[str], projection: Projection, text: str) -> Selection:
    return search.find_words(cache.comparison(keys, projection), text)


@st.cache_resource(max_entries=100, show_spinner="Searching …", hash_funcs=cache.BY_CONTENT)
def _alike(keys: Sequence[str], projection: Projection, row: int) -> Selection:
    return search.find_alike(cache.comparison(keys, projection), row)


def _take_gesture(view: Shown) -> None:
    """Select what was marked on the maps since the last run.

    What a tab tells of maps that this session has not shown is of a session before it, as after the
    server began anew.
    """
    gesture = map_component.last_gesture(view)
    heard: dict[str, Any] = st.session_state.setdefault("gestures", {})
    number = gesture.number if gesture else 0
    is_new = heard.setdefault(view.map_key, number) != number
    if gesture is None or not is_new:
        return
    heard[view.map_key] = number
    if gesture.marked.any():
        rows = view.comparison.rows[gesture.marked]
        select(Selection.from_rows(view.comparison, rows, "selected on the maps"))
    else:
        clear()


def select(selection: Selection) -> None:
    """Select images; before the search box is drawn, or in a callback."""
    clear()
    images = images_key(selection.comparison)
    st.session_state["selected"] = (images, selection.rows, selection.words)


def clear() -> None:
    """Select nothing; before the search box is drawn, or in a callback."""
    st.session_state["search"] = ""
    _leave_others()


def _leave_others() -> None:
    """Leave all but the search."""
    CompareState.write(like="", picture="")
    st.session_state.pop("selected", None)


def show_like(view: Shown, identity: str) -> None:
    """Offer the images like one that was clicked."""

    def rank() -> None:
        clear()
        view.name_image("like", identity)

    about = f"Selects the {search.NEAREST} nearest images in the full space of each model."
    st.button("More like this", icon=":material/join_inner:", on_click=rank, help=about)


def show(view: Shown, selection: Selection | None) -> None:
    """Say which images are selected, and offer them as a file."""
    if selection is None:
        _offer_shown(view)
        return
    count = len(selection.points)
    words = f"**{plural(count, 'image')}** of {len(view.comparison.points):,}"
    words += f": {plain(selection.words)}"
    if hidden := len(selection) - count:
        words += f"; not on these maps: {hidden:,} more"
    st.subheader("Selected images")
    st.markdown(words)
    with st.container(horizontal=True, vertical_alignment="center"):
        about = "One row per image: its file name, your columns, predictions and scores."
        widgets.download("Download CSV", selection.csv, "selection.csv", "text/csv", help=about)
        st.button("Clear", icon=":material/close:", type="tertiary", on_click=clear)


def _offer_shown(view: Shown) -> None:
    """Where groups are seen alone, offer to select them, and to see all again."""
    alone = map_component.clicked_alone(view)
    if alone is None:
        return
    rows = view.comparison.rows[alone]
    selection = Selection.from_rows(view.comparison, rows, "seen alone")
    with st.container(horizontal=True):
        if len(rows):
            st.button(
                f"Select what is shown: {plural(len(rows), 'image')}",
                icon=":material/select_all:",
                type="tertiary",
                on_click=partial(select, selection),
            )
        st.button(
            "Show all", icon=":material/filter_alt_off:", type="tertiary", on_click=view.show_all
        )
