"""Home: the question, the four experiments of the study, and one button that runs them."""

import streamlit as st

from vlcore.datasets.subset import usual_condition
from vlcore.studies import plans
from vlcore.ui import home, shell

palette = shell.begin("Do descriptive labels help a model that learns from biased pictures?", first=True)
intro = st.container()
images = shell.image_set_choice()
with shell.errors_as_sentences():
    usual = usual_condition(images)
    intro.markdown(home.question(images.grouping))
    home.groups(images, usual)
    experiments = plans.find("experiments", usual).conditions
    st.subheader("The four experiments of the study")
    home.experiments(experiments, images, palette)
    st.subheader("What to look at next")
    home.next_steps(experiments, images.name)
