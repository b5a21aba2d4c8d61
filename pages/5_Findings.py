"""Findings: the published answer, and the studies that were run on this server."""

import streamlit as st

from vlcore.data.subset import usual_condition
from vlcore.experiment.options import SCRATCH
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import PHONE_SIDE
from vlcore.study import plans
from vlcore.study.answer_words import listed
from vlcore.study.results import Study
from vlcore.web import cache, condition_controls, shell, widgets
from vlcore.web.findings import answer, documents, sections

palette, _ = shell.begin("Findings")

# Two figures are beside each other; in a narrow window they are below each other.
side = shell.map_side()
narrow = side <= PHONE_SIDE
full_width = side if narrow else 2 * side + 40
width = side if full_width > 700 else full_width

other_set = st.container()
published = answer.read_answer()
if published:
    with st.container(key="answer"):
        answer.show_answer(published, palette, full_width)
    answer.show_log_odds(published, palette, full_width)
answer.show_comparisons()
documents.show_documents()
answer.show_downloads()

STUDIES = ("experiments", "class", "paper")
st.subheader("Studies on this server", anchor="studies")
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    about = (
        "Each crosses short and descriptive captions with bias levels. Paper: six levels; class:"
        " three; experiments: the two of the study's four experiments."
    )
    name = widgets.choose_one("Study", STUDIES, "study", STUDIES[0], about)
    steps = condition_controls.training_length("length")
    towers = SCRATCH
    if images.has_pictures:
        towers = shell.towers_choice(shell.usual_towers(images))
    about = "Six or more can decide something; ten to twenty are usual for a claim."
    seeds = widgets.integer_input("Seed pairs planned", 1, 50, 10, "blocks", about, width=150)
shell.show_attribution(images)
if published and images.name not in published.sets:
    other_set.info(
        f"These results are for {listed(published.sets)}, not for {plain(images.name)}. See"
        " [studies on this server](#studies)."
    )

with shell.errors_as_sentences():
    base = usual_condition(images).with_towers(towers).replace(steps=steps)
    plan = plans.find(name, base, seeds)
    study = Study(plan, images.grouping, cache.artifact)

if not study.n_trained:
    sections.nothing_yet(study)
sections.show_planned_runs(study)
if not study.n_trained:
    sections.show_choices()
    st.stop()

part = sections.chosen_part()
with shell.errors_as_sentences():
    findings = sections.findings_of(study)
    parts = sections.report_parts_of(study)

canvas = sections.Canvas(study, findings, palette, width, full_width)

if part == sections.ANSWER:
    sections.answer_of_study(canvas)
    with st.expander("The answer in full"):
        canvas.show_part(parts["answer"])
elif part == sections.CLAIMS:
    sections.show_claims(findings, narrow=narrow)
    sections.claim(canvas)
elif part == sections.OVER_BIAS:
    sections.over_bias(canvas)
elif part == sections.GROUPS:
    for name in ("groups", "training"):
        st.markdown(f"**{parts[name].heading}**")
        canvas.show_part(parts[name])
elif part == sections.COMPARISONS:
    canvas.show_part(parts["comparisons"])
else:
    sections.downloads(study)
    sections.missing_runs(study)
    canvas.show_part(parts["methods"])
    sections.show_choices()
