"""The first screen of Home: maps that play the trainings of an image set in the browser.

Little is imported here: they are on their way to the visitor before the server has read what the rest of Home needs."""

import streamlit as st

from vlcore.charts.theme import Palette
from vlcore.core.files import script, static_folder
from vlcore.core.version import __version__

_ATLAS = st.components.v2.component(
    "vl_bias_lab_atlas",
    html=script("atlas.html"),
    css=script("button.css") + script("atlas.css"),
    js=script("atlas.js"),
)


def is_there(data: str) -> bool:
    """Whether an atlas of an image set ships."""
    return f"atlas-{data}.json" in {one.name for one in static_folder().glob("atlas-*.json")}


def base() -> str:
    """The path of this server's pages, with a slash at both ends."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}/" if path else "/"


def address(data: str) -> str:
    """The address of the atlas of an image set on this server."""
    return f"{base()}app/static/atlas-{data}.json?v={__version__}"


def show(palette: Palette) -> None:
    """Two maps over sliders of bias and step, of the set that is chosen; nothing where no atlas of it ships."""
    chosen = st.session_state.get("data") or st.query_params.get("data") or "scenes"
    if not is_there(chosen):
        return
    colours = {"groups": palette.groups, "text": palette.text, "ground": palette.ground}
    _ATLAS(key="atlas", data={"url": address(chosen), "colours": colours})
