"""Findings: the published answer, and the studies that were run on this server."""

import streamlit as st

from vlcore.api.panels import STUDY
from vlcore.data.subset import usual_condition
from vlcore.experiment.plain_text import plain
from vlcore.plots.theme import PHONE_SIDE
from vlcore.study import plans
from vlcore.study.answer_words import listed
from vlcore.study.results import Study
from vlcore.web import cache, condition_controls, panels, shell, widgets
from vlcore.web.address import FindingsState
from vlcore.web.findings import answer, sections

palette, _ = shell.begin(FindingsState, "Findings")
side = shell.map_side()
width = side if side <= PHONE_SIDE else 2 * side + 40

other_set = st.container()
published = answer.read_answer()
if published:
    with st.container(key="answer"):
        answer.show_answer(published, palette, width)
answer.show_downloads()

st.subheader("Studies on this server", anchor="studies")
with st.container(horizontal=True, vertical_alignment="bottom"):
    images = shell.image_set_choice()
    about = (
        "Each compares short with descriptive captions at several bias levels. Experiments: two"
        " levels; class: three; paper: six."
    )
    name = widgets.choose_one("Study", plans.STUDIES, "study", plans.STUDIES[0], about)
    steps = condition_controls.training_length("length")
    towers = shell.towers_choice(shell.usual_towers(images))
    about = "Fewer than six decide nothing. Ten to twenty are usual for a claim."
    seeds = widgets.integer_input("Seed pairs planned", 1, 50, 10, "blocks", about, width=150)
shell.show_attribution(images)
if published and images.name not in published.sets:
    other_set.info(
        f"These results are for {listed(published.sets)}, not for {plain(images.name)}. See"
        " [studies on this server](#studies)."
    )

with shell.errors_as_sentences():
    base = usual_condition(images).with_towers(towers).replace(steps=steps)
    study = Study(plans.find(name, base, seeds), cache.artifact)
sections.show_planned_runs(study)
if study.n_trained:
    panels.choose_panel(STUDY, panels.Stage(study, [study.digest], images, palette, width // 2))
