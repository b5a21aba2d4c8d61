"""Components for what only a browser can do: play an animation, copy, paste, remember.

Each is JavaScript beside this file: a few lines, but for maps. None asks the
network, or takes a visitor's text into the page as HTML.
"""

import streamlit as st

from vlcore.experiment.files import text_beside
from vlcore.plots.html import PLAY_SCRIPT
from vlcore.web.components import scripts

BUTTON_STYLE = text_beside(__file__, "button.css")
_PLAYER = PLAY_SCRIPT + text_beside(__file__, "play.js")
# Button that plays the training animation once, and pauses it; with reduced motion it steps.
PLAY = st.components.v2.component(
    "vl_bias_lab_play", html='<button type="button"></button>', css=BUTTON_STYLE, js=_PLAYER
)
# Line around one control of the page, and all else muted; nothing is blocked.
GUIDE = st.components.v2.component("vl_bias_lab_guide", js=text_beside(__file__, "guide.js"))
# Button that copies the current address of the page, and says so.
COPY = st.components.v2.component(
    "vl_bias_lab_copy",
    html='<button type="button">Copy link</button><span role="status"></span>',
    css=BUTTON_STYLE + "span { margin-left: .6rem; color: var(--st-text-color); }",
    js=text_beside(__file__, "copy.js"),
)
# Sends files that are pasted anywhere on the page to its first uploader.
PASTE = st.components.v2.component("vl_bias_lab_paste", js=text_beside(__file__, "paste.js"))
# Linked maps in WebGL: see the head of its script.
MAPS = st.components.v2.component(
    "vl_bias_lab_maps",
    css=text_beside(__file__, "maps.css"),
    js=scripts.by_address(
        "maps", text_beside(__file__, "points.js") + text_beside(__file__, "maps.js")
    ),
)
_REMEMBER = st.components.v2.component(
    "vl_bias_lab_remember", js=text_beside(__file__, "remember.js")
)


def remember(name: str, value: str, seconds: float) -> None:
    """Keep a value in the browser for `remembered`; letters, digits, hyphens and underscores."""
    _REMEMBER(
        key=f"remember-{name}",
        data={"name": name, "value": value, "seconds": int(seconds)},
        height=0,
    )


def remembered(name: str) -> str:
    """Return what the visitor's browser kept when this visit began; empty without it."""
    return st.context.cookies.get(name, "")
