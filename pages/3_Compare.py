"""Compare: two to four models side by side, the same pictures in every map."""

from __future__ import annotations

import streamlit as st

from vlcore.core.options import PRESETS
from vlcore.ui import condition_controls, shell
from vlcore.ui.compare import maps, models, sections

palette = shell.begin("Compare models")
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    count = models.how_many()
    preset = st.segmented_control(
        "Training length, the same for all",
        options=condition_controls.LENGTHS,
        default="standard",
        required=True,
        key="length",
        bind="query-params",
        help=", ".join(f"{name}: {PRESETS[name]:,} steps" for name in condition_controls.LENGTHS)
        + ". Take “live” for a quick look, “careful” for a claim.",
    )
side = shell.map_side()
with shell.errors_as_sentences():
    chosen = models.choose(images, count, preset or "standard")
    models.wait_for(chosen)
    shown = maps.choose(chosen, images, palette, side)
maps.show(shown)
sections.show(shown)
