"""Findings: what the study claims, what was measured, and how far it reaches."""

import streamlit as st

from vlcore.data.subset import usual_condition
from vlcore.experiment.plain_text import plain
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import figures, plans, report
from vlcore.study.published import PublishedStudy, study_names
from vlcore.study.results import Study
from vlcore.web import cache, condition_controls, shell, widgets
from vlcore.web.findings import sections

palette, bar = shell.begin("Findings")
st.markdown(
    "Can more descriptive labels help a model that learns from biased images? The figures, numbers"
    " and verdicts below are computed from runs."
)

STUDIES = ("experiments", "class", "paper")
PUBLISHED, HERE = "published with this version", "runs on this server"
with bar:
    images = shell.image_set_choice()
    names = study_names(images.name)
    # Older addresses named a study of this server.
    usual = PUBLISHED if names and "study" not in st.query_params else HERE
    source = widgets.choose_one("Results", (PUBLISHED, HERE), "results", usual)
    if source == PUBLISHED and names:
        about = (
            "Confirmation: ten planned seed pairs, with all controls (Methods say what was known"
            " then); paper: the same at six bias levels; experiments: the first ten pairs; classic:"
            " as of version 0.4."
        )
        name = widgets.choose_one("Study", tuple(names), "published", names[0], about)
    elif source == HERE:
        about = (
            "Each crosses short and descriptive labels with bias levels. Paper: six levels; class:"
            " three; experiments: the two of the study's four experiments."
        )
        name = widgets.choose_one("Study", STUDIES, "study", STUDIES[0], about)
        steps = condition_controls.training_length(
            "length", about=condition_controls.LENGTHS_IN_WORDS
        )
        about = "Six or more can decide something; ten to twenty are usual for a claim."
        seeds = widgets.integer_input("Seed pairs planned", 1, 50, 10, "blocks", about, width=150)

study: Study
with shell.errors_as_sentences():
    if source == HERE:
        plan = plans.find(name, usual_condition(images).replace(steps=steps), seeds)
        study = Study(plan, images.grouping, cache.artifact)
    elif names:
        study = PublishedStudy(name, images.name)
        st.caption(study.origin)
    else:
        st.info(f"No results on {plain(images.name)} are bundled; look at the runs on this server.")
        st.stop()

if not study.n_trained:
    sections.nothing_yet(study)
    sections.queue(study)
    sections.choices()
    st.stop()

with shell.errors_as_sentences():
    all_blocks, study = study, sections.without_failing(study)
    findings = sections.findings_of(study)

# Two figures are beside each other; in a narrow window they are below each other.
side = shell.map_side()
narrow = side <= shell.PHONE_SIDE
full_width = side if narrow else 2 * side + 40
width = side if full_width > 700 else full_width
canvas = sections.Canvas(study, findings, palette, width, full_width)
parts = {part.name: part for part in report.parts(findings)}

with st.container(border=True, key="answer"):
    sections.headline(canvas)
    other_pairs = st.container()
    canvas.show(report.chart(figures.by_bias, findings, PRIMARY), prefix="first_")
    st.caption(figures.REFERENCES)
    if isinstance(study, PublishedStudy):
        with other_pairs:
            sections.in_other_pairs(study)
    with st.expander("The answer in full"):
        canvas.show_part(parts["answer"])
if source == HERE:
    sections.queue(all_blocks)
else:
    sections.all_studies()

st.subheader(parts["claims"].heading)
sections.claims_table(findings, narrow=narrow)
shared = st.container()  # what takes another study's analysis is filled last
sections.claim(canvas)

st.subheader(parts["over_bias"].heading)
sections.over_bias(canvas)

for name in ("groups", "training", "comparisons"):
    st.subheader(parts[name].heading)
    canvas.show_part(parts[name])
sections.downloads(study)
sections.missing_runs(all_blocks)

st.subheader(parts["methods"].heading)
canvas.show_part(parts["methods"])
sections.choices()
if isinstance(study, PublishedStudy):
    with shared:
        sections.shared_runs(study, findings)
