"""Findings: what the study claims, what was measured, and how far it reaches."""

import streamlit as st

from vlcore.data.subset import usual_condition
from vlcore.experiment.plain_text import plain
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import figures, plans, published, report
from vlcore.study.results import Study
from vlcore.web import cache, condition_controls, shell, widgets
from vlcore.web.findings import sections

palette, bar = shell.begin("Findings")
asked = "Can more descriptive labels help a model that learns from biased pictures?"
st.markdown(f"{asked} The figures, numbers and verdicts below are computed from runs.")

STUDIES = ("experiments", "class", "paper")
PUBLISHED, HERE = "published with this version", "runs on this server"
one: Study
with bar:
    images = shell.image_set_choice()
    ready = published.published(images.name)
    # An address of before named a study of this server's.
    usual = PUBLISHED if ready and "study" not in st.query_params else HERE
    source = widgets.one_of("Results", (PUBLISHED, HERE), "results", usual)
    if source == PUBLISHED and ready:
        about = (
            "Confirmation: ten planned pairs of seeds, with all controls (Methods say what was"
            " known then); "
        )
        about += (
            "paper: the same at six levels of bias; experiments: the first ten pairs; classic: as"
            " of version 0.4."
        )
        name = widgets.one_of("Study", tuple(ready), "published", next(iter(ready)), about)
    elif source == HERE:
        levels = (
            "Paper: six levels; class: three; experiments: the two of the study's four experiments"
        )
        about = f"Each crosses short and descriptive labels with levels of bias. {levels}."
        name = widgets.one_of("Study", STUDIES, "study", STUDIES[0], about)
        steps = condition_controls.training_length(
            "length", about=condition_controls.LENGTHS_IN_WORDS
        )
        about = (
            "Pairs of seeds. Six or more can decide something; ten to twenty are usual for a claim."
        )
        seeds = widgets.whole("Blocks planned", 1, 50, 10, "blocks", about, width=150)

with shell.errors_as_sentences():
    if source == HERE:
        study = plans.find(name, usual_condition(images).replace(steps=steps), seeds)
        one = Study(study, images.grouping, cache.artifact)
    elif ready:
        one = published.PublishedResults(ready[name])
        st.caption(one.origin)
    else:
        st.info(
            f"No results on {plain(images.name)} came with this version; look at the runs on this"
            " server."
        )
        st.stop()

if not one.there:
    sections.nothing_yet(one)
    sections.queue(one)
    sections.choices()
    st.stop()

with shell.errors_as_sentences():
    planned, one = one, sections.sound(one)
    result = sections.found(one)

side = (
    shell.map_side()
)  # of two figures beside each other; in a narrow window they stand below each other
whole = 2 * side + 40 if side > shell.PHONE_SIDE else side
width = side if whole > 700 else whole
parts = {part.name: part for part in report.parts(result)}

with st.container(border=True, key="answer"):
    sections.headline(one, result)
    others = st.container()
    sections.figure(one, report.chart(figures.by_bias, result, PRIMARY), palette, whole, "first_")
    st.caption(figures.REFERENCES)
    if isinstance(one, published.PublishedResults):
        with others:
            sections.in_other_pairs(one)
    with st.expander("The answer in full"):
        sections.show(one, parts["answer"], palette, whole)
if source == HERE:
    sections.queue(planned)
else:
    sections.why()

st.subheader(parts["claims"].heading)
sections.ledger(result, narrow=side <= shell.PHONE_SIDE)
elsewhere = st.container()  # what takes another study's analysis is filled last
sections.claim(one, result, palette, width)

st.subheader(parts["over_bias"].heading)
sections.over_bias(one, result, palette, width, whole)

for name in ("groups", "training", "comparisons"):
    st.subheader(parts[name].heading)
    sections.show(one, parts[name], palette, whole)
sections.downloads(one)
sections.lost(planned)

st.subheader(parts["methods"].heading)
sections.show(one, parts["methods"], palette, whole)
sections.choices()
if isinstance(one, published.PublishedResults):
    with elsewhere:
        sections.same_pairs(one, result)
