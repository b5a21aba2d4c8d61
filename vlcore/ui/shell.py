"""What every page begins with: its title, the menu, the palette, and the rule that no traceback reaches a page.

The menu is ours (`st.page_link`), because Streamlit's own differs between a cold deep link and a click where a folder
named ``pages/`` exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from vlcore.charts.theme import DARK, LIGHT, PHONE_SIDE, Palette
from vlcore.core.errors import LabError
from vlcore.datasets.catalogue import set_names
from vlcore.datasets.imageset import ImageSet
from vlcore.ui import cache

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/1_Data.py", "Data", ":material/photo_library:"),
    ("pages/2_Train.py", "Train", ":material/model_training:"),
    ("pages/3_Compare.py", "Compare", ":material/compare:"),
    ("pages/4_Upload.py", "Upload", ":material/upload:"),
    ("pages/5_Findings.py", "Findings", ":material/science:"),
    ("pages/6_Lesson.py", "Lesson", ":material/school:"),
)


def begin(title: str, *, first: bool = False, menu: bool = True) -> Palette:
    """Set the page up and draw the menu, unless the page is shown without; returns the palette that fits the visitor's
    theme."""
    name = "VL Bias Lab"
    apply_query_params(title)
    st.set_page_config(
        page_title=name if first else f"{title} · {name}",
        page_icon="🐫",
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    if said := st.session_state.pop("toast", None):  # kept until here: what is said just before a rerun may get lost
        st.toast(said, icon=":material/info:")
    if menu:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{name}**", width="content")
            for page, label, icon in PAGES:
                st.page_link(page, label=label, icon=icon, width="content", query_params=persistent_query_params())
    st.title(title)
    return palette()


def apply_query_params(page: str) -> None:
    """On arrival at a page, let the address decide whatever it names.

    Streamlit prefers what was chosen earlier in the session where the address names the usual value: a link to models
    without bias would show those that one looked at before.
    """
    if st.session_state.get("page") != page:
        st.session_state["page"] = page
        for name in st.query_params:
            st.session_state.pop(name, None)


def persistent_query_params() -> dict[str, str]:
    """What goes along from page to page in the address: the image set, unless it is the usual one."""
    chosen = st.session_state.get("data") or st.query_params.get("data")
    return {"data": str(chosen)} if chosen and chosen != "scenes" else {}


def image_set_choice() -> ImageSet:
    """The choice of the image set that a page is about, where there is one to make; it is in the address."""
    st.session_state.update(st.session_state.pop("go_to", {}))
    names = set_names()
    name = st.selectbox(
        "Image set",
        names,
        key="data",
        bind="query-params",
        help="Scenes are drawn by the lab. In balanced-cues the background is as hard to see as the animal. Your own "
        "sets are made on the Data page.",
        width=320,
    )
    with errors_as_sentences():
        return cache.named_set(name)


def go_to(name: str) -> None:
    """Show the pictures of a set, at the next run: a choice that is drawn already cannot be changed."""
    st.session_state["go_to"] = {"data": name, "look": "pictures"}
    st.query_params.pop("picture", None)
    st.rerun()


def map_side() -> int:
    """Side of each of two maps beside each other, or below each other on a phone, in px, for the visitor's window.

    A chart of two linked panes cannot stretch, and Streamlit does not tell the width: a few bytes of our own script do.
    Only a few sizes come out, so that visitors share what is cached for them.
    """
    width = _viewport(key="viewport", on_width_change=lambda: None).width or 1280
    sides = ((1360, 520), (1100, 440), (940, 400), (780, 330))
    return next((side for least, side in sides if width >= least), PHONE_SIDE)


_viewport = st.components.v2.component(
    "vl_bias_lab_viewport",
    js="export default function({setStateValue}) { setStateValue('width', window.innerWidth) }",
)


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
