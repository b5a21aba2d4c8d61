"""What every page begins with: its title, the menu, the palette, and the rule that no traceback reaches a page.

Little is imported before it is needed: the first visitor sees Home begin before the server has read pandas and altair.
The menu is ours (`st.page_link`): Streamlit's own, beside ``pages/``, differs between a deep link and a click."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from vlcore.charts.theme import DARK, LIGHT, PHONE_SIDE, Palette
from vlcore.core.errors import LabError

if TYPE_CHECKING:
    from vlcore.datasets.imageset import ImageSet

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/1_Data.py", "Data", ":material/photo_library:"),
    ("pages/2_Train.py", "Train", ":material/model_training:"),
    ("pages/3_Compare.py", "Compare", ":material/compare:"),
    ("pages/4_Upload.py", "Upload", ":material/upload:"),
    ("pages/5_Findings.py", "Findings", ":material/science:"),
    ("pages/6_Lesson.py", "Lesson", ":material/school:"),
)
_viewport = st.components.v2.component(
    "vl_bias_lab_viewport", js="export default function({setStateValue}) { setStateValue('width', window.innerWidth) }"
)


def begin(title: str, *, first: bool = False, menu: bool = True) -> Palette:
    """Set the page up and draw the menu, unless it is shown without; returns the palette for the visitor's theme."""
    name = "VL Bias Lab"
    called = name if first else f"{title} · {name}"
    # On arrival the address decides whatever it names: Streamlit prefers what was chosen earlier in the session where
    # it names the usual value, and a link to models without bias would show those that one looked at before.
    if st.session_state.get("page") != title:
        st.session_state["page"] = title
        for chosen in st.query_params:
            st.session_state.pop(chosen, None)
    st.set_page_config(called, page_icon="🐫", layout="wide", initial_sidebar_state="collapsed")
    if said := st.session_state.pop("toast", None):  # kept until here: what is said just before a rerun may get lost
        st.toast(said, icon=":material/info:")
    if menu:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{name}**", width="content")
            for page, label, icon in PAGES:
                st.page_link(page, label=label, icon=icon, width="content", query_params=persistent_query_params())
    st.title(title)
    return palette()


def persistent_query_params() -> dict[str, str]:
    """What goes along from page to page in the address: the image set, unless it is the usual one."""
    chosen = st.session_state.get("data") or st.query_params.get("data")
    return {"data": str(chosen)} if chosen and chosen != "scenes" else {}


def image_set_choice() -> ImageSet:
    """The choice of the image set that a page is about, where there is one to make; it is in the address."""
    from vlcore.datasets.catalogue import set_names
    from vlcore.ui import cache

    st.session_state.update(st.session_state.pop("go_to", {}))
    equal = "In balanced-cues the background alone is learnt no better than the animal alone"
    about = f"Scenes are drawn by the lab. {equal}. Your own sets are made on the Data page."
    name: str = st.selectbox("Image set", set_names(), key="data", bind="query-params", width=320, help=about)
    with errors_as_sentences():
        return cache.named_set(name)


def go_to(name: str) -> None:
    """Show the pictures of a set, at the next run: a choice that is drawn already cannot be changed."""
    st.session_state["go_to"] = {"data": name, "look": "pictures"}
    st.query_params.pop("picture", None)
    st.rerun()


def map_side() -> int:
    """Side of each of two maps beside each other, or below each other on a phone, in px, for the visitor's window. A
    chart of two linked panes cannot stretch, and Streamlit tells no width. Few sizes come out, to share caches."""
    width = _viewport(key="viewport", on_width_change=lambda: None).width or 1280
    sides = ((1360, 520), (1100, 440), (940, 400), (780, 330))
    return next((side for least, side in sides if width >= least), PHONE_SIDE)


def palette() -> Palette:
    """Colours for the visitor's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an error that a person can act on as its sentence, and stop the page there."""
    try:
        yield
    except LabError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
