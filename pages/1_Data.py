"""Data: what the models will see, what they could cheat with, and sets of one's own."""

import streamlit as st

from vlcore.experiment.plain_text import plain
from vlcore.web import shell, widgets
from vlcore.web.data import drawing, importing
from vlcore.web.data import images as pictures

palette, bar = shell.begin("What do the models see?")
with bar:
    images = shell.image_set_choice()
    sections = {
        "pictures": lambda: pictures.section(images, palette),
        "cheats": lambda: pictures.cheats(images, palette),
        "one scene": lambda: drawing.one_scene(images),
        "draw a set": drawing.draw_a_set,
        "your own": importing.section,
    }
    section = widgets.one_of("Look at", sections, "look", "pictures")
with st.container(horizontal=True, vertical_alignment="center"):
    st.caption(plain(f"{pictures.about(images)}. {pictures.towers(images)}"), width="content")
    widgets.link("app.py", "Train on it", "play_arrow", data=images.name)
with shell.errors_as_sentences():
    sections[section]()
