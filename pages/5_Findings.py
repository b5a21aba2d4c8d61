"""Findings: what the study claims, what was measured, and how far it reaches."""

from __future__ import annotations

import streamlit as st

from vlcore.core.options import PRESETS
from vlcore.datasets.subset import usual_condition
from vlcore.studies import plans, report
from vlcore.ui import condition_controls, shell
from vlcore.ui.findings import figures, sections

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
        condition_controls.LENGTHS,
        default="standard",
        required=True,
        key="length",
        bind="query-params",
        help=", ".join(f"{length}: {PRESETS[length]:,} steps" for length in condition_controls.LENGTHS),
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
    study = plans.find(name or "paper", base, int(seeds))
    one = figures.results(study, images.grouping)

if not one.there:
    sections.nothing_yet(one)
    sections.queue(one)
    sections.choices()
    st.stop()

with shell.errors_as_sentences():
    result = figures.found(one)

side = shell.map_side()  # of two figures beside each other; in a narrow window they stand below each other
whole = 2 * side
width = side + 50 if whole > 700 else whole
parts = {part.name: part for part in report.parts(result)}

with st.container(border=True):
    sections.headline(result)
    sections.show(one, parts["answer"], palette, whole)
sections.queue(one)

st.subheader(parts["claims"].heading)
sections.ledger(result)
sections.claim(one, result, palette, width)

st.subheader(parts["over_bias"].heading)
sections.over_bias(one, result, palette, width, whole)

for name in ("groups", "training", "comparisons"):
    st.subheader(parts[name].heading)
    sections.show(one, parts[name], palette, whole)
sections.downloads(one)
sections.lost(one)

st.subheader(parts["methods"].heading)
sections.show(one, parts["methods"], palette, whole)
sections.choices()
