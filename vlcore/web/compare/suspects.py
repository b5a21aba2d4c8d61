"""Suspect labels on the Compare page: images that most of their neighbours contradict."""

from functools import partial

import streamlit as st

from vlcore.api.selections import Selection
from vlcore.api.suspect_labels import NEIGHBOURS, SuspectLabels, find_suspects
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import plural
from vlcore.plots.options import PCA
from vlcore.web import cache, widgets
from vlcore.web.compare.selections import select
from vlcore.web.compare.view import Shown

MOST_SHOWN = 12
SUREST = 9  # neighbours; of images that fewer contradict, most labels are right
SIDE = 90  # px of an image: all are a row of a window of 1280 px


def show_suspects(view: Shown) -> None:
    """Show the images whose labels each model's space contradicts, the most suspect first."""
    st.caption(
        "A label that disagrees with those of an image's neighbours may be wrong. Under bias there"
        " is another reason: an image of a minority group may lie among those of its background."
        " Look at each before you change it."
    )
    for name, model in view.comparison.named.items():
        with widgets.reason_if_absent("label_off"):
            suspects = _suspects(model.artifact.key)
            st.markdown(plain(f"{name.capitalize()} model: {suspects.sentence}"))
            _show_images(view, suspects)
            if len(suspects.table):
                _offer(view, name, suspects)


def _offer(view: Shown, name: str, suspects: SuspectLabels) -> None:
    """Offer to select the suspects of a model, all or the surest, and to download them."""
    rows = suspects.table["row"]
    surest = rows[suspects.table["contradict"] >= SUREST]
    choices = {f"Select all {len(rows):,}": rows}
    if 0 < len(surest) < len(rows):
        label = f"Select the {len(surest):,} with {SUREST} of {NEIGHBOURS} or more"
        choices = {label: surest} | choices
    words = f"neighbours of the {name} model contradict the label"

    def select_these(selection: Selection) -> None:
        select(selection)
        count = plural(len(selection.rows), "image")
        words = f"{count} selected: lit on the maps, and listed below them."
        st.session_state.setdefault("toast", words)  # else what `select` has to say

    with st.container(horizontal=True):
        for number, (label, chosen) in enumerate(choices.items()):
            selection = Selection.from_rows(view.comparison, chosen, words)
            st.button(
                label,
                icon=":material/select_all:",
                key=f"suspects-{name}-{number}",
                on_click=partial(select_these, selection),
                help="Lit on the maps; listed below them, to be kept under a name, or searched in.",
            )
        widgets.download(
            "Download CSV",
            partial(safe_csv, suspects.table),
            "suspects.csv",
            "text/csv",
            key=f"suspects-{name}-csv",
            help="One row an image, the most suspect first, with how many neighbours contradict.",
        )


@st.cache_resource(max_entries=60, show_spinner="Comparing labels …", hash_funcs=cache.BY_CONTENT)
def _suspects(key: str) -> SuspectLabels:
    model = cache.map_of_model(key, PCA, ())
    return find_suspects(model, cache.image_set(model))


def _show_images(view: Shown, suspects: SuspectLabels) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for suspect in suspects.table.head(MOST_SHOWN).itertuples():
            lines = [
                f"{suspect.object}, {suspect.context}",
                f"{suspect.contradict} of {NEIGHBOURS} near: {suspect.other}",
            ]
            if file := view.images.own_file(suspect.row):
                lines.insert(0, widgets.fitting_name(file))
            widgets.show_image_of_set(
                view.images,
                suspect.row,
                width=SIDE,
                alt=lines[-2],
                caption="  \n".join(map(plain, lines)),
            )
