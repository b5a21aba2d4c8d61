"""Compare: two models side by side, the same pictures in both maps."""

from __future__ import annotations

import streamlit as st

from vlcore.conditions import PRESETS, Condition, describe_bias, grid
from vlcore.images.folds import usual_condition
from vlcore.runs import compare, measured, pipeline, words
from vlcore.runs.jobs import State, View
from vlcore.ui import drawn, panels, shell, work

palette = shell.begin("Compare two models")

KINDS = {name.upper(): name for name in compare.MAPS}
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    kind = st.segmented_control(
        "Map",
        options=list(KINDS),
        default="PCA",
        required=True,
        key="map",
        bind="query-params",
        help="PCA is exact and the same at every visit. UMAP keeps neighbours together; its distances mean little.",
    )
    preset = st.segmented_control(
        "Training length, the same for both",
        options=panels.LENGTHS,
        default="standard",
        required=True,
        key="length",
        bind="query-params",
        help=", ".join(f"{name}: {PRESETS[name]:,} steps" for name in panels.LENGTHS)
        + ". Take “live” for a quick look, “careful” for a claim.",
    )
kind = KINDS.get(kind or "", "pca")
preset = preset or "standard"

columns = st.columns(2, border=True)
with shell.errors_as_sentences():
    first, second = grid("experiments", usual_condition(images))[:2]
    with columns[0]:
        left = panels.condition_controls("Left model", "left", first, preset, images.grouping)
        left_slot = st.container()
    with columns[1]:
        right = panels.condition_controls("Right model", "right", second, preset, images.grouping)
        right_slot = st.container()
sides = ((left, left_slot, "left"), (right, right_slot, "right"))


def are_trained() -> bool:
    return all(work.view(condition.key).done for condition, _, _ in sides)


def waiting() -> None:
    """Progress and buttons of whatever is still missing; runs again every two seconds while something trains."""
    with shell.errors_as_sentences():
        active = False
        for column, (condition, _, side) in zip(st.columns(2), sides, strict=True):
            with column:
                active |= one_side(condition, side)
        if are_trained() or active != polling:
            st.rerun()


def one_side(condition: Condition, side: str) -> bool:
    """One model's state; true while a job of it is active."""
    if work.view(condition.key).state is State.ABSENT and condition.steps == 0:
        work.train(condition)  # nothing to train: measured at once, in a few seconds
    view = work.view(condition.key)
    if view.done:
        st.success("Ready.", icon=":material/check_circle:")
        return False
    if view.state.is_active:
        panels.progress(view)
        if st.button("Cancel", key=f"cancel_{side}", icon=":material/stop:"):
            work.cancel([view.key])
        panels.live(condition, view, palette, f"live_{side}")
        panels.curve(view, palette, f"live_{side}")
        return True
    if sentence := panels.ended_badly(view):
        st.warning(sentence)
    else:
        st.info("This model has not been trained yet.", icon=":material/info:")
    if st.button("Train this model", key=f"train_{side}", type="primary"):
        work.train(condition)
        st.rerun()
    return False


polling = any(work.view(condition.key).state.is_active for condition, _, _ in sides)
if not are_trained():
    st.fragment(waiting, run_every=work.POLL if polling else None)()
    st.stop()


def umaps() -> list[View]:
    return [work.view(pipeline.umap_key(key)) for key in dict.fromkeys((left.key, right.key))]


def fitting() -> None:
    """Progress of the UMAPs that are still missing, above the PCA maps."""
    with shell.errors_as_sentences():
        views = umaps()
        if all(view.done for view in views):
            st.rerun()
        for view in views:
            if view.state.is_active:
                panels.progress(view)
            elif sentence := panels.ended_badly(view):
                st.warning(sentence)
                if st.button("Fit the UMAP", key=f"fit_{view.key}"):
                    work.make_umap(view.key.removesuffix(".umap"))
                    st.rerun()


