"""Findings: what the study claims, what was measured, and how far it reaches."""

from __future__ import annotations

import streamlit as st

from vlcore.choices import PRESETS
from vlcore.images.subset import usual_condition
from vlcore.runs import findings_words as words
from vlcore.runs import methods, studies
from vlcore.ui import controls, findings, shell
from vlcore.ui import findings_sections as sections

palette = shell.begin("Findings")
st.markdown(
    "Can more descriptive labels help a model that learns from biased pictures? Nothing on this page is written by "
    "hand: it is computed from the runs that are there."
)

STUDIES = ("paper", "class", "experiments")
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    name = st.segmented_control(
        "Study",
        STUDIES,
        default="paper",
        required=True,
        key="study",
        bind="query-params",
        help="Each crosses short and descriptive labels with levels of bias. Paper: six levels; class: three; "
        "experiments: the two of the study's four experiments.",
    )
    preset = st.segmented_control(
        "Training length",
        controls.LENGTHS,
        default="standard",
        required=True,
        key="length",
        bind="query-params",
        help=", ".join(f"{length}: {PRESETS[length]:,} steps" for length in controls.LENGTHS),
    )
    seeds = st.number_input(
        "Blocks planned",
        min_value=1,
        max_value=50,
        value=10,
        key="blocks",
        bind="query-params",
        width=150,
        help="Pairs of seeds. Six or more can decide something; ten to twenty are usual for a claim.",
    )

with shell.errors_as_sentences():
    base = usual_condition(images).replace(steps=PRESETS[preset or "standard"])
    study = studies.find(name or "paper", base, int(seeds))
    one = findings.shown(study, images.grouping)

if not one.there:
    sections.nothing_yet(one)
    sections.queue(one)
    sections.choices()
    st.stop()

with shell.errors_as_sentences():
    result = findings.found(one)

sections.answer(result)
sections.queue(one)
side = shell.map_side()  # of two figures beside each other; in a narrow window they stand below each other
whole = 2 * side
width = side + 50 if whole > 700 else whole

st.subheader("What the study claims")
sections.ledger(result)
sections.claim(one, result, palette, width)

st.subheader("Bias and labels")
sections.over_bias(one, result, palette, width, whole)

st.subheader("Group by group")
findings.show(one, palette, "groups", "", whole)

st.subheader("While they train")
findings.show(one, palette, "curves", "", whole)
st.caption(sections.figures.LEGEND_OF_CURVES)

st.subheader("Every comparison")
st.dataframe(words.comparisons_table(result), hide_index=True, width="stretch")
sections.downloads(one)
sections.lost(one)

st.subheader("How it was measured")
for title, text in methods.methods(result).items():
    st.markdown(f"**{title}.** {text}")
st.code(methods.command(study), language="sh")
sections.choices()
