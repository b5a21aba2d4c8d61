"""Data: what the models will see, what they could cheat with, and sets of one's own."""

from __future__ import annotations

import streamlit as st

from vlcore.core.grouping import group_words
from vlcore.datasets.subset import usual_condition
from vlcore.ui import cache, condition_controls, shell, widgets
from vlcore.ui.data import gallery, importing, sections

palette = shell.begin("What do the models see?")
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    section = st.segmented_control(
        "Look at",
        options=list(sections.SECTIONS),
        default="pictures",
        required=True,
        key="look",
        bind="query-params",
    )
grouping, names = images.grouping, group_words(images.grouping)
with st.container(horizontal=True, vertical_alignment="center"):
    st.caption(sections.about(images), width="content")
    condition_controls.link_to_training(images.name)

if section == "cheats":
    sections.cheats(images, palette)
elif section == "one scene":
    sections.one_scene(images)
elif section == "draw a set":
    sections.draw_a_set()
elif section == "your own":
    importing.your_own()
if section != "pictures":
    st.stop()

with st.container(horizontal=True, vertical_alignment="bottom"):
    bias = st.select_slider(
        "Bias: share of each minority group removed",
        options=list(condition_controls.BIASES),
        value="75 %",
        key="bias",
        bind="query-params",
        width=420,
    )
    labels = st.segmented_control(
        "Labels",
        options=list(condition_controls.LABELS),
        default="descriptive",
        required=True,
        key="labels",
        bind="query-params",
    )
    seed = st.number_input("Seed", 0, 999, 0, key="seed", bind="query-params", width=120)
with shell.errors_as_sentences():
    usual = usual_condition(images)
    condition = usual.replace(
        bias=condition_controls.BIASES[bias],
        labels=condition_controls.LABELS[labels or "descriptive"],
        data_seed=int(seed),
        init_seed=int(seed),
    )
    st.dataframe(sections.counts(images, condition), width="content", hide_index=True)
    event = cache.show(
        gallery.sheets(images, condition, palette, shell.map_side()),
        alt=f"Training pictures of the four groups; faded ones are removed at {bias}",
        key=f"sheets{st.session_state.get('closed', 0)}",
        on_select="rerun",
        selection_mode=["pick"],
    )
st.caption("Faded pictures are removed by the bias: the model never sees them. Click one to look at it.")

picked = event.selection.get("pick", []) if event else []
if picked:
    st.query_params["picture"] = str(picked[0].get("id"))
shown = {f"p{row}": int(row) for row in gallery.pool_rows(images, condition)}
identity = st.query_params.get("picture", "")
# A picture is opened when it is clicked, or with the address; not again at every run after it was closed.
if identity in shown and st.session_state.get("enlarged") != (images.name, identity):
    sections.enlarged(images, shown[identity])
st.session_state["enlarged"] = (images.name, identity)

st.subheader("How they are labelled")
sections.labels(images)

st.subheader("The mean of each group")
st.caption(
    "What is left when all training pictures of a group are laid over each other: where these differ, "
    "even the simplest model can tell the groups apart."
)
with shell.errors_as_sentences(), st.container(horizontal=True):
    means = gallery.means(images, condition)
    for group in sections.as_on_sheets(grouping):
        with st.container(width=170):
            if group in means:
                widgets.picture(means[group], width="stretch", alt=f"Mean of {names[group]}")
                st.caption(names[group])
            else:
                st.caption(f"{names[group]}: no mean, for no picture of this group is left in training")

st.subheader("Take them with you")
with st.container(horizontal=True, vertical_alignment="center"):
    st.download_button(
        f"The {len(gallery.kept_rows(images, condition)):,} training pictures (zip)",
        data=lambda: gallery.archive(images, condition),
        file_name=f"{images.name}-b{condition.bias * 100:g}-s{seed}.zip",
        mime="application/zip",
        icon=":material/download:",
    )
    size = gallery.weight(images)
    if size is not None and size <= sections.LARGEST_ZIP:
        st.download_button(
            f"The whole set (zip, {size / 2**20:.0f} MB)",
            data=lambda: gallery.archive(images, None),
            file_name=f"{images.name}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
        )
    else:
        st.caption(
            f"The whole set is large: `python -m vlcore data render --name {images.name}` draws it into "
            f"`data/{images.root.name}/`.",
            width="content",
        )
