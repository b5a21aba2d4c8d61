"""Findings: what was found on both image sets, and any one study behind it."""

import streamlit as st

from vlcore.data.subset import usual_condition
from vlcore.experiment.options import SCRATCH
from vlcore.experiment.plain_text import plain
from vlcore.study import plans
from vlcore.study.pooled import SETS
from vlcore.study.published import open_published
from vlcore.study.results import Study
from vlcore.web import cache, condition_controls, shell, widgets
from vlcore.web.findings import documents, sections

palette, bar = shell.begin("Findings")
with bar:
    images = shell.image_set_choice()

ONE_STUDY = "one-study-at-a-time"

# Two figures are beside each other; in a narrow window they are below each other.
side = shell.map_side()
narrow = side <= shell.PHONE_SIDE
full_width = side if narrow else 2 * side + 40
width = side if full_width > 700 else full_width

is_own = images.name not in SETS
if is_own:
    st.info(
        f"What follows, down to the line, is published of {' and '.join(SETS)}; it says nothing of"
        f" {plain(images.name)}: [go to the studies of your set](#{ONE_STUDY})."
    )
with st.container(key="answer"):
    sections.show_pooled_answer(palette, full_width)
documents.show_documents()
if is_own:
    st.divider()

STUDIES = ("experiments", "class", "paper")
PUBLISHED, HERE = "published with this version", "runs on this server"
st.subheader("One study at a time", anchor=ONE_STUDY)
shell.show_attribution(images)
names = sections.published_names(images.name)
usual = PUBLISHED if names else HERE
# Older addresses named a study of this server.
is_older = "study" in st.query_params and "results" not in st.query_params
if st.session_state["arrives"] and is_older:
    st.session_state["results"] = HERE
with st.container(horizontal=True, vertical_alignment="bottom"):
    source = widgets.choose_one("Results", (PUBLISHED, HERE), "results", usual)
    if source == PUBLISHED and names:
        about = (
            "In the order of their seed pairs that no tuning has used. Confirmation: ten, with all"
            " controls (Methods say what was known then); paper: the same at six bias levels;"
            " experiments: the first ten pairs; classic: as of version 0.4. What each adds to the"
            " answer is a line above."
        )
        first = names[sections.usual_study(list(names), images.name)]
        # Old addresses have a study's name alone, or another number of pairs before it.
        former = dict(names)
        address = st.query_params.get("published", "")
        for study_name, words in names.items():
            if address.endswith(f"({study_name})"):
                former[address] = words
        chosen = widgets.choose_one(
            "Study",
            names.values(),
            "published",
            first,
            about,
            former_names=former,
            is_menu=True,
            width=340,
        )
        name = condition_controls.name_of(names, chosen)
        if chosen == first != next(iter(names.values())):
            st.caption("Claims need controls: the first study that ran them all is shown.")
    elif source == HERE:
        about = (
            "Each crosses short and descriptive labels with bias levels. Paper: six levels; class:"
            " three; experiments: the two of the study's four experiments."
        )
        name = widgets.choose_one("Study", STUDIES, "study", STUDIES[0], about)
        steps = condition_controls.training_length("length")
        towers = SCRATCH
        if images.has_pictures:
            towers = shell.towers_choice(shell.usual_towers(images))
        about = "Six or more can decide something; ten to twenty are usual for a claim."
        seeds = widgets.integer_input("Seed pairs planned", 1, 50, 10, "blocks", about, width=150)

study: Study
with shell.errors_as_sentences():
    if source == HERE:
        base = usual_condition(images).with_towers(towers).replace(steps=steps)
        plan = plans.find(name, base, seeds)
        study = Study(plan, images.grouping, cache.artifact)
    elif names:
        study = open_published(name, images.name)
    else:
        st.info(f"No results on {plain(images.name)} are bundled; look at the runs on this server.")
        st.stop()

if source == HERE:
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
    sections.shared_runs(canvas)
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
