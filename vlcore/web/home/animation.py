"""First screen of Home: maps that play the trainings of an image set in the browser.

Little is imported here: they reach the visitor before the server has read what the rest of Home
needs.
"""

import streamlit as st

from vlcore.experiment.files import static_folder, text_beside
from vlcore.experiment.options import SCRATCH
from vlcore.experiment.version import __version__
from vlcore.plots.theme import Palette
from vlcore.web.components import browser
from vlcore.web.components.browser import BUTTON_STYLE

_ATLAS = st.components.v2.component(
    "vl_bias_lab_atlas",
    html=text_beside(__file__, "atlas.html"),
    css=BUTTON_STYLE + text_beside(__file__, "atlas.css"),
    js=text_beside(__file__, "atlas.js"),
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


def show_atlas(palette: Palette, towers: str) -> None:
    """Show two maps above sliders of bias and step, if an atlas of the chosen set is bundled."""
    data = st.session_state.get("data") or st.query_params.get("data") or "scenes"
    if not has_atlas(data, towers):
        return
    colours = {"groups": palette.groups, "text": palette.text, "ground": palette.ground}
    told = {
        "url": atlas_address(data, towers),
        "colours": colours,
        "scheme": palette.name,
        "begin": st.session_state.get("guide_atlas"),
    }
    _ATLAS(key=f"atlas-{towers}", data=told)