if kind == "umap" and not all(view.done for view in umaps()):
    for view in umaps():
        if view.state is State.ABSENT:
            work.make_umap(view.key.removesuffix(".umap"))
    st.caption("UMAP is being fitted; until then the maps are PCA.")
    st.fragment(fitting, run_every=work.POLL if any(view.state.is_active for view in umaps()) else None)()
    kind = "pca"

with shell.errors_as_sentences():
    together = work.comparison(left.key, right.key, kind)
for condition, slot, _ in sides:
    with slot.container(horizontal=True):
        st.caption(describe_bias(condition), width="content")
        if condition.steps:
            panels.traffic_light(condition)
        if work.artefact(condition.key).metrics["end"]["collapsed"]:
            st.badge(
                "collapsed",
                icon=":material/warning:",
                color="red",
                help="Nearly all variance is gone: what the map shows is residue, blown up to fill it.",
            )

in_words = words.in_words(together, images.grouping)
event = drawn.show(
    drawn.maps(left.key, right.key, kind, palette, shell.map_side()),
    alt=in_words,
    key="maps",
    on_select="rerun",
    selection_mode=["pick"],
)
st.markdown(in_words)
if few := words.few(together.left.artefact, images.grouping):
    st.warning(few, icon=":material/warning:")
if kind == "umap":
    st.caption("Each UMAP was fitted on its own model: compare who is near whom, not where a cloud lies.")

picked = event.selection.get("pick", []) if event else []
if picked:
    st.query_params["picture"] = str(picked[0].get("id"))
rows = {f"p{row}" for row in together.left.rows} | {f"p{row}" for row in together.right.rows}
identity = st.query_params.get("picture")
st.subheader("The picture you clicked")
if identity not in rows:
    st.caption("Click a mark in either map: its picture and its nearest neighbours in both models appear here.")
else:
    row = int(identity[1:])
    facts = images.table.iloc[row]
    own, left_near, right_near = st.columns([1, 2, 2])
    own.image(images.image(row), width="stretch", alt=f"{facts['object']}, {facts['context']}")
    held_out = row in together.left.rows[: together.left.held_out]
    own.caption(f"{facts['object']}, {facts['context']}, {'held out' if held_out else 'training'}")
    own.caption(f"“{facts['caption']}”")
    for column, model, side in ((left_near, together.left, "left"), (right_near, together.right, "right")):
        with column:
            st.markdown(f"**Nearest in the {side} model** (cosine)")
            where = [number for number, shown in enumerate(model.rows) if shown == row]
            if not where:
                st.caption("This picture is not in the training set of this model.")
                continue
            z = model.z[where[0]]
            panels.pictures(model, model.neighbours(z, 5, apart_from=row))
            panels.caption_table(model, z)

st.subheader("Right or wrong, group by group")
if images.folds:
    HOW_TESTED = f"{images.folds} models were trained in turn, each judging the pictures that it has not seen."
elif images.about.get("recipe"):
    HOW_TESTED = "Each of the 500 test scenes is drawn with both animals and both backgrounds."
else:
    HOW_TESTED = "No held-out picture, nor one much like it, was in training."
with st.container(horizontal=True, gap="large"):
    drawn.show(
        drawn.board(left.key, right.key, palette),
        alt="Accuracy of both models in each of the four groups, with 95 % intervals",
    )
    with st.container(width=520):
        st.dataframe(words.group_table(together, images.grouping), hide_index=True, width="stretch")
        st.caption(
            f"Share of held-out pictures whose {images.grouping.object_word} is named right, with 95 % intervals over "
            f"scenes. {HOW_TESTED} One run: another seed gives other numbers."
        )
with st.expander("More measures, each beside the untrained encoder"):
    st.dataframe(
        measured.measures_table(together.left, together.right, images.grouping), hide_index=True, width="stretch"
    )
    first_fit = [words.first_fit(model) for model in (together.left, together.right)]
    st.caption(f"Left: {first_fit[0]} Right: {first_fit[1]}")
