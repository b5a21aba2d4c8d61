"""Data: what the models will see, what they could cheat with, and sets of one's own."""

from __future__ import annotations

import streamlit as st

from vlcore.ui import condition_controls, shell
from vlcore.ui.data import cheats, drawing, importing, pictures

palette = shell.begin("What do the models see?")
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    sections = {
        "pictures": lambda: pictures.section(images, palette),
        "cheats": lambda: cheats.section(images, palette),
        "one scene": lambda: drawing.one_scene(images),
        "draw a set": drawing.draw_a_set,
        "your own": importing.section,
    }
    section = st.segmented_control(
        "Look at", options=list(sections), default="pictures", required=True, key="look", bind="query-params"
    )
with st.container(horizontal=True, vertical_alignment="center"):
    st.caption(pictures.about(images), width="content")
    condition_controls.link_to_training(images.name)
sections[section or "pictures"]()
