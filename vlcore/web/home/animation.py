"""First screen of Home: a riddle around two maps that play the trainings of an image set.

Little is imported here: the maps reach the visitor before the server has read what the rest of Home
needs.
"""

import streamlit as st

from vlcore.experiment.files import static_folder, text_beside
from vlcore.experiment.options import SCRATCH
from vlcore.experiment.version import __version__
from vlcore.plots.maps.script import SCRIPT, STYLE, moving_look
from vlcore.plots.theme import SHAPES, Palette
from vlcore.web.components import browser
from vlcore.web.components.browser import BUTTON_STYLE

_SCRIPT = SCRIPT + text_beside(__file__, "riddle.js")
_RIDDLE = st.components.v2.component(
    "vl_bias_lab_riddle",
    html=text_beside(__file__, "riddle.html"),
    css=STYLE + BUTTON_STYLE + text_beside(__file__, "riddle.css"),
    js=browser.by_address("riddle", _SCRIPT),
)


def has_atlas(data: str, towers: str = SCRATCH) -> bool:
    """Whether an atlas of an image set and a pair of towers is bundled."""
    # Both may come from an address: no path is made of them.
    return file_name(data, towers) in {file.name for file in static_folder().glob("atlas-*.json")}


def file_name(data: str, towers: str) -> str:
    """Return the name of the static file of an atlas."""
    suffix = "" if towers == SCRATCH else f"-{towers}"
    return f"atlas-{data}{suffix}.json"


def atlas_address(data: str, towers: str = SCRATCH) -> str:
    """Return the address of an atlas on this server."""
    return f"{browser.base_path()}app/static/{file_name(data, towers)}?v={__version__}"


def preloads(data: str, towers: str) -> str:
    """Return the header by which a browser asks for the atlas and the script at once."""
    script = browser.script_address("riddle", _SCRIPT)
    atlas = f"<{atlas_address(data, towers)}>; rel=preload; as=fetch; crossorigin"
    return f"{atlas}, <{script}>; rel=modulepreload"


def show_riddle(palette: Palette, towers: str) -> None:
    """Show two maps above sliders of bias and step, if an atlas of the chosen set is bundled."""
    data = st.session_state.get("data") or st.query_params.get("data") or "scenes"
    if not has_atlas(data, towers):
        return
    told = {
        "url": atlas_address(data, towers),
        "look": moving_look(palette),
        "shapes": SHAPES,
        "scheme": palette.name,
        "card": st.session_state.get("guide_maps"),
    }
    _RIDDLE(key=f"riddle-{towers}", data=told)
