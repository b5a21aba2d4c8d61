"""What every page begins with: its title, the menu, the palette, and the rule that no traceback reaches a page.

The one idea: the menu is ours (`st.page_link`), because Streamlit's own differs between a cold deep link and a click
where a folder named ``pages/`` exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from vlcore.conditions import ConditionError
from vlcore.figures.theme import DARK, LIGHT, Palette
from vlcore.home import HomeError
from vlcore.images.imagesets import ImageSetError
from vlcore.runs.compare import ComparisonError
from vlcore.runs.store import StoreError

PAGES = (
    ("app.py", "Home", ":material/home:"),
    ("pages/3_Compare.py", "Compare", ":material/compare:"),
    ("pages/4_Upload.py", "Upload", ":material/upload:"),
)
KNOWN_ERRORS = (ConditionError, HomeError, ImageSetError, ComparisonError, StoreError)


def begin(title: str, *, first: bool = False) -> Palette:
    """Set the page up and draw the menu; returns the palette that fits the visitor's theme."""
    name = "VL Bias Lab"
    st.set_page_config(
        page_title=name if first else f"{title} · {name}",
        page_icon="🐫",
        layout="wide",
        initial_sidebar_state="auto",
    )
    with st.sidebar:
        st.markdown(f"**{name}**")
        for page, label, icon in PAGES:
            st.page_link(page, label=label, icon=icon)
        st.caption(
            "How dataset bias and text labels shape a small vision-language model. Everything here was trained "
            "on this machine."
        )
    st.title(title)
    return palette()


def palette() -> Palette:
    """Colours for the visitor's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Show an error that a person can act on as its sentence, and stop the page there."""
    try:
        yield
    except KNOWN_ERRORS as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
