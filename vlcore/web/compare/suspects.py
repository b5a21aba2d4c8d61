"""Suspect labels on the Compare page."""

from functools import partial

import pandas as pd
import streamlit as st

from vlcore.api.selections import Selection
from vlcore.api.suspect_labels import NEIGHBOURS, find_suspects
from vlcore.experiment.wording import plural
from vlcore.web import cache, widgets
from vlcore.web.compare.selections import select
from vlcore.web.compare.view import Shown

SHOWN = 12  # images of each model


def show_suspects(view: Shown) -> None:
    """Show the images whose labels each model's space contradicts, the most suspect first."""
    st.caption(
        f"Most of the {NEIGHBOURS} nearest neighbours of these images have another label. The label"
        " may be wrong, or a biased model places the image among images of its background. Look at"
        " an image before you change its label."
    )
    for name, model in view.comparison.named.items():
        with widgets.reason_if_absent("label_off"):
            suspects = _suspects(model.artifact.key)
            st.markdown(f"**{name.capitalize()} model**: {plural(len(suspects), 'image')}")
            first = suspects.head(SHOWN)
            counts = zip(first["row"].tolist(), first["contradict"], strict=True)
            lines = {row: [f"{count} of {NEIGHBOURS} contradict"] for row, count in counts}
            widgets.show_images(view.images, lines)
            words = f"neighbours in the {name} model contradict the label"
            selection = Selection.from_rows(view.comparison, suspects["row"], words)
            st.button("Select all", key=f"suspects-{name}", on_click=partial(select, selection))


@st.cache_resource(max_entries=60, show_spinner="Comparing labels …", hash_funcs=cache.BY_CONTENT)
def _suspects(key: str) -> pd.DataFrame:
    model = cache.map_of_model(key)
    return find_suspects(model, cache.image_set(model))
