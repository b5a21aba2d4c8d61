"""What only a browser can do, and Streamlit does not: play a film, copy the address, take what is
pasted, remember.

Each is a few lines of our own (`vlcore/scripts`). None asks the network, or takes a visitor's text
into the page.
"""

import streamlit as st

from vlcore.experiment.files import text_beside
from vlcore.plots.html import PLAY_SCRIPT

BUTTON_STYLE = text_beside(__file__, "button.css")
# A button that plays the film on this page once, and pauses it; where little motion is wanted, it
# steps.
_FILM = PLAY_SCRIPT + text_beside(__file__, "film.js")
PLAY = st.components.v2.component(
    "vl_bias_lab_play", html='<button type="button"></button>', css=BUTTON_STYLE, js=_FILM
)
# Draws a line around one control of the page and makes all else quiet; nothing is blocked.
GUIDE = st.components.v2.component("vl_bias_lab_guide", js=text_beside(__file__, "guide.js"))
# A button that copies the address of the page as it is when pressed, and says so.
COPY = st.components.v2.component(
    "vl_bias_lab_copy",
    html='<button type="button">Copy link</button><span role="status"></span>',
    css=BUTTON_STYLE + "span { margin-left: .6rem; color: var(--st-text-color); }",
    js=text_beside(__file__, "copy.js"),
)
# Hands what is pasted anywhere on the page to its first uploader.
PASTE = st.components.v2.component("vl_bias_lab_paste", js=text_beside(__file__, "paste.js"))
_REMEMBER = st.components.v2.component(
    "vl_bias_lab_remember", js=text_beside(__file__, "remember.js")
)


def remember(name: str, value: str, seconds: float) -> None:
    """Keep a value for `remembered` in the browser; name and value are letters, digits, hyphens and
    underscores."""
    _REMEMBER(
        key=f"remember-{name}",
        data={"name": name, "value": value, "seconds": int(seconds)},
        height=0,
    )


def remembered(name: str) -> str:
    """What the visitor's browser kept when this visit began; empty where there is nothing."""
    return st.context.cookies.get(name, "")
