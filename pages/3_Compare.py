"""Compare: two models side by side, or a grid of them, the same images in every map."""

import streamlit as st

from vlcore.api.panels import COMPARE
from vlcore.experiment.plain_text import plain
from vlcore.web import condition_controls, panels, shell
from vlcore.web.address import CompareState
from vlcore.web.compare import grid, maps, models, selections
from vlcore.web.components import browser

palette, bar = shell.begin(CompareState, "Compare models")
with shell.settings(bar):
    images = shell.image_set_choice()
    towers = shell.towers_choice(shell.usual_towers(images))
    steps = condition_controls.training_length("length", "Training steps (all models)")
grid.switch(bar)
if grid.is_shown():
    with shell.attributed(images), shell.errors_as_sentences():
        grid.show(images, steps, towers, palette, bar)
else:  # no `st.stop` above: after it, Streamlit keeps the controls of the other view
    with shell.attributed(images):
        with shell.errors_as_sentences():
            sides = models.choose_sides(images, steps, towers)
            if not models.need_sides(images, sides):
                st.stop()
            view = maps.choose_maps(sides, palette, bar)
            selection = selections.choose_selection(view, bar)
        bar.caption(plain(models.set_and_steps(images, sides)), width="content")
        maps.show(view, selection)
        browser.COPY(key="copy-link", width="content")
        panels.choose_panel(COMPARE, maps.stage_of(view))
