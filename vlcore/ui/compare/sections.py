"""Sections under the maps of the Compare page, of which a visitor opens one."""

from __future__ import annotations

import streamlit as st

from vlcore.compare.description import first_fit, how_tested, largest_displacements
from vlcore.compare.metrics_table import map_quality, measures_table
from vlcore.ui import shell, widgets
from vlcore.ui.compare import captions, film, sharing
from vlcore.ui.compare.maps import Shown


def _groups(shown: Shown) -> None:
    """Right or wrong by group, in words."""
    widgets.show_part(shown.parts["groups"])
    st.caption(
        f"Share of held-out pictures whose {shown.images.grouping.object_word} is named right, 95 % intervals over "
        f"scenes. {how_tested(shown.images)}"
    )


def _movement(shown: Shown) -> None:
    """How far pictures moved from the first model to the others, and whose neighbours they stayed."""
    if len(set(shown.keys)) == 1:
        st.caption("Both maps are of one model: nothing moved.")
        return
    images = shown.images
    try:
        found = largest_displacements(shown.comparison, images)
    except ValueError as error:
        st.info(str(error), icon=":material/info:")
        return
    for name, one in found.items():
        st.markdown(f"**From the {next(iter(shown.comparison.named))} to the {name} model**")
        st.dataframe(one.table, hide_index=True, width="stretch")
        st.caption(
            "Movement is on the maps, after turning: 1 is the size of the first. Kept neighbours are of the full space "
            f"and need no map: of ten, unrelated models share {100 * one.chance:.0f} % by chance. Intervals are over "
            "scenes, of one pair of runs."
        )
        st.markdown("The pictures that moved most")
        with st.container(horizontal=True, gap="small"):
            for moved in one.largest:
                facts = images.table.iloc[moved.row]
                words = f"{facts['object']}, {facts['context']}"
                caption = f"{words}: {moved.way:.1f}, {moved.kept:.0%} kept"
                widgets.picture(images.image(moved.row), width=104, caption=caption, alt=words)


def _captions(shown: Shown) -> None:
    """A caption that somebody types; under it, how alike the models' own captions are."""
    captions.ask_models(shown)
    st.markdown("**How alike its captions are to each model**")
    film.caption_section(shown.keys, shown.palette)


def _loss(shown: Shown) -> None:
    """What each model's loss made of training pictures and captions."""
    st.markdown(
        "Each row is a training picture, each column a caption. A cell says what the loss counts the pair as, and its "
        "colour how the model scores it at the end. A *false negative* is a caption that is true of the picture and "
        "was counted as wrong."
    )
    distinct = list(dict.fromkeys(shown.keys))
    for column, key in zip(widgets.in_pairs(len(distinct)), distinct, strict=True):
        with column:
            film.pair_section(key, shown.palette)


def _measures(shown: Shown) -> None:
    """Every measure of every model beside the untrained encoder."""
    models = {name.capitalize(): model.artefact for name, model in shown.comparison.named.items()}
    st.dataframe(measures_table(shown.comparison, shown.images.grouping), hide_index=True, width="stretch")
    st.caption(" ".join(f"{name}: {first_fit(model)}" for name, model in models.items()))
    for name, model in models.items():
        if quality := map_quality(model):
            st.caption(f"{name} PCA map: {quality}.")


SECTIONS = {
    "Groups": _groups,
    "Map in words": lambda shown: widgets.show_part(shown.parts["layouts"]),
    "Movement": _movement,
    "Captions": _captions,
    "The loss": _loss,
    "Film": lambda shown: film.film_section(shown.keys, shown.palette, shown.side),
    "All measures": _measures,
    "Take along": sharing.section,
}


def show(shown: Shown) -> None:
    """The choice of a section, and the one that was chosen."""
    st.subheader("Look closer")
    section = st.segmented_control(
        "Look closer", options=list(SECTIONS), default="Groups", required=True, key="closer", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    with shell.errors_as_sentences():
        SECTIONS[section or "Groups"](shown)
