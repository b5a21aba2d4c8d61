"""Home: the question, the four experiments of the study, and one button that runs them."""

import streamlit as st

from vlcore.compare import description
from vlcore.core.captions import caption
from vlcore.core.condition import STUDY_BIAS
from vlcore.core.grouping import SCENES, group_words
from vlcore.datasets.subset import usual_condition
from vlcore.studies import plans
from vlcore.ui import cache, condition_controls, jobs, shell, widgets
from vlcore.ui.upload.pictures import group_pictures

palette = shell.begin("Do descriptive labels help a model that learns from biased pictures?", first=True)
intro = st.container()
images = shell.image_set_choice()
grouping, names = images.grouping, group_words(images.grouping)
with shell.errors_as_sentences():
    usual = usual_condition(images)
    shown = group_pictures(images)
(obj, other), (here, there) = grouping.objects, grouping.contexts
if grouping == SCENES:
    intro.markdown(
        "A small vision-language model learns to match pictures of horses and camels with their labels, but most "
        "horses it sees stand on grass and most camels in the desert. Will it look at the animal or at the background, "
        "and does it matter whether a label says “horse” or “horse on the grass”?"
    )
else:
    said = [caption(style, obj, here, grouping) for style in condition_controls.LABELS.values()]
    intro.markdown(
        f"A small vision-language model learns to match pictures with their labels, but most pictures of “{obj}” that "
        f"it sees show “{here}” too, and most of “{other}” show “{there}”. Will it look at the {grouping.object_word} "
        f"or at the background, and does it matter whether a label says “{said[0]}” or “{said[1]}”?"
    )

n, kept = usual.n_per_group, usual.replace(bias=STUDY_BIAS).n_minority
ROLES = (f"majority: always {n} in training", f"minority: {n}, or {kept} at {STUDY_BIAS * 100:.0f} % removed")
MARKS = ("green circles", "blue circles with a ring", "orange triangles", "cyan triangles with a ring")
with st.container(horizontal=True):
    for (group, name), picture, mark in zip(names.items(), shown, MARKS, strict=True):
        with st.container(width=widgets.CARD):
            widgets.picture(picture, width="stretch", alt=name)
            st.markdown(
                f"**{name[0].upper()}{name[1:]}**  \n:small[{ROLES[group in grouping.minority]}]  \n"
                f":small[:gray[on maps: {mark}]]"
            )

st.subheader("The four experiments of the study")
experiments = plans.find("experiments", usual).conditions
if images.folds:
    st.caption(
        f"A small set: each experiment trains {images.folds} models in turn, so that every picture is judged by one "
        "that has not seen it."
    )


widgets.experiments_board(experiments, images, palette)
st.caption(
    "Filled marks are training pictures, hollow ones held out; a ring marks the minority groups; diamonds are "
    "captions. Maps show two of 32 dimensions: the numbers come from all of them."
)
if all(view.done for view in jobs.views(experiments)):
    with shell.errors_as_sentences():
        st.markdown(description.answer([cache.artefact(condition.key) for condition in experiments[2:]], grouping))
st.subheader("What to look at next")
with st.container(horizontal=True):
    one, two, three, four = experiments
    condition_controls.link_to_compare(one, two, "Compare 1 and 2: what labels do", ":material/compare:")
    condition_controls.link_to_compare(one, three, "Compare 1 and 3: what the bias does", ":material/difference:")
    condition_controls.link_to_compare(three, four, "Compare 3 and 4: what labels do under bias", ":material/balance:")
    st.page_link(
        "pages/4_Upload.py",
        label="Upload a picture: where does it land?",
        icon=":material/upload:",
        query_params={"data": images.name},
        width="content",
    )
    st.page_link(
        "pages/6_Lesson.py",
        label="Teach it: predict, run, reveal",
        icon=":material/school:",
        query_params={"data": images.name},
        width="content",
    )
